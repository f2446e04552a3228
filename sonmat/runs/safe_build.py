"""Building a stranger's model only after its size has been seen."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import Any

import jax
import keras

from sonmat.runs.hdf5_file import refusing_broken
from sonmat.runs.safe_config import ConfigReader
from sonmat.runs.safe_json import refuse

_PATIENCE = 180  # seconds
_SLACK = 1 << 20  # weights that a file need not hold, such as the states of random layers


def build(record: Any, check: Callable[[keras.Model], None], stored: int) -> keras.Model:
    """A model from a stranger's configuration, once its shapes are known to fit the file.

    The model is built twice: first as shapes alone, which takes no memory however large it says it is, then for real.

    Args:
        record: The configuration, as parsed.
        check: Compares the model's variables with the file's; raises ModelFileError. Called on the outline.
        stored: Bytes of weights that the file holds.

    Raises:
        ModelFileError: The configuration cannot be read, or does not fit the weights.
    """

    def outline() -> int:
        model = ConfigReader().model(record)
        _check_size(model, stored)
        check(model)
        return 0

    _abstractly(outline)
    with refusing_broken():
        return ConfigReader().model(record)


def _abstractly(work: Callable[[], int]) -> None:
    """Run `work` where JAX makes shapes instead of arrays.

    In a thread of its own: Keras keeps its names and counters by thread, so nothing of the outline stays behind.
    """
    failures: list[BaseException] = []

    def trace() -> None:
        try:
            with refusing_broken():
                jax.eval_shape(work)
        except BaseException as error:
            failures.append(error)

    worker = threading.Thread(target=trace, name="sonmat-model-outline", daemon=True)
    worker.start()
    worker.join(_PATIENCE)
    if worker.is_alive():
        refuse(
            f"Building the model takes longer than {_PATIENCE} s; the largest of Keras's own take a fraction of it.",
            f"모델을 만드는 데 {_PATIENCE}초가 넘게 걸립니다. Keras의 가장 큰 모델도 그보다 훨씬 빠릅니다.",
        )
    if failures:
        raise failures[0]


def _check_size(model: keras.Model, stored: int) -> None:
    states = [getattr(layer, "states", None) for layer in model._flatten_layers()]  # of stateful recurrent layers
    held = [*model.variables, *(state for state in keras.tree.flatten(states) if state is not None)]
    needed = sum(math.prod(variable.shape) for variable in held)
    if needed > _SLACK + stored:
        refuse(
            f"The configuration describes {needed:,} numbers; the file holds {stored:,} bytes, too few for them.",
            f"설정에 따르면 수가 {needed:,}개인데 파일에는 {stored:,}바이트뿐입니다.",
        )
