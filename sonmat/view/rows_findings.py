"""What is to be said of rows before anything is trained on them: by content, labels and counts, as a diagnosis says it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from sonmat.data.table_file import Bad
from sonmat.language import say
from sonmat.models.steps import total_steps
from sonmat.view.copies_findings import contradicting, leaking, leaking_test
from sonmat.view.data_findings import is_sorted, missing
from sonmat.view.finding import FEW_STEPS, Case, Finding
from sonmat.view.words import fit, percent

_SMALL = 10  # training rows of a class, below which little can be learnt of it
_RARE = 0.2  # of an equal share of the rows
_LISTED = 5


@dataclass(frozen=True)
class Called:
    """What rows are called, by part; empty where they have no names of their own.

    Attributes:
        train, validation, test: Of each row.
        labels: The class of each training row.
        left_out: Rows that could not be read.
        in_order: Whether the rows' order is the data's own.
    """

    train: Sequence[str] = ()
    validation: Sequence[str] = ()
    test: Sequence[str] = ()
    labels: Sequence[str] = ()
    left_out: Sequence[Bad] = ()
    in_order: bool = True


def rows_findings(case: Case, called: Called) -> list[Finding]:
    """Faults first, then hints, then what is as it should be.

    Args:
        case: Evidence of rows alone: classes, counts, order, leaks and contradictions; and the recipe, for commands.
        called: What the rows are called.
    """
    found = list(_findings(case, called))
    return sorted(found, key=lambda one: ("fault", "hint", "good").index(one.severity))


def _findings(case: Case, called: Called) -> Iterator[Finding]:
    evidence = case.evidence
    seen = [*called.train, *called.validation] if called.train and called.validation else called.train
    for finding, pairs, ours, theirs in (
        (leaking_test(case), evidence.test_leak.pairs if evidence.test_leak else (), seen, called.test),
        (leaking(case), evidence.leak.pairs if evidence.leak else (), called.train, called.validation),
        (
            contradicting(case),
            evidence.contradictions.pairs if evidence.contradictions else (),
            called.train,
            called.train,
        ),
    ):
        if finding is not None:
            labels = called.labels if finding.code == "contradictory_labels" else ()
            yield replace(finding, evidence=finding.evidence + _examples(pairs, ours, theirs, labels))
    for one in (missing(case), _small(case), _imbalance(case), _left_out(called.left_out), _few_steps(case)):
        if one is not None:
            yield one
    if called.in_order and (one := _sorted(case)) is not None:
        yield one


def _examples(
    pairs: Sequence[tuple[int, int]], ours: Sequence[str], theirs: Sequence[str], labels: Sequence[str]
) -> str:
    """A few pairs of rows by their names; with their labels where these differ."""
    named = [
        _pair(fit(ours[a], 60), fit(theirs[b], 60), (labels[a], labels[b]) if labels else ())
        for a, b in pairs
        if a < len(ours) and b < len(theirs)
    ]
    return say(f" For example {'; '.join(named)}.", f" 예: {'; '.join(named)}.") if named else ""


def _pair(one: str, other: str, labels: Sequence[str]) -> str:
    if one == other:  # a sentence is its own name
        return f"{one} ({', '.join(labels)})" if labels else one
    if labels:
        one, other = f"{one} ({labels[0]})", f"{other} ({labels[1]})"
    return say(f"{one} and {other}", f"{one} = {other}")


def _small(case: Case) -> Finding | None:
    counts = case.evidence.counts
    small = [number for number, count in enumerate(counts) if 0 < count < _SMALL]
    if not small:
        return None
    names = ", ".join(f"{fit(case.name(number), 40)} ({counts[number]})" for number in small[:_LISTED])
    names += "…" if len(small) > _LISTED else ""
    return Finding(
        "small_class",
        "hint",
        say("Some classes have very few rows", "행이 아주 적은 클래스가 있습니다"),
        say(f"Training rows of {names}.", f"학습 행 수: {names}."),
        say(
            f"Collect more: with fewer than {_SMALL} rows a class is hardly learnt, and its scores are chance.",
            f"더 모으세요. {_SMALL}개 미만이면 거의 배우지 못하고 점수도 우연에 가깝습니다.",
        ),
    )


def _imbalance(case: Case) -> Finding | None:
    counts = np.array(case.evidence.counts)
    if len(counts) < 2 or not counts.sum():
        return None
    there = counts[counts > 0]
    if there.min() >= _RARE * counts.sum() / len(counts):
        return None
    rarest, commonest = int(np.where(counts > 0, counts, counts.max() + 1).argmin()), int(counts.argmax())
    return Finding(
        "imbalance",
        "hint",
        say("Some classes are rare", "드문 클래스가 있습니다"),
        say(
            f"Training rows: {counts[rarest]:,} of {fit(case.name(rarest), 40)}, {counts[commonest]:,} of "
            f"{fit(case.name(commonest), 40)}. Always saying the latter would be right in {percent(counts.max() / counts.sum())}.",
            f"학습 행: {fit(case.name(rarest), 40)} {counts[rarest]:,}개, {fit(case.name(commonest), 40)} {counts[commonest]:,}개. "
            f"늘 뒤쪽이라고만 해도 {percent(counts.max() / counts.sum())}가 맞습니다.",
        ),
        say(
            "Collect more of the rare ones, and look at each class's recall: sonmat evaluate shows it.",
            "드문 것을 더 모으고 클래스별 재현율을 보세요. sonmat evaluate가 보여 줍니다.",
        ),
    )


def _left_out(bad: Sequence[Bad]) -> Finding | None:
    if not bad:
        return None
    listed = "; ".join(f"{fit(one.place, 60)}: {one.reason}" for one in bad[:_LISTED])
    more = (
        say(f"; and {len(bad) - _LISTED:,} more", f"; 그 밖에 {len(bad) - _LISTED:,}개") if len(bad) > _LISTED else ""
    )
    return Finding(
        "left_out",
        "hint",
        say("What could not be read was left out", "읽지 못한 것은 뺐습니다"),
        say(f"{len(bad):,}: {listed}{more}.", f"{len(bad):,}개: {listed}{more}."),
        say("Mend these files or remove them.", "이 파일들을 고치거나 지우세요."),
    )


def _few_steps(case: Case) -> Finding | None:
    if case.recipe is None:
        return None
    rows, train = sum(case.evidence.counts), case.recipe.train
    steps = total_steps(rows, train.epochs, train.batch_size)
    if steps >= FEW_STEPS or not rows:
        return None
    batch = max(4, min(32, rows // 20))
    epochs = -(-2 * FEW_STEPS * batch // rows)
    return Finding(
        "few_steps",
        "hint",
        say("This recipe will take few steps on so few rows", "행이 적어 이 레시피는 몇 걸음밖에 가지 못합니다"),
        say(
            f"{rows:,} training rows and {train.epochs} epochs make {steps:,} steps; networks need some hundreds.",
            f"학습 행 {rows:,}개, {train.epochs} 에포크면 {steps:,}스텝입니다. 신경망에는 수백 스텝이 필요합니다.",
        ),
        say(
            f"Smaller batches and more epochs: --set batch_size={batch} --set epochs={epochs}.",
            f"배치를 줄이고 에포크를 늘리세요: --set batch_size={batch} --set epochs={epochs}.",
        ),
    )


def _sorted(case: Case) -> Finding | None:
    order = case.evidence.order
    if order is None or not is_sorted(order):
        return None
    return Finding(
        "sorted_labels",
        "good",
        say("The rows are sorted by class, which does no harm here", "행이 클래스 순서대로 있지만 여기서는 괜찮습니다"),
        say(
            f"{percent(order.alike)} of neighbouring rows are of the same class (by chance {percent(order.by_chance)}).",
            f"이웃한 행의 {percent(order.alike)}가 같은 클래스입니다(우연이라면 {percent(order.by_chance)}).",
        ),
        say(
            "Validation rows are taken from each class alike, and every epoch has an order of its own.",
            "검증 행은 클래스마다 고르게 떼고, 에포크마다 순서를 섞습니다.",
        ),
    )
