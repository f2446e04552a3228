"""Why Keras could not build a network, said with the layer and the sizes instead of a traceback."""

from __future__ import annotations

import contextlib
import re
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sonmat.errors import RecipeError, SonmatError
from sonmat.language import say
from sonmat.models.lengths import check_slides, slides_of

_LONGEST = 300  # characters of Keras's message that are quoted


@contextlib.contextmanager
def explaining(builder: str) -> Iterator[None]:
    """Turn what goes wrong while a network is built into an error that says what was wrong with it.

    Args:
        builder: The builder's name, `FILE.py:function` or of the catalog.

    Raises:
        RecipeError: Inside, a layer refused its input or an argument, or the builder raised anything else.
    """
    import keras

    filtered = keras.config.is_traceback_filtering_enabled()
    keras.config.disable_traceback_filtering()  # the frames of layers say which layer it was, and what it was given
    try:
        yield
    except SonmatError:
        raise
    except Exception as error:
        layer, shape = _refusing(error)
        if layer is not None and shape is not None:
            check_slides(layer.name, slides_of(layer, shape), pooling=hasattr(layer, "pool_size"))
        raise RecipeError(_told(builder, error, layer), _fix(builder)) from error
    finally:
        if filtered:
            keras.config.enable_traceback_filtering()


def _refusing(error: BaseException) -> tuple[Any, tuple[int | None, ...] | None]:
    """The innermost layer that was being called, and its input's shape."""
    import keras

    found: tuple[Any, tuple[int | None, ...] | None] = None, None
    for frame, _ in traceback.walk_tb(error.__traceback__):
        layer = frame.f_locals.get("self")
        if isinstance(layer, keras.Layer) and frame.f_code.co_name == "__call__":
            arguments = frame.f_locals.get("args") or ()
            found = layer, tuple(getattr(arguments[0], "shape", ())) or None if arguments else None
    return found


def _told(builder: str, error: Exception, layer: Any) -> str:
    message = re.sub(r"\x1b\[\d+m", "", str(error)).strip()
    lines = [line for line in message.splitlines() if line.strip() and not line.startswith("Exception encountered")]
    short = lines[0][:_LONGEST] if lines else type(error).__name__
    name = f" ({layer.name})" if layer is not None else ""
    where = _place(error, builder)
    return say(
        f"{where} could not build its network{name}: {short}",
        f"{where}에서 신경망을 만들지 못했습니다{name}: {short}",
    )


def _place(error: Exception, builder: str) -> str:
    """The builder, or the line of the user's own file that it came from."""
    file, _, function = builder.rpartition(":")
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).name == Path(file).name
    ]
    return f"{file}:{lines[-1]} ({function})" if file and lines else builder


def _fix(builder: str) -> str:
    if ".py" in builder:
        return say("Change the builder, or the settings it is given.", "빌더나 거기에 주는 설정을 고치세요.")
    return say("Change the settings under [model].", "[model] 아래의 설정을 고치세요.")
