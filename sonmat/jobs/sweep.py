"""A whole study: its space searched, the finalists repeated over seeds, the winner trained and tested once, with pictures."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import filelock

from sonmat.data.dataset import Dataset
from sonmat.data.progress import Progress
from sonmat.engine.listener import Listener
from sonmat.errors import RunError, StorageError, TrainingError
from sonmat.files import read_json, write_json
from sonmat.jobs.own_data import said_of, settled
from sonmat.jobs.rows import rows_of
from sonmat.jobs.study_pictures import draw_study
from sonmat.jobs.sweep_begun import SweepBegun, sweep_begun, sweep_place
from sonmat.jobs.sweep_question import checked_space, question
from sonmat.jobs.train import train
from sonmat.language import say
from sonmat.models.recipe import Recipe
from sonmat.runs.folder import RunFolder, now
from sonmat.search.ranking import Ranking, optimism
from sonmat.search.runner import Runner, SweepProgress
from sonmat.search.settings import settings_recipe
from sonmat.search.space import Space, parse_space
from sonmat.search.study import Study, new_study
from sonmat.search.study_folder import WINNERS
from sonmat.search.trial import Trial

if TYPE_CHECKING:
    from sonmat.jobs.finished import Trained

ROWS = "rows.json"
"""Fingerprints of the rows that a study's trials are trained, judged and tested on."""

_LOCK = ".winner.lock"


@dataclass(frozen=True)
class Swept:
    """A finished study.

    Attributes:
        study: Its folder, its trials, its frames.
        ranking: The finalists.
        winner: The winner's run, which has read the test set; None where nothing was repeated, or no repeat gave a number.
        result: What `result.json` keeps.
        pictures: The files that were drawn.
    """

    study: Study
    ranking: Ranking
    winner: Trained | None
    result: dict[str, Any]
    pictures: tuple[Path, ...]

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {"study": str(self.study.path), **self.result}


def sweep(
    recipe: str | os.PathLike[str] | Recipe = "notes-mlp",
    space: Mapping[str, Any] | Sequence[str] | Space | None = None,
    *,
    trials: int | None = None,
    sampler: str = "qmc",
    metric: str = "val_accuracy",
    maximize: bool | None = None,
    halving: int | None = 3,
    finalists: int = 5,
    seeds: int = 5,
    data: str | os.PathLike[str] | None = None,
    settings: Sequence[str] = (),
    seed: int | None = None,
    skip_unreadable: bool = False,
    storage: str | None = None,
    cluster: str | None = None,
    out: str | os.PathLike[str] | None = None,
    begun: Callable[[SweepBegun], None] | None = None,
    told: Callable[[SweepProgress], None] | None = None,
    tried: Callable[[Sequence[Trial]], None] | None = None,
    listeners: Sequence[Listener] = (),
    progress: Progress | None = None,
) -> Swept:
    """Search the settings of a recipe, repeat the best over seeds, and test the winner once.

    Args:
        recipe: As `train` takes it.
        space: Which settings are searched: `{"learning_rate": (1e-3, 1.0, "log"), "batch_size": [20, 50, 100]}`, `KEY=SPEC`s
            as the command line has them, or a Space. By default the `[space]` of a recipe's file; of `notes-mlp` learning
            rate, batch size and width; of any other recipe its learning rate.
        trials: How many settings are tried; 100, or as many as a finite space has.
        sampler: `random`, `grid`, `qmc`, `tpe`, `gp` or `cmaes`. The first three know all their settings beforehand, so
            that these are trained in few large populations.
        metric: The column of Keras's History that is judged by, after the last epoch.
        maximize: Whether more of it is better; by default it is, but for losses and errors.
        halving: One trial in so many goes on at each rung of successive halving; None trains all to the end.
        finalists, seeds: How many of the best settings are repeated, and with how many seeds that the search has not used.
        data, settings, seed, skip_unreadable, progress: As `train` has them. The seed sets the search's first weights, the split of all
            trials, and the sampler.
        storage: The URL of a database for Optuna's storage; a journal file in the folder by default.
        cluster: `ray` or `ray://ADDRESS`: chunks go to the nodes of a Ray cluster.
        out: The study's folder; by default a new one among the studies. One that holds the same study is gone on with.
        begun: Called when the study is there, and again when it is known what the search will cost, before it begins.
        told: Told of progress. What raises `Stopped` here ends the study; `resume_sweep` goes on with it.
        tried: Told of trials as they were recorded, those of a batch together.
        listeners: Told of the winner's training.

    Raises:
        SonmatError: Of the kind that fits what is wrong; a setting that cannot be is refused before anything runs.
    """
    asked, notes = question(
        recipe,
        space,
        trials,
        sampler,
        metric,
        maximize,
        halving,
        finalists,
        seeds,
        data,
        settings,
        seed,
        storage,
        skip_unreadable,
    )
    rows = rows_of(asked.recipe, progress=progress)
    asked = replace(asked, recipe=settled(asked.recipe, rows[0]))
    asked = replace(asked, space=checked_space(asked.space, asked.recipe, rows[0]))
    folder = new_study(asked.recipe.model.name) if out is None else Path(out).expanduser()
    try:
        study = Study.create(folder, asked)
    except Exception:
        if out is None:
            with contextlib.suppress(OSError):  # it is not empty
                folder.rmdir()
        raise
    with _or_nothing(study):
        return _run(study, rows, notes, cluster, begun, told, progress, tried, listeners)


def resume_sweep(
    path: str | os.PathLike[str],
    *,
    trials: int | None = None,
    space: Mapping[str, Any] | Sequence[str] | None = None,
    cluster: str | None = None,
    begun: Callable[[SweepBegun], None] | None = None,
    told: Callable[[SweepProgress], None] | None = None,
    tried: Callable[[Sequence[Trial]], None] | None = None,
    listeners: Sequence[Listener] = (),
    progress: Progress | None = None,
) -> Swept:
    """Go on with a study: what is there stays, what was running is done again, to the same ranking.

    Args:
        path: The study's folder or name.
        trials: How many there shall be in all, where more than it was asked for.
        space: A wider space over the same settings.
        cluster, begun, told, tried, listeners, progress: As `sweep` has them.

    Raises:
        RunError: No study is there.
        RecipeError: Fewer trials, or a space that does not hold the one so far.
    """
    study = Study.open(path)
    asked = study.asked
    rows = rows_of(asked.recipe, progress=progress)
    wider = None if not space else parse_space(space, asked.recipe, rows[0])
    if wider is not None or trials is not None:
        merged = None if wider is None else Space({**asked.space.dimensions, **wider.dimensions})
        study.extend(trials=trials, space=merged)
    return _run(study, rows, [], cluster, begun, told, progress, tried, listeners)


def study_recipe(study: Study, settings: Mapping[str, Any], seed: int) -> Recipe:
    """The recipe of a study with a trial's settings, on the study's own split."""
    return replace(settings_recipe(study.asked.recipe, settings), seed=seed)


@contextlib.contextmanager
def _or_nothing(study: Study) -> Iterator[None]:
    """A new study that cannot begin leaves nothing behind: it would fail again in the same way."""
    try:
        yield
    except StorageError:  # a disk or database may come back
        raise
    except Exception:
        study.undo()
        raise


def _run(
    study: Study,
    rows: tuple[Dataset, Dataset, Dataset],
    notes: Sequence[str],
    cluster: str | None,
    begun: Callable[[SweepBegun], None] | None,
    told: Callable[[SweepProgress], None] | None,
    progress: Progress | None,
    tried: Callable[[Sequence[Trial]], None] | None,
    listeners: Sequence[Listener],
) -> Swept:
    asked = study.asked
    _check_rows(study, rows)
    workers = None
    builder = Runner(study, rows[0], rows[1]).builder()
    if cluster is not None:
        from sonmat.search.cluster import workers_for

        workers = workers_for(cluster, builder, rows[0], rows[1])
    runner = Runner(
        study, rows[0], rows[1], workers=workers, told=told or (lambda where: None),
        tried=tried or (lambda trials: None),
    )  # fmt: skip
    try:
        if begun is not None:
            before = sweep_place(study, rows, [*notes, *said_of(rows, asked.recipe)])
            begun(before)
            begun(sweep_begun(before, study, runner))
        runner.search()
        ranking = runner.finals()
    finally:
        if workers is not None:
            workers.close()
    winner = ranking.first
    trained, read = None, 0
    if winner is not None:
        seed = (asked.recipe.seed + 1) % 2**32
        recipe = study_recipe(study, winner.settings, seed)
        with filelock.FileLock(study.path / _LOCK):  # another process trains it: this one reads it back then
            earlier = _test_readings(study)
            place = study.path / WINNERS / str(winner.number)
            trained = train(recipe, out=place, listeners=listeners, progress=progress)
            read = _test_readings(study) - earlier
    elif study.best() is None:
        _nothing_came(study)
    result = _result(study, ranking, trained, read)
    study.end(result)
    pictures = draw_study(study)
    return Swept(study, ranking, trained, result, tuple(pictures))


def _check_rows(study: Study, rows: Sequence[Dataset]) -> None:
    """See that a study's trials are all of the same rows.

    Raises:
        RunError: Its data have changed since it began.
    """
    file = study.path / ROWS
    found = {part: one.fingerprint for part, one in zip(("train", "validation", "test"), rows, strict=True)}
    known = read_json(file)
    if known is None:
        write_json(file, found)
    elif known != found:
        changed = ", ".join(part for part in found if known.get(part) != found[part])
        raise RunError(
            say(
                f"{study.asked.recipe.data} has other rows than when {study.path} began ({changed}): its trials could not "
                "be compared.",
                f"{study.asked.recipe.data}의 행이 {study.path}을(를) 시작할 때와 다릅니다({changed}). 시도를 비교할 수 없게 됩니다.",
            ),
            say("Put the data back, or begin a new study.", "데이터를 되돌리거나 새 스터디를 시작하세요."),
        )


def _test_readings(study: Study) -> int:
    """How often winners of this study have looked at the test set, by their runs."""
    folder = study.path / WINNERS
    runs = [RunFolder(path) for path in folder.iterdir()] if folder.is_dir() else []
    return sum(len(run.readings) for run in runs)


def _counted(study: Study, read: int) -> int:
    """The same, with what an earlier result tells of runs that are gone, and what was read just now."""
    before = ((study.result or {}).get("winner") or {}).get("test_readings")
    return max(_test_readings(study), (before if isinstance(before, int) else 0) + read)


def _nothing_came(study: Study) -> None:
    reasons = sorted({trial.reason for trial in study.trials if trial.reason})
    raise TrainingError(
        say(
            f"None of the {len(study.trials)} trials gave a number: {'; '.join(reasons[:3])}.",
            f"{len(study.trials)}번의 시도에서 값이 하나도 나오지 않았습니다: {'; '.join(reasons[:3])}.",
        ),
        say(
            "Search lower learning rates: sonmat lr shows which can be trained with.",
            "더 낮은 학습률을 탐색하세요. 어떤 학습률로 학습할 수 있는지는 sonmat lr로 볼 수 있습니다.",
        ),
    )


def _result(study: Study, ranking: Ranking, trained: Trained | None, read: int) -> dict[str, Any]:
    asked, trials = study.asked, study.trials
    told: dict[str, Any] = {
        "finished": now(),
        "trials": len(trials),
        "failed": sum(trial.state == "failed" for trial in trials),
        "models": len(trials) + len(study.repeats),
        "seconds": round(sum(trial.seconds for trial in (*trials, *study.repeats)), 3),
        "metric": asked.metric,
        "maximize": asked.maximize,
        "ranking": ranking.as_dict(),
    }
    best = study.best()
    if best is not None:
        told["best"] = {"trial": best.number, "value": best.value, "settings": dict(best.settings)}
    first = ranking.first
    if first is None or trained is None or first.mean is None:
        return told
    measure = asked.metric.removeprefix("val_")
    test = trained.result["test"]
    tested = test.get(measure) if isinstance(test.get(measure), (int, float)) else None
    told["winner"] = {
        "trial": first.number,
        "settings": dict(first.settings),
        "recipe": trained.recipe.as_dict(),
        "run": f"{WINNERS}/{first.number}",
        "test_readings": _counted(study, read),
        "repeated": first.mean,
        "tested": tested,
        "validation": trained.result["validation"],
        "test": test,
    }
    promised = next((one for one in ranking.standings if best is not None and one.number == best.number), None)
    if best is not None and best.value is not None and promised is not None and promised.mean is not None:
        # of the search's best, which the repeats had no say in choosing: the winner's mean is flattered in its turn
        own = tested if best.number == first.number else None  # no other trial was tested
        found = optimism(best.value, promised.mean, own, maximize=asked.maximize).as_dict()
        told["optimism"] = {"trial": best.number, **found}
    return told
