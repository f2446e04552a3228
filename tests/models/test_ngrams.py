"""The linear path over runs of pieces: a table of votes by hand is the same, padding says nothing, and it learns what order says."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

import sonmat as sm
from sonmat.data.dataset import Dataset
from sonmat.models.ngrams import runs, table_of, votes


def path(length: int, longest: int, classes: int) -> keras.Model:
    tokens = keras.Input((length,), dtype="int32")
    model = keras.Model(tokens, votes(tokens, longest, classes))
    random = np.random.default_rng(0)
    model.set_weights([random.normal(size=weight.shape).astype("float32") for weight in model.get_weights()])
    return model


def by_hand(sentence: list[int], longest: int, rows: int) -> list[int]:
    """The numbers of a sentence's runs, one run at a time."""
    found = []
    for start in range(len(sentence)):
        number = sentence[start]
        found.append(number)
        for piece in sentence[start + 1 : start + longest]:
            number = (number * 8171 + piece) % rows
            found.append(number)
    return found


@pytest.mark.parametrize(("longest", "classes"), [(1, 2), (3, 3), (8, 7), (2, 20)])
def test_it_is_a_sum_over_runs(longest: int, classes: int) -> None:
    model = path(6, longest, classes)
    rows, columns = table_of(classes)
    sentences = [[5, 9, 20_001, 3, 5, 9], [7, 2], [1], []]
    inputs = np.array([one + [0] * (6 - len(one)) for one in sentences], np.int32)
    table, *further = model.get_weights()
    assert table.shape == (rows, columns)
    for said, sentence in zip(model.predict(inputs, verbose=0), sentences, strict=True):
        numbers = by_hand(sentence, longest, rows)
        wanted = 3 * table[numbers].sum(0) / np.sqrt(max(len(numbers), 1))
        np.testing.assert_allclose(said, wanted @ further[0] if further else wanted, atol=2e-5)


def test_no_number_is_too_large_for_int32() -> None:
    tokens = keras.Input((4,), dtype="int32")
    for classes in (2, 7, 150):
        rows, _ = table_of(classes)
        numbers = keras.Model(tokens, runs(tokens, 4, rows))(np.full((1, 4), 20_002, np.int32))
        assert list(np.asarray(numbers)[0]) == [20_002] * 4 + sorted_by_length([20_002] * 4, rows)


def sorted_by_length(sentence: list[int], rows: int) -> list[int]:
    found, number = [], sentence[0]
    for length in range(2, len(sentence) + 1):
        number = (number * 8171 + sentence[length - 1]) % rows
        found += [number] * (len(sentence) - length + 1)
    return found


def built(**how: Any) -> tuple[Dataset, keras.Model]:
    texts = ["dog bites man", "man bites dog", "dog sees man", "man sees dog"] * 8
    (data,) = sm.tokenize(Dataset.from_sentences(texts, [0, 1, 0, 1] * 8, classes=["dog", "man"]), kind="words")
    return data, sm.build("textcnn", data, units=4, widths=[1], filters=2, learning_rate=0.01, seed=0, ngrams=3, **how)


def test_it_learns_what_only_order_tells() -> None:
    data, model = built()
    sm.fit(model, data, epochs=12, batch_size=8, seed=0, verbose=0)
    assert sm.evaluate(model, data).accuracy == 1.0


def test_it_trains_as_keras_trains_it() -> None:
    how: dict[str, Any] = {"optimizer": "sgd", "token_dropout": 0.0, "dropout": 0.0}
    (data, ours), (_, theirs) = built(**how), built(**how)
    sm.fit(ours, data, epochs=2, batch_size=8, shuffle=False, seed=0, verbose=0)
    theirs.fit(data.inputs, data.labels, epochs=2, batch_size=8, shuffle=False, verbose=0)
    for one, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=2e-5)


def test_a_saved_one_reads_back_and_is_written_as_code(tmp_path: Any) -> None:
    from sonmat.runs.script_model import model_code

    data, model = built()
    model.save(tmp_path / "model.keras")
    again = sm.load_model(tmp_path / "model.keras")
    made: dict[str, Any] = {"keras": keras, "layers": keras.layers}
    exec(model_code(model), made)
    made["model"].set_weights(model.get_weights())
    wanted = model.predict(data.inputs, verbose=0)
    for other in (again, made["model"]):
        np.testing.assert_allclose(other.predict(data.inputs, verbose=0), wanted, atol=1e-6)
