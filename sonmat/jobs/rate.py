"""The learning-rate range test of a recipe, or of a run's recipe, with its picture."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sonmat.data.progress import Progress
from sonmat.engine.compilation import keep_programs
from sonmat.engine.learning_rate import HIGH, LOW, find_learning_rate
from sonmat.engine.rate_test import RateTest
from sonmat.jobs.own_data import with_data
from sonmat.jobs.rows import rows_to_train
from sonmat.language import say
from sonmat.models.builders import is_file_builder
from sonmat.models.catalog import CATALOG, build_recipe
from sonmat.models.peak import peak_setting
from sonmat.models.reading import change, check, parse_assignment, read_recipe
from sonmat.models.recipe import Recipe
from sonmat.runs.folder import RECIPE, open_run

PICTURE = "lr.png"
"""The picture's name, in the working folder: a run's own folder is only read."""


@dataclass(frozen=True)
class RateFound:
    """A test, its picture, and how to go on.

    Attributes:
        recipe: What was tested.
        test: What came out.
        picture: Where it is drawn.
        command: The words after `sonmat` that train at the suggested rate; empty without one.
    """

    recipe: Recipe
    test: RateTest
    picture: Path
    command: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        told = {"recipe": self.recipe.as_dict(), **self.test.as_dict(), "picture": str(self.picture)}
        return told | {"command": ["sonmat", *self.command] if self.command else None}


def find_rate(
    name: str | os.PathLike[str] = "notes-mlp",
    *,
    data: str | os.PathLike[str] | None = None,
    settings: Sequence[str] = (),
    low: float = LOW,
    high: float = HIGH,
    steps: int | None = None,
    seed: int | None = None,
    out: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> RateFound:
    """Test a recipe's learning rates from its first weights, with everything else as it says; nothing is kept but a picture.

    Args:
        name: A recipe as `train` takes it, or a run, whose recipe is meant.
        data: Instead of the recipe's data: a name or a path.
        settings: `KEY=VALUE`s.
        low, high, steps: As `find_learning_rate` has them.
        seed: Instead of the recipe's seed.
        out: The PNG; by default `lr.png` in the working folder.
        progress: Told of the download.

    Raises:
        SonmatError: Of the kind that fits what is wrong.
    """
    source, recipe = _asked(str(os.fspath(name)), settings)
    if data is not None:
        recipe = with_data(recipe, os.fspath(data), settings)
    if seed is not None:
        recipe = replace(recipe, seed=seed)
    rows = rows_to_train(recipe, progress=progress)[0]
    keep_programs()  # before the network is built: its initial weights are programs too
    test = find_learning_rate(
        build_recipe(recipe, rows),
        rows,
        batch_size=first_size(recipe.train.batch_size),
        low=low,
        high=high,
        steps=steps,
        seed=recipe.seed,
        augment=recipe.train.augment,
        label_smoothing=recipe.train.label_smoothing or 0.0,
    )
    picture = _drawn(test, recipe, Path(out).expanduser() if out is not None else Path(PICTURE))
    return RateFound(recipe, test, picture, _command(source, data, settings, seed, _setting(recipe, test)))


def first_size(batch_size: Any) -> int:
    """The rows in a step at the beginning of training, where their number changes by `[epochs, size]` pairs too."""
    return int(batch_size if isinstance(batch_size, int) else batch_size[0][1])


def _asked(name: str, settings: Sequence[str]) -> tuple[str, Recipe]:
    """The recipe, and by which name `train` finds it."""
    if name in CATALOG or name.endswith(".toml") or is_file_builder(name):
        return name, read_recipe(name, settings)
    run = open_run(name)
    recipe = change(run.recipe, settings)
    check(recipe)
    return str(run.path / RECIPE), recipe


def _drawn(test: RateTest, recipe: Recipe, path: Path) -> Path:
    from sonmat.view.rate_test import rate_picture

    model, data = Path(recipe.model.name).name, Path(recipe.data).name
    title = say(f"{model} on {data}: loss at each learning rate", f"{data} · {model}: 학습률에 따른 손실")
    drawn = rate_picture(test, path, title=title)
    assert isinstance(drawn, Path)
    return drawn


def _command(
    source: str, data: object, settings: Sequence[str], seed: int | None, setting: str | None
) -> tuple[str, ...]:
    if setting is None:
        return ()
    words = ["train", source]
    words += ["--data", str(data)] if data is not None else []
    for one in settings:
        if parse_assignment(one)[0] not in ("learning_rate", "train.learning_rate") or not setting.startswith(
            "learning"
        ):
            words += ["--set", one]
    words += ["--seed", str(seed)] if seed is not None else []
    return *words, "--set", setting


def _setting(recipe: Recipe, test: RateTest) -> str | None:
    """What to set: of a schedule its peak, so that its course is kept."""
    if test.suggestion is None:
        return None
    key = peak_setting(recipe.train.learning_rate) or "learning_rate"
    return f"{'learning_rate' if key == 'train.learning_rate' else key}={test.suggestion:.2g}"
