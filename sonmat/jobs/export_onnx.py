"""Exporting a model as ONNX: the same numbers in ONNX Runtime, and beside it how inputs are made and what answers mean."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sonmat import __version__
from sonmat.errors import ModelFileError, UnsupportedError
from sonmat.files import replacing, write_text
from sonmat.language import say

TOLERANCE = 1e-4
"""How far ONNX Runtime may be from Keras; of the largest output's size where that is above 1."""

_ROWS = 16
_STARTS = tuple(range(0, 4 * _ROWS, _ROWS))  # of the kinds of trial inputs


def export_onnx(model: Any, target: Path, card: Mapping[str, Any]) -> Path:
    """Write a network as ONNX, and a `.json` of the same name that says how to use it.

    Args:
        model: A built Keras model.
        target: The `.onnx` file.
        card: What the model's card says: `inputs`, `classes`, and how its answers are calibrated.

    Returns:
        The file that says how to use it.

    Raises:
        UnsupportedError: A layer that there is no way for, or the extra `onnx` is not installed.
        ModelFileError: ONNX Runtime would give other numbers.
        StorageError: A file cannot be written.
    """
    _check_installed()
    from sonmat.runs.onnx_graph import onnx_model
    from sonmat.runs.onnx_layers import CONVERTERS

    made = onnx_model(model, CONVERTERS)
    told = description(model, made, card)
    for key, value in told.items():
        made.metadata_props.add(key=f"sonmat.{key}", value=json.dumps(value, ensure_ascii=False))
    written: bytes = made.SerializeToString()
    check_same(model, written)
    with replacing(target) as file:
        file.write(written)
    beside = target.with_suffix(".json")
    write_text(beside, json.dumps(told, ensure_ascii=False, indent=1) + "\n")
    return beside


def _check_installed() -> None:
    missing = [name for name in ("onnx", "onnxruntime") if importlib.util.find_spec(name) is None]
    if missing:
        raise UnsupportedError(
            say(f"{' and '.join(missing)} is not installed.", f"{', '.join(missing)}이(가) 설치되어 있지 않습니다."),
            "pip install 'sonmat[onnx]'",
        )


def description(model: Any, made: Any, card: Mapping[str, Any]) -> dict[str, Any]:
    """What a program that uses the file has to know: its inputs and outputs, and all that the model's card says.

    `input.divide_by` is what raw inputs are divided by; sentences are cut by `tokenizer` (the JSON of Hugging Face's library
    `tokenizers`), cut off or filled up with 0 to `length`. Where there are `views`, sonmat's answers are means over them: the picture
    as it is, as moved by `shift` pixels up, down, left and right with zeros coming in, and with `flip` each of these mirrored.
    """
    inputs = dict(card.get("inputs") or {})
    shapes = [
        [str(one.dim_param) or one.dim_value for one in value.type.tensor_type.shape.dim] for value in made.graph.input
    ]
    told: dict[str, Any] = {
        "made_by": f"sonmat {__version__}",
        "model": str(model.name),
        "input": {
            "name": made.graph.input[0].name,
            "shape": shapes[0],
            "dtype": str(model.inputs[0].dtype),
            "divide_by": inputs.pop("scale", 1.0),
        },
        "output": {"name": made.graph.output[0].name, "meaning": "a probability of each class"},
        **inputs,
    }
    told |= {key: value for key, value in card.items() if key not in ("inputs", "sonmat_card")}
    return told


def check_same(model: Any, written: bytes) -> None:
    """Hold ONNX Runtime against Keras on random and extreme inputs, of one row and of many.

    Raises:
        ModelFileError: An output differs by more than `TOLERANCE`.
    """
    import jax
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1  # small networks: threads that wait for work would take longer
    session = onnxruntime.InferenceSession(written, options, providers=["CPUExecutionProvider"])
    names = [one.name for one in session.get_inputs()]
    rows = trial_inputs(model)
    state = [[one.value for one in part] for part in (model.trainable_variables, model.non_trainable_variables)]
    run = jax.jit(
        lambda *given: model.stateless_call(*state, list(given) if len(given) > 1 else given[0], training=False)[0]
    )
    wanted = [np.asarray(one) for one in jax.tree.leaves(run(*rows))]
    for count in (len(rows[0]), 1):
        found = session.run(None, {name: one[:count] for name, one in zip(names, rows, strict=True)})
        for start in _STARTS if count > 1 else (0,):  # what is large must not hide what is small
            for want, got in zip(wanted, found, strict=True):
                worst = _difference(want[start:count][:_ROWS], got[start:count][:_ROWS])
                if not worst <= TOLERANCE:
                    raise _differs(worst)


def _differs(worst: float) -> ModelFileError:
    return ModelFileError(
        say(
            f"ONNX Runtime gives other numbers than Keras, by {worst:.2g}; at most {TOLERANCE:g} is accepted.",
            f"ONNX Runtime의 결과가 Keras와 {worst:.2g}만큼 다릅니다. {TOLERANCE:g}까지만 받아들입니다.",
        ),
        say("Export it as .keras, and report this.", ".keras로 내보내고 이 문제를 알려 주세요."),
    )


def _difference(want: np.ndarray, got: np.ndarray) -> float:
    """The largest difference, of the largest output's size; where Keras gives no number ONNX Runtime must give none either."""
    if want.shape != got.shape or not np.array_equal(np.isfinite(want), np.isfinite(got)):
        return float("inf")
    kept = np.isfinite(want)
    size = max(1.0, float(np.abs(want[kept]).max(initial=0.0)))  # where sums cancel, rounding is of their parts' size
    return float(np.abs(want[kept].astype(np.float64) - got[kept]).max(initial=0.0)) / size


def trial_inputs(model: Any, seed: int = 0) -> list[np.ndarray]:
    """Rows to compare with, an array for each input: random ones, then zeros, ones, and others a thousand times as large.

    Of pieces of sentences: random ones, the first and the last.
    """
    random = np.random.default_rng(seed)
    return [_trial(random, tensor, model) for tensor in model.inputs]


def _trial(random: np.random.Generator, tensor: Any, model: Any) -> np.ndarray:
    shape = (_ROWS, *(size or 16 for size in tensor.shape[1:]))
    if str(tensor.dtype).startswith(("int", "uint")):
        last = _last_number(model)
        kinds = [
            random.integers(0, last + 1, shape),
            np.zeros(shape),
            np.full(shape, last),
            random.integers(0, last + 1, shape),
        ]
    else:
        kinds = [random.uniform(0, 1, shape), np.zeros(shape), np.ones(shape), random.normal(0, 1000, shape)]
    return np.concatenate(kinds).astype(str(tensor.dtype))


def _last_number(model: Any) -> int:
    """The largest number that every table of the network has a row for."""
    import keras

    sizes = [layer.input_dim for layer in model._flatten_layers() if isinstance(layer, keras.layers.Embedding)]
    return min(sizes, default=256) - 1
