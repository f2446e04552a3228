"""The layers that a recipe writes down one by one: what there are, what their settings may be, and reading a list of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sonmat.errors import RecipeError
from sonmat.language import say
from sonmat.models.recipe import unknown

PADDINGS = ("valid", "same")
MOST = 200
"""Layers of a network."""

_MAPPED = ("conv", "max_pool", "average_pool")


@dataclass(frozen=True)
class Setting:
    """What one setting of a layer may be.

    Attributes:
        default: Taken where it is left out; its type is the setting's.
        low, high: The least and the largest number, `high` not included where it is a fraction; None has no limit.
        choices: The texts that it may be; empty for numbers, and for names of Keras's.
    """

    default: int | float | str
    low: float = 1
    high: float | None = None
    choices: tuple[str, ...] = ()


_ACTIVATION, _PADDING, _STRIDE = Setting("relu"), Setting("valid", choices=PADDINGS), Setting(1)

KINDS: Mapping[str, Mapping[str, Setting]] = {
    "dense": {"units": Setting(20), "activation": _ACTIVATION},
    "conv": {
        "filters": Setting(16),
        "kernel": Setting(3),
        "stride": _STRIDE,
        "padding": _PADDING,
        "activation": _ACTIVATION,
    },
    "max_pool": {"size": Setting(2), "stride": Setting(2), "padding": _PADDING},
    "average_pool": {"size": Setting(2), "stride": Setting(2), "padding": _PADDING},
    "dropout": {"rate": Setting(0.2, low=0.0, high=1.0)},
    "batch_norm": {"momentum": Setting(0.9, low=0.0, high=1.0)},
    "activation": {"activation": _ACTIVATION},
}
"""The layers that a stack is made of, and their settings."""

NAMES: Mapping[str, str] = {
    "dense": "hidden",
    "conv": "conv",
    "max_pool": "pool",
    "average_pool": "pool",
    "dropout": "dropout",
    "batch_norm": "norm",
    "activation": "activation",
}
"""How each kind's layers are called in the network, before their number: `"conv_1"`."""


@dataclass(frozen=True)
class StackLayer:
    """One layer as it was asked for, checked.

    Attributes:
        kind: One of `KINDS`.
        name: Its own within the network: `"conv_1"`.
        settings: All of them.
    """

    kind: str
    name: str
    settings: Mapping[str, Any]


def read_layers(layers: Sequence[Any]) -> list[StackLayer]:
    """A recipe's list of layers, checked one by one, with every setting filled in.

    Args:
        layers: Tables such as `{"layer": "dense", "units": 20}`; what a layer leaves out is its default.

    Raises:
        RecipeError: A layer or setting that there is not, or a value that it cannot have; it says which layer.
    """
    if len(layers) > MOST:
        raise RecipeError(
            say(
                f"A network may have {MOST} layers; came {len(layers):,}.",
                f"층은 {MOST}개까지인데 {len(layers):,}개가 왔습니다.",
            ),
            say("Take some out.", "몇 개를 빼세요."),
        )
    counts: dict[str, int] = {}
    found = []
    for number, table in enumerate(layers):
        kind = _kind(table, number)
        name = NAMES[kind]
        counts[name] = counts.get(name, 0) + 1
        found.append(StackLayer(kind, f"{name}_{counts[name]}", _settings(table, kind, number)))
    return found


def is_mapped(kind: str) -> bool:
    """Whether a layer slides over rows and columns."""
    return kind in _MAPPED


def refused(number: int, key: str, expected: str, came: object, example: str) -> RecipeError:
    """The error for a value that a layer's setting cannot have.

    Args:
        number: The layer's place, from 0.
    """
    return RecipeError(
        say(
            f"Layer {number + 1}: {key} should be {expected}, but is {came!r}.",
            f"{number + 1}번째 층의 {key}에 올 것은 {expected}, 받은 것은 {came!r}입니다.",
        ),
        say(f"Write for example {key} = {example}.", f"예: {key} = {example}."),
    )


def _kind(table: Any, number: int) -> str:
    kind = table.get("layer") if isinstance(table, Mapping) else None
    if not isinstance(kind, str) or kind not in KINDS:
        came = kind if isinstance(table, Mapping) else table
        raise refused(number, "layer", say("one of ", "다음 가운데 하나: ") + ", ".join(KINDS), came, '"dense"')
    return kind


def _settings(table: Mapping[str, Any], kind: str, number: int) -> dict[str, Any]:
    known = KINDS[kind]
    for key in table:
        if key not in (*known, "layer"):
            raise unknown(str(key), known, of=say(f"layer {number + 1} ({kind})", f"{number + 1}번째 층({kind})"))
    return {key: _value(number, key, table.get(key, rule.default), rule) for key, rule in known.items()}


def _value(number: int, key: str, value: Any, rule: Setting) -> Any:
    if isinstance(rule.default, str):
        if not isinstance(value, str) or (rule.choices and value not in rule.choices):
            expected = (
                say("one of ", "다음 가운데 하나: ") + ", ".join(rule.choices)
                if rule.choices
                else say("a name", "이름")
            )
            raise refused(number, key, expected, value, f'"{rule.default}"')
        return value
    whole = isinstance(rule.default, int)
    fits = isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)
    if not fits or not math.isfinite(value) or value < rule.low or (rule.high is not None and value >= rule.high):
        expected = (
            say(f"a whole number of {rule.low:g} or more", f"{rule.low:g} 이상의 정수")
            if whole
            else say(f"a number from {rule.low:g} to below {rule.high:g}", f"{rule.low:g} 이상 {rule.high:g} 미만의 수")
        )
        raise refused(number, key, expected, value, f"{rule.default}")
    return value if whole else float(value)
