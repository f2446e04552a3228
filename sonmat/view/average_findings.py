"""Findings about averages that a network is used with: moving statistics, and averaged weights."""

from __future__ import annotations

import math
from collections.abc import Iterator

from sonmat.language import say
from sonmat.view.finding import Case, Finding
from sonmat.view.words import percent

_WORSE = 0.1  # of accuracy, that the weights as they are used are below those that were trained
_HELD = 0.05  # the share of their first values that moving statistics may still hold
_LITTLE = 0.01  # the share that is aimed at
_MOST_STEPS = 20_000


def lagging(case: Case) -> Iterator[Finding]:
    """Averages that have seen too few steps: the training went well, and what is left of it does not."""
    part, course, steps, settings = case.train, case.course, case.steps, case.evidence.settings
    if part is None or part.accuracy is None or not len(course) or steps is None:
        return
    while_training = float(course.accuracy[-1])
    if not while_training - part.accuracy >= _WORSE:
        return
    held = first_share(steps, settings.momentum, settings.decay)
    if held < _HELD:
        return
    epochs, enough = len(course), _enough(settings.momentum, settings.decay)
    longer = max(epochs + 1, math.ceil(epochs * enough / steps))
    kinds = _kinds(case)
    yield Finding(
        "lagging_averages",
        "fault",
        say("The averages have seen too few steps", "평균을 내기에는 스텝이 너무 적었습니다"),
        say(
            f"While training, {percent(while_training)} of the rows were right in the last epoch; with the weights as they are saved, "
            f"{percent(part.accuracy)} of the same rows. {steps:,} steps were too few for {kinds[0]}: {percent(held)} of what is used is "
            "still from before the first step.",
            f"마지막 에포크를 학습하는 동안의 정확도는 {percent(while_training)}, 저장된 가중치로 같은 행을 재면 "
            f"{percent(part.accuracy)}입니다. {steps:,} 스텝은 {kinds[1]}에 너무 적어서, 아직 {percent(held)}가 첫 스텝 이전의 값입니다.",
        ),
        say(
            f"The network learns; what is used of it lags behind. Train for {longer} epochs (some {enough:,} steps), or take a smaller "
            f"{kinds[2]}, or smaller batches.",
            f"신경망은 배우고 있고, 쓰이는 값이 뒤처졌을 뿐입니다. {longer} 에포크(약 {enough:,} 스텝)를 학습하거나, {kinds[2]} 또는 "
            "배치 크기를 줄이세요.",
        ),
        case.longer(longer),
    )


def first_share(steps: int, momentum: float | None, decay: float | None) -> float:
    """The share of the first values that is left in what a network is used with.

    Args:
        steps: Of training.
        momentum: Of batch normalization's moving statistics; None without them.
        decay: Of an exponential average over the weights and those statistics, which in step t (from 0) keeps no more than
            (1 + t) / (10 + t); None without one.
    """
    own, shown = 1.0, 1.0
    for step in range(min(steps, _MOST_STEPS)):
        own *= momentum or 0.0
        kept = 0.0 if decay is None else min(decay, (1 + step) / (10 + step))
        shown = kept * shown + (1 - kept) * own
    return shown


def _enough(momentum: float | None, decay: float | None) -> int:
    """Steps, in tens, after which little is left of the first values."""
    return next(
        (steps for steps in range(10, _MOST_STEPS, 10) if first_share(steps, momentum, decay) <= _LITTLE), _MOST_STEPS
    )


def _kinds(case: Case) -> tuple[str, str, str]:
    """Which averages there are, in English and in Korean, and the setting of each."""
    settings = case.evidence.settings
    english, korean, names = [], [], []
    if settings.momentum is not None:
        english.append(f"batch normalization's moving statistics (momentum {settings.momentum:g})")
        korean.append(f"배치 정규화의 이동 통계(momentum {settings.momentum:g})")
        names.append("momentum")
    if settings.decay is not None:
        english.append(f"the average of the weights (EMA, decay {settings.decay:g})")
        korean.append(f"가중치 평균(EMA, decay {settings.decay:g})")
        names.append("decay")
    return " and ".join(english), ", ".join(korean), say(" or ", "이나 ").join(names)
