"""`sonmat studio`."""

from __future__ import annotations

from typing import Annotated

import typer

from sonmat.cli.options import Quiet, run_names
from sonmat.cli.output import console
from sonmat.language import say


def studio(
    runs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RUN...]",
            help=say("Runs to show first.", "먼저 보여 줄 실행."),
            autocompletion=run_names,
        ),
    ] = None,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help=say("Where to listen.", "요청을 받을 주소."))
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(metavar="N", min=0, max=65535, help=say("0 takes a free one.", "0이면 빈 포트."))
    ] = 8765,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help=say("Open the page.", "화면을 열지."))] = True,
    quiet: Quiet = False,
) -> None:
    """`sonmat studio`"""
    from sonmat.studio.serving import serve_studio

    def ready(address: str) -> None:
        if browser:
            import webbrowser

            webbrowser.open(address)
        if not quiet:
            out = console()
            out.print(say(f"the studio is at {address}", f"스튜디오: {address}"), soft_wrap=True)
            out.print(say("stop: Ctrl-C", "멈추기: Ctrl-C"))

    left = serve_studio(tuple(runs or ()), host, port, ready=ready)
    if not quiet:
        console().print(
            say(f"stopped; {left} trains on to its end", f"멈췄습니다. {left}은(는) 끝까지 학습합니다")
            if left
            else say("stopped", "멈췄습니다")
        )
