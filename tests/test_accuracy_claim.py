"""The claims of the tuned recipes: what a kept result counts for, what machine it is of, and how far it may lie off."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # benchmarks is no part of the package

accuracy = pytest.importorskip("benchmarks.accuracy")  # a source package does not carry it
from benchmarks import accuracy_table, machine  # noqa: E402
from benchmarks.record import OtherRecord, Record  # noqa: E402

RESULTS = sorted(accuracy.KEPT.glob("*-*.json"))
CONTENT = json.loads((accuracy.RESULTS / "accuracy.json").read_text())

CPUINFO = """processor\t: 0
vendor_id\t: AuthenticAMD
cpu family\t: 25
model\t\t: 17
model name\t: AMD EPYC
flags\t\t: fpu sse2 avx fma avx2 avx512f avx512_bf16 arat

processor\t: 1
cpu family\t: 6
"""


# What a kept result counts for


@pytest.mark.parametrize("path", RESULTS, ids=lambda path: path.stem)
def test_kept_results_are_of_the_recipes_as_they_are_now(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = json.loads(path.read_text())
    name, _, seed = path.stem.rpartition("-")
    monkeypatch.setattr(accuracy, "library_versions", lambda: dict(kept["versions"]))  # this test's may be others
    identity = accuracy.peer_identity(int(seed)) if name == "keras" else accuracy.recipe_identity(name, int(seed))
    assert accuracy.differing(kept, identity) == []
    assert set(machine.PACKAGES) <= kept["versions"].keys() or name == "keras"


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What is kept of `quick`, seed 0, in a folder of its own, with this process's versions; and nothing is trained."""
    monkeypatch.setattr(accuracy, "KEPT", tmp_path / "kept")
    monkeypatch.setattr(accuracy, "RUNS", tmp_path / "runs")
    found = json.loads((accuracy.RESULTS / "accuracy" / "quick-0.json").read_text())
    found["versions"] = machine.library_versions()
    (tmp_path / "kept").mkdir()
    return found


def keep(found: dict[str, Any]) -> Path:
    path: Path = accuracy.KEPT / "quick-0.json"
    path.write_text(json.dumps(found))
    return path


def test_a_result_of_the_present_recipe_is_kept(kept: dict[str, Any]) -> None:
    kept["versions"]["python"] = "3.99"  # decides no figure
    keep(kept)
    assert accuracy.one("quick", 0, again=True) == kept


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda found: found["settings"]["train"].update(epochs=9), r"settings\.train\.epochs was 9, is 2"),
        (lambda found: found["settings"]["train"]["learning_rate"].pop("warmup"), r"warmup was None, is 0\.2"),
        (lambda found: found["settings"]["train"].update(momentum=0.9), r"momentum was 0\.9, is None"),
        (lambda found: found["settings"].update(seed=3), r"settings\.seed was 3, is 0"),
        (lambda found: found["versions"].update(jaxlib="0.1"), r"versions\.jaxlib was '0\.1'"),
        (lambda found: found.pop("versions"), r"versions was None"),
        (lambda found: found.update(recipe="tiny"), r"recipe was 'tiny', is 'quick'"),
    ],
)
def test_a_stale_result_is_refused_and_measured_again_when_asked(
    kept: dict[str, Any], change: Any, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(kept)
    path = keep(kept)
    with pytest.raises(accuracy.Stale, match=rf"quick-0\.json is of something else: .*{told}.* --again"):
        accuracy.one("quick", 0)
    assert path.exists()
    old = accuracy.RUNS / "quick-0"
    old.mkdir(parents=True)
    seen = []

    def run(command: list[str], **_: Any) -> None:
        seen.append(old.exists())
        Path(command[-1]).write_text(json.dumps({"accuracy": 0.5, "train_seconds": 1.0}))

    monkeypatch.setattr(accuracy.subprocess, "run", run)
    assert accuracy.one("quick", 0, again=True)["accuracy"] == 0.5
    assert seen == [False], "the run of the other settings was in the way"
    assert json.loads(path.read_text())["accuracy"] == 0.5


def test_a_peer_of_another_version_is_refused(kept: dict[str, Any]) -> None:
    peer = json.loads((accuracy.RESULTS / "accuracy" / "keras-0.json").read_text())
    peer["versions"]["tensorflow-cpu"] = "2.0"
    (accuracy.KEPT / "keras-0.json").write_text(json.dumps(peer))
    with pytest.raises(accuracy.Stale, match=r"versions\.tensorflow-cpu was '2\.0'"):
        accuracy.peer(0, "no-python")


# The machine


def test_a_processor_is_told_by_family_model_and_instructions() -> None:
    told = machine.processor(CPUINFO)
    assert told == {
        "cpu": "AMD EPYC",
        "family": 25,
        "model": 17,
        "instructions": ["avx", "fma", "avx2", "avx512f", "avx512_bf16"],
    }
    arm = machine.processor("processor\t: 0\nFeatures\t: fp asimd sve bf16\n")
    assert (arm["family"], arm["instructions"]) == (None, ["asimd", "bf16", "sve"])
    assert machine.processor("") == {"cpu": None, "family": None, "model": None, "instructions": []}
    assert machine.named(told) == "AMD EPYC (25/17)"
    assert machine.named({"cpu": "AMD EPYC", "cores": 2}) == "AMD EPYC"
    assert {"family", "model", "instructions", "cpu", "cores"} <= machine.machine().keys()


def test_older_records_that_say_less_are_gone_on_with(tmp_path: Path) -> None:
    path, old = tmp_path / "record.json", {"machine": {"cpu": "AMD EPYC", "cores": 2}, "source": "s"}
    with Record(path, old, fresh=False, summary=len).measuring() as content:
        content["rounds"] = [1]
    now = {"machine": {"cpu": "AMD EPYC", "family": 25, "cores": 2}, "source": "s"}
    assert Record(path, now, fresh=False, summary=len).content["rounds"] == [1]
    for other in (now | {"machine": now["machine"] | {"cores": 4}}, now | {"source": "t"}, now | {"more": 1}, {}):
        with pytest.raises(OtherRecord):
            Record(path, other, fresh=False, summary=len)


# How far it may lie off


def test_the_ensembles_error_is_the_jackknifes() -> None:
    # for a mean of numbers the jackknife gives the standard error of a mean, whatever the numbers are
    numbers = np.random.default_rng(0).normal(size=7)
    without = [float(np.delete(numbers, out).mean()) for out in range(7)]
    assert accuracy_table.jackknife(without) == pytest.approx(numbers.std(ddof=1) / np.sqrt(7))
    claim = CONTENT["summary"]["ensemble"]
    assert accuracy_table.reached(claim).endswith(f"± {100 * accuracy_table.jackknife(claim['without']):.2f} %")
    assert accuracy_table.jackknife(claim["without"]) > claim["spread"]


@pytest.mark.parametrize("korean", [False, True])
def test_the_table_says_what_its_figures_are_of(korean: bool) -> None:
    table = accuracy_table.accuracy(CONTENT, korean=korean)
    english = (
        "not comparable",
        "five times those of `strong`",
        "first epoch that reached",
        "evaluation on the test set",
    )
    for told in ("잭나이프", "견줄 수 없", "다섯 배", "처음 이른 에포크", "평가는 빠져") if korean else english:
        assert told in table
