"""Saving a model so that it opens where sonmat is not installed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import keras


@contextlib.contextmanager
def plain_optimizer(model: keras.Model) -> Iterator[None]:
    """While it is open, the model's optimizer is Keras's own.

    A schedule of sonmat's becomes its peak as a constant rate, the optimizer's state is kept. An optimizer of sonmat's
    becomes Adam at the same rate, begun afresh. The run's recipe and checkpoint keep what was really used.
    """
    own = getattr(model, "optimizer", None)
    stand_in = _keras_own(own, model.trainable_variables) if isinstance(own, keras.optimizers.Optimizer) else own
    if stand_in is own:
        yield
        return
    # The file's settings are those that `compile` was given, whatever the optimizer has become since.
    compiled = getattr(getattr(model, "_compile_config", None), "config", {})
    given = dict(compiled)
    model.optimizer = stand_in
    compiled.update({"optimizer": stand_in} if "optimizer" in compiled else {})
    try:
        yield
    finally:
        model.optimizer = own
        compiled.update(given)


def _keras_own(optimizer: Any, variables: list[Any]) -> Any:
    rate = optimizer._learning_rate
    if _is_ours(rate):
        rate = float(rate.peak)
    elif not isinstance(rate, keras.optimizers.schedules.LearningRateSchedule):
        rate = float(rate)
    if _is_ours(optimizer):
        return keras.optimizers.Adam(rate)
    if not _is_ours(optimizer._learning_rate):
        return optimizer
    made = type(optimizer).from_config(optimizer.get_config() | {"learning_rate": rate})
    if optimizer.built:
        made.build(variables)
        state = {variable.path: variable for variable in optimizer.variables}
        for variable in made.variables:  # all but the learning rate, which a schedule has no variable for
            if variable.path in state:
                variable.assign(state[variable.path])
    return made


def _is_ours(part: Any) -> bool:
    return type(part).__module__.partition(".")[0] == "sonmat"
