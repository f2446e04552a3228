"""A stranger's tokenizer: what sonmat wrote comes back whole, and nothing else reaches the library that cuts."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sonmat.data.cutting import Cutting
from sonmat.data.tokenizer import KINDS
from sonmat.errors import ModelFileError
from sonmat.runs import model_card
from sonmat.runs.tokenizer_card import tokenizer_of, told_of

SENTENCES = ["play some jazz", "환불하고 싶어요", "환불해 주세요", "play the song"] * 3
CARDS = {kind: told_of(Cutting(kind, 150).train(SENTENCES)) for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_a_card_gives_the_same_tokenizer_back(kind: str) -> None:
    tokenizer = Cutting(kind, 150).train(SENTENCES)
    text = model_card.card_text({"scale": 1.0, **told_of(tokenizer)}, ["a", "b"])
    again = tokenizer_of(model_card.parse_card(text)["inputs"])
    assert again == tokenizer
    np.testing.assert_array_equal(again.encode(SENTENCES), tokenizer.encode(SENTENCES))


def test_a_card_without_one_has_none() -> None:
    assert tokenizer_of(None) is None
    assert tokenizer_of({"scale": 255.0}) is None


def _huge(card: dict[str, Any]) -> None:
    card["tokenizer"]["model"]["vocab"] |= {f"x{n}": n + 500 for n in range(30_000)}


HOSTILE: dict[str, Callable[[dict[str, Any]], Any]] = {
    "no object": lambda card: card.update(tokenizer="tokenizer.json"),
    "a path for the vocabulary": lambda card: card["tokenizer"]["model"].update(vocab="/etc/passwd"),
    "no model": lambda card: card["tokenizer"].pop("model"),
    "a model of another kind": lambda card: card["tokenizer"]["model"].update(type="WordPiece"),
    "too many pieces": _huge,
    "a gap in the numbers": lambda card: card["tokenizer"]["model"]["vocab"].update(zz=999_999),
    "a number twice": lambda card: card["tokenizer"]["model"]["vocab"].update(zz=5),
    "a number that is a truth": lambda card: card["tokenizer"]["model"]["vocab"].update({"[UNK]": True}),
    "a negative number": lambda card: card["tokenizer"]["model"]["vocab"].update(zz=-1),
    "half a surrogate pair": lambda card: card["tokenizer"]["model"]["vocab"].update(
        {"\ud800": len(card["tokenizer"]["model"]["vocab"])}
    ),
    "a long piece": lambda card: card["tokenizer"]["model"]["vocab"].update(
        {"a" * 5000: len(card["tokenizer"]["model"]["vocab"])}
    ),
    "merges that are none": lambda card: card["tokenizer"]["model"].update(merges=[["a"]]),
    "merges of what there is not": lambda card: card["tokenizer"]["model"].update(merges=[["qq", "zz"]]),
    "merges into what there is not": lambda card: card["tokenizer"]["model"].update(merges=[["[PAD]", "[UNK]"]]),
    "merges without end": lambda card: card["tokenizer"]["model"].update(merges=[["p", "l"]] * 100_000),
    "no length": lambda card: card.pop("length"),
    "a length of nothing": lambda card: card.update(length=0),
    "a length for the memory": lambda card: card.update(length=2**40),
    "a length that is a word": lambda card: card.update(length="8"),
}


@pytest.mark.parametrize("change", HOSTILE.values(), ids=list(HOSTILE))
def test_hostile_cards_are_refused(change: Callable[[dict[str, Any]], Any]) -> None:
    card = copy.deepcopy(CARDS["pieces"])
    change(card)
    with pytest.raises(ModelFileError):
        tokenizer_of(card)


def test_a_stranger_s_regular_expressions_and_templates_are_not_taken() -> None:
    card = copy.deepcopy(CARDS["characters"])
    card["tokenizer"]["pre_tokenizer"]["pattern"] = {"Regex": "(a*)*b"}
    card["tokenizer"]["normalizer"] = {"type": "Replace", "pattern": {"Regex": "(a|aa)+$"}, "content": ""}
    card["tokenizer"]["post_processor"] = {"type": "TemplateProcessing", "single": [], "pair": [], "special_tokens": {}}
    card["tokenizer"]["padding"] = {"strategy": {"Fixed": 2**31}, "direction": "Right", "pad_id": 0}
    assert tokenizer_of(card) == tokenizer_of(CARDS["characters"])


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None)
@given(st.data(), st.sampled_from(KINDS), _VALUES)
def test_any_part_replaced_is_read_or_refused(data: st.DataObject, kind: str, value: Any) -> None:
    card = json.loads(json.dumps(CARDS[kind]))
    place: Any = card
    while True:
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else list(range(len(place)))))
        if not isinstance(place[key], (dict, list)) or not place[key] or data.draw(st.booleans()):
            place[key] = value
            break
        place = place[key]
    try:
        tokenizer = tokenizer_of(card)
    except ModelFileError:
        return
    if tokenizer is not None:
        assert tokenizer.encode(["play 환불 \x00"]).shape == (1, tokenizer.length)
