"""Requests in batches: every request gets its own answers, whatever it shared a batch with."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from typing import Any

import pytest

from sonmat.serve.batching import Batcher
from sonmat.serve.limits import Limits
from sonmat.serve.metrics import Metrics

LIMITS = Limits(gather=0.01, batches=(1, 2, 4, 8))


def doubled(inputs: list[Any]) -> list[Any]:
    if "bad" in inputs:
        raise ValueError("bad")
    return [2 * one for one in inputs]


def run(asking: Any, answers: Any = doubled, filled: Sequence[str] = ("rows",)) -> Any:
    async def whole() -> Any:
        ways = {"rows": answers, "photos": answers}
        async with Batcher(ways, LIMITS, Metrics(), filled=frozenset(filled)) as batcher:
            return await asking(batcher)

    return asyncio.run(whole())


def test_everyone_gets_their_own_answers() -> None:
    async def asking(batcher: Batcher) -> list[list[int]]:
        return await asyncio.gather(*(batcher.ask("rows", [n, n + 100]) for n in range(37)))

    assert run(asking) == [[2 * n, 2 * n + 200] for n in range(37)]


def test_what_comes_together_is_answered_together_and_filled_up() -> None:
    sizes: list[int] = []

    def answers(inputs: list[Any]) -> list[Any]:
        sizes.append(len(inputs))
        return doubled(inputs)

    async def asking(batcher: Batcher) -> Any:
        return await asyncio.gather(*(batcher.ask("rows", [n]) for n in range(11)))

    assert run(asking, answers) == [[2 * n] for n in range(11)]
    assert sizes == [8, 4]  # eleven: the largest batch, and three filled up to four
    sizes.clear()
    assert run(asking, answers, filled=()) == [[2 * n] for n in range(11)]
    assert sizes == [8, 3]


def test_kinds_are_not_mixed() -> None:
    batches: list[set[str]] = []

    def answers(inputs: list[Any]) -> list[Any]:
        batches.append({kind for kind, _ in inputs})
        return inputs

    async def asking(batcher: Batcher) -> Any:
        kinds = ("rows", "photos")
        return await asyncio.gather(*(batcher.ask(kinds[n % 2], [(kinds[n % 2], n)]) for n in range(12)))

    assert run(asking, answers) == [[(("rows", "photos")[n % 2], n)] for n in range(12)]
    assert all(len(kinds) == 1 for kinds in batches)


def test_one_request_s_fault_is_no_other_s() -> None:
    async def asking(batcher: Batcher) -> Any:
        asked = [batcher.ask("rows", ["bad" if n == 3 else n]) for n in range(6)]
        return await asyncio.gather(*asked, return_exceptions=True)

    found = run(asking)
    assert isinstance(found[3], ValueError)
    assert [one for n, one in enumerate(found) if n != 3] == [[0], [2], [4], [8], [10]]


def test_whoever_went_away_is_not_answered_and_holds_nobody_up() -> None:
    began, go_on = threading.Event(), threading.Event()
    seen: list[Any] = []

    def answers(inputs: list[Any]) -> list[Any]:
        seen.extend(inputs)
        if inputs == ["first"]:
            began.set()
            assert go_on.wait(10)
        return inputs

    async def asking(batcher: Batcher) -> Any:
        first = asyncio.create_task(batcher.ask("photos", ["first"]))
        await asyncio.to_thread(began.wait, 10)
        gone = asyncio.create_task(batcher.ask("photos", ["gone"]))
        stays = asyncio.create_task(batcher.ask("photos", ["stays"]))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.sleep(0)
        go_on.set()
        return await first, await stays

    assert run(asking, answers) == (["first"], ["stays"])
    assert "gone" not in seen


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8])
def test_a_batch_is_filled_up_to_the_smallest_size_that_holds_it(count: int) -> None:
    assert LIMITS.padded(count) == min(size for size in (1, 2, 4, 8) if size >= count)
