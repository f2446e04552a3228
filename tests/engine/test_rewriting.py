"""Convolutions and pooling, rewritten: the same values and gradients as Keras's layers, wherever they come from."""

from __future__ import annotations

import contextlib
import itertools
from collections import Counter
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sonmat.engine import convolution
from sonmat.engine import rewriting as module
from sonmat.engine.compilation import SLOW_IN_LOOPS, holds
from sonmat.engine.fit import fit
from sonmat.engine.flattened import Flat
from sonmat.engine.predict import predict
from sonmat.engine.rewriting import Plan, may_convolve, rewriting, rewritten

pytestmark = pytest.mark.skipif(jax.default_backend() != "cpu", reason="native layers are used elsewhere")
L = keras.layers


def forward(layers: list[Any], shape: tuple[int, ...], dtype: str = "float32") -> tuple[Callable[..., Any], Any, Any]:
    """The forward pass of a stack of layers, with weights and an input that are not tiny."""
    model = keras.Sequential([keras.Input(shape, dtype=dtype), *layers])
    rng = np.random.default_rng(0)
    weights = [jnp.asarray(rng.normal(size=v.shape), v.dtype) for v in model.trainable_variables]
    rest = [v.value for v in model.non_trainable_variables]
    x = jnp.asarray(rng.normal(size=(3, *shape)), dtype)
    return (lambda weights, x: model.stateless_call(weights, rest, x)[0]), weights, x


def difference(layers: list[Any], shape: tuple[int, ...], x: Any = None) -> float:
    """The largest difference of values and gradients from Keras's, relative to their size."""
    function, weights, drawn = forward(layers, shape)
    x = drawn if x is None else x
    shaped = jax.eval_shape(function, weights, x)
    pull = jnp.asarray(np.random.default_rng(1).normal(size=shaped.shape), shaped.dtype)

    def substitute(*inputs: Any) -> Any:
        return rewritten(function, inputs)

    def scored(run: Callable[..., Any]) -> Any:
        value = lambda weights, x: (run(weights, x) * pull).sum()  # noqa: E731
        return run(weights, x), jax.grad(value, (0, 1))(weights, x)

    theirs, ours = map(jax.tree.leaves, jax.jit(lambda: (scored(function), scored(substitute)))())
    return max(float(jnp.abs(a - b).max() / (1 + jnp.abs(a).max())) for a, b in zip(theirs, ours, strict=True))


def plan_of(layers: list[Any], shape: tuple[int, ...]) -> Plan:
    function, weights, x = forward(layers, shape)
    return Plan.of(Flat.of(jax.make_jaxpr(function)(weights, x), SLOW_IN_LOOPS))


def still_slow(layers: list[Any], shape: tuple[int, ...]) -> bool:
    function, weights, x = forward(layers, shape)
    scored = lambda weights, x: rewritten(function, (weights, x)).sum()  # noqa: E731
    return holds(jax.make_jaxpr(jax.grad(scored, (0, 1)))(weights, x), SLOW_IN_LOOPS)


# The grid of Keras's options


def grid() -> list[tuple[str, Callable[[], Any], tuple[int, ...]]]:
    """Every layer over stride, dilation, padding, groups and data format, as far as Keras itself takes the combination."""
    found: list[tuple[str, Callable[[], Any], tuple[int, ...]]] = []
    for space, layout, padding in itertools.product((1, 2), ("channels_last", "channels_first"), ("valid", "same")):
        size = (11, 12)[:space]
        shape = (*size, 4) if layout == "channels_last" else (4, *size)
        end = f"{space}D"
        for stride, dilation, kernel in itertools.product((1, 2, 3), (1, 2), (1, 3, 4)):
            if stride > 1 and dilation > 1:
                continue
            numbers = {"strides": stride, "dilation_rate": dilation, "padding": padding, "data_format": layout}
            for name, options in (
                ("Conv", {"filters": 4}),
                ("Conv", {"filters": 4, "groups": 2}),
                ("Conv", {"filters": 8, "groups": 4}),
                ("DepthwiseConv", {"depth_multiplier": 2}),
                ("SeparableConv", {"filters": 3}),
            ):
                made = {"kernel_size": kernel, **numbers, **options}
                found.append((f"{name}{end} {made}", lambda n=name + end, o=made: getattr(L, n)(**o), shape))  # type: ignore[misc]
        for kind, window, stride in itertools.product(("Max", "Average"), (1, 2, 3), (1, 2, 3)):
            made = {"pool_size": window, "strides": stride, "padding": padding, "data_format": layout}
            name = f"{kind}Pooling{end}"
            found.append((f"{name} {made}", lambda n=name, o=made: getattr(L, n)(**o), shape))  # type: ignore[misc]
        for name in (f"GlobalMaxPooling{end}", f"GlobalAveragePooling{end}"):
            found.append((f"{name} {layout}", lambda n=name, f=layout: getattr(L, n)(data_format=f), shape))  # type: ignore[misc]
    return found


def test_the_share_of_the_grid_that_is_rewritten(capsys: pytest.CaptureFixture[str]) -> None:
    reasons: Counter[str] = Counter()
    done = 0
    cases = grid()
    for name, layer, shape in cases:
        plan = plan_of([layer()], shape)
        reasons.update(f"{name}: {reason}" for reason in plan.refused)
        done += not plan.refused
    with capsys.disabled():
        print(f"\nrewritten: {done} of {len(cases)} ({done / len(cases):.1%})", *reasons, sep="\n  ")
    assert len(cases) > 500
    assert done / len(cases) >= 0.9


@pytest.mark.parametrize("every", [61, pytest.param(7, marks=pytest.mark.slow)])
def test_the_grid_has_keras_values_and_gradients(every: int) -> None:
    for name, layer, shape in grid()[::every]:
        assert difference([layer()], shape) < 1e-5, name
        assert not still_slow([layer()], shape), name


@st.composite
def stacks(draw: Any) -> tuple[list[Any], tuple[int, ...]]:
    """A convolution, and often a pooling behind it, over an input of any size that they fit in."""
    space = draw(st.sampled_from([1, 2, 2]))
    layout = draw(st.sampled_from(["channels_last", "channels_last", "channels_first"]))
    size = tuple(draw(st.integers(7, 14)) for _ in range(space))
    channels = draw(st.sampled_from([1, 2, 4]))
    stride = draw(st.sampled_from([1, 1, 2, 3]))
    options = {
        "strides": stride,
        "dilation_rate": draw(st.sampled_from([1, 2])) if stride == 1 else 1,
        "padding": draw(st.sampled_from(["valid", "same"])),
        "data_format": layout,
        "activation": draw(st.sampled_from([None, "relu", "tanh", "sigmoid", "leaky_relu", "gelu", "softmax"])),
        "use_bias": draw(st.booleans()),
        "kernel_size": tuple(draw(st.integers(1, 3)) for _ in range(space)),
    }
    kind = draw(st.sampled_from(["Conv", "Conv", "grouped", "Depthwise", "Separable", "Transposed"]))
    end = f"{space}D"
    if kind == "grouped":
        layer = getattr(L, f"Conv{end}")(2 * channels, groups=channels, **options)
    elif kind == "Transposed":
        layer = getattr(L, f"Conv{end}Transpose")(2, **{**options, "dilation_rate": 1})
    elif kind == "Depthwise":
        layer = getattr(L, f"DepthwiseConv{end}")(depth_multiplier=draw(st.sampled_from([1, 2, 9])), **options)
    else:
        layer = getattr(L, f"{kind.replace('Conv', '')}Conv{end}")(3, **options)
    layers = [layer]
    pooling = draw(st.sampled_from(["", "Max", "Max", "Average"]))
    if pooling:
        numbers = {
            "pool_size": tuple(draw(st.integers(1, 3)) for _ in range(space)),
            "strides": draw(st.sampled_from([None, 1, 2])),
            "padding": draw(st.sampled_from(["valid", "same"])),
        }
        layers.append(getattr(L, f"{pooling}Pooling{end}")(data_format=layout, **numbers))
    return layers, (*size, channels) if layout == "channels_last" else (channels, *size)


@settings(max_examples=12, deadline=None)
@given(stacks())
def test_stacks_have_keras_values_and_gradients(stack: tuple[list[Any], tuple[int, ...]]) -> None:
    check(*stack)


@pytest.mark.slow
@settings(max_examples=120, deadline=None)
@given(stacks())
def test_many_stacks_have_keras_values_and_gradients(stack: tuple[list[Any], tuple[int, ...]]) -> None:
    check(*stack)


def check(layers: list[Any], shape: tuple[int, ...]) -> None:
    try:
        keras.Sequential([keras.Input(shape), *layers])
    except ValueError:  # a window larger than what it would move over
        return
    assert difference(layers, shape) < 1e-5
    assert not still_slow(layers, shape)


@pytest.mark.parametrize(
    "layers",
    [
        [L.Conv2D(3, 3, activation="relu"), L.MaxPooling2D()],
        [L.Conv2D(4, 3, groups=2, padding="same")],
        [L.DepthwiseConv2D(3, depth_multiplier=9)],
    ],
)
def test_a_batch_in_parts_gives_the_same(layers: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convolution, "_BYTES_AT_ONCE", 1)
    assert convolution._parts(3, 100) == 3
    assert difference(layers, (9, 9, 2)) < 1e-5
    assert not still_slow(layers, (9, 9, 2))


def test_parts_are_equal_and_as_few_as_fit() -> None:
    each = convolution._BYTES_AT_ONCE // 10
    assert [convolution._parts(n, each) for n in (1, 10, 12, 30, 128, 13)] == [1, 1, 2, 3, 16, 13]


def test_a_kernel_too_large_is_left_alone_and_said() -> None:
    assert plan_of([L.Conv2D(1, 33)], (34, 34, 1)).refused == ["convolution: a kernel of 1,089 places"]
    assert plan_of([L.Conv2D(1, 28)], (28, 28, 1)).refused == []


# What is computed together


FUSED = [
    ([L.Conv2D(3, 3, activation="relu"), L.MaxPooling2D()], True),
    ([L.Conv2D(3, 3, activation="tanh"), L.AveragePooling2D(2)], True),
    ([L.Conv2D(3, 3), L.Activation("sigmoid"), L.MaxPooling2D(3)], True),
    ([L.Conv2D(3, 3, use_bias=False), L.MaxPooling2D((2, 1))], True),
    ([L.Conv2D(4, 3, strides=2, padding="same", groups=2, activation="relu"), L.MaxPooling2D()], True),
    ([L.DepthwiseConv2D(3, activation="relu"), L.AveragePooling2D(2)], True),
    ([L.Conv2D(3, 3, data_format="channels_first"), L.MaxPooling2D(data_format="channels_first")], True),
    ([L.Conv2D(3, 3, activation="relu"), L.MaxPooling2D(3, strides=2)], False),  # windows that overlap
    ([L.Conv2D(3, 3, activation="relu"), L.MaxPooling2D(2, strides=3)], False),
    ([L.Conv2D(3, 3, activation="relu"), L.MaxPooling2D(padding="same")], False),  # of 11 positions: padded
    ([L.Conv2D(3, 3, activation="gelu"), L.MaxPooling2D()], False),  # not monotone
    ([L.Conv2D(3, 3), L.BatchNormalization(), L.MaxPooling2D()], False),
]


@pytest.mark.parametrize(("layers", "together"), FUSED)
def test_convolution_and_pooling_are_computed_together_where_they_commute(layers: list[Any], together: bool) -> None:
    layers = [layer.__class__.from_config(layer.get_config()) for layer in layers]
    shape = (13, 13, 4) if layers[0].data_format == "channels_last" else (4, 13, 13)
    plan = plan_of(layers, shape)
    assert plan.together == int(together)
    assert difference(layers, shape) < 1e-5


def test_what_two_layers_read_is_computed_for_itself() -> None:
    entry = keras.Input((12, 12, 2))
    convolved = L.Conv2D(3, 3, activation="relu")(entry)
    both = L.Concatenate()([L.Flatten()(L.MaxPooling2D()(convolved)), L.Flatten()(convolved)])
    model = keras.Model(entry, both)
    x = np.random.default_rng(0).normal(size=(4, 12, 12, 2)).astype("float32")
    np.testing.assert_allclose(predict(model, x), model.predict(x, verbose=0), atol=1e-5)


@pytest.mark.parametrize("window", [(2, 2), (3, 3), (3, 2), (5, 1), (40, 1)])
@pytest.mark.parametrize("stride", [1, 2])
def test_among_equal_values_the_first_takes_the_gradient(window: tuple[int, int], stride: int) -> None:
    x = jnp.asarray(np.random.default_rng(0).integers(0, 2, (2, 45, 9, 1)), jnp.float32)
    assert difference([L.MaxPooling2D(window, strides=stride)], (45, 9, 1), x) < 1e-6
    assert difference([L.Conv2D(2, 3, activation="relu"), L.MaxPooling2D(2)], (45, 9, 1), jnp.zeros_like(x)) < 1e-6


def test_the_derivative_of_another_relu_stays_its_own() -> None:
    @jax.custom_jvp
    def relu(x: Any) -> Any:
        return jnp.maximum(x, 0.0)

    relu.defjvp(lambda primals, tangents: (relu(*primals), 7.0 * tangents[0]))
    layers = [L.Conv2D(2, 3), L.Activation(relu), L.MaxPooling2D()]
    assert difference(layers, (8, 8, 1)) < 1e-5


# Inside models


def network(**options: Any) -> keras.Model:
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [
            keras.Input((12, 12, 1)),
            L.Conv2D(4, 3, activation="relu"),
            L.MaxPooling2D(),
            L.BatchNormalization(),
            L.Conv2D(6, 3, padding="same", activation="tanh", kernel_regularizer="l2"),
            L.AveragePooling2D(2, padding="same"),
            L.Dropout(0.2, seed=1),
            L.Flatten(),
            L.Dense(3, activation="softmax"),
        ]
    )
    model.compile(keras.optimizers.Adam(0.003), "sparse_categorical_crossentropy", metrics=["accuracy"], **options)
    return model


@pytest.fixture(scope="module")
def rows() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 150)
    x = rng.normal(size=(150, 12, 12, 1)).astype("float32")
    x[np.arange(150), 3 * y, :, 0] += 3
    return x, y


def test_training_equals_keras(rows: tuple[np.ndarray, np.ndarray]) -> None:
    theirs, ours = network(), network()
    options = {"epochs": 3, "batch_size": 32, "shuffle": False, "verbose": 0}
    expected = theirs.fit(*rows, **options).history
    came = fit(ours, *rows, seed=None, **options).history
    for a, b in zip(theirs.get_weights(), ours.get_weights(), strict=True):
        np.testing.assert_allclose(b, a, atol=1e-5)
    for name in expected:
        np.testing.assert_allclose(came[name], expected[name], rtol=1e-4, err_msg=name)


def test_training_is_the_same_to_the_bit_and_learns(rows: tuple[np.ndarray, np.ndarray]) -> None:
    first, second = network(), network()
    histories = [fit(model, *rows, epochs=12, batch_size=32, seed=5, verbose=0).history for model in (first, second)]
    assert histories[0] == histories[1]
    assert all((a == b).all() for a, b in zip(first.get_weights(), second.get_weights(), strict=True))
    assert histories[0]["accuracy"][-1] > 0.9


def test_the_model_is_as_it_was(rows: tuple[np.ndarray, np.ndarray]) -> None:
    model = network()
    layers, config, names = list(model.layers), model.get_config(), set(model.__dict__)
    fit(model, *rows, verbose=0)
    predict(model, rows[0])
    assert model.layers == layers
    assert model.get_config() == config
    assert {name for name in set(model.__dict__) - names if not name.startswith("_")} <= {"history", "stop_training"}
    with contextlib.suppress(ZeroDivisionError), rewriting(model):
        assert "stateless_call" in model.__dict__
        raise ZeroDivisionError
    assert "stateless_call" not in model.__dict__


def test_elsewhere_the_native_layers_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.jax, "default_backend", lambda: "gpu")
    model = network()
    with rewriting(model):
        assert "stateless_call" not in model.__dict__


def test_only_what_may_convolve_is_looked_into() -> None:
    class Own(L.Layer):
        def call(self, x: Any) -> Any:
            return keras.ops.max_pool(x, 2, strides=2)

    dense = keras.Sequential([keras.Input((4,)), L.Dense(2)])
    assert not may_convolve(dense)
    assert may_convolve(network())
    assert may_convolve(keras.Sequential([keras.Input((4, 4, 1)), Own()]))
    assert may_convolve(keras.Sequential([keras.Input((12, 12, 1)), network()]))
    assert difference([Own()], (6, 6, 2)) < 1e-6


def test_in_half_precision() -> None:
    layers = [L.Conv2D(4, 3, activation="relu", dtype="mixed_bfloat16"), L.MaxPooling2D(dtype="mixed_bfloat16")]
    function, weights, x = forward(layers, (9, 9, 2))
    came, expected = rewritten(function, (weights, x)), function(weights, x)
    assert came.dtype == expected.dtype == jnp.bfloat16
    np.testing.assert_allclose(came.astype("float32"), expected.astype("float32"), rtol=0.05, atol=0.1)


def test_masks_reach_the_loss() -> None:
    keras.utils.set_random_seed(0)
    entry = keras.Input((10,), dtype="int32")
    model = keras.Model(entry, L.Dense(2)(L.Conv1D(4, 3, padding="same")(L.Embedding(9, 3, mask_zero=True)(entry))))
    pooled = keras.Model(entry, [model(entry), L.MaxPooling1D(2)(L.Embedding(9, 3)(entry))])
    for one in (model, pooled):
        x = np.random.default_rng(0).integers(0, 9, (5, 10))
        weights = [v.value for v in one.trainable_variables], [v.value for v in one.non_trainable_variables]

        def masks(tree: Any) -> list[Any]:
            return [getattr(leaf, "_keras_mask", None) for leaf in jax.tree.leaves(tree)]

        expected = masks(one.stateless_call(*weights, x)[0])
        came = masks(rewritten(lambda t, n, x, one=one: one.stateless_call(t, n, x)[0], (*weights, x)))
        assert [mask is None for mask in came] == [mask is None for mask in expected]
        for a, b in zip(came, expected, strict=True):
            assert a is None or bool((a == b).all())


def test_whole_numbers_are_left_alone_and_said() -> None:
    refused: list[str] = []
    x = jnp.arange(32).reshape(2, 4, 4, 1)
    pool = lambda x: jax.lax.reduce_window(x, 0, jax.lax.add, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")  # noqa: E731
    assert (rewritten(pool, (x,), refused) == pool(x)).all()
    assert refused == ["pooling: values of int32"]
