"""Who is measured beside sonmat at the notes' job, and what of each is chosen by measuring."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_KERAS_CHOICES = {"steps_per_execution": (1, 50, 300), "validation_batch_size": (20, 2000)}


@dataclass(frozen=True)
class Contestant:
    """A peer.

    Attributes:
        name: Its key in the JSON.
        title: Its name in the tables, English and Korean.
        module: The module of `benchmarks.children` that measures it.
        home: Whose environment runs it: "peers", or "sonmat" for what sonmat itself stands on, in the same versions.
        settings: What is fixed.
        choices: What is tuned, each setting in turn, with its values; see `benchmarks.tuning`.
    """

    name: str
    title: tuple[str, str]
    module: str
    home: str = "peers"
    settings: Mapping[str, Any] = field(default_factory=dict)
    choices: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)


PEERS = (
    Contestant(
        "notes",
        ("the notes' own script (Keras on TensorFlow)", "노트의 스크립트 그대로 (TensorFlow 위의 Keras)"),
        "notes_run",
    ),
    Contestant(
        "keras-tf",
        ("Keras on TensorFlow at its best", "TensorFlow 위의 Keras, 최선의 설정"),
        "keras_fit",
        settings={"backend": "tensorflow"},
        choices={**_KERAS_CHOICES, "jit_compile": ("auto", False)},
    ),
    Contestant(
        "keras-jax",
        ("Keras on JAX at its best", "JAX 위의 Keras, 최선의 설정"),
        "keras_fit",
        home="sonmat",
        settings={"backend": "jax"},
        choices=_KERAS_CHOICES,
    ),
    Contestant(
        "torch",
        ("plain PyTorch loop, data in memory", "순수 PyTorch 루프, 데이터는 메모리에"),
        "torch_fit",
        choices={"threads": (1, 2), "optimizer": ("foreach", "fused", "loop")},
    ),
    Contestant(
        "scikit-learn",
        ("scikit-learn `MLPClassifier`, no validation", "scikit-learn `MLPClassifier`, 검증 없음"),
        "sklearn_fit",
        choices={"threads": (1, 2)},
    ),
)
