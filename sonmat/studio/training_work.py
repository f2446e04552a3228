"""The child that trains: one run or one study at a time, with JAX, Keras, rows and programs kept warm."""

from __future__ import annotations

import queue
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import filelock

from sonmat import places
from sonmat.data.progress import Progress, silent
from sonmat.engine.listener import Stopped
from sonmat.errors import SonmatError
from sonmat.language import speaking
from sonmat.models.recipe import Recipe
from sonmat.runs.folder import open_run
from sonmat.studio.place import TRAINER_LOCK, studio_folder
from sonmat.studio.wire import Wire

_EVERY = 0.2  # seconds between two tellings of a download


class TrainingWork:
    """Does the jobs that the server sends, one after the other.

    Args:
        wire: To the server.
    """

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._jobs: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._stopped: set[int] = set()
        self._job: dict[str, Any] = {}

    def run(self) -> None:
        """Work until the server is gone; the job at hand is brought to its end first."""
        threading.Thread(target=self._listen, name="sonmat-listening", daemon=True).start()
        warnings.simplefilter("ignore")
        self._wire.say("worker", state="warming")
        from sonmat.studio.warm import Warm

        self._warm = Warm()
        # One that an earlier server left behind ends its run first: two trainings at a time would each be half as fast.
        lock = filelock.FileLock(studio_folder() / TRAINER_LOCK)
        with lock:
            self._warm_up()
            self._wire.say("worker", state="ready")
            while (job := self._jobs.get()) is not None:
                self._do(job)

    def _listen(self) -> None:
        for told in self._wire.heard():
            if told.get("do") == "stop":
                self._stopped.add(int(told["id"]))
            else:
                self._jobs.put(told)
        self._jobs.put(None)

    def _warm_up(self) -> None:
        """Train the notes' network for an epoch, where its data are there: what a first run would wait for is done then."""
        from sonmat.data.cache import cache_file
        from sonmat.engine.evaluate import evaluate
        from sonmat.engine.fit import fit
        from sonmat.jobs.answer import card_of
        from sonmat.studio.warm import first_recipe

        if not cache_file("mnist").exists():
            return  # a download is something to ask for
        try:
            recipe = first_recipe()
            rows, model = self._warm.prepared(recipe, silent)
            fit(model, rows[0], validation_data=rows[1], batch_size=20, epochs=1, verbose=0, seed=0)
            card_of(recipe, model, rows[0], rows[1])
            evaluate(model, rows[1])
        except Exception:  # a broken cache, say: the run that needs it will tell
            traceback.print_exc()

    def _do(self, job: dict[str, Any]) -> None:
        self._job = job
        ways: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "train": self._train, "resume": self._resume, "sweep": self._sweep, "resume_sweep": self._resume_sweep,
        }  # fmt: skip
        ended: dict[str, Any] = {"state": "finished"}
        began = time.perf_counter()
        try:
            with speaking(job.get("lang")):
                ended |= ways[job["do"]](job)
        except Stopped:
            ended = {"state": "stopped"}
        except SonmatError as error:
            ended = {"state": "failed", "problem": error.problem, "fix": error.fix}
        except Exception as error:
            traceback.print_exc()
            ended = {"state": "failed", "problem": f"{type(error).__name__}: {error}", "fix": ""}
        sys.stderr.flush()
        seconds = round(time.perf_counter() - began, 3)
        self._wire.say("ended", id=job["id"], name=job["name"], do=job["do"], whole_seconds=seconds, **ended)

    def _stopping(self) -> bool:
        return self._job.get("id") in self._stopped

    def _how(self, name: str, folder: Path, recipe: Recipe) -> dict[str, Any]:
        from sonmat.runs.epoch_weights import EpochWeights
        from sonmat.studio.telling import Telling

        kept = [] if recipe.train.members else [EpochWeights(folder)]  # an average has no epochs of its own
        return {
            "prepare": self._warm.prepared,
            "listeners": [*kept, Telling(self._wire, name, self._stopping)],
            "progress": self._fetching(name),
            "drawn": False,
            "tested": False,  # who moves sliders has much left to choose: the test screen looks when it is asked to
        }

    def _fetching(self, name: str) -> Progress:
        """Tells how far a download is."""
        last = 0.0

        def told(done: int, of: int | None) -> None:
            nonlocal last
            now = time.perf_counter()
            if now - last >= _EVERY or done == of:
                last = now
                self._wire.say("fetching", name=name, done=done, of=of)

        return told

    def _train(self, job: dict[str, Any]) -> dict[str, Any]:
        from sonmat.jobs.train import train

        recipe, folder = Recipe.from_dict(job["recipe"]), places.runs_folder() / job["name"]
        train(recipe, out=folder, title=job.get("title", ""), **self._how(job["name"], folder, recipe))
        return {}

    def _resume(self, job: dict[str, Any]) -> dict[str, Any]:
        from sonmat.jobs.train import resume

        folder = places.runs_folder() / job["name"]
        resume(folder, epochs=job.get("epochs"), **self._how(job["name"], folder, open_run(folder).recipe))
        return {}

    def _sweep(self, job: dict[str, Any]) -> dict[str, Any]:
        from sonmat.studio.sweeping import begin_sweep

        return begin_sweep(job, self._wire, self._stopping)

    def _resume_sweep(self, job: dict[str, Any]) -> dict[str, Any]:
        from sonmat.studio.sweeping import go_on_with_sweep

        return go_on_with_sweep(job, self._wire, self._stopping)
