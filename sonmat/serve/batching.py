"""Requests gathered into batches: whatever has come while the network was at work is its next batch."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from sonmat.serve.limits import Limits
from sonmat.serve.metrics import Metrics

Answer = Callable[[list[Any]], Sequence[Any]]
"""From inputs of one kind to as many answers."""


@dataclass(eq=False)
class _Asked:
    kind: str
    inputs: list[Any]
    answers: asyncio.Future[list[Any]]


class Batcher:
    """Answers requests of several kinds on one thread, many at a time.

    A network that is idle begins at once, or, where other requests are on their way, within `limits.gather` seconds. A batch is
    filled up to one of `limits.batches` with copies of its last input, so that no size is compiled twice; the copies' answers
    are thrown away.

    Args:
        answers: By kind, what answers inputs.
        limits: Sizes and times.
        metrics: Told of each batch.
        filled: Kinds whose batches are filled up; others are answered as they are.
    """

    def __init__(self, answers: dict[str, Answer], limits: Limits, metrics: Metrics, *, filled: frozenset[str]) -> None:
        self._answers, self._limits, self._metrics, self._filled = answers, limits, metrics, filled
        self._waiting: list[_Asked] = []
        self._came = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sonmat-network")
        self._task: asyncio.Task[None] | None = None
        self.coming = 0
        """Requests that are being read, and will ask soon."""

    async def __aenter__(self) -> Batcher:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        for one in self._waiting:
            one.answers.cancel()
        self._thread.shutdown(wait=True)

    async def ask(self, kind: str, inputs: list[Any]) -> list[Any]:
        """The answers to some inputs, which go into one batch together.

        Raises:
            Exception: What the answering raised for these inputs.
        """
        future: asyncio.Future[list[Any]] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Asked(kind, inputs, future))
        self._came.set()
        return await future

    async def _run(self) -> None:
        while True:
            await self._came.wait()
            if self.coming and self._room() > 0:
                await asyncio.sleep(self._limits.gather)
            batch = self._next()
            if batch:
                await self._answer(batch)

    def _room(self) -> int:
        return self._limits.batches[-1] - sum(len(one.inputs) for one in self._waiting)

    def _next(self) -> list[_Asked]:
        """The oldest request, and those of its kind that fit into the largest batch with it."""
        self._waiting = [one for one in self._waiting if not one.answers.done()]  # their clients did not wait
        chosen: list[_Asked] = []
        count = 0
        for one in self._waiting:
            if not chosen or (one.kind == chosen[0].kind and count + len(one.inputs) <= self._limits.batches[-1]):
                chosen.append(one)
                count += len(one.inputs)
        self._waiting = [one for one in self._waiting if one not in chosen]
        if not self._waiting:
            self._came.clear()
        return chosen

    async def _answer(self, batch: list[_Asked]) -> None:
        try:
            found = await self._computed(batch[0].kind, [each for one in batch for each in one.inputs])
        except Exception as error:
            if len(batch) > 1:  # one request's fault is no other's
                for one in batch:
                    await self._answer([one])
            elif not batch[0].answers.done():
                batch[0].answers.set_exception(error)
            return
        for one in batch:
            own, found = found[: len(one.inputs)], found[len(one.inputs) :]
            if not one.answers.done():
                one.answers.set_result(list(own))

    async def _computed(self, kind: str, inputs: list[Any]) -> Sequence[Any]:
        count = len(inputs)
        if kind in self._filled:
            inputs = inputs + inputs[-1:] * (self._limits.padded(count) - count)
        began = time.perf_counter()
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._thread, self._answers[kind], inputs)
        self._metrics.batch(count, time.perf_counter() - began)
        return found[:count]
