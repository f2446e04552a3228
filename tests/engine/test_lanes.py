"""Lanes and chunks: everybody trains once, with their own seed's rows, and as little as possible is computed for nothing."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sonmat.engine.lanes import _LENGTHS, _PER_CHUNK, LANE_BYTES, MOST_MEMBERS, Chunk, chunks_of, most_members


@st.composite
def populations(draw: st.DrawFn) -> tuple[dict[int, list[int]], int, int]:
    """Members by seed, their places in any order; devices; and the members of a lane at most."""
    counts = draw(st.lists(st.integers(1, 40), min_size=1, max_size=12))
    places = draw(st.permutations(range(sum(counts)))) if sum(counts) < 60 else list(range(sum(counts)))
    seeds, at = {}, 0
    for number, count in enumerate(counts):
        seeds[7 * number] = list(places[at : at + count])
        at += count
    return seeds, draw(st.integers(1, 9)), draw(st.integers(1, 40))


def lanes_of(chunks: list[Chunk]) -> list[tuple[int, ...]]:
    """All lanes, without those that only fill a chunk up."""
    return [lane for chunk in chunks for lane in dict.fromkeys(chunk.lanes)]


@given(populations())
def test_every_member_is_in_exactly_one_lane(population):
    seeds, devices, most = population
    chunks = chunks_of(seeds, devices, most)
    counted = Counter(place for lane in lanes_of(chunks) for place in lane)
    assert counted == Counter(place for places in seeds.values() for place in places)
    assert Counter(place for chunk in chunks for place in chunk.members) == counted


@given(populations())
def test_a_lane_has_one_seed_and_its_members_in_their_order(population):
    seeds, devices, most = population
    lanes = lanes_of(chunks_of(seeds, devices, most))
    for places in seeds.values():
        own = [lane for lane in lanes if lane[0] in places]
        assert [place for lane in own for place in lane] == places
        assert max(map(len, own)) - min(map(len, own)) <= 1  # none is nearly empty


@given(populations())
def test_lanes_are_of_one_length_and_never_longer_than_they_may_be(population):
    seeds, devices, most = population
    chunks = chunks_of(seeds, devices, most)
    (length,) = {chunk.length for chunk in chunks}  # one program serves all
    longest = max(len(lane) for chunk in chunks for lane in chunk.lanes)
    assert longest <= length <= most
    assert length == min(size for size in _LENGTHS if size >= longest)  # of few lengths, that found programs fit again
    assert all(len(chunk.lanes) == devices for chunk in chunks)


@given(populations())
def test_only_the_last_chunk_is_filled_up_and_only_with_its_last_lane(population):
    chunks = chunks_of(*population)
    for chunk in chunks[:-1]:
        assert len(set(chunk.lanes)) == len(chunk.lanes)
    own = list(dict.fromkeys(chunks[-1].lanes))
    assert chunks[-1].lanes == (*own, *[own[-1]] * (len(chunks[-1].lanes) - len(own)))


@given(populations())
def test_a_stacked_place_repeats_a_lanes_last_member(population):
    for chunk in chunks_of(*population):
        padded = chunk.padded()
        assert len(padded) == chunk.length * len(chunk.lanes)
        for number, lane in enumerate(chunk.lanes):
            own = padded[number * chunk.length : (number + 1) * chunk.length]
            assert own[: len(lane)] == list(lane)
            assert set(own[len(lane) :]) <= {lane[-1]}


def filled(seeds: dict[int, list[int]], devices: int, length: int) -> int:
    """What lanes cost that are filled one after the other: members computed, and what each chunk costs beside."""
    lanes = [places[at : at + length] for places in seeds.values() for at in range(0, len(places), length)]
    return -(-len(lanes) // devices) * (length + _PER_CHUNK)


@given(populations())
@settings(max_examples=300)
def test_no_other_length_would_have_cost_less(population):
    seeds, devices, most = population
    cost = sum(chunk.length + _PER_CHUNK for chunk in chunks_of(seeds, devices, most))
    lengths = [size for size in _LENGTHS if size <= most]
    assert cost <= min(filled(seeds, devices, length) for length in lengths)
    of_any = min(filled(seeds, devices, length) for length in range(1, lengths[-1] + 1))
    assert cost <= 1.21 * of_any  # what few lengths cost: 26 members in lanes of 32


@pytest.mark.parametrize(
    ("counts", "devices", "most", "lanes", "length"),
    [
        ([1], 2, 32, [1, 1], 1),  # the second only fills up
        ([8], 2, 32, [4, 4], 4),
        ([8], 1, 32, [8], 8),
        ([9], 2, 32, [4, 5], 5),
        ([4, 4], 2, 32, [4, 4], 4),  # a lane a seed
        ([7], 1, 32, [7], 8),
        ([40], 2, 10, [10] * 4, 10),
        ([1, 1, 1], 1, 32, [1, 1, 1], 1),
    ],
)
def test_what_is_chosen(counts, devices, most, lanes, length):
    seeds = {seed: list(range(100 * seed, 100 * seed + count)) for seed, count in enumerate(counts)}
    chunks = chunks_of(seeds, devices, most)
    assert [len(lane) for chunk in chunks for lane in chunk.lanes] == lanes
    assert {chunk.length for chunk in chunks} == {length}


def test_nobody_needs_no_chunk():
    assert chunks_of({}, 2) == []


@given(st.integers(0, 2**40))
def test_a_lanes_states_fit_but_there_is_always_one_member(bytes_each):
    most = most_members(bytes_each)
    assert 1 <= most <= MOST_MEMBERS
    assert most == 1 or most * bytes_each <= LANE_BYTES
    assert most == MOST_MEMBERS or (most + 1) * bytes_each > LANE_BYTES
