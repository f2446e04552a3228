"""Test-time augmentation inside a compiled pass: a model that answers with the mean over several views of its input."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import keras

from sonmat.errors import UnsupportedError
from sonmat.language import say
from sonmat.models.views import Views


@contextlib.contextmanager
def viewing(model: keras.Model, views: Views | None) -> Iterator[None]:
    """While it is open, a step of the model that is traced sees every view; nothing changes where `views` is None.

    What is averaged is the model's output: probabilities where it ends in a softmax, as the geometric mean of logits is
    no better there (Krizhevsky et al. 2012 average the softmax too).
    """
    if not views:
        yield
        return
    call, outer = model.stateless_call, model.__dict__.get("stateless_call")

    def averaged(trainable: Any, rest: Any, x: Any, *args: Any, **options: Any) -> Any:
        seen = []
        for view in seen_as(x, views):
            # Without the barrier XLA moves each view into the convolutions behind it.
            seen.append(call(trainable, rest, jax.lax.optimization_barrier(view), *args, **options))
        outputs = jax.tree.map(lambda *parts: sum(parts) / len(parts), *(one[0] for one in seen))
        return outputs, *seen[0][1:]

    object.__setattr__(model, "stateless_call", averaged)  # past Keras's attribute tracking
    try:
        yield
    finally:
        model.__dict__.pop("stateless_call", None)
        if outer is not None:  # what `rewriting` has put there
            object.__setattr__(model, "stateless_call", outer)


def seen_as(images: Any, views: Views) -> list[jax.Array]:
    """A batch of pictures in each view, the one as it is first; (n, rows, columns) or (n, rows, columns, channels).

    Raises:
        UnsupportedError: The input is no batch of pictures.
    """
    if not hasattr(images, "ndim") or images.ndim not in (3, 4):
        raise not_pictures("tta", images)
    moved = [_moved(images, down, right) for down, right in views.moves]
    return moved + ([one[:, :, ::-1] for one in moved] if views.flip else [])


def not_pictures(setting: str, given: Any) -> UnsupportedError:
    """The error for a setting that only pictures can have."""
    shape = [tuple(leaf.shape[1:]) for leaf in jax.tree.leaves(given)]
    told = shape[0] if len(shape) == 1 else shape
    return UnsupportedError(
        say(
            f"{setting} is for pictures, (rows, columns) or (rows, columns, channels); the inputs are {told}.",
            f"{setting}은(는) (행, 열)이나 (행, 열, 채널) 모양의 그림에 쓰는데, 입력의 모양은 {told}입니다.",
        ),
        say(f"Leave {setting} out.", f"{setting}을(를) 빼세요."),
    )


def _moved(images: Any, down: int, right: int) -> Any:
    if not down and not right:
        return images
    rows, columns = images.shape[1:3]
    most = max(abs(down), abs(right))
    frame = [(0, 0), (most, most), (most, most)] + [(0, 0)] * (images.ndim - 3)
    framed = jnp.pad(images, frame)
    return framed[:, most - down : most - down + rows, most - right : most - right + columns]
