"""Findings about how much was learnt: too few epochs, too small a network, a plateau, nothing at all."""

from __future__ import annotations

import math
from collections.abc import Iterator

from sonmat.language import say
from sonmat.view.finding import FEW_STEPS, POOR, Case, Finding, epochs_text, right_text
from sonmat.view.rate_findings import divergence, too_fast, too_slow
from sonmat.view.words import percent

_NOT_LEARNT, _FAIR = 0.1, 0.8  # skill on the training rows
_STILL, _STILL_MUCH = 0.2, 0.35  # of the loss, by doubling the epochs


def learning_findings(case: Case) -> Iterator[Finding]:
    """How fast it learned, and whether it learned enough."""
    diverged = divergence(case)
    if diverged is not None:
        yield diverged
    fast = too_fast(case, diverged is not None)
    if fast is not None:
        yield fast
    if diverged is not None or fast is not None:
        return
    slow = too_slow(case)
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


def _more_epochs(case: Case) -> Finding | None:
    course, skill = case.course, case.skill
    known = len(course)
    if not known or skill is None or case.flawless or (case.turn is not None and case.turn.noises > 2):
        return None
    falling = max(case.falling, _within(case) if known <= 3 else 0.0)
    steps = case.steps
    few = steps is not None and steps < FEW_STEPS
    # where the rate ran out, that the loss hardly falls at the last says nothing
    brief = (known <= 3 and falling > 0.03) or (few and (falling > 0.005 or case.wound_down))
    begun = brief and skill < POOR
    each = (f" of {steps // known} steps", f"(각 {steps // known} 스텝)") if steps else ("", "")
    if not begun and (case.wound_down or falling < _STILL):
        return None
    bad = begun or (falling >= _STILL_MUCH and skill < _FAIR)
    return Finding(
        "few_epochs",
        "fault" if bad else "hint",
        say("It had too few steps to learn", "배우기에는 스텝이 너무 적었습니다")
        if case.wound_down
        else say("It was still learning when it ended", "아직 배우는 중에 끝났습니다"),
        say(
            f"After {epochs_text(known)}{each[0]} the training rows are {right_text(case)}, and ",
            f"{known} 에포크{each[1]} 뒤 학습 행의 정확도는 {right_text(case)}이고 ",
        )
        + _fall_text(case, falling),
        say(
            "Train for more epochs; going on keeps what it has learnt.",
            "에포크를 늘리세요. 이어서 하면 배운 것이 남습니다.",
        )
        if case.goes_on
        else say(
            "Train anew for more epochs: this training was planned for its length.",
            "에포크를 늘려 새로 학습하세요. 이 학습은 에포크 수에 맞추어 계획되었습니다.",
        ),
        case.longer(max(2 * known, 10)),
    )


def _fall_text(case: Case, falling: float) -> str:
    part, last, right = case.evidence.train, case.course.loss[-1:], case.course.accuracy[-1:]
    if case.wound_down:
        return say(
            "the learning rate's schedule had come to its end by then.",
            "그때 학습률 스케줄도 끝났습니다.",
        )
    still = say("the loss still falls", "손실이 아직 내려갑니다")
    if falling > case.falling and case.smoothed:
        return say(
            f"they were {percent(float(right[0]))} right on average over the last epoch.",
            f"마지막 에포크의 평균은 {percent(float(right[0]))}였습니다.",
        )
    if falling > case.falling and part is not None and part.loss is not None and len(last):
        return still + say(
            f": {last[0]:.3g} on average over the last epoch, {part.loss:.3g} at its end.",
            f": 마지막 에포크의 평균은 {last[0]:.3g}, 끝날 때는 {part.loss:.3g}입니다.",
        )
    return still + say(
        f": twice the epochs would lower it by about {percent(falling)}.",
        f": 에포크를 두 배로 하면 약 {percent(falling)} 더 내려갑니다.",
    )


def _within(case: Case) -> float:
    """How much lower the training loss is after the last epoch than on average in it.

    Of smoothed labels the share that is wrong instead: the loss at the end is measured without smoothing.
    """
    part, last, right = case.evidence.train, case.course.loss[-1:], case.course.accuracy[-1:]
    if part is None:
        return 0.0
    now, then = part.loss, last
    if case.smoothed:
        now, then = (1 - part.accuracy if part.accuracy is not None else None), 1 - right
    if now is None or not len(then) or not math.isfinite(then[0]) or then[0] <= 0:
        return 0.0
    return max(0.0, 1 - now / float(then[0]))


def _slope(case: Case) -> tuple[str, str]:
    """What twice the epochs would bring, in both languages; nothing where a schedule that has ended hides it."""
    if case.wound_down:
        return "", ""
    return (
        f" Twice the epochs would lower the loss by only about {percent(case.falling)}.",
        f" 에포크를 두 배로 해도 손실은 약 {percent(case.falling)}만 내려갑니다.",
    )


def _too_little(case: Case) -> Finding | None:
    skill, narrowest = case.skill, case.evidence.settings.narrowest
    if skill is None or not len(case.course):
        return None
    classes = len(case.train.counts) if case.train is not None else len(case.evidence.classes)
    small = narrowest is not None and narrowest < max(2, 0.5 * classes)
    if _NOT_LEARNT <= skill < (_FAIR if small else POOR):
        return _small(case, skill, narrowest or 0, classes) if small else _underfitting(case)
    return _nothing(case) if skill < _NOT_LEARNT else None


def _small(case: Case, skill: float, narrowest: int, classes: int) -> Finding:
    return Finding(
        "small_network",
        "fault" if skill < POOR else "hint",
        say("The network is too small", "신경망이 너무 작습니다"),
        say(
            f"Training rows: {right_text(case)}. The narrowest hidden layer has {narrowest} units for {classes} classes."
            + _slope(case)[0],
            f"학습 행의 정확도: {right_text(case)}. 가장 좁은 은닉층의 유닛은 {narrowest}개, 클래스는 {classes}개입니다."
            + _slope(case)[1],
        ),
        say("Give the hidden layers more units.", "은닉층의 유닛을 늘리세요."),
        case.larger(),
    )


def _underfitting(case: Case) -> Finding:
    return Finding(
        "underfitting",
        "fault",
        say("It does not even learn its training rows", "학습 행조차 배우지 못합니다"),
        say(
            f"Training rows, measured again with the final weights: {right_text(case)}." + _slope(case)[0],
            f"마지막 가중치로 다시 잰 학습 행의 정확도: {right_text(case)}." + _slope(case)[1],
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
            f"Training rows: {right_text(case)}, which is what guessing reaches.",
            f"학습 행의 정확도가 {right_text(case)}로, 찍는 것과 다르지 않습니다.",
        ),
        say(
            "Do inputs and labels belong together, row by row? Then try other learning rates, ten times higher and lower.",
            "입력과 레이블이 행마다 맞는지 확인하세요. 그다음 학습률을 10배 높이거나 낮춰 보세요.",
        ),
        case.slower(10.0),
    )


def _plateau(case: Case) -> Finding | None:
    course = case.course
    if case.wound_down or case.smoothed or case.flawless:  # losses that end flat by themselves, or need not go on
        return None
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
