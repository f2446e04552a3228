"""The small convolutional networks that are measured, as plain lists that every contestant builds in its own way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Layer = dict[str, Any]


@dataclass(frozen=True)
class Network:
    """A network up to its flattened features; dropout 0.5 and ten classes follow in all of them, as in Keras's example.

    Attributes:
        title: Its name in the table, English and Korean.
        layers: In order; `kind` is `conv`, `depthwise`, `max` or `average`, the rest are its numbers.
        against: The names of the peers it is measured beside.
    """

    title: tuple[str, str]
    layers: tuple[Layer, ...]
    against: tuple[str, ...] = ("torch",)


def conv(filters: int, size: int = 3, *, stride: int = 1, same: bool = False) -> Layer:
    """A convolution with ReLU."""
    return {"kind": "conv", "filters": filters, "size": size, "stride": stride, "same": same}


def pool(kind: str = "max") -> Layer:
    """Pooling over windows of 2×2 that do not overlap."""
    return {"kind": kind}


def _two(first: int, second: int, pooling: str = "max", **options: Any) -> tuple[Layer, ...]:
    return conv(first, **options), pool(pooling), conv(second, **options), pool(pooling)


_ALL = ("torch", "keras-tf", "keras-jax")

NETWORKS: Mapping[str, Network] = {
    "example": Network(
        ("Keras's example: 32-64 filters, 3×3, max", "Keras 예제: 필터 32-64개, 3×3, 최대"), _two(32, 64), _ALL
    ),
    "small": Network(("the same with 8-16 filters", "같은 구조, 필터 8-16개"), _two(8, 16), _ALL),
    "average": Network(("average pooling", "평균 풀링"), _two(32, 64, "average")),
    "stride": Network(("stride 2, no pooling", "스트라이드 2, 풀링 없음"), (conv(32, stride=2), conv(64, stride=2))),
    "same": Network(("padding “same”", "패딩 “same”"), _two(32, 64, same=True)),
    "five": Network(("5×5", "5×5"), _two(32, 64, size=5)),
    "depthwise": Network(
        ("depthwise, then 1×1", "깊이별 합성곱 뒤 1×1"),
        (conv(32), pool(), {"kind": "depthwise", "size": 3}, conv(64, 1), pool()),
    ),
}
