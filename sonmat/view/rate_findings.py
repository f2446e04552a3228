"""Findings about the learning rate: training that diverged, steps that are too large, steps that are too small."""

from __future__ import annotations

import math

import numpy as np

from sonmat.language import say
from sonmat.view.course import Course
from sonmat.view.finding import POOR, Case, Finding, epochs_text, right_text
from sonmat.view.words import percent

_USUAL = {"sgd": (0.0021, 0.3), "adagrad": (0.0021, 0.3), "adadelta": (0.05, 3.0), "ftrl": (0.0021, 0.3)}
_USUAL_ADAPTIVE = (0.00021, 0.01)  # of Adam and its kin
_UNKNOWN = ("muon", "convmuon")  # no range was measured for these
_PEAK = 3.0  # times the usual rates: a schedule's peak is held for a few steps only
_LEARNT = 0.8  # skill on the training rows, above which no rate is called too low
_JUMPY = 0.12  # noise of the training loss between epochs, as a part of it
_FAR_ABOVE = 3.0  # times the loss of guessing
_GROWN = 4.0  # times Glorot's size
_MOVED = 1.12  # times Glorot's size, below which weights have hardly moved


def divergence(case: Case) -> Finding | None:
    """A loss that stopped being finite, or rose for good."""
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
            "Check that the inputs are scaled, then lower the learning rate or clip gradients (clipnorm=1.0).",
            "입력이 스케일되었는지 확인하고, 학습률을 낮추거나 기울기를 자르세요(clipnorm=1.0).",
        ),
        case.at_rate(_suited(case)) if case.rate else "",
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


def too_fast(case: Case, diverged: bool) -> Finding | None:
    """Steps that are too large: what shows it, and how often the rate does so.

    Args:
        case: The run.
        diverged: Whether that was found.
    """
    low, high = _usual(case)
    above = case.rate is not None and case.rate > (_PEAK if case.scheduled else 1.05) * high
    below = case.rate is not None and case.rate < low
    poor = case.skill is not None and case.skill < POOR
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
            "Lower it and compare; a rate that suits lets the training loss fall from epoch to epoch without jumps.",
            "낮춰서 비교하세요. 알맞은 학습률이면 학습 손실이 튀지 않고 에포크마다 내려갑니다.",
        ),
        case.at_rate(_suited(case)) if case.rate else "",
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
    trained = [layer for layer in case.evidence.layers if layer.trainable]  # what is frozen has its size from elsewhere
    grown = [layer for layer in trained if layer.growth is not None and math.isfinite(layer.growth)]
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


def too_slow(case: Case) -> Finding | None:
    """Steps that are too small for the epochs there were."""
    rate, skill, course = case.rate, case.skill, case.course
    low = rate is not None and rate <= _usual(case)[0]
    growths = [layer.growth for layer in case.evidence.layers if layer.growth is not None and layer.trainable]
    still = bool(growths) and max(growths) < _MOVED
    if not low or skill is None or skill > _LEARNT or len(course) < 2 or not (course.falling > 0.02 or still):
        return None
    return Finding(
        "low_learning_rate",
        "fault",
        say("The learning rate is too low", "학습률이 너무 낮습니다"),
        say(
            f"After {epochs_text(len(course))} the training rows are {right_text(case)}, the loss still falls (twice the epochs: about "
            f"{percent(course.falling)} less), and the weights are at most {max(growths, default=1.0):.2f} times their first size. "
            + _rate_sentence(case),
            f"{len(course)} 에포크 뒤 학습 행의 정확도는 {right_text(case)}이고 손실은 아직 내려가는 중이며(에포크를 두 배로 하면 "
            f"약 {percent(course.falling)} 더), 가중치는 처음 크기의 {max(growths, default=1.0):.2f}배를 넘지 않습니다. "
            + _rate_sentence(case),
        ),
        say(
            f"Raise it to about {_suited(case):.2g}; it is the cheapest way to learn more in the same epochs.",
            f"{_suited(case):.2g} 정도로 높이세요. 같은 에포크에 더 배우는 가장 값싼 방법입니다.",
        ),
        case.at_rate(_suited(case)),
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
    """Between which rates the optimizer mostly works; from 0 to infinity where that is not known."""
    name = (case.evidence.settings.optimizer or "").lower()
    return (0.0, math.inf) if name in _UNKNOWN else _USUAL.get(name, _USUAL_ADAPTIVE)


def _suited(case: Case) -> float:
    """The learning rate in steps of ten that lies where the optimizer mostly works; another tenth where it does so already."""
    rate, (low, high) = case.rate or 0.0, _usual(case)
    if not rate > 0 or not math.isfinite(rate):
        low, high = (low, high) if math.isfinite(high) else _USUAL_ADAPTIVE
        return math.sqrt(low * high)
    if low <= rate <= high:
        return rate / 10
    # above: the largest step that is at most a third of the upper end; below: the smallest that is twice the lower
    steps = math.floor(math.log10(high / 3 / rate)) if rate > high else math.ceil(math.log10(2 * low / rate))
    return rate * 10.0**steps


def _rate_text(case: Case) -> str:
    if not case.rate:
        return ""
    if case.scheduled:
        return say(f" under a schedule with a peak of {case.rate:g}", f" (최고 학습률이 {case.rate:g}인 스케줄)")
    return say(f" at a learning rate of {case.rate:g}", f" (학습률 {case.rate:g})")


def _rate_sentence(case: Case) -> str:
    if not case.rate:
        return ""
    name, (low, high) = case.evidence.settings.optimizer or say("the optimizer", "옵티마이저"), _usual(case)
    told = (
        say(f"The schedule's peak is {case.rate:g}", f"스케줄의 최고 학습률은 {case.rate:g}")
        if case.scheduled
        else say(f"The rate is {case.rate:g}", f"학습률은 {case.rate:g}")
    )
    if not math.isfinite(high):
        return told + say(".", "입니다.")
    return told + say(
        f"; {name} mostly works between {low:.2g} and {high:.2g}.",
        f", {name}에는 보통 {low:.2g}~{high:.2g}이(가) 맞습니다.",
    )
