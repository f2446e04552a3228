"""Optuna around Keras: on TensorFlow as Optuna's own example writes it, or on JAX at its best.

Settings, beside those of `sweep_crew`: `trials` of this worker; `backend`; and for JAX what is chosen by measuring:
`steps_per_execution`, `validation_batch_size`, `cache` (whether JAX keeps compiled programs on disk) and `models`: "new" for
each trial, or "kept", which gives the model of an earlier trial new weights and another learning
rate, so that nothing is compiled again.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from benchmarks.children import sweep_keras, sweep_space
from benchmarks.children.sweep_crew import Worker
from benchmarks.children.work import Work

Ready = tuple[Any, Any]


def main() -> None:
    """Workers share one study, kept in a journal file where there are several."""
    work = Work.given()
    worker = Worker(work)
    backend = os.environ["KERAS_BACKEND"] = work.settings["backend"]
    if work.settings.get("cache"):
        os.environ["JAX_COMPILATION_CACHE_DIR"] = str(worker.meeting / f"programs-{worker.number}")
        os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
        os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    train, val = work.ready("train"), work.ready("val")
    if backend == "tensorflow":
        study = optuna.create_study(direction="maximize")
        objective: Callable[[Any], float] = as_its_example(work, train, val)
        cold: Callable[[Any], bool] = lambda trial: False  # noqa: E731
    else:
        study = _shared(worker, work.seed)
        at_its_best = AtItsBest(work, train, val)
        objective, cold = at_its_best, at_its_best.was_cold
    accuracies: list[float] = []

    def ended(_: Any, trial: Any) -> None:
        worker.trial(cold=cold(trial))
        accuracies.append(trial.value)

    worker.begin()
    study.optimize(objective, n_trials=work.settings["trials"], callbacks=[ended])
    packages = {"tensorflow": ["tensorflow-cpu"], "jax": ["jax", "jaxlib"]}[backend]
    worker.answer(["optuna", "keras", *packages, "numpy"], accuracies)


def as_its_example(work: Work, train: Ready, val: Ready) -> Callable[[Any], float]:
    """An objective in the steps of Optuna's `keras_simple.py`; the rows are loaded once, which the example does each time."""
    import keras

    def objective(trial: Any) -> float:
        keras.backend.clear_session()
        rate = trial.suggest_float("learning_rate", *sweep_space.RATES, log=True)
        model = sweep_keras.notes(rate, seed=trial.number)
        model.fit(*train, validation_data=val, shuffle=True, batch_size=20, epochs=work.epochs, verbose=False)
        return float(model.evaluate(*val, verbose=0)[1])

    return objective


class AtItsBest:
    """An objective that spends as little as Keras on JAX can: the accuracy is that of the last epoch's validation."""

    def __init__(self, work: Work, train: Ready, val: Ready) -> None:
        self._work, self._train, self._val = work, train, val
        self._kept: dict[str, Any] = {}
        self._cold = True

    def __call__(self, trial: Any) -> float:
        """Train one setting."""
        rate = trial.suggest_float("learning_rate", *sweep_space.RATES, log=True)
        model = self._model(rate, trial.number)
        history = model.fit(
            *self._train,
            batch_size=20,
            epochs=self._work.epochs,
            validation_data=self._val,
            validation_batch_size=self._work.settings["validation_batch_size"],
            verbose=0,
        )
        return float(history.history["val_accuracy"][-1])

    def was_cold(self, _: Any) -> bool:
        """Whether the last trial compiled what later trials have compiled already."""
        return self._cold

    def _model(self, rate: float, seed: int) -> Any:
        import keras

        steps = self._work.settings["steps_per_execution"]
        if self._work.settings["models"] == "new":
            self._cold = False
            keras.backend.clear_session()
            return sweep_keras.notes(rate, seed=seed, steps_per_execution=steps)
        fresh = sweep_keras.notes(rate, seed=seed, steps_per_execution=steps)
        model = self._kept.setdefault("model", fresh)
        self._cold = model is fresh
        if model is not fresh:
            model.set_weights(fresh.get_weights())
            for variable in model.optimizer.variables:
                variable.assign(variable * 0)
            model.optimizer.learning_rate = rate
        return model


def _shared(worker: Worker, seed: int) -> Any:
    """A study that all workers try for, its settings drawn at random, which costs the least."""
    import optuna
    from optuna.storages.journal import JournalFileBackend

    sampler = optuna.samplers.RandomSampler(seed=seed * 100 + worker.number)
    if worker.count == 1:
        return optuna.create_study(direction="maximize", sampler=sampler)
    backend = JournalFileBackend(str(worker.meeting / "study.log"))
    return optuna.create_study(
        storage=optuna.storages.JournalStorage(backend),
        study_name="sweep",
        load_if_exists=True,
        direction="maximize",
        sampler=sampler,
    )


if __name__ == "__main__":
    main()
