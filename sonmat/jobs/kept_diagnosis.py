"""A diagnosis, and the one that a run folder keeps, read without Keras."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from sonmat.engine.evidence import Evidence
from sonmat.runs.folder import DIAGNOSIS, RECIPE, RunFolder
from sonmat.view.diagnosis import findings
from sonmat.view.finding import Finding

FORMAT = 1
"""Of what is kept."""


@dataclass(frozen=True)
class Diagnosis:
    """What is to be said of a run.

    Attributes:
        findings: Faults first, then hints, then what is good.
        evidence: The numbers they come from.
        run: The run folder; empty for a training that has none.
    """

    findings: tuple[Finding, ...]
    evidence: Evidence
    run: str = ""

    @property
    def faults(self) -> tuple[Finding, ...]:
        """What spoils the run."""
        return tuple(one for one in self.findings if one.severity == "fault")

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "run": self.run,
            "findings": [one.as_dict() for one in self.findings],
            "evidence": self.evidence.as_dict(),
        }

    def __str__(self) -> str:
        from sonmat.view.diagnosed import diagnosis_lines

        return "\n".join(diagnosis_lines(self.findings))


def stored_diagnosis(folder: RunFolder) -> Diagnosis | None:
    """The diagnosis that the run folder keeps, in today's language.

    None where it keeps none that can be read, or one of before it went on to more epochs.
    """
    history = folder.history
    recipe = folder.recipe if (folder.path / RECIPE).exists() else None
    try:
        told = json.loads((folder.path / DIAGNOSIS).read_text(encoding="utf-8"))
        if told["format"] != FORMAT or told["epochs"] != len(history):
            return None
        evidence = Evidence.from_dict(told["evidence"])
        found = findings(evidence, history, recipe=recipe, run=str(folder.path))
    except (OSError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError):
        return None  # whatever lies there: a stranger may have written it
    return Diagnosis(tuple(found), evidence, str(folder.path))
