"""What runs say of a drawing or photograph, and what each of their layers makes of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
from starlette.requests import Request
from starlette.responses import Response

from sonmat import places
from sonmat.data.image_file import open_image
from sonmat.errors import SonmatError
from sonmat.language import language, say, speaking
from sonmat.studio.networks import Seeing
from sonmat.studio.planes import asked, layer_told, told_answer
from sonmat.studio.replies import body_of, inside, json_of, reply, unfit
from sonmat.studio.studio import Studio

if TYPE_CHECKING:
    from sonmat.serve.predictor import Answered

_PIXELS, _CANVAS = 50_000_000, 4_000_000  # of a photograph, of a page's canvas
_RUNS = 8  # that are asked at a time
_TEXTS, _LETTERS = 32, 2_000
_MODES = {"strokes": "drawings", "photo": "photos"}
"""By what the page calls it, what a predictor does."""


class Drawing:
    """Answers drawings.

    Args:
        studio: Whose runs are asked.
    """

    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    async def draw(self, request: Request) -> Response:
        """`POST /api/draw?runs=a,b&layers=1&mode=strokes`: the body is an image file."""
        began = time.perf_counter()
        query = request.query_params
        mode = query.get("mode", "strokes")
        if mode not in _MODES:
            known = ", ".join(_MODES)
            raise unfit(say(f"mode should be one of {known}.", f"mode는 {known} 중 하나여야 합니다."))
        file = await body_of(request)
        if not file:
            raise unfit(say("The body should be an image.", "본문은 이미지여야 합니다."))
        loop = asyncio.get_running_loop()
        most = _PIXELS if mode == "photo" else _CANVAS
        picture = await loop.run_in_executor(self._pool(_MODES[mode]), _read, file, most, language())
        return await self._answered(_runs(query), _MODES[mode], picture, query.get("layers") == "1", began)

    async def numbers(self, request: Request) -> Response:
        """`POST /api/draw/numbers?runs=a`: raw inputs as `{"pixels": …}`, one or a list of them."""
        began = time.perf_counter()
        told = await json_of(request)
        try:
            rows = np.asarray(told.get("pixels"), np.float32)
        except (ValueError, TypeError, OverflowError) as error:
            reason = str(error)[:120]
            raise unfit(
                say(
                    f"pixels should be numbers of one shape: {reason}.",
                    f"pixels는 모양이 같은 수여야 합니다: {reason}.",
                )
            ) from None
        query = request.query_params
        return await self._answered(_runs(query), "rows", rows, query.get("layers") == "1", began)

    async def texts(self, request: Request) -> Response:
        """`POST /api/draw/texts?runs=a,b`: sentences as `{"texts": […]}`, for runs that read them."""
        began = time.perf_counter()
        texts = (await json_of(request)).get("texts")
        if (
            not isinstance(texts, list)
            or not 1 <= len(texts) <= _TEXTS
            or not all(isinstance(one, str) and len(one) <= _LETTERS for one in texts)
        ):
            raise unfit(
                say(
                    f"texts should be 1 to {_TEXTS} sentences of at most {_LETTERS:,} letters.",
                    f"texts는 {_LETTERS:,}자 이하의 문장 1~{_TEXTS}개여야 합니다.",
                )
            )
        return await self._answered(_runs(request.query_params), "texts", np.array(texts, object), False, began)

    async def _answered(self, runs: Sequence[str], way: str, given: np.ndarray, layers: bool, began: float) -> Response:
        asked_ = (self._of_run(run, way, given, layers) for run in runs)
        answers = await asyncio.gather(*asked_, return_exceptions=True)
        if not all(
            isinstance(one, SonmatError) for one in answers
        ):  # one that cannot answer is no reason for the others
            answers = [
                _why(run, one) if isinstance(one, SonmatError) else one for run, one in zip(runs, answers, strict=True)
            ]
        flat = []
        for some in answers:
            if isinstance(some, BaseException):
                raise some
            flat += some
        return reply({"answers": flat, "ms": round(1000 * (time.perf_counter() - began), 2)})

    async def _of_run(self, run: str, way: str, given: np.ndarray, layers: bool) -> list[dict[str, Any]]:
        seeing = await self._studio.networks.open(run)
        if seeing.predictor is None:
            told: list[dict[str, Any]] = await self._studio.looker.ask(
                "draw", run=run, way=way, given=given.tolist(), kind=str(given.dtype), layers=layers
            )
            return told
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool(way), _of, seeing, run, way, given, layers, language())

    def _pool(self, way: str) -> ThreadPoolExecutor:
        """Strokes never wait for a photograph, which takes seconds where it is large."""
        return self._studio.networks.slow if way == "photos" else self._studio.networks.pool


def _runs(query: Any) -> list[str]:
    names = list(dict.fromkeys(filter(None, (query.get("runs") or "").split(","))))
    if not 1 <= len(names) <= _RUNS:
        raise unfit(
            say(f"Name 1 to {_RUNS} runs: runs=a,b.", f"실행 1~{_RUNS}개를 적으세요: runs=a,b."),
        )
    return [inside(places.runs_folder(), name).name for name in names]


def _why(run: str, error: SonmatError) -> list[dict[str, Any]]:
    """Instead of an answer, why there is none."""
    return [{"run": run, "problem": error.problem, "fix": error.fix}]


def _read(file: bytes, most: int, spoken: str) -> np.ndarray:
    with speaking(spoken):
        return open_image(file, most_pixels=most)


def _of(seeing: Seeing, run: str, way: str, given: np.ndarray, layers: bool, spoken: str) -> list[dict[str, Any]]:
    predictor = seeing.predictor
    assert predictor is not None
    with speaking(spoken):
        found = asked(predictor, way, given)
        return [
            told_answer(run, predictor.classes, one, _layers(seeing, one) if layers else [])
            for one in found
        ]  # fmt: skip


def _layers(seeing: Seeing, one: Answered) -> list[dict[str, Any]]:
    """What each layer gives, from the network's program with all their outputs."""
    if seeing.layers is None or one.seen is None or seeing.predictor is None:
        return []
    inputs = seeing.predictor.scaled(one.seen[None])
    outputs = seeing.layers.run(inputs)
    return [
        layer_told(str(about["name"]), str(about["kind"]), array[0])
        for about, array in zip(seeing.told, outputs, strict=True)
    ]
