"""The plan of a batch: which trials, with which settings, compared after which epochs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sonmat.errors import RecipeError, RunError
from sonmat.files import write_text
from sonmat.language import say
from sonmat.search.plain import plain
from sonmat.search.trial import Trial

PLAN = "plan.json"
_FORMAT = 1
_LARGEST = 2**28  # bytes; ten thousand trials are about one MB


@dataclass(frozen=True)
class Plan:
    """What a batch is to do; it does not change while the batch is worked on.

    Attributes:
        trials: As they wait, in the order of their numbers.
        rungs: The epochs after which they are compared; the last is where training ends.
        factor: One in so many goes on at a rung; None where there is one rung.
        maximize: Whether more of the metric is better.
        notes: Number → what the sampler noted with the trial, for those after it.
        current: Of finalists: the numbers of the repeats that count now. A study that was extended may have other
            finalists than before; what it has repeated already stays.
        least: So many go on at every rung, whatever the factor.
    """

    trials: Sequence[Trial]
    rungs: Sequence[int]
    factor: int | None
    maximize: bool
    notes: Mapping[int, Mapping[str, str]] = field(default_factory=dict)
    current: Sequence[int] | None = None
    least: int = 1
    planned: Mapping[int, Trial] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "planned", {trial.number: trial for trial in self.trials})


def current_part(plan: Plan) -> Plan:
    """The plan of the trials that count now."""
    if plan.current is None:
        return plan
    current = set(plan.current)
    return replace(plan, trials=[trial for trial in plan.trials if trial.number in current])


def write_plan(folder: Path, plan: Plan) -> None:
    """Replace a batch folder's plan, all or nothing.

    Raises:
        StorageError: The disk is full or the folder cannot be written.
    """
    head = {
        "format": _FORMAT,
        "rungs": list(plan.rungs),
        "factor": plan.factor,
        "maximize": plan.maximize,
        **({} if plan.current is None else {"current": list(plan.current)}),
        **({} if plan.least == 1 else {"least": plan.least}),
    }
    records = (_record(trial, plan.notes.get(trial.number)) for trial in plan.trials)
    lines = ",\n".join(json.dumps(record, ensure_ascii=False) for record in records)
    write_text(folder / PLAN, json.dumps(head)[:-1] + f', "trials": [\n{lines}\n]}}\n')


def read_plan(folder: Path) -> Plan:
    """What `write_plan` wrote.

    Raises:
        FileNotFoundError: It is not there.
        RunError: It is no plan.
    """
    file = folder / PLAN
    try:
        with open(file, "rb") as stream:
            content = stream.read(_LARGEST + 1)
        if len(content) > _LARGEST:
            raise ValueError(f"more than {_LARGEST} bytes")
        return _read(json.loads(content))
    except FileNotFoundError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, RecipeError) as error:
        raise RunError(
            say(
                f"{file} is not a plan that can be read: {error}.", f"{file}을(를) 계획으로 읽을 수 없습니다: {error}."
            ),
            say(
                "Restore the file from a copy; without it nobody knows which settings the results beside it belong to.",
                "사본에서 파일을 되돌리세요. 이 파일이 없으면 옆의 결과가 어느 설정의 것인지 알 수 없습니다.",
            ),
        ) from error


def plain_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as TOML's plain values: a NumPy number becomes a number, a tuple a list.

    Raises:
        RecipeError: A value that TOML has no form for.
    """
    return {str(name): value if _is_plain(value) else plain(value) for name, value in settings.items()}


def _is_plain(value: Any) -> bool:
    """Whether it need not be looked at: most need not, and ten thousand trials are read at once."""
    return type(value) in (int, bool) or (type(value) is str and value.isascii())


def _record(trial: Trial, notes: Mapping[str, str] | None) -> dict[str, Any]:
    return {
        "number": int(trial.number),
        "seed": int(trial.seed),
        **({} if trial.repeats is None else {"repeats": int(trial.repeats)}),
        "settings": plain_settings(trial.settings),
        **({"notes": dict(notes)} if notes else {}),
    }


def _read(values: dict[str, Any]) -> Plan:
    if values["format"] != _FORMAT:
        raise ValueError(f"format {values['format']}")
    trials = [
        Trial(
            number=_whole(one["number"]),
            settings=plain_settings(one["settings"]),
            seed=_whole(one["seed"]),
            repeats=_whole(one["repeats"]) if "repeats" in one else None,
        )
        for one in values["trials"]
    ]
    numbers = [trial.number for trial in trials]
    rungs = [_whole(epochs, 1) for epochs in values["rungs"]]
    if (
        numbers != sorted(set(numbers))
        or rungs != sorted(set(rungs))
        or not rungs
        or not isinstance(values["maximize"], bool)
    ):
        raise ValueError("numbers or rungs that do not rise")
    factor = None if values["factor"] is None else _whole(values["factor"], 2)
    if factor is None and len(rungs) > 1:
        raise ValueError("rungs without a factor")
    current = [_whole(number) for number in values["current"]] if "current" in values else None
    if not set(current or ()) <= set(numbers):
        raise ValueError("repeats that are not planned")
    notes = {
        _whole(one["number"]): {str(name): str(note) for name, note in one["notes"].items()}
        for one in values["trials"]
        if one.get("notes")
    }
    return Plan(trials, rungs, factor, values["maximize"], notes, current, _whole(values.get("least", 1), 1))


def _whole(value: Any, low: int = 0) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value < 2**63:
        raise ValueError(f"{value!r} is no whole number of {low} or more")
    return value
