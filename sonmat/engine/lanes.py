"""Which members of a population train together: lanes, one a device, and chunks, one lane for each device at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MOST_MEMBERS = 32
"""Members of a lane at most. With the notes' network a member's step costs 25 µs with 8, 16 or 32 members on a core."""

LANE_BYTES = 2**28
"""Bytes of states that a lane may have: fewer members where networks are large."""

_LENGTHS = (1, 2, 3, 4, 5, 6, 8, 10, 12, 14, 16, 20, 25, 32)
"""Lengths of lanes. A length is a program of its own: few of them are compiled once and found again, at the next rung of a
halving or in the next study, for a sixth of the work at most."""

_PER_CHUNK = 3
"""What a chunk costs beside its members' steps, in members: work that is the same however many look at a batch."""


@dataclass(frozen=True)
class Chunk:
    """Members that are trained by one run of one program.

    Attributes:
        lanes: The places of each lane's members; a lane's share one seed. Every lane is as long as the longest; shorter ones
            repeat their last member, and what a repeated one gives is dropped.
        length: Members of a lane.
    """

    lanes: tuple[tuple[int, ...], ...]
    length: int

    @property
    def members(self) -> list[int]:
        """The places of all members, each once."""
        return list(dict.fromkeys(place for lane in self.lanes for place in lane))

    def padded(self) -> list[int]:
        """The member at each place of the stacked arrays, lane after lane."""
        return [place for lane in self.lanes for place in (*lane, *[lane[-1]] * (self.length - len(lane)))]


def chunks_of(seeds: Mapping[int, Sequence[int]], devices: int, most: int = MOST_MEMBERS) -> list[Chunk]:
    """Members put into lanes of one seed each, and lanes into chunks.

    Args:
        seeds: Seed → places of its members.
        devices: Lanes that run side by side.
        most: Members of a lane at most.

    Returns:
        Chunks whose lanes are of one length, chosen so that as little as possible is computed for nothing.
    """
    counts = [len(places) for places in seeds.values()]
    if not counts:
        return []
    lengths = [size for size in _LENGTHS if size <= most] or [1]
    length = min(lengths, key=lambda size: (_cost(counts, devices, size), -size))
    lanes = [tuple(part) for places in seeds.values() for part in _even(list(places), length)]
    chunks = []
    for start in range(0, len(lanes), devices):
        some = lanes[start : start + devices]
        chunks.append(Chunk(tuple(some + [some[-1]] * (devices - len(some))), length))
    return chunks


def most_members(bytes_each: int) -> int:
    """Members of a lane at most, where each takes so many bytes of state."""
    return max(1, min(MOST_MEMBERS, LANE_BYTES // max(1, bytes_each)))


def _cost(counts: Sequence[int], devices: int, length: int) -> float:
    lanes = sum(-(-count // length) for count in counts)
    return -(-lanes // devices) * (length + _PER_CHUNK)


def _even(places: list[int], most: int) -> list[list[int]]:
    parts = -(-len(places) // most)
    return [places[len(places) * i // parts : len(places) * (i + 1) // parts] for i in range(parts)]
