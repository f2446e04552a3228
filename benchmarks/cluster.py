"""What a study on a cluster costs beside its training: a job's overhead and bytes, and the driver's time a trial.

    python -m benchmarks.cluster              # about ten minutes; needs Ray
    python -m benchmarks.cluster --tiny       # whether everything runs; its figures mean nothing
    python -m benchmarks.claims               # put the figures into the documents

It measures what this machine holds: a Ray of its own with one node whose trainer does nothing, and studies of up to 10,000
trials that are asked for, recorded and told without being trained. What lies beyond, up to 1,000 nodes and a million trials,
is simulated from these figures by `benchmarks.cluster_simulation`; the summary says which figures are which.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import pickle
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.cluster_simulation import extrapolated, simulated
from benchmarks.machine import machine, source_fingerprint
from benchmarks.processes import ROOT
from benchmarks.record import now
from sonmat.files import write_json

RESULT = ROOT / "benchmarks" / "results" / "cluster.json"
EPOCHS, MEMBERS = 10, 64  # of a trial; of a job: two lanes of 32
ROWS = 60_000


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    trials: tuple[int, ...] = (100, 1000, 10_000)
    networks: int = 100  # trials of which each has a network of its own
    jobs: int = 200
    guided: int = 16  # trials asked of TPE at once
    rows: int = ROWS


TINY = Size(trials=(50, 100), networks=5, jobs=5, rows=1000)


def rows_of(count: int) -> tuple[Any, Any]:
    """Training and validation rows in MNIST's form, made up: nothing here depends on what they show."""
    from sonmat.data.dataset import Dataset

    random = np.random.default_rng(0)
    images, labels = random.integers(0, 256, (count, 28, 28), np.uint8), np.arange(count, dtype=np.uint8) % 10
    classes = tuple(map(str, range(10)))
    whole = Dataset(images, labels, classes, "made-up", "train", "arrays", 255.0, np.arange(count))
    return whole.split(0.7, seed=0)


def population(name: str, settings: Sequence[dict[str, Any]], rows: tuple[Any, Any]) -> tuple[Any, list[Any], float]:
    """Some trials made ready, their members, and the seconds it took."""
    from sonmat.models.catalog import base_recipe
    from sonmat.search.recipe_builder import RecipeBuilder
    from sonmat.search.worker import ready

    builder = RecipeBuilder(base_recipe(name), rows[0])
    begin = time.perf_counter()
    members = [builder.member(one, 0) for one in settings]
    many = ready(builder, members, *rows)
    return many, members, time.perf_counter() - begin


def alike(count: int) -> list[dict[str, Any]]:
    """Settings that differ in numbers which the training is told."""
    random = np.random.default_rng(0)
    rates = np.exp(random.uniform(np.log(0.003), 0.0, count))
    return [{"train.learning_rate": float(rate)} for rate in rates]


def networks(count: int) -> list[dict[str, Any]]:
    """Settings of which each builds a network."""
    random = np.random.default_rng(0)
    return [{"model.dropout": float(share)} for share in random.uniform(0.05, 0.6, count)]


def jobs_of(many: Any, members: Sequence[Any], begin: int = 0, end: int = 2) -> tuple[list[Any], dict[int, int]]:
    """Jobs of `MEMBERS` trials, and the places of the trials."""
    from sonmat.search.worker import Job

    places = {number: number for number in range(len(members))}
    cuts = [range(at, min(at + MEMBERS, len(members))) for at in range(0, len(members), MEMBERS)]
    return [Job(tuple(cut), tuple(members[n] for n in cut), begin, end) for cut in cuts], places


def answer_to(task: Any) -> Any:
    """What a node would answer, untrained."""
    from sonmat.search.cluster_task import Reply

    names = ("loss", "accuracy", "val_loss", "val_accuracy")
    count = len(task.members)
    return Reply(
        columns=tuple({name: [0.5] * (task.end - task.begin) for name in names} for _ in range(count)),
        failed=(None,) * count,
        lanes=(0,) * count,
        states=tuple({name: np.array(leaf) for name, leaf in one.items()} for one in task.states),
    )


def measured_bytes(rows: tuple[Any, Any]) -> dict[str, Any]:
    """Bytes of a job and of its answer, for two networks: trials that are new, and trials that go on."""
    from sonmat.search.cluster_task import Tasks

    found = {}
    for name in ("notes-mlp", "mlp"):
        many, members, _ = population(name, alike(MEMBERS), rows)
        (job, *_), places = jobs_of(many, members)
        tasks = Tasks(many, name)
        tasks.see([job], places)
        task = tasks.task(job, places)
        reply = answer_to(task)
        going = tasks.task(replace(job, begin=2, end=4, states=reply.states), places)
        found[name] = {
            "parameters": sum(leaf.size for name_, leaf in task.states[0].items() if name_.startswith("0.")),
            "new": len(pickle.dumps(task, 5)),
            "going_on": len(pickle.dumps(going, 5)),
            "answer": len(pickle.dumps(reply, 5)),
        }
    return found


def measured_jobs(rows: tuple[Any, Any], count: int) -> dict[str, float]:
    """Jobs through a Ray of this process's own, whose one node trains nothing.

    Returns:
        Seconds until the node is ready; of a job, the median from giving it to having its answer; processor seconds of this
        process a job.
    """
    from sonmat.models.catalog import base_recipe
    from sonmat.search.cluster import RayWorkers
    from sonmat.search.cluster_address import Address, join
    from sonmat.search.cluster_trainer import Trainer
    from sonmat.search.recipe_builder import RecipeBuilder

    class Idle(Trainer):  # made here, so that it travels as it is
        def trained(self, task: Any, tell: Any) -> Any:
            return answer_to(task)

    os.environ["RAY_ADDRESS"] = "local"
    os.environ.setdefault("RAY_DEFAULT_OBJECT_STORE_MAX_MEMORY_BYTES", str(2**29))
    many, members, _ = population("notes-mlp", alike(MEMBERS), rows)
    (job, *_), places = jobs_of(many, members)
    begin = time.perf_counter()
    head, owned = join(Address.parse("ray"))
    builder = RecipeBuilder(base_recipe("notes-mlp"), rows[0])
    workers = RayWorkers(builder, *rows, head=head, owned=owned, trainer=Idle)
    try:
        list(workers.run(many, [job], places, lambda job, done: None))
        started = time.perf_counter() - begin
        took, processor = [], time.process_time()
        for _ in range(count):
            at = time.perf_counter()
            list(workers.run(many, [job], places, lambda job, done: None))
            took.append(time.perf_counter() - at)
        return {
            "started": started,
            "job": statistics.median(took),
            "processor": (time.process_time() - processor) / count,
        }
    finally:
        workers.close()


def measured_training(rows: tuple[Any, Any]) -> float:
    """Seconds that an epoch of a job takes here, trained, compiling left out."""
    from sonmat.search.worker import train_job

    many, members, _ = population("notes-mlp", alike(MEMBERS), rows)
    (job, *_), places = jobs_of(many, members, end=1)
    train_job(many, job, places)
    return min(train_job(many, job, places).seconds for _ in range(3))


def measured_tracing(rows: tuple[Any, Any], size: Size) -> dict[str, Any]:
    """Seconds a trial until it is ready to be given out."""
    from sonmat.search.cluster_task import Tasks

    population("notes-mlp", alike(2), rows)  # whatever is done once
    found: dict[str, Any] = {"alike": {}, "handing": {}}
    for count in size.trials:
        many, members, seconds = population("notes-mlp", alike(count), rows)
        found["alike"][str(count)] = seconds / count
        jobs, places = jobs_of(many, members)
        begin = time.perf_counter()
        tasks = Tasks(many, "notes-mlp")
        tasks.see(jobs, places)
        for job in jobs:
            pickle.dumps((tasks.keys(job, places), tasks.task(job, places)), 5)
        found["handing"][str(count)] = (time.perf_counter() - begin) / count
    found["networks"] = population("mlp", networks(size.networks), rows)[2] / size.networks
    return found


def measured_study(count: int, folder: Path, size: Size) -> dict[str, float]:
    """A study of so many trials that trains none: seconds a trial of each thing that the driver does, and what it writes."""
    from sonmat.models.catalog import base_recipe
    from sonmat.search.asking import Asking
    from sonmat.search.space import Range, Space
    from sonmat.search.study import Asked, Study

    recipe = base_recipe("notes-mlp")
    recipe = replace(recipe, train=replace(recipe.train, epochs=EPOCHS))
    space = Space({"train.learning_rate": Range(0.003, 1.0, log=True), "train.batch_size": Range(16, 128, whole=True)})
    asked = Asked(recipe, space, trials=count, sampler="qmc", halving=None)
    study = Study.create(folder / str(count), asked)
    found = {"asking": 0.0, "recording": 0.0}
    random = np.random.default_rng(0)
    names, synced = ("loss", "accuracy", "val_loss", "val_accuracy"), 0
    while True:
        begin = time.perf_counter()
        batch = study.take_batch()
        found["asking"] += (time.perf_counter() - begin) / count
        if batch is None:
            break
        curves = [{name: random.random(EPOCHS, np.float32) for name in names} for _ in batch.trials]
        done = [
            replace(trial, curves=one, value=float(one["val_accuracy"][-1]), seconds=1.0)
            for trial, one in zip(batch.trials, curves, strict=True)
        ]
        with batch, counted_syncs() as syncs:
            begin = time.perf_counter()
            for at in range(0, len(done), MEMBERS):
                batch.record(0, done[at : at + MEMBERS], None, True)
            found["recording"] += (time.perf_counter() - begin) / count
            synced += len(syncs)
    found["syncs"] = synced * MEMBERS / count
    found["journal_bytes"] = (study.path / "trials.log").stat().st_size / count
    begin = time.perf_counter()
    trials = Study.open(study.path).trials
    found["reading"] = (time.perf_counter() - begin) / count
    guided = Asking(replace(asked, sampler="tpe", trials=count + size.guided))
    begin = time.perf_counter()
    guided.ask(trials, {}, 1)
    found["tpe_first"] = time.perf_counter() - begin
    begin = time.perf_counter()
    guided.ask(trials, {}, size.guided - 1)
    found["tpe"] = (time.perf_counter() - begin) / (size.guided - 1)
    return found


@contextlib.contextmanager
def counted_syncs() -> Iterator[list[int]]:
    """Every fsync made meanwhile."""
    found: list[int] = []
    fsync = os.fsync

    def counting(descriptor: int) -> None:
        found.append(descriptor)
        fsync(descriptor)

    os.fsync = counting  # type: ignore[assignment]
    try:
        yield found
    finally:
        os.fsync = fsync


def summarize(content: dict[str, Any]) -> dict[str, Any]:
    """What follows from the measurements: the driver's seconds a trial, and larger clusters, simulated."""
    largest = str(max(map(int, content["study"])))
    study, jobs, tracing = content["study"][largest], content["jobs"], content["tracing"]
    costs = {
        "ask": study["asking"],
        "trace": tracing["alike"][largest],
        "trace_networks": tracing["networks"],
        "hand": tracing["handing"][largest],
        "record": study["recording"],
        "job": jobs["processor"],
        "delay": max(0.0, jobs["job"] - jobs["processor"]),
        "epoch": content["training"],
        "members": MEMBERS,
        "window": content["window"],
    }
    return {"costs": costs, "simulated": simulated(costs), "extrapolated": extrapolated(content, MEMBERS)}


def measure(size: Size, say: Callable[[str], None]) -> dict[str, Any]:
    """Everything, one after the other."""
    from sonmat.search.sampler import AT_ONCE

    rows = rows_of(size.rows)
    content: dict[str, Any] = {"rows_bytes": len(pickle.dumps(rows, 5)), "window": AT_ONCE}
    content["bytes"] = measured_bytes(rows)
    say(f"bytes: {content['bytes']}")
    content["training"] = measured_training(rows)
    say(f"an epoch of {MEMBERS} trials: {content['training']:.2f} s")
    content["jobs"] = measured_jobs(rows, size.jobs)
    say(f"jobs: {content['jobs']}")
    content["tracing"] = measured_tracing(rows, size)
    say(f"tracing: {content['tracing']}")
    with tempfile.TemporaryDirectory(prefix="sonmat-cluster-", dir=ROOT / "benchmarks") as folder:
        content["study"] = {}
        for count in size.trials:
            content["study"][str(count)] = measured_study(count, Path(folder), size)
            say(f"a study of {count}: {content['study'][str(count)]}")
    return content


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cluster", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--tiny", action="store_true", help="see whether everything runs; the figures mean nothing")
    parser.add_argument(
        "--out", type=Path, default=RESULT, help="where the JSON goes (benchmarks/results/cluster.json)"
    )
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    import sonmat.runs.recorder as recorder

    size = TINY if asked.tiny else Size()
    content = measure(size, lambda line: print(line, file=sys.stderr, flush=True))
    identity = {"trials": list(size.trials), "rows": size.rows, "machine": machine(), "source": source_fingerprint()}
    import ray

    versions = {**recorder.environment()["versions"], "ray": ray.__version__}
    about = {"identity": identity, "ended": now(), "versions": versions}
    out = asked.out if not asked.tiny or asked.out != RESULT else Path(tempfile.gettempdir()) / "cluster-tiny.json"
    write_json(out, {**about, "summary": summarize(content), **content})
    print(f"Written to {out}.", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
