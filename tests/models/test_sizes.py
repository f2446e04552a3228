"""The sizes of networks: Keras's own outputs and parameters, a gradient's reach, and work counted another way."""

from __future__ import annotations

import math
import re
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sonmat.models.sizes import LayerSizes, sizes

L = keras.layers


def by_name(model: keras.Model) -> dict[str, LayerSizes]:
    return {row.name: row for row in sizes(model)}


@st.composite
def stacks(draw: Any) -> keras.Model:
    """A few convolutions and poolings over a large enough input."""
    space = draw(st.sampled_from([1, 2]))
    layers: list[Any] = [keras.Input((*(48, 50)[:space], 2))]
    for _ in range(draw(st.integers(1, 3))):
        kind = draw(st.sampled_from(["Conv", "DepthwiseConv", "SeparableConv", "MaxPooling", "AveragePooling"]))
        same = {"padding": draw(st.sampled_from(["valid", "same"]))}
        stride, size = draw(st.integers(1, 2)), draw(st.integers(1, 4))
        if kind.endswith("Pooling"):
            layers.append(getattr(L, f"{kind}{space}D")(size, strides=stride, **same))
            continue
        options = {"strides": stride, "dilation_rate": draw(st.integers(1, 2)) if stride == 1 else 1, **same}
        count = {"Conv": {"filters": 4}, "SeparableConv": {"filters": 4}, "DepthwiseConv": {"depth_multiplier": 2}}[
            kind
        ]
        if kind == "Conv" and draw(st.booleans()):
            options["groups"] = 2
        layers.append(getattr(L, f"{kind}{space}D")(kernel_size=size, use_bias=draw(st.booleans()), **options, **count))
    return keras.Sequential(layers)


@settings(max_examples=30, deadline=None)
@given(stacks())
def test_sizes_and_parameters_are_those_of_keras(model: keras.Model) -> None:
    for row, layer in zip(sizes(model), model.layers, strict=True):
        assert row.outputs == (tuple(layer.output.shape[1:]),)
        assert row.parameters == layer.count_params()
        if row.parameter_formula:
            plain = row.parameter_formula.replace("·", "*").replace("×", "*").replace(",", "")
            assert eval(plain) == row.parameters  # our own formula, of numbers and signs alone
        ends = [int(text) for text in re.findall(r"= (-?\d+)", row.formula)]
        assert ends == list(dict.fromkeys(layer.output.shape[1:-1])) or len(set(ends)) == len(
            set(layer.output.shape[1:-1])
        )
        assert ends


def reach(model: keras.Model) -> tuple[int, ...]:
    """How far apart the outermost inputs are that a middle output depends on, by the gradient; weights are all positive."""
    for weight in model.trainable_weights:
        weight.assign(jnp.ones(weight.shape))
    state = [v.value for v in model.trainable_variables], [v.value for v in model.non_trainable_variables]

    def middle(x: Any) -> Any:
        y = model.stateless_call(*state, x)[0]
        return y[(0, *(n // 2 for n in y.shape[1:-1]))].sum()

    found = np.argwhere(np.asarray(jax.grad(middle)(jnp.ones((1, *model.input_shape[1:]))))[0].any(-1))
    return tuple(int(n) for n in found.max(0) - found.min(0) + 1)


@pytest.mark.parametrize(
    "layers",
    [
        [L.Conv2D(2, 3)],
        [L.Conv2D(2, 3, dilation_rate=2), L.Conv2D(2, (3, 5))],
        [L.Conv2D(2, 3, strides=2), L.AveragePooling2D(2), L.Conv2D(2, 3, padding="same")],
        [L.SeparableConv2D(2, 3), L.AveragePooling2D(3, strides=2), L.DepthwiseConv2D(2), L.Activation("linear")],
        [
            L.ZeroPadding2D(1),
            L.Conv2D(2, 3),
            L.Cropping2D(1),
            L.AveragePooling2D((1, 2)),
            L.Conv2D(2, (3, 1), groups=2),
        ],
    ],
)
def test_the_receptive_field_is_what_a_gradient_reaches(layers: list[Any]) -> None:
    copies = [layer.__class__.from_config(layer.get_config()) for layer in layers]
    model = keras.Sequential([keras.Input((60, 61, 2)), *copies])
    assert sizes(model)[-1].sees == reach(model)


@settings(max_examples=25, deadline=None)
@given(stacks())
def test_the_receptive_field_of_any_stack_is_what_a_gradient_reaches(model: keras.Model) -> None:
    averaging = []  # a maximum's gradient reaches one place of its window alone
    for layer in model.layers:
        kind = getattr(L, type(layer).__name__.replace("Max", "Average"))
        averaging.append(kind.from_config(layer.get_config()))
    assert sizes(model)[-1].sees == reach(keras.Sequential([keras.Input(model.input_shape[1:]), *averaging]))


def test_the_receptive_field_takes_the_widest_path_and_goes_through_models() -> None:
    entry = keras.Input((40, 40, 1))
    narrow, wide = L.Conv2D(2, 1, padding="same")(entry), L.Conv2D(2, 7, padding="same", name="wide")(entry)
    inner = keras.Sequential(
        [keras.Input((40, 40, 2)), L.Conv2D(2, 3, padding="same"), L.AveragePooling2D(2)], name="inner"
    )
    joined = L.Add(name="joined")([narrow, wide])
    model = keras.Model(entry, L.Conv2D(2, 3, name="last")(inner(joined)))
    found = by_name(model)
    assert (found["joined"].sees, found["inner"].sees) == ((7, 7), (10, 10))
    assert found["last"].sees == reach(model)
    assert found["inner"].multiply_adds == 40 * 40 * 3 * 3 * 2 * 2


def counted(model: keras.Model) -> int:
    """Multiply-adds, from the products in the traced program: half of what XLA calls floating point operations."""
    state = [v.value for v in model.trainable_variables], [v.value for v in model.non_trainable_variables]
    jaxpr = jax.make_jaxpr(lambda x: model.stateless_call(*state, x)[0])(jnp.ones((1, *model.input_shape[1:])))
    total = 0
    for equation in jaxpr.eqns:
        if equation.primitive.name == "conv_general_dilated":
            kernel, numbers = equation.invars[1].aval.shape, equation.params["dimension_numbers"]
            each = math.prod(kernel) // kernel[numbers.rhs_spec[0]]
            total += each * equation.outvars[0].aval.size
        elif equation.primitive.name == "dot_general":
            ((contracted, _), _) = equation.params["dimension_numbers"]
            total += equation.outvars[0].aval.size * math.prod(
                equation.invars[0].aval.shape[axis] for axis in contracted
            )
    return total


@settings(max_examples=20, deadline=None)
@given(stacks())
def test_multiply_adds_are_those_of_the_traced_program(model: keras.Model) -> None:
    assert sum(row.multiply_adds or 0 for row in sizes(model)) == counted(model)


def test_layers_of_all_kinds() -> None:
    entry = keras.Input((12, 10, 3), name="entry")
    x = L.ZeroPadding2D(((1, 2), (0, 3)), name="pad")(entry)
    x = L.Cropping2D(1, name="crop")(x)
    x = L.UpSampling2D(2, name="up")(x)
    x = L.Conv2DTranspose(4, 3, strides=2, name="back")(x)
    x = L.BatchNormalization(name="norm")(x)
    x = L.Concatenate(name="both")([x, x])
    x = L.GlobalAveragePooling2D(name="mean")(x)
    x = L.Dense(5, use_bias=False, name="dense")(x)
    found = by_name(keras.Model(entry, L.LayerNormalization(name="scaled")(x)))
    assert found["pad"].formula == "12 + 1 + 2 = 15; 10 + 0 + 3 = 13"
    assert found["crop"].formula == "15 − 1 − 1 = 13; 13 − 1 − 1 = 11"
    assert found["up"].formula == "13 × 2 = 26; 11 × 2 = 22"
    assert found["back"].formula == "26 × 2 + max(3 − 2, 0) = 53; 22 × 2 + max(3 − 2, 0) = 45"
    assert found["back"].multiply_adds == 26 * 22 * 9 * 3 * 4
    assert found["norm"].parameter_formula == "4 × 4"
    assert found["both"].formula == "4 + 4 = 8"
    assert (found["mean"].sees, found["up"].sees) == (None, None)  # what lies behind an upsampling is not followed
    assert found["dense"].parameter_formula == "8 × 5"
    assert found["scaled"].multiply_adds == 0


def test_sentences() -> None:
    model = keras.Sequential(
        [keras.Input((20,)), L.Embedding(100, 8), L.Conv1D(6, 5), L.GlobalMaxPooling1D(), L.Dense(3, name="out")]
    )
    rows = sizes(model)
    assert [row.sees for row in rows] == [(1,), (5,), "all", "all"]
    assert rows[0].parameter_formula == "100 × 8"
    assert rows[1].multiply_adds == 16 * 5 * 8 * 6


@pytest.mark.parametrize(
    "model",
    [
        keras.Sequential([L.Dense(3)]),
        keras.Sequential([keras.Input((None, 3)), L.LSTM(4), L.Dense(2)]),
        keras.Sequential([keras.Input((None, None, 3)), L.Conv2D(4, 3), L.GlobalMaxPooling2D()]),
        keras.Sequential([keras.Input((6, 3)), L.TimeDistributed(L.Dense(2)), L.Reshape((2, 6)), L.Conv1D(2, 2)]),
        keras.Sequential([keras.Input((4,)), L.Lambda(lambda x: x + 1), L.Dense(1)]),
    ],
)
def test_what_is_not_known_is_left_open(model: keras.Model) -> None:
    rows = sizes(model)
    assert len(rows) == len(model.layers)
    assert any(row.sees is None or row.multiply_adds is None for row in rows)


class Conv2D(L.Layer):  # a user's own, of a name of Keras's and nothing else
    def build(self, shape: Any) -> None:
        self.layers = 3
        self.matrix = self.add_weight(shape=(shape[-1], 2))

    def call(self, x: Any) -> Any:
        return x @ self.matrix


def test_a_layer_of_ones_own_may_bear_a_name_of_keras() -> None:
    row = sizes(keras.Sequential([keras.Input((8, 8, 3)), Conv2D()]))[0]
    assert (row.kind, row.outputs, row.parameters) == ("Conv2D", ((8, 8, 2),), 6)
    assert (row.window, row.formula, row.parameter_formula) == ("", "", "")
    assert (row.multiply_adds, row.sees) == (None, None)


def test_operations_bear_names_of_layers_and_do_other_things() -> None:
    entry = keras.Input((8, 6, 2))
    conv = L.Conv2D(2, 3, padding="same")(entry)
    flat = L.Dense(2, name="reshaped")(L.Dense(3)(keras.ops.reshape(conv, (-1, 96))))
    mean = L.Conv1D(2, 3, name="averaged")(keras.ops.average(conv, axis=1))
    added = L.Conv2D(2, 3, name="added")(conv + 2 * entry)
    found = by_name(keras.Model(entry, [flat, mean, added]))
    assert (found["reshaped"].sees, found["averaged"].sees) == (None, None)  # an average over a side sees all of it
    assert found["added"].sees == (5, 5)


def test_unknown_lengths_have_no_formula_but_a_field() -> None:
    entry = keras.Input((None, None, 3))
    x = L.Conv2D(2, 3, strides=2, name="conv")(entry)
    x = L.MaxPooling2D(2, name="pool")(x)
    x = L.Concatenate(axis=1, name="both")([x, x])
    x = L.ZeroPadding2D(1)(x)
    x = L.Conv2DTranspose(2, 3)(L.UpSampling2D(2)(L.Cropping2D(1)(x)))
    rows = sizes(keras.Model(entry, x))
    assert [row.formula for row in rows] == [""] * len(rows)
    assert [row.sees for row in rows[1:4]] == [(3, 3), (5, 5), (5, 5)]


@pytest.mark.parametrize(("stride", "dilation"), [(1, 1), (2, 1), (1, 3)])
def test_causal_convolutions(stride: int, dilation: int) -> None:
    conv = L.Conv1D(4, 3, strides=stride, dilation_rate=dilation, padding="causal")
    model = keras.Sequential([keras.Input((21, 2)), conv])
    row = sizes(model)[0]
    assert row.formula == f"⌈21 / {stride}⌉ = {model.output_shape[1]}"
    assert row.sees == reach(model)


@settings(max_examples=25, deadline=None)
@given(st.sampled_from(["valid", "same"]), st.integers(1, 3), st.integers(1, 3), st.integers(1, 4))
def test_the_formula_of_transposed_convolutions(padding: str, stride: int, dilation: int, size: int) -> None:
    dilation = dilation if stride == 1 else 1  # Keras takes one of them
    layer = L.Conv2DTranspose(3, size, strides=stride, dilation_rate=dilation, padding=padding)
    model = keras.Sequential([keras.Input((10, 11, 2)), layer])
    parts = sizes(model)[0].formula.split("; ")
    assert [int(part.split(" = ")[1]) for part in parts] == list(model.output_shape[1:3])
    for part in parts:
        left, right = part.replace("×", "*").replace("−", "-").split(" = ")
        assert eval(left) == int(right)  # our own formula


def test_a_layer_counts_as_often_as_this_model_calls_it(tmp_path: Any) -> None:
    made = keras.Sequential([keras.Input((9, 9, 1)), L.Conv2D(2, 3), L.Conv2D(3, 2), L.Flatten(), L.Dense(4)])
    expected = [row.multiply_adds for row in sizes(made)]
    made.save(tmp_path / "made.keras")
    loaded = keras.models.load_model(tmp_path / "made.keras")  # Keras builds it anew with each layer it adds
    assert [row.multiply_adds for row in sizes(loaded)] == expected
    assert sum(expected) == counted(loaded)
    made.add(L.Dense(2))
    assert [row.multiply_adds for row in sizes(made)] == [*expected, 8]
    entry, shared = keras.Input((6,)), L.Dense(6, name="shared")
    once = shared(entry)
    keras.Model(entry, shared(once))
    assert by_name(keras.Model(entry, once))["shared"].multiply_adds == 36
    assert by_name(keras.Model(entry, shared(shared(entry))))["shared"].multiply_adds == 72
