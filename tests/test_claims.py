"""Every measured figure in the documents is what the benchmarks' JSON says, and is worked out as it claims to be."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))  # benchmarks is no part of the package

claims = pytest.importorskip("benchmarks.claims")  # a source package does not carry it
from benchmarks import (  # noqa: E402
    accuracy,
    cluster,
    cnn,
    cnn_table,
    fit_notes,
    hostile,
    leak,
    lr_finder,
    notes_question,
    photos,
    sentences,
    serve,
    studio,
    summary,
    sweep,
    tables,
)
from benchmarks.children.work import Clock  # noqa: E402
from benchmarks.contestants import PEERS  # noqa: E402
from benchmarks.diagnosis.__main__ import summarize  # noqa: E402
from benchmarks.processes import Child  # noqa: E402
from benchmarks.record import OtherRecord, Record  # noqa: E402
from benchmarks.tuning import tune  # noqa: E402
from sonmat.models.catalog import base_recipe  # noqa: E402

RECORDS = claims.records()
SUMMARIES = {
    "fit_notes": summary.summarize,
    "leak": leak.summarize,
    "cnn": cnn.summarize,
    "cnn_newest": cnn.summarize,
    "diagnosis": lambda record: summarize(record["scenarios"]),
    "lr_finder": lambda record: lr_finder.summarize(record["cases"]),
    "accuracy": lambda record: accuracy.summarize(),
    "sweep": lambda record: sweep.collect()["summary"],
    "cluster": cluster.summarize,
    "notes_question": lambda record: notes_question.collect()["summary"],
    "sentences": lambda record: sentences.summarize(),
    "photos": lambda record: photos.summarize(record["runs"]),
    "serve": lambda record: serve.summarize(record["found"]),
    "hostile": hostile.summarize,
    "studio": lambda record: studio.summarize(record["found"]),
}


def fit(seconds: float, compiling: float = 1.0) -> dict[str, Any]:
    return {
        "fit_seconds": seconds,
        "compile_seconds": compiling,
        "total_seconds": seconds + compiling,
        "reported_compile_seconds": compiling - 0.5,
        "val_accuracy": 0.9475,
    }


@pytest.fixture
def content() -> dict[str, Any]:
    """A record of three rounds whose ratios are 10, 20 and 40, and whose medians' ratio is 30."""
    pairs = [(fit(3.0), fit(30.0)), (fit(1.0), fit(20.0)), (fit(1.0), fit(40.0))]
    made: dict[str, Any] = {
        "identity": {"machine": {"cpu": "a processor", "cores": 2}},
        "ended": "2026-01-02T03:04:05+00:00",
        "cpu_minutes": 12.4,
        "versions": {"sonmat": {"keras": "3.15.1"}, "notes": {"keras": "3.15.1", "tensorflow-cpu": "2.21.0"}},
        "tuning": {"notes": {"chosen": {}}},
        "rounds": [{"pairs": {"notes": {"sonmat": ours, "peer": peer}}} for ours, peer in pairs],
        "help": [0.2, 0.3, 0.1],
        "accuracy": [{"seed": 0, "test_accuracy": 0.94}, {"seed": 1, "test_accuracy": 0.96}],
    }
    made["rounds"][0]["process"] = {"sonmat": 4.0, "notes": 40.0}
    return made | {"summary": summary.summarize(made)}


@pytest.mark.parametrize(
    "document",
    [path for path in claims.documents() if "<!-- " in path.read_text(encoding="utf-8")],
    ids=lambda path: path.name,
)
def test_documents_say_what_was_measured(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    filled = claims.render(text, RECORDS, korean=claims.is_korean(document))
    assert text == filled, "fill the figures again: python -m benchmarks.claims"


def test_recipes_are_headed_by_what_was_measured() -> None:
    assert [path.name for path, _ in claims.headed(RECORDS)] == [], "write the heads again: python -m benchmarks.claims"


@pytest.mark.parametrize("name", ["quick", "tiny", "strong", "ensemble", "fashion"])
def test_claims_are_of_the_recipe_as_it_is_now(name: str) -> None:
    kept = dict(RECORDS["accuracy"]["summary"][name]["settings"])
    kept.pop("seed")
    now = base_recipe(name).as_dict()
    now.pop("seed")
    assert kept == json.loads(json.dumps(now))


@pytest.mark.parametrize("name", RECORDS)
def test_summaries_are_of_the_rounds_beside_them(name: str) -> None:
    assert json.loads(json.dumps(SUMMARIES[name](RECORDS[name]))) == RECORDS[name]["summary"]


def test_a_ratio_is_the_median_over_pairs(content: dict[str, Any]) -> None:
    notes = content["summary"]["fit"]["notes"]
    assert notes["faster"]["fit"] == 20
    assert notes["faster"]["strict"] == pytest.approx(20 / 1.5)
    assert notes["faster"]["total"] == pytest.approx(21 / 2)
    assert notes["fit_seconds"] / content["summary"]["fit"]["sonmat"]["fit_seconds"] == 30
    assert content["summary"]["process"]["faster"] == 10


def test_tables_hold_every_figure(content: dict[str, Any]) -> None:
    english, korean = (tables.fit_notes(content, korean=korean) for korean in (False, True))
    for figure in ("**20.0×**", "10.5×", "13.3×", "**10.0×**", "94.75 %", "95.00 ± 1.41 %", "TensorFlow 2.21.0"):
        assert figure in english
        assert figure in korean
    assert "0.20 s" in english
    assert "0.20초" in korean


def test_markers_are_filled_once_and_for_all(content: dict[str, Any]) -> None:
    text = (
        "It is <!-- fit_notes.notes.fit -->3×<!-- / --> as fast.\n\n<!-- fit_notes:begin -->\nby hand\n<!-- fit_notes:end -->\n"
        "<!-- leak:begin -->\nnot measured\n<!-- leak:end -->\n"
    )
    filled = claims.render(text, {"fit_notes": content}, korean=False)
    assert "<!-- fit_notes.notes.fit -->20.0×<!-- / -->" in filled
    assert "by hand" not in filled
    assert "not measured" in filled
    assert claims.render(filled, {"fit_notes": content}, korean=False) == filled
    assert claims.render(filled, {"fit_notes": content}, korean=True) != filled


@pytest.mark.parametrize(
    "marker", ["<!-- fit_notes.nobody.fit -->1<!-- / -->", "<!-- other:begin -->\n<!-- other:end -->"]
)
def test_a_marker_that_means_nothing_is_an_error(content: dict[str, Any], marker: str) -> None:
    with pytest.raises(claims.UnknownClaim):
        claims.render(marker, {"fit_notes": content}, korean=False)


def test_tuning_finds_the_quickest_one_setting_after_another() -> None:
    seconds = {(1, "a"): 9.0, (50, "a"): 5.0, (50, "b"): 4.0}
    asked: list[tuple[Any, ...]] = []

    def measure(settings: dict[str, Any]) -> float:
        asked.append(tuple(settings.values()))
        return seconds[asked[-1]] + 0.1 * len(asked)

    chosen, tried = tune({"steps": (1, 50), "kind": ("a", "b")}, measure)
    assert chosen == {"steps": 50, "kind": "b"}
    assert [entry["settings"]["steps"] for entry in tried] == [1, 50, 50]
    assert len(asked) == 6


def test_compiling_is_the_first_epochs_excess(monkeypatch: pytest.MonkeyPatch) -> None:
    ticks = iter([0.0, 5.0, 6.0, 7.0, 8.5])
    monkeypatch.setattr("time.perf_counter", lambda: next(ticks))
    clock = Clock()
    for _ in range(3):
        clock.epoch()
    assert clock.times() == {
        "total_seconds": 8.5,
        "compile_seconds": 4.0,
        "fit_seconds": 4.5,
        "epoch_seconds": [5.0, 1.0, 1.0],
    }


def test_a_record_goes_on_where_it_stopped_and_mixes_nothing(tmp_path: Path) -> None:
    path, job = tmp_path / "record.json", {"job": 1, "machine": "here"}
    with Record(path, job, fresh=False, summary=len).measuring() as content:
        content["rounds"] = [1]
    assert Record(path, job, fresh=False, summary=len).content["rounds"] == [1]
    assert "rounds" not in Record(path, job, fresh=True, summary=len).content
    with pytest.raises(OtherRecord, match="machine"):
        Record(path, job | {"machine": "there"}, fresh=False, summary=len)


def test_an_interrupted_measurement_is_not_kept(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    measuring = Record(path, {}, fresh=False, summary=len).measuring()
    measuring.__enter__()["rounds"] = ["half"]
    assert measuring.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None) is not True
    assert not path.exists()


def test_rows_seen_are_counted_up_to_and_with_each_epoch() -> None:
    from benchmarks.children.leak_fit import shares_seen

    train, val = np.array([[0, 1, 2], [3, 1, 2]]), np.array([[3, 4], [3, 4]])
    assert shares_seen(train, val) == [0.0, 0.5]


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """600 random images in the form that contestants read."""
    random = np.random.default_rng(0)
    images, labels = random.integers(0, 256, (600, 28, 28), np.uint8), np.arange(600, dtype=np.uint8) % 10
    path = tmp_path / "rows.npz"
    np.savez(
        path,
        x_train=images,
        y_train=labels,
        x_test=images[:100],
        y_test=labels[:100],
        rows_train=np.arange(420),
        rows_val=np.arange(420, 600),
    )
    return path


def measured(child: Child, rows: Path, settings: dict[str, Any]) -> dict[str, Any]:
    answer = child.measure(rows, epochs=2, seed=0, settings=settings)
    assert answer["total_seconds"] == pytest.approx(answer["fit_seconds"] + answer["compile_seconds"])
    assert 0 < answer["total_seconds"] < answer["process_seconds"]
    assert 0 <= answer["val_accuracy"] <= 1
    return answer


def test_sonmat_is_measured(rows: Path) -> None:
    answer = measured(Child(sys.executable, "sonmat_fit"), rows, {})
    assert len(answer["epoch_seconds"]) == 2
    assert answer["versions"]["keras"]


@pytest.mark.peers
@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
def test_peers_are_measured(peer: Any, rows: Path) -> None:
    python = sys.executable if peer.home == "sonmat" else fit_notes.PEERS_PYTHON
    settings = {**peer.settings, **{name: values[-1] for name, values in peer.choices.items()}}
    assert "numpy" in measured(Child(python, peer.module), rows, settings)["versions"]


def test_the_table_of_convolutions_holds_the_medians_over_pairs() -> None:
    def one(epoch: float) -> dict[str, Any]:
        return {"epoch": epoch, "compile_seconds": 1.5, "val_accuracy": 0.9}

    pairs = [(one(1.0), one(2.0)), (one(2.0), one(8.0)), (one(4.0), one(12.0))]
    content: dict[str, Any] = {
        "identity": {"machine": {"cpu": "a processor", "cores": 2}, "job": {"rows": 25600}},
        "ended": "2026-01-02T03:04:05+00:00",
        "cpu_minutes": 7.2,
        "versions": {"sonmat": {"keras": "3.15.1"}, "torch": {"torch": "2.13.0"}},
        "rounds": [{"pairs": {"five.torch": {"sonmat": ours, "peer": peer}}} for ours, peer in pairs],
    }
    content["summary"] = cnn.summarize(content)
    assert content["summary"]["networks"]["five"]["torch"]["faster"] == 3
    assert cnn_table.figures(content) == {"five.torch": "3.0×"}
    for korean in (False, True):
        table = cnn_table.cnn(content, korean=korean)
        assert "| 5×5 | 2.00 | 1.50 | 8.00 | **3.0×** |" in table
        assert "PyTorch 2.13.0" in table
