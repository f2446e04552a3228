"""A network's layers in the terminal: sizes and the formulas that give them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.text import Text

from sonmat.language import say
from sonmat.models.sizes import LayerSizes, sizes
from sonmat.view.tables import plain_table
from sonmat.view.words import fit

if TYPE_CHECKING:
    import keras

_NAME = 32  # columns of a name that are shown


def summary_table(model: keras.Model, *, title: str | None = None) -> RenderableType:
    """A model's layers with window, output size, parameters, multiply-adds and receptive field; and their totals.

    Under a number stands, dimmed, the formula that gives it. The batch is left out of sizes; multiply-adds are those of one
    example; the receptive field is the part of the input that one value of the output depends on.
    """
    table = plain_table(fit(title or model.name, 78))
    table.add_column(say("layer", "층"), overflow="fold")
    table.add_column(say("output size", "출력 크기"), overflow="fold")
    table.add_column(say("parameters", "파라미터"), justify="right", overflow="fold")
    table.add_column(say("multiply-adds", "곱셈-덧셈"), justify="right", overflow="fold")
    table.add_column(say("sees", "수용 영역"), justify="right", no_wrap=True)
    rows = sizes(model)
    for row in rows:
        table.add_row(_layer(row), _output(row), _parameters(row), _count(row.multiply_adds), _sees(row))
    return Group(table, _totals(model, rows))


def as_dict(model: keras.Model) -> dict[str, Any]:
    """The same, ready for JSON."""
    rows = sizes(model)
    total, learned, size = _counts(model)
    return {
        "name": str(model.name),
        "layers": [row.as_dict() for row in rows],
        "parameters": total,
        "learned": learned,
        "bytes": size,
        "multiply_adds": _work(rows),
    }


def _layer(row: LayerSizes) -> Text:
    frozen = say(" (frozen)", " (고정)") if row.frozen else ""
    text = Text(fit(row.name, _NAME))
    return text.append(
        "\n" + " ".join(part for part in (fit(row.kind, _NAME) + frozen, row.window) if part), style="dim"
    )


def _output(row: LayerSizes) -> Text:
    shapes = (" × ".join("?" if n is None else str(n) for n in shape) or "1" for shape in row.outputs)
    text = Text(", ".join(shapes) or "?")
    return text.append("\n" + row.formula, style="dim") if row.formula else text


def _parameters(row: LayerSizes) -> Text:
    text = Text(_plain(row.parameters))
    return text.append("\n" + row.parameter_formula, style="dim") if row.parameter_formula else text


def _count(value: int | None) -> Text:
    return Text("–" if not value else f"{value:,}")


def _plain(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"


def _sees(row: LayerSizes) -> Text:
    if row.sees is None:
        return Text("?")
    return Text(say("all", "전체") if row.sees == "all" else "×".join(map(str, row.sees)))


def _totals(model: keras.Model, rows: list[LayerSizes]) -> Text:
    total, learned, size = _counts(model)
    work = _work(rows)
    line = Text().append(f"{say('parameters', '파라미터')} ").append(f"{total:,}", style="bold")
    line.append(
        say(
            f"   {learned:,} learned, {total - learned:,} fixed   {_bytes(size)}",
            f"   학습 {learned:,}개, 고정 {total - learned:,}개   {_bytes(size)}",
        ),
        style="dim",
    )
    line.append("\n" + say("multiply-adds for one example ", "예제 하나의 곱셈-덧셈 "))
    line.append("?" if work is None else f"{work:,}", style="bold")
    return line


def _work(rows: list[LayerSizes]) -> int | None:
    counts = [row.multiply_adds for row in rows]
    return None if None in counts else sum(count or 0 for count in counts)


def _counts(model: keras.Model) -> tuple[int, int, int]:
    total = sum(math.prod(weight.shape) for weight in model.weights)
    learned = sum(math.prod(weight.shape) for weight in model.trainable_weights)
    return total, learned, sum(math.prod(weight.shape) * _width(weight.dtype) for weight in model.weights)


def _width(dtype: object) -> int:
    bits = "".join(c for c in str(dtype).split("_")[0] if c.isdigit())
    return max(1, int(bits or 8) // 8)


def _bytes(size: float) -> str:
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
