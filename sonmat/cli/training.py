"""`sonmat train` and `sonmat resume`."""

from __future__ import annotations

import shlex
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sonmat.cli import options
from sonmat.cli.options import Data, Json, Quiet, RunArgument, SkipUnreadable
from sonmat.cli.output import console, download, print_json
from sonmat.language import say

if TYPE_CHECKING:
    from sonmat.jobs.finished import Trained
    from sonmat.jobs.train import Begun


def train(
    recipe: Annotated[
        str,
        typer.Argument(
            metavar="[RECIPE]",
            help=say(
                "A recipe's name, FILE.toml, or FILE.py:function.", "레시피 이름, FILE.toml 또는 FILE.py:function."
            ),
            autocompletion=options.recipes,
        ),
    ] = "notes-mlp",
    data: Data = None,
    set_: Annotated[
        list[str] | None,
        options.changed("Change a setting, such as learning_rate=0.1.", "설정 바꾸기. 예: learning_rate=0.1."),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            metavar="N", help=say("Decides split, first weights and order.", "분할, 첫 가중치, 순서를 정합니다.")
        ),
    ] = None,
    skip_unreadable: SkipUnreadable = False,
    out: Annotated[Path | None, options.out("The run folder.", "실행 폴더.", "DIR")] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """`sonmat train`"""
    from sonmat.jobs.train import train as job

    _told(
        lambda **how: job(
            recipe, data=data, settings=set_ or (), seed=seed, skip_unreadable=skip_unreadable, out=out, **how
        ),
        json=json,
        quiet=quiet,
    )


def resume(
    run: RunArgument,
    epochs: Annotated[
        int | None, typer.Option(metavar="N", min=1, help=say("Train up to this many epochs.", "이 에포크까지 학습."))
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """`sonmat resume`"""
    from sonmat.jobs.train import resume as job

    _told(lambda **how: job(run, epochs=epochs, **how), json=json, quiet=quiet)


def _told(job: Callable[..., Trained], *, json: bool, quiet: bool) -> None:
    """Do a job with its progress shown; Ctrl-C says how to go on."""
    from sonmat.view.terminal import following
    from sonmat.view.trained import begun_text, trained_text

    folder: list[Path] = []
    silent = json or quiet
    if quiet:
        warnings.simplefilter("ignore")
    with following(None if silent else console()) as shown:

        def begun(what: Begun) -> None:
            folder.append(what.folder)
            shown.begin(
                begun_text(what.folder, what.recipe, what.rows, what.done, what.name, what.notes, what.findings)
            )

        how: dict[str, Any] = {"begun": begun, "listeners": shown.listeners, "progress": download(silent)}
        try:
            done = job(**how)
        except KeyboardInterrupt:
            shown.stop()
            if folder:
                command = shlex.join(["sonmat", "resume", str(folder[0])])
                sys.stderr.write(
                    "\n" + say(f"Stopped. Go on with: {command}", f"멈췄습니다. 이어서 하려면: {command}") + "\n"
                )
            raise typer.Exit(130) from None
    if json:
        print_json(done.as_dict())
    elif not quiet:
        from sonmat.models.views import Views

        settings = done.recipe.train
        views = Views.of(settings.tta or {}).count
        text = trained_text(
            done.folder,
            done.as_dict(),
            done.findings,
            settings.learning_rate,
            views,
            sentences=done.recipe.tokens is not None,
        )
        console().print(text, soft_wrap=True)
