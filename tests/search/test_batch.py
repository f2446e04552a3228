"""A batch: recorded rung by rung, taken over from the dead, and safe from what strangers put beside it."""

from __future__ import annotations

import importlib.util
import json
import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from sonmat.errors import RecipeError, RunError, StorageError
from sonmat.search.batch import Batch, take
from sonmat.search.batches import Batches
from sonmat.search.finalists import read_repeats, take_finalists
from sonmat.search.plan import Plan, plain_settings, read_plan, write_plan
from sonmat.search.results import read_all, read_results, settle
from sonmat.search.trial import DONE, FAILED, RUNNING, STOPPED, WAITING, Trial


def load(file: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


kept = load(Path(__file__).with_name("kept_study.py"))


def planned(count: int = 6, rungs: tuple[int, ...] = (1, 3), factor: int | None = 3, first: int = 0) -> Plan:
    trials = [Trial(first + n, {"train.learning_rate": 0.1 * (n + 1)}, seed=4) for n in range(count)]
    return Plan(trials, rungs, factor, maximize=True)


class Told:
    """What a batch tells: the last word on each trial."""

    def __init__(self) -> None:
        self.states: dict[int, str] = {}

    def __call__(self, trials: Any) -> None:
        self.states = {trial.number: trial.state for trial in trials}


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = Batches(tmp_path).make(planned())
    assert made is not None
    return made


def taken(folder: Path, told: Any = None) -> Batch:
    batch = take(folder, told or Told())
    assert batch is not None
    return batch


def result(number: int, epochs: int, value: float | None, **more: Any) -> Trial:
    curve = np.full(epochs, np.nan if value is None else value, np.float32)
    return Trial(number, {}, value=value, curves={"val_accuracy": curve}, **more)


def states_of(folder: Path) -> str:
    letters = {WAITING: "w", RUNNING: "r", DONE: "d", STOPPED: "s", FAILED: "f"}
    plan = read_plan(folder)
    return "".join(letters[trial.state] for trial in settle(plan, read_results(folder, plan)))


def test_rung_by_rung(folder: Path, told: Told):
    with taken(folder, told) as batch:
        assert batch.rungs == [1, 3]
        assert [trial.number for trial in batch.trials] == list(range(6))
        assert [trial.number for trial in batch.due(0)] == list(range(6))
        assert batch.due(1) == []

        batch.record(0, [result(n, 1, 0.1 * n) for n in (0, 1, 2)])
        assert states_of(folder) == "rrrwww"
        assert set(told.states.values()) == {RUNNING, WAITING}  # who survives is not known yet
        assert [trial.number for trial in batch.due(0)] == [3, 4, 5]
        assert batch.due(1) == []

        batch.record(0, [result(3, 1, math.nan), result(4, 1, 0.9), result(5, 1, 0.05)])
        assert states_of(folder) == "ssrfrs"  # two of six
        assert told.states == {0: STOPPED, 1: STOPPED, 2: RUNNING, 3: FAILED, 4: RUNNING, 5: STOPPED}
        assert [trial.number for trial in batch.due(1)] == [2, 4]
        assert not batch.finished

        batch.record(1, [result(4, 3, 0.95), result(2, 3, 0.3)], last=True)
        assert states_of(folder) == "ssdfds"
        assert told.states[4] == DONE
        assert batch.finished
        assert batch.due(0) == batch.due(1) == []
    assert take(folder, told) is None  # nothing is left to do
    trials = read_all(folder, read_plan(folder))
    assert trials is not None
    assert [trial.epochs for trial in trials] == [1, 1, 3, 1, 3, 1]
    assert [trial.value for trial in trials] == [0.0, 0.1, 0.3, None, 0.95, 0.05]


def test_without_halving_all_train_to_the_end(tmp_path: Path, told: Told):
    made = Batches(tmp_path).make(planned(3, (2,), None))
    assert made is not None
    with taken(made, told) as batch:
        batch.record(0, [result(n, 2, 0.5) for n in range(3)], last=True)
    assert told.states == {0: DONE, 1: DONE, 2: DONE}


def test_what_is_recorded_is_on_disk_before_it_is_told(folder: Path):
    def tell(_: Any) -> None:
        raise StorageError("the database is away")

    batch = taken(folder, tell)
    with pytest.raises(StorageError, match="away"):
        batch.record(0, [result(0, 1, 0.5)])
    assert states_of(folder)[0] == "r"
    batch.release()
    with taken(folder) as again:
        assert again.done(0)[0].value == 0.5
        assert [trial.number for trial in again.due(0)] == [1, 2, 3, 4, 5]


def test_settings_and_seed_are_the_plans(folder: Path):
    with taken(folder) as batch:
        batch.record(0, [result(0, 1, 0.5, seed=99)])
        assert batch.done(0)[0].seed == 4
        assert batch.done(0)[0].settings == {"train.learning_rate": 0.1}
        assert kept.seen([batch.done(0)[0]]) == kept.seen([read_results(folder, read_plan(folder))[0][0]])


@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf])
def test_a_trial_without_a_number_has_failed(folder: Path, value: float | None):
    with taken(folder) as batch:
        batch.record(0, [result(0, 1, value), result(1, 1, 0.5, state=FAILED, reason="diverged in epoch 1")])
        assert batch.done(0)[0].state == FAILED
        assert "finite" in batch.done(0)[0].reason
        assert (batch.done(0)[1].state, batch.done(0)[1].value) == (FAILED, None)
        assert batch.done(0)[1].reason == "diverged in epoch 1"


def test_all_failed(folder: Path, told: Told):
    with taken(folder, told) as batch:
        batch.record(0, [result(n, 1, None) for n in range(6)])
        assert batch.due(1) == []
        assert batch.finished
    assert set(told.states.values()) == {FAILED}


def test_a_trial_may_be_given_up_early(folder: Path, told: Told):
    with taken(folder, told) as batch:
        batch.record(0, [result(5, 1, 0.9, state=STOPPED), result(4, 1, 0.8)], last=False)
        batch.record(0, [result(3, 1, 0.7)], last=True)
        batch.record(0, [result(n, 1, 0.1 * n) for n in range(3)])
        assert told.states == {0: STOPPED, 1: STOPPED, 2: RUNNING, 3: DONE, 4: RUNNING, 5: STOPPED}


def test_recorded_twice_the_first_holds(folder: Path):
    with taken(folder) as batch:
        batch.record(0, [result(0, 1, 0.5)])
        batch.record(0, [result(0, 1, 0.7), result(1, 1, 0.1)])
        assert {n: t.value for n, t in batch.done(0).items()} == {0: 0.5, 1: 0.1}
    with taken(folder) as batch:
        assert {n: t.value for n, t in batch.done(0).items()} == {0: 0.5, 1: 0.1}


def test_threads_may_record_at_once(tmp_path: Path):
    made = Batches(tmp_path).make(planned(60, (2,), None))
    assert made is not None
    with taken(made) as batch, ThreadPoolExecutor(8) as threads:
        states = {"w": np.zeros((1, 1))}
        list(threads.map(lambda n: batch.record(0, [result(n, 2, 0.5)], states, last=True), range(60)))
    assert states_of(made) == "d" * 60
    assert len(list(made.glob("rung0-chunk*.npz"))) == 60


def test_states_are_kept_for_the_next_rung(folder: Path):
    with taken(folder) as batch:
        batch.record(0, [result(n, 1, 0.1 * n) for n in (0, 1, 2)], {"w": np.array([[0], [1], [2]])})
        batch.record(0, [result(n, 1, 0.1 * n) for n in (5, 4, 3)], {"w": np.array([[5], [4], [3]])})
    with taken(folder) as batch:  # in another process, later
        found = batch.states(0, [4, 5])
        assert {number: state["w"].tolist() for number, state in found.items()} == {4: [4], 5: [5]}
        batch.drop_states(0)
        assert batch.states(0, [4, 5]) == {}
        assert not list(folder.glob("*.state.npz"))
        assert [trial.number for trial in batch.due(1)] == [4, 5]


def test_states_that_cannot_be_read_are_missing(folder: Path):
    with taken(folder) as batch:
        batch.record(0, [result(n, 1, 0.1 * n) for n in (0, 1)], {"w": np.zeros((2, 1))})
        batch.record(0, [result(n, 1, 0.1 * n) for n in (2, 3)], {"w": np.ones((2, 1))})
        batch.record(0, [result(n, 1, 0.1 * n) for n in (4, 5)], b"both")
        (folder / "rung0-chunk0.state.npz").write_bytes(b"PK broken")
        found = batch.states(0, range(6))
        assert list(found) == [2, 3, 4, 5]
        assert found[4] is found[5]
        assert found[5] == b"both"


def test_a_batch_is_one_processs(folder: Path):
    batch = taken(folder)
    assert take(folder, Told()) is None
    batch.release()
    with pytest.raises(RunError, match="not held"):
        batch.record(0, [result(0, 1, 0.5)])
    taken(folder).release()


def test_what_is_not_of_the_batch_is_refused(folder: Path):
    with taken(folder) as batch:
        with pytest.raises(RunError, match="no trial 6"):
            batch.record(0, [result(0, 1, 0.5), result(6, 1, 0.5)])
        with pytest.raises(RunError, match="no rung 2"):
            batch.record(2, [result(0, 1, 0.5)])
        with pytest.raises(ValueError, match="not of 1 trials"):
            batch.record(0, [result(0, 1, 0.5)], {"w": np.zeros(2)})
        assert batch.done(0) == {}
    assert states_of(folder) == "wwwwww"


@pytest.mark.parametrize("content", [b"", b"junk", "half"])
def test_a_chunk_that_is_broken_is_trained_again(folder: Path, content: bytes | str):
    with taken(folder) as batch:
        batch.record(0, [result(n, 1, 0.1 * n) for n in (0, 1, 2)])
        batch.record(0, [result(n, 1, 0.1 * n) for n in (3, 4, 5)])
    file = folder / "rung0-chunk0.npz"
    file.write_bytes(content if isinstance(content, bytes) else file.read_bytes()[:100])
    assert states_of(folder) == "wwwrrr"
    with taken(folder) as batch:
        assert [trial.number for trial in batch.due(0)] == [0, 1, 2]
        batch.record(0, [result(n, 1, 0.1 * n) for n in (0, 1, 2)])
        assert [trial.number for trial in batch.due(1)] == [4, 5]
    assert states_of(folder) == "ssssrr"


def test_the_one_file_of_a_finished_batch_may_break_too(folder: Path):
    with taken(folder) as batch:
        batch.record(0, [result(n, 1, None) for n in range(6)])
    before = (folder / "all.npz").read_bytes()
    (folder / "all.npz").write_bytes(before[:-50])
    assert read_all(folder, read_plan(folder)) is None
    assert states_of(folder) == "ffffff"
    assert take(folder, Told()) is None
    assert (folder / "all.npz").read_bytes() == before


def test_strange_files_beside_it_are_passed_over(folder: Path):
    for name in ("rung0-chunkX.npz", "rung7-chunk0.npz", "rung0-chunk0.npz.bak", "notes.txt", "rung-1-chunk0.npz"):
        (folder / name).write_bytes(b"junk")
    (folder / "rung0-chunk5.npz").mkdir()
    assert states_of(folder) == "wwwwww"
    with taken(folder) as batch:
        batch.record(0, [result(n, 1, 0.1 * n) for n in range(6)], {"w": np.zeros((6, 1))})
        assert list(batch.states(0, [4])) == [4]
    assert states_of(folder) == "ssssrr"


GOOD = {
    "format": 1,
    "rungs": [1, 3],
    "factor": 3,
    "maximize": True,
    "trials": [{"number": 0, "seed": 0, "settings": {"a": 1}}],
}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"[" * 100_000,
        *(
            json.dumps(GOOD | change).encode()
            for change in (
                {"format": 2},
                {"rungs": []},
                {"rungs": [3, 1]},
                {"rungs": [0, 1]},
                {"rungs": [1.5]},
                {"rungs": "ab"},
                {"factor": 1},
                {"factor": None},
                {"maximize": 1},
                {"trials": {}, "rungs": None},
                {"trials": [{"number": -1, "seed": 0, "settings": {}}]},
                {"trials": [{"number": True, "seed": 0, "settings": {}}]},
                {"trials": [{"number": 0, "seed": 0, "settings": []}]},
                {"trials": [{"number": 0, "seed": 0, "settings": {"a": None}}]},
                {"trials": [{"number": 0, "seed": 2**70, "settings": {}}]},
                {"trials": [{"number": 0, "seed": 0, "settings": {"a": "\ud800"}}]},
                {"trials": [{"number": 0, "seed": 0, "settings": {"a": math.nan}}]},
                {"trials": [{"number": 0, "seed": 0, "settings": {}, "notes": 3}]},
                {"trials": [*GOOD["trials"], *GOOD["trials"]]},  # type: ignore[misc]
                {"current": [7]},
                {"current": 7},
            )
        ),
    ],
)
def test_a_strange_plan_is_an_error(content: bytes, tmp_path: Path):
    (tmp_path / "plan.json").write_text(json.dumps(GOOD))
    assert read_plan(tmp_path).trials[0].settings == {"a": 1}
    (tmp_path / "plan.json").write_bytes(content)
    with pytest.raises(RunError, match=r"plan\.json"):
        read_plan(tmp_path)
    with pytest.raises(RunError):
        take(tmp_path, Told())
    (tmp_path / "plan.json").write_text(json.dumps(GOOD))
    taken(tmp_path).release()  # and nobody holds it


def test_a_plan_comes_back(tmp_path: Path):
    settings = {"a": 0.1, "b": [20, 20], "c": "한글", "d": True, "e": {"name": "CosineDecay", "rate": 1e-300}}
    trials = [Trial(3, settings, seed=2**32 - 1), Trial(4, {**settings, "a": 1}, repeats=2)]
    plan = Plan(trials, (2, 4, 10), 3, False, {4: {"sonmat:generation": "x:3"}}, [4])
    write_plan(tmp_path, plan)
    found = read_plan(tmp_path)
    assert found == replace(plan, rungs=[2, 4, 10])
    assert isinstance(found.trials[1].settings["a"], int)
    assert len((tmp_path / "plan.json").read_text().splitlines()) == 4  # a line a trial, for people


def test_settings_are_tomls_plain_values():
    found = plain_settings({"a": np.float64(0.5), "b": (np.int64(20), 20), "c": np.bool_(True), "d": np.array(3)})
    assert found == {"a": 0.5, "b": [20, 20], "c": True, "d": 3}
    assert [type(value) for value in found.values()] == [float, list, bool, int]
    assert type(found["b"][0]) is int
    for strange in (None, object(), np.zeros(2), {1: 2}, math.nan):
        with pytest.raises(RecipeError):
            plain_settings({"a": strange})


def test_a_batch_is_there_with_its_plan_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    batches = Batches(tmp_path)
    assert batches.make(planned()) == tmp_path / "0000"
    (tmp_path / ".new-dead").mkdir()  # left by a process that was killed
    assert batches.make(planned(first=6)) == tmp_path / "0001"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["0000", "0001"]

    monkeypatch.setattr(Batches, "_names", lambda self: ["0000"])  # another makes 0001 in this moment
    assert batches.make(planned(first=6)) is None
    assert sorted(file.name for file in tmp_path.iterdir()) == ["0000", "0001"]


def test_a_full_disk_leaves_no_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StorageError, match="No space left"):
        Batches(tmp_path).make(planned())
    assert not list(tmp_path.iterdir())


def test_reading_passes_over_what_is_broken_and_working_does_not(tmp_path: Path):
    batches = Batches(tmp_path)
    assert batches.known(strict=True) == []
    batches.make(planned(2))
    batches.make(planned(2, first=2))
    (tmp_path / "0000" / "plan.json").write_text("{")
    (tmp_path / "0002").mkdir()
    (tmp_path / "notes").mkdir()
    assert [[trial.number for trial in known.trials] for known in batches.known(strict=False)] == [[2, 3]]
    with pytest.raises(RunError, match="0000"):
        batches.known(strict=True)
    (tmp_path / "0000" / "plan.json").unlink()
    with pytest.raises(RunError, match="has no plan"):
        batches.known(strict=True)


FINALISTS = [(7, {"a": 1}), (3, {"a": 2})]


def repeats_of(batch: Batch) -> list[tuple[int, int | None, int]]:
    return [(trial.number, trial.repeats, trial.seed) for trial in batch.trials]


def finals(folder: Path, chosen: Any = FINALISTS, seeds: Any = (0, 1)) -> Batch | None:
    return take_finalists(folder, chosen, seeds, epochs=2, maximize=True)


def test_finalists_are_repeated_with_each_seed(tmp_path: Path):
    batch = finals(tmp_path / "finalists")
    assert batch is not None
    assert batch.rungs == [2]
    assert repeats_of(batch) == [(0, 7, 0), (1, 7, 1), (2, 3, 0), (3, 3, 1)]
    assert finals(tmp_path / "finalists") is None  # held
    batch.record(0, [result(n, 2, 0.1 * n) for n in (0, 1)])
    batch.release()

    batch = finals(tmp_path / "finalists")
    assert batch is not None
    assert [trial.number for trial in batch.due(0)] == [2, 3]
    batch.record(0, [result(n, 2, 0.1 * n) for n in (2, 3)])
    batch.release()
    assert finals(tmp_path / "finalists") is None  # done
    found = read_repeats(tmp_path / "finalists")
    assert [(trial.repeats, trial.seed, trial.state) for trial in found] == [
        (7, 0, DONE),
        (7, 1, DONE),
        (3, 0, DONE),
        (3, 1, DONE),
    ]


def test_other_finalists_keep_what_was_repeated(tmp_path: Path):
    batch = finals(tmp_path)
    assert batch is not None
    batch.record(0, [result(n, 2, 0.1 * n) for n in range(4)])
    batch.release()
    batch = finals(tmp_path, [(3, {"a": 2}), (9, {"a": 5})], (0, 1, 2))  # the study was extended
    assert batch is not None
    assert repeats_of(batch) == [(2, 3, 0), (3, 3, 1), (4, 3, 2), (5, 9, 0), (6, 9, 1), (7, 9, 2)]
    assert [trial.number for trial in batch.due(0)] == [4, 5, 6, 7]
    assert sorted(batch.done(0)) == [2, 3]
    batch.release()
    assert [trial.repeats for trial in read_repeats(tmp_path)] == [3, 3, 3, 9, 9, 9]
    assert finals(tmp_path) is None  # the first choice is done still
    assert [trial.value for trial in read_repeats(tmp_path)] == [0.0, 0.1, 0.2, 0.1 * 3]


def test_no_finalists(tmp_path: Path):
    assert read_repeats(tmp_path / "finalists") == []
    (tmp_path / "finalists").mkdir()
    (tmp_path / "finalists" / "plan.json").write_text("{")
    assert read_repeats(tmp_path / "finalists") == []
    with pytest.raises(RunError, match="plan"):
        finals(tmp_path / "finalists")
