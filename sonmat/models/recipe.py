"""The recipe: everything needed to run a training again, as plain frozen records and as TOML."""

from __future__ import annotations

import difflib
import math
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from sonmat.data.cutting import Cutting
from sonmat.data.read_settings import ReadSettings
from sonmat.errors import RecipeError
from sonmat.language import say
from sonmat.models.numbers import LEAST, MOST, fits_float32, plain
from sonmat.models.toml import parse_toml, write_toml

_HIGHEST_SEED = 2**32 - 1


@dataclass(frozen=True)
class ModelSettings:
    """Which network, and what its builder is told.

    Attributes:
        name: A name in the catalog, or `FILE.py:function`, a builder of the user's own.
        settings: Keyword arguments of the builder: TOML's plain values. Tuples become lists.
    """

    name: str = "notes-mlp"
    settings: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _text("model.name", self.name)
        _keep(self, settings=_table("model", self.settings, reserved=("name",)))


@dataclass(frozen=True)
class TrainSettings:
    """How a network is compiled and trained. What is None is left to the builder's own `compile`.

    Attributes:
        epochs: How often the training rows are seen, 1 or more.
        batch_size: Rows a step, 1 or more; or pairs of epochs and rows, `[[3, 64], [7, 256]]`, the last of which holds
            for all epochs after.
        optimizer: Keras's name of an optimizer, in any case: `"sgd"`, `"Adam"`.
        learning_rate: Above 0, or a schedule as a table: `{"name": "CosineDecay", "initial_learning_rate": 0.1, …}`.
            None is the optimizer's own default.
        loss: Keras's name of a loss.
        metrics: Keras's names of metrics. One name alone is taken as a tuple of one.
        augment: How training pictures are varied, as `sonmat.models.augmentation.Augmentation` has it:
            `{"shift": 2, "rotate": 10}`.
        label_smoothing: The share of a target that goes to all classes alike, 0 to below 1.
        average: Which average of the weights is used, as `sonmat.models.averaging.Averaging` has it.
        outliers: How many inputs of no class are trained on beside the rows, as a share of these, 0 to 1: the network learns
            to give all classes alike for them. They are made of the training rows and of strokes, noise and textures.
        habits: How many digits are trained on beside the rows as other hands write them, with a foot or a bar more, as a share
            of the rows, 0 to 1. They are made of the training rows, which have to be digits as MNIST's are.
        tta: Test-time augmentation, as `sonmat.models.views.Views` has it: `{"shift": 1}`.
        members: How many networks, with seeds that count up from the recipe's, are trained and averaged.
        options: Further arguments of the optimizer: `{"momentum": 0.9}`. In TOML they stand under `[train]`.
    """

    epochs: int = 10
    batch_size: int | list[list[int]] = 32
    optimizer: str | None = None
    learning_rate: float | Mapping[str, Any] | None = None
    loss: str | None = None
    metrics: tuple[str, ...] | None = None
    augment: Mapping[str, Any] | None = None
    label_smoothing: float | None = None
    average: Mapping[str, Any] | None = None
    outliers: float | None = None
    habits: float | None = None
    tta: Mapping[str, Any] | None = None
    members: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _whole("train.epochs", self.epochs, 1)
        if self.members is not None:
            _whole("train.members", self.members, 2, 100)
        for key in ("augment", "average", "tta"):
            if getattr(self, key) is not None:
                _keep(self, **{key: _table(f"train.{key}", getattr(self, key))})
        _keep(self, label_smoothing=_share("train.label_smoothing", self.label_smoothing))
        _keep(self, outliers=_share("train.outliers", self.outliers), habits=_share("train.habits", self.habits))
        _keep(self, batch_size=_batch_size(self.batch_size))
        if self.optimizer is not None:
            _text("train.optimizer", self.optimizer)
        if self.loss is not None:
            _text("train.loss", self.loss)
        _keep(
            self,
            learning_rate=_learning_rate(self.learning_rate),
            metrics=_names("train.metrics", self.metrics),
            options=_held("train", _table("train", self.options, reserved=TRAIN_KEYS)),
        )


@dataclass(frozen=True)
class Recipe:
    """Everything needed to run a training again.

    Attributes:
        data: A data set's name or path, as `sonmat.load` takes it.
        split: The share of the training rows that is trained on, between 0 and 1; the others validate.
        seed: Sets the split, the initial weights, the order of the rows, dropout and augmentation; 0 to 2³²−1.
        split_seed: Sets the split instead, so that runs of several seeds share their validation rows.
        tokens: How sentences are cut, as `sonmat.data.cutting.Cutting` has it: `{"kind": "pieces", "vocabulary": 8000}`.
        read: How data of one's own are read, as `sonmat.data.read_settings.ReadSettings` has it: `{"size": [64, 64]}`.
        model: Which network.
        train: How it is trained.

    Raises:
        RecipeError: A value of the wrong type or out of its range.
    """

    data: str = "mnist"
    split: float = 0.7
    seed: int = 0
    split_seed: int | None = None
    tokens: Mapping[str, Any] | None = None
    read: Mapping[str, Any] | None = None
    model: ModelSettings = field(default_factory=ModelSettings)
    train: TrainSettings = field(default_factory=TrainSettings)

    def __post_init__(self) -> None:
        _text("data", self.data)
        _keep(self, split=_number("split", self.split, "0.7"))
        if not self.split < 1:
            raise _wrong("split", say("a number between 0 and 1", "0과 1 사이의 수"), self.split, "0.7")
        _whole("seed", self.seed, 0, _HIGHEST_SEED)
        if self.split_seed is not None:
            _whole("split_seed", self.split_seed, 0, _HIGHEST_SEED)
        if self.tokens is not None:
            _keep(self, tokens=_table("tokens", self.tokens))
            Cutting.of(self.tokens)
        if self.read is not None:
            _keep(self, read=ReadSettings.of(_table("read", self.read)).as_dict() or None)

    def as_dict(self) -> dict[str, Any]:
        """The recipe as the tables of its TOML, without what is None."""
        train = {key: getattr(self.train, key) for key in TRAIN_KEYS}
        return {
            "data": self.data,
            "split": self.split,
            "seed": self.seed,
            **({} if self.split_seed is None else {"split_seed": self.split_seed}),
            **({} if self.tokens is None else {"tokens": dict(self.tokens)}),
            **({} if self.read is None else {"read": dict(self.read)}),
            "model": {"name": self.model.name, **self.model.settings},
            "train": {key: _plain(value) for key, value in train.items() if value is not None}
            | dict(self.train.options),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Recipe:
        """The inverse of `as_dict`; what is missing is the record's default.

        Raises:
            RecipeError: An unknown key, a wrong type, or a value out of its range.
        """
        for key in values:
            if key not in KEYS:
                raise unknown(key, KEYS)
        model = dict(_table("model", values.get("model", {})))
        train = dict(_table("train", values.get("train", {})))
        name = model.pop("name", ModelSettings.name)
        stated = {key: train.pop(key) for key in TRAIN_KEYS if key in train}
        rest = {key: value for key, value in values.items() if key not in ("model", "train")}
        return cls(**rest, model=ModelSettings(name, model), train=TrainSettings(**stated, options=train))


KEYS = tuple(item.name for item in fields(Recipe))
TRAIN_KEYS = tuple(item.name for item in fields(TrainSettings) if item.name != "options")


def to_toml(recipe: Recipe) -> str:
    """The recipe as TOML. `from_toml` gives the same recipe back, to the bit."""
    return write_toml(recipe.as_dict())


def from_toml(text: str, *, source: str = "recipe.toml") -> Recipe:
    """Read what `to_toml` wrote. No file that the recipe names is opened or run.

    Args:
        text: TOML.
        source: What to call the text in an error.

    Raises:
        RecipeError: Not TOML, or not a recipe; it names `source` and, for bad TOML, the line.
    """
    values = parse_toml(text, source=source)
    try:
        return Recipe.from_dict(values)
    except RecipeError as error:
        raise RecipeError(f"{source}: {error.problem}", error.fix) from error


def unknown(key: str, known: Iterable[str], *, of: str = "") -> RecipeError:
    """The error for a setting that does not exist, with the nearest one that does.

    Args:
        key: What came, dotted or not.
        known: The names that exist, in the same form.
        of: Whose settings they are, such as a model's or an optimizer's name.
    """
    names = list(known)
    section = key.rpartition(".")[0]
    shared = f"{section}." if section and all(name.startswith(f"{section}.") for name in names) else ""
    ends = {name.removeprefix(shared).lower(): name for name in reversed(names)}  # what all share makes nothing alike
    near = difflib.get_close_matches(key.removeprefix(shared).lower(), ends, n=1, cutoff=0.5)
    nearest = ends[near[0]] if near else None
    whose = (say(f" of {of}", f"{of}의 "), "") if of else ("", "")
    problem = say(f"There is no setting{whose[0]} called {key!r}.", f"{whose[0]}{key!r}(이)라는 설정은 없습니다.")
    if nearest is not None:
        return RecipeError(problem, say(f"Did you mean {nearest!r}?", f"{nearest!r}인가요?"))
    return RecipeError(problem, say("Known: ", "있는 것: ") + (", ".join(names) or say("none", "없음")) + ".")


def _wrong(key: str, expected: str, came: object, example: str) -> RecipeError:
    name = key.rpartition(".")[2]
    return RecipeError(
        say(f"{key} should be {expected}, but is {came!r}.", f"{key}에 올 것은 {expected}, 받은 것은 {came!r}입니다."),
        say(
            f"Write for example {name} = {example}, or --set {key}={example}.",
            f"예: {name} = {example}, 또는 --set {key}={example}.",
        ),
    )


def _whole(key: str, value: object, low: int, high: float = math.inf) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        english = f"a whole number of {low} or more" if high == math.inf else f"a whole number from {low} to {high}"
        korean = f"{low} 이상의 정수" if high == math.inf else f"{low}부터 {high}까지의 정수"
        raise _wrong(key, say(english, korean), value, str(max(low, 1) if key != "train.epochs" else 10))


def _number(key: str, value: object, example: str) -> float:
    value = plain(value)
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value <= sys.float_info.max:
        raise _wrong(key, say("a number above 0", "0보다 큰 수"), value, example)
    return float(value)


def _share(key: str, value: object) -> float | None:
    value = plain(value)
    if value is None:
        return None
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < 1:
        raise _wrong(key, say("a number from 0 to below 1", "0 이상 1 미만의 수"), value, "0.1")
    return float(value)


def _batch_size(value: object) -> int | list[list[int]]:
    if not isinstance(value, list | tuple):
        _whole("train.batch_size", value, 1)
        assert isinstance(value, int)
        return value
    pairs = [list(pair) if isinstance(pair, list | tuple) else [] for pair in value]
    if not pairs or not all(
        len(pair) == 2 and all(isinstance(n, int) and not isinstance(n, bool) and n >= 1 for n in pair)
        for pair in pairs
    ):
        expected = say("a whole number, or pairs of epochs and rows", "정수, 또는 (에포크 수, 행 수)의 쌍들")
        raise _wrong("train.batch_size", expected, value, "[[3, 64], [7, 256]]")
    return pairs


def _text(key: str, value: object) -> None:
    if not isinstance(value, str) or not value.strip():
        example = {"data": '"mnist"', "model.name": '"notes-mlp"', "train.optimizer": '"sgd"'}
        raise _wrong(key, say("a name", "이름"), value, example.get(key, '"sparse_categorical_crossentropy"'))


def _names(key: str, value: object) -> tuple[str, ...] | None:
    if value is None:
        return None
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) and name.strip() for name in names):
        raise _wrong(key, say("a list of names", "이름의 목록"), value, '["accuracy"]')
    return tuple(names)


def _learning_rate(value: object) -> float | dict[str, Any] | None:
    if value is None:
        return None
    if not isinstance(value, Mapping):
        return float(_held("train.learning_rate", _number("train.learning_rate", value, "0.01")))
    if not isinstance(value.get("name"), str):
        example = '{name = "CosineDecay", initial_learning_rate = 0.1, decay_steps = 1000}'
        raise _wrong("train.learning_rate", say("a schedule with a name", "이름이 있는 스케줄"), dict(value), example)
    table: dict[str, Any] = _held("train.learning_rate", _table("train.learning_rate", value))
    return table


def _held(key: str, value: Any) -> Any:
    """The value, whose numbers float32 can hold: others would be infinity, NaN or 0 in the compiled step."""
    for name, item in value.items() if isinstance(value, Mapping) else ():
        _held(f"{key}.{name}", item)
    for item in value if isinstance(value, list) else ():
        _held(key, item)
    if isinstance(value, int | float) and not fits_float32(value):
        sizes = f"{LEAST:.1e}–{MOST:.1e}"
        raise _wrong(
            key, say(f"of a size that float32 holds, {sizes}", f"float32에 담기는 크기({sizes})의 수"), value, "0.01"
        )
    return value


def _table(key: str, value: object, *, reserved: Iterable[str] = ()) -> dict[str, Any]:
    if isinstance(value, Mapping) and (doubled := set(value) & set(reserved)):
        raise RecipeError(
            say(f"{key}.{min(doubled)} is given twice.", f"{key}.{min(doubled)}이(가) 두 번 있습니다."),
            say("Give it once.", "한 번만 쓰세요."),
        )
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        raise RecipeError(
            say(
                f"{key} should be a table of settings, but is {value!r}.",
                f"{key}에 올 것은 설정 표, 받은 것은 {value!r}입니다.",
            ),
            say(f"Write its settings under a line [{key}].", f"[{key}] 줄 아래에 설정을 쓰세요."),
        )
    return {name: _plain(item, f"{key}.{name}") for name, item in value.items()}


def _plain(value: Any, key: str = "") -> Any:
    """The value in TOML's own types, so that a recipe and its TOML are equal."""
    if isinstance(value, Mapping):
        return _table(key, value)
    if isinstance(value, list | tuple):
        return [_plain(item, key) for item in value]
    value = plain(value)
    if not isinstance(value, str | int | float):
        raise _wrong(key, say("a text, a number, true, false or a list", "글자, 수, true, false 또는 목록"), value, "1")
    return value


def _keep(record: object, **values: object) -> None:
    for name, value in values.items():
        object.__setattr__(record, name, value)
