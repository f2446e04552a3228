"""Findings about the rate and the size of the learning: divergence, too fast, too slow, too few epochs, too small."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from sonmat.language import say
from sonmat.view.course import Course
from sonmat.view.finding import Case, Finding
from sonmat.view.words import percent

_USUAL = {"sgd": (0.0021, 0.3), "adagrad": (0.0021, 0.3), "adadelta": (0.05, 3.0), "ftrl": (0.0021, 0.3)}
_USUAL_ADAPTIVE = (0.00021, 0.01)  # of Adam and its kin
_NOT_LEARNT, _POOR, _FAIR = 0.1, 0.66, 0.8  # skill on the training rows
_JUMPY = 0.12  # noise of the training loss between epochs, as a part of it
_FAR_ABOVE = 3.0  # times the loss of guessing
_GROWN = 4.0  # times Glorot's size
_STILL, _STILL_MUCH = 0.2, 0.35  # of the loss, by doubling the epochs


def learning_findings(case: Case) -> Iterator[Finding]:
    """How fast it learned, and whether it learned enough."""
    diverged = _divergence(case)
    if diverged is not None:
        yield diverged
    fast = _too_fast(case, diverged is not None)
    if fast is not None:
        yield fast
    if diverged is not None or fast is not None:
        return
    slow = _too_slow(case)
    if slow is not None:
        yield slow
        return
    more = _more_epochs(case)
    if more is not None:
        yield more
    if more is None or more.severity != "fault":
        found = _too_little(case) or _plateau(case)
        if found is not None:
            yield found


def _divergence(case: Case) -> Finding | None:
    course, failure = case.course, case.evidence.failure
    where = failure.epoch + 1 if failure is not None else course.broken
    rate = _rate_text(case)
    if where is not None or not case.evidence.finite:
        evidence = say(
            f"The loss stopped being a finite number in epoch {where}{rate}."
            if where is not None
            else f"The weights hold infinite values or NaN{rate}.",
            f"{where}번째 에포크에서 손실이 유한한 수가 아니게 되었습니다{rate}."
            if where is not None
            else f"가중치에 무한대나 NaN이 있습니다{rate}.",
        )
    else:
        evidence = _rose(case, rate)
        if not evidence:
            return None
    return Finding(
        "divergence",
        "fault",
        say("Training diverged", "학습이 발산했습니다"),
        evidence,
        say(
            "Check that the inputs are scaled, then lower the learning rate tenfold or clip gradients (clipnorm=1.0).",
            "입력이 스케일되었는지 확인하고, 학습률을 10분의 1로 낮추거나 기울기를 자르세요(clipnorm=1.0).",
        ),
        case.slower(0.1),
    )


def _rose(case: Case, rate: str) -> str:
    """Training loss that went up for good, or is far above what guessing gives."""
    losses, guess = case.course.loss[np.isfinite(case.course.loss)], _guess(case)
    if len(losses) >= 3 and losses[-1] >= 2 * losses.min() and losses[-1] >= 1.2 * losses[0]:
        return say(
            f"Training loss rose from {losses.min():.3g} (epoch {int(losses.argmin()) + 1}) to {losses[-1]:.3g}{rate}.",
            f"학습 손실이 {losses.min():.3g}(에포크 {int(losses.argmin()) + 1})에서 {losses[-1]:.3g}까지 올랐습니다{rate}.",
        )
    if len(losses) and guess is not None and losses[-1] >= _FAR_ABOVE * guess:
        return say(
            f"The training loss ended at {losses[-1]:.3g}{rate}; guessing gives {guess:.3g}.",
            f"학습 손실이 {losses[-1]:.3g}(으)로 끝났습니다{rate}. 찍어도 {guess:.3g}입니다.",
        )
    return ""


def _too_fast(case: Case, diverged: bool) -> Finding | None:
    low, high = _usual(case)
    above, below = case.rate is not None and case.rate > 1.05 * high, case.rate is not None and case.rate < low
    poor = case.skill is not None and case.skill < _POOR
    every = [_began_high(case), _jumped(case.course), _fell_back(case)]
    every += [_grew(case)] if poor else []  # weights may well grow where that serves
    signs = [sign for sign in [*every, _died(case) if above else ""] if sign]
    if diverged:
        signs = [say("Training diverged.", "학습이 발산했습니다."), *signs] if above else []
    elif not (signs if above else len(signs) > 1 and poor) or below:
        return None
    if not signs:
        return None
    return Finding(
        "high_learning_rate",
        "fault",
        say("The learning rate is too high", "학습률이 너무 높습니다"),
        " ".join(signs) + (" " + _rate_sentence(case) if case.rate else ""),
        say(
            "Lower it tenfold and compare; a rate that suits lets the training loss fall from epoch to epoch without jumps.",
            "10분의 1로 낮춰 비교하세요. 알맞은 학습률이면 학습 손실이 튀지 않고 에포크마다 내려갑니다.",
        ),
        case.slower(0.1),
    )


def _died(case: Case) -> str:
    dead = [layer for layer in case.evidence.layers if layer.dead and layer.dead >= 0.5 * max(1, layer.units)]
    if not dead:
        return ""
    return say(
        f"{dead[0].dead} of {dead[0].units} units of {dead[0].name} died.",
        f"{dead[0].name} 층의 유닛 {dead[0].units}개 중 {dead[0].dead}개가 죽었습니다.",
    )


def _began_high(case: Case) -> str:
    first, guess = case.course.loss[:1], _guess(case)
    if not len(first) or guess is None or not first[0] > 1.3 * guess:
        return ""
    return say(
        f"The first epoch's mean loss was {first[0]:.3g}; guessing gives {guess:.3g}.",
        f"첫 에포크의 평균 손실이 {first[0]:.3g}인데, 찍어도 {guess:.3g}입니다.",
    )


def _jumped(course: Course) -> str:
    if len(course) < 5 or course.jumps < _JUMPY:
        return ""
    return say(
        f"From epoch to epoch the training loss jumps by {percent(course.jumps)} of its size.",
        f"학습 손실이 에포크마다 제 크기의 {percent(course.jumps)}씩 튑니다.",
    )


def _grew(case: Case) -> str:
    grown = [layer for layer in case.evidence.layers if layer.growth is not None and math.isfinite(layer.growth)]
    most = max(grown, key=lambda layer: layer.growth or 0, default=None)
    if most is None or (most.growth or 0) < _GROWN:
        return ""
    return say(
        f"The weights of {most.name} are {most.growth:.1f} times as large as they usually begin.",
        f"{most.name} 층의 가중치가 보통 시작 크기의 {most.growth:.1f}배입니다.",
    )


def _fell_back(case: Case) -> str:
    """Loss at the level of guessing, though it had been better."""
    losses, guess = case.course.loss[np.isfinite(case.course.loss)], _guess(case)
    if not len(losses) or guess is None or losses[-1] < 0.9 * guess:
        return ""
    if losses.min() >= 0.8 * losses[-1]:
        return ""
    return say(
        f"The training loss had been {losses.min():.3g} and ended at {losses[-1]:.3g}, where guessing is.",
        f"학습 손실이 {losses.min():.3g}까지 내려갔다가 찍는 수준인 {losses[-1]:.3g}(으)로 끝났습니다.",
    )


def _too_slow(case: Case) -> Finding | None:
    rate, skill, course = case.rate, case.skill, case.course
    low = rate is not None and rate <= _usual(case)[0]
    growths = [layer.growth for layer in case.evidence.layers if layer.growth is not None and layer.trainable]
    still = bool(growths) and max(growths) < 1.12
    if not low or skill is None or skill > _FAIR or len(course) < 2 or not (course.falling > 0.02 or still):
        return None
    return Finding(
        "low_learning_rate",
        "fault",
        say("The learning rate is too low", "학습률이 너무 낮습니다"),
        say(
            f"After {len(course)} epochs the training rows are {_skill_text(case)}, the loss still falls (twice the epochs: about "
            f"{percent(course.falling)} less), and the weights are at most {max(growths, default=1.0):.2f} times their first size. "
            + _rate_sentence(case),
            f"{len(course)} 에포크 뒤 학습 행의 정확도는 {_skill_text(case)}이고 손실은 아직 내려가는 중이며(에포크를 두 배로 하면 "
            f"약 {percent(course.falling)} 더), 가중치는 처음 크기의 {max(growths, default=1.0):.2f}배를 넘지 않습니다. "
            + _rate_sentence(case),
        ),
        say(
            "Raise it tenfold; it is the cheapest way to learn more in the same epochs.",
            "10배로 높이세요. 같은 에포크에 더 배우는 가장 값싼 방법입니다.",
        ),
        case.slower(10.0),
    )


def _more_epochs(case: Case) -> Finding | None:
    course, skill = case.course, case.skill
    known = len(course)
    if not known or skill is None or (course.turn is not None and course.turn.noises > 2):
        return None
    falling = max(course.falling, _within(case) if known <= 3 else 0.0)
    begun = known <= 3 and skill < _POOR and falling > 0.03
    if falling < _STILL and not begun:
        return None
    bad = begun or (falling >= _STILL_MUCH and skill < _FAIR)
    return Finding(
        "few_epochs",
        "fault" if bad else "hint",
        say("It was still learning when it ended", "아직 배우는 중에 끝났습니다"),
        say(
            f"After {known} epochs the training rows are {_skill_text(case)}, and the loss still falls: twice the epochs would "
            f"lower it by about {percent(falling)}.",
            f"{known} 에포크 뒤 학습 행의 정확도는 {_skill_text(case)}이고 손실이 아직 내려갑니다: 에포크를 두 배로 하면 약 "
            f"{percent(falling)} 더 내려갑니다.",
        ),
        say(
            "Train for more epochs; going on keeps what it has learnt.",
            "에포크를 늘리세요. 이어서 하면 배운 것이 남습니다.",
        ),
        case.longer(2 * known),
    )


def _within(case: Case) -> float:
    """How much lower the training loss is after the last epoch than on average in it."""
    part, last = case.evidence.train, case.course.loss[-1:]
    if part is None or part.loss is None or not len(last) or not math.isfinite(last[0]) or last[0] <= 0:
        return 0.0
    return max(0.0, 1 - part.loss / float(last[0]))


def _too_little(case: Case) -> Finding | None:
    skill, settings = case.skill, case.evidence.settings
    if skill is None or skill >= _POOR or not len(case.course):
        return None
    if skill < _NOT_LEARNT:
        return _nothing(case)
    classes = len(case.train.counts) if case.train is not None else len(case.evidence.classes)
    small = settings.narrowest is not None and settings.narrowest < max(2, 0.5 * classes)
    if small:
        return Finding(
            "small_network",
            "fault",
            say("The network is too small", "신경망이 너무 작습니다"),
            say(
                f"Training rows: {_skill_text(case)}, and the loss hardly falls any more. Its narrowest hidden layer has "
                f"{settings.narrowest} units for {classes} classes.",
                f"학습 행의 정확도가 {_skill_text(case)}에서 손실이 거의 내려가지 않습니다. 가장 좁은 은닉층의 유닛은 "
                f"{settings.narrowest}개, 클래스는 {classes}개입니다.",
            ),
            say("Give the hidden layers more units.", "은닉층의 유닛을 늘리세요."),
            case.larger(),
        )
    return Finding(
        "underfitting",
        "fault",
        say("It does not even learn its training rows", "학습 행조차 배우지 못합니다"),
        say(
            f"Training rows, measured again with the final weights: {_skill_text(case)}. Twice the epochs would lower the loss by "
            f"only about {percent(case.course.falling)}.",
            f"마지막 가중치로 다시 잰 학습 행의 정확도: {_skill_text(case)}. 에포크를 두 배로 해도 손실은 약 "
            f"{percent(case.course.falling)}만 내려갑니다.",
        ),
        say(
            "A larger network, or a higher learning rate; if neither helps, look at the labels.",
            "신경망을 키우거나 학습률을 높이세요. 둘 다 소용없으면 레이블을 확인하세요.",
        ),
        case.larger() or case.slower(3.0),
    )


def _nothing(case: Case) -> Finding:
    return Finding(
        "not_learning",
        "fault",
        say("It has not learnt anything", "아무것도 배우지 못했습니다"),
        say(
            f"Training rows: {_skill_text(case)}, which is what guessing reaches.",
            f"학습 행의 정확도가 {_skill_text(case)}로, 찍는 것과 다르지 않습니다.",
        ),
        say(
            "Do inputs and labels belong together, row by row? Then try other learning rates, ten times higher and lower.",
            "입력과 레이블이 행마다 맞는지 확인하세요. 그다음 학습률을 10배 높이거나 낮춰 보세요.",
        ),
        case.slower(10.0),
    )


def _plateau(case: Case) -> Finding | None:
    course = case.course
    if len(course) < 6 or course.falling > 0.04 or (course.turn is not None and course.turn.noises > 2):
        return None
    return Finding(
        "plateau",
        "hint",
        say("The loss has reached a plateau", "손실이 더 내려가지 않습니다"),
        say(
            f"Twice the {len(course)} epochs would lower the loss by about {percent(course.falling)}.",
            f"{len(course)} 에포크를 두 배로 해도 손실은 약 {percent(course.falling)}만 내려갑니다.",
        ),
        say(
            "More epochs are wasted now; a lower learning rate or another network may go on from here.",
            "에포크를 늘려도 소용없습니다. 학습률을 낮추거나 다른 신경망을 쓰면 더 나아갈 수 있습니다.",
        ),
        case.slower(0.3),
    )


def _guess(case: Case) -> float | None:
    """The cross entropy of guessing by how often classes are; None where the loss is another."""
    part = case.train
    counts = part.counts if part is not None else case.evidence.counts
    total = sum(counts)
    if not total or len(counts) < 2:
        return None
    return -sum(count / total * math.log(count / total) for count in counts if count)


def _usual(case: Case) -> tuple[float, float]:
    """Between which rates the optimizer mostly works."""
    return _USUAL.get((case.evidence.settings.optimizer or "").lower(), _USUAL_ADAPTIVE)


def _rate_text(case: Case) -> str:
    if not case.rate:
        return ""
    return say(f" at a learning rate of {case.rate:g}", f" (학습률 {case.rate:g})")


def _rate_sentence(case: Case) -> str:
    if not case.rate:
        return ""
    name, (low, high) = case.evidence.settings.optimizer or say("the optimizer", "옵티마이저"), _usual(case)
    return say(
        f"The rate is {case.rate:g}; {name} mostly works between {low:.2g} and {high:.2g}.",
        f"학습률은 {case.rate:g}, {name}에는 보통 {low:.2g}~{high:.2g}이(가) 맞습니다.",
    )


def _skill_text(case: Case) -> str:
    part = case.train
    known = part.accuracy if part is not None else float(case.course.accuracy[-1])
    return say(f"{percent(known or 0)} right", f"{percent(known or 0)}")
