"""A finished run, as its training returned it or as it is read back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sonmat.engine.corrected import Corrected
from sonmat.engine.evaluate import Evaluation
from sonmat.engine.scores import Scores, score
from sonmat.files import remove_dead_parts
from sonmat.jobs.diagnose import stored_diagnosis
from sonmat.models.recipe import Recipe
from sonmat.runs.folder import RunFolder, load_run
from sonmat.view.finding import Finding

if TYPE_CHECKING:
    import keras


@dataclass(frozen=True)
class Trained:
    """A finished run.

    Attributes:
        folder: Where it is.
        recipe: What was asked for.
        model: The trained network.
        history: Keras's History.
        validation: What it reaches on the validation rows; the pictures are of these.
        test: What it reaches on the test rows; None where it was trained without looking at them.
        readings: How often this run has looked at the test rows.
        result: What the run folder keeps of it: those numbers, times, sizes and fingerprints.
        findings: What a diagnosis says of it, the weightiest first.
        again: Whether it was finished before, so that nothing was trained or evaluated now.
    """

    folder: Path
    recipe: Recipe
    model: keras.Model
    history: keras.callbacks.History
    validation: Evaluation
    test: Evaluation | None
    readings: int
    result: dict[str, Any]
    again: bool = False
    findings: tuple[Finding, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        told = {"run": str(self.folder), **self.result, "test_readings": self.readings}
        return told | {"finished_before": self.again, "findings": [one.as_dict() for one in self.findings]}


def read_finished(run: RunFolder) -> Trained:
    """A finished run without training or looking at any rows; the evaluations have no outputs.

    Raises:
        ModelFileError: Its model is missing, broken or not safe to read.
    """
    import keras

    remove_dead_parts(run.path)  # of a kill in the last of its files, whose writer came to no lock any more
    loaded, result = load_run(run.path), run.result or {}
    history = keras.callbacks.History()
    history.set_model(loaded.model)
    history.epoch, history.history = [record["epoch"] for record in run.history], loaded.history
    validation = _evaluation(result["validation"])
    test = _evaluation(result["test"]) if "test" in result else None
    stored = stored_diagnosis(run)
    return Trained(
        run.path, run.recipe, loaded.model, history, validation, test, len(run.readings), result,
        again=True, findings=stored.findings if stored else (),
    )  # fmt: skip


def _evaluation(told: dict[str, Any]) -> Evaluation:
    """From what `Evaluation.as_dict` says."""
    scores = None
    if "confusion" in told:
        confusion = np.array(told["confusion"], np.int64)
        true, said = np.indices(confusion.shape)
        times = confusion.ravel()
        names = [one["name"] for one in told["per_class"]]
        scores = score(np.repeat(true.ravel(), times), np.repeat(said.ravel(), times), names)
    metrics = {name: value for name, value in told.items() if name not in _OF_SCORES}
    return Evaluation(metrics, scores, None, told["n"], _again(told.get("corrected")))


def _again(told: Any) -> Corrected | None:
    try:
        return Corrected.from_dict(told) if told else None
    except (TypeError, AttributeError):  # whatever lies there: a stranger may have written it
        return None


_OF_SCORES = (
    "corrected",
    *(name for name in Scores.__dataclass_fields__ if name != "accuracy"),
)  # a compiled metric too
