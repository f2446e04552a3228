"""What the looker can be asked, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sonmat.studio import looking, looks, measuring, reading_own, sizing, studying

WAYS: Mapping[str, Callable[..., Any]] = {
    "network": looks.network,
    "draw": looks.draw,
    "pictures": looks.pictures,
    "look": looking.look,
    "sizes": sizing.sizes_of,
    "read_own": reading_own.read_own,
    "stop_reading": reading_own.stop_reading,
    "measure": measuring.measure,
    "cell": measuring.cell,
    "image": measuring.image,
    "corruptions": measuring.corruptions,
    "questioned": studying.questioned,
    "cost": studying.cost,
    "studies": studying.studies,
    "study": studying.study,
    "study_page": studying.study_as_page,
    "trial_recipe": studying.trial_recipe,
}
"""Each takes a function that tells events, then what it is asked by name."""
