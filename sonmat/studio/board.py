"""The list of all runs, kept in memory: what changed since a reader last asked, and an event for every change."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections import deque
from pathlib import Path
from typing import Any

from sonmat import places
from sonmat.studio.hub import Hub
from sonmat.studio.run_rows import FINISHED, TRAINING, WAITING, Signature, row_of, signature

IN_HANDS = (TRAINING, WAITING)
"""States of runs that may not be deleted or begun again."""

_GONE = 2_000  # deletions that are remembered
_EVERY = 2.0  # seconds between two looks at the folder: other programs train there too


class Board:
    """Every run as a row. It belongs to the event loop's thread; folders are read in others.

    Args:
        hub: Told of changes.
    """

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._rows: dict[str, dict[str, Any]] = {}
        self._versions: dict[str, int] = {}
        self._signatures: dict[str, Signature] = {}
        self._held: dict[str, dict[str, Any]] = {}
        self._until: dict[str, Signature | None] = {}
        self._gone: deque[tuple[int, str]] = deque(maxlen=_GONE)
        self.version = self._forgotten = time.time_ns() // 1_000_000  # above every number of an earlier server
        self._looked = asyncio.Event()
        self._asked = asyncio.Event()

    async def watch(self) -> None:
        """Look at the folder again and again."""
        while True:
            try:
                await self.look()
            except Exception:  # the next look may find the folder in order
                logging.getLogger("sonmat.studio").exception("the folder of runs could not be read")
            self._looked.set()
            self._asked.clear()
            try:
                async with asyncio.timeout(_EVERY):
                    await self._asked.wait()
            except TimeoutError:
                pass

    async def look(self) -> None:
        """Read what changed in the folder."""
        known = dict(self._signatures)
        held = set(self._held)
        training = {name for name, row in self._rows.items() if row["state"] == TRAINING}
        found, rows = await asyncio.to_thread(_read, known, training - held)
        for name in [one for one, sign in self._until.items() if one not in held or found.get(one) != sign]:
            del self._until[name]
            self._held.pop(name, None)  # another program has gone on with it
            if name in self._rows and name not in rows and name in found:
                rows[name] = self._rows[name]
        for name, row in rows.items():
            self._signatures[name] = found[name]
            self._show(name, row)
        for name in [one for one in self._signatures if one not in found]:
            del self._signatures[name]
            if name not in self._held:
                self._forget(name)

    async def since(self, version: int) -> dict[str, Any]:
        """Rows that changed after a version, and runs that are gone since then."""
        await self._looked.wait()
        if version < self._forgotten or version > self.version:
            version = -1
        rows = [self.row(name) for name, at in self._versions.items() if at > version]
        gone = [name for at, name in self._gone if at > version and name not in self._rows] if version >= 0 else []
        return {"version": self.version, "rows": rows, "gone": gone, "whole": version < 0}

    def row(self, name: str) -> dict[str, Any] | None:
        """A run's row as it is now."""
        row = self._rows.get(name)
        return None if row is None else {**row, **self._held.get(name, {})}

    def with_key(self, key: str) -> str | None:
        """A run of a recipe, the newest; one that failed or was stopped is none."""
        good = (FINISHED, *IN_HANDS)
        rows = [{**row, **self._held.get(name, {})} for name, row in self._rows.items() if row.get("key") == key]
        return max((row["name"] for row in rows if row["state"] in good), default=None)

    def names(self) -> list[str]:
        """Every run's name."""
        return list(self._rows)

    def hold(self, name: str, **told: Any) -> None:
        """What the queue or the trainer says of a run goes over what its folder says, until `let_go`."""
        before = self.row(name)
        self._until.pop(name, None)
        self._held.setdefault(name, {}).update(told)
        if name not in self._rows:
            self._rows[name] = row_of(places.runs_folder() / name)
        self._tell(name, before)

    def hold_for_now(self, name: str, **told: Any) -> None:
        """`hold` until something changes in its folder."""
        self.hold(name, **told)
        self._until[name] = signature(places.runs_folder() / name)

    async def let_go(self, name: str) -> None:
        """The folder alone counts again."""
        row = await asyncio.to_thread(row_of, places.runs_folder() / name)
        before = self.row(name)
        self._held.pop(name, None)
        self._until.pop(name, None)
        self._rows[name] = row
        self._signatures.pop(name, None)  # read once more, in case it changed meanwhile
        self._tell(name, before)
        self._asked.set()

    async def refresh(self, name: str) -> None:
        """Read a run's folder now."""
        if name in self._rows:
            self._show(name, await asyncio.to_thread(row_of, places.runs_folder() / name))

    def drop(self, name: str) -> None:
        """A run was deleted."""
        self._held.pop(name, None)
        self._until.pop(name, None)
        self._signatures.pop(name, None)
        self._forget(name)

    def _show(self, name: str, row: dict[str, Any]) -> None:
        before = self.row(name)
        self._rows[name] = row
        self._tell(name, before)

    def _tell(self, name: str, before: dict[str, Any] | None) -> None:
        now = self.row(name)
        assert now is not None
        changed = {key: value for key, value in now.items() if before is None or before.get(key) != value}
        if changed:
            self.version += 1
            self._versions[name] = self.version
            self._hub.tell("run", **{**changed, "name": name, "version": self.version})

    def _forget(self, name: str) -> None:
        if self._rows.pop(name, None) is not None:
            self._versions.pop(name, None)
            self.version += 1
            if len(self._gone) == self._gone.maxlen:
                self._forgotten = self._gone[0][0]
            self._gone.append((self.version, name))
            self._hub.tell("gone", name=name, version=self.version)


def _read(known: dict[str, Signature], training: set[str]) -> tuple[dict[str, Signature], dict[str, dict[str, Any]]]:
    """Every run's signature, and the rows of those that are new, changed or in another program's hands."""
    place = places.runs_folder()
    found: dict[str, Signature] = {}
    rows: dict[str, dict[str, Any]] = {}
    try:
        names = [entry.name for entry in os.scandir(place) if entry.name[0] != "."]
    except OSError:
        names = []
    for name in names:
        sign = signature(place / name)
        if sign is None:
            continue
        found[name] = sign
        if known.get(name) != sign or name in training:
            rows[name] = row_of(Path(place) / name)
    return found, rows
