"""Names and numbers as pictures write them."""

from __future__ import annotations

from rich.cells import cell_len, set_cell_size


def fit(name: object, width: int) -> str:
    """`name` on one line of at most `width` columns, cut with an ellipsis; Hangul and kana take two columns."""
    line = " ".join("".join(c if c.isprintable() else " " for c in str(name)).split())
    return line if cell_len(line) <= width else set_cell_size(line, width - 1).rstrip() + "…"


def percent(part: float) -> str:
    """A part of 0..1 as a percentage that never rounds to nothing or to everything."""
    if part in (0, 1):
        return f"{100 * part:.0f} %"
    if part < 0.001:
        return "<0.1 %"
    return f"{100 * part:.1f} %" if part < 0.9995 else ">99.9 %"
