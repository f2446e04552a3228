"""The network for sentences: Kim's, by hand the same, and nothing that is no sentence."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
from keras import layers

import sonmat as sm
from sonmat.data.dataset import Dataset
from sonmat.engine.compilation import slow_in_loops
from sonmat.errors import RecipeError
from sonmat.models.catalog import base_recipe, build_recipe
from sonmat.models.reading import change

TEXTS = ["play some jazz", "환불하고 싶어요", "what is the weather", "환불해 주세요"] * 8


def rows() -> Dataset:
    data = Dataset.from_sentences(TEXTS, [0, 1, 0, 1] * 8, classes=["en", "ko"])
    return sm.tokenize(data, vocabulary=120)[0]


def test_it_is_the_network_of_the_paper() -> None:
    data = rows()
    model = sm.build("textcnn", data, units=6, widths=[2, 3], filters=5, token_dropout=0.0, ngrams=0)
    inputs = keras.Input(data.inputs.shape[1:], dtype="int32")
    x = layers.Embedding(data.tokenizer.vocabulary, 6)(inputs)
    found = [
        layers.GlobalMaxPooling1D()(layers.Conv1D(5, width, padding="same", activation="relu")(x)) for width in (2, 3)
    ]
    by_hand = keras.Model(inputs, layers.Dense(2, "softmax")(layers.Concatenate()(found)))
    by_hand.set_weights(model.get_weights())
    np.testing.assert_allclose(sm.predict(model, data), by_hand.predict(data.inputs, verbose=0), atol=1e-6)


def test_the_loop_is_as_keras_trains_it() -> None:
    data = rows()
    how: dict[str, Any] = {
        "units": 6,
        "filters": 5,
        "dropout": 0.0,
        "token_dropout": 0.0,
        "optimizer": "sgd",
        "learning_rate": 0.1,
    }
    ours, theirs = (sm.build("textcnn", data, seed=3, **how) for _ in range(2))
    sm.fit(ours, data, epochs=2, batch_size=8, shuffle=False, seed=0, verbose=0)
    theirs.fit(data.inputs, data.labels, epochs=2, batch_size=8, shuffle=False, verbose=0)
    for one, other in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=2e-5)


def test_nothing_that_is_slow_in_loops_is_left(recwarn: pytest.WarningsRecorder) -> None:
    import jax

    from sonmat.engine.rewriting import rewriting

    data = rows()
    model = sm.build("textcnn", data, units=6, filters=5)
    state = [variable.value for variable in model.trainable_variables], [v.value for v in model.non_trainable_variables]

    def loss(trainable: Any, x: Any) -> Any:
        return model.stateless_call(trainable, state[1], x)[0].sum()

    with rewriting(model) as refused:
        traced = jax.make_jaxpr(jax.grad(loss))(state[0], data.inputs[:4])
    assert refused == []
    assert not slow_in_loops(traced)


def test_sentences_for_a_network_that_reads_numbers_are_refused() -> None:
    for name in ("mlp", "notes-mlp"):
        with pytest.raises(RecipeError, match="Embedding"):
            build_recipe(base_recipe(name), rows())


def test_what_is_no_sentence_is_refused() -> None:
    pictures = Dataset.from_arrays(np.zeros((4, 8), np.uint8), [0, 1, 0, 1])
    with pytest.raises(RecipeError, match="sentences"):
        sm.build("textcnn", pictures)
    with pytest.raises(RecipeError, match=r"sonmat\.tokenize"):
        sm.build("textcnn", Dataset.from_sentences(["a", "b"], [0, 1]))


@pytest.mark.parametrize(
    "settings",
    [
        {"units": 0},
        {"filters": True},
        {"widths": []},
        {"widths": [3, 3]},
        {"widths": [0]},
        {"dropout": 1.0},
        {"token_dropout": -0.1},
        {"activation": "none of them"},
        {"ngrams": -1},
        {"ngrams": 9},
        {"ngrams": True},
    ],
)
def test_wrong_settings_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(RecipeError):
        sm.build("textcnn", rows(), **settings)


def test_how_sentences_are_cut_is_set_like_all_else() -> None:
    recipe = change(base_recipe("textcnn"), ["tokens.kind=jamo", "vocabulary=500"])
    assert recipe.tokens is not None
    assert (recipe.tokens["kind"], recipe.tokens["vocabulary"]) == ("jamo", 500)
    with pytest.raises(RecipeError, match=r"tokens\.vocabulary"):
        change(recipe, ["tokens.vocabulary=1"])
