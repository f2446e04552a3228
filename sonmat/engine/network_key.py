"""What tells networks apart, so that those that are alike are traced once."""

from __future__ import annotations

import hashlib
import json
import re
import types
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from sonmat.engine.batching import flat, keras_own
from sonmat.engine.turned import steps_plainly

_NUMBERED = re.compile(r"_\d+$")
_NAMES = frozenset(
    ("name", "_name", "path", "_path", "_parent_path", "_compiled_trainable_state")
)  # Keras numbers them
_PLAIN = (bool, int, float, complex, str, type(None))
_FUNCTIONS = (types.FunctionType, types.MethodType, types.BuiltinFunctionType)


def network_key(model: keras.Model) -> str | None:
    """Tells networks apart by all that their first half and their validation depend on; None where that is not known.

    It is known where everything is Keras's own: what its configuration says, and what its layers, losses and metrics keep
    beside that, since a configuration leaves some out (a Huber loss's delta). Names that Keras numbered are left out; those
    that a user gave may matter to an optimizer.
    """
    optimizer = model.optimizer
    plain = (
        steps_plainly(model)
        and keras_own(model)
        and isinstance(optimizer, keras.optimizers.Optimizer)
        and not hasattr(optimizer, "inner_optimizer")
        and not optimizer.loss_scale_factor
        and not getattr(optimizer, "_exclude_from_weight_decay", None)
        and not getattr(optimizer, "_exclude_from_weight_decay_pattern", None)
        and not optimizer.built
    )
    if not plain:
        return None
    try:
        compiled = {name: value for name, value in model.get_compile_config().items() if name != "optimizer"}
        config = {"class_name": type(model).__name__, "config": model.get_config()}
        told = [type(optimizer).__name__, config, compiled, [_kept(part) for part in _parts(model)]]
        return json.dumps(_renamed(told, _numbered(told)), sort_keys=True, default=_refuse)
    except (TypeError, ValueError, NotImplementedError):
        return None


def _parts(model: keras.Model) -> list[Any]:
    metrics = getattr(model, "_compile_metrics", None)
    asked = [getattr(metrics, name, None) for name in ("_user_metrics", "_user_weighted_metrics")]
    objects = [one for one in flat([model.loss, asked]) if hasattr(one, "__dict__") and not isinstance(one, _FUNCTIONS)]
    return [*model._flatten_layers(), *objects]


def _kept(part: Any) -> dict[str, Any]:
    """The plain values among an object's attributes."""
    found = {name: _value(value) for name, value in vars(part).items() if name not in _NAMES}
    return {"class": type(part).__qualname__} | {name: value for name, value in found.items() if value is not None}


def _value(value: Any) -> Any:
    """A plain value; None for one that is not, which the configuration answers for.

    Raises:
        TypeError: A function of the user's own, such as a `call` that was put in the place of a layer's.
    """
    if isinstance(value, _PLAIN):
        return repr(value) if isinstance(value, complex) else value
    if isinstance(value, np.ndarray):
        return [str(value.dtype), list(value.shape), hashlib.sha256(value.tobytes()).hexdigest()]
    if isinstance(value, (list, tuple)):
        return [_value(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _value(item) for key, item in value.items() if isinstance(key, _PLAIN)}
    if isinstance(value, _FUNCTIONS):
        module = str(getattr(value, "__module__", None))
        if not module.startswith(("keras.", "jax.")):
            raise TypeError(module)
        return f"{module}.{value.__qualname__}"
    return None


def _refuse(value: Any) -> Any:
    raise TypeError(type(value).__name__)


def _numbered(value: Any, found: dict[str, str] | None = None) -> dict[str, str]:
    """The names that Keras numbered, `dense_7`, by what they are called instead: `dense`, and which one it is here."""
    names = {} if found is None else found
    if isinstance(value, dict):
        kind, config = value.get("class_name"), value.get("config")
        if not str(value.get("module") or "keras").startswith("keras"):
            raise TypeError(value["module"])  # a regularizer of the user's own, say: its configuration need not say all
        if isinstance(kind, str) and isinstance(config, dict) and isinstance(config.get("name"), str):
            plain = kind.lower()
            if _NUMBERED.sub("", config["name"]).replace("_", "") == plain:
                names.setdefault(config["name"], f"{plain} {len(names)}")
        for item in value.values():
            _numbered(item, names)
    elif isinstance(value, (list, tuple)):
        for item in value:
            _numbered(item, names)
    return names


def _renamed(value: Any, names: dict[str, str]) -> Any:
    """A configuration with other names; a layer is named where it stands and where it is read."""
    if isinstance(value, dict):
        return {name: _renamed(item, names) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_renamed(item, names) for item in value]
    return names.get(value, value) if isinstance(value, str) else value
