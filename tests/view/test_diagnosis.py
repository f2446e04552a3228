"""Findings: each from evidence that was made for it, in both languages, and nothing that a history can hold breaks them."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sonmat.data.guards import Contradictions, Leak, Order, Range
from sonmat.engine.evidence import Evidence, Failure, Layer, Part, Settings
from sonmat.models.catalog import base_recipe
from sonmat.models.reading import change
from sonmat.view.average_findings import first_share
from sonmat.view.diagnosed import brief_text, diagnosis_text
from sonmat.view.diagnosis import _CODES, _EXPLAINS, findings
from sonmat.view.finding import Finding
from sonmat.view.gap_findings import accuracy_gap, loss_gap

RECIPE = base_recipe("notes-mlp")
CLASSES = tuple("ABCDEFGHIJ")


def part(accuracy: float, n: int = 2000, **changes: Any) -> Part:
    """Rows of ten equal classes, the mistakes spread evenly."""
    each = n // 10
    right = round(each * accuracy)
    confusion = np.full((10, 10), (each - right) / 9)
    np.fill_diagonal(confusion, right)
    confusion = np.round(confusion).astype(int)
    found = Part(
        n=n, of=n, loss=0.1 + 2 * (1 - accuracy), loss_error=0.005, accuracy=accuracy, commonest=0.1, counts=(each,) * 10,
        predicted=tuple(confusion.sum(0).tolist()), confusion=tuple(map(tuple, confusion.tolist())), confidence=accuracy,
        calibration_error=0.01, saturated=0.1, second=0.65, sure_wrong=0.05 * (1 - accuracy), contradicted=n // 100,
    )  # fmt: skip
    return replace(found, **changes)


def healthy(**changes: Any) -> Evidence:
    evidence = Evidence(
        train=part(0.95), validation=part(0.94),
        layers=(Layer("hidden", "Dense", 15700, 20, growth=1.3, rectified=True, dead=0), Layer("out", "Dense", 210, 10, growth=1.4)),
        seen=Range(0, 1, 0.13, 0.3, 0, True), order=Order(0.1, 0.1), counts=(600,) * 10, classes=CLASSES, leak=Leak(2000, 0, 500, 1),
        settings=Settings("sgd", 0.01, 20, 10, True, 0.0, 15910, 20),
    )  # fmt: skip
    return replace(evidence, **changes)


def course(n: int = 10, **columns: Any) -> list[dict[str, float]]:
    epochs = np.arange(1, n + 1)
    usual = {"loss": 0.8 * epochs**-0.4, "accuracy": 1 - 0.3 * epochs**-0.7, "val_loss": 0.7 * epochs**-0.2}
    usual["val_accuracy"] = usual["accuracy"] - 0.01
    return [
        {"epoch": i, **{name: float(column[i]) for name, column in (usual | columns).items()}, "seconds": 0.1}
        for i in range(n)
    ]


def setting(**changes: Any) -> Settings:
    return replace(healthy().settings, **changes)


RISING = np.concatenate([np.linspace(0.9, 0.4, 8), np.linspace(0.42, 0.9, 12)])
WRONG_SCALE, TWICE = Range(0, 255, 33, 78, 0, True), Range(0, 1 / 255, 1e-4, 1e-3, 0, True)
BLIND = {"second": 0.12, "sure_wrong": 0.28, "contradicted": 500}


def mixed(first: int, second: int) -> Part:
    table = np.array(part(0.94).confusion)
    for i, j in ((first, second), (second, first)):
        table[i, i], table[i, j] = 100, 80
    return part(0.9, confusion=tuple(map(tuple, table.tolist())))


def rare(number: int) -> Part:
    table = np.array(part(0.94).confusion)
    table[number] = 20
    return part(0.88, confusion=tuple(map(tuple, table.tolist())), predicted=tuple(table.sum(0).tolist()))


def silent(number: int) -> Part:
    found = part(0.85)
    said = list(found.predicted)
    said[number] = 0
    return replace(found, predicted=tuple(said))


SAME = part(0.1, predicted=(2000,) + (0,) * 9)
LEARNT = course(1, accuracy=[0.87])
DEAD = (Layer("hidden", "Dense", 9, 20, rectified=True, dead=15),)
PLANTED: dict[str, list[tuple[str, Evidence, list[dict[str, float]]]]] = {
    "leak": [("fault", healthy(leak=Leak(2000, 60)), course()), ("hint", healthy(leak=Leak(2000, 3)), course())],
    "near_leak": [("fault", healthy(leak=Leak(2000, 0, 500, 100)), course()), ("hint", healthy(leak=Leak(2000, 0, 500, 8)), course())],
    "contradictory_labels": [
        ("fault", healthy(contradictions=Contradictions(2000, 60)), course()),
        ("hint", healthy(contradictions=Contradictions(2000, 3)), course()),
    ],
    "unscaled_inputs": [("fault", healthy(seen=WRONG_SCALE), course())],
    "twice_scaled_inputs": [("fault", healthy(seen=TWICE), course())],
    "blank_inputs": [
        ("fault", healthy(seen=Range(0, 0, 0, 0, 1, False)), course()),
        ("hint", healthy(seen=Range(0, 1, 0.1, 0.2, 0.1, True)), course()),
    ],
    "sorted_labels": [("fault", healthy(order=Order(0.99, 0.1), settings=setting(shuffle=False)), course())],
    "missing_class": [("fault", healthy(counts=(0,) + (600,) * 9), course())],
    "imbalance": [
        ("fault", healthy(counts=(600,) * 9 + (20,), validation=rare(9)), course()),
        ("hint", healthy(counts=(600,) * 9 + (20,)), course()),
    ],
    "label_noise": [("fault", healthy(train=part(0.7, **BLIND), validation=part(0.68, **BLIND)), course())],
    "no_signal": [("fault", healthy(train=part(0.6), validation=part(0.1)), course())],
    "divergence": [
        ("fault", healthy(failure=Failure(3, 5)), course(3)),
        ("fault", healthy(), course(4, loss=[1.0, 0.5, math.nan, math.nan])),
        ("fault", healthy(), course(5, loss=[1.0, 0.5, 0.9, 2.0, 4.0])),
        ("fault", healthy(finite=False, train=None, validation=None), course()),
        ("fault", healthy(train=part(0.1)), course(3, loss=[14.5, 14.5, 14.5])),
    ],
    "high_learning_rate": [
        ("fault", healthy(train=part(0.5), settings=setting(learning_rate=3.0)), course(10, loss=[1.0, 1.8] * 5)),
        ("fault", healthy(settings=setting(learning_rate=1.0), layers=DEAD), course()),
    ],
    "low_learning_rate": [("fault", healthy(train=part(0.3), settings=setting(learning_rate=1e-4)), course())],
    "few_epochs": [
        ("fault", healthy(train=part(0.5), settings=setting(rate_left=0.0, batch_size=100)), course(2, val_loss=[2.0, 2.0])),
        ("fault", healthy(train=part(0.5), settings=setting(label_smoothing=0.1)), course(2, accuracy=[0.2, 0.3])),
        ("fault", healthy(train=part(0.5)), course(2, val_loss=[2.0, 1.4])),
        ("hint", healthy(), course(val_loss=np.arange(1, 11) ** -0.5)),
        ("fault", healthy(train=part(0.6, loss=1.0)), course(1, loss=[1.8])),
        ("fault", healthy(train=part(0.15), settings=setting(batch_size=3000)), course(4, val_loss=[2.3, 2.29, 2.28, 2.27])),
    ],
    "small_network": [
        ("hint", healthy(train=part(0.75), settings=setting(narrowest=3)), course(val_loss=[0.7] * 10)),
        ("fault", healthy(train=part(0.5), settings=setting(narrowest=2)), course(val_loss=[0.7] * 10))],
    "underfitting": [
        ("fault", healthy(train=part(0.5)), course(val_loss=[0.7] * 10)),
        ("fault", healthy(train=part(0.5), settings=setting(rate_left=0.0)), course()),
    ],
    "not_learning": [("fault", healthy(train=part(0.12)), course(val_loss=[2.3] * 10))],
    "plateau": [("hint", healthy(), course(val_loss=[0.3] * 10))],
    "overfitting": [
        ("fault", healthy(train=part(0.99), validation=part(0.85)), course()),
        ("hint", healthy(train=part(0.97), validation=part(0.92)), course()),
        ("fault", healthy(train=None, validation=None), course(20, val_loss=RISING)),
    ],
    "best_epoch_earlier": [
        ("fault", healthy(), course(20, val_loss=RISING, val_accuracy=1 - 0.3 * RISING)),
        ("hint", healthy(), course(20, val_loss=RISING)),  # whose accuracy does not fall
        ("hint", healthy(), course(20, val_loss=0.36 + 0.1 * RISING)),
        ("fault", healthy(settings=setting(label_smoothing=0.1)), course(20, val_accuracy=1 - 0.3 * RISING)),
        ("hint", healthy(settings=setting(label_smoothing=0.1)), course(20, val_accuracy=1 - 0.06 * RISING)),
    ],
    "large_network": [("hint", healthy(train=part(1.0), validation=part(0.8), settings=setting(parameters=300_000)), course())],
    "dead_units": [
        ("fault", healthy(layers=(Layer("hidden", "Dense", 15700, 20, rectified=True, dead=12),)), course()),
        ("hint", healthy(layers=(Layer("hidden", "Dense", 15700, 20, rectified=True, dead=6),)), course()),
    ],
    "frozen_layers": [
        ("fault", healthy(layers=(Layer("hidden", "Dense", 15700, 20, trainable=False, unmoved=True),)), course()),
        ("hint", healthy(layers=(Layer("hidden", "Dense", 15700, 20, trainable=False),)), course()),
    ],
    "lagging_averages": [
        ("fault", healthy(train=part(0.1), validation=part(0.1), settings=setting(momentum=0.9, batch_size=600)), LEARNT),
        ("fault", healthy(train=SAME, validation=SAME, settings=setting(momentum=0.9, decay=0.995, batch_size=600)), LEARNT),
    ],
    "untrained_layers": [("hint", healthy(layers=(Layer("hidden", "Dense", 15700, 20, unmoved=True),)), course())],
    "high_dropout": [
        ("fault", healthy(settings=setting(dropout=0.9)), course(accuracy=[0.4] * 10)),
        ("hint", healthy(settings=setting(dropout=0.5)), course(accuracy=[0.8] * 10)),
    ],
    "constant_prediction": [("fault", healthy(train=SAME, validation=SAME), course())],
    "class_never_said": [("fault", healthy(validation=silent(4)), course())],
    "overconfident": [
        ("fault", healthy(validation=part(0.85, confidence=0.97)), course()),
        ("hint", healthy(validation=part(0.92, confidence=0.95)), course()),
    ],
    "confused_classes": [("fault", healthy(validation=mixed(4, 9)), course())],
    "unfinished": [("hint", healthy(settings=setting(epochs=20)), course())],
    "unmeasured": [("hint", healthy(unmeasured=("data",)), course()), ("hint", Evidence(), [])],
    "healthy": [("good", healthy(), course())],
}  # fmt: skip
CASES = [(code, *one) for code, made in PLANTED.items() for one in made]


def found_in(evidence: Evidence, history: list[dict[str, float]], **how: Any) -> list[Finding]:
    return findings(evidence, history, recipe=RECIPE, run="runs/one") if not how else findings(evidence, history, **how)


def test_every_code_is_planted_here():
    assert set(PLANTED) == set(_CODES)
    assert set(_EXPLAINS) | set().union(*_EXPLAINS.values()) <= set(_CODES)


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize(("code", "severity", "evidence", "history"), CASES)
def test_what_is_planted_is_said(
    code: str,
    severity: str,
    evidence: Evidence,
    history: list[dict[str, float]],
    language: str,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("SONMAT_LANG", language)
    found = {one.code: one for one in found_in(evidence, history)}
    assert found[code].severity == severity
    one = found[code]
    assert all(text for text in (one.title, one.evidence, one.advice))
    korean = any("가" <= letter <= "힣" for letter in one.title + one.evidence + one.advice)
    assert korean == (language == "ko")
    assert not any(word in one.evidence for word in ("nan", "None", "inf "))
    assert one.title in diagnosis_text(list(found.values())).plain


def test_a_healthy_run_is_not_accused():
    assert [one.code for one in found_in(healthy(), course())] == ["healthy"]
    assert found_in(healthy(), course())[0].severity == "good"


@pytest.mark.parametrize(("code", "severity", "evidence", "history"), [case for case in CASES if case[1] == "fault"])
def test_no_fault_is_called_healthy(code: str, severity: str, evidence: Evidence, history: list[dict[str, float]]):
    assert "healthy" not in {one.code for one in found_in(evidence, history)}


@pytest.mark.parametrize(("code", "severity", "evidence", "history"), CASES)
def test_commands_change_settings_that_the_recipe_has(
    code: str, severity: str, evidence: Evidence, history: list[dict[str, float]]
):
    import shlex

    recipe = change(RECIPE, [f"learning_rate={evidence.settings.learning_rate or 0.01}"])
    for one in findings(evidence, history, recipe=recipe, run="runs/one"):
        if one.command:
            words = shlex.split(one.command)
            assert words[0] == "sonmat"
            changes = [words[i + 1] for i, word in enumerate(words) if word == "--set"]
            assert change(recipe, changes) != recipe or words[1] != "train"
    assert all(
        not one.command for one in findings(evidence, history)
    )  # without a recipe there is nothing to train again


@pytest.mark.parametrize(
    ("planned", "verb"),
    [
        ([], "resume"),
        (["average={name='SWA'}"], "train"),
        (["learning_rate={name='OneCycle', peak=0.1}"], "train"),
        (["members=3"], "train"),
    ],
)
def test_a_training_planned_for_its_length_is_not_resumed(planned: list[str], verb: str):
    evidence, history = healthy(train=part(0.5)), course(2, val_loss=[2.0, 1.4])
    found = findings(evidence, history, recipe=change(RECIPE, planned), run="runs/one")
    few = next(one for one in found if one.code == "few_epochs")
    assert few.command.split()[1] == verb
    assert ("anew" in few.advice) == (verb == "train")


def test_faults_come_first_and_causes_before_what_they_cause():
    evidence = healthy(
        seen=WRONG_SCALE, train=part(0.3, **BLIND), validation=part(0.3, confidence=0.9, **BLIND), leak=Leak(2000, 300)
    )
    found = found_in(evidence, course())
    assert [one.code for one in found[:2]] == ["leak", "unscaled_inputs"]
    assert {"label_noise", "underfitting", "overconfident"}.isdisjoint({one.code for one in found})
    order = [("fault", "hint", "good").index(one.severity) for one in found]
    assert order == sorted(order)


@pytest.mark.parametrize(
    "evidence",
    [
        healthy(order=Order(0.99, 0.1)),  # sorted, and shuffled by every epoch
        healthy(leak=Leak(2000, 0, 500, 2)),
        healthy(seen=Range(-2.4, 3.1, 0, 1, 0, True)),
        healthy(validation=part(0.93, confidence=0.95, n=200)),  # within the accuracy's own uncertainty
        healthy(train=part(0.99, n=200), validation=part(0.95, n=200)),
        healthy(layers=(Layer("hidden", "Dense", 15700, 20, rectified=True, dead=3),)),
        healthy(settings=setting(learning_rate=0.5)),
        healthy(settings=setting(optimizer="adam", learning_rate=0.001)),
    ],
)
def test_what_is_usual_is_no_fault(evidence: Evidence):
    assert found_in(evidence, course())[-1].code == "healthy"


def test_one_lucky_epoch_is_no_turn():
    losses = 0.3 + 0.01 * np.random.default_rng(0).standard_normal(20)
    assert "best_epoch_earlier" not in {one.code for one in found_in(healthy(), course(20, val_loss=losses))}


PERFECT = {"train": part(1.0), "validation": part(1.0)}
SMALLEST = {"loss": 1e-6, "loss_error": 1e-7}


@pytest.mark.parametrize(
    ("evidence", "history"),
    [
        (healthy(), course(4, val_loss=[0.5, 0.3, 0.304, 0.31])),  # p = 0.5, less than other rows would change
        (healthy(train=None, validation=None), course(4, val_loss=[0.5, 0.3, 0.4, 0.5])),  # p = 0.5, and no rows to say
        (healthy(train=part(1.0, **SMALLEST), validation=part(1.0, **SMALLEST)), course(20, val_loss=1e-6 * RISING)),
        (healthy(), course(20, val_loss=0.001 * RISING)),
        (healthy(settings=setting(label_smoothing=0.1)), course(20, val_loss=RISING)),
        (healthy(settings=setting(label_smoothing=0.1)), course(20, val_accuracy=0.94 - 0.005 * RISING)),
    ],
)
def test_a_rise_that_means_nothing_is_no_finding(evidence: Evidence, history: list[dict[str, float]]):
    found = {one.code for one in found_in(evidence, history)}
    assert not found & {"best_epoch_earlier", "overfitting"}


def test_a_short_rise_counts_where_it_is_larger_than_other_rows_would_make_it():
    found = {one.code: one for one in found_in(healthy(), course(5, val_loss=[0.302, 0.3, 0.301, 0.303, 0.7]))}
    assert "other rows: ± 0.014" in found["best_epoch_earlier"].evidence
    assert "p = " not in found["best_epoch_earlier"].evidence


@pytest.mark.parametrize(
    "evidence",
    [
        healthy(settings=setting(rate_left=0.0)),  # one cycle, to nothing
        healthy(**PERFECT),
    ],
)
@pytest.mark.parametrize("losses", [np.arange(1, 11) ** -0.5, [0.3] * 10])
def test_a_slope_that_says_nothing_is_no_finding(evidence: Evidence, losses: Any):
    found = {one.code for one in found_in(evidence, course(val_loss=losses))}
    assert not found & {"few_epochs", "plateau"}


def test_of_smoothed_labels_the_slope_is_that_of_training():
    evidence, flat = healthy(settings=setting(label_smoothing=0.1)), [0.4] * 10
    found = {one.code for one in found_in(evidence, course(val_loss=np.arange(1, 11) ** -0.5, loss=flat))}
    assert not found & {"few_epochs", "plateau"}
    found = {one.code for one in found_in(evidence, course(val_loss=flat, loss=np.arange(1, 11) ** -0.5))}
    assert "few_epochs" in found


def test_after_a_schedule_the_loss_is_not_said_to_fall():
    evidence = healthy(train=part(0.5), settings=setting(rate_left=0.0, batch_size=100))
    few = next(one for one in found_in(evidence, course(2, val_loss=[2.0, 1.4])) if one.code == "few_epochs")
    assert "schedule had come to its end" in few.evidence
    assert "loss" not in few.evidence
    under = next(one for one in found_in(evidence, course(8)) if one.code == "underfitting")
    assert "Twice" not in under.evidence


def test_a_layer_that_is_frozen_on_purpose_is_no_finding():
    stem = Layer("whitening", "Conv2D", 304, 16, trainable=False, unmoved=True, whitened=True)
    assert [one.code for one in found_in(healthy(layers=(stem, *healthy().layers)), course())] == ["healthy"]
    other = replace(stem, whitened=False)
    assert found_in(healthy(layers=(other, *healthy().layers)), course())[0].code == "frozen_layers"


@pytest.mark.parametrize(("batch_size", "accused"), [(20, True), (2000, False)])
def test_a_network_that_has_hardly_begun_contradicts_no_label(batch_size: int, accused: bool):
    blind = part(0.65, **(BLIND | {"sure_wrong": 0.34}))
    found = found_in(healthy(train=blind, validation=blind, settings=setting(batch_size=batch_size)), course(10))
    assert ("label_noise" in {one.code for one in found}) == accused


@pytest.mark.parametrize(("trainable", "accused"), [(True, True), (False, False)])
def test_large_weights_of_a_frozen_layer_say_nothing_of_the_rate(trainable: bool, accused: bool):
    stem = Layer("whitening", "Conv2D", 304, 16, trainable=trainable, whitened=not trainable, growth=21.1)
    evidence = healthy(train=part(0.5), validation=part(0.5), layers=(stem, *healthy().layers))
    found = {one.code for one in found_in(evidence, course(3, loss=[3.8, 2.7, 2.4]))}
    assert ("high_learning_rate" in found) == accused


def test_averages_that_lag_explain_what_follows_from_them():
    evidence = healthy(
        train=SAME, validation=SAME, settings=setting(momentum=0.9, decay=0.995, batch_size=600, epochs=1)
    )
    found = found_in(evidence, course(1, accuracy=[0.87]))
    assert [one.code for one in found] == ["lagging_averages"]
    assert "87.0 %" in found[0].evidence
    assert "10 steps" in found[0].evidence
    assert found[0].command == "sonmat resume runs/one --epochs 6"


@pytest.mark.parametrize(
    ("changes", "accuracy"),
    [
        ({"momentum": 0.9, "batch_size": 20}, 0.87),  # 300 steps: it is something else
        ({"momentum": None, "decay": 0.995, "batch_size": 600}, 0.87),  # the average alone forgets in time
        ({"momentum": 0.9, "batch_size": 600}, 0.12),  # no better while it trained
    ],
)
def test_averages_are_not_blamed_for_everything(changes: dict[str, Any], accuracy: float):
    evidence = healthy(train=SAME, validation=SAME, settings=setting(**changes))
    assert "lagging_averages" not in {one.code for one in found_in(evidence, course(1, accuracy=[accuracy]))}


def test_what_is_left_of_the_first_values_is_that_of_a_training():
    rest = np.ones(3)
    shown = own = rest
    for step in range(11):  # as the engine averages
        own = 0.9 * own
        shown = shown + (1 - min(0.995, (1 + step) / (10 + step))) * (own - shown)
    assert first_share(11, 0.9, 0.995) == pytest.approx(float(shown[0]))
    assert first_share(11, 0.9, None) == pytest.approx(0.9**11)
    assert first_share(11, None, None) == 0


SCHEDULES = [
    ("{name='OneCycle', peak=0.01}", "train.learning_rate.peak=0.03"),
    ("{name='CosineDecay', initial_learning_rate=0.01}", "train.learning_rate.initial_learning_rate=0.03"),
    (
        "{name='CosineDecay', initial_learning_rate=0.0, warmup_target=0.01, warmup_steps=5}",
        "train.learning_rate.warmup_target=0.03",
    ),
    ("{name='PiecewiseConstantDecay', boundaries=[5], values=[0.01, 0.001]}", ""),
    ("0.01", "train.learning_rate=0.03"),
]


@pytest.mark.parametrize(("rate", "advised"), SCHEDULES)
def test_another_rate_is_advised_by_the_schedule_s_own_name_of_it(rate: str, advised: str):
    recipe = change(RECIPE, [f"learning_rate={rate}"])
    found = findings(healthy(), course(), recipe=recipe, run="runs/one")[-1]
    assert (found.code, found.command.rpartition(" ")[2]) == ("healthy", advised)
    if advised:
        assert change(recipe, [advised]) != recipe


def test_a_peak_is_not_called_too_high_where_a_constant_rate_would_be():
    jumpy, poor = course(10, loss=[1.0, 1.8] * 5), part(0.5)
    for changes, accused in (
        ({"learning_rate": 0.5}, True),
        ({"learning_rate": 0.5, "rate_left": 0.0}, False),
        ({"learning_rate": 3.0, "rate_left": 0.0}, True),
        ({"learning_rate": 3.0, "optimizer": "ConvMuon"}, False),
    ):
        found = {one.code: one for one in found_in(healthy(train=poor, settings=setting(**changes)), jumpy)}
        assert ("high_learning_rate" in found) == accused, changes
        assert not accused or ("peak" in found["high_learning_rate"].evidence) == ("rate_left" in changes)


def test_the_gap_s_interval():
    gap, low, high = accuracy_gap(part(0.9, n=1000), part(0.8, n=1000))
    assert (gap, low, high) == (pytest.approx(0.1), pytest.approx(0.069, abs=0.002), pytest.approx(0.131, abs=0.002))
    assert loss_gap(part(0.9), part(0.8)) == pytest.approx((0.2, 0.2 - 0.01386, 0.2 + 0.01386), abs=1e-4)
    assert loss_gap(part(0.9), replace(part(0.8), loss_error=None)) is None


def test_the_end_of_a_training_says_the_weightiest():
    bad = found_in(healthy(train=part(0.99), validation=part(0.85), leak=Leak(2000, 300)), course())
    said = brief_text(bad, "runs/one").plain.splitlines()
    assert len(said) == 3
    assert said[0].startswith("✗ ")
    assert said[-1].strip() == "why: sonmat diagnose runs/one"
    good = brief_text(found_in(healthy(), course()), "runs/one").plain.splitlines()
    assert len(good) == 2
    assert good[0].startswith("✓ ")


NUMBERS = st.one_of(st.floats(), st.none(), st.integers(), st.text(max_size=3), st.just(10**400))
NAMES = st.sampled_from(["loss", "val_loss", "accuracy", "val_accuracy", "epoch", "seconds"])
HISTORIES = st.lists(st.dictionaries(NAMES, NUMBERS), max_size=12)


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(HISTORIES, st.sampled_from(CASES), st.booleans(), st.sampled_from([None, 1e-9, 0.01, 50.0]))
def test_any_history_can_be_diagnosed(history: list[dict[str, Any]], case: Any, recipe: bool, rate: float | None):
    evidence = replace(case[2], settings=replace(case[2].settings, learning_rate=rate))
    found = findings(evidence, history, recipe=RECIPE if recipe else None, run="runs/one" if recipe else "")
    assert found
    assert len({one.code for one in found}) == len(found)
    assert all(isinstance(text, str) for one in found for text in one.as_dict().values())


@settings(max_examples=100, deadline=None)
@given(HISTORIES, st.data())
def test_any_part_of_the_evidence_may_be_missing(history: list[dict[str, Any]], data: st.DataObject):
    dropped = data.draw(st.sets(st.sampled_from(["train", "validation", "seen", "order", "leak"])))
    evidence = replace(healthy(), **dict.fromkeys(dropped), layers=data.draw(st.sampled_from([(), healthy().layers])))
    assert findings(evidence, history)
