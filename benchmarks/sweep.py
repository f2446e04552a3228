"""Sweeps: how many settings sonmat tries in a time, beside its peers.

    python -m benchmarks.sweep                 # about an hour; continues where it was interrupted
    python -m benchmarks.sweep --tiny          # whether everything runs; its figures mean nothing
    python -m benchmarks.claims                # put the figures into the documents

A round is sonmat, peer, sonmat, next peer, …: each measurement is a process of its own that starts with an empty cache, and
each ratio is that of a peer and the population of sonmat's that came right before it. It is kept in
`benchmarks/results/sweep/`, one JSON a pair, as soon as it ends.

sonmat's clock counts everything: starting JAX, building, tracing, compiling, training, validating. A peer's rate is that of
its warm trials, so that whatever its first trial pays once is taken off; it tries only as many as a steady rate needs, where
both cores are worked by one process each tied to its core, if that is quicker for it. Peers first get the settings that are
best on this machine (`benchmarks.tuning`), unless they are run as their guides write them.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks import sweep_table
from benchmarks.children.sweep_crew import joined
from benchmarks.contestants import Contestant
from benchmarks.fit_notes import PEERS_PYTHON, say
from benchmarks.machine import cores, load, machine, source_fingerprint
from benchmarks.processes import ROOT, Child, ChildFailed, cpu_seconds
from benchmarks.record import OtherRecord, now
from benchmarks.tuning import tune
from sonmat.files import write_json

RESULTS = ROOT / "benchmarks" / "results"
KEPT = RESULTS / "sweep"


@dataclass(frozen=True)
class Rival(Contestant):
    """A peer, and which of sonmat's jobs it is measured beside: "notes" or "networks"."""

    job: str = "notes"


def _rival(name: str, module: str, **options: Any) -> Rival:
    return Rival(name, sweep_table.RIVALS[name], module, **options)


RIVALS = {
    rival.name: rival
    for rival in (
        _rival("notes", "notes_run"),
        _rival("keras-tuner", "sweep_keras_tuner", settings={"trials": 2}),
        _rival("optuna-tf", "sweep_optuna", settings={"backend": "tensorflow", "trials": 2}),
        _rival("optuna-jax", "sweep_optuna", home="sonmat",
               settings={"backend": "jax", "trials": 8, "workers": cores(), "validation_batch_size": 2000},
               choices={"steps_per_execution": (300, 50, 2100), "models": ("kept", "new"), "cache": (True, False)}),
        _rival("scikit-learn", "sweep_sklearn", settings={"trials": 4 * cores(), "jobs": cores()}),
        _rival("loop", "sweep_loop", home="sonmat", settings={"trials": 6}),
        _rival("loops", "sweep_loop", home="sonmat", settings={"trials": 6, "workers": cores()}),
        _rival("torch", "sweep_torch", settings={"trials": 3, "workers": cores()}, job="networks",
               choices={"layout": ("channels_last", "contiguous"), "optimizer": ("fused", "foreach"),
                        "validation_batch": (500, 2000)}),
    )
}  # fmt: skip
MEASURED = (*RIVALS, "memory", "tracing", "tuning")


@dataclass(frozen=True)
class Size:
    """How much is measured: MNIST's rows, epochs, and sonmat's members; `trials` cuts every peer's short."""

    rows: int | None = None
    epochs: int = 10
    few: int = 100
    many: int = 200
    network_epochs: int = 4
    network_rows: int | None = None
    network_members: int = 32
    crowd: int = 128
    crowd_epochs: int = 2
    distinct: int = 200
    distinct_rows: int = 400
    trials: int | None = None


FULL = Size()
TINY = Size(
    rows=600, epochs=1, few=3, many=5, network_epochs=1, network_rows=256, network_members=4, crowd=3, crowd_epochs=1,
    distinct=4, distinct_rows=100, trials=2,
)  # fmt: skip


@dataclass(frozen=True)
class Bench:
    """One run of the benchmark: where its results are kept, what they are of, the data, and how much."""

    folder: Path
    digest: Path
    identity: dict[str, Any]
    data: Path
    size: Size
    peers_python: str

    def kept(self, name: str, measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """What is kept under this name, or what is measured now, and the digest of all.

        Raises:
            OtherRecord: What is kept is of another machine, source or job.
        """
        path = self.folder / f"{name}.json"
        if path.exists():
            found: dict[str, Any] = json.loads(path.read_text())
            if differing := [key for key, value in self.identity.items() if found["identity"].get(key) != value]:
                raise OtherRecord(f"{path} is of another {', '.join(differing)}. Start anew with --fresh.")
            return found
        say(f"{name} …")
        busy, processor, wall = load(), cpu_seconds(), time.perf_counter()
        entry = measure() | {
            "identity": self.identity,
            "load": busy,
            "cpu_minutes": (cpu_seconds() - processor) / 60,
            "wall_minutes": (time.perf_counter() - wall) / 60,
            "ended": now(),
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, entry)
        write_json(self.digest, collect(self.folder))
        return entry

    def sonmat(self, job: str, members: int, *, epochs: int, rows: int | None = None, **more: Any) -> dict[str, Any]:
        """One population of sonmat's."""
        asked = {"job": job, "members": members, "rows": rows, "batch_size": 128 if job == "networks" else 20, **more}
        answer = Child(sys.executable, "sweep_sonmat").measure(self.data, epochs=epochs, seed=0, settings=asked)
        answer["seconds"] = answer["total_seconds"] / answer["finished"]
        say(f"    sonmat        {answer['seconds']:7.3f} s a setting, {answer['finished']} of {members}")
        return answer

    def peer(self, rival: Rival, settings: dict[str, Any], seed: int) -> dict[str, Any]:
        """One search of a peer's, by all of its workers at the same time."""
        size, workers = self.size, settings.get("workers", 1)
        rows, epochs = (size.network_rows, size.network_epochs) if rival.job == "networks" else (None, size.epochs)
        child = Child(sys.executable if rival.home == "sonmat" else self.peers_python, rival.module)
        with tempfile.TemporaryDirectory(prefix="sonmat-bench-") as meeting, ThreadPoolExecutor(workers) as pool:
            asked = [{**settings, "rows": rows, "worker": number, "meeting": meeting} for number in range(workers)]
            answers = list(
                pool.map(lambda one: child.measure(self.data, epochs=epochs, seed=seed, settings=one), asked)
            )
        answer = joined(answers)
        say(f"    {rival.name:<14}{answer['seconds']:7.3f} s a setting, {answer['trials']} tried  {settings or ''}")
        return answer

    def settings(self, rival: Rival) -> dict[str, Any]:
        """The rival's settings, tuned where they have not been yet."""
        cut = {"trials": self.size.trials} if self.size.trials and "trials" in rival.settings else {}
        fixed = {**rival.settings, **cut}
        if not rival.choices:
            return fixed

        def measure() -> dict[str, Any]:
            few = {name: values[:1] if self.size.trials else values for name, values in rival.choices.items()}
            chosen, tried = tune(
                few, lambda choice: float(self.peer(rival, {**fixed, **choice}, 0)["seconds"]), repeats=1
            )
            return {"rival": rival.name, "chosen": chosen, "tried": tried}

        return {**fixed, **self.kept(f"tuning-{rival.name}", measure)["chosen"]}

    def pair(self, rival: Rival, number: int) -> dict[str, Any]:
        """sonmat, then the peer; before the notes' script few settings, and many after it."""
        size, settings = self.size, self.settings(rival)

        def measure() -> dict[str, Any]:
            entry: dict[str, Any] = {"rival": rival.name, "round": number}
            if rival.name == "notes":
                entry["few"] = self.sonmat("notes", size.few, epochs=size.epochs)
                entry["peer"] = self.peer(rival, settings, number)
            entry["sonmat"] = (
                self.sonmat("networks", size.network_members, epochs=size.network_epochs, rows=size.network_rows)
                if rival.job == "networks"
                else self.sonmat("notes", size.many, epochs=size.epochs)
            )
            return entry if "peer" in entry else entry | {"peer": self.peer(rival, settings, number)}

        return self.kept(f"{rival.name}-{number}", measure)

    def memory(self, number: int) -> dict[str, Any]:
        """What one member, half a crowd and a crowd need, each in a process of its own."""
        size = self.size
        return self.kept(
            f"memory-{number}",
            lambda: {
                name: self.sonmat("notes", members, epochs=size.crowd_epochs, forecast=True)
                for name, members in (("one", 1), ("half", size.crowd // 2), ("crowd", size.crowd))
            },
        )

    def tracing(self, number: int) -> dict[str, Any]:
        """What comes before the first step, where every member's learning rate and momentum are its own."""
        size = self.size
        return self.kept(
            f"tracing-{number}",
            lambda: {
                name: self.sonmat("distinct", members, epochs=1, rows=size.distinct_rows)
                for name, members in (("two", 2), ("all", size.distinct))
            },
        )


def settings_in(seconds: float, few: tuple[int, float], many: tuple[int, float]) -> float:
    """How many settings fit into a time, by two measured numbers of settings and their seconds.

    Along the line through both; beyond the larger one at that one's whole rate where it is lower, so that what is spent once
    is never spread over settings that were not measured.
    """
    (low, low_seconds), (high, high_seconds) = few, many
    line = low + (seconds - low_seconds) * (high - low) / (high_seconds - low_seconds)
    return max(0.0, min(line, seconds * high / high_seconds))


def collect(folder: Path = KEPT) -> dict[str, Any]:
    """Everything that is kept, as one record: `identity`, `versions`, `chosen`, `summary`, and what it cost.

    Raises:
        OtherRecord: Some of it is of another machine, source or job than the rest.
    """
    found = {path.stem: json.loads(path.read_text()) for path in _files(folder)}
    identity = next(iter(found.values()))["identity"]
    if others := [name for name, entry in found.items() if entry["identity"] != identity]:
        raise OtherRecord(f"{folder} mixes results of different runs: {', '.join(others)}. Start anew with --fresh.")
    versions: dict[str, Any] = {}
    for entry in found.values():
        for key in ("sonmat", "peer"):
            if key in entry:
                versions[entry["rival"] if key == "peer" else "sonmat"] = entry[key]["versions"]
    chosen = {entry["rival"]: entry["chosen"] for entry in found.values() if "chosen" in entry}
    return {
        "identity": identity,
        "versions": versions,
        "chosen": chosen,
        "ended": max(entry["ended"] for entry in found.values()),
        "cpu_minutes": sum(entry["cpu_minutes"] for entry in found.values()),
        "wall_minutes": sum(entry["wall_minutes"] for entry in found.values()),
        "summary": summarize(found.values()),
    }


def _files(folder: Path) -> list[Path]:
    """What this benchmark has written there, and nothing else."""
    return sorted(path for name in MEASURED for path in folder.glob(f"{name}-*.json"))


def summarize(entries: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Medians over rounds, and ratios taken pair by pair; what has not been measured yet is missing.

    Returns:
        `rivals`: by name, `seconds` a trial, a trial's `faster` with everything of sonmat's counted and `faster_warm` with
        its start left out like the peer's, and the rest of `joined`. `sonmat`: the same of the populations
        by job, `few` and `many` of the notes' and the `networks`. `notes`: seconds of the script's one `fit`, and how many
        `settings` of sonmat's fit into them. `memory` in bytes and `tracing` in seconds.
    """
    found = list(entries)
    pairs: dict[str, list[dict[str, Any]]] = {}
    for entry in found:
        if "peer" in entry:
            pairs.setdefault(entry["rival"], []).append(entry)
    rounds = [len(some) for some in pairs.values()] or [0]
    summary: dict[str, Any] = {"rounds": max(rounds), "least_rounds": min(rounds), "rivals": {}}
    ours = {
        "few": [pair["few"] for pair in pairs.get("notes", [])],
        "many": [pair["sonmat"] for name, some in pairs.items() if RIVALS[name].job == "notes" for pair in some],
        "networks": [pair["sonmat"] for name, some in pairs.items() if RIVALS[name].job == "networks" for pair in some],
    }
    numbers = ("members", "finished", "seconds", "total_seconds", "setup_seconds", "train_seconds", "build_seconds")
    summary["sonmat"] = {
        name: _medians(some, (*numbers, "val_accuracy", "median_accuracy")) for name, some in ours.items() if some
    }
    for name in (name for name in RIVALS if name in pairs):
        peers = [pair["peer"] for pair in pairs[name]]
        summary["rivals"][name] = _medians(peers, ("seconds", "first_seconds", "val_accuracy")) | {
            "trials": sum(peer["trials"] for peer in peers),
            "warm": sum(peer["warm"] for peer in peers),
            "faster": statistics.median(pair["peer"]["seconds"] / pair["sonmat"]["seconds"] for pair in pairs[name]),
            "faster_warm": statistics.median(pair["peer"]["seconds"] / _warm(pair["sonmat"]) for pair in pairs[name]),
        }
    if notes := pairs.get("notes"):
        summary["notes"] = {
            "seconds": statistics.median(pair["peer"]["total_seconds"] for pair in notes),
            "settings": statistics.median(
                settings_in(pair["peer"]["total_seconds"], _measured(pair["few"]), _measured(pair["sonmat"]))
                for pair in notes
            ),
        }
    for key, names in (("memory", ("one", "half", "crowd")), ("tracing", ("two", "all"))):
        measured = [entry for entry in found if all(name in entry for name in names)]
        if measured:
            of = (*numbers, "before_bytes", "peak_bytes", "forecast_bytes")
            summary[key] = {name: _medians([entry[name] for entry in measured], of) for name in names}
    return summary


def _warm(population: dict[str, Any]) -> float:
    """Seconds a setting of training and validation alone."""
    return float(population["train_seconds"] / population["finished"])


def _measured(population: dict[str, Any]) -> tuple[int, float]:
    return population["finished"], population["total_seconds"]


def _medians(measured: list[dict[str, Any]], names: Iterable[str]) -> dict[str, Any]:
    """The medians of what was told each time."""
    told = (name for name in names if all(one.get(name) is not None for one in measured))
    return {name: statistics.median(one[name] for one in measured) for name in told}


def main() -> int:
    """The command; exit status 1 where something could not be measured."""
    asked = _arguments()
    place = Path(tempfile.gettempdir()) / "sonmat-sweep-tiny" if asked.tiny else RESULTS
    kept = asked.out or place / "sweep"
    if (
        "peers" in {RIVALS[name].home for name in asked.only if name in RIVALS}
        and not Path(asked.peers_python).exists()
    ):
        say(
            f"{asked.peers_python} is missing. Make the peers' environment with `make peers`, or name one: --peers-python PYTHON"
        )
        return 1
    if asked.fresh or asked.tiny:
        for path in _files(kept):
            path.unlink()
    size = TINY if asked.tiny else FULL
    identity = {"job": asdict(size), "machine": machine(), "source": source_fingerprint()}
    with tempfile.TemporaryDirectory(prefix="sonmat-bench-") as folder:
        data, digest = Path(folder) / "mnist.npz", kept.with_suffix(".json")
        try:
            Child(sys.executable, "prepare").measure(data, epochs=0, seed=0, settings={"rows": size.rows})
            bench = Bench(kept, digest, identity, data, size, asked.peers_python)
            for number in range(1, asked.rounds + 1):
                for name in asked.only:
                    if name in RIVALS:
                        bench.pair(RIVALS[name], number)
                    else:
                        {"memory": bench.memory, "tracing": bench.tracing}[name](number)
        except (ChildFailed, OtherRecord) as error:
            say(str(error))
            return 1
    sys.stdout.write(sweep_table.sweep(collect(kept), korean=False) + "\n")
    say(f"\nWritten to {digest}. `python -m benchmarks.claims` puts it into the documents.")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sweep", description=(__doc__ or "").splitlines()[0])
    add, names = parser.add_argument, [*RIVALS, "memory", "tracing"]
    add("--rounds", type=int, default=3, help="rounds to have in the end (3)")
    add("--fresh", action="store_true", help="throw away what an earlier run has measured")
    add("--tiny", action="store_true", help="few rows, one epoch, one round, into a temporary folder")
    add("--only", nargs="+", metavar="NAME", choices=names, default=names, help="only these: %(choices)s")
    add("--out", type=Path, help="the folder for the JSON (benchmarks/results/sweep)")
    add("--peers-python", default=PEERS_PYTHON, help="the peers' Python")
    asked = parser.parse_args()
    asked.rounds = 1 if asked.tiny else asked.rounds
    return asked


if __name__ == "__main__":
    sys.exit(main())
