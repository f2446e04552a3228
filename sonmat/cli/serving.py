"""`sonmat serve`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sonmat.cli.options import ModelArgument, Quiet
from sonmat.cli.output import console
from sonmat.language import say


def serve(
    model: ModelArgument,
    host: Annotated[
        str, typer.Option(metavar="ADDRESS", help=say("Where to listen.", "요청을 받을 주소."))
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(metavar="N", min=0, max=65535, help=say("0 takes a free one.", "0이면 빈 포트."))
    ] = 8000,
    token: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            help=say(
                "What requests must carry; better in SONMAT_TOKEN. Made and printed where others can connect.",
                "요청에 있어야 하는 토큰. SONMAT_TOKEN이 더 안전합니다. 밖에서 접속할 수 있으면 만들어 보여 줍니다.",
            ),
        ),
    ] = None,
    megabytes: Annotated[
        int, typer.Option(metavar="N", min=1, max=1000, help=say("A request's size at most.", "요청 크기의 한도(MB)."))
    ] = 20,
    megapixels: Annotated[
        int,
        typer.Option(
            metavar="N", min=1, max=200, help=say("An image's size at most.", "이미지 크기의 한도(백만 픽셀).")
        ),
    ] = 50,
    seconds: Annotated[
        float,
        typer.Option(metavar="N", min=0.1, max=600, help=say("A request's time at most.", "요청 시간의 한도(초).")),
    ] = 10.0,
    requests: Annotated[
        int, typer.Option(metavar="N", min=1, max=10_000, help=say("Requests at a time at most.", "동시 요청의 한도."))
    ] = 256,
    quiet: Quiet = False,
) -> None:
    """`sonmat serve`"""
    from dataclasses import replace

    from sonmat.runs.folder import located
    from sonmat.serve.access import Access, is_loopback, new_token
    from sonmat.serve.limits import Limits
    from sonmat.serve.listening import address_of, listen, token_given
    from sonmat.serve.listening import serve as run

    given = token or token_given()
    made = None if given or is_loopback(host) else new_token()
    access = Access(host, given or made)
    limits = replace(Limits(), body=megabytes << 20, pixels=megapixels * 1_000_000, seconds=seconds, requests=requests)
    place = located(model)[0]
    with listen(host, port) as listening:  # before seconds of imports: the port may be taken
        from sonmat.serve.api import Service, application
        from sonmat.serve.predictor import Predictor

        address = address_of(listening)
        service = Service(
            Predictor.open(place, lasting=True), limits, Path(model).name, address, token=access.token is not None
        )

        def ready() -> None:
            if quiet:
                return
            out = console()
            out.print(say(f"{model} answers at {address}", f"{model}: {address}에서 답합니다"), soft_wrap=True)
            if made is not None:
                out.print(say(f"token: {made}", f"토큰: {made}"), soft_wrap=True)
            out.print(
                say(f"how to ask: {address}/docs   stop: Ctrl-C", f"쓰는 법: {address}/docs   멈추기: Ctrl-C"),
                soft_wrap=True,
            )

        run(application(service, access), listening, limits, ready=ready)
    if not quiet:
        console().print(say("stopped; every request was answered", "멈췄습니다. 받은 요청에는 모두 답했습니다"))
