"""`sonmat lr`."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Annotated

import typer

from sonmat.cli import options
from sonmat.cli.options import Data, Json, Quiet
from sonmat.cli.output import console, download, print_json, print_next, print_place
from sonmat.language import say


def lr(
    recipe: Annotated[
        str,
        typer.Argument(
            metavar="[RUN|RECIPE]",
            help=say("A run, or a recipe as train takes it.", "실행, 또는 train이 받는 레시피."),
            autocompletion=options.recipes_and_models,
        ),
    ] = "notes-mlp",
    data: Data = None,
    set_: Annotated[
        list[str] | None,
        options.changed("Change a setting, such as batch_size=64.", "설정 바꾸기. 예: batch_size=64."),
    ] = None,
    low: Annotated[
        float, typer.Option("--from", metavar="RATE", help=say("The lowest rate.", "가장 낮은 학습률."))
    ] = 1e-6,
    high: Annotated[
        float, typer.Option("--to", metavar="RATE", help=say("The highest rate.", "가장 높은 학습률."))
    ] = 10.0,
    steps: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help=say("How many steps; 300, fewer on small data.", "스텝 수. 기본 300, 데이터가 작으면 더 적게."),
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            metavar="N", help=say("Decides split, first weights and order.", "분할, 첫 가중치, 순서를 정합니다.")
        ),
    ] = None,
    out: Annotated[Path | None, options.out("The picture; lr.png by default.", "그림. 기본 lr.png.", "PNG")] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """`sonmat lr`"""
    from sonmat.jobs.rate import find_rate

    if quiet:
        warnings.simplefilter("ignore")
    found = find_rate(
        recipe,
        data=data,
        settings=set_ or (),
        low=low,
        high=high,
        steps=steps,
        seed=seed,
        out=out,
        progress=download(json or quiet),
    )
    if json:
        return print_json(found.as_dict())
    if quiet:
        return None
    from sonmat.view.rate_test import rate_text

    screen = console()
    screen.print(rate_text(found.test), soft_wrap=True, end="")
    print_place(screen, say("picture", "그림"), found.picture)
    if found.command:
        print_next(screen, "sonmat", *found.command)
    return None
