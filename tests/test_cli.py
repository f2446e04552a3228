"""The command line, as people and machines meet it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sonmat
from sonmat.data.arrays import Arrays
from sonmat.data.cache import cache_file, write_cache
from sonmat.runs.folder import RunFolder, list_runs

Command = Callable[..., Any]
QUICK = ("--set", "epochs=1", "--set", "hidden=[8]", "--set", "learning_rate=0.1")
HANGUL = range(0xAC00, 0xD7A4)


@pytest.fixture(scope="module")
def trained(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run; tests copy it where they change it."""
    out = tmp_path_factory.mktemp("trained") / "run"
    sonmat.train(data=small, settings=["epochs=1", "hidden=[8]", "learning_rate=0.1"], out=out)
    return out


@pytest.fixture
def named(trained: Path, home: Path) -> Path:
    """A copy of that run among this test's runs."""
    return Path(shutil.copytree(trained, home / "runs" / "20260101-000000-blocks"))


def child(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sonmat.cli", *map(str, arguments)]
    env = {name: value for name, value in os.environ.items() if name != "SONMAT_LANG" or name in environment}
    return subprocess.run(command, env=env | environment, capture_output=True, text=True, check=False, encoding="utf-8")


# --- starting ---


def test_help_imports_nothing_heavy():
    asked = """
import sys
from sonmat.cli import main
try:
    main(["--help"])
except SystemExit:
    pass
heavy = ("keras", "jax", "numpy", "matplotlib", "rich", "PIL", "h5py", "filelock", "importlib.metadata")
print([name for name in heavy if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]", done.stdout


def test_importing_sonmat_is_light_and_every_name_is_there():
    asked = "import sys, sonmat; print([n for n in ('keras', 'jax', 'numpy', 'typer') if n in sys.modules])"
    assert (
        subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True).stdout.strip() == "[]"
    )
    assert dir(sonmat) == sorted(sonmat.__all__)
    for name in sonmat.__all__:
        assert getattr(sonmat, name) is not None
    with pytest.raises(AttributeError, match="nothing_such"):
        sonmat.nothing_such  # noqa: B018


def test_version(sonmat_command: Command):
    assert sonmat_command("--version").out == f"sonmat {sonmat.__version__}\n"


VERBS = ["train", "resume", "evaluate", "predict", "summary", "plot", "export", "runs", "data"]
DEEPER = [("runs", verb) for verb in ("ls", "show", "compare", "rm")] + [
    ("data", verb) for verb in ("ls", "fetch", "show")
]


@pytest.mark.parametrize("verb", [*((verb,) for verb in VERBS), *DEEPER], ids=" ".join)
def test_every_verb_has_help(verb: tuple[str, ...], sonmat_command: Command):
    said = sonmat_command(*verb, "--help")
    assert said.status == 0
    assert f"Usage: sonmat {' '.join(verb)}" in said.out
    assert "`" not in said.out, "a docstring took the help's place"


# --- train ---


def test_train_tells_a_line_an_epoch_and_where_things_are(small: Path, tmp_path: Path, sonmat_command: Command):
    said = sonmat_command("train", "--data", small, *QUICK, "--set", "epochs=2", "--seed", 5, "--out", tmp_path / "run")
    assert said.status == 0, said.err
    lines = said.out.splitlines()
    assert lines[0] == "notes-mlp on blocks.npz: 420 rows to train on, 180 to validate, 200 to test"
    assert "420 training rows and 2 epochs make 42 steps" in lines[1]
    lines = lines[lines.index(f"run: {tmp_path / 'run'}") + 1 :]
    assert lines[0].startswith("compiled in ")
    assert [line.split()[1] for line in lines if line.startswith("epoch ")] == ["1/2", "2/2"]
    assert "val_accuracy" in lines[1]
    assert f"sonmat evaluate {tmp_path / 'run'}" in said.out
    assert "has been read once" in said.out
    assert RunFolder(tmp_path / "run").recipe.seed == 5
    again = sonmat_command(
        "train", "--data", small, *QUICK, "--set", "epochs=2", "--seed", 5, "--out", tmp_path / "run"
    )
    assert "This run is finished: 2 epochs" in again.out
    assert "has been read once" in again.out


def test_train_json_is_one_object(small: Path, home: Path, sonmat_command: Command):
    told = json.loads(sonmat_command("train", "--data", small, *QUICK, "--json").out)
    assert told["test"]["n"] == 200
    assert told["test_readings"] == 1
    assert Path(told["run"]).parent == home / "runs"
    assert told["finished_before"] is False


def test_train_quiet_says_nothing(small: Path, sonmat_command: Command):
    said = sonmat_command("train", "--data", small, *QUICK, "--quiet")
    assert (said.status, said.out, said.err) == (0, "", "")
    assert len(list_runs()) == 1


def test_train_idx_files(small: Path, tmp_path: Path, sonmat_command: Command):
    import struct

    folder = tmp_path / "idx"
    folder.mkdir()
    names = {
        "x_train": "train-images-idx3-ubyte", "y_train": "train-labels-idx1-ubyte",
        "x_test": "t10k-images-idx3-ubyte", "y_test": "t10k-labels-idx1-ubyte",
    }  # fmt: skip
    with np.load(small) as arrays:
        for key, name in names.items():
            array = arrays[key]
            head = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
            (folder / name).write_bytes(head + array.tobytes())
    told = json.loads(sonmat_command("train", "--data", folder, *QUICK, "--json").out)
    assert told["rows"] == {"train": 420, "validation": 180, "test": 200}


def test_the_real_mnist_in_one_epoch(mnist: str, sonmat_command: Command):
    told = json.loads(sonmat_command("train", "--set", "epochs=1", "--json").out)
    assert told["rows"] == {"train": 42000, "validation": 18000, "test": 10000}
    assert told["test"]["accuracy"] > 0.8


# --- errors ---


@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "--set", "epohcs=3"],
        ["train", "--set", "epochs"],
        ["train", "bad.toml"],
        ["train", "unknown-model"],
        ["train", "--data", "mnits"],
        ["train", "--data", "bad.toml"],
        ["resume", "nowhere"],
        ["evaluate", "nowhere"],
        ["evaluate", "missing.h5", "--data", "mnist"],
        ["evaluate", "bad.keras", "--data", "mnist"],
        ["predict", "nowhere", "--random"],
        ["summary", "nowhere"],
        ["plot", "nowhere"],
        ["export", "nowhere", "m.h5"],
        ["runs", "show", "nowhere"],
        ["runs", "compare", "nowhere", "neither"],
        ["runs", "rm", "nowhere", "-y"],
        ["data", "fetch", "mnits"],
        ["data", "show", "mnits"],
    ],
    ids=" ".join,
)
def test_errors_say_what_and_what_to_do(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sonmat_command: Command
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.toml").write_text("epochs = = 3")
    (tmp_path / "bad.keras").write_bytes(b"PK\x03\x04 no")
    said = sonmat_command(*arguments)
    assert said.status == 1
    assert said.out == ""
    assert said.err.startswith("error: ")
    assert "\n  → " in said.err
    assert "Traceback" not in said.err
    assert list_runs() == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["trian"],
        ["train", "--bogus"],
        ["resume"],
        ["resume", "x", "--epochs", "many"],
        ["predict", "x"],
        ["predict", "x", "--random", "--pick", "3"],
        ["predict", "x", "--random", "--invert"],
        ["runs", "compare", "x"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_status_2(arguments: list[str], sonmat_command: Command):
    said = sonmat_command(*arguments)
    assert said.status == 2
    assert said.err.startswith("error: ")
    assert "--help" in said.err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a full disk to write to")
def test_a_disk_that_is_full(trained: Path, tmp_path: Path, sonmat_command: Command):
    (tmp_path / "file").write_text("")
    said = sonmat_command("export", trained, tmp_path / "file" / "m.keras")
    assert said.status == 1
    assert "Could not write" in said.err
    done = subprocess.run(
        [sys.executable, "-m", "sonmat.cli", "runs", "show", str(trained), "--json"],
        stdout=Path("/dev/full").open("w"),  # noqa: SIM115
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "No space left" in done.stderr
    assert "Traceback" not in done.stderr


# --- looking ---


def test_a_bare_name_is_enough_from_anywhere(
    named: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sonmat_command: Command
):
    monkeypatch.chdir(tmp_path)
    assert json.loads(sonmat_command("evaluate", named.name, "--json").out)["test_readings"] == 2
    assert json.loads(sonmat_command("evaluate", named.name, "--json").out)["test_readings"] == 3
    told = json.loads(sonmat_command("evaluate", named.name, "--part", "validation", "--json").out)
    assert (told["n"], told["part"], "test_readings" in told) == (180, "validation", False)
    assert "read 4 times" in sonmat_command("evaluate", named.name).out
    near = sonmat_command("evaluate", named.name[:-1])
    assert f"Did you mean {named.name}?" in near.err


def test_other_data_is_no_reading_of_the_runs_test_set(
    named: Path, small: Path, tmp_path: Path, sonmat_command: Command
):
    with np.load(small) as arrays:
        np.savez(tmp_path / "other.npz", **{**arrays, "x_test": 255 - arrays["x_test"]})
    (tmp_path / "same.npz").write_bytes(small.read_bytes())
    other = json.loads(sonmat_command("evaluate", named, "--data", tmp_path / "other.npz", "--json").out)
    assert "test_readings" not in other
    same = json.loads(sonmat_command("evaluate", named, "--data", tmp_path / "same.npz", "--json").out)
    assert same["test_readings"] == 2


@pytest.mark.parametrize("suffix", [".h5", ".keras"])
def test_exported_files_score_the_same(
    suffix: str, trained: Path, small: Path, tmp_path: Path, sonmat_command: Command
):
    file = tmp_path / f"model{suffix}"
    said = sonmat_command("export", trained, file)
    assert f"written: {file}" in said.out
    assert "divided by 255" in said.out
    told = json.loads(sonmat_command("evaluate", file, "--data", small, "--json").out)
    kept = RunFolder(trained).result["test"]
    assert told["accuracy"] == kept["accuracy"]
    assert told["loss"] == pytest.approx(kept["loss"], rel=1e-5)
    assert "hidden_1" in sonmat_command("summary", file).out


def test_an_exported_script_runs_without_sonmat(trained: Path, tmp_path: Path, sonmat_command: Command):
    said = sonmat_command("export", trained, tmp_path / "run.py")
    assert f"python {tmp_path / 'run.py'}" in said.out
    text = (tmp_path / "run.py").read_text()
    assert "sonmat" not in "".join(line for line in text.splitlines() if "import" in line)
    done = subprocess.run(
        [sys.executable, "run.py"], cwd=tmp_path, capture_output=True, text=True, check=False,
        env={**os.environ, "KERAS_BACKEND": "jax", "MPLBACKEND": "Agg"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_export_knows_its_endings(trained: Path, tmp_path: Path, sonmat_command: Command):
    assert ".h5, .keras, .onnx, .py" in sonmat_command("export", trained, tmp_path / "model.pkl").err
    sonmat_command("export", trained, tmp_path / "model.h5")
    assert "Give a run folder" in sonmat_command("export", tmp_path / "model.h5", tmp_path / "run.py").err


def test_plot_draws_again(trained: Path, tmp_path: Path, sonmat_command: Command):
    said = sonmat_command("plot", trained, "--out", tmp_path / "pictures")
    assert said.out.split() == [
        str(tmp_path / "pictures" / f"{name}.png") for name in ("curves", "confusion", "hardest")
    ]
    assert all(Path(path).read_bytes().startswith(b"\x89PNG") for path in said.out.split())


@pytest.mark.parametrize("what", ["notes-mlp", "mlp"])
def test_summary_of_a_recipe_needs_no_data(what: str, sonmat_command: Command):
    said = sonmat_command("summary", what)
    assert said.status == 0
    assert "parameters" in said.out


# --- runs ---


def test_broken_folders_do_not_break_the_list(named: Path, home: Path, sonmat_command: Command):
    runs = home / "runs"
    for name, content in {"bad-toml": "= =", "empty": "", "bytes": "\udcff"}.items():
        (runs / name).mkdir()
        (runs / name / "recipe.toml").write_bytes(content.encode("utf-8", "surrogateescape"))
    shutil.copytree(named, runs / "odd")
    (runs / "odd" / "history.jsonl").write_text('{"epoch": "x", "seconds": "y"}\n[3]\ntorn')
    (runs / "odd" / "result.json").write_text("[1, 2]")
    (runs / "nothing").mkdir()
    (runs / "letter.txt").write_text("hello")
    said = sonmat_command("runs", "ls", "--json")
    assert said.status == 0
    rows = {row["name"]: row["state"] for row in json.loads(said.out)}
    assert rows == {
        named.name: "finished",
        "bad-toml": "broken",
        "empty": "unfinished",
        "bytes": "broken",
        "odd": "broken",
    }
    table = sonmat_command("runs", "ls")
    assert table.status == 0
    assert named.name in table.out


def test_runs_show(named: Path, sonmat_command: Command):
    told = json.loads(sonmat_command("runs", "show", named.name, "--json").out)
    assert told["recipe"]["train"]["epochs"] == 1
    assert len(told["history"]) == len(told["test_readings"]) == 1
    said = sonmat_command("runs", "show", named.name).out
    assert "hidden = [8]" in said
    assert f"next: sonmat evaluate {named.name}" in said


def test_runs_rm_asks(named: Path, monkeypatch: pytest.MonkeyPatch, sonmat_command: Command):
    import io

    monkeypatch.setattr("sys.stdin", io.StringIO("n\n"))
    assert sonmat_command("runs", "rm", named.name).status == 1
    assert named.exists()
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    assert sonmat_command("runs", "rm", named.name).status == 0
    assert not named.exists()


def test_compare(named: Path, small: Path, home: Path, tmp_path: Path, sonmat_command: Command):
    for name, *more in (("wide", "--set", "hidden=[16]"), ("other", "--seed", 1)):
        sonmat_command("train", "--data", small, *QUICK, *more, "--out", home / "runs" / name, "--quiet")
    told = json.loads(sonmat_command("runs", "compare", named.name, "wide", "--json").out)
    assert told["test"]["n"] == 180
    assert told["why_not"] is None
    assert "On the same 180 rows" in sonmat_command("runs", "compare", named.name, "wide").out
    crossed = json.loads(sonmat_command("runs", "compare", named.name, "other", "--json").out)
    # rows that the one holds back and the other trained on are no fair test; what both hold back is
    assert 0 < crossed["test"]["n"] < 180
    three = json.loads(sonmat_command("runs", "compare", named.name, "wide", "other", "--json").out)
    assert (len(three["runs"]), three["test"]) == (3, None)
    with np.load(small) as arrays:
        np.savez(tmp_path / "else.npz", **{**arrays, "x_train": 255 - arrays["x_train"]})
    sonmat_command("train", "--data", tmp_path / "else.npz", *QUICK, "--out", home / "runs" / "else", "--quiet")
    unlike = json.loads(sonmat_command("runs", "compare", named.name, "else", "--json").out)
    assert unlike["test"] is None
    assert unlike["why_not"]
    assert len(RunFolder(named).readings) == 1, "comparing looks at no test row"


def test_runs_of_a_script_are_shown_too(small: Path, home: Path, named: Path, sonmat_command: Command):
    train, _ = sonmat.load(str(small))
    train, held = train.split(0.7)
    model = sonmat.build("mlp", train, hidden=[8])
    sonmat.fit(model, train, validation_data=held, epochs=1, verbose=0, run=home / "runs" / "script")
    rows = {row["name"]: row for row in json.loads(sonmat_command("runs", "ls", "--json").out)}
    assert (rows["script"]["state"], rows["script"]["epochs"]) == ("a script's", 1)
    assert sonmat_command("runs", "show", "script").status == 0
    assert json.loads(sonmat_command("runs", "show", "script", "--json").out)["recipe"] is None
    assert sonmat_command("plot", "script").status == 0
    assert sonmat_command("runs", "compare", named.name, "script").status == 0
    again = sonmat_command("resume", "script")
    assert "same script" in again.err
    assert sonmat_command("runs", "rm", "script", "-y").status == 0


# --- data ---


def test_data_show_and_ls(small: Path, tmp_path: Path, sonmat_command: Command):
    parts = json.loads(sonmat_command("data", "show", small, "--json").out)
    assert [part["rows"] for part in parts] == [600, 200]
    said = sonmat_command("data", "show", small, "--out", tmp_path / "x.png")
    assert "28 × 28" in said.out
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")
    listed = {one["name"]: one["cached"] for one in json.loads(sonmat_command("data", "ls", "--json").out)}
    assert listed == {"mnist": False, "fashion-mnist": False, "kmnist": False}
    assert "fashion-mnist" in sonmat_command("data", "ls").out


def test_data_ls_tells_where_a_copy_came_from(sonmat_command: Command):
    parts = [np.zeros((2, 2), np.uint8), np.zeros(2, np.uint8)] * 2
    write_cache(cache_file("kmnist"), Arrays(*parts), "the-second\x1b[2J-source")
    listed = {one["name"]: one["source"] for one in json.loads(sonmat_command("data", "ls", "--json").out)}
    assert listed == {"mnist": None, "fashion-mnist": None, "kmnist": "the-second\x1b[2J-source"}
    shown = sonmat_command("data", "ls").out
    assert "the-second" in shown
    assert "\x1b" not in shown


def test_data_fetch_of_what_is_here(mnist: str, sonmat_command: Command):
    assert "mnist.npz" in sonmat_command("data", "fetch", mnist).out
    assert sonmat_command("data", "fetch", mnist, "--quiet").out == ""


# --- completion ---


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("sonmat tr", "train"),
        ("sonmat train no", "notes-mlp"),
        ("sonmat train --set learn", "learning_rate="),
        ("sonmat train --data fash", "fashion-mnist"),
        ("sonmat evaluate 2026", "20260101-000000-blocks"),
        ("sonmat runs rm 20", "20260101-000000-blocks"),
    ],
)
def test_the_shell_completes(words: str, expected: str, named: Path):
    asked = "import sys; sys.argv = ['sonmat']; from sonmat.cli import main; main([])"
    env = {"_SONMAT_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1)}
    done = subprocess.run(
        [sys.executable, "-c", asked], env={**os.environ, **env}, capture_output=True, text=True, check=False
    )
    assert expected in done.stdout.split(), done.stderr


def test_the_completion_script_is_shown():
    asked = "from sonmat.cli import main; main(['--show-completion', 'bash'])"
    done = subprocess.run(
        [sys.executable, "-c", asked], capture_output=True, text=True, check=False,
        env={**os.environ, "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"},
    )  # fmt: skip
    assert "_SONMAT_COMPLETE" in done.stdout, done.stderr


# --- Korean ---


def without_names(text: str) -> list[str]:
    """What is left of English sentences: three words or more in a row that are neither a command nor a table's heading."""
    return re.findall(r"(?:\b[A-Za-z][a-z']+ ){2,}[a-z']+", re.sub(r"sonmat [a-z .]+", "", text))


@pytest.mark.parametrize("verb", [(), *((verb,) for verb in VERBS), *DEEPER], ids=" ".join)
def test_help_is_korean(verb: tuple[str, ...]):
    done = child(*verb, "--help", LC_ALL="", LC_MESSAGES="", LANG="ko_KR.UTF-8", PYTHONIOENCODING="utf-8")
    assert done.returncode == 0, done.stderr
    assert any(ord(letter) in HANGUL for letter in done.stdout)
    assert without_names(done.stdout) == []
    for word in ("Usage", "Options", "Commands", "Arguments", "default", "required", "exit"):
        assert word not in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [["trian"], ["train", "--bogus"], ["resume"], ["resume", "x", "--epochs", "0"], ["resume", "x", "--epochs", "y"],
     ["evaluate", "nowhere"], ["train", "--set", "epohcs=3"], ["data", "fetch", "mnits"], ["runs", "ls"], ["export", "x", "y", "z"]],
    ids=" ".join,
)  # fmt: skip
def test_errors_are_korean(arguments: list[str]):
    done = child(*arguments, SONMAT_LANG="ko", PYTHONIOENCODING="utf-8")
    text = done.stdout + done.stderr
    assert any(ord(letter) in HANGUL for letter in text)
    assert without_names(text) == []


def test_training_is_korean(small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sonmat_command: Command):
    monkeypatch.setenv("SONMAT_LANG", "ko")
    out = tmp_path / "run"
    texts = [
        sonmat_command(*arguments).out
        for arguments in (
            ("train", "--data", small, *QUICK, "--out", out),
            ("resume", out),
            ("evaluate", out),
            ("predict", out, "--pick", 0),
            ("summary", out),
            ("data", "show", small),
            ("data", "ls"),
            ("runs", "ls"),
            ("runs", "compare", out, out),
            ("runs", "rm", out, "-y"),
        )
    ]
    for text in texts:
        assert any(ord(letter) in HANGUL for letter in text)
        assert without_names(text) == []
    assert "에포크 1/1" in texts[0]
