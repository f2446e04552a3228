"""sonmat: a population through `sm.fit_many`, in a fresh process with an empty cache.

Settings: `job` ("notes", "distinct" or "networks"), `members`, `rows` to train on or None for all, `batch_size`, and
`forecast`, whether to ask sonmat beforehand what memory it expects to need.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import sonmat as sm
from benchmarks.children import sweep_keras, sweep_space
from benchmarks.children.work import Work

PACKAGES = ["sonmat", "keras", "jax", "jaxlib", "numpy"]
JOBS: dict[str, tuple[Callable[..., Any], Callable[[int], list[dict[str, Any]]]]] = {
    "notes": (lambda seed=0: sweep_keras.notes(0.01, seed=seed), sweep_space.notes),  # the rate is set in the optimizer
    "distinct": (sweep_keras.notes, sweep_space.distinct),
    "networks": (sweep_keras.network, sweep_space.networks),
}


def datasets(work: Work) -> tuple[Any, Any]:
    """The rows to train and to validate on, uint8; with a channel axis for the convolutional network."""
    names = [str(digit) for digit in range(10)]
    rows, channel = work.settings.get("rows"), work.settings["job"] == "networks"
    (x, y), (x_val, y_val) = work.raw("train"), work.raw("val")
    x, y = x[:rows], y[:rows]
    if channel:
        x, x_val = x[..., None], x_val[..., None]
    return sm.Dataset.from_arrays(x, y, classes=names), sm.Dataset.from_arrays(x_val, y_val, classes=names)


def main() -> None:
    """The clock runs around all of `fit_many`: starting JAX, building, tracing, compiling, training, validating."""
    work = Work.given()
    build, space = JOBS[work.settings["job"]]
    settings = space(work.settings["members"])
    if len({tuple(setting.items()) for setting in settings}) != len(settings):
        raise RuntimeError("two members have the same settings")
    train, val = datasets(work)
    size = work.settings["batch_size"]
    expected = _forecast(build, settings, train, val, size) if work.settings.get("forecast") else None
    builder = _Clocked(build)
    before = _memory("VmRSS")
    begin = time.perf_counter()
    population = sm.fit_many(builder, settings, train, validation_data=val, epochs=work.epochs, batch_size=size)
    total = time.perf_counter() - begin
    peak = _memory("VmHWM")
    members = [population[number] for number in range(len(settings))]
    accuracies = [np.asarray(member.history.history.get("val_accuracy", [])) for member in members]
    whole = [column for column in accuracies if len(column) == work.epochs and np.isfinite(column).all()]
    training = float(population.train_seconds)
    work.answer(
        PACKAGES,
        members=len(members),
        finished=len(whole),
        failed=sorted({member.failed for member in members if member.failed}),
        total_seconds=total,
        train_seconds=training,
        setup_seconds=total - training,
        build_seconds=builder.seconds,
        val_accuracy=float(max(column[-1] for column in whole)),
        median_accuracy=float(np.median([column[-1] for column in whole])),
        before_bytes=before,
        peak_bytes=peak,
        forecast_bytes=expected,
    )


class _Clocked:
    """A builder that adds up the seconds spent in it."""

    def __init__(self, build: Callable[..., Any]) -> None:
        functools.update_wrapper(self, build)  # whoever looks at its arguments sees the builder's own
        self._build, self.seconds = build, 0.0

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        begin = time.perf_counter()
        try:
            return self._build(*arguments, **options)
        finally:
            self.seconds += time.perf_counter() - begin


def _forecast(build: Callable[..., Any], settings: list[dict[str, Any]], train: Any, val: Any, size: int) -> int:
    """Bytes that sonmat expects to need."""
    return sm.forecast(build, settings, train, validation_data=val, batch_size=size).bytes


def _memory(field: str) -> int | None:
    """Bytes of this process in memory: now (`VmRSS`) or at most since it started (`VmHWM`); None where Linux does not say.

    The kernel's own count of a process, because `getrusage` also counts what its parent had before the process began.
    """
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    return next((1024 * int(line.split()[1]) for line in lines if line.startswith(f"{field}:")), None)


if __name__ == "__main__":
    main()
