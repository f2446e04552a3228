"""A diagnosis in words: evidence and history become findings, the weightiest first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sonmat.engine.evidence import Evidence
from sonmat.language import say
from sonmat.models.recipe import Recipe
from sonmat.view.average_findings import lagging
from sonmat.view.data_findings import data_findings
from sonmat.view.finding import Case, Finding, epochs_text
from sonmat.view.gap_findings import accuracy_gap, gap_findings, loss_gap
from sonmat.view.learning_findings import learning_findings
from sonmat.view.network_findings import network_findings
from sonmat.view.words import percent

_SEVERITIES = ("fault", "hint", "good")
_CODES = (  # causes before what they cause: who mends the first may find the others gone
    "leak", "unscaled_inputs", "twice_scaled_inputs", "blank_inputs", "sorted_labels", "missing_class", "near_leak",
    "contradictory_labels", "frozen_layers", "lagging_averages", "no_signal", "divergence", "high_learning_rate", "high_dropout",
    "low_learning_rate",
    "small_network", "label_noise", "confused_classes", "dead_units", "few_epochs", "constant_prediction", "not_learning",
    "underfitting", "overfitting", "best_epoch_earlier", "large_network", "overconfident", "imbalance",
    "class_never_said", "untrained_layers", "plateau", "unfinished", "unmeasured", "healthy",
)  # fmt: skip


_WEAK = frozenset(
    {"label_noise", "underfitting", "not_learning", "class_never_said", "constant_prediction", "overconfident"}
)
_EXPLAINS: Mapping[str, frozenset[str]] = {  # a fault, and what is then only its consequence
    "unscaled_inputs": _WEAK | {"high_learning_rate", "low_learning_rate"},
    "twice_scaled_inputs": _WEAK | {"high_learning_rate", "low_learning_rate", "few_epochs"},
    "blank_inputs": _WEAK | {"high_learning_rate"},
    "sorted_labels": _WEAK | {"few_epochs", "high_learning_rate"},
    "missing_class": frozenset({"class_never_said", "overfitting", "overconfident", "confused_classes"}),
    "frozen_layers": _WEAK,
    "lagging_averages": _WEAK
    | {"low_learning_rate", "high_learning_rate", "small_network", "few_epochs", "confused_classes"},
    "no_signal": _WEAK | {"overfitting", "best_epoch_earlier", "few_epochs"},
    "divergence": _WEAK,
    "high_learning_rate": _WEAK,
    "high_dropout": _WEAK,
    "label_noise": frozenset({"underfitting", "class_never_said"}),
    "low_learning_rate": _WEAK,
    "overfitting": frozenset({"plateau"}),
    "dead_units": frozenset({"constant_prediction", "not_learning"}),
    "few_epochs": _WEAK - {"overconfident"},
    "small_network": _WEAK - {"overconfident"},
    "constant_prediction": frozenset({"not_learning", "overconfident"}),
}


def findings(
    evidence: Evidence, history: Sequence[Mapping[str, Any]] = (), *, recipe: Recipe | None = None, run: str = ""
) -> list[Finding]:
    """What a run's numbers mean.

    Args:
        evidence: What an examination of the trained network found.
        history: The journal's records, one an epoch; whatever they hold, NaN and gaps included.
        recipe: The run's, for commands; None leaves them out.
        run: The run folder, for commands.

    Returns:
        At least one finding: faults first, then hints, then what is good; among equals causes before what they cause.
    """
    case = Case(evidence, history, recipe, run)
    found = [
        *data_findings(case),
        *lagging(case),
        *learning_findings(case),
        *gap_findings(case),
        *network_findings(case),
        *_open_ends(case),
    ]
    found = _without_consequences(found)
    if not any(one.severity == "fault" for one in found) and len(case.course):
        found.append(_healthy(case))
    return sorted(found, key=lambda one: (_SEVERITIES.index(one.severity), _CODES.index(one.code)))


def _without_consequences(found: list[Finding]) -> list[Finding]:
    """Findings that a graver one does not explain, going from the first cause on."""
    kept: list[Finding] = []
    explained: set[str] = set()
    for one in sorted(found, key=lambda one: _CODES.index(one.code)):
        if one.code not in explained:
            kept.append(one)
            explained |= _EXPLAINS.get(one.code, frozenset()) if one.severity == "fault" else set()
    return kept


def _open_ends(case: Case) -> list[Finding]:
    found = []
    epochs, done = case.evidence.settings.epochs, len(case.course)
    if epochs is not None and done < epochs and case.evidence.failure is None:
        found.append(
            Finding(
                "unfinished",
                "hint",
                say("The run is not finished", "아직 끝나지 않은 실행입니다"),
                say(
                    f"Trained so far: {done} of {epochs_text(epochs)}.",
                    f"{epochs} 에포크 중 {done} 에포크를 학습했습니다.",
                ),
                say("Go on with it.", "이어서 하세요."),
                case.on_run("resume"),
            )
        )
    missing = [_MISSING[name] for name in case.evidence.unmeasured if name in _MISSING]
    if missing or not done:
        names = ", ".join(say(*one) for one in missing) or say("the course of training", "학습 과정")
        found.append(
            Finding(
                "unmeasured",
                "hint",
                say("Not everything could be looked at", "다 살펴보지는 못했습니다"),
                say(f"Missing: {names}.", f"빠진 것: {names}."),
                say(
                    "Give what is missing: sonmat.diagnose(run, model=model, data=(x, y), validation_data=(x_val, y_val)), or "
                    "--data NAME.",
                    "빠진 것을 주세요: sonmat.diagnose(run, model=model, data=(x, y), validation_data=(x_val, y_val)) 또는 "
                    "--data 이름.",
                ),
            )
        )
    return found


_MISSING = {
    "model": ("the trained network", "학습된 신경망"),
    "data": ("the training rows", "학습 행"),
    "validation": ("the validation rows", "검증 행"),
    "activations": ("what ReLU units give", "ReLU 유닛의 출력"),
    "loss": ("the loss of single rows", "행마다의 손실"),
}


def _healthy(case: Case) -> Finding:
    return Finding(
        "healthy",
        "good",
        say("No fault was found", "이상이 없습니다")
        if case.evidence.train is not None and case.evidence.validation is not None
        else say("No fault in what could be looked at", "살펴본 것에는 이상이 없습니다"),
        " ".join(_supports(case)) or say("The curves show nothing wrong.", "곡선에 이상이 없습니다."),
        say(
            "What is left are settings: other rates and sizes, each measured.",
            "남은 것은 설정입니다. 학습률과 크기를 바꿔 가며 재 보세요.",
        ),
        case.slower(3.0),
    )


def _supports(case: Case) -> list[str]:
    told, train, held = [], case.train, case.validation
    if train is not None and held is not None:
        gap, low, high = accuracy_gap(train, held)
        told.append(
            say(
                f"With the final weights {percent(train.accuracy or 0)} of {train.n:,} training rows and {percent(held.accuracy or 0)} "
                f"of {held.n:,} validation rows are right: {100 * gap:.1f} points apart (95 %: {100 * low:.1f} to "
                f"{100 * high:.1f}).",
                f"마지막 가중치로 학습 행 {train.n:,}개 중 {percent(train.accuracy or 0)}, 검증 행 {held.n:,}개 중 "
                f"{percent(held.accuracy or 0)}를 맞혔습니다: 차이 {100 * gap:.1f}%p (95 %: {100 * low:.1f}~{100 * high:.1f}).",
            )
        )
    elif case.evidence.train is not None and case.evidence.validation is not None:
        losses = loss_gap(case.evidence.train, case.evidence.validation)
        if losses is not None:
            told.append(
                say(
                    f"Validation loss is {losses[0]:.3g} above training loss (95 %: {losses[1]:.3g} to {losses[2]:.3g}).",
                    f"검증 손실이 학습 손실보다 {losses[0]:.3g} 높습니다 (95 %: {losses[1]:.3g}~{losses[2]:.3g}).",
                )
            )
    course = case.course
    if case.smoothed and np.isfinite(course.val_accuracy).any():
        best = int(np.nanargmax(course.val_accuracy)) + 1
        told.append(
            say(
                f"The best validation accuracy came in epoch {best} of {len(course)}.",
                f"가장 높은 검증 정확도는 {len(course)} 에포크 중 {best}번째에 나왔습니다.",
            )
        )
    elif course.best is not None:
        told.append(
            say(
                f"The best validation loss came in epoch {course.best} of {len(course)}.",
                f"가장 낮은 검증 손실은 {len(course)} 에포크 중 {course.best}번째에 나왔습니다.",
            )
        )
    return told
