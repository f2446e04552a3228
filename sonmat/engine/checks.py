"""What would go wrong in silence, found before a program is compiled."""

from __future__ import annotations

import warnings
from typing import Any

import jax
import keras
import numpy as np

from sonmat.engine.examples import Examples
from sonmat.engine.losses import compares, function_of
from sonmat.errors import DataError, TrainingError, UnsupportedError
from sonmat.language import say
from sonmat.models.muon import look_at_layers

_SCALING = (
    keras.layers.Rescaling,
    keras.layers.Normalization,
    keras.layers.BatchNormalization,
    keras.layers.LayerNormalization,
    keras.layers.Embedding,
    keras.layers.GroupNormalization,
    keras.layers.UnitNormalization,
)


def check_model(model: Any, *, training: bool) -> None:
    """Refuse what cannot be run.

    Raises:
        TrainingError: The model is not compiled.
        UnsupportedError: It is no Keras model, or is to be distributed.
    """
    check_is_model(model)
    if not model.compiled or (training and model.optimizer is None):
        raise TrainingError(
            say("The model is not compiled.", "모델이 컴파일되지 않았습니다."),
            say(
                'Call model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"]) first.',
                '먼저 model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])을 호출하세요.',
            ),
        )
    if keras.distribution.distribution() is not None:
        raise UnsupportedError(
            say(
                "A keras.distribution is set; sonmat trains on one device.",
                "keras.distribution이 설정되어 있습니다. sonmat은 장치 하나에서 학습합니다.",
            ),
            say(
                "Unset it with keras.distribution.set_distribution(None).",
                "keras.distribution.set_distribution(None)으로 해제하세요.",
            ),
        )
    if model.run_eagerly:
        warnings.warn(
            say(
                "run_eagerly=True has no effect here: sonmat always compiles. Use model.fit to step through a model.",
                "run_eagerly=True는 효과가 없습니다. sonmat은 항상 컴파일합니다. 한 단계씩 보려면 model.fit을 쓰세요.",
            ),
            stacklevel=4,
        )


def check_is_model(model: Any) -> None:
    """Refuse what is no Keras model."""
    if not isinstance(model, keras.Model):
        raise UnsupportedError(
            say(
                f"Expected a keras.Model; got {type(model).__name__}.",
                f"keras.Model이 필요하지만 {type(model).__name__}이(가) 왔습니다.",
            ),
            say('Build one, for example with sonmat.build("notes-mlp").', '예: sonmat.build("notes-mlp")로 만드세요.'),
        )


def check_targets(model: keras.Model, examples: Examples) -> None:
    """Refuse class numbers that the model's output has no place for, and class numbers where rows should be one-hot.

    Keras on JAX would train on the former in silence, as if they belonged to no class.

    Raises:
        DataError: It says what the loss takes and what came.
    """
    targets, outputs = examples.y, getattr(model, "output_shape", None)
    if not isinstance(targets, np.ndarray) or not isinstance(outputs, tuple) or not outputs:
        return
    if not isinstance(outputs[-1], int):
        return
    if _takes_one_hot(model.loss):
        _check_one_hot(targets, outputs)
    elif _takes_class_numbers(model.loss):
        _check_class_numbers(targets, outputs)
    elif compares(model.loss):
        _check_compared(function_of(model.loss).__name__, targets, outputs)


def _check_compared(loss: str, targets: np.ndarray, outputs: tuple[Any, ...]) -> None:
    """Class numbers are no targets for a loss such as the squared error, which wants one for each output."""
    column = (
        targets.shape[1:] == (*outputs[1:-1], 1) and targets.dtype.kind in "iu"
    )  # Keras would stretch it in silence
    if outputs[-1] > 1 and (targets.ndim == len(outputs) - 1 or column):
        raise DataError(
            say(
                f"{loss} compares y with all {outputs[-1]} outputs; y has shape {targets.shape}, which looks like class numbers.",
                f"{loss}은(는) y를 출력 {outputs[-1]}개와 견줍니다. y의 모양 {targets.shape}은(는) 클래스 번호로 보입니다.",
            ),
            say(
                "Compile with sparse_categorical_crossentropy (in a recipe: loss = "
                '"sparse_categorical_crossentropy"), or give keras.utils.to_categorical(y).',
                "sparse_categorical_crossentropy로 컴파일하거나(레시피에서는 loss = "
                '"sparse_categorical_crossentropy") keras.utils.to_categorical(y)를 주세요.',
            ),
        )


def _check_several(outputs: tuple[Any, ...]) -> None:
    """A softmax over one class is 1 whatever goes in: its loss is 0 and nothing is learned."""
    if outputs[-1] == 1:
        raise DataError(
            say(
                "A cross-entropy over classes needs 2 outputs or more; the model has 1, which is right whatever it gives.",
                "클래스에 대한 교차 엔트로피에는 출력이 2개 이상 필요한데 모델의 출력은 1개라서 무엇을 내놓든 맞습니다.",
            ),
            say(
                'Give the last layer one unit a class; or for two classes keep one unit, with "sigmoid" and the loss '
                "binary_crossentropy. Data of one class alone cannot be learned from.",
                '마지막 층의 유닛을 클래스 수만큼 두세요. 클래스가 둘이면 유닛 하나에 "sigmoid"와 손실 binary_crossentropy를 써도 됩니다. '
                "클래스가 하나뿐인 데이터로는 학습할 수 없습니다.",
            ),
        )


def _check_one_hot(targets: np.ndarray, outputs: tuple[Any, ...]) -> None:
    _check_several(outputs)
    if targets.shape[1:] == outputs[1:-1] or (targets.shape[1:] == (*outputs[1:-1], 1) and outputs[-1] > 1):
        raise DataError(
            say(
                f"categorical_crossentropy takes one-hot rows of {outputs[-1]}; y has shape {targets.shape}, which looks like "
                "class numbers.",
                f"categorical_crossentropy는 길이 {outputs[-1]}의 원-핫 행을 받습니다. y의 모양 {targets.shape}은(는) 클래스 번호로 "
                "보입니다.",
            ),
            say(
                "Compile with sparse_categorical_crossentropy, or give keras.utils.to_categorical(y).",
                "sparse_categorical_crossentropy로 컴파일하거나 keras.utils.to_categorical(y)를 주세요.",
            ),
        )


def _check_class_numbers(targets: np.ndarray, outputs: tuple[Any, ...]) -> None:
    _check_several(outputs)
    classes = outputs[-1]
    if targets.ndim == len(outputs) and targets.shape[-1] == classes and classes > 1:
        raise DataError(
            say(
                f"sparse_categorical_crossentropy takes class numbers; y has shape {targets.shape}, which looks one-hot.",
                f"sparse_categorical_crossentropy는 클래스 번호를 받습니다. y의 모양 {targets.shape}은(는) 원-핫으로 보입니다.",
            ),
            say(
                "Give y.argmax(-1), or compile with categorical_crossentropy.",
                "y.argmax(-1)을 주거나 categorical_crossentropy로 컴파일하세요.",
            ),
        )
    bad = (targets < 0) | (targets >= classes) | (targets != np.floor(targets))
    if bad.any():
        row = int(np.argwhere(bad)[0][0])
        value = targets[bad].ravel()[0]
        raise DataError(
            say(
                f"Class numbers must be whole and from 0 to {classes - 1}, as the model has {classes} outputs; row {row} has {value}.",
                f"모델의 출력이 {classes}개이므로 클래스 번호는 0부터 {classes - 1}까지의 정수여야 합니다. {row}행은 {value}입니다.",
            ),
            say(
                "Renumber the classes from 0, or give the last layer more units.",
                "클래스를 0부터 다시 매기거나 마지막 층의 유닛을 늘리세요.",
            ),
        )


def _takes_one_hot(loss: Any) -> bool:
    if isinstance(loss, str):
        return loss.replace("_", "").lower() == "categoricalcrossentropy"
    return isinstance(loss, keras.losses.CategoricalCrossentropy) or loss is keras.losses.categorical_crossentropy


def _takes_class_numbers(loss: Any) -> bool:
    if isinstance(loss, str):
        return loss.replace("_", "").lower() == "sparsecategoricalcrossentropy"
    if isinstance(loss, keras.losses.SparseCategoricalCrossentropy):
        return getattr(loss, "ignore_class", None) is None
    return loss is keras.losses.sparse_categorical_crossentropy


def check_inputs(model: keras.Model, examples: Examples) -> None:
    """Refuse inputs of another shape than the model's, naming both."""
    expected, x = _inputs_of(model), examples.x
    if isinstance(expected, dict) and isinstance(x, dict):
        if missing := sorted(expected.keys() - x.keys()):
            raise DataError(
                say(
                    f"The model takes the inputs {sorted(expected)}; x has {sorted(x)}.",
                    f"모델은 {sorted(expected)} 입력을 받지만 x에는 {sorted(x)}이(가) 있습니다.",
                ),
                say(f"Add {missing} to x.", f"x에 {missing}을(를) 넣으세요."),
            )
        for name, entry in expected.items():
            _check_shape(f"x[{name!r}]", entry, x[name])
    elif isinstance(expected, (list, tuple)) and isinstance(x, (list, tuple)):
        if len(expected) != len(x):
            raise DataError(
                say(
                    f"The model takes {len(expected)} inputs; x has {len(x)}.",
                    f"모델은 입력 {len(expected)}개를 받지만 x에는 {len(x)}개가 있습니다.",
                ),
                say("Give one array for each input of the model.", "모델의 입력마다 배열 하나씩 주세요."),
            )
        for number, entry in enumerate(expected):
            _check_shape(f"x[{number}]", entry, x[number])
    else:
        _check_shape("x", expected, x)


def _inputs_of(model: keras.Model) -> Any:
    """Symbolic inputs in the structure that the model takes, or None where it has not been built of any."""
    try:
        inputs = model.input
    except (AttributeError, ValueError):
        inputs = getattr(model, "inputs", None)
    return inputs[0] if isinstance(inputs, (list, tuple)) and len(inputs) == 1 else inputs


def _check_shape(name: str, expected: Any, array: Any) -> None:
    if not isinstance(expected, keras.KerasTensor) or not isinstance(array, np.ndarray):
        return
    wanted, came = tuple(expected.shape[1:]), array.shape[1:]
    fits = {wanted, (*wanted, 1)} | ({wanted[:-1]} if wanted and wanted[-1] == 1 else set())  # as Keras adjusts ranks
    if any(len(came) == len(shape) and all(w in (None, c) for w, c in zip(shape, came, strict=True)) for shape in fits):
        return
    raise DataError(
        say(
            f"The model takes inputs of shape {wanted}; got {came} ({name} has shape {array.shape}).",
            f"모델은 {wanted} 모양의 입력을 받지만 {came}이(가) 왔습니다 ({name}의 모양: {array.shape}).",
        ),
        say(
            f"Reshape {name} to (n, {', '.join(map(str, wanted))}), or build the model for this shape.",
            f"{name}을(를) (n, {', '.join(map(str, wanted))})로 바꾸거나 이 모양에 맞게 모델을 만드세요.",
        ),
    )


def warn_of_raw_pixels(model: keras.Model, examples: Examples) -> None:
    """Warn where arrays of 0 to 255 go into a network that never scales: the commonest slip of beginners."""
    leaves = jax.tree.leaves(examples.x)
    if examples.scale != 1.0 or len(leaves) != 1 or leaves[0].ndim < 2:
        return
    sample = leaves[0][:256]
    if not 100 < float(sample.max()) <= 255 or float(sample.min()) < 0:
        return
    if scales(model):
        return
    warnings.warn(
        say(
            "The inputs look like raw pixels from 0 to 255, and the network never scales them. Divide by 255 first, or give "
            "a sonmat.Dataset, which is scaled in the program.",
            "입력이 0부터 255까지의 원본 픽셀로 보이는데 신경망이 스케일하지 않습니다. 먼저 255로 나누거나, 프로그램 안에서 "
            "스케일되는 sonmat.Dataset을 주세요.",
        ),
        stacklevel=4,
    )


def scales(model: keras.Model) -> bool:
    """Whether a layer takes inputs of any size: it scales or normalizes them, or reads them as numbers of tokens."""
    return any(isinstance(layer, _SCALING) for layer in model._flatten_layers())


def build(model: keras.Model, examples: Examples) -> None:
    """Make the variables of model, metrics and optimizer, as Keras's `fit` does before its first step."""
    batch = examples.rows(0, min(2, len(examples)))
    x = jax.tree.map(lambda a: a.astype(keras.config.floatx()), batch.x) if examples.scale != 1.0 else batch.x
    look_at_layers(model)
    model._symbolic_build(data_batch=(x, batch.y, batch.weight))
