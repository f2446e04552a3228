"""Trained networks that answer in the server's own process, in NumPy, and what each of their layers makes of an input."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sonmat import places
from sonmat.runs.folder import MODEL
from sonmat.studio.looker import Looker

if TYPE_CHECKING:
    from sonmat.serve.predictor import Predictor
    from sonmat.serve.program import Program

_KEPT = 16


@dataclass(frozen=True, eq=False)
class Seeing:
    """A network ready to answer.

    Attributes:
        predictor: What answers; None where NumPy cannot run the network, and the looker answers with Keras.
        layers: The same network with the output of every layer as a result; None where that cannot be.
        told: Of each of these results: name, kind, shape.
    """

    predictor: Predictor | None
    layers: Program | None
    told: Sequence[Mapping[str, Any]]


class Networks:
    """Opens the networks of runs once, and again when they changed.

    Args:
        looker: Works a network out where that was not done before.
    """

    def __init__(self, looker: Looker) -> None:
        self._looker = looker
        self._kept: OrderedDict[str, tuple[tuple[int, int], Seeing]] = OrderedDict()
        self._busy: dict[str, asyncio.Lock] = {}
        self.pool = ThreadPoolExecutor(2, thread_name_prefix="sonmat-drawing")
        self.slow = ThreadPoolExecutor(1, thread_name_prefix="sonmat-photo")  # one at a time: a large one takes a GB

    async def open(self, name: str) -> Seeing:
        """The network of a run.

        Raises:
            SonmatError: It has no trained model, or one that cannot be read.
        """
        folder = places.runs_folder() / name
        async with self._busy.setdefault(name, asyncio.Lock()):
            sign = _sign(folder)
            kept = self._kept.get(name)
            if kept is not None and kept[0] == sign:
                self._kept.move_to_end(name)
                return kept[1]
            loop = asyncio.get_running_loop()
            seeing = await loop.run_in_executor(self.pool, _opened, folder)
            if seeing is None:
                await self._looker.ask("network", run=name)
                seeing = await loop.run_in_executor(self.pool, _opened, folder)
            found = seeing or Seeing(None, None, ())
            self._kept[name] = sign, found
            while len(self._kept) > _KEPT:
                self._busy.pop(self._kept.popitem(last=False)[0], None)
            return found

    async def warm(self, name: str) -> None:
        """Open a network before it is asked for."""
        await self.open(name)


def _sign(folder: Path) -> tuple[int, int]:
    try:
        stat = (folder / MODEL).stat()
    except OSError:
        return (0, 0)
    return stat.st_mtime_ns, stat.st_size


def _opened(folder: Path) -> Seeing | None:
    """From what was worked out before; None where that was not done."""
    from sonmat.runs.folder import RunFolder
    from sonmat.serve.kept_network import open_kept
    from sonmat.serve.predictor import Predictor
    from sonmat.serve.program import read_program
    from sonmat.studio.seen_layers import layers_file

    file = RunFolder(folder).model_path
    opened = open_kept(folder)
    layers = read_program(layers_file(file))
    if opened is None:
        return None
    told = layers.about.get("layers", ()) if layers is not None else ()
    return Seeing(Predictor(opened), layers, told)
