"""KerasTuner's random search as its guide writes it (keras.io, "Getting started with KerasTuner"), on TensorFlow.

In its favour one execution a trial, not the guide's two, and no output. Setting: `trials`.
"""

from __future__ import annotations

import os
import time
from typing import Any

from benchmarks.children import sweep_keras, sweep_space
from benchmarks.children.work import Work


def main() -> None:
    """A trial lasts from the building of its model to that of the next."""
    work = Work.given()
    os.environ["KERAS_BACKEND"] = "tensorflow"
    import keras_tuner  # type: ignore[import-not-found]  # the peers' environment has it

    marks: list[float] = []

    def build_model(hp: Any) -> Any:
        marks.append(time.perf_counter())
        rate = hp.Float("learning_rate", *sweep_space.RATES, sampling="log")
        return sweep_keras.notes(rate, seed=len(marks))

    (x_train, y_train), (x_val, y_val) = work.ready("train"), work.ready("val")
    tuner = keras_tuner.RandomSearch(
        hypermodel=build_model,
        objective="val_accuracy",
        max_trials=work.settings["trials"],
        executions_per_trial=1,
        seed=work.seed,
        overwrite=True,
        directory="my_dir",
        project_name="notes",
    )
    marks.clear()  # it has built one to learn the space
    begin = time.perf_counter()
    tuner.search(x_train, y_train, epochs=work.epochs, batch_size=20, validation_data=(x_val, y_val), verbose=0)
    end = time.perf_counter()
    trials = tuner.oracle.get_best_trials(work.settings["trials"])
    if not len(marks) == len(trials) == work.settings["trials"]:
        raise RuntimeError(
            f"{work.settings['trials']} trials were asked; {len(trials)} ended, {len(marks)} models were built"
        )
    work.answer(
        ["keras-tuner", "keras", "tensorflow-cpu", "numpy"],
        total_seconds=end - begin,
        trial_seconds=[after - before for before, after in zip(marks, [*marks[1:], end], strict=True)],
        cold=[number == 0 for number in range(len(marks))],
        at_once=1,
        val_accuracy=float(trials[0].score),
    )


if __name__ == "__main__":
    main()
