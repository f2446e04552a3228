"""Which backend Keras and XLA run on. It must be chosen before either of them starts, so this imports neither."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
from pathlib import Path

from sonmat.errors import BackendError
from sonmat.language import say

_DEVICES, _DEVICES_FLAG = "JAX_NUM_CPU_DEVICES", "xla_force_host_platform_device_count"
_YNN_FLAG = "--xla_cpu_experimental_ynn_fusion_type"


def choose() -> None:
    """Set Keras's backend to JAX, and XLA's options to those that give right results.

    Raises:
        BackendError: Keras is already imported with another backend.
    """
    keras = sys.modules.get("keras")
    if keras is None:
        os.environ["KERAS_BACKEND"] = "jax"
    elif (found := _backend_of(keras)) != "jax":
        raise BackendError(
            say(
                f"sonmat needs Keras on JAX, but Keras was already imported with the backend {found!r}.",
                f"sonmat은 JAX 위의 Keras가 필요하지만, Keras가 이미 {found!r} 백엔드로 임포트되었습니다.",
            ),
            say(
                'Put "import sonmat" before "import keras" (or before anything that imports it), or set '
                "KERAS_BACKEND=jax in the environment.",
                '"import sonmat"을 "import keras"(또는 keras를 임포트하는 모든 것)보다 먼저 쓰거나, 환경 변수 '
                "KERAS_BACKEND=jax를 설정하세요.",
            ),
        )
    _switch_off_ynn_fusion()
    _one_device_a_core()


def _backend_of(keras: object) -> str:
    config = getattr(keras, "config", None)
    if config is None:  # tf.keras of the Keras 2 age, or an import that is still under way
        return os.environ.get("KERAS_BACKEND", "tensorflow")
    return str(config.backend())


def _switch_off_ynn_fusion() -> None:
    """Switch YNNPACK fusion off, which has been seen to give wrong vmapped reductions without a word.

    jaxlib knows the flag from 0.10.2 on; an older one would abort the process on an unknown flag.
    """
    flags = os.environ.get("XLA_FLAGS", "")
    if _YNN_FLAG not in flags and _jaxlib_version() >= (0, 10, 2):
        os.environ["XLA_FLAGS"] = f"{flags} {_YNN_FLAG}=".strip()


def _one_device_a_core() -> None:
    """Let JAX see each core of the CPU as a device, so that a population's members train side by side.

    A single training uses the first device, with the threads of all cores, as without this. Whoever has chosen a number of
    devices, by either of JAX's ways, keeps it; so does a process in which JAX has started already.
    """
    if _DEVICES in os.environ or _DEVICES_FLAG in os.environ.get("XLA_FLAGS", ""):
        return
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    jax = sys.modules.get("jax")
    if jax is None:
        os.environ[_DEVICES] = str(cores)
        return
    with contextlib.suppress(AttributeError, RuntimeError):  # an older JAX, or one that has started
        jax.config.update("jax_num_cpu_devices", cores)


def _jaxlib_version() -> tuple[int, ...]:
    """From the name of its metadata's folder: importlib.metadata would take a tenth of the time that `--help` has."""
    spec = importlib.util.find_spec("jaxlib")
    for place in (spec.submodule_search_locations or ()) if spec else ():
        for folder in Path(place).parent.glob("jaxlib-*.dist-info"):
            return tuple(int(part) for part in folder.name.split("-")[1].split(".")[:3] if part.isdigit())
    return ()
