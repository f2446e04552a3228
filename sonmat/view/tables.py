"""Tables for the terminal: scores, runs side by side."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich import box
from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from sonmat.engine.scores import PairedTest, Scores
from sonmat.language import say
from sonmat.view.words import fit

_NAME = 32  # columns of a name that are shown


def scores_table(
    scores: Scores, *, loss: float | None = None, readings: int | None = None, title: str | None = None
) -> RenderableType:
    """Loss, accuracy with its interval, and precision, recall and F1 of each class.

    Args:
        scores: What to show.
        loss: The loss on the same rows.
        readings: How often this run has read the test set, this time included; None where it was not read.
        title: The heading.
    """
    table = plain_table(title)
    table.add_column(say("class", "클래스"))
    for heading in (say("precision", "정밀도"), say("recall", "재현율"), "F1", say("examples", "개수")):
        table.add_column(heading, justify="right")
    for one in scores.per_class:
        numbers = (_fraction(one.precision), _fraction(one.recall), _fraction(one.f1), f"{one.n:,}")
        table.add_row(Text(fit(one.name, _NAME)), *numbers)
    lines = [Text()]
    if loss is not None:
        lines[0].append(f"{say('loss', '손실')} ").append(f"{loss:.4f}", style="bold").append("   ")
    lines[0].append(f"{say('accuracy', '정확도')} ").append(_fraction(scores.accuracy), style="bold")
    low, high = scores.interval
    lines[0].append(
        say(
            f"   95 % interval {low:.4f}–{high:.4f}   {scores.n:,} examples",
            f"   95 % 구간 {low:.4f}–{high:.4f}   예제 {scores.n:,}개",
        ),
        style="dim",
    )
    if readings is not None:
        lines.append(Text(reading(readings), style="dim" if readings == 1 else "yellow"))
    return Group(table, *lines)


def reading(readings: int) -> str:
    """How often a run has read the test set, as a sentence."""
    if not readings:
        return say("The test set has not been read by this run.", "이 실행은 테스트 데이터를 아직 읽지 않았습니다.")
    times = {1: "once", 2: "twice"}.get(readings, f"{readings:,} times")
    caution = (
        ""
        if readings <= 1
        else say(
            " A choice made by these readings makes the number too good.",
            " 이 값을 보고 설정을 고르면 수치가 실제보다 좋게 나옵니다.",
        )
    )
    return (
        say(
            f"The test set has been read {times} by this run.",
            f"이 실행은 테스트 데이터를 지금까지 {readings:,}번 읽었습니다.",
        )
        + caution
    )


def runs_table(
    rows: Sequence[Mapping[str, object]], *, title: str | None = None, name: str | None = None
) -> RenderableType:
    """Runs, one a line. Columns are the keys in the order they first appear; a key that no row fills is left out.

    Args:
        rows: One a run.
        title: The heading.
        name: What heads the names, where they are not of runs.
    """
    if not rows:
        return Text(say("There are no runs yet.  Try: sonmat train", "아직 실행이 없습니다.  시작: sonmat train"))
    table = plain_table(title)
    keys = _keys(rows)
    for key in keys:
        numeric = all(isinstance(row.get(key), (int, float, type(None))) for row in rows)
        heading = Text(name) if name and key == "name" else _heading(key)
        table.add_column(
            heading,
            justify="right" if numeric else "left",
            overflow="fold",
            no_wrap=key in ("started", "name", "state", "model"),
            min_width=max(map(cell_len, heading.plain.split())),  # headings break between words only
        )
    for row in rows:
        table.add_row(*(_cell(key, row.get(key)) for key in keys))
    return table


def compare_table(
    rows: Sequence[Mapping[str, object]],
    *,
    name: str = "name",
    test: PairedTest | None = None,
    title: str | None = None,
) -> RenderableType:
    """Runs side by side, one a column; lines in which they differ stand out.

    Args:
        rows: One a run.
        name: The key that heads the columns.
        test: The paired test of the first two runs on the same rows; its verdict goes below.
        title: The heading.
    """
    table = plain_table(title)
    table.add_column("")
    names = [fit(row.get(name, f"#{i + 1}"), _NAME) for i, row in enumerate(rows)]
    for one in names:
        table.add_column(Text(one), justify="right", overflow="fold")
    for key in _keys(rows):
        if key != name:
            cells = [_cell(key, row.get(key)) for row in rows]
            table.add_row(_heading(key), *cells, style="bold" if len({cell.plain for cell in cells}) > 1 else "dim")
    return table if test is None else Group(table, *_verdict(test, names))


def _verdict(test: PairedTest, names: Sequence[str]) -> list[Text]:
    (first, second), (low, high) = names[:2], test.interval
    counts = Text(
        say(
            f"On the same {test.n:,} rows: only {first} right {test.b:,}, only {second} right {test.c:,}; "
            f"difference {100 * test.difference:+.2f} points (95 %: {100 * low:+.2f} to {100 * high:+.2f})",
            f"같은 {test.n:,}개 예제에서: {first}만 맞힌 것 {test.b:,}, {second}만 맞힌 것 {test.c:,}; "
            f"차이 {100 * test.difference:+.2f}%p (95 %: {100 * low:+.2f}~{100 * high:+.2f})",
        ),
        style="dim",
    )
    return [counts, Text(test.verdict(first, second), style="bold")]


def plain_table(title: str | None) -> Table:
    """An empty table as all of them look."""
    heading = Text(title) if title else None
    return Table(title=heading, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)


def _keys(rows: Iterable[Mapping[str, object]]) -> list[str]:
    return list(dict.fromkeys(key for row in rows for key, value in row.items() if value is not None))


def _heading(key: str) -> Text:
    known = {
        "name": ("run", "실행"),
        "title": ("title", "제목"),
        "run": ("run", "실행"),
        "started": ("started", "시작"),
        "state": ("state", "상태"),
        "model": ("model", "모델"),
        "data": ("data", "데이터"),
        "seed": ("seed", "시드"),
        "epochs": ("epochs", "에포크"),
        "seconds": ("time", "시간"),
        "parameters": ("parameters", "파라미터"),
        "loss": ("loss", "손실"),
        "accuracy": ("accuracy", "정확도"),
        "val_loss": ("val. loss", "검증 손실"),
        "val_accuracy": ("val. accuracy", "검증 정확도"),
        "split": ("split", "분할"),
        "batch_size": ("batch size", "배치 크기"),
        "optimizer": ("optimizer", "옵티마이저"),
        "learning_rate": ("learning rate", "학습률"),
        "metrics": ("metrics", "지표"),
        "epoch": ("epoch", "에포크"),
        "test_loss": ("test loss", "테스트 손실"),
        "test_accuracy": ("test accuracy", "테스트 정확도"),
        "test_readings": ("test readings", "테스트 읽은 횟수"),
        "sampler": ("sampler", "샘플러"),
        "trials": ("trials", "시도"),
        "failed": ("failed", "실패"),
        "metric": ("metric", "지표"),
        "best": ("best", "최고"),
    }
    return Text(say(*known[key]) if key in known else key.replace("_", " "))


def _cell(key: str, value: object) -> Text:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return Text("–")
    if isinstance(value, bool):
        return Text(say("yes", "예") if value else say("no", "아니요"))
    if key == "seconds" and isinstance(value, (int, float)):
        return Text(duration(float(value)))
    if isinstance(value, int):
        return Text(str(value) if key == "seed" else f"{value:,}")
    if isinstance(value, float):
        return Text(f"{value:.4f}" if key.endswith(("loss", "accuracy")) else f"{value:.6g}")
    return Text(str(value))


def duration(seconds: float) -> str:
    """A time span as people write it: 0.42 s, 12.3 s, 3 min 05 s, 2 h 07 min."""
    if seconds < 9.995:
        return f"{seconds:.2f} s"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def _fraction(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.4f}"


def recipes_table(catalog: Mapping[str, Any]) -> RenderableType:
    """The recipes by name, and what each reaches."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(say("recipe", "레시피"), no_wrap=True)
    table.add_column(say("data", "데이터"), no_wrap=True)
    table.add_column(say("what it reaches", "결과"), overflow="fold")
    for name, entry in catalog.items():
        table.add_row(name, entry.data, say(*entry.claim).removeprefix(f"{name}: "))
    hint = say(
        "Train one: sonmat train NAME. Print one to change a copy: sonmat recipes NAME > mine.toml",
        "학습: sonmat train 이름. 복사해서 고치기: sonmat recipes 이름 > mine.toml",
    )
    return Group(table, Text(hint, style="dim"))
