"""`sonmat sweep` and `sonmat studies`, as people and machines read them."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sonmat as sm
from sonmat.errors import RecipeError
from sonmat.jobs import sweep as sweep_module
from sonmat.jobs.sweep_question import question
from sonmat.runs.folder import RunFolder
from sonmat.search import runner as runner_module
from sonmat.search.study import Study, list_studies
from sonmat.search.worker import Answer, Job, LocalWorkers, Told

Command = Callable[..., Any]
SMALL = ("--set", "hidden=[8]", "--set", "batch_size=30", "--set", "epochs=2")
RATES = "learning_rate=log:0.01..0.5"
HANGUL = re.compile("[가-힣]")


class MadeUp(LocalWorkers):
    """Workers that compute nothing: the higher a learning rate, the more accurate."""

    def run(self, many: Any, jobs: Sequence[Job], places: Mapping[int, int], told: Told) -> Iterator[Answer]:
        for job in jobs:
            count, epochs = len(job.numbers), job.end - job.begin
            rates = [member.get("learning_rate", 0.0) + member["seed"] / 1000 for member in job.members]
            columns = tuple({"loss": [1 - rate] * epochs, "val_accuracy": [rate] * epochs} for rate in rates)
            for epoch in range(job.begin, job.end):
                told(job, epoch + 1)
            states = tuple({"0.0": np.zeros(1)} for _ in rates)
            yield Answer(job, columns, (None,) * count, (0,) * count, states, 1.0, time.time(), time.time())


@pytest.fixture(scope="module")
def study(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished study; tests copy it where they change it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SONMAT_HOME", str(tmp_path_factory.mktemp("home")))
        swept = sm.sweep(
            "notes-mlp", [RATES], trials=4, metric="val_loss", halving=2, finalists=2, seeds=2, data=small,
            settings=SMALL[1::2], out=tmp_path_factory.mktemp("studies") / "mine",
        )  # fmt: skip
    return swept.study.path


@pytest.fixture
def named(study: Path, home: Path) -> Path:
    """A copy of it among this test's studies."""
    return Path(shutil.copytree(study, home / "studies" / "mine"))


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner_module, "LocalWorkers", MadeUp)
    monkeypatch.setattr(sweep_module, "draw_study", lambda study: [study.path / "study.html"])


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What the job was asked; it does nothing."""
    found: list[dict[str, Any]] = []

    def job(*words: Any, **how: Any) -> Any:
        found.append({"words": words, **how})
        raise RecipeError("Nothing is done here.")

    monkeypatch.setattr(sweep_module, "sweep", job)
    monkeypatch.setattr(sweep_module, "resume_sweep", job)
    return found


# --- what it is asked ---


def test_bare_it_is_the_notes_question(asked: list[dict[str, Any]], sonmat_command: Command) -> None:
    sonmat_command("sweep")
    (how,) = asked
    recipe, space = how.pop("words")
    for name in ("cluster", "begun", "told", "progress", "out"):
        how.pop(name)
    record, notes = question(recipe, space, maximize=None, **how)
    assert record.recipe.model.name == "notes-mlp"
    assert record.recipe.data == "mnist"
    assert record.space.as_texts() == [
        "train.learning_rate=log:0.003..1.0",
        "train.batch_size=20,50,100",
        "model.hidden=[10, 10],[20, 20],[40, 40],[80, 80]",
    ]
    assert (record.trials, record.sampler, record.metric) == (100, "qmc", "val_accuracy")
    assert (record.halving, record.finalists, record.seeds) == (3, 5, 5)
    assert notes == []


@pytest.mark.parametrize(
    ("words", "recipe", "space"),
    [
        (["mlp"], "mlp", None),
        ([RATES], "notes-mlp", [RATES]),
        (["mlp", RATES, "batch_size=20,30"], "mlp", [RATES, "batch_size=20,30"]),
        ([RATES, "mlp"], "mlp", [RATES]),
        (["hidden=[4],[8, 8]"], "notes-mlp", ["hidden=[4],[8, 8]"]),
    ],
    ids=str,
)
def test_recipe_and_space_are_told_apart(
    words: list[str], recipe: str, space: Any, asked: list[dict[str, Any]], sonmat_command: Command
) -> None:
    sonmat_command("sweep", *words, "--halving", 0, "--trials", 7, "--set", "epochs=3", "--out", "there")
    (how,) = asked
    assert how["words"] == (recipe, space)
    assert (how["halving"], how["trials"], how["settings"], how["out"]) == (None, 7, ["epochs=3"], Path("there"))


def test_two_recipes_are_one_too_many(sonmat_command: Command) -> None:
    said = sonmat_command("sweep", "mlp", "notes-mlp")
    assert said.status == 1
    assert "'mlp', 'notes-mlp'" in said.err
    assert "without spaces around =" in said.err
    assert "'learning_rate'" in sonmat_command("sweep", "learning_rate", "=0.1,0.2", "mlp").err


@pytest.mark.parametrize(
    "beside",
    [
        ["mlp"], ["--data", "mnist"], ["--set", "epochs=1"], ["--seed", 0], ["--storage", "sqlite:///x.db"],
        ["--out", "there"], ["--sampler", "qmc"], ["--metric", "val_accuracy"], ["--halving", 3], ["--finalists", 5],
        ["--seeds", 5],
    ],
    ids=str,
)  # fmt: skip
def test_resume_takes_nothing_that_it_would_pass_over(
    beside: list[Any], asked: list[dict[str, Any]], sonmat_command: Command
) -> None:
    said = sonmat_command("sweep", "--resume", "mine", *beside)
    assert said.status == 1
    assert f"but {beside[0]} came too" in said.err
    assert not asked


def test_resume_takes_trials_a_space_and_a_cluster(asked: list[dict[str, Any]], sonmat_command: Command) -> None:
    sonmat_command("sweep", "--resume", "mine", RATES, "--trials", 9, "--cluster", "ray", "--quiet")
    (how,) = asked
    assert (how["words"], how["trials"], how["space"], how["cluster"]) == (("mine",), 9, [RATES], "ray")
    sonmat_command("sweep", "--resume", "mine", "--json")
    assert (asked[1]["trials"], asked[1]["space"], asked[1]["cluster"]) == (None, None, None)


# --- what it says ---


def test_people_read_what_it_costs_where_it_is_and_what_came(
    small: Path, tmp_path: Path, sonmat_command: Command
) -> None:
    out = tmp_path / "a study"
    said = sonmat_command(
        "sweep", RATES, "--data", small, *SMALL, "--trials", 4, "--metric", "val_loss", "--halving", 2,
        "--finalists", 2, "--seeds", 2, "--out", out,
    )  # fmt: skip
    assert said.status == 0, said.err
    lines = said.out.splitlines()
    assert lines.pop(2).startswith("This recipe will take few steps on so few rows: 420 training rows and 2 epochs")
    assert lines[:3] == [
        "notes-mlp on blocks.npz: 420 rows to train on, 180 to choose by",
        "  train.learning_rate=log:0.01..0.5",
        f"study: {out}",
    ]
    assert re.fullmatch(
        r"will cost: 4 models by qmc in 1 program, about \S+ s and \d+ MiB; "
        r"then 4 repeats of 2 finalists, about \S+ s \(compiling comes on top\)",
        lines[3],
    )
    progress = [line for line in lines if line.startswith(("trials ", "finalists "))]
    assert progress[-1].startswith("finalists 4/4")
    assert any(line.startswith("trials 4/4") and "best validation loss" in line for line in progress)
    result = json.loads((out / "result.json").read_text())
    winner = result["winner"]
    place = next(i for i, line in enumerate(lines) if line.split()[:1] == ["trial"])
    assert lines[place + 1].split()[:2] == ["1", str(winner["trial"])]
    rest = "\n".join(lines[place:])
    assert f"Trial {winner['trial']} " in rest
    assert f"winner on the test set (read once): {100 * winner['test']['accuracy']:.2f} % of 200" in rest
    assert "the search's best, trial" in rest
    assert lines[-3:-1] == [f"study: {out}", f"to look at: {out / 'study.html'}"]
    assert lines[-1].startswith("next: ")
    assert lines[-1].endswith(f"diagnose '{out}/winners/{winner['trial']}'")
    assert "\x1b" not in said.out

    again = sonmat_command("sweep", "--resume", out)
    assert again.status == 0, again.err
    assert "going on: 4 trials are done" in again.out
    assert "will cost" not in again.out
    assert "(read once)" in again.out
    assert again.out.splitlines()[-8:] == lines[-8:]
    evaluated = sonmat_command("evaluate", out / "winners" / str(winner["trial"]), "--json")
    assert json.loads(evaluated.out)["accuracy"] == winner["test"]["accuracy"]
    assert json.loads(evaluated.out)["test_readings"] == 2
    assert "(read once)" not in sonmat_command("sweep", "--resume", out).out, "every look counts"


def test_machines_read_one_object(study: Path, named: Path, sonmat_command: Command) -> None:
    said = sonmat_command("sweep", "--resume", named, "--json")
    assert (said.status, said.err) == (0, "")
    told = json.loads(said.out)
    kept = json.loads((study / "result.json").read_text())
    assert told.pop("study") == str(named)
    assert told | {"finished": None} == kept | {"finished": None}
    assert {"ranking", "winner", "optimism", "best", "trials", "failed", "metric"} <= told.keys()


def test_quiet_says_nothing(small: Path, tmp_path: Path, made_up: None, sonmat_command: Command) -> None:
    said = sonmat_command(
        "sweep", RATES, "--data", small, *SMALL, "--trials", 3, "--finalists", 0, "--out", tmp_path / "s", "--quiet"
    )
    assert (said.status, said.out, said.err) == (0, "", "")
    assert len(Study.open(tmp_path / "s").trials) == 3
    said = sonmat_command("sweep", "--resume", tmp_path / "s", "--trials", 2, "--quiet")
    assert (said.status, said.out) == (1, "")
    assert "asked for 3 trials" in said.err


def test_without_finalists_the_best_of_the_search_is_told(
    small: Path, tmp_path: Path, made_up: None, sonmat_command: Command
) -> None:
    how = ("--data", small, *SMALL, "--trials", 3, "--finalists", 0, "--halving", 0, "--out", tmp_path / "s")
    said = sonmat_command("sweep", RATES, *how)
    assert said.status == 0, said.err
    best = max(Study.open(tmp_path / "s").trials, key=lambda trial: trial.value or 0)
    assert f"best of the search: trial {best.number}, {best.value:.4f} with one seed: learning_rate " in said.out
    assert "spread" not in said.out, "a table without rows"
    assert "finalists," not in said.out
    assert "next:" not in said.out
    assert f"best of the search: trial {best.number}" in sonmat_command("studies", "show", tmp_path / "s").out


def test_korean(
    small: Path, tmp_path: Path, made_up: None, sonmat_command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SONMAT_LANG", "ko")
    how = ("--data", small, *SMALL, "--trials", 3, "--finalists", 2, "--seeds", 2, "--out", tmp_path / "s")
    said = sonmat_command("sweep", RATES, *how)
    assert said.status == 0, said.err
    for part in (
        "학습 420행",
        "스터디: ",
        "예상: qmc로 고른 모델 3개",
        "시도 3/3",
        "최종 후보 ",
        "최고일 확률",
        "이긴 설정의",
        "볼 것: ",
    ):
        assert part in said.out, part
    for word in ("trials", "finalists", "winner", "study:", "best"):
        assert word not in re.sub(r"\S*/\S*|train\.\S*|notes-mlp\S*", "", said.out), word
    assert HANGUL.search(sonmat_command("studies", "show", tmp_path / "s").out)
    listed = sonmat_command("studies", "ls", tmp_path).out
    for part in ("스터디", "샘플러", "시도", "지표", "최고"):
        assert part in listed, part
    assert "아직 스터디가 없습니다" in sonmat_command("studies", "ls", tmp_path / "nowhere").out
    for wrong in (["--sampler", "x"], ["lerning_rate=0.1,0.2"], ["mlp", "mlp"], ["--resume", "x", "--seed", 1]):
        assert HANGUL.search(sonmat_command("sweep", "--data", small, *wrong).err)


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize(
    "verb", [("sweep",), ("studies",), ("studies", "ls"), ("studies", "show"), ("studies", "plot")]
)
def test_help(verb: tuple[str, ...], language: str, sonmat_command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SONMAT_LANG", language)
    said = sonmat_command(*verb, "--help")
    assert said.status == 0
    assert f"sonmat {' '.join(verb)}" in said.out
    assert "`" not in said.out, "a docstring took the help's place"
    assert language == "en" or "사용법:" in said.out


# --- Ctrl-C ---


@pytest.mark.parametrize("more", [[], ["--json"], ["--quiet"]], ids=str)
def test_ctrl_c_says_how_to_go_on(
    more: list[str], tmp_path: Path, small: Path, sonmat_command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Interrupted(LocalWorkers):
        def run(self, *_: Any) -> Iterator[Answer]:
            raise KeyboardInterrupt

    monkeypatch.setattr(runner_module, "LocalWorkers", Interrupted)
    out = tmp_path / "a study"
    said = sonmat_command("sweep", RATES, "--data", small, *SMALL, "--trials", 3, "--out", out, *more)
    assert said.status == 130
    assert said.err.splitlines()[-1] == f"Stopped. Go on with: sonmat sweep --resume '{out}'"
    assert not more or said.out == ""
    assert Study.open(out).left == 3
    monkeypatch.undo()


def test_ctrl_c_before_it_is_known_what_it_costs(named: Path, sonmat_command: Command, monkeypatch: Any) -> None:
    def interrupted(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(sweep_module, "resume_sweep", interrupted)
    said = sonmat_command("sweep", "--resume", "mine")
    assert said.status == 130
    assert said.err.splitlines()[-1] == "Stopped. Go on with: sonmat sweep --resume mine"
    monkeypatch.setattr(sweep_module, "sweep", interrupted)
    assert (said := sonmat_command("sweep", RATES)).status == 130
    assert "Go on with" not in said.err, "there is nothing to go on with"


# --- what cannot be ---


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["learning_rate=log:0..1"], "train.learning_rate"),
        ([RATES, "--sampler", "annealing"], "annealing"),
        ([RATES, "--metric", "val_auc"], "val_auc"),
        ([RATES, "--trials", 0], "trials"),
        ([RATES, "--seeds", 0], "seeds"),
        ([RATES, "--halving", 1], "halving"),
        ([RATES, "--cluster", "spark"], "spark"),
        ([RATES, "--data", "nowhere.npz"], "nowhere.npz"),
        ([RATES, "--set", "hidden=[0]"], "hidden"),
        (["nothing.toml"], "nothing.toml"),
        (["--resume", "nowhere"], "no study"),
    ],
    ids=str,
)
def test_wrong_words_are_an_error_and_leave_nothing(
    words: list[Any], told: str, small: Path, home: Path, tmp_path: Path, sonmat_command: Command, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    data = [] if "--data" in words or "--resume" in words else ["--data", small]
    said = sonmat_command("sweep", *words, *data)
    assert said.status in (1, 2)
    assert told in said.err
    assert "Traceback" not in said.err
    assert not list_studies()
    assert not [file for file in tmp_path.iterdir() if file.name != "study"]


# --- a recipe's file ---


def test_one_file_serves_sweep_and_train(small: Path, tmp_path: Path, made_up: None, sonmat_command: Command) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(
        f'data = "{small.as_posix()}"\n[model]\nname = "notes-mlp"\nhidden = [8]\n[train]\nepochs = 1\nbatch_size = 30\n'
        '[space]\nlearning_rate = "log:0.01..0.5"\n"model.hidden" = [[8]]\n'
    )
    said = sonmat_command("sweep", file, "--trials", 3, "--finalists", 0, "--out", tmp_path / "study")
    assert said.status == 0, said.err
    assert "  train.learning_rate=log:0.01..0.5\n  model.hidden=[8]\n" in said.out
    assert {len(trial.settings) for trial in Study.open(tmp_path / "study").trials} == {2}
    trained = sonmat_command("train", file, "--out", tmp_path / "run")
    assert trained.status == 0, trained.err
    assert RunFolder(tmp_path / "run").recipe.model.settings["hidden"] == [8]


# --- studies ---


def test_ls_has_a_line_a_study(named: Path, study: Path, home: Path, sonmat_command: Command) -> None:
    (home / "studies" / "broken").mkdir()
    (home / "studies" / "broken" / "study.toml").write_text("nothing")
    said = sonmat_command("studies", "ls")
    assert said.status == 0
    for part in ("mine", "finished", "notes-mlp", "blocks.npz", "qmc", "4/4", "val_loss", "broken"):
        assert part in said.out
    broken, mine = json.loads(sonmat_command("studies", "ls", "--json").out)
    assert (broken["name"], broken["state"]) == ("broken", "broken")
    assert (mine["name"], mine["trials"], mine["metric"]) == ("mine", "4/4", "val_loss")
    assert mine["best"] == pytest.approx(Study.open(study).best().value)  # type: ignore[union-attr]
    (there,) = json.loads(sonmat_command("studies", "ls", study.parent, "--json").out)
    assert there == mine


def test_ls_of_none(tmp_path: Path, sonmat_command: Command) -> None:
    said = sonmat_command("studies", "ls")
    assert "There are no studies yet." in said.out
    assert said.out.splitlines()[-1].endswith("sweep")
    assert sonmat_command("studies", "ls", "--json").out.strip() == "[]"


def test_show_says_what_came(named: Path, sonmat_command: Command) -> None:
    said = sonmat_command("studies", "show", "mine")
    assert said.status == 0, said.err
    result = Study.open(named).result
    assert result is not None
    for part in ("mine", "finished", "4/4", "val_loss", "best?", "(read once)", "the search's best, trial"):
        assert part in said.out
    assert f"Trial {result['winner']['trial']} " in said.out
    told = json.loads(sonmat_command("studies", "show", named, "--json").out)
    assert told["study"] == str(named)
    assert told["result"] == result
    assert told["trials"] == "4/4"


def test_show_of_what_is_not_finished(named: Path, sonmat_command: Command) -> None:
    (named / "result.json").unlink()
    said = sonmat_command("studies", "show", "mine")
    assert said.status == 0
    assert "unfinished" in said.out
    assert "winner on the test set" not in said.out
    shutil.rmtree(named / "finalists")
    assert sonmat_command("studies", "show", "mine").status == 0


@pytest.mark.parametrize("also", [[], ["--json"]], ids=str)
@pytest.mark.parametrize("rows", ["trials", "epochs"])
def test_a_csv_has_a_row_a_trial_or_an_epoch(
    rows: str, also: list[str], named: Path, tmp_path: Path, sonmat_command: Command
) -> None:
    file = tmp_path / "rows.csv"
    said = sonmat_command("studies", "show", "mine", "--rows", rows, "--csv", file, *also)
    assert said.status == 0, said.err
    assert json.loads(said.out) if also else f"csv: {file}" in said.out
    told = list(csv.DictReader(io.StringIO(file.read_text())))
    trials = Study.open(named).trials
    if rows == "trials":
        assert [int(row["number"]) for row in told] == [0, 1, 2, 3]
        for row, trial in zip(told, trials, strict=True):
            assert float(row["value"]) == trial.value
            assert float(row["train.learning_rate"]) == trial.settings["train.learning_rate"]
            assert row["state"] == trial.state
    else:
        assert len(told) == sum(trial.epochs for trial in trials) < 8
        for row in told:
            curve = trials[int(row["number"])].curves["val_loss"]
            assert float(row["val_loss"]) == pytest.approx(curve[int(row["epoch"]) - 1], rel=1e-6)


def test_show_and_plot_of_none(named: Path, sonmat_command: Command) -> None:
    for verb in ("show", "plot"):
        said = sonmat_command("studies", verb, "mime")
        assert said.status == 1
        assert "Did you mean mine?" in said.err
    said = sonmat_command("studies", "show", "mine", "--rows", "weeks", "--csv", "x.csv")
    assert said.status == 1
    assert "trials or epochs" in said.err
    assert not Path("x.csv").exists()


def test_plot_draws_again(named: Path, tmp_path: Path, sonmat_command: Command) -> None:
    before = {file.name for file in named.iterdir()}
    said = sonmat_command("studies", "plot", "mine", "--out", tmp_path / "pictures")
    assert said.status == 0, said.err
    drawn = [Path(line) for line in said.out.splitlines()]
    assert drawn[0] == tmp_path / "pictures" / "study.html"
    assert all(file.stat().st_size > 1000 for file in drawn)
    assert {file.name for file in drawn} < before
    assert {file.name for file in named.iterdir()} == before
    (named / "fan.png").unlink()
    assert str(named / "fan.png") in sonmat_command("studies", "plot", named).out.splitlines()
    assert (named / "fan.png").is_file()


def test_names_are_completed(named: Path) -> None:
    from sonmat.cli.options import study_names

    assert study_names("mi") == ["mine"]
    assert study_names("x") == []
