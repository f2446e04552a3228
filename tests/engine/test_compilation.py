"""What is compiled is right: against NumPy, against Keras, outside loops where loops are slow, and once."""

from __future__ import annotations

import contextlib
import gc
import os
import subprocess
import sys
import weakref
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest

from sonmat.engine import kept
from sonmat.engine.compilation import keep_programs, slow_in_loops
from sonmat.engine.evaluate import evaluate
from sonmat.engine.fit import fit
from sonmat.engine.predict import predict

Rows = tuple[np.ndarray, np.ndarray]
L = keras.layers


# XLA's reductions (jaxlib 0.10.2 and later fuse them through YNNPACK unless told not to)


@pytest.mark.parametrize("members", [1, 3, 8])
@pytest.mark.parametrize("shape", [(4, 4), (20, 784), (784, 20), (33, 65)])
@pytest.mark.parametrize("operation", ["matvec", "vecmat", "sums", "softmax"])
def test_compiled_and_mapped_reductions_are_right(members: int, shape: tuple[int, int], operation: str) -> None:
    rng = np.random.default_rng(members)
    matrices = rng.normal(size=(members, *shape)).astype("float32")
    right = rng.normal(size=(members, shape[1])).astype("float32")
    left = rng.normal(size=(members, shape[0])).astype("float32")
    cases: dict[str, Any] = {
        "matvec": (lambda m, r, _: m @ r, np.einsum("kij,kj->ki", matrices.astype("float64"), right)),
        "vecmat": (lambda m, _, v: v @ m, np.einsum("kij,ki->kj", matrices.astype("float64"), left)),
        "sums": (lambda m, r, _: (m * r).sum(0) + m.max(0), (matrices * right[:, None]).sum(1) + matrices.max(1)),
        "softmax": (lambda m, r, _: jax.nn.softmax(m @ r), None),
    }
    function, expected = cases[operation]
    if expected is None:
        logits = np.einsum("kij,kj->ki", matrices.astype("float64"), right)
        powers = np.exp(logits - logits.max(-1, keepdims=True))
        expected = powers / powers.sum(-1, keepdims=True)
    mapped = jax.vmap(function)
    compiled = np.asarray(jax.jit(mapped)(matrices, right, left))
    with jax.disable_jit():
        eager = np.asarray(mapped(jnp.asarray(matrices), jnp.asarray(right), jnp.asarray(left)))
    np.testing.assert_allclose(compiled, expected, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(compiled, eager, rtol=1e-3, atol=1e-4)


def told(code: str, **environment: str | None) -> str:
    """What a fresh process prints."""
    names = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "SONMAT_LANG": "en", **environment}
    clean = {name: value for name, value in names.items() if value is not None}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=clean, check=False)
    return done.stdout.strip() or done.stderr.strip()


def test_the_fusion_is_off_and_the_users_flags_stay() -> None:
    import importlib.metadata

    code = "import os, sonmat; print(os.environ['KERAS_BACKEND'], os.environ.get('XLA_FLAGS')); import keras"
    code += "; print(keras.backend.backend(), float(keras.ops.sum(keras.ops.ones((3, 3)))))"
    came = told(code, XLA_FLAGS="--xla_force_host_platform_device_count=2", KERAS_BACKEND=None)
    version = tuple(int(part) for part in importlib.metadata.version("jaxlib").split(".")[:3])
    flag = " --xla_cpu_experimental_ynn_fusion_type=" if version >= (0, 10, 2) else ""
    assert came == f"jax --xla_force_host_platform_device_count=2{flag}\njax 9.0"


def test_a_choice_of_the_users_own_about_fusion_stays() -> None:
    chosen = "--xla_cpu_experimental_ynn_fusion_type=LIBRARY_FUSION_TYPE_DOT"
    assert told("import os, sonmat; print(os.environ['XLA_FLAGS'])", XLA_FLAGS=chosen) == chosen


def test_keras_on_another_backend() -> None:
    code = "import keras\ntry:\n    import sonmat\nexcept ImportError as error:\n    print(type(error).__name__, error)"
    came = told(code, KERAS_BACKEND="numpy")
    assert came.startswith(
        "BackendError sonmat needs Keras on JAX, but Keras was already imported with the backend 'numpy'."
    )
    assert 'Put "import sonmat" before "import keras"' in came
    assert "이미 'numpy' 백엔드로" in told(code, KERAS_BACKEND="numpy", SONMAT_LANG="ko")
    assert told("import keras, sonmat; print(keras.backend.backend())", KERAS_BACKEND="jax") == "jax"


# Convolutions, recurrences


class Rematerialized(L.Layer):
    """A convolution that is computed again for its gradient."""

    def build(self, shape: tuple[int, ...]) -> None:
        self.kernel = self.add_weight(shape=(2, 2, shape[-1], 3), name="kernel")

    def call(self, x: Any) -> Any:
        return jax.checkpoint(lambda x, kernel: keras.ops.conv(x, kernel))(x, self.kernel.value)


def image_network(kind: str) -> keras.Model:
    keras.utils.set_random_seed(1)
    entry = keras.Input((6, 6, 1))
    body = {
        "convolution": lambda x: L.Flatten()(L.Conv2D(3, 3, activation="relu")(x)),
        "max pooling": lambda x: L.Flatten()(L.MaxPooling2D()(x)),
        "average pooling": lambda x: L.Flatten()(L.AveragePooling2D(2)(x)),
        "depthwise": lambda x: L.Flatten()(L.DepthwiseConv2D(3)(x)),
        "transposed": lambda x: L.Flatten()(L.Conv2DTranspose(2, 2)(x)),
        "one-dimensional": lambda x: L.Flatten()(L.Conv1D(3, 2)(L.Reshape((6, 6))(x))),
        "nested": lambda x: keras.Sequential([L.Conv2D(2, 3), L.Flatten()])(x),
        "rematerialized": lambda x: L.Flatten()(Rematerialized()(x)),
        "dense": lambda x: L.Dense(8, activation="relu")(L.Flatten()(x)),
        "LSTM": lambda x: L.LSTM(5)(L.Reshape((6, 6))(x)),
        "GRU": lambda x: L.GRU(4)(L.Reshape((6, 6))(x)),
        "two-way": lambda x: L.Bidirectional(L.SimpleRNN(4))(L.Reshape((6, 6))(x)),
        "attention": lambda x: L.Flatten()(L.MultiHeadAttention(2, 3)(L.Reshape((6, 6))(x), L.Reshape((6, 6))(x))),
    }[kind]
    model = keras.Model(entry, L.Dense(3, activation="softmax")(body(entry)))
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


KINDS = ["convolution", "max pooling", "average pooling", "depthwise", "nested", "rematerialized", "dense", "LSTM"]
SINGLE = ["rematerialized"]  # its convolution is inside an operation that is not opened


SLOW = [
    pytest.param(kind, marks=pytest.mark.slow)
    for kind in ("transposed", "one-dimensional", "GRU", "two-way", "attention")
]


@pytest.mark.parametrize("kind", [*KINDS, *SLOW])
@pytest.mark.skipif(jax.default_backend() != "cpu", reason="loops are slow on CPU alone")
def test_no_native_convolution_runs_inside_a_loop(kind: str) -> None:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(90, 6, 6, 1)).astype("float32"), rng.integers(0, 3, 90)
    theirs, ours = image_network(kind), image_network(kind)
    options = {"epochs": 2, "shuffle": False, "verbose": 0, "validation_data": (x[:40], y[:40])}
    expected = theirs.fit(x, y, **options).history
    told = pytest.warns(UserWarning, match="one step at a time") if kind in SINGLE else contextlib.nullcontext()
    with told:
        came = fit(ours, x, y, **options).history
    for name in expected:
        np.testing.assert_allclose(came[name], expected[name], rtol=1e-3, atol=1e-4, err_msg=name)
    programs = [program for program, _ in ours.__dict__[kept._PLACE].values()]
    assert [program.fused for program in programs] == [kind not in SINGLE] * 2


def test_an_operation_is_found_wherever_it_is() -> None:
    def convolved(x: Any) -> Any:
        return jax.lax.conv(x, jnp.ones((1, 1, 2, 2)), (1, 1), "SAME")

    def within(x: Any) -> Any:
        inner = jax.checkpoint(jax.jit(convolved))
        return jax.lax.cond(
            x.sum() > 0, lambda x: jax.lax.scan(lambda c, _: (inner(c), None), x, None, 2)[0], lambda x: x, x
        )

    x = jnp.ones((1, 1, 4, 4))
    on_cpu = jax.default_backend() == "cpu"
    assert slow_in_loops(jax.make_jaxpr(within)(x)) == on_cpu
    assert slow_in_loops(jax.make_jaxpr(jax.grad(lambda x: within(x).sum()))(x)) == on_cpu
    assert not slow_in_loops(jax.make_jaxpr(lambda x: jnp.tanh(x) @ x)(x))


# Kept programs, and what they hold


def test_programs_are_kept_for_the_shapes_they_are_for(network: Any, rows: Rows) -> None:
    model = network()
    for count in (200, 100, 200):
        fit(model, rows[0][:count], rows[1][:count], verbose=0)
    assert len(model.__dict__[kept._PLACE]) == 2
    for count in range(1, 30):
        predict(model, rows[0][:count])
    assert len(model.__dict__[kept._PLACE]) <= kept._MOST


def test_kept_programs_do_not_get_into_saved_or_cloned_models(network: Any, rows: Rows, tmp_path: Path) -> None:
    import copy

    model = network()
    fit(model, *rows, verbose=0)
    expected = predict(model, rows[0])
    model.save(tmp_path / "model.keras")
    for other in (keras.saving.load_model(tmp_path / "model.keras"), copy.deepcopy(model)):
        np.testing.assert_allclose(predict(other, rows[0]), expected, atol=1e-6)
        fit(other, *rows, verbose=0)
    np.testing.assert_array_equal(predict(model, rows[0]), expected)
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    np.testing.assert_allclose(predict(clone, rows[0]), expected, atol=1e-6)


def test_models_are_let_go(network: Any, rows: Rows) -> None:
    """Hundreds of models may be trained in a process; none may stay behind in a cache."""
    gone = []
    for _ in range(4):
        model = network()
        fit(model, *rows, validation_split=0.2, verbose=0)
        evaluate(model, *rows)
        gone.append(weakref.ref(model))
        del model
    keras.utils.clear_session(free_memory=True)
    gc.collect()
    assert [reference() for reference in gone] == [None] * 4


# The cache on disk


def test_programs_are_kept_on_disk_in_the_users_cache(tmp_path: Path) -> None:
    code = (
        "import sonmat as sm, numpy as np, keras\n"
        "model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])\n"
        "model.compile('sgd', 'mse')\n"
        "sm.fit(model, np.ones((50, 4)), np.ones((50, 3)), verbose=0)\n"
        "print('done')"
    )
    unset = {name: None for name in os.environ if name.startswith("JAX_")}
    assert told(code, SONMAT_HOME=str(tmp_path / "home"), **unset) == "done"
    assert any((tmp_path / "home" / "cache" / "programs").iterdir())
    (tmp_path / "file").write_text("")
    assert (
        told(code, SONMAT_HOME=str(tmp_path / "file"), **unset) == "done"
    )  # a home that cannot be is no reason to stop


def test_a_damaged_cache_is_compiled_anew(tmp_path: Path) -> None:
    code = (
        "import sonmat as sm, numpy as np, keras\n"
        "keras.utils.set_random_seed(0)\n"
        "model = keras.Sequential([keras.Input((40,)), keras.layers.Dense(30), keras.layers.Dense(3)])\n"
        "model.compile('adam', 'mse')\n"
        "print(sm.fit(model, np.ones((50, 40)), np.ones((50, 3)), verbose=0).history)"
    )
    unset = {name: None for name in os.environ if name.startswith("JAX_")}
    place = str(tmp_path / "home")
    first = told(code, SONMAT_HOME=place, **unset)
    files = [path for path in (tmp_path / "home" / "cache" / "programs").iterdir() if path.is_file()]
    assert files
    for number, path in enumerate(files):
        path.write_bytes(b"" if number % 2 else path.read_bytes()[: path.stat().st_size // 2])
    assert told(code, SONMAT_HOME=place, **unset) == first


def test_a_place_of_the_users_own_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    before = jax.config.jax_compilation_cache_dir
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "/somewhere")
    keep_programs()
    assert jax.config.jax_compilation_cache_dir == before
