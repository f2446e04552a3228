"""`sonmat studies`: what was swept before."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sonmat.cli import options
from sonmat.cli.options import Json
from sonmat.cli.output import console, print_json, print_next, print_place
from sonmat.language import say

StudyArgument = Annotated[
    str,
    typer.Argument(
        metavar="STUDY",
        help=say("A study's folder or name.", "스터디 폴더나 이름."),
        autocompletion=options.study_names,
    ),
]


def ls(
    where: Annotated[
        Path | None,
        typer.Argument(metavar="[DIR]", help=say("Studies in this folder.", "이 폴더의 스터디.")),
    ] = None,
    json: Json = False,
) -> None:
    """`sonmat studies ls`"""
    from sonmat.search.study import list_studies
    from sonmat.view.tables import runs_table

    rows = [study.row() for study in list_studies(where)]
    if json:
        return print_json(rows)
    screen = console()
    if not rows:
        screen.print(say("There are no studies yet.", "아직 스터디가 없습니다."))
        print_next(screen, "sonmat", "sweep")
        return None
    screen.print(runs_table(rows, name=say("study", "스터디")))
    return None


def show(
    study: StudyArgument,
    rows: Annotated[
        str,
        typer.Option(
            metavar="trials|epochs", help=say("A row a trial, or an epoch.", "시도마다 한 행, 또는 에포크마다 한 행.")
        ),
    ] = "trials",
    csv: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help=say("Write a CSV.", "CSV로 쓰기."))] = None,
    json: Json = False,
) -> None:
    """`sonmat studies show`"""
    from sonmat.files import write_text
    from sonmat.search.ranking import rank
    from sonmat.search.study import Study
    from sonmat.view.study_figure import value_text
    from sonmat.view.swept import finalists_table, swept_text

    found = Study.open(study)
    if csv is not None:
        write_text(csv, found.to_dataframe(rows).to_csv(index=False))
    if json:
        return print_json({"study": str(found.path), **found.row(), "result": found.result})
    screen = console()
    for name, value in found.row().items():
        if value is not None:
            told = value_text(value) if name == "best" and isinstance(value, float) else value
            screen.print(f"{name:<10} {told}", soft_wrap=True)
    ranking = rank(found.repeats, maximize=found.asked.maximize)
    if ranking.standings:
        screen.print(finalists_table(ranking, found.asked.metric))
    if ranking.standings or found.result:
        screen.print(swept_text(found.result or {}, ranking), soft_wrap=True)
    if csv is not None:
        print_place(screen, "csv", csv)
    return None


def plot(
    study: StudyArgument,
    out: Annotated[Path | None, options.out("The folder to draw into.", "그림을 둘 폴더.", "DIR")] = None,
) -> None:
    """`sonmat studies plot`"""
    from sonmat.jobs.study_pictures import draw_study
    from sonmat.search.study import Study

    for file in draw_study(Study.open(study), out):
        console().print(str(file), soft_wrap=True)
