"""What is said of labels that are known to be wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sonmat.data.known_errors import KnownError
from sonmat.language import say
from sonmat.view.words import fit


def corrected_text(told: Mapping[str, Any]) -> str:
    """A test result by the labels as they are and as corrected, on one line; a second where the first is too good.

    Args:
        told: As `Evaluation.as_dict` says it.

    Returns:
        The text; empty where no label is known to be wrong, or the result is not whole.
    """
    found = told.get("corrected")
    try:
        n, accuracy, ceiling = int(told["n"]), float(told["accuracy"]), float(found["ceiling"])  # type: ignore[index]
        better, wrong, of = float(found["accuracy"]), int(found["wrong"]), int(found["n"])  # type: ignore[index]
        labels, out = int(found["labels"]), int(found["left_out"])  # type: ignore[index]
    except (TypeError, ValueError, LookupError):
        return ""
    missed, mended = round(n * (1 - accuracy)), labels - out
    line = say(
        f"{_percent(accuracy)} ({missed:,} wrong of {n:,}); of the {labels} labels known to be wrong {mended} corrected, "
        f"{out} left out: {_percent(better)} ({wrong:,} wrong of {of:,})",
        f"{_percent(accuracy)} ({n:,}개 중 {missed:,}개 틀림); 틀린 것으로 알려진 레이블 {labels}개 중 {mended}개를 고치고 "
        f"{out}개를 빼면 {_percent(better)} ({of:,}개 중 {wrong:,}개 틀림)",
    )
    if missed >= labels:
        return line
    return f"{line}\n" + say(
        f"More than {_percent(ceiling)} by the labels as they are is not knowledge: {labels} of them are wrong.",
        f"있는 그대로의 레이블로 {_percent(ceiling)}를 넘는 부분은 실력이 아닙니다. 그중 {labels}개가 틀린 레이블입니다.",
    )


def error_text(error: KnownError, classes: Sequence[str]) -> str:
    """One label that is known to be wrong, as a short remark."""
    if error.corrected is None:
        return say("label in doubt", "레이블 불확실")
    name = fit(classes[error.corrected], 12)
    return say(f"label wrong: {name}", f"레이블 오류: {name}")


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"
