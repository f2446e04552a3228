"""The built wheel, alone in a clean environment outside the checkout, is the whole product."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def constraint_files() -> list[Path]:
    return [ROOT / "constraints.txt", ROOT / "benchmarks" / "constraints.txt"]


@pytest.mark.parametrize("file", constraint_files(), ids=lambda file: file.parent.name)
def test_constraints_name_versions_and_no_place(file: Path):
    lines = file.read_text(encoding="utf-8").splitlines()
    assert len(lines) > 20
    for line in lines:
        assert re.match(r"^[a-z0-9._-]+==[^\s@/]+( ; .+?)?(\s+# via .+)?$", line), line


def test_constraints_pin_every_dependency_for_every_python():
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    named = PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"]
    for name in (re.match(r"[A-Za-z0-9_-]+", item)[0] for item in named):
        pins = re.findall(rf"^{name}==\S+(?: ; (.+?))?(?:\s+#|$)", text, re.MULTILINE)
        assert pins, f"{name} is not pinned; run `make constraints`"
        # either one pin for all, or one below and one from the same version on
        if pins != [""]:
            limits = {re.search(r"(<|>=) '([\d.]+)'", pin).groups() for pin in pins}
            assert {sign for sign, _ in limits} == {"<", ">="}, (name, pins)
    assert "jax==0.10.2 ; python_full_version < '3.12'" in text, "newer jax needs Python 3.12"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--wheel", "--outdir", out, ROOT, cwd=out)
    (built,) = out.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` folder of an environment that holds the wheel and what it needs, and nothing else."""
    home = tmp_path_factory.mktemp("clean")
    venv.create(home / "venv", with_pip=True)
    scripts = home / "venv" / ("Scripts" if os.name == "nt" else "bin")
    run(scripts / "python", "-m", "pip", "install", "-q", "-c", ROOT / "constraints.txt", wheel, cwd=home)
    return scripts


def run(*command: object, cwd: Path) -> str:
    done = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.mark.slow
def test_the_wheel_holds_every_module_and_the_licence(wheel: Path):
    names = set(zipfile.ZipFile(wheel).namelist())
    sources = {str(file.relative_to(ROOT).as_posix()) for file in (ROOT / "sonmat").rglob("*.py")}
    assert len(sources) > 10
    assert sources | {"sonmat/py.typed"} <= names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not any(name.startswith(("tests/", "benchmarks/")) for name in names)


@pytest.mark.slow
def test_the_installed_package_is_complete(installed: Path, tmp_path: Path):
    asked = """
import importlib.metadata as metadata, importlib.resources as resources, json, sonmat
found = metadata.distribution("sonmat")
print(json.dumps({
    "file": sonmat.__file__,
    "version": sonmat.__version__,
    "metadata": found.version,
    "licence": found.metadata["License-Expression"],
    "python": found.metadata["Requires-Python"],
    "typed": resources.files("sonmat").joinpath("py.typed").is_file(),
    "scripts": [entry.value for entry in metadata.entry_points(group="console_scripts", name="sonmat")],
}))
"""
    found = json.loads(run(installed / "python", "-c", asked, cwd=tmp_path))
    assert str(ROOT) not in found["file"]
    assert found["version"] == found["metadata"] == PROJECT["version"]
    assert (found["licence"], found["python"]) == ("MIT", ">=3.11")
    assert found["typed"]
    assert found["scripts"] == ["sonmat.cli:main"]


@pytest.mark.slow
def test_the_installed_package_builds_a_model(installed: Path, tmp_path: Path):
    asked = "import sonmat as sm; print(sm.build('notes-mlp').count_params())"
    assert run(installed / "python", "-c", asked, cwd=tmp_path).split()[-1] == "16330"


@pytest.mark.slow
def test_the_installed_command_does_the_job(installed: Path, small: Path, tmp_path: Path, home: Path):
    command = installed / "sonmat"
    trained = json.loads(
        run(command, "train", "--data", small, "--set", "epochs=2", "--seed", 1, "--json", cwd=tmp_path)
    )
    folder = Path(trained["run"])
    assert folder.parent == home / "runs"
    assert {path.name for path in folder.glob("*.png")} == {"curves.png", "confusion.png", "hardest.png"}
    scored = json.loads(run(command, "evaluate", folder.name, "--json", cwd=tmp_path))
    assert scored["accuracy"] == trained["test"]["accuracy"]
    assert scored["test_readings"] == 2
    (said,) = json.loads(run(command, "predict", folder.name, "--pick", 7, "--json", cwd=tmp_path))
    assert (said["true"], len(said["probabilities"])) == ("7", 10)
    for name in ("model.h5", "model.keras", "run.py"):
        run(command, "export", folder.name, tmp_path / name, cwd=tmp_path)
        assert (tmp_path / name).stat().st_size > 1000
    elsewhere = json.loads(run(command, "evaluate", tmp_path / "model.h5", "--data", small, "--json", cwd=tmp_path))
    assert elsewhere["accuracy"] == scored["accuracy"]
    assert "finished" in run(command, "resume", folder.name, cwd=tmp_path)
    assert folder.name in run(command, "runs", "ls", cwd=tmp_path)
    assert "hidden_1" in run(command, "summary", folder.name, cwd=tmp_path)
    run(command, "plot", folder.name, "--out", tmp_path / "pictures", cwd=tmp_path)
