"""`sonmat runs`: what was trained before."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sonmat.cli.options import Json, RunArgument, run_names
from sonmat.cli.output import console, download, print_json, print_next, print_place
from sonmat.language import say

_WIDE = 110  # columns
_LEFT_OUT = ("state", "model", "data", "seed", "seconds")


def ls(
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FOLDER]",
            help=say("Where to look; by default where runs go without --out.", "찾을 곳. 기본은 --out 없이 쌓이는 곳."),
        ),
    ] = None,
    json: Json = False,
) -> None:
    """`sonmat runs ls`"""
    from sonmat.runs.folder import list_runs

    rows = [run.row() for run in list_runs(folder)]
    if json:
        return print_json(rows)
    from sonmat.view.tables import runs_table

    out = console()
    if out.width < _WIDE:  # what a run reached stays to be seen; what it was made of is in `runs show`
        rows = [{key: value for key, value in row.items() if key not in _LEFT_OUT} for row in rows]
    return out.print(runs_table(rows))


def show(run: RunArgument, json: Json = False) -> None:
    """`sonmat runs show`"""
    from sonmat.errors import RunError
    from sonmat.models.recipe import to_toml
    from sonmat.runs.folder import open_run

    found = open_run(run)
    try:
        recipe = found.recipe
    except RunError:  # one of sonmat.fit(run=…), which the script alone can go on with
        recipe = None
    if json:
        told = {"path": str(found.path), "recipe": recipe.as_dict() if recipe else None, "history": found.history}
        return print_json({**told, "result": found.result, "test_readings": found.readings})
    from sonmat.view.tables import runs_table

    out = console()
    out.print(runs_table([found.row()]))
    if recipe:
        out.print(to_toml(recipe))
    epochs = [{**record, "epoch": int(record.get("epoch", 0)) + 1} for record in found.history]
    if epochs:
        out.print(runs_table(epochs))
    if recipe:
        print_next(out, "sonmat", "evaluate" if found.finished else "resume", run)
    return None


def compare(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN RUN...", help=say("Run folders or names.", "실행 폴더나 이름."), autocompletion=run_names
        ),
    ],
    json: Json = False,
) -> None:
    """`sonmat runs compare`"""
    if len(runs) < 2:
        raise typer.BadParameter(say("Give two runs or more.", "실행을 둘 이상 주세요."))
    from sonmat.jobs.compare import compare_runs

    done = compare_runs(list(runs), progress=download(json))
    if json:
        test = done.test.as_dict() if done.test else None
        return print_json({"runs": done.rows, "test": test, "why_not": done.why_not or None})
    from sonmat.view.tables import compare_table

    out = console()
    out.print(compare_table(done.rows, test=done.test))
    if done.why_not:
        out.print(done.why_not, style="yellow", soft_wrap=True)
    return None


def rm(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN...", help=say("Run folders or names.", "실행 폴더나 이름."), autocompletion=run_names
        ),
    ],
    yes: Annotated[bool, typer.Option("--yes", "-y", help=say("Do not ask.", "묻지 않기."))] = False,
) -> None:
    """`sonmat runs rm`"""
    from sonmat.runs.folder import open_run, remove_run

    found = [open_run(run) for run in dict.fromkeys(runs)]
    names = ", ".join(str(run.path) for run in found)
    if not yes and not typer.confirm(say(f"Delete {names}?", f"{names}을(를) 삭제할까요?")):
        raise typer.Exit(1)
    for run in found:
        remove_run(run)
        print_place(console(), say("deleted", "삭제"), run.path)
