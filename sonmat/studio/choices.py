"""What there is to choose on the page: data, recipes, kinds of layers, optimizers, activations; told without Keras."""

from __future__ import annotations

from typing import Any

from sonmat.data.known import KNOWN
from sonmat.language import say
from sonmat.models.catalog import CATALOG, base_recipe
from sonmat.models.stack_layers import KINDS, NAMES, Setting
from sonmat.models.textcnn import reads

_Option = tuple[str, float | bool, float | None, float | None]

OPTIMIZERS: dict[str, tuple[str, float, tuple[_Option, ...]]] = {
    "sgd": ("SGD", 0.01, (("momentum", 0.0, 0.0, 0.99), ("nesterov", False, None, None))),
    "adam": ("Adam", 0.001, (("beta_1", 0.9, 0.0, 0.999), ("beta_2", 0.999, 0.5, 0.9999), ("epsilon", 1e-7, 1e-10, 0.1))),
    "adamw": ("AdamW", 0.001, (("weight_decay", 0.004, 0.0, 0.5), ("beta_1", 0.9, 0.0, 0.999), ("beta_2", 0.999, 0.5, 0.9999))),
    "rmsprop": ("RMSprop", 0.001, (("rho", 0.9, 0.0, 0.999), ("momentum", 0.0, 0.0, 0.99))),
    "nadam": ("Nadam", 0.001, (("beta_1", 0.9, 0.0, 0.999), ("beta_2", 0.999, 0.5, 0.9999))),
    "adagrad": ("Adagrad", 0.001, (("initial_accumulator_value", 0.1, 0.0, 1.0),)),
    "lion": ("Lion", 0.001, (("beta_1", 0.9, 0.0, 0.999), ("beta_2", 0.99, 0.5, 0.9999))),
}  # fmt: skip
"""Keras's name → how it is written, its own learning rate, and its options with default and range: a test asks Keras."""

ACTIVATIONS = ("relu", "sigmoid", "tanh", "elu", "selu", "gelu", "silu", "softplus", "leaky_relu", "linear")

_TITLES = {
    "mnist": ("MNIST: handwritten digits", "MNIST: 손글씨 숫자"),
    "fashion-mnist": ("Fashion-MNIST: clothes", "Fashion-MNIST: 옷"),
    "kmnist": ("KMNIST: old Japanese letters", "KMNIST: 옛 일본 글자"),
}


def datasets() -> list[dict[str, Any]]:
    """The data sets that have a name."""
    return [
        {
            "name": name,
            "title": say(*_TITLES.get(name, (name, name))),
            "shape": [28, 28],
            "classes": list(one.classes),
            "rows": list(one.rows),
        }
        for name, one in KNOWN.items()
    ]


def recipes() -> list[dict[str, Any]]:
    """The recipes of the catalog."""
    told = []
    for name, entry in CATALOG.items():
        recipe = base_recipe(name)
        whole = recipe.as_dict()
        layers = whole["model"].get("layers")
        about = {"name": name, "claim": say(*entry.claim), "reads": reads(recipe)}
        told.append({**about, "recipe": whole, "layers": layers})
    return told


def optimizers() -> list[dict[str, Any]]:
    """The optimizers of the form."""
    return [
        {
            "name": name,
            "title": title,
            "learning_rate": rate,
            "options": [
                {"name": option, "default": default, "low": low, "high": high} for option, default, low, high in options
            ],
        }
        for name, (title, rate, options) in OPTIMIZERS.items()
    ]


_RANGES: dict[str, tuple[float, float]] = {
    "units": (1, 2048), "filters": (1, 256), "kernel": (1, 11), "stride": (1, 8), "size": (1, 8), "rate": (0.0, 0.9),
    "momentum": (0.0, 0.999),
}  # fmt: skip
"""Of the form's sliders; a recipe may say more."""


def layer_kinds() -> list[dict[str, Any]]:
    """The kinds of layers that a network is built of on the page, with their settings."""
    titles = {
        "dense": say("Dense", "완전 연결"),
        "conv": say("Convolution", "합성곱"),
        "max_pool": say("Max pooling", "최대 풀링"),
        "average_pool": say("Average pooling", "평균 풀링"),
        "dropout": say("Dropout", "드롭아웃"),
        "batch_norm": say("Batch normalization", "배치 정규화"),
        "activation": say("Activation", "활성화"),
    }
    return [
        {
            "name": kind,
            "title": titles.get(kind, kind),
            "prefix": NAMES[kind],
            "settings": [_setting(*one) for one in settings.items()],
        }
        for kind, settings in KINDS.items()
    ]


def _setting(name: str, setting: Setting) -> dict[str, Any]:
    if name in _RANGES:
        low, high = _RANGES[name]
        kind = "int" if isinstance(setting.default, int) else "number"
        return {"name": name, "kind": kind, "default": setting.default, "low": low, "high": high}
    choices = setting.choices or ACTIVATIONS
    return {"name": name, "kind": "choice", "default": setting.default, "choices": list(choices)}
