"""`sonmat data`: what there is to train on."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from sonmat.cli import options
from sonmat.cli.options import Json, Quiet, SkipUnreadable, data_names
from sonmat.cli.output import console, download, print_json, print_place
from sonmat.language import say


def ls(json: Json = False) -> None:
    """`sonmat data ls`"""
    from sonmat.data.listing import listing
    from sonmat.view.data_tables import listing_table

    found = listing()
    return print_json([asdict(one) for one in found]) if json else console().print(listing_table(found))


def fetch(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help=say("mnist, fashion-mnist or kmnist.", "mnist, fashion-mnist, kmnist."),
            autocompletion=data_names,
        ),
    ],
    quiet: Quiet = False,
) -> None:
    """`sonmat data fetch`"""
    from sonmat.data.sources import fetch as job

    path = job(name, progress=download(quiet))
    if not quiet:
        print_place(console(), say("kept in", "저장 위치"), path)


def show(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME|PATH",
            help=say(
                "A data set's name, a folder of pictures, a CSV, an .npz or IDX files.",
                "데이터 이름, 그림 폴더, CSV, .npz, IDX 폴더.",
            ),
            autocompletion=data_names,
        ),
    ],
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help=say(
                "How your own data are read: size=64, channels=1, clean=true, text=COLUMN, label=COLUMN.",
                "자기 데이터를 읽는 방법: size=64, channels=1, clean=true, text=열, label=열.",
            ),
            autocompletion=options.readings,
        ),
    ] = None,
    skip_unreadable: SkipUnreadable = False,
    json: Json = False,
    augment: Annotated[
        list[str] | None,
        typer.Option(
            "--augment",
            metavar="KEY=VALUE,…|RECIPE",
            help=say(
                "Draw examples varied so, such as shift=2,rotate=10; or as a recipe varies them.",
                "예제를 이렇게 변형해 그리기. 예: shift=2,rotate=10. 또는 레시피가 변형하는 대로.",
            ),
            autocompletion=options.augmentations,
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            metavar="N", help=say("With --augment: decides the variations.", "--augment와 함께: 변형을 정합니다.")
        ),
    ] = None,
    errors: Annotated[
        bool,
        typer.Option(
            "--errors",
            help=say("Draw the test labels that are known to be wrong.", "틀린 것으로 알려진 테스트 레이블 그리기."),
        ),
    ] = False,
    out: Annotated[
        Path | None,
        options.out(
            "Draw examples into this PNG; with --augment augment.png, with --errors errors.png.",
            "예제를 그릴 PNG. 기본은 --augment일 때 augment.png, --errors일 때 errors.png.",
            "PNG",
        ),
    ] = None,
) -> None:
    """`sonmat data show`"""
    if seed is not None and not augment:
        raise typer.BadParameter(say("--seed goes with --augment.", "--seed는 --augment와 함께 씁니다."))
    if errors and augment:
        raise typer.BadParameter(
            say("Give --augment or --errors, not both.", "--augment와 --errors 가운데 하나만 주세요.")
        )
    from sonmat.data.listing import describe
    from sonmat.data.sources import load_as
    from sonmat.jobs.augmentation import asked_augmentation
    from sonmat.jobs.own_data import asked_reading, look_over, notes_of

    settings = asked_augmentation(augment) if augment else None  # before a download
    parts = load_as(name, asked_reading(set_ or (), skip_unreadable), progress=download(json))
    told = [describe(part) for part in parts]
    notes, found = notes_of(parts[0]), look_over(parts[0], None, parts[1])
    if json:
        extra = {"notes": notes, "findings": [one.as_dict() for one in found]} if parts[0].reading is not None else {}
        print_json([asdict(one) | extra for one in told])
    else:
        from sonmat.view.data_tables import description_table
        from sonmat.view.diagnosed import data_text

        console().print(description_table(told))
        if said := data_text(notes, found):
            said.rstrip()
            console().print(said, soft_wrap=True)
    if settings is not None:
        from sonmat.view.augmentation import unvaried, variations

        if not settings and not json:
            console().print(unvaried(augment or []), soft_wrap=True)
        out = out or (Path("augment.png") if settings else None)  # nine copies of each are drawn on demand alone
        if out is not None:
            variations(parts[0], settings, out, seed=seed or 0)
    elif errors:
        from sonmat.view.label_errors import label_errors

        out = out or Path("errors.png")
        label_errors(parts[-1], out)
    elif out is not None:
        from sonmat.view.samples import samples

        samples(parts[0], out)
    if out is not None and not json:
        print_place(console(), say("picture", "그림"), out)
