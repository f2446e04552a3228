"""Small convolutional networks: sonmat and its peers in turn, an epoch at batch 128.

    python -m benchmarks.cnn                 # about 20 minutes; continues where it was interrupted
    python -m benchmarks.cnn --quick         # whether everything runs; its figures mean nothing
    python -m benchmarks.claims              # put the figures into the documents

A round is, for each network, sonmat, peer, sonmat, next peer, …: each fit is a process of its own that starts with an empty
cache, and each ratio is that of a peer and the fit of sonmat's that came right before it. What compiles does so in the first
epoch; an epoch's time is the median of the others. Everybody computes in float32 on the same rows, without validation.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import cnn_table
from benchmarks.contestants import Contestant
from benchmarks.fit_notes import PEERS_PYTHON, say
from benchmarks.machine import load, machine, source_fingerprint
from benchmarks.networks import NETWORKS
from benchmarks.processes import ROOT, Child, ChildFailed
from benchmarks.record import OtherRecord, Record
from benchmarks.tuning import tune

RESULTS = ROOT / "benchmarks" / "results"
PEERS = {
    peer.name: peer
    for peer in (
        Contestant("torch", ("PyTorch, channels last", "PyTorch, channels last"), "cnn_torch",
                   choices={"optimizer": ("foreach", "fused"), "threads": (2, 1)}),
        Contestant("keras-tf", ("Keras on TensorFlow", "TensorFlow 위의 Keras"), "cnn_keras",
                   settings={"backend": "tensorflow"},
                   choices={"steps_per_execution": (1, 20), "jit_compile": ("auto", False)}),
        Contestant("keras-jax", ("Keras on JAX", "JAX 위의 Keras"), "cnn_keras", home="sonmat",
                   settings={"backend": "jax"}, choices={"steps_per_execution": (1, 5)}),
    )
}  # fmt: skip


@dataclass(frozen=True)
class Bench:
    """One run of the benchmark; `rows` and `epochs` are those of a fit, `short` those of one that settings are chosen by."""

    record: Record
    data: Path
    rows: int
    epochs: int
    short: tuple[int, int]
    peers_python: str

    def fit(
        self, peer: Contestant | None, network: str, seed: int, settings: dict[str, Any], short: bool = False
    ) -> Any:
        """One fit of a peer, or of sonmat for None."""
        rows, epochs = self.short if short else (self.rows, self.epochs)
        at_home = peer is None or peer.home == "sonmat"
        child = Child(sys.executable if at_home else self.peers_python, peer.module if peer else "cnn_sonmat")
        asked = {**settings, "layers": list(NETWORKS[network].layers), "rows": rows}
        answer = child.measure(self.data, epochs=epochs, seed=seed, settings=asked)
        answer = self.record.versions(peer.name if peer else "sonmat", answer)
        answer["epoch"] = statistics.median(answer["epoch_seconds"][1:])
        say(f"    {peer.name if peer else 'sonmat':<10}{answer['epoch']:7.2f} s an epoch  {settings or ''}")
        return answer

    def settings(self, peer: Contestant, network: str) -> dict[str, Any]:
        """The peer's settings for a network, chosen by measuring where they have not been yet."""
        tuned = self.record.content.setdefault("tuning", {})
        key = f"{network}.{peer.name}"
        if key not in tuned:
            say(f"{network}: settings of {peer.name}")
            with self.record.measuring():
                chosen, tried = tune(
                    peer.choices,
                    lambda choice: self.fit(peer, network, 0, {**peer.settings, **choice}, short=True)["epoch"],
                    repeats=1,
                )
                tuned[key] = {"chosen": {**peer.settings, **chosen}, "tried": tried}
        settings: dict[str, Any] = tuned[key]["chosen"]
        return settings

    def round(self, number: int, names: list[str]) -> None:
        """What is missing of a round."""
        rounds = self.record.content.setdefault("rounds", [])
        if len(rounds) < number:
            rounds.append({"round": number, "seed": number, "pairs": {}})
        pairs = rounds[number - 1]["pairs"]
        for network in names:
            for peer in (PEERS[name] for name in NETWORKS[network].against):
                key = f"{network}.{peer.name}"
                if key in pairs:
                    continue
                settings = self.settings(peer, network)
                say(f"round {number}: {network}, {peer.name}")
                with self.record.measuring():
                    busy = load()
                    ours = self.fit(None, network, number, {})
                    theirs = self.fit(peer, network, number, settings)
                    pairs[key] = {"load": busy, "sonmat": ours, "peer": theirs}


def summarize(content: dict[str, Any]) -> dict[str, Any]:
    """For each network: median seconds of an epoch and of compiling, accuracies, and how many times as fast sonmat was."""
    found: dict[str, Any] = {"rounds": len(content.get("rounds", [])), "networks": {}}
    for network in NETWORKS:
        pairs = {
            name: [
                entry["pairs"][f"{network}.{name}"]
                for entry in content.get("rounds", [])
                if f"{network}.{name}" in entry["pairs"]
            ]
            for name in NETWORKS[network].against
        }
        ours = [pair["sonmat"] for some in pairs.values() for pair in some]
        if not ours:
            continue
        entry = {"sonmat": _medians(ours)}
        for name, some in pairs.items():
            if some:
                faster = statistics.median(pair["peer"]["epoch"] / pair["sonmat"]["epoch"] for pair in some)
                entry[name] = _medians([pair["peer"] for pair in some]) | {"faster": faster}
        found["networks"][network] = entry
    return found


def _medians(measured: list[dict[str, Any]]) -> dict[str, float]:
    return {
        name: float(statistics.median(one[name] for one in measured))
        for name in ("epoch", "compile_seconds", "val_accuracy")
    }


def main() -> int:
    """The command; exit status 1 where something could not be measured."""
    asked = _arguments()
    out = asked.out or (Path(tempfile.gettempdir()) / "sonmat-cnn-quick.json" if asked.quick else RESULTS / "cnn.json")
    if not Path(asked.peers_python).exists():
        say(
            f"{asked.peers_python} is missing. Make the peers' environment with `make peers`, or name one: --peers-python PYTHON"
        )
        return 1
    rows, epochs = (1280, 2) if asked.quick else (25_600, 3)
    job = {"batch_size": 128, "optimizer": "Adam 0.001", "rows": rows, "epochs": epochs, "data": "MNIST"}
    identity = {"job": job, "machine": machine(), "source": source_fingerprint()}
    with tempfile.TemporaryDirectory(prefix="sonmat-bench-") as folder:
        data = Path(folder) / "mnist.npz"
        try:
            Child(sys.executable, "prepare").measure(data, epochs=0, seed=0, settings={"rows": None})
            record = Record(out, identity, fresh=asked.fresh or asked.quick, summary=summarize)
            bench = Bench(record, data, rows, epochs, (min(rows, 5120), 2), asked.peers_python)
            for number in range(1, asked.rounds + 1):
                bench.round(number, asked.only or list(NETWORKS))
        except (ChildFailed, OtherRecord) as error:
            say(str(error))
            return 1
    sys.stdout.write(cnn_table.cnn(record.content, korean=False) + "\n")
    say(f"\nWritten to {out}. `python -m benchmarks.claims` puts it into the documents.")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cnn", description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add("--rounds", type=int, default=3, help="rounds to have in the end (3)")
    add("--fresh", action="store_true", help="throw away what an earlier run has measured")
    add("--quick", action="store_true", help="few rows, two epochs, one round, into a temporary file")
    add("--only", nargs="+", metavar="NETWORK", choices=list(NETWORKS), help="only these: %(choices)s")
    add("--out", type=Path, help="where the JSON goes (benchmarks/results/cnn.json)")
    add("--peers-python", default=PEERS_PYTHON, help="the peers' Python")
    asked = parser.parse_args()
    asked.rounds = 1 if asked.quick else asked.rounds
    return asked


if __name__ == "__main__":
    sys.exit(main())
