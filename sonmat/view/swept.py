"""What the command line says of a study: what it will cost, where it is, and what came of it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Column, Table
from rich.text import Text

from sonmat.language import say
from sonmat.search.asked import Asked
from sonmat.search.ranking import Ranking
from sonmat.search.runner import FINALISTS, SweepProgress
from sonmat.view.study_figure import chance_text, difference_text, metric_name, settings_text, value_text
from sonmat.view.study_finalists import verdict
from sonmat.view.tables import duration

if TYPE_CHECKING:
    from sonmat.engine.forecast import Forecast

_LINE_SECONDS = 5.0  # between two lines where there is no terminal


def begun_study(
    folder: Path,
    asked: Asked,
    rows: Mapping[str, int],
    done: int,
    notes: Sequence[str],
) -> Text:
    """What is about to be searched."""
    name, data = Path(asked.recipe.model.name).name, Path(asked.recipe.data).name
    text = Text(name, style="bold")
    train, validation = f"{rows['train']:,}", f"{rows['validation']:,}"
    text.append(
        say(
            f" on {data}: {train} rows to train on, {validation} to choose by\n",
            f" · {data}: 학습 {train}행, 고르는 데 쓰는 검증 {validation}행\n",
        ),
        style="not bold",
    )
    for line in asked.space.as_texts():
        text.append(f"  {line}\n", style="not bold")
    for note in notes:
        text.append(f"{note}\n", style="not bold yellow")
    text.append(f"{say('study', '스터디')}: {folder}\n", style="dim not bold")
    if done:
        text.append(
            say(f"going on: {done} trials are done\n", f"이어서 합니다: 끝난 시도 {done}개\n"), style="dim not bold"
        )
    text.rstrip()
    return text


def study_cost(asked: Asked, forecast: Forecast, finals: float | None) -> str:
    """What it will cost, in a sentence."""
    memory = f"{forecast.bytes / 2**20:,.0f} MiB"
    finalists = min(asked.finalists, asked.trials)
    repeats = finalists * asked.seeds
    english = f"will cost: {_counted(forecast.models, 'model')} by {asked.sampler} in {_counted(forecast.programs, 'program')}"
    korean = f"예상: {asked.sampler}로 고른 모델 {forecast.models:,}개, 프로그램 {forecast.programs:,}개"
    if forecast.chunks > forecast.programs:
        english += f" ({_counted(forecast.chunks, 'chunk')})"
        korean += f"(청크 {forecast.chunks:,}개)"
    english += f", about {duration(forecast.seconds)} and {memory}"
    korean += f", 약 {duration(forecast.seconds)}, 메모리 {memory}"
    if finals is not None and repeats:
        english += (
            f"; then {_counted(repeats, 'repeat')} of {_counted(finalists, 'finalist')}, about {duration(finals)}"
        )
        korean += f"; 이어서 최종 후보 {finalists}개의 반복 {repeats}번, 약 {duration(finals)}"
    return say(f"{english} (compiling comes on top)", f"{korean} (컴파일 별도)")


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


class SweepFollowing:
    """A study's progress: a live line in a terminal, a line every few seconds elsewhere, or nothing.

    Args:
        console: Where; None shows nothing.
        metric: What is judged by.
    """

    def __init__(self, console: Console | None, metric: str = "") -> None:
        self._console, self.metric = console, metric
        self._said, self._line, self._began = 0.0, "", False
        self._bar: Progress | None = None
        if console is not None and console.is_terminal:
            self._bar = Progress(
                SpinnerColumn("line"),
                TextColumn("{task.description}", markup=False),
                BarColumn(bar_width=20),
                TextColumn("{task.fields[told]}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis")),
                console=console,
                transient=True,
                refresh_per_second=8,
            )
            self._task = self._bar.add_task(
                say("building, compiling, measuring", "만들고 컴파일하고 재는 중"), total=None, told=""
            )

    def begin(self, headline: Text | str) -> None:
        """Say what begins, and follow it from now on."""
        if self._console is not None:
            self._console.print(headline, soft_wrap=True, highlight=False, markup=False)
        if self._bar is not None:
            self._bar.start()

    def told(self, progress: SweepProgress) -> None:
        """Show where it is."""
        if self._console is None:
            return
        phase = say("finalists", "최종 후보") if progress.phase == FINALISTS else say("trials", "시도")
        told = _where(progress, self.metric)
        if self._bar is not None:
            self._bar.update(self._task, description=phase, completed=progress.done, total=progress.trials, told=told)
            return
        line = f"{phase} {told}"
        at_end = progress.done >= progress.trials
        if line != self._line and (at_end or time.monotonic() - self._said >= _LINE_SECONDS):
            self._said, self._line = time.monotonic(), line
            self._console.print(Text(line), soft_wrap=True)

    def stop(self) -> None:
        """Show nothing more."""
        if self._bar is not None:
            self._bar.stop()


@contextmanager
def following_study(console: Console | None, metric: str) -> Iterator[SweepFollowing]:
    """A `SweepFollowing` that stops whatever happens, so that the terminal has its cursor again."""
    shown = SweepFollowing(console, metric)
    try:
        yield shown
    finally:
        shown.stop()


def _where(progress: SweepProgress, metric: str) -> str:
    parts = [f"{progress.done:,}/{progress.trials:,}"]
    if progress.trained and progress.seconds > 0:
        rate = progress.trained / progress.seconds
        often = f"{rate:,.0f}" if rate >= 9.95 else f"{rate:.2g}"
        parts.append(say(f"{often} models/s", f"초당 모델 {often}개"))
    if progress.best is not None:
        parts.append(
            say(
                f"best {metric_name(metric)} {value_text(progress.best.value)}",
                f"가장 좋은 {metric_name(metric)} {value_text(progress.best.value)}",
            )
        )
    if progress.waiting:
        parts.append(say("waiting for another process", "다른 프로세스를 기다리는 중"))
    elif progress.remaining is not None and progress.remaining >= 1:
        left = duration(progress.remaining)
        parts.append(say(f"{left} left", f"{left} 남음"))
    return "  ".join(parts)


def finalists_table(ranking: Ranking, metric: str) -> Table:
    """The finalists, the best first, with their spread and their chance to be the best."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name, side in (
        ("", "right"),
        (say("trial", "시도"), "right"),
        (metric_name(metric), "right"),
        (say("spread", "편차"), "right"),
        (say("seeds", "시드"), "right"),
        (say("best?", "최고일 확률"), "right"),
        (say("settings", "설정"), "left"),
    ):
        table.add_column(name, justify=side, overflow="fold")  # type: ignore[arg-type]
    for place, one in enumerate(ranking.standings, start=1):
        table.add_row(
            str(place),
            str(one.number),
            value_text(one.mean),
            "" if one.deviation is None else f"± {difference_text(one.deviation)}",
            str(one.n),
            "" if one.chance is None else chance_text(one.chance),
            Text(settings_text(one.settings)),
        )
    return table


def swept_text(result: Mapping[str, Any], ranking: Ranking) -> Text:
    """What came of it: the verdict, the winner on the test set, and what choosing it promised."""
    text = Text(verdict(ranking) + "\n")
    winner, promise, best = result.get("winner"), result.get("optimism"), result.get("best")
    if not winner:
        if best:
            number, value, settings = best["trial"], value_text(best["value"]), settings_text(best["settings"])
            text.append(
                say(
                    f"best of the search: trial {number}, {value} with one seed: {settings}\n",
                    f"탐색에서 가장 좋은 것: 시도 {number}, 시드 하나로 {value}: {settings}\n",
                )
            )
        return text
    test = winner["test"]
    accuracy, n = test.get("accuracy"), test.get("n")
    if isinstance(accuracy, float):
        times = winner.get("test_readings", 1)
        often = say("read once", "한 번만 읽음") if times == 1 else say(f"read {times} times", f"{times}번 읽음")
        text.append(
            say(
                f"winner on the test set ({often}): {100 * accuracy:.2f} % of {n:,}\n",
                f"이긴 설정의 테스트 정확도({often}): {n:,}개 중 {100 * accuracy:.2f} %\n",
            )
        )
    if promise:
        promised, repeated = value_text(promise["promised"]), value_text(promise["repeated"])
        who = promise.get("trial", winner["trial"])
        text.append(
            say(
                f"the search's best, trial {who}, promised {promised}; over new seeds it gave {repeated}",
                f"탐색에서 가장 좋던 시도 {who}: 탐색에서는 {promised}, 새 시드로 반복한 평균은 {repeated}",
            ),
            style="dim",
        )
        if who != winner["trial"] and winner.get("repeated") is not None:
            mean = value_text(winner["repeated"])
            text.append(say(f", the winner {mean}", f", 이긴 설정은 {mean}"), style="dim")
        text.append("\n")
    return text
