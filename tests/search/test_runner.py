"""Studies trained: who trains with whom and from which state, what a kill may not change, and the finals."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sonmat as sm
from sonmat.data.dataset import Dataset
from sonmat.engine.lanes import chunks_of
from sonmat.engine.population_program import Devices
from sonmat.errors import RecipeError
from sonmat.jobs.members import fit_settings
from sonmat.jobs.rows import rows_of
from sonmat.jobs.sweep import study_recipe
from sonmat.models.catalog import build_recipe
from sonmat.models.reading import read_recipe
from sonmat.models.recipe import Recipe
from sonmat.runs.fit import fit
from sonmat.search import runner as runner_module
from sonmat.search.halving import survivors
from sonmat.search.plan import Plan
from sonmat.search.ranking import rank
from sonmat.search.runner import FINALISTS, SEARCH, Runner, SweepProgress
from sonmat.search.space import Choice, Range, Space
from sonmat.search.study import Asked, Study
from sonmat.search.trial import DONE, FAILED, STOPPED, Trial
from sonmat.search.worker import Answer, Job, LocalWorkers, Told, from_states, to_states

RATES = Space({"train.learning_rate": Range(0.01, 1.0, log=True)})
SMALL = ("hidden=[8]", "batch_size=30")
Settings = Mapping[str, Any]


class Stopped(Exception):
    """A kill, as far as the process's own memory goes."""


class MadeUp:
    """Workers that compute nothing: a trial's loss follows from its number, seed and epoch, its state says whose it is.

    Args:
        loss: Number and seed → the loss it would have after long; not finite fails in its second epoch.
        stop_after: Jobs after which it is killed.
    """

    def __init__(self, loss: Callable[[int, int], float] = lambda n, seed: n, stop_after: int | None = None) -> None:
        self._loss, self._stop_after = loss, stop_after
        self.jobs: list[Job] = []
        self.populations: list[Any] = []

    def run(self, many: Any, jobs: Sequence[Job], places: Mapping[int, int], told: Told) -> Iterator[Answer]:
        self.populations.append(many)
        for job in jobs:
            if self._stop_after is not None and len(self.jobs) >= self._stop_after:
                raise Stopped
            self.jobs.append(job)
            for number, state in zip(job.numbers, job.states, strict=bool(job.states)):
                assert state["0.0"].tolist() == [number, job.begin], "another trial's state, or another epoch's"
            columns, failed = [], []
            for number, member in zip(job.numbers, job.members, strict=True):
                ends = self._loss(number, member["seed"])
                losses = [ends + 1 / (1 + epoch) for epoch in range(job.begin, job.end)]
                broken = None if np.isfinite(ends) or job.end < 2 else max(1, job.begin)
                losses = losses if np.isfinite(ends) else [9.0] * ((broken or job.end) - job.begin)
                columns.append({"loss": losses, "val_loss": losses})
                failed.append(broken)
            for epoch in range(job.begin, job.end):
                told(job, epoch + 1)
            states = tuple({"0.0": np.array([number, job.end])} for number in job.numbers)
            lanes = (0,) * len(job.numbers)
            yield Answer(job, tuple(columns), tuple(failed), lanes, states, 1.0, time.time(), time.time())

    def close(self) -> None:
        pass


class Cut(LocalWorkers):
    """This process, killed after so many jobs."""

    def __init__(self, jobs: int) -> None:
        self._left = jobs

    def run(self, *arguments: Any) -> Iterator[Answer]:
        for answer in super().run(*arguments):
            yield answer  # which is recorded before the next is asked for
            self._left -= 1
            if not self._left:
                raise Stopped


@pytest.fixture(autouse=True, scope="module")
def _place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SONMAT_HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner_module, "_WAIT_SECONDS", 0.01)


def recipe_of(small: Path, *settings: str, name: str = "notes-mlp") -> Recipe:
    return replace(read_recipe(name, settings), data=str(small), split_seed=0)


@pytest.fixture(scope="module")
def rows(small: Path) -> tuple[Dataset, Dataset, Dataset]:
    return rows_of(recipe_of(small))


def asked_of(small: Path, *settings: str, name: str = "notes-mlp", space: Space = RATES, **options: Any) -> Asked:
    options = {"trials": 6, "sampler": "qmc", "metric": "val_loss", "maximize": False, "halving": None, **options}
    return Asked(recipe_of(small, *SMALL, *settings, name=name), space, **options)


@pytest.fixture
def planned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Study]:
    """A study that tries just these settings, in one batch; another under each name."""

    def make(asked: Asked, settings: Sequence[Settings], rungs: Sequence[int], name: str = "study") -> Study:
        trials = [Trial(number, one, asked.recipe.seed) for number, one in enumerate(settings)]
        factor = asked.halving if len(rungs) > 1 else None
        plan = Plan(trials, rungs, factor, asked.maximize)
        monkeypatch.setattr(Study, "_ask", lambda study: None if study.trials else plan)
        monkeypatch.setattr(Study, "_tell", lambda study, trials: None)  # Optuna takes settings of the space alone
        return Study.create(tmp_path / name, replace(asked, trials=len(trials)))

    return make


def searched(study: Study, rows: Sequence[Dataset], workers: Any = None, **options: Any) -> list[Trial]:
    Runner(study, rows[0], rows[1], workers=workers, **options).search()
    return study.trials


def same_bits(one: Sequence[Trial], other: Sequence[Trial]) -> None:
    for a, b in zip(one, other, strict=True):
        assert (a.number, a.state, a.value, a.seed, a.repeats) == (b.number, b.state, b.value, b.seed, b.repeats)
        assert a.curves.keys() == b.curves.keys()
        for name in a.curves:
            np.testing.assert_array_equal(a.curves[name], b.curves[name], err_msg=f"trial {a.number}: {name}")


# --- what is trained ---

MEMBERS: list[Settings] = [
    {"train.optimizer": "adam", "model.hidden": [6, 6]},
    {"train.learning_rate": {"name": "Cosine", "peak": 0.2}, "train.batch_size": 42},
    {"train.augment": {"shift": 1}, "train.label_smoothing": 0.1, "train.learning_rate": 0.1},
    {"train.optimizer": "adam", "train.learning_rate": 0.02, "train.average": {"name": "EMA", "decay": 0.9}},
]


def test_a_trial_is_what_train_gives_with_its_settings(
    small: Path, rows: Any, planned: Callable[..., Study], tmp_path: Path
) -> None:
    study = planned(asked_of(small, "epochs=2"), MEMBERS, [2])
    losses = set()
    for trial in searched(study, rows):
        assert trial.state == DONE
        recipe = study_recipe(study, trial.settings, trial.seed)
        if trial.number == 2:
            trained = sm.train(recipe, out=tmp_path / "run")
            history, loss = trained.history.history, trained.validation.metrics["loss"]
        else:  # the others without the pictures
            model = build_recipe(recipe, rows[0])
            history = fit(model, rows[0], validation_data=rows[1], **fit_settings(recipe)).history
            loss = sm.evaluate(model, rows[1]).metrics["loss"]
        assert trial.curves.keys() == history.keys()
        for name, column in history.items():
            np.testing.assert_allclose(trial.curves[name], column, rtol=1e-4, atol=2e-5, err_msg=name)
        assert trial.value == pytest.approx(loss, rel=1e-4)
        losses.add(round(loss, 4))
    assert len(losses) == len(MEMBERS), "settings that change nothing prove nothing"


def test_a_schedule_in_the_recipe_gives_way_to_a_rate(small: Path, rows: Any, planned: Callable[..., Study]) -> None:
    cosine = 'learning_rate={name="Cosine",peak=0.3}'
    scheduled = planned(asked_of(small, "epochs=1", cosine), [{"train.learning_rate": 0.1}], [1], "scheduled")
    plain = planned(asked_of(small, "epochs=1"), [{"train.learning_rate": 0.1}], [1], "plain")
    same_bits(searched(scheduled, rows), searched(plain, rows))


# --- halving ---

EVERYTHING = (
    "epochs=4",
    "optimizer=adam",
    "learning_rate=0.01",
    "dropout=0.2",
    "augment={shift=1}",
    'average={name="EMA",decay=0.9}',
)


def test_halving_changes_no_bit_of_a_curve(small: Path, rows: Any, planned: Callable[..., Study]) -> None:
    # each of another structure, so that each is a lane of its own at every rung: how many share one shows in the last bits
    settings = [{"model.hidden": [units]} for units in (4, 5, 6)]
    asked = asked_of(small, *EVERYTHING, name="mlp", halving=2)
    halved = searched(planned(asked, settings, [1, 2, 4], "halved"), rows)
    whole = searched(planned(asked, settings, [4], "whole"), rows)

    epochs = [trial.epochs for trial in halved]
    assert sorted(epochs) == [1, 2, 4]
    for one, other in zip(halved, whole, strict=True):
        assert one.curves.keys() == other.curves.keys()
        for name, curve in one.curves.items():
            np.testing.assert_array_equal(curve, other.curves[name][: one.epochs], err_msg=name)
        assert one.value == pytest.approx(other.curves["val_loss"][one.epochs - 1], rel=1e-7)
        assert one.state == (DONE if one.epochs == 4 else STOPPED)


def test_the_best_of_a_rung_go_on(small: Path, rows: Any, planned: Callable[..., Study]) -> None:
    settings = [{"train.learning_rate": rate} for rate in (0.01, 0.05, 0.1, 0.2, 0.3, 0.5)]
    asked = asked_of(small, "epochs=4", halving=2)
    halved = searched(planned(asked, settings, [1, 2, 4], "halved"), rows)
    whole = searched(planned(asked, settings, [4], "whole"), rows)

    alive = set(range(6))
    for epochs, further in ((1, 2), (2, 4)):
        reached = {number: float(halved[number].curves["val_loss"][epochs - 1]) for number in alive}
        alive = set(survivors(reached, 2, maximize=False))
        assert {trial.number for trial in halved if trial.epochs >= further} == alive
    for one, other in zip(halved, whole, strict=True):
        for name, curve in one.curves.items():
            np.testing.assert_allclose(curve, other.curves[name][: one.epochs], rtol=1e-4, atol=2e-6)
    assert {trial.state for trial in halved} == {DONE, STOPPED}


def test_each_job_goes_on_from_its_own_states(small: Path, rows: Any, planned: Callable[..., Study]) -> None:
    workers = MadeUp(lambda number, seed: (number * 5) % 7)
    settings = [{"train.learning_rate": 0.01 * (1 + number)} for number in range(7)]
    study = planned(asked_of(small, "epochs=4", halving=2), settings, [1, 2, 4])
    trials = searched(study, rows, workers)

    assert [(job.begin, job.end, len(job.numbers)) for job in workers.jobs] == [(0, 1, 7), (1, 2, 4), (2, 4, 2)]
    assert len({id(many) for many in workers.populations}) == 1, "built again at a rung"
    best = sorted(range(7), key=lambda number: (number * 5) % 7)
    assert [trial.number for trial in trials if trial.state == DONE] == sorted(best[:2])
    for trial in trials:
        ends = (trial.number * 5) % 7
        np.testing.assert_allclose(trial.curves["val_loss"], [ends + 1 / (1 + e) for e in range(trial.epochs)])
        assert trial.value == pytest.approx(ends + 1 / trial.epochs)
        assert trial.seconds == pytest.approx(sum(1 / n for n in (7, 4, 2)[: (1, 2, 4).index(trial.epochs) + 1]))
    assert not list(study.path.rglob("*.state.npz")), "states that nobody needs any more"


def test_one_that_fails_ends_where_it_fails(small: Path, rows: Any, planned: Callable[..., Study]) -> None:
    settings = [{"train.learning_rate": rate} for rate in (0.1, 1e30, 0.2)]
    trials = searched(planned(asked_of(small, "epochs=3", halving=3), settings, [1, 3]), rows)
    failed = trials[1]
    assert (failed.state, failed.value) == (FAILED, None)
    assert failed.reason == "the loss is no longer finite in epoch 1"
    assert sorted(trial.state for trial in trials) == [DONE, FAILED, STOPPED]
    assert all(np.isfinite(curve).all() for trial in trials for curve in trial.curves.values())

    late = MadeUp(lambda number, seed: np.inf if number == 0 else number)
    trials = searched(planned(asked_of(small, "epochs=4", halving=2), settings, [1, 4], "late"), rows, late)
    assert (trials[0].state, trials[0].epochs) == (STOPPED, 1), "9 after an epoch is the worst"
    late = MadeUp(lambda number, seed: np.inf if number == 0 else 20 + number)
    trials = searched(planned(asked_of(small, "epochs=4", halving=2), settings, [1, 4], "later"), rows, late)
    assert trials[0].reason == "the loss is no longer finite in epoch 2"
    assert (trials[0].state, trials[0].epochs) == (FAILED, 1)


# --- kills ---


def _unstable(devices: int) -> int:
    """A number of trials whose rest, once the first chunk is done, would be cut into other chunks if it stood alone."""
    for count in range(3, 400):
        _, *rest = (chunk.members for chunk in chunks_of({0: list(range(count))}, devices))
        left = [place for members in rest for place in members]
        if rest and [chunk.members for chunk in chunks_of({0: left}, devices)] != rest:
            return count
    raise AssertionError("no such number")


def test_a_rung_is_cut_as_if_there_had_been_no_kill(small: Path, rows: Any, tmp_path: Path) -> None:
    asked = asked_of(small, "epochs=1", trials=_unstable(Devices().count))
    whole = searched(Study.create(tmp_path / "whole", asked), rows)
    study = Study.create(tmp_path / "killed", asked)
    with pytest.raises(Stopped):
        searched(study, rows, Cut(1))
    assert 0 < sum(trial.state == DONE for trial in study.trials) < asked.trials
    same_bits(searched(study, rows), whole)


def test_programs_have_the_same_constants_after_a_kill(small: Path, rows: Any, planned: Callable[..., Study]) -> None:
    # alone, the survivor's dropout would be a constant that XLA divides by in another way
    settings = [{"model.dropout": share} for share in (0.3, 0.45, 0.6)]
    asked = asked_of(small, "epochs=3", "learning_rate=0.05", name="mlp", halving=3)
    whole = searched(planned(asked, settings, [1, 3], "whole"), rows)
    study = planned(asked, settings, [1, 3], "killed")
    with pytest.raises(Stopped):
        searched(study, rows, Cut(1))
    assert sorted(trial.epochs for trial in study.trials) == [1, 1, 1]
    same_bits(searched(study, rows), whole)


@pytest.mark.parametrize("stop_after", range(1, 9))
def test_killed_after_any_job(stop_after: int, small: Path, rows: Any, planned: Callable[..., Study]) -> None:
    settings = [{"model.hidden": [units]} for units in (2, 3, 4, 5)]
    asked = asked_of(small, "epochs=4", halving=2, finalists=2, seeds=1)

    def loss(number: int, seed: int) -> float:
        return (number * 3) % 4 + seed / 10

    def run(study: Study, workers: MadeUp) -> tuple[list[Trial], Any]:
        runner = Runner(study, rows[0], rows[1], workers=workers)
        runner.search()
        return study.trials, runner.finals()

    whole = run(planned(asked, settings, [1, 2, 4], "whole"), everything := MadeUp(loss))
    assert len(everything.jobs) == 4 + 2 + 1 + 1
    study = planned(asked, settings, [1, 2, 4], "killed")
    before, after = MadeUp(loss, stop_after), MadeUp(loss)
    if stop_after < len(everything.jobs):
        with pytest.raises(Stopped):
            run(study, before)
    else:
        run(study, before)
    trials, ranking = run(study, after)
    same_bits(trials, whole[0])
    assert ranking == whole[1]
    assert [job.numbers for job in before.jobs + after.jobs] == [job.numbers for job in everything.jobs]


def test_one_whose_state_is_lost_begins_again(small: Path, rows: Any, planned: Callable[..., Study]) -> None:
    settings = [{"model.hidden": [units]} for units in (4, 5)]
    asked = asked_of(small, *EVERYTHING, name="mlp", halving=2)
    whole = searched(planned(asked, settings, [2, 4], "whole"), rows)
    study = planned(asked, settings, [2, 4], "killed")
    with pytest.raises(Stopped):
        searched(study, rows, Cut(2))
    for file in study.path.rglob("rung0-*.state.npz"):
        file.unlink()
    same_bits(searched(study, rows), whole)


def test_no_more_than_so_many_are_ready_at_once(
    small: Path, rows: Any, planned: Callable[..., Study], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner_module, "AT_ONCE", 3)
    settings = [{"train.learning_rate": 0.01 * (1 + number)} for number in range(8)]
    asked = asked_of(small, "epochs=3", halving=2)

    def loss(number: int, seed: int) -> float:
        return number % 5

    study = planned(asked, settings, [1, 3], "cut")
    trials = searched(study, rows, workers := MadeUp(loss))
    assert [job.numbers for job in workers.jobs] == [(0, 1, 2), (3, 4, 5), (6, 7), (0, 1, 5), (6,)]
    assert [len(many.settings) for many in workers.populations] == [3, 3, 2, 3, 1]
    for stop_after in (1, 4):
        study = planned(asked, settings, [1, 3], f"killed{stop_after}")
        with pytest.raises(Stopped):
            searched(study, rows, MadeUp(loss, stop_after))
        same_bits(searched(study, rows, after := MadeUp(loss)), trials)
        assert [job.numbers for job in after.jobs] == [job.numbers for job in workers.jobs[stop_after:]]


def test_states_go_through_names_and_back() -> None:
    state = ([np.ones((2, 3)), np.arange(11)], [], [np.float32(3)], [])
    many = ([np.full(2, place) for place in range(12)], [np.zeros(1)], [], [], [np.ones(2)])
    for given in (state, many):
        back = from_states(to_states(given))
        assert len(back) == len(given)
        for one, other in zip(back, given, strict=True):
            assert len(one) == len(other)
            for a, b in zip(one, other, strict=True):
                np.testing.assert_array_equal(a, b)


# --- what cannot be ---


def test_a_metric_that_does_not_exist_is_refused_before_anything_is_trained(
    small: Path, rows: Any, planned: Callable[..., Study]
) -> None:
    workers = MadeUp()
    study = planned(asked_of(small, "epochs=1", metric="val_auc"), [{"train.learning_rate": 0.1}], [1])
    with pytest.raises(RecipeError, match="no metric 'val_auc'") as refused:
        searched(study, rows, workers)
    assert not workers.jobs
    assert refused.value.fix == "Known: accuracy, loss, val_accuracy, val_loss."
    assert "trial 0 (train.learning_rate=0.1)" in refused.value.problem


@pytest.mark.parametrize("metric", ["loss", "val_loss", "accuracy", "val_accuracy"])
def test_every_column_of_the_history_can_be_the_metric(metric: str, small: Path, rows: Any) -> None:
    study = type("Asking", (), {"asked": asked_of(small, metric=metric), "best": lambda self: None})()
    many = Runner(study, rows[0], rows[1]).prepared([Trial(0, {"train.learning_rate": 0.1})])
    assert len(many.settings) == 1


def test_what_cannot_be_is_told_of_its_trial(small: Path, rows: Any) -> None:
    study = type("Asking", (), {"asked": asked_of(small), "best": lambda self: None})()
    runner = Runner(study, rows[0], rows[1])
    good = Trial(41, {"train.learning_rate": 0.1})
    for settings, named in (
        ({"train.batch_size": 0, "model.hidden": [2]}, r"train\.batch_size=0, model\.hidden=\[2\]"),
        ({"model.hidden": [0]}, r"model\.hidden=\[0\]"),
        ({"train.label_smoothing": 0.1, "train.loss": "kl_divergence"}, r"train\.label_smoothing=0\.1, train\.loss="),
    ):
        with pytest.raises(sm.SonmatError, match=rf"^trial 42 \({named}.*\): "):
            runner.prepared([good, Trial(42, settings), good])
    repeat = Trial(3, {"train.batch_size": 0}, repeats=17)
    with pytest.raises(sm.SonmatError, match=r"^trial 17 \(train\.batch_size=0\): "):
        runner.prepared([good, repeat])


# --- finals ---


def test_finals_repeat_the_best_with_seeds_of_their_own(small: Path, rows: Any, planned: Callable[..., Study]) -> None:
    settings = [{"train.learning_rate": 0.01 * (1 + number % 5)} for number in range(8)]  # some twice
    asked = asked_of(small, "epochs=1", "seed=4294967294", finalists=3, seeds=3)

    def loss(number: int, seed: int) -> float:
        return 8 - number + seed % 7 / 100

    study = planned(asked, settings, [1])
    runner = Runner(study, rows[0], rows[1], workers=(workers := MadeUp(loss)))
    runner.search()
    ranking = runner.finals()
    assert [trial.number for trial in runner.finalists()] == [7, 6, 5], "the best first; 2, 1, 0 are the same settings"
    assert runner.finalists()[0].seed == 4294967294
    seeds = (0, 1, 4294967295)  # the search's own is not among them; they go round at 2³²
    assert ranking.seeds == seeds
    assert sorted({(one.repeats, one.seed) for one in study.repeats}) == [(n, s) for n in (5, 6, 7) for s in seeds]
    assert all(one.settings == settings[one.repeats or 0] for one in study.repeats)
    assert ranking == rank(study.repeats, maximize=False)
    assert {member["seed"] for job in workers.jobs[1:] for member in job.members} == set(seeds)
    jobs = len(workers.jobs)
    assert Runner(study, rows[0], rows[1], workers=workers).finals() == ranking
    assert len(workers.jobs) == jobs, "repeats that are done are done"


def test_finalists_are_those_that_came_to_the_end(small: Path, rows: Any, planned: Callable[..., Study]) -> None:
    settings = [{"train.learning_rate": 0.01 * (1 + number)} for number in range(6)]
    asked = asked_of(small, "epochs=4", halving=3, finalists=5, seeds=2)
    study = planned(asked, settings, [1, 4])
    runner = Runner(study, rows[0], rows[1], workers=MadeUp(lambda number, seed: np.inf if number == 5 else number))
    runner.search()
    assert [trial.number for trial in runner.finalists()] == [0, 1]
    assert [one.number for one in runner.finals().standings] == [0, 1]


def test_no_finalists_and_one_seed(small: Path, rows: Any, planned: Callable[..., Study]) -> None:
    settings = [{"train.learning_rate": 0.01 * (1 + number)} for number in range(3)]
    none = planned(asked_of(small, "epochs=1", finalists=0), settings, [1], "none")
    runner = Runner(none, rows[0], rows[1], workers=MadeUp())
    runner.search()
    assert runner.finals().standings == ()
    assert not (none.path / "finalists").exists()
    one = planned(asked_of(small, "epochs=1", finalists=2, seeds=1), settings, [1], "one")
    runner = Runner(one, rows[0], rows[1], workers=MadeUp())
    runner.search()
    ranking = runner.finals()
    assert [(each.number, each.n, each.chance) for each in ranking.standings] == [(0, 1, None), (1, 1, None)]


def test_a_finalist_that_fails_with_a_seed_stands_behind(small: Path, rows: Any, planned: Callable[..., Study]) -> None:
    settings = [{"train.learning_rate": 0.01 * (1 + number)} for number in range(2)]
    study = planned(asked_of(small, "epochs=2", finalists=2, seeds=2), settings, [2])
    Runner(study, rows[0], rows[1], workers=MadeUp()).search()
    # repeats are numbered 0, 1 (of trial 0) and 2, 3 (of trial 1)
    workers = MadeUp(lambda number, seed: np.inf if number == 1 else number)
    ranking = Runner(study, rows[0], rows[1], workers=workers).finals()
    assert [one.number for one in ranking.standings] == [1, 0]
    assert ranking.standings[1].failed == (2,)


# --- company ---


def test_what_another_process_holds_is_waited_for(small: Path, rows: Any, planned: Callable[..., Study]) -> None:
    settings = [{"train.learning_rate": 0.01 * (1 + number)} for number in range(3)]
    study = planned(asked_of(small, "epochs=1", finalists=2, seeds=2), settings, [1])
    held: list[Any] = [Study.open(study.path).take_batch()]
    seen: list[SweepProgress] = []

    def told(progress: SweepProgress) -> None:
        seen.append(progress)
        if progress.waiting:
            held.pop().release()

    runner = Runner(study, rows[0], rows[1], workers=MadeUp(), told=told)
    runner.search()
    assert (seen[0].waiting, seen[0].phase, seen[0].done) == (True, SEARCH, 0)
    assert not held
    assert [trial.state for trial in study.trials] == [DONE] * 3

    best = [(trial.number, trial.settings) for trial in runner.finalists()]
    held.append(Study.open(study.path).take_finals(best, [1, 2]))
    seen.clear()
    assert len(runner.finals().standings) == 2
    assert (seen[0].waiting, seen[0].phase) == (True, FINALISTS)
    assert not held


def test_progress_counts_what_has_come_to_its_end(small: Path, rows: Any, planned: Callable[..., Study]) -> None:
    settings = [{"model.hidden": [units]} for units in (2, 3, 4, 5)]
    asked = asked_of(small, "epochs=4", halving=2, finalists=2, seeds=2)
    study = planned(asked, settings, [1, 4])
    seen: list[SweepProgress] = []
    with pytest.raises(Stopped):
        searched(study, rows, MadeUp(stop_after=5), told=seen.append)
    assert [one.done for one in seen if one.phase == SEARCH][-1] == 3, "two were stopped, one is done, one is left"

    seen.clear()
    runner = Runner(study, rows[0], rows[1], workers=MadeUp(), told=seen.append)
    runner.search()
    assert (seen[0].done, seen[0].trials) == (3, 4)
    assert (seen[-1].done, seen[-1].trials, seen[-1].trained) == (4, 4, 1)
    assert seen[-1].best is not None
    assert seen[-1].best.number == 0
    seen.clear()
    runner.finals()
    assert (seen[0].phase, seen[0].done, seen[0].trials) == (FINALISTS, 0, 4)
    assert (seen[-1].done, seen[-1].trials, seen[-1].trained) == (4, 4, 4)
    done = [one.done for one in seen]
    assert done == sorted(done)
    assert all(one.remaining is None or one.remaining >= 0 for one in seen)


def test_progress_counts_a_space_that_has_fewer(small: Path, rows: Any, tmp_path: Path) -> None:
    space = Space({"train.learning_rate": Choice((0.01, 0.1)), "train.optimizer": Choice(("sgd", "adam"))})
    seen: list[SweepProgress] = []
    study = Study.create(tmp_path / "study", asked_of(small, "epochs=1", space=space, trials=100, sampler="grid"))
    trials = searched(study, rows, MadeUp(), told=seen.append)
    assert len(trials) == 4
    assert (seen[-1].done, seen[-1].trials) == (4, 4)
