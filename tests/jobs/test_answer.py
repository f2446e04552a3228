"""What a recipe trains on beside its rows."""

from __future__ import annotations

import numpy as np
import pytest

from sonmat.data.dataset import Dataset
from sonmat.errors import DataError
from sonmat.jobs.answer import outliers_for, taught
from sonmat.models.catalog import build_recipe
from sonmat.models.reading import change
from sonmat.models.recipe import Recipe


def ones(count: int = 200) -> Dataset:
    images = np.zeros((count, 28, 28), np.uint8)
    images[:, 4:24, 13:16] = np.linspace(200, 255, count).astype(np.uint8)[:, None, None]
    return Dataset.from_arrays(images, np.arange(count) % 2, classes=tuple("0123456789"), name="ones")


def recipe(*settings: str) -> Recipe:
    return change(Recipe(), ["model.name=mlp", "epochs=3", "batch_size=50", *settings])


def test_habits_come_beside_the_rows():
    rows = ones()
    more = taught(recipe("habits=0.1"), rows)
    assert len(more) == 220
    np.testing.assert_array_equal(more.inputs[:200], rows.inputs)
    assert (more.inputs[200:] != 0).any((1, 2)).all()
    np.testing.assert_array_equal(more.labels[200:], rows.labels[more.rows[200:]])
    np.testing.assert_array_equal(more.inputs, taught(recipe("habits=0.1"), rows).inputs)
    assert taught(recipe(), rows) is rows


def test_habits_are_for_digits_alone():
    pictures = Dataset.from_arrays(np.full((20, 28, 28), 9, np.uint8), np.arange(20) % 2)
    with pytest.raises(DataError, match="habits"):
        taught(recipe("habits=0.1"), pictures)


def test_a_schedule_spans_what_comes_beside_the_rows():
    rows, asked = ones(), recipe("habits=0.1", "outliers=0.5", 'learning_rate={name = "OneCycle", peak = 0.1}')
    outliers = outliers_for(asked, rows)
    assert outliers is not None
    together = len(taught(asked, rows)) + len(outliers)
    assert build_recipe(asked, rows).optimizer.get_config()["learning_rate"]["config"]["steps"] == 3 * -(
        -together // 50
    )
