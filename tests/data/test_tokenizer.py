"""Tokenizers: the same on every machine, whole where the training rows had all letters, right for Korean, safe with anything."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sonmat as sm
from sonmat.data.cutting import Cutting
from sonmat.data.dataset import Dataset
from sonmat.data.tokenizer import KINDS, LONGEST, Tokenizer
from sonmat.errors import DataError, RecipeError

SENTENCES = [
    *("play some jazz music", "play the next song", "what is the weather today", "weather for tomorrow in seoul"),
    *(
        "환불하고 싶어요",
        "환불해 주세요",
        "배송은 언제 오나요",
        "배송 조회를 하고 싶어요",
        "오늘 날씨 어때",
        "내일 날씨 알려줘",
    ),
] * 3

_BY_KIND = {kind: Cutting(kind, 200).train(SENTENCES) for kind in KINDS}


@pytest.fixture(params=KINDS)
def tokenizer(request: pytest.FixtureRequest) -> Tokenizer:
    return _BY_KIND[request.param]


def test_the_first_two_numbers_are_padding_and_unknown(tokenizer: Tokenizer) -> None:
    assert tokenizer.pieces[:2] == ("[PAD]", "[UNK]")
    ids = tokenizer.encode(["play 鑿", ""])
    assert ids.dtype == np.int32
    assert ids.shape == (2, tokenizer.length)
    assert 1 in ids[0]
    assert not ids[1].any()


def test_what_was_trained_on_has_no_unknown_piece(tokenizer: Tokenizer) -> None:
    assert (tokenizer.encode(SENTENCES) != 1).all()


def test_width_case_and_space_do_not_count(tokenizer: Tokenizer) -> None:
    one, other = tokenizer.encode(["play some jazz music", "  ＰＬＡＹ  Some\tjazz\n music "])
    np.testing.assert_array_equal(one, other)


def test_hangul_taken_apart_by_a_mac_is_the_same(tokenizer: Tokenizer) -> None:
    import unicodedata

    apart = unicodedata.normalize("NFD", "환불하고 싶어요")
    assert len(apart) > 10
    np.testing.assert_array_equal(tokenizer.encode(["환불하고 싶어요"]), tokenizer.encode([apart]))


def test_forms_of_a_korean_word_share_pieces() -> None:
    tokenizer = _BY_KIND["pieces"]
    one, other = tokenizer.encode(["환불은", "환불만"])  # neither was in the training rows
    shared = set(one) & set(other) - {0, 1}
    assert shared


def test_pieces_lie_where_they_say(tokenizer: Tokenizer) -> None:
    sentence = "Play 환불하고 jazz!"
    cut = tokenizer.cut(sentence)
    assert len(cut) == np.count_nonzero(tokenizer.encode([sentence]))
    covered = {letter for _, start, stop in cut for letter in range(start, stop)}
    assert {number for number, letter in enumerate(sentence) if letter.isalpha()} <= covered


def test_the_same_rows_give_the_same_tokenizer_in_any_process() -> None:
    code = (
        "import json, sys; from sonmat.data.cutting import Cutting;"
        "kinds, sentences = json.load(sys.stdin);"
        "print(json.dumps([Cutting(kind, 200).train(sentences).as_json() for kind in kinds]))"
    )
    given = json.dumps([KINDS, SENTENCES])
    done = subprocess.run([sys.executable, "-c", code], input=given, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [_BY_KIND[kind].as_json() for kind in KINDS]


def test_the_library_reads_what_is_kept(tokenizer: Tokenizer) -> None:
    import tokenizers

    theirs = tokenizers.Tokenizer.from_str(json.dumps(tokenizer.as_json()))
    for sentence in SENTENCES[:10]:
        ids = [number for number in tokenizer.encode([sentence])[0].tolist() if number]
        assert theirs.encode(sentence).ids[: tokenizer.length] == ids


def test_a_tokenizer_can_be_sent_to_another_process(tokenizer: Tokenizer) -> None:
    tokenizer.encode(["once"])
    again = pickle.loads(pickle.dumps(tokenizer))
    assert again == tokenizer
    np.testing.assert_array_equal(again.encode(SENTENCES), tokenizer.encode(SENTENCES))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.text(), min_size=1, max_size=4), st.sampled_from(KINDS))
def test_any_text_can_be_encoded(texts: list[str], kind: str) -> None:
    data = Dataset.from_sentences(texts, [0] * len(texts))
    ids = data.tokenized(_BY_KIND[kind]).inputs
    assert ids.shape == (len(texts), _BY_KIND[kind].length)
    assert ids.min() >= 0
    assert ids.max() < _BY_KIND[kind].vocabulary


def test_a_very_long_sentence_is_cut_off(tokenizer: Tokenizer) -> None:
    long = "환불 " * LONGEST
    assert tokenizer.encode([long]).shape == (1, tokenizer.length)


def test_the_length_holds_nearly_all_training_rows() -> None:
    tokenizer = Cutting("words").train([*["a b c"] * 300, " ".join("abcdefghij" * 9)])
    assert tokenizer.length == 8  # the least
    assert Cutting("words", length=30).train(SENTENCES).length == 30


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({"kind": "letters"}, "tokens.kind"),
        ({"kinds": "words"}, "tokens.kind"),
        ({"vocabulary": 10}, "tokens.vocabulary"),
        ({"vocabulary": 1e9}, "tokens.vocabulary"),
        ({"length": True}, "tokens.length"),
        ({"length": 100_000}, "tokens.length"),
        ("words", "tokens"),
    ],
)
def test_wrong_settings_are_refused(table: Any, told: str) -> None:
    with pytest.raises(RecipeError) as refused:
        Cutting.of(table)
    assert told in str(refused.value)


def test_sentences_without_a_letter_are_refused() -> None:
    with pytest.raises(DataError, match="no letter"):
        Cutting().train(["", "  "])


# Data sets of sentences


def test_a_data_set_of_sentences_splits_and_is_tokenized() -> None:
    labels = [0] * 12 + [1] * 18
    data = Dataset.from_sentences(SENTENCES, labels, classes=["en", "ko"])
    train, held = data.split(0.7, seed=1)
    assert train.sentences is not None
    assert list(train.sentences) == [SENTENCES[row] for row in train.rows]
    one, other = sm.tokenize(train, held, kind="pieces", vocabulary=150)
    assert one.tokenizer is other.tokenizer
    assert one.inputs.shape == (21, one.tokenizer.length)
    assert one.scale == 1.0
    np.testing.assert_array_equal(one.take([3]).inputs[0], one.inputs[3])
    assert one.take([3]).sentences[0] == train.sentences[3]
    assert one.fingerprint != train.fingerprint != data.fingerprint
    assert data.fingerprint == Dataset.from_sentences(SENTENCES, labels, classes=["en", "ko"]).fingerprint


def test_the_tokenizer_knows_the_training_rows_alone() -> None:
    train = Dataset.from_sentences(["가 나 다 라"] * 4, [0, 1, 0, 1])
    test = Dataset.from_sentences(["마 바 사"] * 4, [0, 1, 0, 1])
    _, seen = sm.tokenize(train, test, kind="words")
    assert set(np.unique(seen.inputs)) <= {0, 1}


def test_what_is_no_sentence_is_refused() -> None:
    with pytest.raises(DataError, match="row 1"):
        Dataset.from_sentences(["a", 3], [0, 1])  # type: ignore[list-item]
    pictures = Dataset.from_arrays(np.zeros((2, 4, 4), np.uint8), [0, 1])
    with pytest.raises(DataError, match="Sentences are needed"):
        sm.tokenize(pictures)


def test_sentences_that_are_not_cut_yet_say_so_where_numbers_are_needed() -> None:
    data = Dataset.from_sentences(["a", "b"], [0, 1])
    with pytest.raises(DataError, match=r"sonmat\.tokenize"):
        data.prepare()
    with pytest.raises(DataError, match=r"sonmat\.tokenize"):
        sm.predict(sm.build("notes-mlp"), data)
