"""What is to be trained: a queue on disk, one job at a time in the trainer, and what becomes of each."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from sonmat import places
from sonmat.errors import SonmatError, StorageError
from sonmat.files import read_json, write_json
from sonmat.models.recipe import Recipe
from sonmat.studio.board import Board
from sonmat.studio.child import Child
from sonmat.studio.hub import Hub
from sonmat.studio.place import QUEUE, is_name, studio_folder
from sonmat.studio.run_rows import FAILED, FINISHED, INTERRUPTED, STOPPED_STATE, TRAINING, WAITING, signature

_RUNS = ("train", "resume")
_TRIES = 1  # more, of a job that the trainer died of before it left anything: what dies of memory would only die again
_LOGS = ("val_accuracy", "val_loss")
_ENDED = ("state", "problem", "fix", "whole_seconds")

Job = dict[str, Any]


class Desk:
    """Hands jobs to the trainer. It belongs to the event loop's thread.

    Args:
        hub: Told of progress.
        board: Told of runs.
        ended: Called with a job and how it ended.
    """

    def __init__(self, hub: Hub, board: Board, ended: Callable[[Job, dict[str, Any]], None]) -> None:
        self._hub, self._board, self._ended = hub, board, ended
        self.trainer = Child("trainer", self._heard, self._changed)
        self.waiting: list[Job] = []
        self.now: Job | None = None
        self.failed: dict[str, Job] = {}
        self.failed_studies: dict[str, Job] = {}
        self._sent = False
        self._last = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="sonmat-queue")
        self._written: Future[None] = Future()

    def open(self) -> None:
        """Take up the queue where an earlier server left it, and start the trainer."""
        kept = read_json(studio_folder() / QUEUE, 2**26) or {}
        jobs = _jobs(kept.get("waiting"))
        jobs = [
            one for one in _jobs([kept.get("now")]) if _left_nothing(one)
        ] + jobs  # sent, and nothing came of it yet
        failed = _jobs(kept.get("failed"))
        self.failed = {one["name"]: one for one in failed if one["do"] == "train"}
        self.failed_studies = {one["name"]: one for one in failed if one["do"] == "sweep"}
        for name, one in self.failed.items():
            self._board.hold(name, **_shown(one), state=FAILED, problem=one.get("problem", ""), fix=one.get("fix", ""))
        self._last = max(
            [0, *(int(one["id"]) for one in (*jobs, *self.failed.values(), *self.failed_studies.values()))]
        )
        self.waiting = jobs
        self._show_waiting()
        self.trainer.start()

    def add(self, do: str, name: str, **told: Any) -> Job:
        """Queue a job."""
        self._last += 1
        job = {"id": self._last, "do": do, "name": name, **told}
        (self.failed if do in _RUNS else self.failed_studies).pop(name, None)
        self.waiting.append(job)
        self._show_waiting()
        self._keep()
        self._next()
        return job

    async def keep(self, job: Job) -> None:
        """Wait until the queue with a new job is on disk.

        Raises:
            StorageError: It could not be written; the job is withdrawn.
        """
        try:
            await asyncio.wrap_future(self._written)
        except StorageError:
            self.stop(job["name"], study=job["do"] not in _RUNS)
            raise

    def job_of(self, name: str, *, study: bool = False) -> Job | None:
        """The job that a run or study waits with, or that the trainer is at."""
        jobs = [*([self.now] if self.now is not None else []), *self.waiting]
        return next((one for one in jobs if one["name"] == name and (one["do"] not in _RUNS) == study), None)

    def stop(self, name: str, *, study: bool = False) -> str | None:
        """Stop a job: `stopping` where the trainer is at it, `waiting` where it had not begun; None where there is none."""
        job = self.job_of(name, study=study)
        if job is None:
            return None
        if job is self.now:
            job["stopping"] = True
            self.trainer.say("stop", id=job["id"])
            return "stopping"
        self.waiting.remove(job)
        self._show_waiting()
        self._keep()
        self._spawn(self._forgotten(job) if study else self._withdrawn(job))
        return "waiting"

    def entitle(self, name: str, title: str) -> None:
        """Give the run of a job another title; one that has begun has it in its folder too."""
        job = self.job_of(name) or self.failed.get(name)
        if job is not None:
            job["title"] = title
            self._board.hold(name, title=title)
            self._keep()

    def dismiss(self, name: str) -> bool:
        """Forget a run that failed before it left anything; whether there was one."""
        if self.failed.pop(name, None) is None:
            return False
        self._keep()
        return True

    async def leave(self) -> None:
        """Let the trainer go: it ends what it is at."""
        await self.trainer.leave()
        for task in list(self._tasks):
            task.cancel()
        self._writer.shutdown(wait=True)

    async def _withdrawn(self, job: Job) -> None:
        """A run that never began goes; one that was to go on is what it was."""
        if job["do"] == "train" and signature(places.runs_folder() / job["name"]) is None:
            with contextlib.suppress(OSError):
                await asyncio.to_thread(shutil.rmtree, places.runs_folder() / job["name"])
            self._board.drop(job["name"])
        else:
            await self._board.let_go(job["name"])

    def _next(self) -> None:
        if self.now is not None or not self.waiting or self.trainer.state not in ("ready", "busy"):
            return
        job = self.waiting.pop(0)
        if not self.trainer.say(**job):
            self.waiting.insert(0, job)
            return
        self.now = job
        self.trainer.become("busy")
        if job["do"] in _RUNS:
            self._board.hold(job["name"], **_shown(job), state=TRAINING, position=None, problem="", fix="")
        self._show_waiting()
        self._keep()

    def _show_waiting(self) -> None:
        for place, job in enumerate(self.waiting, start=1):
            if job["do"] in _RUNS:
                self._board.hold(job["name"], **_shown(job), state=WAITING, position=place, problem="", fix="")

    def _changed(self, state: str) -> None:
        self._hub.tell("worker", which="trainer", state=state)
        if state == "dead" and self.now is not None:
            self._end({"state": INTERRUPTED})
        if state == "ready":
            self._next()

    def _heard(self, told: dict[str, Any]) -> None:
        kind = told.pop("kind")
        if kind == "ended":
            if self.now is not None and told["id"] == self.now["id"]:
                self._end(told)
        elif kind == "begun":
            self._hub.tell(kind, **told)
            self._hold(told["name"], parameters=told["parameters"], of=told["epochs"])
        elif kind == "epoch":
            logs = {name: told["logs"].get(name) for name in _LOGS if name in told["logs"]}
            self._hub.tell("epoch", **told)
            self._hold(told["name"], epochs=told["epoch"] + 1, **logs)
        elif kind in ("fetching", "progress", "compiled", "finishing", "study", "study_begun", "trials"):
            self._hub.tell(kind, **told)

    def _hold(self, name: str, **told: Any) -> None:
        if self.now is not None and self.now["do"] in _RUNS and self.now["name"] == name:
            self._board.hold(name, **told)

    def _end(self, told: dict[str, Any]) -> None:
        job, self.now = self.now, None
        assert job is not None
        if self.trainer.state == "busy":
            self.trainer.become("ready")
        if job["do"] in _RUNS:
            self._spawn(self._end_run(job, told))
        elif self._end_study(job, told):
            return
        self._ended(job, told)
        self._keep()
        self._next()

    def _end_study(self, job: Job, told: dict[str, Any]) -> bool:
        """A study that left nothing: begun once more where the trainer died of it, else kept to be asked again."""
        if not _left_nothing(job):
            return False
        if told["state"] == INTERRUPTED and self._again(job):
            return True
        if told["state"] == STOPPED_STATE:
            self._spawn(self._forgotten(job))
        else:
            kept = {"problem": told.get("problem", ""), "fix": told.get("fix", "")}
            self.failed_studies[job["name"]] = {**job, **kept}
        return False

    def _again(self, job: Job) -> bool:
        """Put a job that the trainer died of before it left anything first in the queue again, while there are tries left."""
        if job.get("tries", 0) >= _TRIES or job.get("stopping"):
            return False
        job["tries"] = job.get("tries", 0) + 1
        self.waiting.insert(0, job)
        self._show_waiting()
        self._keep()
        self._next()
        return True

    async def _forgotten(self, job: Job) -> None:
        """The folder of a study that never began goes."""
        if job["do"] == "sweep":
            with contextlib.suppress(OSError):
                await asyncio.to_thread((places.studies_folder() / job["name"]).rmdir)

    async def _end_run(self, job: Job, told: dict[str, Any]) -> None:
        name = job["name"]
        nothing = await asyncio.to_thread(signature, places.runs_folder() / name) is None
        if nothing and told["state"] == INTERRUPTED and self._again(job):
            return
        if nothing and (job.get("stopping") or job["do"] == "resume"):  # a run that was to go on, and is gone
            await self._withdrawn({**job, "do": "train"})
        elif nothing:
            kept = {**job, "problem": told.get("problem", ""), "fix": told.get("fix", "")}
            self.failed[name] = kept
            self._board.hold(name, state=told["state"], problem=kept["problem"], fix=kept["fix"])
            self._keep()
        else:
            await self._board.let_go(name)
            row = self._board.row(name)
            if told["state"] == FAILED and row is not None and row["state"] != FINISHED:
                self._board.hold_for_now(name, state=FAILED, problem=told.get("problem", ""), fix=told.get("fix", ""))
        self._hub.tell("ended", name=name, **{key: told[key] for key in _ENDED if key in told})

    def _keep(self) -> None:
        """Write the queue down."""
        failed = [*self.failed.values(), *self.failed_studies.values()]
        kept = {"waiting": list(self.waiting), "now": self.now, "failed": failed}

        def write() -> None:
            try:
                write_json(studio_folder() / QUEUE, kept)
            except Exception as error:
                logging.getLogger("sonmat.studio").error("the queue could not be written: %s", error)
                raise

        with contextlib.suppress(RuntimeError):  # the server is leaving
            self._written = self._writer.submit(write)

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _jobs(told: Any) -> list[Job]:
    """Those of a kept list that can be done: what else lies in the file is passed over."""
    found = map(_job_of, told) if isinstance(told, list) else ()
    return [one for one in found if one is not None]


def _job_of(told: Any) -> Job | None:
    if not isinstance(told, dict) or not isinstance(told.get("id"), int) or not is_name(told.get("name")):
        return None
    if told.get("do") in ("resume", "resume_sweep"):
        return dict(told)
    if told.get("do") not in ("train", "sweep") or (told["do"] == "sweep" and not isinstance(told.get("asked"), dict)):
        return None
    try:
        return {**told, "recipe": Recipe.from_dict(told["recipe"]).as_dict()}
    except (SonmatError, TypeError, LookupError, AttributeError):
        return None


def _left_nothing(job: Job) -> bool:
    """Whether a job is new work of which nothing is there yet."""
    if job["do"] == "sweep":
        return not (places.studies_folder() / job["name"] / "study.toml").exists()
    return job["do"] == "train" and signature(places.runs_folder() / job["name"]) is None


def _shown(job: Job) -> dict[str, Any]:
    """What a row says of a run that has no folder yet."""
    recipe = job.get("recipe")
    if not isinstance(recipe, dict):
        return {}
    told: dict[str, Any] = {
        "title": job.get("title", ""), "model": recipe["model"]["name"], "data": recipe["data"].rpartition("/")[2],
        "seed": recipe["seed"], "of": recipe["train"]["epochs"],
    }  # fmt: skip
    return told
