"""Test and Sweep: confusions and their images, the counted look at the test set, a space, its cost, its trials."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

Open = Callable[..., "Page"]


def test_a_cell_of_the_confusions_shows_its_images(opened: Open, studio: Any):
    page = opened(f"test?run={studio.run}")
    page.wait_for_selector("table.confusion")
    found = studio.ask(f"/api/test/{studio.run}?part=validation")
    table = found["confusion"]
    row, column = next((i, j) for i in range(10) for j in range(10) if i != j and 0 < table[i][j] < 40)
    page.click(f"[data-cell='{row},{column}']")
    page.wait_for_function("n => document.querySelectorAll('.cellcard .shot').length === n", arg=table[row][column])
    page.wait_for_function(
        "() => [...document.querySelectorAll('.cellcard img')].every(i => i.complete && i.naturalWidth)"
    )
    assert f"cell=[{row},{column}]" in page.evaluate("decodeURIComponent(location.hash)")
    assert page.inner_text(".figures .big dd >> nth=0") == f"{100 * found['accuracy']:.2f} %"
    assert page.locator(".reliability rect").count() > 2


@pytest.mark.slow
def test_looking_at_the_test_set_is_warned_of_and_counted(opened: Open, studio: Any):
    page = opened(f"test?run={studio.run}")
    page.wait_for_selector("table.confusion")
    before = int(page.inner_text(".counter"))
    page.click("#looktest")
    page.click("dialog button[value=no]")
    assert int(page.inner_text(".counter")) == before
    page.click("#looktest")
    page.click("dialog button[value=yes]")
    page.wait_for_function("n => document.querySelector('.counter').textContent === String(n)", arg=before + 1)
    page.wait_for_function("() => document.querySelector('#part-test').ariaPressed === 'true'")
    page.reload()
    page.wait_for_selector("table.confusion")
    assert int(page.inner_text(".counter")) == before + 1  # a link to the test part does not look again
    assert page.get_attribute("#part-validation", "aria-pressed") == "true"


@pytest.mark.slow
def test_a_sweep_s_cost_is_shown_before_it_starts(opened: Open):
    page = opened("sweep?trials=6&finalists=0&epochs=1")
    page.select_option("#addsetting", "train.batch_size")
    page.wait_for_selector(".dimension:has-text('batch size') input[type=text]")
    assert "batch_size" in page.evaluate("decodeURIComponent(location.hash)")
    page.wait_for_selector("#startsweep:not([disabled])")
    assert "6 trainings" in page.inner_text(".cost")


@pytest.mark.slow
def test_a_space_that_cannot_be_is_explained_before_it_starts(opened: Open):
    space = '{"train.learning_rate":{"kind":"log","low":-1,"high":1}}'
    page = opened(f"sweep?space={space}", refused=True)
    page.wait_for_selector(".cost.badtext")
    assert "above 0" in page.inner_text(".dimension .unfit")
    assert page.is_disabled("#startsweep")
    page.fill(".ends input >> nth=0", "2")
    assert "smaller" in page.inner_text(".dimension .unfit")
    page.fill(".ends input >> nth=0", "0.1")
    assert not page.is_visible(".dimension .unfit")


@pytest.mark.slow
def test_a_sweep_runs_and_its_trial_becomes_a_run(opened: Open, studio: Any):
    space = '{"train.learning_rate":{"kind":"log","low":0.01,"high":0.5},"train.batch_size":{"kind":"choices","choices":[128,256]}}'
    page = opened(f"sweep?trials=6&finalists=0&epochs=1&space={space}")
    page.click("#startsweep:not([disabled])")
    page.wait_for_function("() => location.hash.includes('study=')")
    page.wait_for_selector(".studyhead .badge.finished", timeout=90_000)
    page.wait_for_selector(".trialcard:not([hidden])")
    assert page.locator("table.heat td").count() > 2
    assert page.locator("canvas.parallel").is_visible()
    page.click("#opentrial")
    page.wait_for_function("() => location.hash.startsWith('#/train?')")
    page.wait_for_selector(".runhead .badge")


@pytest.mark.slow
def test_corruptions_are_measured(opened: Open, studio: Any):
    page = opened(f"test?run={studio.run}")
    page.click("#corrupt")
    page.wait_for_selector("table.heat", timeout=300_000)  # of a machine that does other things too
    assert page.locator("table.heat tbody tr").count() > 3
