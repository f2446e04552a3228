"""The test screen over HTTP: scores, confusions, the rows behind them, corruptions; looks at the test set are counted."""

from __future__ import annotations

import base64
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from sonmat import places
from sonmat.files import read_json, write_json
from sonmat.language import say
from sonmat.runs.folder import MODEL
from sonmat.serve.limits import Refusal
from sonmat.studio.replies import inside, missing, number_in, reply, unfit
from sonmat.studio.studio import Studio

CORRUPTIONS = "corruptions.json"
"""What a run's file of accuracies on spoilt rows is called."""


class Testing:
    """Answers about how good runs are.

    Args:
        studio: Whose looker evaluates.
    """

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._spoiling: set[str] = set()

    async def measured(self, request: Request) -> Response:
        """`GET /api/test/RUN?part=validation`."""
        run, part = _run(request), request.query_params.get("part") or "validation"
        if part == "test":
            raise Refusal(
                405,
                say(
                    "Reading the test set is counted: it is asked for on purpose.",
                    "테스트 데이터를 본 횟수는 기록되므로 일부러 요청해야 합니다.",
                ),
                "POST /api/test/RUN/look",
            )
        return reply(await self._studio.looker.ask("measure", run=run, part=part))

    async def look(self, request: Request) -> Response:
        """`POST /api/test/RUN/look`: read the test set, which is counted."""
        run = _run(request)
        told = await self._studio.looker.ask("measure", run=run, part="test")
        await self._studio.board.refresh(run)
        return reply(told)

    async def cell(self, request: Request) -> Response:
        """`GET /api/test/RUN/cell?part=&row=&column=`: rows of a class that were taken for another."""
        query = request.query_params
        given: dict[str, Any] = {"run": _run(request), "part": query.get("part") or "validation"}
        given |= {name: number_in(query, name, None) for name in ("row", "column")}
        return reply(await self._studio.looker.ask("cell", **given))

    async def image(self, request: Request) -> Response:
        """`GET /api/image/RUN/PART/INDEX.png?scale=4`."""
        index = str(request.path_params["file"]).removesuffix(".png")
        if not index.isdecimal() or len(index) > 12:
            raise missing(index)
        scale = number_in(request.query_params, "scale", 1, low=1, high=16)
        run, part = _run(request), str(request.path_params["part"])
        told = await self._studio.looker.ask("image", run=run, part=part, index=int(index), scale=scale)
        headers = {"Cache-Control": "private, no-cache"}  # a row's number is another picture's once there are more
        return Response(base64.b64decode(told), media_type="image/png", headers=headers)

    async def spoil(self, request: Request) -> Response:
        """`POST /api/test/RUN/corruptions`: begin to spoil validation rows; events tell how far it is."""
        run = _run(request)
        if run not in self._spoiling:
            self._spoiling.add(run)
            self._studio.spawn(self._spoilt(run))
        return reply({"run": run}, 202)

    async def spoilt(self, request: Request) -> Response:
        """`GET /api/test/RUN/corruptions`: what came of it; `found` is null where it was not done, or is under way."""
        run = _run(request)
        folder = places.runs_folder() / run
        found = read_json(folder / CORRUPTIONS)
        try:
            fresh = found is not None and (folder / CORRUPTIONS).stat().st_mtime >= (folder / MODEL).stat().st_mtime
        except OSError:
            fresh = False
        return reply({"run": run, "running": run in self._spoiling, "found": found if fresh else None})

    async def _spoilt(self, run: str) -> None:
        try:
            found = await self._studio.looker.ask("corruptions", run=run)
            write_json(places.runs_folder() / run / CORRUPTIONS, found)
            self._studio.hub.tell("corruptions", run=run, done=1, of=1, ended=True)
        except Exception as error:
            problem = getattr(error, "problem", str(error))
            self._studio.hub.tell("corruptions", run=run, ended=True, problem=problem)
        finally:
            self._spoiling.discard(run)


def _run(request: Request) -> str:
    name = inside(places.runs_folder(), str(request.path_params["run"])).name
    if not (places.runs_folder() / name / MODEL).exists():
        raise unfit(
            say(f"{name} has no trained model yet.", f"{name}에는 아직 학습된 모델이 없습니다."),
            say("Train it to its end first.", "먼저 끝까지 학습하세요."),
        )
    return name
