"""What a study was asked, as a record and as TOML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from sonmat.errors import RecipeError, SonmatError
from sonmat.language import say
from sonmat.models.recipe import Recipe, unknown
from sonmat.models.toml import parse_toml, write_toml
from sonmat.search.plain import identity
from sonmat.search.sampler import most_trials
from sonmat.search.space import Space
from sonmat.search.trial import Trial


@dataclass(frozen=True)
class Asked:
    """What a study was asked.

    Attributes:
        recipe: What every trial trains; a trial's settings change it.
        space: Where settings are looked for.
        trials: How many settings are tried, 1 or more.
        sampler: Who chooses them, as `sonmat.search.sampler.make_sampler` names it.
        sampler_seed: Sets the choice, 0 or more.
        metric: A column of Keras's History, whose value after the last epoch is what a trial is worth.
        maximize: Whether more of it is better.
        halving: One in so many goes on at each rung, 2 or more; None trains everyone to the end.
        finalists: How many of the best settings are repeated, 0 or more.
        seeds: With how many seeds, 1 or more.
        storage: The URL of a database that Optuna takes; None is a journal file in the study's folder.

    Raises:
        RecipeError: A value of the wrong type or out of its range.
    """

    recipe: Recipe
    space: Space
    trials: int = 100
    sampler: str = "tpe"
    sampler_seed: int = 0
    metric: str = "val_accuracy"
    maximize: bool = True
    halving: int | None = 3
    finalists: int = 5
    seeds: int = 5
    storage: str | None = None

    def __post_init__(self) -> None:
        for name, low in (("trials", 1), ("sampler_seed", 0), ("finalists", 0), ("seeds", 1)):
            _whole(name, getattr(self, name), low)
        if self.halving is not None:
            _whole("halving", self.halving, 2)
        for name in ("sampler", "metric"):
            _text(name, getattr(self, name))
        if self.storage is not None:
            _text("storage", self.storage)
        if not isinstance(self.maximize, bool):
            raise _wrong("maximize", say("true or false", "true 또는 false"), self.maximize, "true")

    def as_dict(self) -> dict[str, Any]:
        """The study as TOML's tables."""
        plain = {name: getattr(self, name) for name in _PLAIN if name not in ("halving", "storage")}
        return {
            **plain,
            "halving": False if self.halving is None else self.halving,
            **({} if self.storage is None else {"storage": self.storage}),
            "space": dict(self.space.as_dict()),
            "recipe": self.recipe.as_dict(),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Asked:
        """The inverse of `as_dict`; of what is missing, the default holds.

        Raises:
            RecipeError: An unknown key, a wrong type, or a value out of its range.
        """
        for key in values:
            if key not in (*_PLAIN, "space", "recipe"):
                raise unknown(key, (*_PLAIN, "space", "recipe"))
        for key in ("space", "recipe"):
            if not isinstance(values.get(key), Mapping):
                raise _wrong(key, say("a table", "표"), values.get(key), "{…}")
        plain = {name: values[name] for name in _PLAIN if name in values}
        if plain.get("halving") is False:
            plain["halving"] = None
        return cls(Recipe.from_dict(values["recipe"]), Space.from_dict(values["space"]), **plain)

    def to_toml(self) -> str:
        """The study as TOML. `from_toml` gives the same study back, to the bit."""
        return write_toml(self.as_dict())

    @classmethod
    def from_toml(cls, text: str, *, source: str = "study.toml") -> Asked:
        """Read what `to_toml` wrote. No file that it names is opened or run.

        Raises:
            RecipeError: Not TOML, or not a study; it names `source` and, for bad TOML, the line.
        """
        return asked_from(parse_toml(text, source=source), source)


def asked_from(values: Mapping[str, Any], source: str) -> Asked:
    """A study from the tables of its file.

    Raises:
        RecipeError: Not a study; it names `source`.
    """
    try:
        return Asked.from_dict(values)
    except SonmatError as error:
        raise RecipeError(f"{source}: {error.problem}", error.fix) from error


def most_asked(asked: Asked, trials: Sequence[Trial]) -> int:
    """How many trials there are to be in all: no more than a finite space, or a grid of it, has settings.

    Args:
        asked: The study.
        trials: So far. Those of a grid that was widened since need not be of the grid that it is now.
    """
    most, _ = most_trials(asked.sampler, asked.space, asked.trials)
    if asked.sampler != "grid" or most == asked.trials or not trials:
        return most
    there = {identity(dict(trial.settings)) for trial in trials}
    there |= {identity(asked.space.cell(place)) for place in range(most)}
    return min(asked.trials, len(there))


def next_number(trials: Sequence[Trial]) -> int:
    """The number of the trial that comes after these."""
    return 1 + max((trial.number for trial in trials), default=-1)


_PLAIN = tuple(item.name for item in fields(Asked) if item.name not in ("recipe", "space"))


def _whole(name: str, value: object, low: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value < 2**63:
        expected = say(f"a whole number of {low} or more", f"{low} 이상의 정수")
        raise _wrong(name, expected, value, str(max(low, 1)))


def _text(name: str, value: object) -> None:
    if not isinstance(value, str) or not value.strip():
        example = {"sampler": '"tpe"', "metric": '"val_accuracy"'}.get(name, '"postgresql://me@host/sonmat"')
        raise _wrong(name, say("a text", "글자"), value, example)


def _wrong(name: str, expected: str, came: object, example: str) -> RecipeError:
    return RecipeError(
        say(
            f"{name} should be {expected}, but is {came!r}.", f"{name}에 올 것은 {expected}, 받은 것은 {came!r}입니다."
        ),
        say(f"Write for example {name} = {example}.", f"예: {name} = {example}."),
    )
