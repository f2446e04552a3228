"""Tables of data sets for the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from sonmat.data.listing import Description, Listed
from sonmat.language import say
from sonmat.view.words import fit

_BAR = 24
_MOST = 30


def listing_table(found: Sequence[Listed]) -> RenderableType:
    """The data sets known by name, and whether they are on this machine."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in (
        say("name", "이름"),
        say("rows", "행"),
        say("classes", "클래스"),
        say("here", "저장됨"),
        say("from", "출처"),
    ):
        table.add_column(heading, overflow="fold")
    for one in found:
        here = f"{one.size / 1e6:.0f} MB" if one.cached else say("no", "아니요")
        rows = f"{one.rows[0]:,} + {one.rows[1]:,}"
        table.add_row(one.name, rows, f"{len(one.classes)}", here, fit(one.source or one.sources[0], 200))
    hint = say(
        "Your own: a folder of pictures for each class, a CSV, an .npz file or a folder of IDX files.",
        "자신의 데이터: 클래스마다 그림 폴더, CSV, .npz 파일, IDX 폴더.",
    )
    return Group(table, Text(hint, style="dim"))


def part_name(part: str) -> str:
    """What a part of a data set is called."""
    korean = {"train": "학습", "validation": "검증", "test": "테스트"}
    return say(part, korean.get(part, part))


def _values(parts: Sequence[Description]) -> list[tuple[str, list[str]]]:
    """What the inputs are: numbers of a shape, or sentences."""
    spans = [f"{part.range[0]:g} – {part.range[1]:g}" for part in parts]
    if parts[0].dtype == "text":
        return [(say("characters", "글자 수"), spans)]
    return [
        (say("shape", "모양"), [" × ".join(map(str, part.shape)) for part in parts]),
        (say("dtype", "자료형"), [part.dtype for part in parts]),
        (say("range", "범위"), spans),
        (say("divided by", "나누는 값"), [f"{part.scale:g}" for part in parts]),
    ]


def description_table(parts: Sequence[Description]) -> RenderableType:
    """What is in a data set: its parts side by side, and a bar for each class."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(parts[0].name)
    for part in parts:
        table.add_column(part_name(part.part), justify="right")
    table.add_column("")
    lines = (
        (say("rows", "행"), [f"{part.rows:,}" for part in parts]),
        *_values(parts),
        (say("fingerprint", "지문"), [part.fingerprint[:12] for part in parts]),
    )
    for name, cells in lines:
        table.add_row(Text(name, style="dim"), *cells)
    table.add_section()
    names = list(parts[0].counts)
    most = max(parts[0].counts.values(), default=1) or 1
    for name in names[:_MOST]:
        bar = "█" * max(1, round(parts[0].counts[name] / most * _BAR)) if parts[0].counts[name] else ""
        table.add_row(Text(name), *(f"{part.counts.get(name, 0):,}" for part in parts), Text(bar, style="dim"))
    rest = (
        [Text(say(f"and {len(names) - _MOST} more classes", f"그 밖에 {len(names) - _MOST}개 클래스"))]
        if len(names) > _MOST
        else []
    )
    return Group(table, *rest, Text(f"{say('from', '출처')}: {parts[0].source}", style="dim"))
