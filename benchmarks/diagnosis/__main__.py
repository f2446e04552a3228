"""Planted faults and healthy runs, trained for real and diagnosed.

python -m benchmarks.diagnosis             # the held-out set: 20 faults, 20 healthy runs, about two minutes
python -m benchmarks.diagnosis --tuning    # the set that thresholds were chosen on; written nowhere
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from benchmarks.diagnosis import held_out, tuning
from benchmarks.diagnosis.scenario import Scenario, run
from benchmarks.machine import machine, source_fingerprint
from benchmarks.processes import ROOT
from benchmarks.record import now
from sonmat.errors import SourceError
from sonmat.files import write_json
from sonmat.runs.recorder import environment

RESULT = ROOT / "benchmarks" / "results" / "diagnosis.json"


def main() -> int:
    """The command; exit status 1 where a scenario's data could not be fetched."""
    asked = _arguments()
    chosen = tuning if asked.tuning else held_out
    scenarios = [one for one in (*chosen.FAULTS, *chosen.HEALTHY) if not asked.only or asked.only in one.name]
    told = [outcome for one in scenarios if (outcome := tried(one)) is not None]
    summary = summarize(told)
    say(
        f"\n{summary['named']} of {summary['faults']} planted faults named ({summary['first']} of them first); "
        f"{summary['accused']} of {summary['healthy']} healthy runs accused"
    )
    out = asked.out or (None if asked.tuning or asked.only else RESULT)
    if out is not None:
        identity = {"machine": machine(), "source": source_fingerprint()}
        about = {"identity": identity, "ended": now(), "versions": environment()["versions"]}
        write_json(out, {**about, "summary": summary, "scenarios": told})
        say(f"Written to {out}.")
    return int(len(told) < len(scenarios))


def tried(scenario: Scenario) -> dict[str, Any] | None:
    """A scenario's outcome, told as it comes; None where its data is out of reach."""
    try:
        outcome = run(scenario)
    except SourceError as error:
        say(f"?? {scenario.name}: {error.problem}")
        return None
    said = " ".join(
        f"{one['code']}{'' if one['severity'] == 'fault' else '.' + one['severity'][0]}" for one in outcome["findings"]
    )
    numbers = "/".join(f"{value or 0:.3f}" for value in outcome["numbers"].values())
    mark = "ok" if outcome["right"] else "NO"
    say(f"{mark} {scenario.name} [{scenario.code or 'healthy'}] {numbers} {outcome['seconds']:.1f} s: {said}")
    return outcome


def summarize(told: list[dict[str, Any]]) -> dict[str, int]:
    """How many of how many."""
    faults, healthy = ([one for one in told if bool(one["planted"]) is planted] for planted in (True, False))
    return {
        "faults": len(faults),
        "named": sum(one["right"] for one in faults),
        "first": sum(one["first"] for one in faults),
        "healthy": len(healthy),
        "accused": sum(not one["right"] for one in healthy),
    }


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.diagnosis", description=__doc__.splitlines()[0] if __doc__ else ""
    )
    parser.add_argument("--tuning", action="store_true", help="the set that thresholds were chosen on")
    parser.add_argument("--only", help="scenarios whose name holds this; nothing is written")
    parser.add_argument("--out", type=Path, help="where the JSON goes (benchmarks/results/diagnosis.json)")
    return parser.parse_args()


def say(line: str) -> None:
    """Progress."""
    sys.stderr.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main())
