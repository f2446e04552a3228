"""A whole study: its space searched, the finalists repeated over seeds, the winner trained and tested once, with pictures."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sonmat.data.dataset import Dataset
from sonmat.data.progress import Progress
from sonmat.errors import RecipeError, TrainingError
from sonmat.jobs.rows import rows_of
from sonmat.jobs.study_pictures import draw_study
from sonmat.jobs.train import findable, train
from sonmat.language import say
from sonmat.models.reading import change, read_recipe, read_space
from sonmat.models.recipe import Recipe
from sonmat.runs.folder import RunFolder, now
from sonmat.search.ranking import Ranking, optimism
from sonmat.search.runner import AT_ONCE, Runner, SweepProgress
from sonmat.search.sampler import most_trials
from sonmat.search.settings import settings_recipe
from sonmat.search.space import Space, parse_space
from sonmat.search.study import Asked, Study, new_study
from sonmat.search.trial import Trial

if TYPE_CHECKING:
    from sonmat.engine.forecast import Forecast
    from sonmat.jobs.finished import Trained

WINNERS = "winners"
"""Where winners are trained and tested: a study that is extended may find another."""

_NOTES_SPACE = {
    "train.learning_rate": {"low": 0.003, "high": 1.0, "log": True},
    "train.batch_size": [20, 50, 100],
    "model.hidden": [[10, 10], [20, 20], [40, 40], [80, 80]],
}
"""The notes' own question: which of these, on their network."""

_RATE_AROUND = 30.0  # without a space, the learning rate is searched so many times below and above the recipe's


@dataclass(frozen=True)
class SweepBegun:
    """A study that is about to be trained.

    Attributes:
        folder: Where it is, from now on whatever happens.
        asked: What it was asked.
        rows: How many there are, by part.
        done: Trials that have come to their end already.
        notes: What was decided on the way, in sentences.
        forecast: What the search will cost; None where nothing is left to search.
        finals: What the finalists will cost beside it, in seconds; None where that is unknown.
    """

    folder: Path
    asked: Asked
    rows: dict[str, int]
    done: int
    notes: tuple[str, ...]
    forecast: Forecast | None
    finals: float | None


@dataclass(frozen=True)
class Swept:
    """A finished study.

    Attributes:
        study: Its folder, its trials, its frames.
        ranking: The finalists.
        winner: The winner's run, which has read the test set; None where no setting gave a number.
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
    storage: str | None = None,
    cluster: str | None = None,
    out: str | os.PathLike[str] | None = None,
    begun: Callable[[SweepBegun], None] | None = None,
    told: Callable[[SweepProgress], None] | None = None,
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
        data, settings, seed, progress: As `train` has them. The seed sets the search's first weights, the split of all
            trials, and the sampler.
        storage: The URL of a database for Optuna's storage; a journal file in the folder by default.
        cluster: `ray` or `ray://ADDRESS`: chunks go to the nodes of a Ray cluster.
        out: The study's folder; by default a new one among the studies. One that holds the same study is gone on with.
        begun: Called once, when it is known what the search will cost, before it begins.
        told: Told of progress.

    Raises:
        SonmatError: Of the kind that fits what is wrong; a setting that cannot be is refused before anything runs.
    """
    asked, notes = _asked(
        recipe, space, trials, sampler, metric, maximize, halving, finalists, seeds, data, settings, seed, storage
    )
    rows = rows_of(asked.recipe, progress=progress)
    asked = replace(asked, space=_checked(asked.space, asked.recipe, rows[0]))
    study = Study.create(new_study(asked.recipe.model.name) if out is None else Path(out).expanduser(), asked)
    return _run(study, rows, notes, cluster, begun, told, progress)


def resume_sweep(
    path: str | os.PathLike[str],
    *,
    trials: int | None = None,
    space: Mapping[str, Any] | Sequence[str] | None = None,
    cluster: str | None = None,
    begun: Callable[[SweepBegun], None] | None = None,
    told: Callable[[SweepProgress], None] | None = None,
    progress: Progress | None = None,
) -> Swept:
    """Go on with a study: what is there stays, what was running is done again, to the same ranking.

    Args:
        path: The study's folder or name.
        trials: How many there shall be in all, where more than it was asked for.
        space: A wider space over the same settings.
        cluster, begun, told, progress: As `sweep` has them.

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
    return _run(study, rows, [], cluster, begun, told, progress)


def study_recipe(study: Study, settings: Mapping[str, Any], seed: int) -> Recipe:
    """The recipe of a study with a trial's settings, on the study's own split."""
    return replace(settings_recipe(study.asked.recipe, settings), seed=seed)


def _asked(
    recipe: str | os.PathLike[str] | Recipe,
    space: Mapping[str, Any] | Sequence[str] | Space | None,
    trials: int | None,
    sampler: str,
    metric: str,
    maximize: bool | None,
    halving: int | None,
    finalists: int,
    seeds: int,
    data: str | os.PathLike[str] | None,
    settings: Sequence[str],
    seed: int | None,
    storage: str | None,
) -> tuple[Asked, list[str]]:
    name = None if isinstance(recipe, Recipe) else str(os.fspath(recipe))
    chosen = change(recipe, settings) if isinstance(recipe, Recipe) else read_recipe(str(name), settings)
    if data is not None:
        chosen = replace(chosen, data=os.fspath(data))
    if seed is not None:
        chosen = replace(chosen, seed=seed)
    split = chosen.seed if chosen.split_seed is None else chosen.split_seed
    chosen = replace(chosen, data=findable(chosen.data), split_seed=split)
    if chosen.train.members:
        raise RecipeError(
            say(
                "A sweep trains single networks; this recipe averages several (members).",
                "스윕은 신경망을 하나씩 학습하는데, 이 레시피는 여러 개를 평균합니다(members).",
            ),
            say(
                "Sweep the recipe of one of them, and give the winner members afterwards.",
                "하나짜리 레시피로 스윕한 뒤 이긴 설정에 members를 주세요.",
            ),
        )
    where = space if space else read_space(name) if name is not None else None
    found = where if isinstance(where, Space) else parse_space(where or _usual_space(chosen), chosen)
    count, note = most_trials(sampler, found, 100 if trials is None else trials)
    more = _more_is_better(metric) if maximize is None else maximize
    asked = Asked(
        recipe=chosen, space=found, trials=count if trials is None else trials, sampler=sampler, sampler_seed=chosen.seed,
        metric=metric, maximize=more, halving=halving, finalists=finalists, seeds=seeds, storage=storage,
    )  # fmt: skip
    return asked, [note] if note else []


def _usual_space(recipe: Recipe) -> Mapping[str, Any]:
    if recipe.model.name == "notes-mlp":
        return _NOTES_SPACE
    rate = recipe.train.learning_rate
    if isinstance(rate, Mapping) and isinstance(rate.get("peak"), (int, float)):
        peak = float(rate["peak"])
        return {"train.learning_rate.peak": {"low": peak / _RATE_AROUND, "high": peak * _RATE_AROUND, "log": True}}
    if isinstance(rate, (int, float)):
        return {"train.learning_rate": {"low": rate / _RATE_AROUND, "high": rate * _RATE_AROUND, "log": True}}
    raise RecipeError(
        say(
            f"{recipe.model.name} has no learning rate to search around, and no space was given.",
            f"{recipe.model.name}에는 탐색할 학습률이 없고 공간도 주어지지 않았습니다.",
        ),
        say(
            "Give one: sonmat sweep RECIPE learning_rate=log:1e-4..1",
            "공간을 주세요: sonmat sweep RECIPE learning_rate=log:1e-4..1",
        ),
    )


def _checked(space: Space, recipe: Recipe, train_rows: Dataset) -> Space:
    """The same space, its networks built for the rows that they will see."""
    for name in space.dimensions:
        if name.startswith(("train.tta", "train.members")):
            raise RecipeError(
                say(
                    f"{name} is not searched: it changes how a trained network is asked, not what the epochs measure.",
                    f"{name}은(는) 탐색하지 않습니다. 학습된 신경망에 묻는 방법일 뿐, 에포크가 재는 값을 바꾸지 않습니다.",
                ),
                say("Set it in the recipe: --set …", "레시피에 정하세요: --set …"),
            )
    return parse_space(space.as_dict(), recipe, train_rows)


def _more_is_better(metric: str) -> bool:
    return not any(word in metric for word in ("loss", "error", "entropy"))


def _run(
    study: Study,
    rows: tuple[Dataset, Dataset, Dataset],
    notes: Sequence[str],
    cluster: str | None,
    begun: Callable[[SweepBegun], None] | None,
    told: Callable[[SweepProgress], None] | None,
    progress: Progress | None,
) -> Swept:
    asked = study.asked
    workers = None
    builder = Runner(study, rows[0], rows[1]).builder()
    if cluster is not None:
        from sonmat.search.cluster import workers_for

        workers = workers_for(cluster, builder, rows[0], rows[1])
    runner = Runner(study, rows[0], rows[1], workers=workers, told=told or (lambda where: None))
    try:
        if begun is not None:
            begun(_begun(study, runner, rows, notes))
        runner.search()
        ranking = runner.finals()
    finally:
        if workers is not None:
            workers.close()
    winner = ranking.first
    trained = None
    if winner is not None:
        seed = (asked.recipe.seed + 1) % 2**32
        recipe = study_recipe(study, winner.settings, seed)
        trained = train(recipe, out=study.path / WINNERS / str(winner.number), progress=progress)
    elif study.best() is None:
        _nothing_came(study)
    result = _result(study, ranking, trained)
    study.end(result)
    pictures = draw_study(study)
    return Swept(study, ranking, trained, result, tuple(pictures))


def _begun(study: Study, runner: Runner, rows: tuple[Dataset, Dataset, Dataset], notes: Sequence[str]) -> SweepBegun:
    """What the study will cost: a batch of it is made ready, and a few steps of each of its programs are measured."""
    from sonmat.engine.forecast import forecast_of

    asked = study.asked
    sizes = {"train": len(rows[0]), "validation": len(rows[1]), "test": len(rows[2])}
    ended = [trial for trial in study.trials if trial.state not in ("waiting", "running")]
    found, finals = None, None
    peek = _next_trials(study)[:AT_ONCE]
    if peek:
        epochs = _mean_epochs(asked, len(peek))
        many = runner.prepared(peek)
        found = forecast_of(many, epochs)
        left = max(0, study.left)
        share = left / len(peek)
        each = found.seconds / max(1, found.models) / epochs
        found = replace(
            found, models=left, seconds=found.seconds * share, programs=math.ceil(found.programs * max(1.0, share)),
            chunks=math.ceil(found.chunks * share),
        )  # fmt: skip
        finals = each * asked.recipe.train.epochs * asked.finalists * asked.seeds
    return SweepBegun(study.path, asked, sizes, len(ended), tuple(notes), found, finals)


def _next_trials(study: Study) -> list[Trial]:
    """The trials that will be trained first; another process may take them before this one does."""
    batch = study.take_batch()
    if batch is None:
        return []
    with batch:
        return next((due for rung in range(len(batch.rungs)) if (due := batch.due(rung))), [])


def _mean_epochs(asked: Asked, count: int) -> float:
    """Epochs that a trial trains on average, halving counted in."""
    from sonmat.search.halving import rungs

    alive, before, total = float(count), 0, 0.0
    for end in rungs(asked.recipe.train.epochs, asked.halving):
        total += alive * (end - before)
        before, alive = end, math.ceil(alive / (asked.halving or 1))
    return total / count


def _test_readings(study: Study) -> int:
    """How often winners of this study have looked at the test set."""
    folder = study.path / WINNERS
    runs = [RunFolder(path) for path in folder.iterdir()] if folder.is_dir() else []
    return sum(len(run.readings) for run in runs)


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


def _result(study: Study, ranking: Ranking, trained: Trained | None) -> dict[str, Any]:
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
    first = ranking.first
    if first is None or trained is None or first.mean is None:
        return told
    searched = next((trial.value for trial in trials if trial.number == first.number), None)
    measure = asked.metric.removeprefix("val_")
    test = trained.result["test"]
    tested = test.get(measure) if isinstance(test.get(measure), (int, float)) else None
    told["winner"] = {
        "trial": first.number,
        "settings": dict(first.settings),
        "recipe": trained.recipe.as_dict(),
        "run": f"{WINNERS}/{first.number}",
        "test_readings": _test_readings(study),
        "validation": trained.result["validation"],
        "test": test,
    }
    if searched is not None:
        told["optimism"] = optimism(searched, first.mean, tested, maximize=asked.maximize).as_dict()
    return told
