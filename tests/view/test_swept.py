"""What the command line says of a study: its cost, its progress and its end, in English and Korean."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rich.text import Text

from sonmat.engine.forecast import Forecast
from sonmat.models.reading import read_recipe
from sonmat.search.asked import Asked
from sonmat.search.ranking import Ranking, rank
from sonmat.search.runner import FINALISTS, SEARCH, SweepProgress
from sonmat.search.space import Space
from sonmat.search.trial import DONE, FAILED, Trial
from sonmat.view import swept
from sonmat.view.swept import begun_study, finalists_table, following_study, study_cost, swept_text

ASKED = Asked(
    replace(read_recipe("notes-mlp"), data="/some/where/blocks.npz"),
    Space.from_dict({"train.learning_rate": {"low": 0.01, "high": 1.0, "log": True}, "train.batch_size": [20, 50]}),
    trials=1200, sampler="qmc", finalists=5, seeds=3,
)  # fmt: skip
ROWS = {"train": 42_000, "validation": 18_000, "test": 10_000}
COST = Forecast(models=1200, programs=2, chunks=40, seconds=75.0, prepared=1.0, bytes=300 * 2**20)
HANGUL = re.compile("[가-힣]")


@pytest.fixture
def korean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SONMAT_LANG", "ko")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, which a test moves."""
    now = [100.0]
    monkeypatch.setattr(swept.time, "monotonic", lambda: now[0])
    return now


def where(done: int = 0, trials: int = 100, **more: Any) -> SweepProgress:
    usual: dict[str, Any] = {"phase": SEARCH, "trained": 0, "seconds": 0.0, "remaining": None, "best": None}
    return SweepProgress(done=done, trials=trials, **usual | more)


def repeated(values: Sequence[Sequence[float | None]], **settings: Any) -> Ranking:
    """Finalists 0, 1, … with these values over seeds 1, 2, …; None failed."""
    repeats = [
        Trial(
            10 * number + seed, settings or {"train.learning_rate": 0.1 * (1 + number)}, seed,
            FAILED if value is None else DONE, value, repeats=number,
        )
        for number, some in enumerate(values)
        for seed, value in enumerate(some, start=1)
    ]  # fmt: skip
    return rank(repeats, maximize=True)


def shown(what: Any, width: int = 120) -> list[str]:
    file = io.StringIO()
    Console(file=file, width=width, color_system=None).print(what)
    return [line.rstrip() for line in file.getvalue().splitlines()]


def begun(
    forecast: Forecast | None = COST, finals: float | None = 9.0, done: int = 0, asked: Asked = ASKED
) -> list[str]:
    told = str(begun_study(Path("studies/mine"), asked, ROWS, done, ["A note."])).splitlines()
    return told if forecast is None else [*told, study_cost(asked, forecast, finals)]


# --- the beginning ---


def test_the_beginning_says_what_and_how_much() -> None:
    assert begun() == [
        "notes-mlp on blocks.npz: 42,000 rows to train on, 18,000 to choose by",
        "  train.learning_rate=log:0.01..1.0",
        "  train.batch_size=20,50",
        "A note.",
        "study: studies/mine",
        "will cost: 1,200 models by qmc in 2 programs (40 chunks), about 1 min 15 s and 300 MiB; "
        "then 15 repeats of 5 finalists, about 9.00 s (compiling comes on top)",
    ]


def test_the_beginning_of_one_of_each() -> None:
    one = Forecast(models=1, programs=1, chunks=1, seconds=1.0, prepared=1.0, bytes=2**20)
    told = begun(one, 2.0, asked=replace(ASKED, trials=1, finalists=1, seeds=1))[-1]
    assert told.startswith("will cost: 1 model by qmc in 1 program, about 1.00 s")
    assert "then 1 repeat of 1 finalist, about 2.00 s" in told


def test_the_beginning_of_what_goes_on() -> None:
    told = begun(None, None, done=7)
    assert told[-1] == "going on: 7 trials are done"
    assert "will cost" not in "\n".join(told)
    assert "going on" not in "\n".join(begun())


@pytest.mark.parametrize(("finals", "finalists"), [(None, 5), (3.0, 0)])
def test_finals_that_are_unknown_or_none_are_not_told_of(finals: float | None, finalists: int) -> None:
    assert "finalist" not in begun(finals=finals, asked=replace(ASKED, finalists=finalists))[-1]


def test_the_beginning_in_korean(korean: None) -> None:
    told = begun(done=3)
    assert told[0] == "notes-mlp · blocks.npz: 학습 42,000행, 고르는 데 쓰는 검증 18,000행"
    assert "이어서 합니다: 끝난 시도 3개" in told
    assert told[-1].startswith("예상: qmc로 고른 모델 1,200개, 프로그램 2개(청크 40개), 약 1 min 15 s, 메모리 300 MiB")
    assert "최종 후보 5개의 반복 15번" in told[-1]


# --- on the way ---


def lines(
    progress: Sequence[tuple[float, SweepProgress]], clock: list[float], metric: str = "val_accuracy"
) -> list[str]:
    """What a log file gets."""
    file = io.StringIO()
    with following_study(Console(file=file, width=120), metric) as following:
        following.begin(Text("headline"))
        for at, one in progress:
            clock[0] = at
            following.told(one)
    headline, *rest = file.getvalue().splitlines()
    assert headline == "headline"
    return rest


def test_a_log_has_a_line_every_few_seconds_and_one_at_the_end(clock: list[float]) -> None:
    told = lines(
        [(100, where(1)), (101, where(2)), (104.9, where(3)), (105, where(4)), (106, where(99)), (106.1, where(100)),
         (120, where(100))],
        clock,
    )  # fmt: skip
    assert told == ["trials 1/100", "trials 4/100", "trials 100/100"], "the same line is not said twice"


@pytest.mark.parametrize(
    ("progress", "told"),
    [
        (where(0, 5), "trials 0/5"),
        (where(3, 1234), "trials 3/1,234"),
        (where(2, 5, phase=FINALISTS), "finalists 2/5"),
        (where(8, trained=8, seconds=16.0), "trials 8/100  0.5 models/s"),
        (where(8, trained=1000, seconds=8.0), "trials 8/100  125 models/s"),
        (where(8, trained=30_000, seconds=2.0), "trials 8/100  15,000 models/s"),
        (where(8, trained=10, seconds=1.0), "trials 8/100  10 models/s"),
        (where(1, remaining=75.0), "trials 1/100  1 min 15 s left"),
        (where(99, remaining=0.2), "trials 99/100"),
        (where(1, remaining=75.0, waiting=True), "trials 1/100  waiting for another process"),
        (where(1, best=Trial(0, {}, value=0.98765)), "trials 1/100  best validation accuracy 0.9877"),
    ],
    ids=str,
)
def test_a_line(progress: SweepProgress, told: str, clock: list[float]) -> None:
    assert lines([(100, progress)], clock) == [told]


def test_a_line_in_korean(clock: list[float], korean: None) -> None:
    best = Trial(0, {}, value=0.5)
    (told,) = lines([(100, where(3, trained=3, seconds=1.0, best=best, remaining=5.0))], clock, "val_loss")
    assert told == "시도 3/100  초당 모델 3개  가장 좋은 검증 손실 0.5000  5.00 s 남음"
    (told,) = lines([(100, where(3, phase=FINALISTS, waiting=True))], clock)
    assert told == "최종 후보 3/100  다른 프로세스를 기다리는 중"


def test_a_terminal_has_a_live_line_and_its_cursor_back() -> None:
    file = io.StringIO()
    console = Console(file=file, force_terminal=True, force_interactive=True, width=110, color_system=None)
    with pytest.raises(KeyboardInterrupt), following_study(console, "val_accuracy") as following:  # noqa: PT012
        following.begin(Text("headline"))
        following.told(where(7, 20, best=Trial(0, {}, value=0.5)))
        assert following._bar is not None
        following._bar.refresh()
        raise KeyboardInterrupt
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", file.getvalue())
    assert "headline" in plain
    assert re.search(r"trials .*7/20  best validation accuracy 0\.5000", plain)
    assert file.getvalue().count("\x1b[?25l") == file.getvalue().count("\x1b[?25h") == 1


def test_nothing_is_shown_where_nothing_is_wanted() -> None:
    with following_study(None, "val_accuracy") as following:
        following.begin(Text("headline"))
        following.told(where(7))
        following.stop()


# --- the end ---


def test_the_finalists_are_a_table() -> None:
    ranking = repeated([[0.9, 0.91, 0.9], [0.95, 0.96, 0.97], [0.5, 0.6, 0.4]])
    heading, *rows = shown(finalists_table(ranking, "val_accuracy"))
    assert heading.split() == ["trial", "validation", "accuracy", "spread", "seeds", "best?", "settings"]
    assert [row.split()[:2] for row in rows] == [["1", "1"], ["2", "0"], ["3", "2"]]
    assert rows[0].split()[2:6] == ["0.9600", "±", "0.0100", "3"]
    assert rows[0].endswith("learning_rate 0.2")


def test_a_chance_is_never_rounded_to_certainty() -> None:
    ranking = repeated([[0.99, 0.98, 0.97, 0.985, 0.975], [0.93, 0.92, 0.935, 0.925, 0.94]])
    first, second = ranking.standings
    assert first.chance is not None
    assert 0.995 < first.chance < 1
    _, one, other = shown(finalists_table(ranking, "val_accuracy"))
    assert ">99 %" in one
    assert "<1 %" in other
    assert second.number == 1


def test_a_finalist_without_numbers_has_a_row_too() -> None:
    ranking = repeated([[0.9], [None]])
    _, one, other = shown(finalists_table(ranking, "val_accuracy"))
    assert one.split()[:4] == ["1", "0", "0.9000", "1"]
    assert other.split()[:4] == ["2", "1", "–", "0"]


def test_long_settings_are_folded_and_not_cut() -> None:
    settings = {f"model.setting_number_{number}": f"value_{number}" for number in range(12)}
    text = "".join(shown(finalists_table(repeated([[0.9, 0.8]], **settings), "val_accuracy"), 80))
    for number in range(12):
        assert f"value_{number}" in text.replace(" ", "")


TEST = {"accuracy": 0.9876, "loss": 0.05, "n": 10_000}
PROMISE = {"trial": 3, "promised": 0.99, "repeated": 0.98, "tested": 0.9876, "chosen": 0.01, "rows": -0.0076}


def ended(**result: Any) -> list[str]:
    return str(swept_text(result, repeated([[0.9, 0.91], [0.95, 0.96]]))).splitlines()


def test_the_end_says_who_won_and_what_that_is_worth() -> None:
    told = ended(winner={"trial": 1, "repeated": 0.985, "test": TEST, "test_readings": 1}, optimism=PROMISE)
    assert told[0].startswith("Trial 1 is")
    assert told[1:] == [
        "winner on the test set (read once): 98.76 % of 10,000",
        "the search's best, trial 3, promised 0.9900; over new seeds it gave 0.9800, the winner 0.9850",
    ]


def test_every_look_at_the_test_set_is_told() -> None:
    assert "(read 3 times)" in ended(winner={"test": TEST, "test_readings": 3})[1]


def test_a_winner_without_an_accuracy() -> None:
    told = ended(
        winner={"trial": 3, "repeated": 0.98, "test": {"loss": 0.1, "n": 5}}, optimism=PROMISE | {"tested": None}
    )
    assert told[1:] == ["the search's best, trial 3, promised 0.9900; over new seeds it gave 0.9800"]


def test_without_a_winner_the_search_has_the_last_word() -> None:
    best = {"trial": 4, "value": 0.91234, "settings": {"train.learning_rate": 0.2, "model.hidden": [4, 5]}}
    told = str(swept_text({"best": best}, rank([], maximize=True))).splitlines()
    assert told == [
        "No finalist has been repeated yet.",
        "best of the search: trial 4, 0.9123 with one seed: learning_rate 0.2, hidden 4-5",
    ]
    assert str(swept_text({}, rank([], maximize=True))) == "No finalist has been repeated yet.\n"


def test_the_end_in_korean(korean: None) -> None:
    told = ended(winner={"trial": 1, "repeated": 0.985, "test": TEST, "test_readings": 2}, optimism=PROMISE)
    assert told[1:] == [
        "이긴 설정의 테스트 정확도(2번 읽음): 10,000개 중 98.76 %",
        "탐색에서 가장 좋던 시도 3: 탐색에서는 0.9900, 새 시드로 반복한 평균은 0.9800, 이긴 설정은 0.9850",
    ]
    best = {"trial": 4, "value": 0.9, "settings": {"train.learning_rate": 0.2}}
    told = str(swept_text({"best": best}, rank([], maximize=True))).splitlines()
    assert told[1] == "탐색에서 가장 좋은 것: 시도 4, 시드 하나로 0.9000: learning_rate 0.2"
    heading = shown(finalists_table(repeated([[0.9, 0.8]]), "val_accuracy"))[0]
    for word in ("시도", "검증 정확도", "편차", "시드", "최고일 확률", "설정"):
        assert word in heading


@pytest.mark.parametrize("say_it", [begun, ended])
def test_english_has_no_korean(say_it: Callable[[], list[str]]) -> None:
    assert not HANGUL.search("\n".join(say_it()))
