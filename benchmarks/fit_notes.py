"""The notes' job: sonmat and its peers in turn.

    python -m benchmarks.fit_notes                 # about 20 minutes; continues where it was interrupted
    python -m benchmarks.fit_notes --quick         # whether everything runs; its figures mean nothing
    python -m benchmarks.claims                    # put the figures into the README

A round is sonmat, peer, sonmat, next peer, …: each fit is a process of its own, and each ratio is that of a peer and the fit
of sonmat's that came right before it. sonmat starts with an empty cache every time. Peers first get the settings that are
best on this machine (`benchmarks.tuning`). All read the same file of the same rows.
"""

from __future__ import annotations

import argparse
import shlex
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import tables
from benchmarks.contestants import PEERS, Contestant
from benchmarks.machine import load, machine, source_fingerprint
from benchmarks.processes import ROOT, Child, ChildFailed, clean_environment, timed
from benchmarks.record import OtherRecord, Record
from benchmarks.summary import summarize
from benchmarks.tuning import tune

RESULT = ROOT / "benchmarks" / "results" / "fit_notes.json"
SEEDS = range(5)
PEERS_PYTHON = str(ROOT / "benchmarks" / ".venv" / ("Scripts" if sys.platform == "win32" else "bin") / "python")


@dataclass(frozen=True)
class Bench:
    """One run of the benchmark: the record, the data, and what to start; `tuning` is epochs and repeats of a short fit."""

    record: Record
    data: Path
    epochs: int
    tuning: tuple[int, int]
    peers_python: str
    sonmat: list[str]
    train: list[str]

    def fit(self, peer: Contestant | None, seed: int, settings: dict[str, Any], epochs: int) -> dict[str, Any]:
        """One fit of a peer, or of sonmat for None."""
        at_home = peer is None or peer.home == "sonmat"
        child = Child(sys.executable if at_home else self.peers_python, peer.module if peer else "sonmat_fit")
        answer = child.measure(self.data, epochs=epochs, seed=seed, settings=settings)
        answer = self.record.versions(peer.name if peer else "sonmat", answer)
        say(f"    {peer.name if peer else 'sonmat':<13}{answer['fit_seconds']:7.2f} s  {settings or ''}")
        return answer

    def settings(self, peer: Contestant) -> dict[str, Any]:
        """The peer's settings, tuned where they have not been yet."""
        tuned = self.record.content.setdefault("tuning", {})
        epochs, repeats = self.tuning
        if peer.name not in tuned:
            if peer.choices:
                say(f"tuning {peer.name}")
            with self.record.measuring():
                chosen, tried = tune(
                    peer.choices,
                    lambda choice: self.fit(peer, 0, {**peer.settings, **choice}, epochs)["fit_seconds"],
                    repeats=repeats,
                )
                tuned[peer.name] = {"chosen": {**peer.settings, **chosen}, "epochs": epochs, "tried": tried}
        settings: dict[str, Any] = tuned[peer.name]["chosen"]
        return settings

    def round(self, number: int, peers: list[Contestant], *, process: bool) -> None:
        """What is missing of a round: every pair, and the pair of whole commands."""
        rounds = self.record.content.setdefault("rounds", [])
        if len(rounds) < number:
            rounds.append({"round": number, "seed": number, "pairs": {}})
        entry = rounds[number - 1]
        for peer in (peer for peer in peers if peer.name not in entry["pairs"]):
            settings = self.settings(peer)
            say(f"round {number}: {peer.name}")
            with self.record.measuring():
                busy = load()
                ours = self.fit(None, entry["seed"], {}, self.epochs)
                theirs = self.fit(peer, entry["seed"], settings, self.epochs)
                entry["pairs"][peer.name] = {"load": busy, "sonmat": ours, "peer": theirs}
        if process and "process" not in entry:
            say(f"round {number}: whole commands")
            with self.record.measuring():
                busy = load()
                self.command()  # the first run fills the cache of compiled programs
                ours_seconds = self.command()
                notes = self.fit(PEERS[0], entry["seed"], {}, self.epochs)
                entry["process"] = {"load": busy, "sonmat": ours_seconds, "notes": notes["process_seconds"]}

    def command(self) -> float:
        """Seconds of a whole `sonmat train`, which trains, validates, evaluates, saves and draws."""
        with tempfile.TemporaryDirectory(prefix="sonmat-bench-") as folder:
            command = [*self.sonmat, "train", "--out", str(Path(folder) / "run"), "--quiet", *self.train]
            seconds = timed(command, cwd=Path(folder), environment=clean_environment())
        say(f"    sonmat train {seconds:6.2f} s")
        return seconds

    def help(self) -> None:
        """`sonmat --help`, ten times after a first that reads the files from disk."""
        if "help" in self.record.content:
            return
        with self.record.measuring() as content:
            command = [*self.sonmat, "--help"]
            content["help"] = [timed(command, cwd=ROOT, environment=clean_environment()) for _ in range(11)][1:]

    def accuracy(self) -> None:
        """The test accuracy of the notes' network over seeds, one fit of sonmat's each."""
        entries = self.record.content.setdefault("accuracy", [])
        for seed in SEEDS:
            if all(entry["seed"] != seed for entry in entries):
                say(f"accuracy: seed {seed}")
                with self.record.measuring():
                    answer = self.fit(None, seed, {}, self.epochs)
                    entries.append(
                        {"seed": seed, "test_accuracy": answer["test_accuracy"], "val_accuracy": answer["val_accuracy"]}
                    )


def main() -> int:
    """The command; exit status 1 where something could not be measured."""
    asked = _arguments()
    out = asked.out or (Path(tempfile.gettempdir()) / "sonmat-fit-notes-quick.json" if asked.quick else RESULT)
    if "peers" in {peer.home for peer in asked.peers} and not Path(asked.peers_python).exists():
        say(
            f"{asked.peers_python} is missing. Make the peers' environment with `make peers`, or name one: --peers-python PYTHON"
        )
        return 1
    with tempfile.TemporaryDirectory(prefix="sonmat-bench-") as folder:
        try:
            bench = _bench(asked, out, Path(folder) / "mnist.npz")
            for number in range(1, asked.rounds + 1):
                bench.round(number, asked.peers, process=asked.commands)
            if asked.commands:
                bench.help()
            bench.accuracy()
        except (ChildFailed, OtherRecord) as error:
            say(str(error))
            return 1
    sys.stdout.write(tables.fit_notes(bench.record.content, korean=False) + "\n")
    say(f"\nWritten to {out}. `python -m benchmarks.claims` puts it into the README.")
    return 0


def _bench(asked: argparse.Namespace, out: Path, data: Path) -> Bench:
    epochs, rows = (2, 2000) if asked.quick else (10, None)
    prepared = Child(sys.executable, "prepare").measure(data, epochs=0, seed=0, settings={"rows": rows})
    job = {
        "network": "784-20-20-10, ReLU, softmax",
        "optimizer": "SGD 0.01",
        "batch_size": 20,
        "epochs": epochs,
        "rows": {part: prepared[part] for part in ("train", "val", "test")},
        "data": prepared["fingerprint"],
    }
    identity = {"job": job, "machine": machine(), "source": source_fingerprint()}
    return Bench(
        record=Record(out, identity, fresh=asked.fresh or asked.quick, summary=summarize),
        data=data,
        epochs=epochs,
        tuning=(2, 1) if asked.quick else (3, 2),
        peers_python=asked.peers_python,
        sonmat=asked.sonmat,
        train=["--set", "train.epochs=2"] if asked.quick else [],
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.fit_notes", description=__doc__.splitlines()[0] if __doc__ else ""
    )
    add = parser.add_argument
    add("--rounds", type=int, default=5, help="rounds to have in the end (5)")
    add("--fresh", action="store_true", help="throw away what an earlier run has measured")
    add("--quick", action="store_true", help="few rows, two epochs, one round, into a temporary file")
    add("--only", nargs="+", metavar="PEER", choices=[peer.name for peer in PEERS], help="only these: %(choices)s")
    add("--no-commands", dest="commands", action="store_false", help="leave out `sonmat train` and `sonmat --help`")
    add("--out", type=Path, help="where the JSON goes (benchmarks/results/fit_notes.json)")
    add("--peers-python", default=PEERS_PYTHON, help="the peers' Python")
    add("--sonmat", help="the sonmat command (the one beside this Python, or `python -m sonmat.cli`)")
    asked = parser.parse_args()
    beside = Path(sys.executable).with_name("sonmat.exe" if sys.platform == "win32" else "sonmat")
    asked.sonmat = (
        shlex.split(asked.sonmat)
        if asked.sonmat
        else [str(beside)]
        if beside.exists()
        else [sys.executable, "-m", "sonmat.cli"]
    )
    asked.peers = [peer for peer in PEERS if not asked.only or peer.name in asked.only]
    asked.rounds = 1 if asked.quick else asked.rounds
    return asked


def say(line: str) -> None:
    """Progress, kept apart from the table."""
    sys.stderr.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main())
