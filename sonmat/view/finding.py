"""A finding of a diagnosis, and the case that findings are made of."""

from __future__ import annotations

import math
import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

from sonmat.engine.evidence import Evidence, Part
from sonmat.language import say
from sonmat.models.compilation import planned_by_length
from sonmat.models.peak import peak_setting
from sonmat.models.recipe import TRAIN_KEYS, Recipe
from sonmat.models.steps import total_steps
from sonmat.view.course import Course, Turn
from sonmat.view.words import percent

POOR = 0.66
"""Skill on the training rows, below which a network has not learnt them."""

FEW_STEPS = 200
"""Of training: fewer are too few to judge by."""

_NEAR_ZERO = 0.1  # of a schedule's peak


@dataclass(frozen=True)
class Finding:
    """One thing that a diagnosis says.

    Attributes:
        code: Its name for machines, the same in every language: `"overfitting"`.
        severity: `"fault"` spoils the run; `"hint"` is worth a try or a look; `"good"` is as it should be.
        title: What it is, in a few words.
        evidence: The numbers that show it.
        advice: What to do.
        command: The advice as a `sonmat` command that can be run; empty where there is none.
    """

    code: str
    severity: str
    title: str
    evidence: str
    advice: str
    command: str = ""

    def as_dict(self) -> dict[str, str]:
        """Ready for JSON."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class Case:
    """What findings are made of.

    Attributes:
        evidence: What an examination found.
        history: One record an epoch.
        recipe: What was asked for, where the run has one.
        run: The run folder, for commands; empty where there is none.
    """

    evidence: Evidence
    history: Sequence[Mapping[str, Any]] = ()
    recipe: Recipe | None = None
    run: str = ""

    @cached_property
    def course(self) -> Course:
        """The curves."""
        return Course.of(self.history)

    @property
    def train(self) -> Part | None:
        """The training rows under frozen weights, where they were classified."""
        part = self.evidence.train
        return part if part is not None and part.accuracy is not None else None

    @property
    def validation(self) -> Part | None:
        """The validation rows, where they were classified."""
        part = self.evidence.validation
        return part if part is not None and part.accuracy is not None else None

    @property
    def skill(self) -> float | None:
        """How far training is from guessing the commonest class (0) to being always right (1); None where unknown.

        Of the training rows under frozen weights, else what the journal says of them.
        """
        if self.train is not None:
            return skill(self.train)
        known = self.course.accuracy[-1:]
        classes = len(self.evidence.classes)
        if not len(known) or not math.isfinite(known[0]) or classes < 2:
            return None
        return (float(known[0]) - 1 / classes) / (1 - 1 / classes)

    @property
    def steps(self) -> int | None:
        """How many steps there were, where rows and batch size are known."""
        rows, batch = sum(self.evidence.counts), self.evidence.settings.batch_size
        if not rows or not batch or not len(self.course):
            return None
        sizes = self.recipe.train.batch_size if self.recipe is not None else batch
        return total_steps(rows, len(self.course), sizes if isinstance(sizes, list) else batch)

    @property
    def hardly_begun(self) -> bool:
        """Whether it had so few steps and learnt so little that its answers are not opinions yet."""
        return self.steps is not None and self.steps < FEW_STEPS and self.skill is not None and self.skill < POOR

    @property
    def rate(self) -> float | None:
        """The learning rate; of a schedule its peak."""
        return self.evidence.settings.learning_rate

    @property
    def scheduled(self) -> bool:
        """Whether the learning rate follows a schedule."""
        return self.evidence.settings.rate_left is not None

    @property
    def wound_down(self) -> bool:
        """Whether a schedule ended near zero: then the last epochs change little, whatever is left to learn."""
        left = self.evidence.settings.rate_left
        return left is not None and left <= _NEAR_ZERO

    @property
    def smoothed(self) -> bool:
        """Whether training smooths labels. Validation does not, so its loss may rise while nothing gets worse."""
        return self.evidence.settings.label_smoothing > 0

    @property
    def turn(self) -> Turn | None:
        """Where validation loss turned, where that loss is the one that training lowers."""
        return None if self.smoothed else self.course.turn

    @property
    def falling(self) -> float:
        """By which part doubling the epochs would lower the loss that training lowers, 0..1."""
        return self.course.falling_in_training if self.smoothed else self.course.falling

    @property
    def flawless(self) -> bool:
        """Whether every training row looked at is right, and every validation row where there are any."""
        parts = [part for part in (self.train, self.validation) if part is not None]
        return self.train is not None and all(part.accuracy == 1 for part in parts)

    def name(self, number: int) -> str:
        """A class by its number."""
        names = self.evidence.classes
        return names[number] if number < len(names) else str(number)

    def again(self, *assignments: str) -> str:
        """The command that trains the same recipe with other settings; empty where there is no recipe."""
        if self.recipe is None or not self.run:
            return ""
        changes = [word for assignment in assignments for word in ("--set", assignment)]
        return shlex.join(["sonmat", "train", os.path.join(self.run, "recipe.toml"), *changes])  # noqa: PTH118

    def on_run(self, verb: str, *arguments: str) -> str:
        """A command on the run itself; empty where there is no recipe."""
        return shlex.join(["sonmat", verb, self.run, *arguments]) if self.recipe is not None and self.run else ""

    def on_data(self) -> str:
        """The command that shows the data; empty where there is no recipe."""
        return shlex.join(["sonmat", "data", "show", self.recipe.data]) if self.recipe is not None else ""

    @property
    def goes_on(self) -> bool:
        """Whether the run can be made longer."""
        return self.recipe is None or not planned_by_length(self.recipe.train)

    def longer(self, epochs: int) -> str:
        """The command that goes on to so many epochs, or begins again where the training was planned for its length."""
        if not self.goes_on:
            return self.again(f"train.epochs={epochs}")
        return self.on_run("resume", "--epochs", str(epochs))

    def at_rate(self, rate: float) -> str:
        """The command for another learning rate, of a schedule for another peak; empty where no one number sets it."""
        key = peak_setting(self.recipe.train.learning_rate) if self.recipe is not None else None
        return self.again(f"{key}={rate:.3g}") if key else ""

    def slower(self, by: float) -> str:
        """The command for so many times the learning rate; empty where it is not known."""
        return self.at_rate(self.rate * by) if self.rate else ""

    def larger(self) -> str:
        """The command for a network of twice the units or filters, where the recipe has such a setting."""
        return self._sized(2.0)

    def smaller(self) -> str:
        """The same with half of them."""
        return self._sized(0.5)

    def _sized(self, times: float) -> str:
        settings = self.recipe.model.settings if self.recipe is not None else {}
        for key in ("hidden", "filters", "units"):
            value = settings.get(key)
            whole = [value] if isinstance(value, int) else value
            if not isinstance(whole, (list, tuple)) or not whole or not all(_count(one) for one in whole):
                continue
            sized = [max(32 if times > 1 else 2, round(one * times)) for one in whole]
            written = str(sized[0]) if isinstance(value, int) else str(sized)
            return self.again(f"model.{key}={written}")
        return ""

    def with_setting(self, key: str, value: object) -> str:
        """The command for a setting of the model or of training that this recipe has, else empty."""
        if self.recipe is None:
            return ""
        if key in self.recipe.model.settings:
            return self.again(f"model.{key}={value}")
        return self.again(f"train.{key}={value}") if key in TRAIN_KEYS else ""


def skill(part: Part) -> float:
    """How far some rows are from guessing the commonest class (0) to being always right (1)."""
    chance = part.commonest or 0.0
    if part.accuracy is None or chance >= 1:
        return 0.0
    return (part.accuracy - chance) / (1 - chance)


def _count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def right_text(case: Case) -> str:
    """How many of the training rows are right: under frozen weights, else as the journal says."""
    part = case.train
    known = part.accuracy if part is not None else float(case.course.accuracy[-1])
    return say(f"{percent(known or 0)} right", f"{percent(known or 0)}")


def epochs_text(count: int) -> str:
    """A number of epochs in English."""
    return f"{count} epoch{'s' if count != 1 else ''}"


def surely(p_value: float) -> str:
    """How sure a test is."""
    return "p < 0.001" if p_value < 0.001 else f"p = {p_value:.3f}"
