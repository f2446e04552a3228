"""Studies on a cluster: the same results as in one process, whatever dies; on three nodes of a real one where Ray is."""

from __future__ import annotations

import importlib.util
import os
import pickle
import signal
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import sonmat
from sonmat.data.dataset import Dataset
from sonmat.errors import NonFiniteLossError, RecipeError, RunError, SonmatError, StorageError, UnsupportedError
from sonmat.models.catalog import base_recipe
from sonmat.models.recipe import ModelSettings, Recipe
from sonmat.search import cluster_address
from sonmat.search.cluster import MOST_TRIES, RayWorkers, workers_for
from sonmat.search.cluster_address import CLIENT, LOCAL, NODE, Address
from sonmat.search.cluster_files import NodeFiles, builder_files
from sonmat.search.cluster_task import Refusal, Reply, Task, Tasks
from sonmat.search.cluster_trainer import Hello, Trainer
from sonmat.search.recipe_builder import RecipeBuilder
from sonmat.search.runner import Runner
from sonmat.search.space import Choice, Range, Space
from sonmat.search.study import Asked, Study
from sonmat.search.trial import Trial
from sonmat.search.worker import Answer, Job, LocalWorkers, Told, ready, train_job

needs_ray = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed")
MEMORY = 100 * 2**20  # bytes of a node's object store
LONG = 120.0  # seconds after which something that is waited for will not come any more


@pytest.fixture(scope="module")
def rows(small: Path) -> tuple[Dataset, Dataset]:
    train, _ = sonmat.load(small)
    return train.split(0.7, seed=0)


# --- addresses ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("ray", Address(LOCAL)),
        ("ray:head", Address(NODE, "head", 6379)),
        ("ray:10.0.0.1:7000", Address(NODE, "10.0.0.1", 7000)),
        ("ray://head", Address(CLIENT, "head", 10001)),
        ("ray://head.example:10002", Address(CLIENT, "head.example", 10002)),
        ("ray://[::1]:10001", Address(CLIENT, "::1", 10001)),
    ],
)
def test_the_forms_of_an_address(text: str, address: Address) -> None:
    assert Address.parse(text) == address
    assert address.kind == LOCAL or Address.parse(f"ray:{address.place}").place == address.place


@pytest.mark.parametrize(
    "text", ["", "Ray", "ray:", "ray://", "ray://h:x", "ray://h:99999", "ray:me@h", "ray://h/x", "ssh:h", "ray h"]
)
def test_what_names_no_cluster_is_refused(text: str) -> None:
    with pytest.raises(RecipeError, match="names no cluster"):
        Address.parse(text)


@given(st.text(max_size=30) | st.text("ray:/[]@0123456789.h", max_size=20))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    for given_ in (text, f"ray:{text}"):
        try:
            address = Address.parse(given_)
        except RecipeError:
            continue
        assert address.kind == LOCAL or (address.host and 0 < address.port < 65536)


def answering(answer: bytes | None) -> tuple[socket.socket, int]:
    """A server on this machine that says this to whoever comes; None never says anything."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        held = []
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            held.append(connection)
            if answer is not None:
                connection.sendall(answer)
                connection.close()

    threading.Thread(target=serve, daemon=True).start()
    return server, server.getsockname()[1]


@pytest.mark.parametrize("answer", [None, b"", b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\0\0\0\7\0\0\0\0\0"])
def test_what_is_not_ray_is_told_at_once(answer: bytes | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster_address, "_WAIT_SECONDS", 0.2)
    server, port = answering(answer)
    with server, pytest.raises(RunError, match=f"127.0.0.1:{port} cannot be joined"):
        Address(NODE, "127.0.0.1", port).check()


def test_what_speaks_as_ray_does_passes() -> None:
    server, port = answering(b"\0\0\0\4\0\0\0\0\0")
    with server:
        Address(CLIENT, "127.0.0.1", port).check()


@needs_ray
@pytest.mark.parametrize("form", ["ray:127.0.0.1:{}", "ray:localhost:{}"])
def test_an_address_where_nobody_listens(form: str, rows: tuple[Dataset, Dataset]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(RunError, match="ray start --head"):
        workers_for(form.format(port), RecipeBuilder(base_recipe("notes-mlp"), rows[0]), *rows)


def test_without_ray_the_command_that_installs_it_is_told(
    rows: tuple[Dataset, Dataset], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UnsupportedError, match=r'pip install "sonmat\[ray\]"'):
        workers_for("ray", RecipeBuilder(base_recipe("notes-mlp"), rows[0]), *rows)


# --- what travels -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error", [RecipeError("p", "f"), StorageError("p", "f"), NonFiniteLossError("p", "f", epoch=3, step=1)]
)
def test_errors_travel_whole(error: SonmatError) -> None:
    came = pickle.loads(pickle.dumps(Refusal.of(error))).error()
    assert (type(came), str(came), vars(came)) == (type(error), str(error), vars(error))


def test_an_error_that_is_not_known_here_is_still_one_of_sonmats() -> None:
    came = Refusal("NewError", "p", "f", {"epoch": 1}).error()
    assert (type(came), str(came)) == (SonmatError, "p\n  → f")


BUILDER = """
import keras
from beside import WIDTH

def build(data, units=8, dropout=0.1):
    model = keras.Sequential([
        keras.Input(data.inputs.shape[1:]), keras.layers.Flatten(), keras.layers.Dropout(dropout),
        keras.layers.Dense(units * WIDTH, "relu"), keras.layers.Dense(len(data.classes), "softmax"),
    ])
    model.compile(keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model
"""


@pytest.fixture
def builder_file(tmp_path: Path) -> Path:
    (tmp_path / "beside.py").write_text("WIDTH = 2\n")
    (tmp_path / "secret.py").write_text("PASSWORD = 'not imported, not sent'\n")
    (tmp_path / "net.py").write_text(BUILDER)
    return tmp_path / "net.py"


def made_jobs(
    recipe: Recipe, settings: Sequence[Mapping[str, Any]], rows: tuple[Dataset, Dataset], end: int = 2
) -> tuple[Any, list[Job], dict[int, int]]:
    """The population of some settings, its chunks as jobs, and the trials' places."""
    builder = RecipeBuilder(recipe, rows[0])
    members = [builder.member(one, seed) for one in settings for seed in (0, 1)]
    many = ready(builder, members, *rows)
    jobs = [
        Job(tuple(10 + place for place in chunk.members), tuple(members[place] for place in chunk.members), 0, end)
        for _, chunk in many.chunks()
    ]
    return many, jobs, {10 + place: place for place in range(len(members))}


def answered(task: Task, reply: Reply, job: Job) -> dict[int, Any]:
    assert reply.refusal is None, reply.refusal
    at = {number: place for place, number in enumerate(task.numbers)}
    states = reply.states or [{}] * len(at)
    return {n: (reply.columns[at[n]], reply.failed[at[n]], states[at[n]]) for n in job.numbers}


def local(many: Any, job: Job, places: dict[int, int]) -> dict[int, Any]:
    answer = train_job(many, job, places)
    going = job.end < many.settings[places[job.numbers[0]]].epochs  # states of the last epoch do not travel
    states = answer.states if going else [{}] * len(job.numbers)
    return dict(zip(job.numbers, zip(answer.columns, answer.failed, states, strict=True), strict=True))


def assert_same(one: dict[int, Any], other: dict[int, Any]) -> None:
    assert one.keys() == other.keys()
    for number, (columns, failed, states) in one.items():
        assert (columns, failed) == other[number][:2]
        assert states.keys() == other[number][2].keys()
        for name, array in states.items():
            np.testing.assert_array_equal(array, other[number][2][name])


def sent(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value, 5))


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("notes-mlp", [{"train.learning_rate": rate} for rate in (0.1, 0.3, 1e9)]),  # the last fails
        ("mlp", [{"model.dropout": share, "model.hidden": [16]} for share in (0.1, 0.2, 0.3)]),
    ],
)
def test_a_node_gives_the_bits_that_one_process_gives(
    name: str, settings: list[dict[str, Any]], rows: tuple[Dataset, Dataset]
) -> None:
    recipe = base_recipe(name)
    many, jobs, places = made_jobs(recipe, settings, rows)
    trainer = Trainer(sent((RecipeBuilder(recipe, rows[0]), *rows)), many.devices.count, "en")
    tasks = Tasks(many, recipe.model.name)
    tasks.see(jobs, places)
    for job in jobs:
        first, then = replace(job, end=1), replace(job, begin=1)
        task = sent(tasks.task(first, places))
        reply = sent(trainer.train(task))
        known = local(many, first, places)
        assert_same(answered(task, reply, first), known)
        going = [number for number in job.numbers if known[number][1] is None]
        then = replace(
            then,
            numbers=tuple(going),
            members=tuple(job.members[job.numbers.index(number)] for number in going),
            states=tuple(known[number][2] for number in going),
        )
        task = sent(tasks.task(then, places))
        assert_same(answered(task, sent(trainer.train(task)), then), local(many, then, places))


def test_a_second_chunk_of_a_structure_is_not_traced_again(
    rows: tuple[Dataset, Dataset], monkeypatch: pytest.MonkeyPatch
) -> None:
    from sonmat.engine import blueprint
    from sonmat.engine.population_program import Devices

    recipe = base_recipe("mlp")
    settings = [{"model.dropout": share, "model.hidden": [16]} for share in (0.1, 0.2, 0.3, 0.4)]
    many, (job, *_), places = made_jobs(recipe, settings, rows)
    jobs = [
        replace(job, numbers=(number,), members=(member,))
        for number, member in zip(job.numbers, job.members, strict=True)
    ]
    known = [local(many, one, places) for one in jobs[:2]]
    tasks = Tasks(many, recipe.model.name)
    tasks.see(jobs, places)
    trainer = Trainer((RecipeBuilder(recipe, rows[0]), *rows), many.devices.count, "en")
    trained = [tasks.task(one, places) for one in jobs[:2]]
    counted: Counter[str] = Counter()

    def count(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def counting(*given: Any, **named: Any) -> Any:
            counted[name] += 1
            return function(*given, **named)

        return counting

    monkeypatch.setattr(blueprint, "_trace", count("traced", blueprint._trace))
    monkeypatch.setattr(Devices, "compiled", count("compiled", Devices.compiled))
    assert_same(answered(trained[0], trainer.train(trained[0]), jobs[0]), known[0])
    assert counted["traced"] > 0
    assert counted["compiled"] > 0
    counted.clear()
    assert_same(answered(trained[1], trainer.train(trained[1]), jobs[1]), known[1])
    assert counted == {}


def test_a_node_that_traces_something_else_trains_for_itself(rows: tuple[Dataset, Dataset]) -> None:
    recipe = base_recipe("notes-mlp")
    many, (job, *_), places = made_jobs(recipe, [{"train.learning_rate": rate} for rate in (0.1, 0.3)], rows)
    tasks = Tasks(many, recipe.model.name)
    task = tasks.task(job, places)
    part = task.parts[0]
    other = replace(task, parts=(replace(part, shared=replace(part.shared, structure="another", key="another")),))
    trainer = Trainer((RecipeBuilder(recipe, rows[0]), *rows), many.devices.count, "en")
    assert_same(answered(other, trainer.train(other), job), local(many, job, places))
    accelerated = replace(task, backend="another")
    assert_same(answered(accelerated, trainer.train(accelerated), job), local(many, job, places))


def test_a_users_builder_travels_with_what_it_imports(builder_file: Path, rows: tuple[Dataset, Dataset]) -> None:
    recipe = replace(
        Recipe(model=ModelSettings(f"{builder_file}:build")), train=replace(Recipe().train, epochs=2, batch_size=50)
    )
    many, (job, *_), places = made_jobs(recipe, [{"model.dropout": share} for share in (0.1, 0.2)], rows)
    known = local(many, job, places)
    task = sent(Tasks(many, recipe.model.name).task(job, places))
    (file,) = task.files
    assert {name: text.decode() for name, text in file.texts.items()} == {"net.py": BUILDER, "beside.py": "WIDTH = 2\n"}
    for path in builder_file.parent.glob("*.py"):  # a node does not see them
        path.unlink()
    trainer = Trainer(sent((RecipeBuilder(recipe, rows[0]), *rows)), many.devices.count, "en")
    assert_same(answered(task, trainer.train(task), job), known)


def test_a_file_that_a_node_sees_is_read_where_it_lies(builder_file: Path) -> None:
    name = f"{builder_file}:build"
    files = builder_files([name, "notes-mlp"])
    assert NodeFiles().here(name, files) == name
    assert NodeFiles().here("notes-mlp", files) == "notes-mlp"
    builder_file.write_text(BUILDER + "\n# another\n")
    here = NodeFiles()
    placed = here.here(name, files)
    assert placed != name
    assert Path(placed.removesuffix(":build")).read_text() == BUILDER
    assert not here.changed(files)
    assert here.changed(builder_files([name]))


# --- a real cluster -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Three nodes on this machine."""
    pytest.importorskip("ray")
    import jax

    cluster_address.imported()
    from ray.cluster_utils import Cluster

    with pytest.MonkeyPatch.context() as environment:
        for name, value in {
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_raylet_start_wait_time_s": "180",  # for machines that have something else to do
            "RAY_agent_register_timeout_ms": "180000",
        }.items():
            environment.setenv(name, value)
        node = {"num_cpus": jax.local_device_count(), "object_store_memory": MEMORY}
        made = Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
        try:
            for _ in range(2):
                made.add_node(**node)
            yield made
        finally:
            made.shutdown()


def asked(**options: Any) -> Asked:
    recipe = base_recipe("notes-mlp")
    space = Space(
        {
            "train.learning_rate": Range(0.01, 1.0, log=True),
            "train.batch_size": Choice((20, 50)),
            "model.hidden": Choice(([8, 8], [12, 12])),
        }
    )
    recipe = replace(recipe, train=replace(recipe.train, epochs=4))
    return Asked(recipe, space, **{"trials": 24, "sampler": "qmc", "halving": 3, "finalists": 2, "seeds": 2, **options})


def plain(trial: Trial) -> tuple[Any, ...]:
    curves = {name: np.asarray(curve).tobytes() for name, curve in trial.curves.items()}
    return trial.number, trial.settings, trial.seed, trial.state, trial.value, curves, trial.repeats


class Watched:
    """Workers whose answers are counted."""

    def __init__(self, workers: Any) -> None:
        self.workers, self.answers = workers, []  # type: ignore[var-annotated]

    def run(self, many: Any, jobs: Sequence[Job], places: Mapping[int, int], told: Told) -> Iterator[Answer]:
        for answer in self.workers.run(many, jobs, places, told):
            self.answers += [(number, answer.job.begin, answer.job.end) for number in answer.job.numbers]
            yield answer

    def close(self) -> None:
        self.workers.close()


def studied(path: Path, rows: tuple[Dataset, Dataset], workers: Any) -> tuple[list[Any], list[Any], Any, Watched]:
    study = Study.create(path, asked())
    watched = Watched(workers)
    runner = Runner(study, *rows, workers=watched)
    runner.search()
    ranking = runner.finals().as_dict()
    return [plain(trial) for trial in study.trials], [plain(trial) for trial in study.repeats], ranking, watched


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory, rows: tuple[Dataset, Dataset]) -> tuple[list[Any], list[Any], Any]:
    """What a study comes to in one process."""
    found = studied(tmp_path_factory.mktemp("known") / "study", rows, LocalWorkers())
    assert len(found[3].answers) == len(set(found[3].answers))
    return found[:3]


def workers_on(cluster: Any, rows: tuple[Dataset, Dataset], trainer: type[Trainer] = Trainer) -> RayWorkers:
    address, owned = cluster_address.join(Address.parse(f"ray:{cluster.address}"))
    builder = RecipeBuilder(asked().recipe, rows[0])
    return RayWorkers(builder, *rows, head=address, owned=owned, trainer=trainer)


def trainer_that(folder: Path) -> type[Trainer]:
    """A trainer that says in a folder who it is when it has a task, and waits there while a file `hold` is in it."""

    class Held(Trainer):  # made here, so that it travels as it is: nodes cannot import tests
        def trained(self, task: Task, tell: Any) -> Reply:
            (folder / f"{os.getpid()}.pid").touch()
            while (folder / "hold").exists():
                time.sleep(0.05)
            if 666 in task.numbers:
                os._exit(1)
            if 667 in task.numbers:
                raise RecipeError("trial 667 cannot be", "leave it out")
            if 668 in task.numbers:
                raise RuntimeError("something else")
            return super().trained(task, tell)

    return Held


def waited_for(what: Callable[[], Any]) -> Any:
    """What comes, or None where it does not."""
    end = time.monotonic() + LONG
    while not (found := what()) and time.monotonic() < end:
        time.sleep(0.05)
    return found


def alive(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def children_of(pid: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                found += [int(entry.name)] if parent_of(int(entry.name)) == pid else []
            except (OSError, ValueError):
                continue
    return found


@pytest.mark.slow
@needs_ray
def test_a_cluster_comes_to_what_one_process_comes_to(
    cluster: Any, rows: tuple[Dataset, Dataset], known: tuple[list[Any], list[Any], Any], tmp_path: Path
) -> None:
    workers = workers_for(f"ray:{cluster.address}", RecipeBuilder(asked().recipe, rows[0]), *rows)
    try:
        *found, watched = studied(tmp_path / "study", rows, workers)
    finally:
        workers.close()
    assert found[0] == known[0]
    assert found[1] == known[1]
    assert found[2] == known[2]
    assert len(watched.answers) == len(set(watched.answers))


@pytest.mark.slow
@needs_ray
@pytest.mark.filterwarnings("ignore:.*is not used")
def test_nodes_with_other_versions_are_not_used(cluster: Any, rows: tuple[Dataset, Dataset]) -> None:
    class Older(Trainer):
        def hello(self) -> Hello:
            return Hello("attic", os.getpid(), 1, {"keras": "1.0"})

    many, jobs, places = made_jobs(asked().recipe, [{"train.learning_rate": 0.1}], rows)
    workers = workers_on(cluster, rows, Older)
    try:
        with pytest.raises(RunError, match=r"no node that can train: attic: keras 1\.0 ≠"):
            list(workers.run(many, jobs, places, lambda job, done: None))
    finally:
        workers.close()


@pytest.mark.slow
@needs_ray
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")
@pytest.mark.filterwarnings("ignore:.*trained again elsewhere")
def test_jobs_that_cannot_be_done(cluster: Any, rows: tuple[Dataset, Dataset], tmp_path: Path) -> None:
    many, (job, *_), places = made_jobs(asked().recipe, [{"train.learning_rate": 0.1}], rows)
    first = replace(job, numbers=(666, 1), members=job.members[:2])
    workers = workers_on(cluster, rows, trainer_that(tmp_path))
    try:
        refused = replace(first, numbers=(667, 1))
        with pytest.raises(RecipeError, match="trial 667 cannot be"):
            list(workers.run(many, [refused], {667: 0, 1: 1}, lambda job, done: None))
        assert len(list(tmp_path.glob("*.pid"))) == 1, "an error of sonmat's is not tried again"
        with pytest.raises(RunError, match=rf"668, 1 .*{MOST_TRIES} times.*something else"):
            list(workers.run(many, [replace(first, numbers=(668, 1))], {668: 0, 1: 1}, lambda job, done: None))
        with pytest.raises(RunError, match=f"666, 1 .*{MOST_TRIES} times"):
            list(workers.run(many, [first], {666: 0, 1: 1}, lambda job, done: None))

        for file in tmp_path.glob("*.pid"):
            file.unlink()
        endless = replace(job, end=10**6)

        def interrupted(job: Job, done: int) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            list(workers.run(many, [endless], places, interrupted))
        (file,) = tmp_path.glob("*.pid")
        assert waited_for(lambda: not alive(int(file.stem))), "what was interrupted goes on"
    finally:
        workers.close()


@pytest.mark.slow
@needs_ray
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")
def test_a_node_that_is_killed_costs_nothing_but_time(
    cluster: Any, rows: tuple[Dataset, Dataset], known: tuple[list[Any], list[Any], Any], tmp_path: Path
) -> None:
    folder = tmp_path / "meeting"
    folder.mkdir()
    (folder / "hold").touch()
    killed: list[int] = []
    workers = workers_on(cluster, rows, trainer_that(folder))

    def kill() -> None:
        try:
            if not waited_for(lambda: len(list(folder.glob("*.pid"))) == 3):
                return
            head = cluster.head_node.node_id
            worker = next(one for one in workers._crew.workers if one.node != head and one.ticket is not None)
            raylet = parent_of(worker.hello.pid)
            for pid in (raylet, *children_of(raylet)):
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)
            killed.append(worker.hello.pid)
        finally:
            (folder / "hold").unlink()

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        with pytest.warns(UserWarning, match="trained again elsewhere"):
            *found, watched = studied(tmp_path / "study", rows, workers)
    finally:
        killer.join()
        workers.close()
    assert killed
    assert not any(alive(pid) for pid in killed)
    assert found[0] == known[0]
    assert found[1] == known[1]
    assert found[2] == known[2]
    assert len(watched.answers) == len(set(watched.answers)), "a trial came into the record twice"
