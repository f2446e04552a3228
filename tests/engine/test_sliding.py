"""One place of a window taken apart: every number is the layer's own; occlusion and gradient against their definitions."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sonmat.engine.activations import Step, activations
from sonmat.engine.attribution import gradient, occlusion, probability
from sonmat.engine.sliding import convolved, pooled
from sonmat.errors import DataError, UnsupportedError

L = keras.layers


def step_of(layer: Any, shape: tuple[int, ...], seed: int = 0) -> Step:
    model = keras.Sequential([keras.Input(shape), layer])
    rng = np.random.default_rng(seed)
    model.set_weights([rng.normal(size=weight.shape) for weight in model.get_weights()])
    x = rng.normal(size=shape).astype("float32")
    (step,) = activations(model, x)
    np.testing.assert_allclose(step.output, model.predict(x[None], verbose=0)[0], atol=1e-5)
    return step


@st.composite
def convolutions(draw: Any) -> tuple[Any, tuple[int, ...]]:
    kind = draw(st.sampled_from(["Conv2D", "Conv1D", "DepthwiseConv2D", "DepthwiseConv1D"]))
    stride, space = draw(st.integers(1, 3)), 2 if "2D" in kind else 1
    options = {
        "kernel_size": tuple(draw(st.integers(1, 4)) for _ in range(space)),
        "strides": stride,
        "dilation_rate": draw(st.integers(1, 2)) if stride == 1 else 1,
        "padding": draw(st.sampled_from(["valid", "same"])),
        "activation": draw(st.sampled_from([None, "relu", "tanh", "gelu", "softmax"])),
        "use_bias": draw(st.booleans()),
        "data_format": draw(st.sampled_from(["channels_last", "channels_first"])),
    }
    if kind.startswith("Conv"):
        options |= {"filters": 4, "groups": draw(st.sampled_from([1, 2]))}
    else:
        options["depth_multiplier"] = draw(st.integers(1, 2))
    size = tuple(draw(st.integers(7, 11)) for _ in range(space))
    return getattr(L, kind)(**options), (*size, 2) if options["data_format"] == "channels_last" else (2, *size)


@settings(max_examples=30, deadline=None)
@given(convolutions(), st.data())
def test_a_convolution_taken_apart_is_the_layers_own(case: tuple[Any, tuple[int, ...]], data: Any) -> None:
    step = step_of(*case)
    shape = convolved(step).place.output
    at = data.draw(st.tuples(st.integers(0, shape[0] - 1), st.integers(0, shape[1] - 1)))
    channel = data.draw(st.integers(0, 3))
    for found in (convolved(step), convolved(step, at, channel % (4 if hasattr(case[0], "filters") else 2))):
        output = step.output if case[0].data_format == "channels_last" else np.moveaxis(step.output, 0, -1)
        output = output[:, None] if output.ndim == 2 else output
        given = output[(*found.place.at, found.place.channel)]
        assert found.given == pytest.approx(float(given), abs=1e-6)
        assert found.value == pytest.approx(found.given, abs=1e-5 * max(1, abs(found.given)))
        assert found.sums.sum() == pytest.approx(found.total)
        assert (found.patch[~found.place.inside] == 0).all()
        assert found.patch.shape == found.kernel.shape


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from(["MaxPooling", "AveragePooling"]),
    st.sampled_from([1, 2]),
    st.integers(1, 4),
    st.integers(1, 3),
    st.sampled_from(["valid", "same"]),
    st.sampled_from(["channels_last", "channels_first"]),
    st.data(),
)
def test_a_pooling_taken_apart_is_the_layers_own(
    kind: str, space: int, size: int, stride: int, padding: str, layout: str, data: Any
) -> None:
    shape = (9, 8)[:space]
    layer = getattr(L, f"{kind}{space}D")(size, strides=stride, padding=padding, data_format=layout)
    step = step_of(layer, (*shape, 3) if layout == "channels_last" else (3, *shape))
    rows, columns = pooled(step).place.output
    at = data.draw(st.tuples(st.integers(0, rows - 1), st.integers(0, columns - 1)))
    found = pooled(step, at, data.draw(st.integers(0, 2)))
    assert found.given is not None
    assert found.value == pytest.approx(found.given, abs=1e-5)
    other = pooled(step, at, found.place.channel, "average" if found.kind == "max" else "max")
    assert other.given is None
    known = found.patch[~np.isnan(found.patch)]
    assert other.value == pytest.approx(known.mean() if other.kind == "average" else known.max())


def test_what_is_out_of_range_is_said() -> None:
    step = step_of(L.Conv2D(3, 3), (8, 8, 1))
    with pytest.raises(DataError, match=r"filter 3.*\n.*0–2"):
        convolved(step, None, 3)
    with pytest.raises(DataError, match=r"position \(row, column\) 6,0.*\n.*0–5, 0–5"):
        convolved(step, (6, 0))
    with pytest.raises(DataError):
        pooled(step_of(L.MaxPooling2D(), (8, 8, 1)), (-1, 0))


def test_layers_in_models_and_used_twice_are_followed() -> None:
    inner = keras.Sequential([keras.Input((6, 6, 2)), L.Conv2D(2, 3, name="deep")], name="inner")
    shared = L.Conv2D(2, 3, padding="same", name="shared")
    entry = keras.Input((6, 6, 2))
    twice = shared(shared(entry))
    model = keras.Model(entry, L.Flatten(name="flat")(inner(twice)))
    x = np.random.default_rng(0).normal(size=(6, 6, 2)).astype("float32")
    steps = {step.name: step for step in activations(model, x)}
    assert list(steps) == ["shared", "shared (2)", "inner/deep", "inner", "flat"]
    np.testing.assert_allclose(steps["inner/deep"].output, steps["inner"].output, atol=1e-6)
    np.testing.assert_allclose(steps["flat"].output, model.predict(x[None], verbose=0)[0], atol=1e-5)
    np.testing.assert_allclose(steps["shared (2)"].inputs[0], steps["shared"].output)


def test_a_model_of_its_own_class_is_refused() -> None:
    class Own(keras.Model):
        def call(self, x: Any) -> Any:
            return x

    with pytest.raises(UnsupportedError, match="Sequential or functional"):
        activations(Own(name="own"), np.zeros((4, 4)))


def classifier(last: Any) -> tuple[keras.Model, np.ndarray]:
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((10, 10)), L.Flatten(), L.Dense(6, activation="tanh"), last])
    return model, np.random.default_rng(0).random((10, 10)).astype("float32")


@pytest.mark.parametrize(("units", "activation"), [(3, "softmax"), (3, None), (1, "sigmoid")])
def test_the_gradient_is_the_slope_of_the_log_probability(units: int, activation: str | None) -> None:
    model, x = classifier(L.Dense(units, activation=activation))
    found = gradient(model, x, 1)
    for place in ((0, 0), (4, 7)):
        step = np.zeros_like(x)
        step[place] = 1e-2
        up, down = probability(model, np.stack([x + step, x - step]), 1)
        assert found[place] == pytest.approx(abs(np.log(up) - np.log(down)) / 2e-2, rel=0.05, abs=1e-3)


def test_occlusion_is_the_mean_fall_over_patches() -> None:
    model, x = classifier(L.Dense(3, activation="softmax"))
    found = occlusion(model, x, 2)
    before = probability(model, x[None], 2)[0]
    falls = []
    for top in range(4 - found.size + 1, 5):
        for left in range(6 - found.size + 1, 7):
            covered = x.copy()
            covered[max(0, top) : top + found.size, max(0, left) : left + found.size] = found.cover
            falls.append(before - probability(model, covered[None], 2)[0])
    assert found.stride == 1
    assert found.drop[4, 6] == pytest.approx(np.mean(falls), abs=1e-5)
    blind, _ = classifier(L.Dense(3, activation="softmax", kernel_initializer="zeros"))
    assert np.abs(occlusion(blind, x, 0).drop).max() < 1e-6
