"""Pieces of a self-contained HTML page: text that is safe whatever it says, tables, charts and pictures within the page."""

from __future__ import annotations

import base64
import html
import io
import math
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from sonmat.language import say

_LONGEST = 400  # characters of a text that is shown
_WIDE, _HIGH, _LEFT, _BOTTOM, _TOP, _RIGHT = 460, 240, 46, 30, 12, 12

STYLE = """
:root { color-scheme: light dark; --ink: #1c1e21; --soft: #5d6470; --line: #dfe3e8; --ground: #ffffff; --card: #f6f7f9;
  --one: #b94700; --two: #0067a5; --good: #0b7a4b; --warn: #8a5a00; --bad: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaed; --soft: #a3abb7; --line: #343a42; --ground: #15181c;
  --card: #1e2228; --one: #ff9a57; --two: #6cb8f0; --good: #5fd39b; --warn: #f0c060; --bad: #ff8a80; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 64rem; padding: 1.5rem 1rem 4rem; background: var(--ground); color: var(--ink);
  font: 16px/1.55 system-ui, "Apple SD Gothic Neo", "Malgun Gothic", "Noto Sans KR", sans-serif;
  word-break: keep-all; overflow-wrap: anywhere; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 .25rem; }
h2 { font-size: 1.2rem; margin: 2.4rem 0 .7rem; padding-bottom: .3rem; border-bottom: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 0 0 .25rem; }
p { margin: .3rem 0; }
.soft { color: var(--soft); }
.numbers { display: flex; flex-wrap: wrap; gap: .8rem; margin: 1rem 0; }
.number { flex: 1 1 11rem; background: var(--card); border-radius: .6rem; padding: .8rem 1rem; }
.number b { display: block; font-size: 1.6rem; line-height: 1.2; font-variant-numeric: tabular-nums; }
.box { overflow-x: auto; }
table { border-collapse: collapse; font-size: .92rem; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .8rem .3rem 0; text-align: left; border-bottom: 1px solid var(--line); vertical-align: top; }
th { font-weight: 600; color: var(--soft); }
.right { text-align: right; white-space: nowrap; }
.finding { border-left: 4px solid var(--soft); background: var(--card); border-radius: 0 .5rem .5rem 0;
  padding: .7rem 1rem; margin: .7rem 0; }
.fault { border-color: var(--bad); } .hint { border-color: var(--warn); } .good { border-color: var(--good); }
code, pre { font: .88em/1.5 ui-monospace, Menlo, Consolas, "D2Coding", monospace; }
pre { background: var(--card); border-radius: .5rem; padding: .8rem 1rem; overflow-x: auto; white-space: pre-wrap; }
figure { margin: 1rem 0; } figcaption { color: var(--soft); font-size: .9rem; }
img { max-width: 100%; height: auto; background: #ffffff; border-radius: .4rem; }
.charts { display: flex; flex-wrap: wrap; gap: 1rem; } .charts figure { flex: 1 1 20rem; margin: 0; }
svg { width: 100%; height: auto; } svg text { fill: var(--soft); font-size: 11px; }
details summary { cursor: pointer; }
@media print { body { max-width: none; } .finding, figure, tr { break-inside: avoid; } details { display: block; } }
"""


def text(value: object) -> str:
    """A value as HTML text: escaped, without control codes and marks that turn the direction of what follows."""
    shown = "".join(c if c.isprintable() and unicodedata.category(c) != "Cf" else " " for c in str(value))
    return html.escape(shown if len(shown) <= _LONGEST else shown[: _LONGEST - 1] + "…")


def block(value: str) -> str:
    """Several lines as HTML text, each made safe."""
    return "\n".join(text(line) for line in value.splitlines())


def table(head: Sequence[str], rows: Sequence[Sequence[object]], *, caption: str) -> str:
    """A table that scrolls in its box; cells behind the first that are numbers stand to the right."""

    def cells(row: Sequence[object], tag: str) -> str:
        found = []
        for index, cell in enumerate(row):
            numeric = index and (tag == "th" or not isinstance(cell, str))
            kind = ' class="right"' if numeric else ""
            scope = ' scope="col"' if tag == "th" else ""
            found.append(f"<{tag}{scope}{kind}>{text(shown(cell))}</{tag}>")
        return "<tr>" + "".join(found) + "</tr>"

    body = "".join(cells(row, "td") for row in rows)
    top = f"<thead>{cells(head, 'th')}</thead>" if head else ""
    return f'<div class="box"><table aria-label="{text(caption)}">{top}<tbody>{body}</tbody></table></div>'


def shown(value: object) -> str:
    """A number or value as tables show it."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    if isinstance(value, bool):
        return say("yes", "예") if value else say("no", "아니요")
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.4f}" if 0.001 <= abs(value) < 1000 or value == 0 else f"{value:.3g}"
    if isinstance(value, (list, tuple)):
        return ", ".join(shown(one) for one in value) or say("none", "없음")
    return str(value)


def chart(title: str, lines: Sequence[tuple[str, str, Sequence[float]]], first: int = 1) -> str:
    """A line chart over epochs.

    Args:
        title: Above it.
        lines: Name, colour ("one" or "two") and values of each line; what is not finite is a gap.
        first: The number of the first epoch.
    """
    values = [value for _, _, column in lines for value in column if math.isfinite(value)]
    count = max((len(column) for _, _, column in lines), default=0)
    if not values or not count:
        return ""
    low, high = min(values), max(values)
    if high - low < 1e-9:
        low, high = low - 0.5, high + 0.5

    def x(index: int) -> float:
        return _LEFT + (_WIDE - _LEFT - _RIGHT) * (index / (count - 1) if count > 1 else 0.5)

    def y(value: float) -> float:
        return _TOP + (_HIGH - _TOP - _BOTTOM) * (high - value) / (high - low)

    parts = []
    for step in range(5):
        value = low + (high - low) * step / 4
        parts.append(
            f'<line x1="{_LEFT}" x2="{_WIDE - _RIGHT}" y1="{y(value):.1f}" y2="{y(value):.1f}" stroke="var(--line)"/>'
            f'<text x="{_LEFT - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{value:.3g}</text>'
        )
    for index in sorted({0, count // 2, count - 1}):
        parts.append(f'<text x="{x(index):.1f}" y="{_HIGH - 8}" text-anchor="middle">{index + first}</text>')
    for _, colour, column in lines:
        for run in _runs(column):
            points = " ".join(f"{x(index):.1f},{y(value):.1f}" for index, value in run)
            parts.append(f'<polyline points="{points}" fill="none" stroke="var(--{colour})" stroke-width="2"/>')
            if len(run) == 1:
                parts.append(f'<circle cx="{x(run[0][0]):.1f}" cy="{y(run[0][1]):.1f}" r="3" fill="var(--{colour})"/>')
    keys = " · ".join(f'<span style="color: var(--{colour})">▬</span> {text(name)}' for name, colour, _ in lines)
    return (
        f'<figure><figcaption>{text(title)}: {keys}</figcaption><svg viewBox="0 0 {_WIDE} {_HIGH}" role="img" '
        f'aria-label="{text(title)}">{"".join(parts)}</svg></figure>'
    )


def _runs(column: Sequence[float]) -> list[list[tuple[int, float]]]:
    runs: list[list[tuple[int, float]]] = [[]]
    for index, value in enumerate(column):
        if math.isfinite(value):
            runs[-1].append((index, value))
        elif runs[-1]:
            runs.append([])
    return [run for run in runs if run]


def picture(path: Path, caption: str, *, width: int = 900, most: int = 90_000) -> str:
    """A PNG within the page, made smaller: at most so many pixels wide and bytes; empty where it cannot be read."""
    try:
        with Image.open(path, formats=("PNG",)) as opened:
            image = opened.convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return ""
    for colours, side in ((128, width), (48, width), (32, width * 2 // 3), (16, width // 2)):
        made = image.copy()
        made.thumbnail((side, side * 4), Image.Resampling.LANCZOS)
        written = io.BytesIO()
        made.quantize(colours).save(written, "PNG", optimize=True)
        if written.tell() <= most:
            break
    data = base64.b64encode(written.getvalue()).decode()
    size = f'width="{made.width}" height="{made.height}"'
    return (
        f'<figure><img alt="{text(caption)}" {size} src="data:image/png;base64,{data}">'
        f"<figcaption>{text(caption)}</figcaption></figure>"
    )
