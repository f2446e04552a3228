"""Findings about rows that are there twice: in two parts of the data, or with two labels."""

from __future__ import annotations

from dataclasses import dataclass

from sonmat.data.guards import Leak
from sonmat.language import say
from sonmat.view.finding import Case, Finding
from sonmat.view.words import percent

_LEAK = 0.01  # of the validation rows; published sets have a few copies in 10,000


def leaking(case: Case) -> Finding | None:
    """Validation rows that training sees."""
    return _copies(case, case.evidence.leak, _VALIDATION)


def leaking_test(case: Case) -> Finding | None:
    """Test rows that training or validation sees."""
    return _copies(case, case.evidence.test_leak, _TEST)


@dataclass(frozen=True)
class _Where:
    """Whose rows have been seen, and among which.

    Attributes:
        code: Of the finding.
        rows: What rows they are, in English and Korean.
        seen: The rows that they are among, for the title and for the evidence, in English and Korean.
    """

    code: str
    rows: tuple[str, str]
    title: tuple[str, str]
    seen: tuple[str, str]


_VALIDATION = _Where("leak", ("Validation", "검증"), ("the training rows", "학습 행"), ("the training rows", "학습 행"))
_TEST = _Where(
    "test_leak",
    ("Test", "테스트"),
    ("the rows that training sees", "학습에 쓰이는 행"),
    ("the training or validation rows", "학습이나 검증 행"),
)


def _copies(case: Case, leak: Leak | None, where: _Where) -> Finding | None:
    if leak is None or not leak.copies:
        return None
    part = leak.copies / leak.checked
    name, korean = where.rows
    return Finding(
        where.code,
        "fault" if part >= _LEAK else "hint",
        say(f"{name} rows are among {where.title[0]}", f"{korean} 행이 {where.title[1]}에 들어 있습니다"),
        say(
            f"{leak.copies:,} of {leak.checked:,} {name.lower()} rows ({percent(part)}) are in {where.seen[0]} too, value for value.",
            f"{korean} 행 {leak.checked:,}개 중 {leak.copies:,}개({percent(part)})가 {where.seen[1]}에도 값까지 똑같이 있습니다.",
        ),
        say(
            "What the network reaches on them is memory, not skill: take the copies out of one of the two. Of arrays, before "
            "they are split: numpy.unique(inputs, axis=0, return_index=True).",
            "이런 행의 점수는 실력이 아니라 기억입니다. 둘 중 한쪽에서 복사본을 빼세요. 배열이면 나누기 전에: "
            "numpy.unique(inputs, axis=0, return_index=True).",
        ),
        case.on_data(),
    )


def contradicting(case: Case) -> Finding | None:
    """The same row under two labels."""
    found = case.evidence.contradictions
    if found is None or not found.rows:
        return None
    part = found.rows / found.checked
    return Finding(
        "contradictory_labels",
        "fault" if part >= _LEAK else "hint",
        say("The same input has different labels", "같은 입력에 다른 레이블이 있습니다"),
        say(
            f"{found.rows:,} of {found.checked:,} training rows ({percent(part)}) have a copy with another label.",
            f"학습 행 {found.checked:,}개 중 {found.rows:,}개({percent(part)})는 똑같은 행에 다른 레이블이 붙어 있습니다.",
        ),
        say(
            "One of the two is wrong, and no network can get both right: keep the right one.",
            "둘 중 하나는 틀렸고 어떤 신경망도 둘 다 맞힐 수 없습니다. 맞는 쪽만 남기세요.",
        ),
        case.on_data(),
    )


def nearly_leaking(case: Case) -> Finding | None:
    """Validation rows that are copies of training rows but for some noise."""
    leak = case.evidence.leak
    if leak is None or not leak.near or leak.near / leak.near_checked < _LEAK:
        return None
    part = leak.near / leak.near_checked
    return Finding(
        "near_leak",
        "fault" if part >= 5 * _LEAK else "hint",
        say(
            "Near copies of validation rows are among the training rows", "검증 행과 거의 같은 행이 학습 행에 있습니다"
        ),
        say(
            f"{leak.near:,} of {leak.near_checked:,} validation rows looked at ({percent(part)}) have one training row at less "
            "than half the distance of their other neighbours.",
            f"살펴본 검증 행 {leak.near_checked:,}개 중 {leak.near:,}개({percent(part)})는 다른 이웃까지 거리의 절반도 안 되는 "
            "곳에 학습 행이 하나 있습니다.",
        ),
        say(
            "Copies with some noise or another compression? Split by what they were made from, so that all copies "
            "of one original are in one part.",
            "잡음이나 재압축만 다른 복사본인지 보세요. 같은 원본에서 나온 것은 모두 한쪽에 가도록 원본 단위로 나누세요.",
        ),
        case.on_data(),
    )
