"""Choosing a peer's settings by measuring, so that it is met at its best."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


def tune(
    choices: Mapping[str, tuple[Any, ...]], measure: Callable[[dict[str, Any]], float], *, repeats: int = 2
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Settle one setting after another, each with the best values of those before it.

    Args:
        choices: The values of each setting; the first one holds until its turn comes.
        measure: Seconds of a short fit with these settings.
        repeats: Fits of each; the quickest counts, since a pause of the machine can only slow one down.

    Returns:
        The chosen settings, and everything that was tried: `{"settings": …, "seconds": [...]}`.
    """
    chosen = {name: values[0] for name, values in choices.items()}
    tried: list[dict[str, Any]] = []

    def seconds(settings: dict[str, Any]) -> float:
        known = next((entry for entry in tried if entry["settings"] == settings), None)
        if known is None:
            known = {"settings": settings, "seconds": [measure(settings) for _ in range(repeats)]}
            tried.append(known)
        return float(min(known["seconds"]))

    for name, values in choices.items():
        chosen[name] = min(values, key=lambda value, name=name: seconds({**chosen, name: value}))  # type: ignore[misc]
    return chosen, tried
