"""The listener that keeps a run: its journal, its checkpoint, and what tells it from another run."""

from __future__ import annotations

import hashlib
import importlib.metadata
import inspect
import json
import os
import platform
import re
import warnings
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jax
import keras
import numpy as np

from sonmat.engine import resumable
from sonmat.engine.listener import Listener
from sonmat.engine.training import Training
from sonmat.errors import RunError, UnsupportedError
from sonmat.files import write_json
from sonmat.language import say
from sonmat.runs.checkpoint import read_checkpoint, write_checkpoint
from sonmat.runs.journal import append_line, cut_back

CHECKPOINT, JOURNAL, ENVIRONMENT = "checkpoint", "history.jsonl", "env.json"


class Recorder(Listener):
    """Keeps a run in a folder so that it can go on after a kill.

    Journal and checkpoint of an epoch are written and synced by a thread while the next epoch trains (three syncs take 15 to
    30 ms here, a quarter of an epoch of the notes' network); an epoch waits for the one before it to be on disk.

    Args:
        folder: The run folder.
        extra: What else tells this run from another, ready for JSON.
    """

    def __init__(self, folder: Path, extra: dict[str, Any] | None = None) -> None:
        self.folder = folder
        self.extra = extra or {}
        self.snapshot: resumable.Snapshot | None = None
        self.stored: dict[str, Any] = {}
        self._writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sonmat-recorder")
        self._written: Future[None] | None = None
        if (folder / CHECKPOINT).exists():
            self.snapshot, self.stored = read_checkpoint(folder / CHECKPOINT)

    def on_begin(self, training: Training) -> None:
        self.training = training
        self.identity = identity(training) | self.extra
        if self.identity["learning_rate"] is None:
            self.identity["learning_rate"] = self.stored.get("learning_rate")
        if training.seed is None:
            raise UnsupportedError(
                say(
                    "A run that can be resumed needs a seed; got seed=None.",
                    "이어서 할 수 있는 실행에는 시드가 필요하지만 seed=None이 왔습니다.",
                ),
                say("Give a seed, for example seed=0.", "시드를 주세요. 예: seed=0."),
            )
        if self.snapshot is not None:
            self._check_same()
        lost = resumable.unsavable(training.callbacks.callbacks)
        if lost:
            warnings.warn(
                say(
                    f"{', '.join(lost)} cannot be saved: resuming this run after a kill will not be exact.",
                    f"{', '.join(lost)}은(는) 저장할 수 없습니다. 이 실행을 이어서 하면 정확히 같지는 않습니다.",
                ),
                stacklevel=4,
            )
        cut_back(self.folder / JOURNAL, self.snapshot.done if self.snapshot else 0)
        if not (self.folder / ENVIRONMENT).exists():
            write_json(self.folder / ENVIRONMENT, environment())

    def on_epoch(self, epoch: int, logs: dict[str, float], seconds: float) -> None:
        self.wait()
        record = {"epoch": epoch, **logs, "seconds": round(seconds, 4)}
        self._written = self._writer.submit(self._write, record, resumable.taken(self.training))

    def on_end(self, history: dict[str, list[float]]) -> None:
        self.wait()

    def wait(self) -> None:
        """Wait until the last epoch told is on disk.

        Raises:
            StorageError: It could not be written; the checkpoint of the epoch before is as it was.
        """
        if self._written is not None:
            written, self._written = self._written, None
            written.result()

    def close(self) -> None:
        """Let the writing thread finish and end."""
        self._writer.shutdown(wait=True)

    def _write(self, record: dict[str, Any], snapshot: resumable.Snapshot) -> None:
        append_line(self.folder / JOURNAL, record)
        write_checkpoint(self.folder / CHECKPOINT, snapshot, self.identity)

    def _check_same(self) -> None:
        differing = sorted(
            name
            for name in self.identity.keys() | self.stored.keys()
            if self.identity.get(name) != self.stored.get(name)
        )
        serious = [name for name in differing if name not in ("machine", "versions")]
        if serious:
            told = "; ".join(
                f"{name}: {_short(self.stored.get(name))} → {_short(self.identity.get(name))}" for name in serious
            )
            raise RunError(
                say(
                    f"{self.folder} holds another run than the one asked for ({told}).",
                    f"{self.folder}에는 요청한 것과 다른 실행이 있습니다 ({told}).",
                ),
                say(
                    "Use the same arguments to resume it, or another folder for a new run.",
                    "이어서 하려면 같은 인자를 쓰고, 새로 하려면 다른 폴더를 쓰세요.",
                ),
            )
        if differing:
            warnings.warn(
                say(
                    "This run was begun on another machine or with other versions: its last bits may differ.",
                    "이 실행은 다른 컴퓨터나 다른 버전에서 시작되었습니다. 마지막 비트가 다를 수 있습니다.",
                ),
                stacklevel=4,
            )


def identity(training: Training) -> dict[str, Any]:
    """What must be the same for a run to be the same run, epochs apart: it may go on for longer than was first asked."""
    validation = training.validation
    return {
        "data": _hashed(training.stream.data),
        "validation": _hashed(validation.data) if validation else None,
        "model": hashlib.sha256(_model_text(training.model).encode()).hexdigest()[:16],
        "optimizer": _optimizer(training.model),
        "learning_rate": _learning_rate(training.model),
        "loss": _text([training.model.loss, (training.model.get_compile_config() or {}).get("loss_weights")]),
        "batch_size": _batch_size(training),
        "steps": training.phases[0][1].steps,
        "shuffle": training.stream.seed is not None,
        "seed": training.seed,
        "origin": training.stream.origin,
        "callbacks": [_settings(callback) for callback in training.callbacks.callbacks if not _shows(callback)],
        "versions": {name: importlib.metadata.version(name) for name in ("jax", "jaxlib", "keras")},
        "machine": [platform.machine(), os.cpu_count(), jax.default_backend()],
    } | training.companion.identity


def _batch_size(training: Training) -> Any:
    """The rows in a step, or the first epoch and the rows of each phase."""
    phases = [[start, stream.rows] for start, stream, _ in training.phases]
    return phases if len(phases) > 1 else phases[0][1]


def environment() -> dict[str, Any]:
    """Versions and machine, for whoever reads the run later."""
    names = ("sonmat", "keras", "jax", "jaxlib", "numpy")
    return {
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in names},
        "platform": platform.platform(),
        "cores": os.cpu_count(),
        "device": str(jax.devices()[0]),
        "xla_flags": os.environ.get("XLA_FLAGS", ""),
    }


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


def _shows(callback: Any) -> bool:
    """A progress bar is not part of a run: it may be resumed with another `verbose`."""
    return isinstance(callback, keras.callbacks.ProgbarLogger)


def _settings(callback: Any) -> str:
    """A callback's class, what it monitors and the numbers it was made with: with other ones it would be another run.

    Magnitudes alone, since Keras turns the sign of a min_delta; no paths, since a run may be moved.
    """
    made_with = inspect.signature(type(callback).__init__).parameters
    plain = {name: getattr(callback, name, None) for name in made_with if name not in ("append", "verbose")}
    plain = {
        name: abs(value) if isinstance(value, (int, float)) else value
        for name, value in plain.items()
        if isinstance(value, (int, float)) or name == "monitor"
    }
    return f"{type(callback).__name__}({', '.join(f'{name}={value!r}' for name, value in sorted(plain.items()))})"


def _hashed(data: Any) -> str:
    digest = hashlib.sha256()
    for leaf in jax.tree.leaves(data):
        array = np.ascontiguousarray(leaf)
        digest.update(f"{array.dtype.name}{array.shape}".encode())
        digest.update(array.view(np.uint8).data if array.size else b"")
    return digest.hexdigest()[:16]


def _model_text(model: keras.Model) -> str:
    """The architecture without the names that Keras counts up within a process."""
    layers = [[type(layer).__name__, _unnamed(_config(layer))] for layer in model._flatten_layers(include_self=False)]
    shapes = [list(variable.shape) for variable in model.weights]
    return json.dumps([layers, shapes], default=_addressless, sort_keys=True)


def _addressless(value: Any) -> str:
    return re.sub(r" at 0x[0-9a-f]+", "", str(value))


def _config(layer: Any) -> Any:
    try:
        return layer.get_config()
    except Exception:  # a layer of the user's own may have none; its shapes are compared all the same
        return {}


def _unnamed(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _unnamed(item)
            for key, item in value.items()
            if key not in ("name", "layers", "inbound_nodes", "input_layers", "output_layers", "seed")
        }
    if isinstance(value, (list, tuple)):
        return [_unnamed(item) for item in value]
    return value


def _optimizer(model: keras.Model) -> str:
    """The optimizer and what it was made with, its learning rate apart."""
    config = {key: value for key, value in model.optimizer.get_config().items() if key not in ("name", "learning_rate")}
    return _text({"class": type(model.optimizer).__name__, **config})


def _learning_rate(model: keras.Model) -> str | None:
    """The learning rate or schedule that the model was compiled with; None where it has trained since.

    It is state then, which callbacks may have changed, and says nothing of what was asked for.
    """
    if int(model.optimizer.iterations.value) > 0:
        return None
    config = model.optimizer.get_config().get("learning_rate")
    return _text(float(config) if isinstance(config, (int, float, np.floating)) else config)


def _text(value: Any) -> str:
    if hasattr(value, "get_config"):
        value = {"class": type(value).__name__, **value.get_config()}
    if callable(value):
        return getattr(value, "__name__", type(value).__name__)
    return json.dumps(value, default=_text, sort_keys=True)


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else text[:57] + "…"
