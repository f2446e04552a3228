"""From a recipe's names to Keras's optimizer, loss and metrics, and a compiled model."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from sonmat.errors import RecipeError
from sonmat.language import say
from sonmat.models.augmentation import Augmentation
from sonmat.models.averaging import Averaging
from sonmat.models.recipe import TRAIN_KEYS, TrainSettings, unknown
from sonmat.models.signature import check_kind, keywords
from sonmat.models.views import Views

if TYPE_CHECKING:
    import keras

# for a builder that does not compile, where the recipe does not say either
_OPTIMIZER, _LOSS, _METRICS = "adam", "sparse_categorical_crossentropy", ("accuracy",)

OWN_SCHEDULES = ("OneCycle", "Cosine", "WarmUp")
"""Names of schedules beside Keras's; see `sonmat.models.schedules`."""

_ANY_STEPS = 1000  # where a schedule is only checked

_BY_LOSS = ("accuracy", "acc", "crossentropy", "ce")  # metrics that Keras's compile chooses by the loss


def compile_model(model: keras.Model, train: TrainSettings, steps: int = _ANY_STEPS) -> None:
    """Compile a model as the recipe says, for a training of so many steps.

    A model that its builder compiled keeps what the recipe leaves None: with only a learning rate in the recipe, its
    own optimizer runs at that rate.

    Raises:
        RecipeError: A name that Keras does not know, an argument that the optimizer does not take, or a loss or
            metrics for a model that its builder compiled with its own.
    """
    from sonmat.models.muon import look_at_layers

    if not model.compiled:
        model.compile(
            optimizer=make_optimizer(train, steps),
            loss=train.loss or _LOSS,
            metrics=list(_METRICS if train.metrics is None else train.metrics),
        )
        look_at_layers(model)
        return
    for key, value in (("loss", train.loss), ("metrics", train.metrics)):
        if value is not None:
            raise RecipeError(
                say(
                    f"train.{key} is {value!r}, but the builder of {model.name} compiles the model with its own.",
                    f"train.{key}이(가) {value!r}인데, {model.name}의 빌더가 이미 자기 것으로 컴파일합니다.",
                ),
                say(
                    f"Take {key} out of the recipe, or model.compile(…) out of the builder.",
                    f"레시피에서 {key}을(를) 빼거나, 빌더에서 model.compile(…)을 빼세요.",
                ),
            )
    if train.optimizer is not None:
        model.optimizer = make_optimizer(train, steps)
    elif train.learning_rate is not None or train.options:
        model.optimizer = _changed(model.optimizer, train, steps)
    look_at_layers(model)


def check_train(train: TrainSettings) -> None:
    """Refuse what Keras will refuse, before anything is loaded or built.

    Raises:
        RecipeError: A name that Keras does not know, or an argument that the optimizer or schedule does not take.
    """
    import keras

    if train.augment is not None:
        Augmentation.of(train.augment)
    if train.average is not None:
        Averaging.of(train.average)
    if train.tta is not None:
        Views.of(train.tta)
    if train.optimizer is not None:
        make_optimizer(train)
    else:  # the optimizer is the builder's own, and not known before it has run
        for key in train.options:
            _check_option(key, optimizer_options(None))
        if isinstance(train.learning_rate, Mapping):
            make_schedule(train.learning_rate, _ANY_STEPS)
    if train.loss is not None:
        _known("train.loss", train.loss, keras.losses.get, filter(str.islower, _names_in(keras.losses)))
    for metric in train.metrics or ():
        if metric not in _BY_LOSS:
            _known("train.metrics", metric, keras.metrics.get, [*_BY_LOSS, *_names_in(keras.metrics)])


def make_optimizer(train: TrainSettings, steps: int = _ANY_STEPS) -> keras.optimizers.Optimizer:
    """A new optimizer by Keras's name, in any case, or ConvMuon, with the recipe's learning rate and options.

    Args:
        train: The recipe's settings.
        steps: Steps of the whole training, for a schedule that spans it.

    Raises:
        RecipeError: No such optimizer or schedule, or an argument that it does not take.
    """
    import keras

    found = _optimizers()
    name = train.optimizer or _OPTIMIZER
    if name.lower() not in found:
        error = unknown(name, [kind.__name__ for kind in found.values()])
        raise RecipeError(say(f"Keras has no optimizer {name!r}.", f"Keras에 {name!r} 최적화기는 없습니다."), error.fix)
    kind = found[name.lower()]
    arguments = _optimizer_arguments(kind, train, steps)
    return _call(kind, arguments, keras.optimizers.Optimizer)


def optimizer_options(name: str | None) -> list[str]:
    """The arguments that an optimizer takes besides its learning rate; those of all of them where `name` is None."""
    kinds = [kind for known, kind in _optimizers().items() if name is None or known == name.lower()]
    return list(dict.fromkeys(option for kind in kinds for option in _options(kind)))


def _optimizers() -> dict[str, type]:
    import keras

    from sonmat.models.muon import ConvMuon

    base = keras.optimizers.Optimizer
    return {
        name.lower(): value
        for name, value in {**vars(keras.optimizers), "ConvMuon": ConvMuon}.items()
        if inspect.isclass(value)
        and issubclass(value, base)
        and value is not base
        and "learning_rate" in keywords(value)
    }


def _optimizer_arguments(kind: type, train: TrainSettings, steps: int) -> dict[str, Any]:
    known = _options(kind)
    for key, value in train.options.items():
        _check_option(key, known)
        # Keras writes None for a number that is not used, and would take a text in silence
        check_kind(f"train.{key}", value, 0.0 if known[key] is None and isinstance(value, str) else known[key])
    arguments = dict(train.options)
    if train.learning_rate is not None:
        rate = train.learning_rate
        arguments["learning_rate"] = make_schedule(rate, steps) if isinstance(rate, Mapping) else rate
    return arguments


def _check_option(key: str, known: Iterable[str]) -> None:
    if key not in known:
        raise unknown(f"train.{key}", [f"train.{name}" for name in (*TRAIN_KEYS, *known)])


def _changed(optimizer: Any, train: TrainSettings, steps: int) -> Any:
    """The same optimizer with the recipe's learning rate and options."""
    arguments = _optimizer_arguments(type(optimizer), train, steps)
    return type(optimizer).from_config(optimizer.get_config() | arguments)


def spans(train: TrainSettings) -> bool:
    """Whether the learning rate follows a schedule whose length is that of the whole training."""
    rate = train.learning_rate
    if not isinstance(rate, Mapping):
        return False
    from sonmat.models.schedules import LENGTHS

    return any(key in keywords(_schedules().get(rate["name"], object)) and key not in rate for key in LENGTHS)


def planned_by_length(train: TrainSettings) -> list[str]:
    """The settings that make a training of more epochs another one from its first step, so that it cannot be made longer."""
    found = ["learning_rate"] if spans(train) else []
    found += ["average"] if train.average is not None and Averaging.of(train.average).name == "SWA" else []
    return found + (["members"] if train.members else [])


def schedule_settings(name: str) -> list[str]:
    """The arguments of a schedule, or none where there is no such schedule."""
    kind = _schedules().get(name)
    return [key for key in keywords(kind) if key != "name"] if kind else []


def _schedules() -> dict[str, type]:
    import keras

    from sonmat.models.schedules import SCHEDULES

    own = keras.optimizers.schedules
    return {**SCHEDULES, **{name: getattr(own, name) for name in _names_in(own)}}


def make_schedule(table: Mapping[str, Any], steps: int) -> Any:
    """A recipe's table as a learning-rate schedule, for a training of so many steps.

    Raises:
        RecipeError: No such schedule, or an argument that it does not take.
    """
    import keras

    from sonmat.models.schedules import LENGTHS

    base = keras.optimizers.schedules.LearningRateSchedule
    known_schedules = _schedules()
    names = list(known_schedules)
    arguments = {key: value for key, value in table.items() if key != "name"}
    name = table["name"]
    if name not in names:
        error = unknown(name, names)
        raise RecipeError(say(f"Keras has no schedule {name!r}.", f"Keras에 {name!r} 스케줄은 없습니다."), error.fix)
    kind = known_schedules[name]
    arguments = {key: steps for key in LENGTHS if key in keywords(kind)} | arguments
    for key in arguments:
        if key not in keywords(kind):
            known = [f"train.learning_rate.{item}" for item in keywords(kind)]
            raise unknown(f"train.learning_rate.{key}", known, of=name)
    return _call(kind, arguments, base)


def _call(kind: type, arguments: Mapping[str, Any], base: type) -> Any:
    """Make a Keras object; what it refuses becomes a RecipeError."""
    try:
        made = kind(**arguments)
    except (TypeError, ValueError) as error:
        raise RecipeError(
            say(
                f"{kind.__name__} refuses its settings: {error}", f"{kind.__name__}이(가) 설정을 받지 않습니다: {error}"
            ),
            say(f"It takes {', '.join(keywords(kind))}.", f"받는 것: {', '.join(keywords(kind))}."),
        ) from error
    assert isinstance(made, base)
    return made


def _known(key: str, name: str, get: Callable[[str], object], names: Iterable[str]) -> None:
    try:
        get(name)
    except (ValueError, TypeError) as error:
        fix = unknown(name, names).fix
        raise RecipeError(
            say(f"Keras knows no {key} {name!r}.", f"Keras는 {key} {name!r}을(를) 모릅니다."), fix
        ) from error


def _names_in(module: Any) -> list[str]:
    """What a Keras module offers by name: classes, and functions in small letters."""
    tools = ("get", "serialize", "deserialize", "Loss", "Metric", "LearningRateSchedule")
    return [name for name, value in vars(module).items() if callable(value) and name[0] != "_" and name not in tools]


def _options(kind: type) -> dict[str, Any]:
    return {name: default for name, default in keywords(kind).items() if name not in ("learning_rate", "name")}
