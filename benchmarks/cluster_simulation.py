"""Studies on clusters that are larger than the machine that measures: simulated job by job, from what was measured on it.

Every job takes the same time, no node is lost, and nothing is in the network's way; what is simulated is the one process that
asks, traces, gives out and records, and the nodes that wait for it. Where a figure is lower in truth than here, it is for one
of these reasons.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Mapping
from typing import Any

NODES, TRIALS = (1, 10, 100, 1000), (10_000, 100_000, 1_000_000)
RUNGS = (2, 4, 10)  # of ten epochs, one trial in three going on
HEAVY = 60.0  # seconds that a job of a heavy network trains an epoch
LINK = 1.25e9  # bytes a second that a machine's network is taken to carry: ten gigabits
_MILLION = 1_000_000


def simulated(costs: Mapping[str, float]) -> list[dict[str, Any]]:
    """Studies of several sizes, each of four kinds.

    Returns:
        Of each `kind`: trials that are `alike`, with the network that was measured; `networks`, of which each builds one;
        trials that are alike, of a `heavy` network; and these, given out all at `once` instead of a window at a time.
    """
    heavy = {**costs, "epoch": HEAVY}
    kinds: dict[str, tuple[Mapping[str, float], dict[str, Any]]] = {
        "alike": (costs, {}),
        "networks": (costs, {"networks": True}),
        "heavy": (heavy, {}),
        "once": (heavy, {"window": None}),
    }
    return [
        {"kind": kind, "nodes": nodes, "trials": trials, **study(given, nodes, trials, **options)}
        for trials in TRIALS
        for nodes in NODES
        for kind, (given, options) in kinds.items()
    ]


def study(
    costs: Mapping[str, float], nodes: int, trials: int, *, networks: bool = False, window: int | None = -1
) -> dict[str, Any]:
    """One search whose settings are all known beforehand, in rungs.

    Args:
        costs: Seconds of the driver a trial: `ask`, `trace` or `trace_networks`, `hand`, `record`; its seconds a job beside
            them, `job`; how long a job and its answer travel, `delay`; what a job trains in an epoch, `epoch`; and
            `members`, the trials in a job; `window`, the trials that are traced and given out together.
        networks: Whether each trial builds a network of its own.
        window: Another window; None for none.

    Returns:
        `seconds` in all; `traced`, those of tracing; `working`, the share of the time in which a node trains, on average;
        `bound`, what most of the time is spent waiting for.
    """
    members = int(costs["members"])
    at_once = trials if window is None else int(costs["window"]) if window < 0 else window
    trace = costs["trace_networks" if networks else "trace"]
    driver = Driver()
    driver.do(trials * costs["ask"])
    trained, traced, alive, done = 0.0, 0.0, trials, 0
    for end in RUNGS:
        took = costs["epoch"] * (end - done)
        for start in range(0, alive, at_once):
            some = min(at_once, alive - start)
            if not done or trials > at_once:  # a window's trials are traced anew at every rung
                driver.time += some * trace
                traced += some * trace
            jobs = -(-some // members)
            driver.rung(jobs, nodes, took, costs)
            trained += jobs * took
        alive, done = -(-alive // 3), end
    spent = {"tracing": traced, "driver": driver.busy}
    enough = -(-min(at_once, trials) // members) >= 2 * nodes
    spent["training" if enough else "jobs"] = driver.time - sum(spent.values())
    bound = max(spent, key=lambda one: spent[one])
    return {"seconds": driver.time, "traced": traced, "working": trained / (driver.time * nodes), "bound": bound}


class Driver:
    """The process that gives out jobs and records answers, one thing after the other.

    Attributes:
        time: What its clock says.
        busy: Seconds that it has spent on asking, giving out and recording.
    """

    def __init__(self) -> None:
        self.time, self.busy = 0.0, 0.0

    def rung(self, jobs: int, nodes: int, took: float, costs: Mapping[str, float]) -> None:
        """Give out jobs and record all answers."""
        members = costs["members"]
        hand = costs["job"] + members * costs["hand"]
        record = members * costs["record"]
        answers: list[float] = []
        due = jobs

        def give() -> None:
            nonlocal due
            due -= 1
            self.do(hand)
            heapq.heappush(answers, self.time + costs["delay"] + took)

        for _ in range(min(nodes, jobs)):
            give()
        while answers:
            self.time = max(self.time, heapq.heappop(answers))
            if due:
                give()
            self.do(record)

    def do(self, seconds: float) -> None:
        """Be busy for some seconds."""
        self.time += seconds
        self.busy += seconds


def extrapolated(content: Mapping[str, Any], members: int) -> dict[str, float]:
    """Single figures for a million trials or a thousand nodes, each from the largest study that was measured."""
    largest = max(map(int, content["study"]))
    measured = content["study"][str(largest)]
    return {
        "journal_gigabytes": measured["journal_bytes"] * _MILLION / 1e9,
        "reading_minutes": measured["reading"] * _MILLION / 60,
        "syncs": measured["syncs"] * math.ceil(_MILLION / members),
        "tpe_days": measured["tpe"]
        / largest
        * _MILLION**2
        / 2
        / 86_400,  # an ask takes a time in proportion to the trials
        "rows_once": content["rows_bytes"] / LINK,
        "rows_from_one": 1000 * content["rows_bytes"] / LINK,
    }
