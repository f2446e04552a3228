"""What `fit` takes, as Keras takes it; and what it refuses, with what was expected, what came and the fix."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import pytest
import scipy.sparse

from sonmat.data.dataset import Dataset
from sonmat.engine import batch_input
from sonmat.engine.evaluate import evaluate
from sonmat.engine.examples import gather
from sonmat.engine.fit import fit
from sonmat.engine.predict import predict
from sonmat.errors import DataError, SonmatError, TrainingError, UnsupportedError

Rows = tuple[np.ndarray, np.ndarray]
L = keras.layers


def weights_after(model: keras.Model, *data: Any, go: Any = fit, **options: Any) -> list[np.ndarray]:
    history = go(model, *data, shuffle=False, verbose=0, **options)
    return [*model.get_weights(), np.array(history.history["loss"])]


def same(came: list[np.ndarray], expected: list[np.ndarray], tolerance: float = 1e-5) -> None:
    for a, b in zip(came, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=tolerance)


# What is taken


def pictures() -> Rows:
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (150, 5, 5), dtype=np.uint8), rng.integers(0, 3, 150)


def on_pictures() -> keras.Model:
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((5, 5)), L.Flatten(), L.Dense(3, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def test_a_dataset_is_its_arrays_scaled() -> None:
    x, y = pictures()
    data = Dataset.from_arrays(x, y)
    options = {"epochs": 2, "batch_size": 20}
    ours = on_pictures()
    came = weights_after(ours, data, validation_data=data, **options)
    other = on_pictures()
    same(came, weights_after(other, x / 255.0, y, validation_data=(x / 255.0, y), **options))
    same(came, weights_after(on_pictures(), (x / 255.0).astype("float32"), y, go=keras.Model.fit, **options))
    assert ours.history.history["val_loss"] == pytest.approx(other.history.history["val_loss"], abs=1e-5)
    assert evaluate(ours, data).loss == pytest.approx(evaluate(other, x / 255.0, y).loss, abs=1e-5)
    np.testing.assert_allclose(predict(ours, data), predict(other, x / 255.0), atol=1e-5)


class Batches(keras.utils.PyDataset):
    def __init__(self, x: np.ndarray, y: np.ndarray, weight: np.ndarray | None = None) -> None:
        super().__init__()
        self.parts = [x, y] if weight is None else [x, y, weight]

    def __len__(self) -> int:
        return -(-len(self.parts[0]) // 32)

    def __getitem__(self, i: int) -> tuple[np.ndarray, ...]:
        return tuple(part[i * 32 : i * 32 + 32] for part in self.parts)


class Loader:
    """What a torch DataLoader looks like: its length, and lists of parts."""

    def __init__(self, x: np.ndarray, y: np.ndarray) -> None:
        self.batches = Batches(x, y)

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[list[np.ndarray]]:
        return (list(self.batches[i]) for i in range(len(self)))


@pytest.mark.parametrize(
    "form",
    [
        lambda x, y: (x.astype("float64"), y),
        lambda x, y: (x.astype("float16"), y.astype("uint8")),
        lambda x, y: (x, y.astype("float64")),
        lambda x, y: (x, y[:, None]),
        lambda x, y: (np.asfortranarray(x), y[::-1][::-1]),
        lambda x, y: (keras.ops.array(x), keras.ops.array(y)),
        lambda x, y: (scipy.sparse.csr_matrix(x), y),
        lambda x, y: (Batches(x, y),),
        lambda x, y: (Loader(x, y),),
        lambda x, y: ((Batches(x, y)[i] for i in range(7)),),
        lambda x, y: (x[:, :, None], y),  # a rank that Keras adjusts
    ],
    ids=["f64", "f16", "float y", "(n, 1)", "strided", "jax", "sparse", "PyDataset", "loader", "generator", "rank"],
)
def test_forms_of_the_same_rows(network: Any, rows: Rows, form: Callable[..., Any]) -> None:
    expected = weights_after(network(), *rows, batch_size=32)
    same(weights_after(network(), *form(*rows)), expected, 2e-3 if form(*rows)[0].__class__ is np.ndarray else 1e-5)


def test_pandas(network: Any, rows: Rows) -> None:
    pandas = pytest.importorskip("pandas")
    x, y = rows
    frame = pandas.DataFrame(x, columns=list("abcdef"))
    came = weights_after(network(), frame, pandas.Series(y))
    same(came, weights_after(network(), x, y))
    frame["g"] = "text"
    with pytest.raises(DataError, match=r"arrays of numbers.*DataFrame"):
        fit(network(), frame, y)


def test_weights_in_batches(network: Any, rows: Rows) -> None:
    weight = np.random.default_rng(0).random(200)
    came = weights_after(network(), Batches(*rows, weight))
    same(came, weights_after(network(), *rows, sample_weight=weight))


def two(order: Callable[[Any, Any], Any]) -> keras.Model:
    keras.utils.set_random_seed(1)
    left, right = keras.Input((4,), name="left"), keras.Input((2,), name="right")
    model = keras.Model(order(left, right), L.Dense(3, activation="softmax")(L.Concatenate()([left, right])))
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@pytest.mark.parametrize(
    "order",
    [lambda a, b: {"left": a, "right": b}, lambda a, b: [a, b], lambda a, b: (a, b)],
    ids=["dict", "list", "tuple"],
)
def test_several_inputs(network: Any, rows: Rows, order: Callable[[Any, Any], Any]) -> None:
    x, y = rows
    data = order(x[:, :4], x[:, 4:])
    came = weights_after(two(order), data, y, validation_data=(data, y))
    same(came, weights_after(two(order), data, y, go=keras.Model.fit, validation_data=(data, y)))
    assert predict(two(order), data).shape == (200, 3)


def test_a_model_that_needs_no_targets(rows: Rows) -> None:
    class Own(L.Layer):
        def call(self, x: Any) -> Any:
            self.add_loss(keras.ops.mean(keras.ops.square(x)))
            return x

    def make() -> keras.Model:
        keras.utils.set_random_seed(1)
        model = keras.Sequential([keras.Input((6,)), L.Dense(2), Own()])
        model.compile("sgd")
        return model

    came = weights_after(make(), rows[0], epochs=2)
    same(came, weights_after(make(), rows[0], epochs=2, go=keras.Model.fit))


def test_endless_inputs_with_steps(network: Any, rows: Rows) -> None:
    batches = Batches(*rows)

    def endless() -> Iterator[Any]:
        return (batches[i % 7] for i in itertools.count())

    model = network()
    with pytest.warns(UserWarning, match="this generator are read once"):
        fit(model, endless(), steps_per_epoch=5, epochs=2, validation_data=batches, verbose=0)
    assert int(model.optimizer.iterations) == 10
    assert predict(model, endless(), steps=2).shape == (64, 3)
    assert evaluate(model, endless(), steps=2).n == 64


def test_steps_of_a_counted_input_go_through_all_of_it(network: Any, rows: Rows) -> None:
    options = {"steps_per_epoch": 4, "epochs": 4}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras and we say that the data end within an epoch
        came = weights_after(network(), Batches(*rows), **options)
        same(came, weights_after(network(), *rows, **options, batch_size=32))
    assert not np.allclose(came[0], weights_after(network(), *(part[:128] for part in rows), epochs=4)[0], atol=1e-4)


def test_steps_of_arrays(network: Any, rows: Rows) -> None:
    model = network()
    assert predict(model, rows[0], steps=2, batch_size=30).shape == (60, 3)
    assert evaluate(model, *rows, steps=2, batch_size=30).n == 60
    data = Dataset.from_arrays(*pictures())
    images = on_pictures()
    part = evaluate(images, data, steps=2, batch_size=30)
    np.testing.assert_allclose(part.outputs, predict(images, data)[:60], atol=1e-6)


# What is refused: (what is wrong, the data, what the error says)


def spoiled(array: np.ndarray, value: float) -> np.ndarray:
    array = array.astype("float32")
    array[17] = value
    return array


WRONG: dict[str, tuple[Callable[[np.ndarray, np.ndarray], tuple[Any, ...]], dict[str, Any], str]] = {
    "label too large": (lambda x, y: (x, spoiled(y, 3)), {}, r"from 0 to 2.*row 17 has 3"),
    "negative label": (lambda x, y: (x, spoiled(y, -1)), {}, r"from 0 to 2.*row 17 has -1"),
    "label and a half": (lambda x, y: (x, spoiled(y, 1.5)), {}, r"must be whole.*row 17 has 1.5"),
    "one-hot": (lambda x, y: (x, np.eye(3)[y]), {}, r"takes class numbers; y has shape \(200, 3\)"),
    "NaN input": (lambda x, y: (spoiled(x, np.nan), y), {}, r"x must be finite.* 1 of 200 rows.*row 17"),
    "infinite input": (lambda x, y: (spoiled(x, np.inf), y), {}, r"x must be finite"),
    "NaN target": (lambda x, y: (x, spoiled(y, np.nan)), {}, r"y must be finite"),
    "NaN weight": (
        lambda x, y: (x, y),
        {"sample_weight": spoiled(np.ones(200), np.nan)},
        r"sample_weight must be finite",
    ),
    "rows of y": (lambda x, y: (x, y[:-1]), {}, r"same number of rows; got x: \[200\], y: \[199\]"),
    "rows of weights": (lambda x, y: (x, y), {"sample_weight": np.ones(3)}, r"weights: \[3\]"),
    "no rows": (lambda x, y: (x[:0], y[:0]), {}, "no rows"),
    "no input": (lambda x, y: ([], None), {}, "No input"),
    "shape": (lambda x, y: (x[:, :5], y), {}, r"shape \(6,\); got \(5,\)"),
    "objects": (lambda x, y: (x.astype(object), y), {}, "arrays of numbers"),
    "strings": (lambda x, y: (x, np.array(["a"] * 200)), {}, "arrays of numbers"),
    "dates": (lambda x, y: (x.astype("datetime64[s]"), y), {}, "arrays of numbers"),
    "a list of numbers": (lambda x, y: (x, y.tolist()), {}, "arrays of numbers.*got int"),
    "one number": (lambda x, y: (np.float32(3), y), {}, "arrays of numbers"),
    "a name": (lambda x, y: ("mnist", None), {}, "arrays of numbers.*got str"),
    "no batch": (lambda x, y: (iter(()),), {}, "no batch"),
    "uneven batches": (lambda x, y: (iter([(x, y), (x[:, :3], y)]),), {}, "do not have the same shapes"),
    "y beside batches": (lambda x, y: (Batches(x, y), y), {}, "y was given beside a Batches"),
    "y beside a Dataset": (lambda x, y: (Dataset.from_arrays(x, y), y), {}, "y was given beside a Dataset"),
    "weights beside batches": (
        lambda x, y: (Batches(x, y),),
        {"sample_weight": np.ones(200)},
        "beside an input of batches",
    ),
    "two weights": (lambda x, y: (x, y), {"sample_weight": np.ones(200), "class_weight": {0: 2.0}}, "Keras takes one"),
    "a list of class weights": (lambda x, y: (x, y), {"class_weight": [1, 2, 3]}, "must be a dict"),
    "NaN class weight": (lambda x, y: (x, y), {"class_weight": {0: np.nan}}, "class_weight must be finite"),
    "validation shape": (lambda x, y: (x, y), {"validation_data": (np.ones((9, 5)), np.zeros(9))}, r"got \(5,\)"),
    "validation label": (lambda x, y: (x, y), {"validation_data": (np.ones((9, 6)), np.full(9, 7))}, "row 0 has 7"),
    "split": (lambda x, y: (x, y), {"validation_split": 1.0}, "leaves one side empty"),
    "negative split": (lambda x, y: (x, y), {"validation_split": -0.5}, "leaves one side empty"),
    "batch_size 0": (lambda x, y: (x, y), {"batch_size": 0}, "batch_size must be .* at least 1; got 0"),
    "batch_size 3.0": (lambda x, y: (x, y), {"batch_size": 3.0}, "batch_size .* got 3.0"),
    "batch_size '32'": (lambda x, y: (x, y), {"batch_size": "32"}, "batch_size .* got '32'"),
    "epochs True": (lambda x, y: (x, y), {"epochs": True}, "epochs .* got True"),
    "epochs -1": (lambda x, y: (x, y), {"epochs": -1}, "epochs .* at least 0; got -1"),
    "initial_epoch": (lambda x, y: (x, y), {"initial_epoch": -1}, "initial_epoch"),
    "steps": (lambda x, y: (x, y), {"steps_per_epoch": 0}, "steps_per_epoch"),
    "validation_freq 0": (lambda x, y: (x, y), {"validation_freq": 0}, "validation_freq .* got 0"),
    "validation_freq 'a'": (lambda x, y: (x, y), {"validation_freq": "a"}, "validation_freq must be"),
    "seed -1": (lambda x, y: (x, y), {"seed": -1}, "seed .* at least 0; got -1"),
    "seed 'a'": (lambda x, y: (x, y), {"seed": "a"}, "seed"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_what_is_wrong_is_said(network: Any, rows: Rows, wrong: str, monkeypatch: pytest.MonkeyPatch) -> None:
    form, options, expected = WRONG[wrong]
    model = network()
    before = model.get_weights()
    with pytest.raises(DataError, match=expected) as caught:
        fit(model, *form(*rows), **options)
    assert caught.value.fix
    assert isinstance(caught.value, ValueError)
    monkeypatch.setenv("SONMAT_LANG", "ko")
    with pytest.raises(DataError) as korean:
        fit(model, *form(*rows), **options)
    for text in (korean.value.problem, korean.value.fix):
        assert any("가" <= letter <= "힣" for letter in text), text
    for a, b in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)


def test_class_numbers_for_a_one_hot_loss(network: Any, rows: Rows) -> None:
    for y in (rows[1], rows[1][:, None]):
        with pytest.raises(DataError, match="categorical_crossentropy takes one-hot rows of 3"):
            fit(network(loss="categorical_crossentropy"), rows[0], y)


def test_several_inputs_that_do_not_fit(rows: Rows) -> None:
    x, y = rows
    by_name, by_place = two(lambda a, b: {"left": a, "right": b}), two(lambda a, b: [a, b])
    with pytest.raises(DataError, match=r"takes the inputs \['left', 'right'\]; x has \['left'\]"):
        fit(by_name, {"left": x[:, :4]}, y)
    with pytest.raises(DataError, match=r"x\['right'\] has shape \(200, 3\)"):
        fit(by_name, {"left": x[:, :4], "right": x[:, :3]}, y)
    with pytest.raises(DataError, match="takes 2 inputs; x has 1"):
        fit(by_place, [x[:, :4]], y)
    with pytest.raises(UnsupportedError, match="single output"):
        fit(by_place, [x[:, :4], x[:, 4:]], None, class_weight={0: 1.0})


def test_integer_likes_are_numbers(network: Any, rows: Rows) -> None:
    assert len(fit(network(), *rows, batch_size=np.int64(50), epochs=np.int32(2), verbose=0).epoch) == 2


@pytest.mark.parametrize(
    "make",
    [
        lambda batches: (batches[0] for _ in itertools.count()),
        lambda batches: type(
            "Endless", (keras.utils.PyDataset,), {"__getitem__": lambda self, i: batches[0], "num_batches": None}
        )(),
    ],
    ids=["generator", "PyDataset"],
)
def test_an_endless_input_is_not_read_for_ever(
    network: Any, rows: Rows, make: Callable[[Any], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batch_input, "UNCOUNTED_LIMIT", 2**20)
    batches = Batches(*rows)
    with pytest.raises(DataError, match="does not say how many batches") as caught:
        fit(network(), make(batches))
    assert "steps_per_epoch" in caught.value.fix
    with pytest.raises(DataError, match="does not say how many batches"):
        fit(network(), *rows, validation_data=make(batches))
    with pytest.raises(DataError, match="does not say how many batches"):
        predict(network(), make(batches))


def test_tiny_endless_batches_end_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_input, "_UNCOUNTED_BATCHES", 1000)
    with pytest.raises(DataError, match="does not say how many batches"):
        gather(np.zeros((1, 1), "uint8") for _ in itertools.count())


def test_an_input_that_is_too_large(network: Any, rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch_input, "MATERIALIZED_LIMIT", 3000)
    with pytest.raises(UnsupportedError, match="read into memory once"):
        fit(network(), Batches(*rows))


def test_models_that_cannot_be_trained(rows: Rows) -> None:
    model = keras.Sequential([keras.Input((6,)), L.Dense(3)])
    with pytest.raises(TrainingError, match="not compiled"):
        fit(model, *rows)
    with pytest.raises(TrainingError, match="not compiled"):
        evaluate(model, *rows)
    with pytest.raises(UnsupportedError, match=r"Expected a keras.Model; got Dense"):
        fit(L.Dense(3), *rows)  # type: ignore[arg-type]
    with pytest.raises(SonmatError):
        predict("model", rows[0])  # type: ignore[arg-type]


# What is warned of


def raw_pixel_warnings(model: keras.Model, *data: Any) -> list[str]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fit(model, *data, verbose=0)
    return [str(w.message) for w in caught if "raw pixels" in str(w.message)]


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_raw_pixels_are_warned_of(dtype: str) -> None:
    x, y = pictures()
    assert len(raw_pixel_warnings(on_pictures(), x.astype(dtype), y)) == 1
    assert raw_pixel_warnings(on_pictures(), x / 255.0, y) == []
    assert raw_pixel_warnings(on_pictures(), Dataset.from_arrays(x, y)) == []


@pytest.mark.parametrize("layer", [L.Rescaling(1 / 255), L.BatchNormalization(), L.LayerNormalization()])
def test_raw_pixels_that_are_scaled_are_not(layer: keras.Layer) -> None:
    model = keras.Sequential([keras.Input((5, 5)), layer, L.Flatten(), L.Dense(3, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    assert raw_pixel_warnings(model, *pictures()) == []


def test_run_eagerly_is_warned_of(network: Any, rows: Rows) -> None:
    with pytest.warns(UserWarning, match="run_eagerly=True has no effect"):
        fit(network(run_eagerly=True), *rows, verbose=0)
