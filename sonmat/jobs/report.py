"""The page of a run, from what lies in its folder."""

from __future__ import annotations

import json
import os
import shlex
import warnings
from pathlib import Path
from typing import Any

from sonmat.errors import SonmatError
from sonmat.files import write_text
from sonmat.jobs.diagnose import stored_diagnosis
from sonmat.jobs.explain import FOLDER
from sonmat.jobs.pictures import CONFUSION, HARDEST
from sonmat.language import say
from sonmat.runs.folder import ENVIRONMENT, MODEL, RECIPE, RunFolder, open_run
from sonmat.view.finding import Finding

REPORT = "report.html"


def report(run: str | os.PathLike[str] | RunFolder, out: str | os.PathLike[str] | None = None) -> Path:
    """Write a run's page: one self-contained HTML file.

    Args:
        run: The run folder or its name. What it lacks is left out of the page.
        out: The file; by default `report.html` in the run's folder.

    Returns:
        The file.

    Raises:
        RunError: There is no run.
        StorageError: The file cannot be written.
    """
    from sonmat.view.report import Report, page

    folder = run if isinstance(run, RunFolder) else open_run(run)
    recipe, toml = _recipe(folder)
    told = Report(
        name=folder.name,
        recipe=recipe,
        toml=toml,
        history=[record for record in folder.history if isinstance(record, dict)],
        result=folder.result or {},
        readings=len(folder.readings),
        findings=_findings(folder),
        pictures=_pictures(folder),
        environment=_environment(folder),
        commands=_commands(folder, bool(recipe)),
    )
    target = Path(out).expanduser() if out is not None else folder.path / REPORT
    write_text(target, page(told))
    return target


def report_trained(run: RunFolder) -> None:
    """The page of a run that has just ended. A trained run is never lost for it: what goes wrong is a warning."""
    try:
        report(run)
    except Exception as error:
        warnings.warn(
            say(
                f"{REPORT} could not be written ({type(error).__name__}: {error}). Nothing else is missing.",
                f"{REPORT}을(를) 쓰지 못했습니다 ({type(error).__name__}: {error}). 나머지는 모두 그대로입니다.",
            ),
            stacklevel=2,
        )


def _recipe(folder: RunFolder) -> tuple[dict[str, Any], str]:
    try:
        return folder.recipe.as_dict(), (folder.path / RECIPE).read_text(encoding="utf-8")
    except (SonmatError, OSError, UnicodeDecodeError):  # a script's run has none; a broken one is not shown
        return {}, ""


def _findings(folder: RunFolder) -> tuple[Finding, ...]:
    try:
        found = stored_diagnosis(folder)
    except SonmatError:
        return ()
    return found.findings if found is not None else ()


def _pictures(folder: RunFolder) -> list[tuple[Path, str]]:
    captions = {
        CONFUSION: say("Confusions on the validation rows", "검증 데이터의 혼동 행렬"),
        HARDEST: say("The validation images it was most wrong about", "가장 크게 틀린 검증 이미지"),
        f"{FOLDER}/convolution.png": say("One window of a convolution", "합성곱의 한 윈도우"),
        f"{FOLDER}/pixels.png": say("Which pixels mattered", "어느 픽셀이 중요했나"),
        f"{FOLDER}/feature_maps.png": say("Feature maps", "특징맵"),
        f"{FOLDER}/filters.png": say("Filters", "필터"),
    }
    found = [(folder.path / name, caption) for name, caption in captions.items() if (folder.path / name).is_file()]
    return [(path, caption) for path, caption in found if not _outdated(folder, path)]


def _outdated(folder: RunFolder, picture: Path) -> bool:
    """Whether an explanation shows weights of before the run went on."""
    try:
        return picture.parent != folder.path and picture.stat().st_mtime < (folder.path / MODEL).stat().st_mtime
    except OSError:
        return False


def _environment(folder: RunFolder) -> dict[str, Any]:
    try:
        found = json.loads((folder.path / ENVIRONMENT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _commands(folder: RunFolder, has_recipe: bool) -> list[tuple[str, str]]:
    if not has_recipe:
        return []
    path = str(folder.path)
    told = [(["train", str(folder.path / RECIPE)], say("the same again", "똑같이 다시"))]
    if not folder.result:
        told = [(["resume", path], say("finish it", "이어서 끝내기"))]
    told += [
        (["diagnose", path], say("what is wrong, and what to do", "무엇이 문제이고 무엇을 할지")),
        (["explain", path, "--pick", "7"], say("see what it does with an image", "이미지를 어떻게 보는지")),
    ]
    return [(shlex.join(["sonmat", *words]), why) for words, why in told]
