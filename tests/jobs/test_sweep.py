"""A whole study: asked, searched, repeated, its winner tested once; extended; and refused before it begins."""

from __future__ import annotations

import builtins
import importlib.util
import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import filelock
import numpy as np
import pytest

import sonmat as sm
from sonmat.errors import RecipeError, RunError, SonmatError, StorageError, TrainingError, UnsupportedError
from sonmat.jobs import sweep as sweep_module
from sonmat.jobs.evaluate import evaluate_run
from sonmat.jobs.sweep import ROWS, Swept, resume_sweep, sweep
from sonmat.jobs.sweep_begun import SweepBegun, _mean_epochs
from sonmat.jobs.sweep_question import question
from sonmat.models.reading import read_recipe
from sonmat.models.recipe import Recipe
from sonmat.runs.folder import RunFolder
from sonmat.search import runner as runner_module
from sonmat.search.asked import Asked
from sonmat.search.halving import rungs, survivors
from sonmat.search.ranking import optimism, rank
from sonmat.search.space import Space
from sonmat.search.study import Study, list_studies
from sonmat.search.study_folder import WINNERS
from sonmat.search.trial import DONE, FAILED, STOPPED
from sonmat.search.worker import Answer, Job, LocalWorkers, Told

SMALL = ("hidden=[8]", "batch_size=30", "epochs=4")
SLOW_RATES = ["learning_rate=log:0.003..0.02"]


class MadeUp(LocalWorkers):
    """Workers that compute nothing: the higher a learning rate, the lower the loss."""

    def run(self, many: Any, jobs: Sequence[Job], places: Mapping[int, int], told: Told) -> Iterator[Answer]:
        for job in jobs:
            count, epochs = len(job.numbers), job.end - job.begin
            rates = [member.get("learning_rate", 0.0) for member in job.members]
            columns = tuple(dict.fromkeys(("loss", "val_loss", "val_accuracy"), [1 - rate] * epochs) for rate in rates)
            states = tuple({"0.0": np.zeros(1)} for _ in rates)
            yield Answer(job, columns, (None,) * count, (0,) * count, states, 1.0, time.time(), time.time())


class Never(LocalWorkers):
    """Workers that nobody should have asked."""

    def run(self, *_: Any) -> Iterator[Answer]:
        raise AssertionError("something was trained")


@pytest.fixture(autouse=True, scope="module")
def _place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SONMAT_HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(scope="module")
def finished(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Swept:
    """A study of six rates that are all too low; tests copy it where they change it."""
    return sweep(
        "notes-mlp", SLOW_RATES, trials=6, metric="val_loss", halving=2, finalists=2, seeds=3, data=small, settings=SMALL,
        out=tmp_path_factory.mktemp("finished") / "study",
    )  # fmt: skip


@pytest.fixture
def copied(finished: Swept, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished.study.path, tmp_path / "copied"))


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner_module, "LocalWorkers", MadeUp)
    monkeypatch.setattr(sweep_module, "draw_study", lambda study: [study.path / "study.html"])


@pytest.fixture
def nothing_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner_module, "LocalWorkers", Never)


# --- a study from end to end ---


def test_every_trial_was_tried_and_the_best_went_on(finished: Swept) -> None:
    trials = finished.study.trials
    assert [trial.number for trial in trials] == list(range(6))
    assert sorted(trial.epochs for trial in trials) == [1, 1, 1, 2, 4, 4]
    assert {trial.state for trial in trials if trial.epochs == 4} == {DONE}
    assert {trial.state for trial in trials if trial.epochs < 4} == {STOPPED}
    after_one = {trial.number: float(trial.curves["val_loss"][0]) for trial in trials}
    assert {trial.number for trial in trials if trial.epochs > 1} == set(survivors(after_one, 2, maximize=False))
    for trial in trials:
        assert trial.value == pytest.approx(trial.curves["val_loss"][-1])
        assert all(len(curve) == trial.epochs for curve in trial.curves.values())


def test_the_ranking_is_that_of_the_repeats(finished: Swept) -> None:
    study, result = finished.study, json.loads((finished.study.path / "result.json").read_text())
    ranking = rank(study.repeats, maximize=False)
    assert result["ranking"] == json.loads(json.dumps(ranking.as_dict()))
    assert finished.ranking == ranking
    assert len(study.repeats) == 6
    searched = {trial.seed for trial in study.trials}
    assert searched == {study.asked.recipe.seed} == {0}
    assert ranking.seeds == (1, 2, 3)
    assert {one.repeats for one in study.repeats} == {trial.number for trial in study.trials if trial.state == DONE}
    assert result["models"] == 12
    assert result["failed"] == 0


def test_the_winner_is_an_ordinary_run(finished: Swept) -> None:
    first = finished.ranking.first
    assert first is not None
    assert finished.winner is not None
    run = RunFolder(finished.winner.folder)
    assert run.path == finished.study.path / WINNERS / str(first.number)
    assert run.finished
    recipe = run.recipe
    assert (recipe.seed, recipe.split_seed) == (1, 0)
    assert recipe.train.learning_rate == first.settings["train.learning_rate"]
    assert recipe.model.settings["hidden"] == [8]
    (repeat,) = (one for one in finished.study.repeats if (one.repeats, one.seed) == (first.number, 1))
    for name, column in finished.winner.history.history.items():
        np.testing.assert_allclose(repeat.curves[name], column, rtol=1e-4, atol=2e-6, err_msg=name)
    assert (run.path / "curves.png").is_file()
    assert Recipe.from_dict(finished.result["winner"]["recipe"]) == recipe
    evaluated = evaluate_run(run.path, part="validation")
    assert evaluated.found.metrics["loss"] == pytest.approx(finished.winner.validation.metrics["loss"])


def test_the_test_set_was_read_once(finished: Swept) -> None:
    assert [len(RunFolder(run).readings) for run in (finished.study.path / WINNERS).iterdir()] == [1]
    assert finished.result["winner"]["test_readings"] == 1
    assert finished.result["winner"]["test"]["n"] == 200


def test_what_the_search_promised_is_held_against_what_came(finished: Swept) -> None:
    best = finished.study.best()
    assert best is not None
    assert best.value is not None
    assert finished.winner is not None
    mean = np.mean([one.value for one in finished.study.repeats if one.repeats == best.number])
    loss = finished.winner.test.metrics["loss"]
    assert finished.result["winner"]["tested"] == pytest.approx(loss)
    assert finished.ranking.first is not None
    tested = loss if finished.ranking.first.number == best.number else None  # no other trial was tested
    expected = {"trial": best.number, **optimism(best.value, float(mean), tested, maximize=False).as_dict()}
    assert finished.result["optimism"] == pytest.approx(expected)


def test_the_folder_says_it_all_again(finished: Swept) -> None:
    study = Study.open(finished.study.path)
    assert study.result == json.loads(json.dumps(finished.result))
    assert study.row()["state"] == "finished"
    assert all(picture.is_file() for picture in finished.pictures)
    assert finished.pictures[0].name == "study.html"
    assert finished.as_dict()["study"] == str(study.path)


# --- going on ---


def test_a_finished_study_is_read_back(copied: Path, finished: Swept, nothing_runs: None) -> None:
    begun: list[SweepBegun] = []
    again = resume_sweep(copied, begun=begun.append)
    assert again.ranking == finished.ranking
    assert again.winner is not None
    assert again.winner.again
    timeless = ({**result, "finished": None} for result in (again.result, finished.result))
    assert next(timeless) == next(timeless)
    assert [what.known for what in begun] == [False, True]
    what = begun[1]
    assert (what.done, what.forecast, what.finals) == (6, None, None)
    assert what.rows == {"train": 420, "validation": 180, "test": 200}


def test_a_wider_space_finds_another_winner_and_counts_its_look_at_the_test_set(copied: Path, finished: Swept) -> None:
    before = Study.open(copied).trials
    wider = resume_sweep(copied, trials=12, space=["learning_rate=log:0.003..0.5"])
    trials = wider.study.trials
    assert len(trials) == 12
    for one, other in zip(trials, before, strict=False):
        assert (one.state, one.value, one.settings) == (other.state, other.value, other.settings)
    assert max(trial.settings["train.learning_rate"] for trial in trials[6:]) > 0.02
    assert finished.ranking.first is not None
    assert wider.ranking.first is not None
    assert wider.ranking.first.number >= 6
    runs = {int(run.name): len(RunFolder(run).readings) for run in (copied / WINNERS).iterdir()}
    assert runs == {finished.ranking.first.number: 1, wider.ranking.first.number: 1}
    assert wider.result["winner"]["test_readings"] == 2
    assert wider.result["ranking"] == wider.ranking.as_dict()
    assert wider.ranking == rank(wider.study.repeats, maximize=False)
    assert wider.result["models"] == 12 + len(wider.study.repeats)


def test_more_trials_are_those_that_a_longer_study_had_tried(small: Path, tmp_path: Path, made_up: None) -> None:
    how: dict[str, Any] = {"metric": "val_loss", "finalists": 0, "data": small, "settings": SMALL, "halving": None}
    for sampler in ("random", "qmc"):
        sweep("notes-mlp", SLOW_RATES, trials=5, sampler=sampler, out=tmp_path / sampler, **how)
        more = resume_sweep(tmp_path / sampler, trials=8).study.trials
        whole = sweep("notes-mlp", SLOW_RATES, trials=8, sampler=sampler, out=tmp_path / f"{sampler}8", **how)
        assert [trial.settings for trial in more] == [trial.settings for trial in whole.study.trials]


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"space": ["learning_rate=log:0.005..0.02"]}, "train.learning_rate"),
        ({"space": ["learning_rate=0.003,0.02"]}, "train.learning_rate"),
        ({"space": ["batch_size=20,30"]}, "train.batch_size"),
        ({"space": ["nothing=1,2"]}, "nothing"),
        ({"space": ["learning_rate=log:0..1"]}, "train.learning_rate"),
        ({"trials": 5}, "asked for 6 trials"),
        ({"cluster": "spark"}, "spark"),
    ],
    ids=str,
)
def test_what_a_study_cannot_become_is_refused_and_leaves_it_as_it_was(
    more: dict[str, Any], told: str, copied: Path, nothing_runs: None
) -> None:
    before = (copied / "study.toml").read_bytes()
    with pytest.raises(RecipeError, match=told):
        resume_sweep(copied, **more)
    assert (copied / "study.toml").read_bytes() == before
    assert Study.open(copied).result is not None


def test_no_study_there(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no study"):
        resume_sweep(tmp_path / "nowhere")


def test_a_folder_with_the_same_study_is_gone_on_with(copied: Path, small: Path, nothing_runs: None) -> None:
    how: dict[str, Any] = {"metric": "val_loss", "halving": 2, "finalists": 2, "seeds": 3, "settings": SMALL}
    again = sweep("notes-mlp", SLOW_RATES, trials=6, data=small, out=copied, **how)
    assert len(again.study.trials) == 6
    with pytest.raises(RunError, match="asked something else"):
        sweep("notes-mlp", SLOW_RATES, trials=7, data=small, out=copied, **how)
    with pytest.raises(RecipeError, match="val_auc"):
        sweep("notes-mlp", SLOW_RATES, trials=6, data=small, out=copied.parent / "new", **how | {"metric": "val_auc"})
    assert Study.open(copied).result is not None


def test_one_process_at_a_time_trains_the_winner(
    copied: Path, finished: Swept, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another one waits: the run's own lock would be an error to it."""
    asked = []

    def train(recipe: Recipe, *, out: Path, **_: Any) -> Any:
        locks = list(copied.glob(".winner*"))
        assert len(locks) == 1
        with pytest.raises(filelock.Timeout):
            filelock.FileLock(locks[0], timeout=0).acquire()
        asked.append(out)
        return finished.winner

    monkeypatch.setattr(sweep_module, "train", train)
    resume_sweep(copied)
    assert len(asked) == 1


# --- small and strange studies ---


def test_one_trial_one_seed(small: Path, tmp_path: Path) -> None:
    swept = sweep(
        "notes-mlp", ["learning_rate=0.1"], finalists=1, seeds=1, data=small, settings=SMALL, out=tmp_path / "study"
    )
    (trial,) = swept.study.trials
    assert trial.settings == {"train.learning_rate": 0.1}
    assert swept.study.asked.trials == 1, "a space of one setting has one trial"
    assert [(one.number, one.n, one.chance) for one in swept.ranking.standings] == [(0, 1, None)]
    assert swept.result["winner"]["trial"] == 0
    assert swept.result["best"] == {"trial": 0, "value": trial.value, "settings": {"train.learning_rate": 0.1}}


def test_no_finalists_no_winner(small: Path, tmp_path: Path, made_up: None) -> None:
    swept = sweep(
        "notes-mlp",
        SLOW_RATES,
        trials=4,
        metric="val_loss",
        finalists=0,
        data=small,
        settings=SMALL,
        out=tmp_path / "s",
    )
    assert swept.winner is None
    assert swept.ranking.standings == ()
    assert not (tmp_path / "s" / WINNERS).exists()
    assert "winner" not in swept.result
    fastest = max(swept.study.trials, key=lambda trial: (trial.epochs, trial.settings["train.learning_rate"]))
    assert swept.result["best"]["trial"] == fastest.number
    assert swept.study.row()["state"] == "finished"


def test_a_grid_larger_than_the_trials_and_trials_more_than_a_grid(small: Path, tmp_path: Path, made_up: None) -> None:
    space = {"learning_rate": [0.01, 0.02, 0.03], "batch_size": [20, 30]}
    how: dict[str, Any] = {"sampler": "grid", "finalists": 0, "data": small, "settings": SMALL}
    few = sweep("notes-mlp", space, trials=4, out=tmp_path / "few", **how).study.trials
    many = sweep("notes-mlp", space, trials=50, out=tmp_path / "many", **how).study.trials
    told = [tuple(sorted(trial.settings.items())) for trial in many]
    assert len(told) == len(set(told)) == 6
    assert [trial.settings for trial in few] == [trial.settings for trial in many[:4]]


def test_tpe_asks_in_batches_and_knows_what_came(small: Path, tmp_path: Path, made_up: None) -> None:
    swept = sweep(
        "notes-mlp", ["learning_rate=log:0.001..1"], trials=40, sampler="tpe", metric="val_loss", halving=None,
        finalists=0, data=small, settings=SMALL, out=tmp_path / "study",
    )  # fmt: skip
    trials = swept.study.trials
    assert len(list((tmp_path / "study" / "batches").glob("0*"))) == 3, "16, 16 and 8"
    assert [trial.number for trial in trials] == list(range(40))
    rates = np.log10([trial.settings["train.learning_rate"] for trial in trials])
    assert np.median(rates[16:]) > np.median(rates[:16]), "it has not learned that higher is better"


def test_all_failing_says_so_and_stays(small: Path, tmp_path: Path) -> None:
    how: dict[str, Any] = {"finalists": 2, "seeds": 2, "data": small, "settings": SMALL, "out": tmp_path / "study"}
    told = r"None of the 2 trials gave a number: the loss is no longer finite in epoch 1\."
    with pytest.raises(TrainingError, match=told):
        sweep("notes-mlp", ["learning_rate=1e30,2e30"], **how)
    study = Study.open(tmp_path / "study")
    assert [trial.state for trial in study.trials] == [FAILED, FAILED]
    assert study.result is None
    assert study.best() is None
    with pytest.raises(TrainingError, match=told):
        resume_sweep(tmp_path / "study")


def test_what_it_will_cost_is_told_before_it_begins(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[SweepBegun] = []
    monkeypatch.setattr(sweep_module, "draw_study", lambda study: [])

    class Afterwards(MadeUp):
        def run(self, *arguments: Any) -> Iterator[Answer]:
            assert [what.known for what in begun] == [False, True]
            yield from super().run(*arguments)

    monkeypatch.setattr(runner_module, "LocalWorkers", Afterwards)
    sweep(
        "notes-mlp", SLOW_RATES, trials=6, metric="val_loss", halving=2, finalists=0, data=small, settings=SMALL,
        out=tmp_path / "study", begun=begun.append,
    )  # fmt: skip
    assert begun[0].folder == tmp_path / "study"
    assert begun[0].forecast is None
    what = begun[1]
    assert what.folder == tmp_path / "study"
    assert what.done == 0
    assert what.forecast is not None
    assert (what.forecast.models, what.forecast.programs, what.forecast.chunks) == (6, 1, 1)
    assert what.forecast.seconds > 0
    assert what.finals == 0, "no finalists, no cost"


@pytest.mark.parametrize("least", [1, 5])
@pytest.mark.parametrize(("epochs", "halving", "count"), [(4, 2, 6), (10, 3, 100), (7, 3, 5), (1, 3, 8), (9, None, 4)])
def test_the_forecast_counts_the_epochs_that_halving_leaves(
    epochs: int, halving: int | None, count: int, least: int
) -> None:
    asked = Asked(
        read_recipe("notes-mlp", [f"epochs={epochs}"]), Space.from_dict({"train.learning_rate": [0.1]}), halving=halving
    )
    trained = dict.fromkeys(range(count), 0)
    alive = list(trained)
    for end in rungs(epochs, halving):
        trained |= dict.fromkeys(alive, end)
        alive = survivors({number: float(number) for number in alive}, halving or 1, True, least)
    assert _mean_epochs(asked, count, least) == pytest.approx(sum(trained.values()) / count)


def test_as_many_come_to_the_end_as_are_repeated(small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep_module, "draw_study", lambda study: [])
    swept = sweep(
        "notes-mlp", SLOW_RATES, trials=9, metric="val_loss", halving=3, finalists=4, seeds=1, data=small,
        settings=SMALL, out=tmp_path / "study",
    )  # fmt: skip
    assert sum(trial.state == DONE for trial in swept.study.trials) == 4
    assert sum(trial.state == STOPPED for trial in swept.study.trials) == 5
    assert len(swept.ranking.standings) == 4


def test_other_rows_are_refused(copied: Path, small: Path, tmp_path: Path) -> None:
    study = Study.open(copied)
    rows = json.loads((copied / ROWS).read_text())
    assert rows.keys() == {"train", "validation", "test"}
    with np.load(study.asked.recipe.data) as content:
        whole = dict(content)
    kept = Path(study.asked.recipe.data).read_bytes()
    try:
        np.savez(study.asked.recipe.data, **{**whole, "x_train": whole["x_train"][::-1]})
        with pytest.raises(RunError, match=r"has other rows than when .* began \(train, validation\)"):
            resume_sweep(copied, trials=8)
    finally:
        Path(study.asked.recipe.data).write_bytes(kept)
    assert len(Study.open(copied).trials) == 6


def test_readings_are_counted_though_a_winners_run_is_gone(copied: Path, finished: Swept) -> None:
    shutil.rmtree(copied / WINNERS)
    again = resume_sweep(copied)
    assert again.result["winner"]["test_readings"] == 2
    assert resume_sweep(copied).result["winner"]["test_readings"] == 2


def test_nobody_elses_study_is_undone(small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process makes its study in the folder between our look and our own."""
    monkeypatch.setattr(sweep_module, "draw_study", lambda study: [])
    create, out = Study.create, tmp_path / "study"
    how: dict[str, Any] = {"trials": 2, "finalists": 0, "data": small, "settings": SMALL, "out": out}

    def late(*arguments: Any, **more: Any) -> Study:
        monkeypatch.setattr(Study, "create", create)
        sweep("notes-mlp", ["learning_rate=0.1,0.2"], **how)
        return create(*arguments, **more)

    monkeypatch.setattr(Study, "create", late)
    with pytest.raises(RunError, match="asked something else"):
        sweep("notes-mlp", ["learning_rate=0.1,0.4"], **how)
    assert [trial.settings["train.learning_rate"] for trial in Study.open(out).trials] in ([0.1, 0.2], [0.2, 0.1])


# --- what it is asked ---


def asked_of(recipe: Any = "notes-mlp", space: Any = None, **options: Any) -> tuple[Asked, list[str]]:
    usual: dict[str, Any] = {
        "trials": None, "sampler": "qmc", "metric": "val_accuracy", "maximize": None, "halving": 3, "finalists": 5,
        "seeds": 5, "data": None, "settings": (), "seed": None, "storage": None,
    }  # fmt: skip
    return question(recipe, space, **usual | options)


def test_without_anything_it_is_the_notes_question() -> None:
    asked, notes = asked_of()
    assert asked.recipe.model.name == "notes-mlp"
    assert asked.recipe.data == "mnist"
    assert asked.space.as_texts() == [
        "train.learning_rate=log:0.003..1.0",
        "train.batch_size=20,50,100",
        "model.hidden=[10, 10],[20, 20],[40, 40],[80, 80]",
    ]
    assert (asked.trials, asked.sampler, asked.metric, asked.maximize) == (100, "qmc", "val_accuracy", True)
    assert (asked.halving, asked.finalists, asked.seeds) == (3, 5, 5)
    assert asked.recipe.split_seed == asked.recipe.seed == asked.sampler_seed == 0
    assert not notes


def test_another_network_is_searched_around_its_rate() -> None:
    (name, around), *others = asked_of("mlp")[0].space.dimensions.items()
    assert (name, others) == ("train.learning_rate", [])
    assert around.ends == [pytest.approx(0.001 / 30), pytest.approx(0.03)]
    schedule = 'learning_rate={name="Cosine",peak=0.3}'
    assert list(asked_of("mlp", settings=[schedule])[0].space.dimensions) == ["train.learning_rate.peak"]
    with pytest.raises(RecipeError, match="no learning rate to search around"):
        asked_of("mlp", settings=["optimizer=sgd"])


@pytest.mark.parametrize(
    ("metric", "more"),
    [("val_accuracy", True), ("accuracy", True), ("val_loss", False), ("loss", False), ("val_mean_squared_error", False),
     ("val_sparse_categorical_crossentropy", False), ("val_auc", True)],
)  # fmt: skip
def test_which_way_is_better(metric: str, more: bool) -> None:
    assert asked_of(metric=metric)[0].maximize is more
    assert asked_of(metric=metric, maximize=not more)[0].maximize is not more


def test_the_seed_decides_split_weights_and_sampler(small: Path) -> None:
    asked, _ = asked_of(seed=7, data=small)
    assert (asked.recipe.seed, asked.recipe.split_seed, asked.sampler_seed) == (7, 7, 7)
    asked, _ = asked_of(seed=7, settings=["split_seed=3"])
    assert asked.recipe.split_seed == 3
    asked, _ = asked_of(Recipe(seed=5), ["learning_rate=0.1,0.2"])
    assert (asked.recipe.seed, asked.recipe.split_seed) == (5, 5)


def test_data_is_found_from_any_folder(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(small.parent)
    assert asked_of(data=small.name)[0].recipe.data == str(small)


def test_a_finite_space_has_no_more_trials() -> None:
    asked, notes = asked_of(space=["learning_rate=0.1,0.2", "batch_size=20,30"])
    assert (asked.trials, notes) == (4, ["The space has 4 settings: 4 trials instead of 100."])
    asked, notes = asked_of(space=["learning_rate=0.1,0.2"], trials=9)
    assert (asked.trials, len(notes)) == (9, 1), "what was asked for is kept, for when the space is wider"


TOML = """
[model]
name = "notes-mlp"
hidden = [8]

[train]
batch_size = 30

[space]
learning_rate = "log:0.01..0.1"
batch_size = [30, 60]
"model.hidden" = [[4], [8, 8]]
"""


def test_a_recipes_file_brings_its_space(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(TOML)
    asked, _ = asked_of(file)
    assert asked.space.as_texts() == [
        "train.learning_rate=log:0.01..0.1", "train.batch_size=30,60", "model.hidden=[4],[8, 8]",
    ]  # fmt: skip
    assert asked.recipe.model.settings["hidden"] == [8]
    assert list(asked_of(file, ["momentum=0.1,0.9"])[0].space.dimensions) == ["train.momentum"]
    assert asked_of(file, settings=["epochs=2"])[0].recipe.train.epochs == 2
    without = tmp_path / "without.toml"
    without.write_text(TOML.partition("[space]")[0])
    assert read_recipe(str(file)) == read_recipe(str(without))


@pytest.mark.parametrize("space", ["space = 3", '[space]\nlearning_rate = "log:0..1"', "[space]\nseed = [0, 1]"])
def test_a_space_in_a_file_is_checked(space: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(space)
    with pytest.raises(RecipeError):
        asked_of(file)


# --- what cannot be ---

GOOD = ["learning_rate=0.1,0.2"]


@pytest.mark.parametrize(
    ("space", "options", "told"),
    [
        (["learning_rate=log:0..1"], {}, "train.learning_rate"),
        (["learning_rate=1..0.1"], {}, "train.learning_rate"),
        (["batch_size=0,20"], {}, "train.batch_size"),
        (["hidden=[4],[0]"], {}, "model.hidden"),
        (["seed=0,1"], {}, "seed is not searched"),
        (["split=0.5,0.7"], {}, "split is not searched"),
        (["epochs=1,2"], {}, "epochs is not searched"),
        (["tta.shift=1,2"], {}, "train.tta.shift is not searched"),
        (["members=2,3"], {}, "train.members is not searched"),
        (["lerning_rate=0.1,0.2"], {}, "lerning_rate"),
        (["optimizer=sgd,nothing"], {}, "nothing"),
        (["loss=sparse_categorical_crossentropy,nothing"], {}, "nothing"),
        (["augment={shift=1},{shift=-1}"], {}, "train.augment"),
        (["label_smoothing=0.1,1.5"], {}, "train.label_smoothing"),
        ({"stem": [4], "stem_size": [3, 40]}, {"recipe": "convnet"}, "model.stem=4 with model.stem_size=40"),
        ([], {"recipe": "mlp", "settings": ["optimizer=sgd"]}, "no learning rate to search around"),
        (GOOD, {"sampler": "annealing"}, "annealing"),
        (GOOD, {"metric": "val_auc"}, r"trial 0 \(train.learning_rate=0.[12]\): there is no metric 'val_auc'"),
        (GOOD, {"halving": 1}, "halving"),
        (GOOD, {"finalists": -1}, "finalists"),
        (GOOD, {"seeds": 0}, "seeds"),
        (GOOD, {"trials": 0}, "trials"),
        (GOOD, {"cluster": "spark"}, "spark"),
        (GOOD, {"storage": "nothing://"}, "nothing"),
        (GOOD, {"data": "nowhere.npz"}, "nowhere.npz"),
        (GOOD, {"settings": ["members=2"]}, "single networks"),
        (GOOD, {"settings": ["nothing=2"]}, "nothing"),
        (GOOD, {"recipe": "nothing"}, "nothing"),
    ],
    ids=str,
)  # fmt: skip
def test_what_cannot_be_is_refused_and_leaves_nothing(
    space: Any, options: dict[str, Any], told: str, small: Path, home: Path, tmp_path: Path, nothing_runs: None
) -> None:
    options = {"data": small, **options}
    recipe = options.pop("recipe", "notes-mlp")
    for out in (None, tmp_path / "study"):
        with pytest.raises(SonmatError, match=told) as refused:
            sweep(recipe, space, out=out, **options)
        assert refused.value.fix
    assert not list_studies()
    assert not (home / "studies").exists() or not list((home / "studies").iterdir())
    assert not (tmp_path / "study").exists()


def test_what_was_in_the_folder_stays(small: Path, tmp_path: Path, nothing_runs: None) -> None:
    (tmp_path / ".keep").touch()
    with pytest.raises(RecipeError, match="val_auc"):
        sweep("notes-mlp", GOOD, metric="val_auc", data=small, out=tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == [".keep"]
    (tmp_path / "mine.txt").touch()
    with pytest.raises(RunError, match="is not a study"):
        sweep("notes-mlp", GOOD, data=small, out=tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == [".keep", "mine.txt"]


def test_what_is_tried_already_is_kept_whatever_goes_wrong(
    small: Path, tmp_path: Path, made_up: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    how: dict[str, Any] = {"finalists": 0, "data": small, "settings": SMALL, "out": tmp_path / "study"}

    def broken(study: Study) -> Any:
        raise ValueError("a picture")

    with monkeypatch.context() as patch:
        patch.setattr(sweep_module, "draw_study", broken)
        with pytest.raises(ValueError, match="a picture"):
            sweep("notes-mlp", GOOD, **how)
    assert len(Study.open(tmp_path / "study").trials) == 2

    class Full(MadeUp):
        def run(self, *_: Any) -> Iterator[Answer]:
            raise StorageError("The disk is full.", "Make room.")

    monkeypatch.setattr(runner_module, "LocalWorkers", Full)
    with pytest.raises(StorageError):
        sweep("notes-mlp", GOOD, **how | {"out": tmp_path / "other"})
    assert Study.open(tmp_path / "other").left == 2, "the disk may have room again"


def test_a_library_that_is_missing_says_how_to_install_it(
    small: Path, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch, nothing_runs: None
) -> None:
    import_, find_spec = builtins.__import__, importlib.util.find_spec

    def without(name: str, *arguments: Any, **options: Any) -> Any:
        if name.split(".")[0] == "ray":
            raise ImportError(name)
        return import_(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *_: None if name == "torch" else find_spec(name, *_))
    monkeypatch.delitem(sys.modules, "ray", raising=False)
    cases: list[tuple[dict[str, Any], str]] = [({"cluster": "ray"}, "sonmat[ray]"), ({"sampler": "gp"}, "sonmat[gp]")]
    for options, command in cases:
        for out in (None, tmp_path / "study"):
            with pytest.raises(UnsupportedError) as refused:
                sweep("notes-mlp", ["learning_rate=log:0.1..0.2"], trials=2, data=small, out=out, **options)
            assert f'pip install "{command}"' in refused.value.fix
        assert not list((home / "studies").iterdir())
        assert not (tmp_path / "study").exists()


def test_the_public_names_are_these(monkeypatch: pytest.MonkeyPatch) -> None:
    public: Callable[..., Any] = sm.sweep
    assert (public, sm.resume_sweep, sm.Swept, sm.Study) == (sweep, resume_sweep, Swept, Study)
