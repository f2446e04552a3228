"""Which words decided: what is said of a word is what the network says without it."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import sonmat as sm
from sonmat.data.dataset import Dataset
from sonmat.engine.erasure import pieces, words

TEXTS = [
    f"{verb} {how} {thing}"
    for verb in ("play", "stop")
    for how in ("the", "some")
    for thing in ("song", "rain", "jazz")
] * 4


@pytest.fixture(scope="module")
def trained() -> tuple[sm.Dataset, object]:
    data = Dataset.from_sentences(TEXTS, ([0] * 6 + [1] * 6) * 4, classes=["play", "stop"])
    (data,) = sm.tokenize(data, kind="words")
    model = sm.build("textcnn", data, units=8, filters=8, ngrams=0, learning_rate=0.01, seed=1)
    sm.fit(model, data, epochs=15, batch_size=8, seed=0, verbose=0)
    return data, model


def test_a_word_weighs_what_the_probability_falls_by_without_it(trained: tuple[Dataset, object]) -> None:
    data, model = trained
    sentence = "  play the   song!"
    found = words(model, data.tokenizer, sentence, 0)
    assert [part.text for part in found] == ["play", "the", "song!"]
    assert [sentence[part.start : part.stop] for part in found] == ["play", "the", "song!"]
    with_all, without = (
        model.predict(data.tokenizer.encode([text]), verbose=0)[0, 0] for text in (sentence, "the song!")
    )
    assert found[0].weight == pytest.approx(with_all - without, abs=1e-6)


def test_the_word_that_decides_weighs_most(trained: tuple[Dataset, object]) -> None:
    data, model = trained
    for sentence, number in (("play some rain", 0), ("stop the jazz", 1)):
        found = words(model, data.tokenizer, sentence, number)
        assert max(found, key=lambda part: part.weight).start == 0
        cut = pieces(model, data.tokenizer, sentence, number)
        assert max(cut, key=lambda part: part.weight).text in sentence[:4]


def test_the_weights_of_the_pieces_add_up_to_what_the_sentence_does(trained: tuple[Dataset, object]) -> None:
    data, model = trained
    for sentence, number in (("play some rain", 0), ("stop the jazz", 1), ("the", 0)):
        found = pieces(model, data.tokenizer, sentence, number)
        said, nothing = (model.predict(data.tokenizer.encode([text]), verbose=0)[0, number] for text in (sentence, ""))
        assert sum(part.weight for part in found) == pytest.approx(np.log(said) - np.log(nothing), rel=0.05, abs=0.02)


@pytest.fixture(scope="module")
def with_runs(trained: tuple[Dataset, object]) -> object:
    data, _ = trained
    model = sm.build("textcnn", data, units=8, filters=8, ngrams=2, learning_rate=0.01, seed=1)
    sm.fit(model, data, epochs=8, batch_size=8, seed=0, verbose=0)
    return model


def test_runs_of_pieces_share_what_they_do_among_their_pieces(
    trained: tuple[Dataset, object], with_runs: object
) -> None:
    data, model = trained[0], with_runs
    for sentence, number in (("play some rain", 0), ("stop the jazz", 1), ("the", 0)):
        found = pieces(model, data.tokenizer, sentence, number)
        said, nothing = (model.predict(data.tokenizer.encode([text]), verbose=0)[0, number] for text in (sentence, ""))
        assert sum(part.weight for part in found) == pytest.approx(np.log(said) - np.log(nothing), rel=0.05, abs=0.02)
        assert len(found) == len(sentence.split())
    assert max(found := pieces(model, data.tokenizer, "stop the jazz", 1), key=lambda part: part.weight) is found[0]


def test_an_average_is_explained_as_its_members_are(trained: tuple[Dataset, object], with_runs: object) -> None:
    from sonmat.jobs.members import average_of

    data, model = trained[0], with_runs
    both = average_of([model, model])
    for how in (words, pieces):
        one, other = (how(each, data.tokenizer, "play some jazz", 0) for each in (both, model))
        assert [part.weight for part in one] == pytest.approx([part.weight for part in other], abs=1e-5)


def test_what_looks_up_something_else_has_no_weights_of_pieces(trained: tuple[Dataset, object]) -> None:
    data, _ = trained
    inputs = keras.Input(data.inputs.shape[1:], dtype="int32")
    x = keras.layers.GlobalAveragePooling1D()(keras.layers.Embedding(data.tokenizer.vocabulary, 4)(inputs[:, 1:]))
    model = keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(x))
    assert pieces(model, data.tokenizer, "play some jazz", 0) == []
