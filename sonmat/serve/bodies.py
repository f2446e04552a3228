"""What a request's body asks: images, raw pixels or sentences, one or many, held against the server's limits."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request

from sonmat.language import say
from sonmat.serve.limits import Limits, Refusal, busy, too_large

PHOTOS, ROWS, TEXTS = "photos", "rows", "texts"
"""Kinds of inputs, as `Predictor`'s methods are called."""

_JSON, _FORM, _TEXT, _BYTES = "application/json", "multipart/form-data", "text/plain", "application/octet-stream"


@dataclass(frozen=True)
class Asked:
    """What a request asks.

    Attributes:
        kind: `PHOTOS`, `ROWS` or `TEXTS`.
        inputs: Image files as bytes, arrays, or sentences.
    """

    kind: str
    inputs: list[Any]


class Bodies:
    """Reads the bodies of a server's requests; together they take no more memory than `limits.bodies`."""

    def __init__(self, limits: Limits, shape: tuple[int, ...], *, reads_text: bool) -> None:
        self._limits, self._shape, self._reads_text = limits, shape, reads_text
        self._held = 0
        # Of JSON no more than its inputs can need: millions of empty lists took seconds, and all others waited
        most = limits.letters * 6 if reads_text else prod(shape) * 32
        self._json = min(limits.body, limits.inputs * most + 4096)

    @contextmanager
    def _holding(self) -> Iterator[list[int]]:
        own = [0]
        try:
            yield own
        finally:
            self._held -= own[0]

    async def read(self, request: Request) -> Asked:
        """What a request asks.

        Raises:
            Refusal: 413, 415 or 422, or 503 where all requests together are too large.
        """
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        is_image = kind.startswith("image/") or kind == _BYTES
        if not (is_image or kind in (_JSON, _FORM, _TEXT)) or (self._reads_text and is_image):
            raise self._unknown(kind)
        with self._holding() as held:
            body = await self._body(request, held, self._json if kind == _JSON else self._limits.body)
            if not body:
                raise _unfit(say("The request is empty.", "요청이 비어 있습니다."), self._example())
            if kind == _JSON:
                asked = self._from_json(body)
            elif kind == _FORM:
                asked = await self._from_form(request.headers, body)
            elif kind == _TEXT:
                asked = Asked(TEXTS, [_decoded(body)])
            else:
                asked = Asked(PHOTOS, [body])
        self._check(asked)
        return asked

    async def _body(self, request: Request, held: list[int], most: int) -> bytes:
        length = request.headers.get("content-length", "")
        if length.isdecimal() and int(length[:20]) > most:
            raise _over(int(length[:20]), most)
        parts: list[bytes] = []
        try:
            async for part in request.stream():
                parts.append(part)
                held[0] += len(part)
                self._held += len(part)
                if held[0] > most:
                    raise _over(held[0], most)
                if self._held > self._limits.bodies:
                    raise busy()
        except ClientDisconnect:
            raise Refusal(400, say("The client went away.", "클라이언트가 떠났습니다."), "") from None
        return b"".join(parts)

    def _from_json(self, body: bytes) -> Asked:
        try:
            told = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise _unfit(
                say(f"The body is no JSON: {error}.", f"본문이 JSON이 아닙니다: {error}."), self._example()
            ) from None
        keys = [key for key in ("pixels", "text", "texts") if isinstance(told, dict) and key in told]
        if len(keys) != 1 or len(told) != 1:
            wanted = "text, texts" if self._reads_text else "pixels"
            raise _unfit(
                say(
                    f"The JSON should be an object with one of: {wanted}.",
                    f"JSON은 {wanted} 중 하나가 있는 객체여야 합니다.",
                ),
                self._example(),
            )
        if keys[0] == "pixels":
            return Asked(ROWS, list(self._rows(told["pixels"])))
        texts = told[keys[0]] if keys[0] == "texts" else [told[keys[0]]]
        if not isinstance(texts, list) or not all(isinstance(one, str) for one in texts):
            raise _unfit(say(f"{keys[0]} should be written text.", f"{keys[0]}에는 글이 와야 합니다."), self._example())
        return Asked(TEXTS, [one.encode("utf-8", "replace").decode() for one in texts])

    def _rows(self, pixels: Any) -> np.ndarray:
        """One input or many as (n, …) float32."""
        try:
            array = np.asarray(pixels)
            if array.dtype.kind not in "iufb":
                raise ValueError(say("not numbers", "수가 아님"))
            array = array.astype(np.float32)
        except (ValueError, TypeError, OverflowError, RecursionError) as error:
            reason = str(error)[:120]
            raise _unfit(
                say(
                    f"pixels should be numbers of one shape: {reason}.",
                    f"pixels는 모양이 같은 수여야 합니다: {reason}.",
                ),
                self._example(),
            ) from None
        if array.shape == self._shape:
            array = array[None]
        if array.ndim != len(self._shape) + 1 or array.shape[1:] != self._shape or not len(array):
            raise _unfit(
                say(
                    f"pixels should be one input of shape {list(self._shape)} or a list of such; came {list(array.shape)}.",
                    f"pixels는 {list(self._shape)} 모양의 입력 하나나 그 목록이어야 하는데 {list(array.shape)}입니다.",
                ),
                self._example(),
            )
        if not np.isfinite(array).all():
            raise _unfit(say("pixels should be finite numbers.", "pixels는 유한한 수여야 합니다."), self._example())
        return array

    async def _from_form(self, headers: Headers, body: bytes) -> Asked:
        async def stream() -> AsyncIterator[bytes]:
            yield body
            yield b""

        parser = MultiPartParser(
            headers,
            stream(),  # type: ignore[arg-type]  # a generator is asked for, an iterator is enough
            max_files=self._limits.inputs,
            max_fields=self._limits.inputs,
            max_part_size=self._limits.body,
        )
        try:
            form = await parser.parse()
        except (MultiPartException, KeyError, ValueError, UnicodeDecodeError) as error:
            reason = getattr(error, "message", str(error))
            raise _unfit(
                say(f"The form cannot be read: {reason}", f"폼을 읽을 수 없습니다: {reason}"), self._example()
            ) from None
        files = [value for _, value in form.multi_items() if isinstance(value, UploadFile)]
        texts = [value for name, value in form.multi_items() if isinstance(value, str) and name in ("text", "texts")]
        if bool(files) == bool(texts):
            raise _unfit(
                say("The form should have image files or texts.", "폼에는 이미지 파일이나 글이 있어야 합니다."),
                self._example(),
            )
        if texts:
            return Asked(TEXTS, texts)
        return Asked(PHOTOS, [await one.read() for one in files])

    def _check(self, asked: Asked) -> None:
        if len(asked.inputs) > self._limits.inputs:
            raise too_large("The list of inputs", "입력 목록", f"{len(asked.inputs):,}", f"{self._limits.inputs}")
        if (asked.kind == TEXTS) != self._reads_text:
            reads = say("sentences", "문장") if self._reads_text else say("images or pixels", "이미지나 픽셀")
            raise _unfit(say(f"This model reads {reads}.", f"이 모델은 {reads}을(를) 읽습니다."), self._example())
        if not asked.inputs:
            raise _unfit(say("There is no input.", "입력이 없습니다."), self._example())
        longest = max((len(one) for one in asked.inputs), default=0) if asked.kind == TEXTS else 0
        if longest > self._limits.letters:
            raise too_large("A sentence", "문장", f"{longest:,}", f"{self._limits.letters:,}")

    def _unknown(self, kind: str) -> Refusal:
        kinds = (_JSON, _FORM, _TEXT) if self._reads_text else ("image/png", "image/jpeg", _BYTES, _FORM, _JSON)
        return Refusal(
            415,
            say(
                f"The Content-Type should be one of {', '.join(kinds)}; came {kind or 'none'}.",
                f"Content-Type은 {', '.join(kinds)} 중 하나여야 하는데 {kind or '없음'}입니다.",
            ),
            self._example(),
        )

    def _example(self) -> str:
        if self._reads_text:
            return say(
                'For example {"text": "where is my parcel"} as application/json.',
                '예: application/json으로 {"text": "환불하고 싶어요"}.',
            )
        return say(
            "Send an image file as image/png or in a form, or its pixels as application/json; see /docs.",
            "이미지 파일을 image/png나 폼으로, 또는 픽셀을 application/json으로 보내세요. /docs를 보세요.",
        )


def _decoded(body: bytes) -> str:
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _unfit(
            say("The text is not UTF-8.", "글이 UTF-8이 아닙니다."), say("Send it as UTF-8.", "UTF-8로 보내세요.")
        ) from None


def _over(came: int, most: int) -> Refusal:
    return too_large("The request", "요청", f"{came:,} bytes", f"{most:,}")


def _unfit(problem: str, fix: str) -> Refusal:
    return Refusal(422, problem, fix)
