"""`evaluate`, `predict` and `predict_classes` against Keras's own."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

from sonmat.data.dataset import Dataset
from sonmat.engine.batching import indifferent_to_batches, roomy
from sonmat.engine.evaluate import evaluate, evaluation_of
from sonmat.engine.fit import fit
from sonmat.engine.predict import predict, predict_classes

Rows = tuple[np.ndarray, np.ndarray]
L, M = keras.layers, keras.metrics
ops = keras.ops


def agree(model: keras.Model, x: Any, y: Any, **options: Any) -> None:
    expected = model.evaluate(x, y, verbose=0, return_dict=True, **options)
    came = evaluate(model, x, y, **options).metrics
    assert list(came) == list(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(came[name], value, rtol=1e-4, atol=1e-6, err_msg=name)


MANY: list[Any] = ["accuracy", "sparse_top_k_categorical_accuracy", M.SparseCategoricalCrossentropy(name="ce")]
MANY_HOT: list[Any] = [
    M.AUC(num_thresholds=50),
    M.Precision(class_id=1),
    M.Recall(),
    M.F1Score(average="macro"),
    M.F1Score(name="each"),
    M.MeanIoU(3, sparse_y_true=False, sparse_y_pred=False),
    M.KLDivergence(),
    M.RootMeanSquaredError(),
    M.R2Score(),
    M.CosineSimilarity(),
    M.CategoricalHinge(),
    M.SpecificityAtSensitivity(0.5, num_thresholds=20),
    "mae",
]


@pytest.mark.parametrize("batch_size", [None, 1, 7, 32, 200, 500])
def test_evaluate_at_every_batch_size(network: Any, rows: Rows, batch_size: int | None) -> None:
    agree(network(metrics=MANY), *rows, batch_size=batch_size)


def test_evaluate_with_metrics_of_every_kind(network: Any, rows: Rows) -> None:
    hot = np.eye(3, dtype="float32")[rows[1]]
    weighted = ["accuracy", M.Precision(name="precise")]
    model = network(loss="categorical_crossentropy", metrics=MANY_HOT, weighted_metrics=weighted)
    agree(model, rows[0], hot)
    agree(model, rows[0], hot, sample_weight=np.random.default_rng(0).random(200), batch_size=30)
    agree(model, rows[0], hot, sample_weight=np.random.default_rng(1).random(200))


def test_evaluate_leaves_the_model_as_keras_does(network: Any, rows: Rows) -> None:
    theirs, ours = network(), network()
    theirs.evaluate(*rows, verbose=0)
    evaluate(ours, *rows)
    results = [{name: float(value) for name, value in model.get_metrics_result().items()} for model in (theirs, ours)]
    assert results[1] == pytest.approx(results[0], rel=1e-5)
    for a, b in zip(theirs.get_weights(), ours.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def by_batch(y_true: Any, y_pred: Any) -> Any:
    return ops.max(y_pred) * ops.ones_like(y_pred[:, 0])


# What depends on how rows are cut into batches must be cut as asked: 32, as in Keras.
DEPENDENT: dict[str, Callable[[Any], keras.Model]] = {
    "metric of one's own": lambda network: network(metrics=[by_batch]),
    "loss of one's own": lambda network: network(loss=by_batch),
    "sum": lambda network: network(loss=keras.losses.SparseCategoricalCrossentropy(reduction="sum")),
    "ignored class": lambda network: network(loss=keras.losses.SparseCategoricalCrossentropy(ignore_class=1)),
    "dice": lambda network: network(loss="dice", metrics=[]),
    "Tversky": lambda network: network(loss=keras.losses.Tversky(), metrics=[]),
    "Dice as a metric": lambda network: network(loss="mse", metrics=[keras.losses.dice]),
    "lambda": lambda network: network(layers=[L.Lambda(lambda x: x - ops.mean(x, 0))]),
    "activation of one's own": lambda network: network(layers=[L.Dense(8, activation=lambda x: x - ops.mean(x, 0))]),
    "activity": lambda network: network(layers=[L.Dense(8, activity_regularizer="l2")]),
}


@pytest.mark.parametrize("what", DEPENDENT)
def test_what_depends_on_the_batch_keeps_its_batches(network: Any, rows: Rows, what: str) -> None:
    model = DEPENDENT[what](network)
    y = np.eye(3, dtype="float32")[rows[1]] if isinstance(model.loss, (str, keras.losses.Tversky)) else rows[1]
    y = rows[1] if model.loss == "sparse_categorical_crossentropy" else y
    agree(model, rows[0], y)
    assert not indifferent_to_batches(model)
    history = fit(model, rows[0], y, validation_data=(rows[0], y), verbose=0).history
    assert history["val_loss"][0] == pytest.approx(
        model.evaluate(rows[0], y, verbose=0, return_dict=True)["loss"], rel=1e-4
    )


def test_an_operation_between_layers_may_look_at_the_batch(rows: Rows) -> None:
    entry = keras.Input((6,))
    centred = entry - ops.mean(entry, axis=0, keepdims=True)
    model = keras.Model(entry, L.Dense(3, activation="softmax")(centred))
    model.compile("sgd", "sparse_categorical_crossentropy")
    assert not indifferent_to_batches(model)
    agree(model, *rows)
    np.testing.assert_allclose(predict(model, rows[0]), model.predict(rows[0], verbose=0), atol=1e-6)
    outer = keras.Sequential([keras.Input((6,)), model])
    outer.compile("sgd", "sparse_categorical_crossentropy")
    assert not indifferent_to_batches(outer)


def test_masks_keep_their_batches() -> None:
    keras.utils.set_random_seed(0)
    tokens = np.random.default_rng(0).integers(0, 4, (90, 7))
    layers = [L.Embedding(4, 5, mask_zero=True), L.LSTM(6, return_sequences=True), L.Dense(3, activation="softmax")]
    model = keras.Sequential([keras.Input((7,)), *layers])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    assert not indifferent_to_batches(model)
    agree(model, tokens, tokens % 3)


def test_what_is_kerass_own_may_be_cut_freely(network: Any, rows: Rows) -> None:
    normal = [L.Dense(8), L.BatchNormalization(), L.Activation("relu"), L.Dropout(0.5)]
    for model in (network(), network(layers=normal), network(loss="categorical_crossentropy", metrics=MANY_HOT)):
        y = np.eye(3)[rows[1]] if model.loss == "categorical_crossentropy" else rows[1]
        evaluate(model, rows[0], y)  # builds the metrics
        assert indifferent_to_batches(model)


def test_roomy_batches_stay_in_the_cache(network: Any) -> None:
    assert roomy(network(), 10**6) == 4096
    assert roomy(network(), 50) == 50
    wide = keras.Sequential([keras.Input((6,)), L.Dense(200_000)])
    assert roomy(wide, 10**6) == 128


@pytest.mark.parametrize("count", [1, 2, 31, 32, 33, 64, 199])
@pytest.mark.parametrize("batch_size", [None, 32])
def test_predict_at_odd_sizes(network: Any, rows: Rows, count: int, batch_size: int | None) -> None:
    model = network(layers=[L.Dense(8), L.BatchNormalization(), L.Dropout(0.5)])
    x = rows[0][:count]
    expected = model.predict(x, batch_size=batch_size, verbose=0)
    np.testing.assert_allclose(predict(model, x, batch_size=batch_size), expected, atol=1e-6)


def test_predict_in_overlapping_batches(network: Any) -> None:
    x = np.random.default_rng(0).normal(size=(5000, 6)).astype("float32")
    model = network()
    assert roomy(model, len(x)) == 4096
    np.testing.assert_allclose(predict(model, x), model.predict(x, verbose=0), atol=1e-6)


def test_predict_follows_the_weights(network: Any, rows: Rows) -> None:
    """A compiled program is kept with the model; the weights are not part of it."""
    model = network()
    before = predict(model, rows[0])
    model.set_weights([weight + 1 for weight in model.get_weights()])
    after = predict(model, rows[0])
    np.testing.assert_allclose(after, model.predict(rows[0], verbose=0), atol=1e-6)
    assert np.abs(after - before).max() > 0.01


def test_predict_of_several_outputs_and_inputs(rows: Rows) -> None:
    left, right = keras.Input((4,), name="left"), keras.Input((2,), name="right")
    joined = L.Concatenate()([left, right])
    outputs = {"kind": L.Dense(3, activation="softmax")(joined), "size": L.Reshape((2, 1))(L.Dense(2)(joined))}
    model = keras.Model([left, right], outputs)
    x = [rows[0][:, :4], rows[0][:, 4:]]
    expected = model.predict(x, verbose=0)
    came = predict(model, x)
    assert came.keys() == expected.keys()
    for name in expected:
        np.testing.assert_allclose(came[name], expected[name], atol=1e-6)


def test_predict_of_a_layer_of_ones_own(network: Any, rows: Rows) -> None:
    class Centre(L.Layer):
        def call(self, x: Any) -> Any:
            return x - ops.mean(x, axis=0)

    model = network(layers=[Centre()])
    np.testing.assert_allclose(predict(model, rows[0]), model.predict(rows[0], verbose=0), atol=1e-6)


def test_predict_of_a_model_that_is_not_built_or_compiled(rows: Rows) -> None:
    models = [
        keras.Sequential([L.Dense(4, kernel_initializer="ones"), L.Dense(2, kernel_initializer="ones")]) for _ in "ab"
    ]
    np.testing.assert_allclose(predict(models[0], rows[0]), models[1].predict(rows[0], verbose=0), rtol=1e-5)


def test_predict_classes(network: Any, rows: Rows) -> None:
    model = network()
    np.testing.assert_array_equal(predict_classes(model, rows[0]), model.predict(rows[0], verbose=0).argmax(-1))
    sigmoid = keras.Sequential([keras.Input((6,)), L.Dense(1, activation="sigmoid")])
    came = predict_classes(sigmoid, rows[0])
    assert came.dtype == np.int64
    assert came.shape == (200,)
    np.testing.assert_array_equal(came, sigmoid.predict(rows[0], verbose=0)[:, 0] > 0.5)
    assert 0 < came.sum() < 200


def test_an_evaluation_is_ready_for_json(network: Any, rows: Rows) -> None:
    model = network(metrics=["accuracy"])
    fit(model, *rows, epochs=5, verbose=0)
    data = Dataset.from_arrays(*rows, classes=("red", "green", "blue"))
    found = evaluate(model, data)
    told = json.loads(json.dumps(found.as_dict()))
    assert told["n"] == 200
    assert told["loss"] == found.loss == found["loss"]
    assert told["accuracy"] == pytest.approx(found.accuracy) == pytest.approx(found["accuracy"])
    assert found.scores is not None
    assert [score.name for score in found.scores.per_class] == ["red", "green", "blue"]
    assert found.scores.confusion.sum() == 200
    assert found.outputs.shape == (200, 3)
    assert "95 % interval" in repr(found)
    several = evaluate(network(loss="mse", metrics=[M.F1Score()]), rows[0], np.eye(3)[rows[1]])
    assert np.shape(json.loads(json.dumps(several.as_dict()))["f1_score"]) == (3,)


@pytest.mark.parametrize(
    "y", [lambda y: y, lambda y: y[:, None], lambda y: np.eye(3)[y]], ids=["(n,)", "(n, 1)", "one-hot"]
)
def test_scores_of_targets_in_every_form(network: Any, rows: Rows, y: Any) -> None:
    targets = y(rows[1])
    loss = "categorical_crossentropy" if targets.shape == (200, 3) else "sparse_categorical_crossentropy"
    model = network(loss=loss)
    found = evaluate(model, rows[0], targets)
    assert found.accuracy == pytest.approx(found["accuracy"])


def test_an_evaluation_of_outputs_is_that_of_the_model(network: Any, rows: Rows) -> None:
    data = Dataset.from_arrays(*rows, classes=("red", "green", "blue"))
    layers = [L.Dense(8, kernel_regularizer="l2")]
    model = network(
        layers=layers, loss="sparse_categorical_crossentropy", metrics=["accuracy", M.SparseTopKCategoricalAccuracy(2)]
    )
    whole = evaluate(model, data)
    found = evaluation_of(model, whole.outputs, data)
    assert found.metrics == pytest.approx(whole.metrics, rel=1e-5)
    assert list(found.metrics) == list(whole.metrics)
    assert found.as_dict().keys() == whole.as_dict().keys()
    np.testing.assert_array_equal(found.scores.confusion, whole.scores.confusion)


def test_a_regression_has_no_accuracy(rows: Rows) -> None:
    model = keras.Sequential([keras.Input((6,)), L.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae"])
    found = evaluate(model, rows[0], rows[0].sum(1))
    assert found.scores is None
    assert found.as_dict().keys() == {"loss", "mae", "n"}
    assert "mae" in repr(found)
    with pytest.raises(AttributeError, match="does not classify"):
        _ = found.accuracy


def test_a_second_fit_is_not_told_the_first_ones_compiling(
    network: Any, rows: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sonmat.engine.program import Program

    compiled = []
    keep = Program._compile_full
    monkeypatch.setattr(Program, "_compile_full", lambda *given: (compiled.append(1), keep(*given))[1])
    model = network()
    first = fit(model, *rows, verbose=0)
    again = fit(model, *rows, verbose=0)
    assert len(compiled) == 1
    assert first.compile_seconds > again.compile_seconds >= 0
    assert again.train_seconds > 0
    model.compile("adam", "sparse_categorical_crossentropy")
    fit(model, *rows, verbose=0)
    assert len(compiled) == 2
