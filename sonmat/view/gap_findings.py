"""Findings about the gap between rows that were trained on and rows that were not."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from sonmat.engine.evidence import Part
from sonmat.language import say
from sonmat.view.course import Turn
from sonmat.view.finding import Case, Finding, epochs_text, skill, surely
from sonmat.view.words import percent

_Z = 1.959963984540054  # 95 %
_GAP, _SMALL_GAP = 0.06, 0.025  # of accuracy, the low end of the interval
_RISE, _SURE = 1.15, 0.05  # validation loss at the end over its best, and the p-value that makes that sure
_NOISES = 3.0
_NOTHING = 1e-3  # of loss: a row's probability changes by a thousandth part
_LOST = 0.02  # of accuracy
_MANY = 10.0  # parameters a training row


def gap_findings(case: Case) -> Iterator[Finding]:
    """Overfitting, the best epoch, and labels that no network can predict."""
    random = _no_signal(case)
    over = _overfitting(case) if random is None else None
    for found in (random, over, _earlier(case), _too_large(case, over)):
        if found is not None:
            yield found


def accuracy_gap(train: Part, validation: Part) -> tuple[float, float, float]:
    """Training accuracy minus validation accuracy under the same weights, with its 95 % interval.

    Newcombe's hybrid score interval of a difference of shares (Statistics in Medicine 17, 1998), method 10.
    """
    a, b = train.accuracy or 0.0, validation.accuracy or 0.0
    (low_a, high_a), (low_b, high_b) = _wilson(a, train.n), _wilson(b, validation.n)
    low = a - b - math.hypot(a - low_a, high_b - b)
    high = a - b + math.hypot(high_a - a, b - low_b)
    return a - b, low, high


def loss_gap(train: Part, validation: Part) -> tuple[float, float, float] | None:
    """Validation loss minus training loss under the same weights, with its 95 % interval."""
    if train.loss is None or validation.loss is None or train.loss_error is None or validation.loss_error is None:
        return None
    gap, half = validation.loss - train.loss, _Z * math.hypot(train.loss_error, validation.loss_error)
    return gap, gap - half, gap + half


def _wilson(right: float, n: int) -> tuple[float, float]:
    z = _Z * _Z
    middle = (right + z / (2 * n)) / (1 + z / n)
    half = _Z / (1 + z / n) * math.sqrt(right * (1 - right) / n + z / (4 * n * n))
    return middle - half, middle + half


def _no_signal(case: Case) -> Finding | None:
    train, held = case.train, case.validation
    if train is None or held is None or held.n < 100 or skill(held) > 0.08 or skill(train) < 0.1:
        return None
    if accuracy_gap(train, held)[1] <= 0.03:
        return None
    return Finding(
        "no_signal",
        "fault",
        say("Inputs and labels have nothing to do with each other", "입력과 레이블이 서로 상관이 없습니다"),
        say(
            f"Training rows {percent(train.accuracy or 0)}, validation rows {percent(held.accuracy or 0)}, where guessing reaches "
            f"{percent(held.commonest or 0)}: it learns by heart what it cannot understand.",
            f"학습 행 {percent(train.accuracy or 0)}, 검증 행 {percent(held.accuracy or 0)}이고 찍어도 {percent(held.commonest or 0)}"
            "입니다. 이해하지 못하는 것을 외우고 있습니다.",
        ),
        say(
            "Have inputs and labels been shuffled apart, or read from different files? Look at rows with their labels.",
            "입력과 레이블이 따로 섞였거나 다른 파일에서 온 것은 아닌지, 행과 레이블을 나란히 확인하세요.",
        ),
        case.on_data(),
    )


def _overfitting(case: Case) -> Finding | None:
    turn = _real(case)
    turned = turn is not None and turn.last >= _RISE * max(turn.low, 1e-9)
    train, held = case.train, case.validation
    if train is not None and held is not None:
        gap, low, high = accuracy_gap(train, held)
        severity = "fault" if low >= _GAP or (turned and low > 0) else "hint" if low >= _SMALL_GAP else ""
        numbers = say(
            f"With the same weights, training rows are {percent(train.accuracy or 0)} right and validation rows "
            f"{percent(held.accuracy or 0)}: {100 * gap:.1f} points apart (95 %: {100 * low:.1f} to {100 * high:.1f}).",
            f"같은 가중치로 학습 행 {percent(train.accuracy or 0)}, 검증 행 {percent(held.accuracy or 0)}: 차이 {100 * gap:.1f}%p "
            f"(95 %: {100 * low:.1f}~{100 * high:.1f}).",
        )
    else:
        severity, numbers = ("fault" if turned else ""), _loss_numbers(case)
    if not severity:
        return None
    return Finding(
        "overfitting",
        severity,
        say("It overfits", "과적합입니다") if severity == "fault" else say("It overfits a little", "조금 과적합입니다"),
        " ".join(part for part in (numbers, _turn_text(case, turn) if turned and turn is not None else "") if part),
        _against(case, turn if turned else None),
        (_stop_at(case, turn) if turned and turn is not None else "")
        or _more_dropout(case)
        or case.smaller()
        or case.with_setting("epochs", max(1, len(case.course) // 2)),
    )


def _loss_numbers(case: Case) -> str:
    train, held = case.evidence.train, case.evidence.validation
    gap = loss_gap(train, held) if train is not None and held is not None else None
    if gap is None or train is None or held is None:
        return ""
    return say(
        f"With the same weights, the loss of training rows is {train.loss:.4g}, of validation rows {held.loss:.4g} "
        f"(95 % of the gap: {gap[1]:.3g} to {gap[2]:.3g}).",
        f"같은 가중치로 학습 행의 손실 {train.loss:.4g}, 검증 행의 손실 {held.loss:.4g} (차이의 95 %: {gap[1]:.3g}~{gap[2]:.3g}).",
    )


def _real(case: Case) -> Turn | None:
    """Where validation loss turned, where chance does not explain that it rose, and it rose by something.

    It rose steadily, or after too few epochs to tell by more than other validation rows would change it. None where every
    validation row is right: losses of a millionth may rise as they like.
    """
    turn = case.turn
    if turn is None or turn.noises < _NOISES or turn.last - turn.low < _NOTHING or _perfect(case):
        return None
    half = _half(case)
    larger = turn.noises >= 3 * _NOISES and half is not None and turn.last - turn.low > half
    return turn if turn.p_value < _SURE or larger else None


def _perfect(case: Case) -> bool:
    known = [*case.course.val_accuracy[-1:], *([case.validation.accuracy] if case.validation is not None else [])]
    return any(accuracy == 1 for accuracy in known)


def _half(case: Case) -> float | None:
    """Half the 95 % interval of the difference between two mean losses of that many validation rows."""
    part = case.evidence.validation
    if part is None or part.loss_error is None or not part.of:
        return None
    return _Z * math.sqrt(2 * part.n / part.of) * part.loss_error


def _turn_text(case: Case, turn: Turn) -> str:
    sure = surely(turn.p_value)
    if turn.p_value >= _SURE:
        sure = say(f"other rows: ± {_half(case) or 0:.2g}", f"다른 행이라면 ±{_half(case) or 0:.2g}")
    return say(
        f"Validation loss turned after epoch {turn.best}: {turn.low:.4g} then, {turn.last:.4g} in the end, "
        f"{_times(turn)} times the noise between epochs ({sure}).",
        f"검증 손실이 에포크 {turn.best} 뒤에 돌아섰습니다: 그때 {turn.low:.4g}, 끝에 {turn.last:.4g}, 에포크 사이 잡음의 "
        f"{_times(turn)}배 ({sure}).",
    )


def _times(turn: Turn) -> str:
    return f"{turn.noises:.0f}" if turn.noises < 100 else ">100"


def _against(case: Case, turn: Turn | None) -> str:
    stop = say(f"Stop at epoch {turn.best}, ", f"에포크 {turn.best}에서 멈추거나, ") if turn is not None else ""
    text = say(
        "add dropout, give it more rows, or make the network smaller.",
        "드롭아웃을 더하거나, 행을 늘리거나, 신경망을 줄이세요.",
    )
    return stop + (text if stop else text[0].upper() + text[1:])


def _stop_at(case: Case, turn: Turn) -> str:
    return case.with_setting("epochs", turn.best)


def _more_dropout(case: Case) -> str:
    if case.recipe is None or "dropout" not in case.recipe.model.settings:
        return ""
    return case.with_setting("dropout", min(0.5, round(case.evidence.settings.dropout + 0.2, 2)))


def _earlier(case: Case) -> Finding | None:
    if case.smoothed:
        return _fell(case)
    turn = _real(case)
    if turn is None:
        return None
    worse = turn.last / max(turn.low, 1e-9) - 1
    if worse < 0.03:
        return None
    then, last = _accuracies(case, turn.best)
    kept = last >= then
    return Finding(
        "best_epoch_earlier",
        "fault" if worse >= 0.3 and not kept else "hint",
        say("The best epoch was not the last", "가장 좋은 에포크는 마지막이 아니었습니다"),
        _turn_text(case, turn)
        + (
            say(
                f" Accuracy did not fall: {percent(then)} then, {percent(last)} in the end.",
                f" 정확도는 떨어지지 않았습니다: 그때 {percent(then)}, 끝에 {percent(last)}.",
            )
            if kept
            else ""
        ),
        say(
            f"The weights of epoch {turn.best} had a validation loss {percent(worse / (1 + worse))} lower. Train for "
            f"{epochs_text(turn.best)}, or keep the best with keras.callbacks.ModelCheckpoint(…, save_best_only=True).",
            f"에포크 {turn.best}의 가중치는 검증 손실이 {percent(worse / (1 + worse))} 낮았습니다. {turn.best} 에포크만 학습하거나 "
            "keras.callbacks.ModelCheckpoint(…, save_best_only=True)로 가장 좋은 것을 남기세요.",
        ),
        case.with_setting("epochs", turn.best),
    )


def _fell(case: Case) -> Finding | None:
    """The same by accuracy, where training smooths labels: validation loss has none and may rise with every gain."""
    course, part = case.course, case.validation
    if part is None or not np.isfinite(course.val_accuracy).any():
        return None
    best = int(np.nanargmax(course.val_accuracy)) + 1
    then, last = _accuracies(case, best)
    error = math.sqrt((then * (1 - then) + last * (1 - last)) / part.of)
    low = then - last - _Z * error
    if not low > 0:
        return None
    return Finding(
        "best_epoch_earlier",
        "fault" if low >= _LOST else "hint",
        say("The best epoch was not the last", "가장 좋은 에포크는 마지막이 아니었습니다"),
        say(
            f"Validation accuracy was {percent(then)} after epoch {best} and {percent(last)} in the end (95 % of what was lost: at least "
            f"{100 * low:.1f} points). It is judged by accuracy since training smooths labels and validation does not.",
            f"검증 정확도가 에포크 {best} 뒤 {percent(then)}, 끝에 {percent(last)}입니다(95 %로 적어도 {100 * low:.1f}%p 하락). 레이블을 "
            "학습에서만 스무딩하므로 손실 대신 정확도로 판단합니다.",
        ),
        say(
            f"Train for {epochs_text(best)}, or keep the best with "
            'keras.callbacks.ModelCheckpoint(…, monitor="val_accuracy", save_best_only=True).',
            f"{best} 에포크만 학습하거나 "
            'keras.callbacks.ModelCheckpoint(…, monitor="val_accuracy", save_best_only=True)로 가장 좋은 것을 남기세요.',
        ),
        case.with_setting("epochs", best),
    )


def _accuracies(case: Case, best: int) -> tuple[float, float]:
    """Validation accuracy at an epoch, and its mean over the last ones after it, three at most; NaN where not known."""
    known = np.clip(case.course.val_accuracy, 0, 1)  # a journal may hold any number
    after = known[best:][-3:]
    return float(known[best - 1]), float(after.mean()) if len(after) else float(known[best - 1])


def _too_large(case: Case, over: Finding | None) -> Finding | None:
    parameters, train = case.evidence.settings.parameters, case.evidence.train
    if over is None or over.severity != "fault" or parameters is None or train is None:
        return None
    if parameters < _MANY * train.of:
        return None
    return Finding(
        "large_network",
        "hint",
        say("The network is large for so few rows", "행 수에 비해 신경망이 큽니다"),
        say(
            f"{parameters:,} parameters, {train.of:,} training rows: {parameters / train.of:.0f} parameters a row.",
            f"파라미터 {parameters:,}개, 학습 행 {train.of:,}개: 행마다 파라미터 {parameters / train.of:.0f}개.",
        ),
        say("Fewer units, or more rows.", "유닛을 줄이거나 행을 늘리세요."),
        case.smaller(),
    )
