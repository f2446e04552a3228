"""Test and Sweep: confusions and their images, the counted look at the test set, a space, its cost, its trials."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

expect = pytest.importorskip("playwright.sync_api").expect  # waits until it is so
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
    expect(page.locator(".figures .big dd >> nth=0")).to_have_text(f"{100 * found['accuracy']:.2f} %")
    expect(page.locator(".reliability rect >> nth=2")).to_be_attached()


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
    expect(page.locator("#part-validation")).to_have_attribute("aria-pressed", "true")


@pytest.mark.slow
def test_a_sweep_s_cost_is_shown_before_it_starts(opened: Open):
    page = opened("sweep?trials=6&finalists=0&epochs=1")
    page.select_option("#addsetting", "train.batch_size")
    page.wait_for_selector(".dimension:has-text('batch size') input[type=text]")
    assert "batch_size" in page.evaluate("decodeURIComponent(location.hash)")
    page.wait_for_selector("#startsweep:not([disabled])")
    expect(page.locator(".cost")).to_contain_text("6 trainings")


@pytest.mark.slow
def test_a_space_that_cannot_be_is_explained_before_it_starts(opened: Open):
    space = '{"train.learning_rate":{"kind":"log","low":-1,"high":1}}'
    page = opened(f"sweep?space={space}", refused=True)
    page.wait_for_selector(".cost.badtext")
    expect(page.locator(".dimension .unfit")).to_contain_text("above 0")
    expect(page.locator("#startsweep")).to_be_disabled()
    page.fill(".ends input >> nth=0", "2")
    expect(page.locator(".dimension .unfit")).to_contain_text("smaller")
    page.fill(".ends input >> nth=0", "0.1")
    expect(page.locator(".dimension .unfit")).to_be_hidden()


@pytest.mark.slow
def test_a_sweep_runs_and_its_trial_becomes_a_run(opened: Open, studio: Any):
    space = '{"train.learning_rate":{"kind":"log","low":0.01,"high":0.5},"train.batch_size":{"kind":"choices","choices":[128,256]}}'
    page = opened(f"sweep?trials=6&finalists=0&epochs=1&space={space}")
    page.click("#startsweep:not([disabled])")
    page.wait_for_function("() => location.hash.includes('study=')")
    page.wait_for_selector(".studyhead .badge.finished")
    page.wait_for_selector(".trialcard:not([hidden])")
    expect(page.locator("table.heat td >> nth=2")).to_be_visible()
    expect(page.locator("canvas.parallel")).to_be_visible()
    page.click("#opentrial")
    page.wait_for_function("() => location.hash.startsWith('#/train?')")
    page.wait_for_selector(".runhead .badge")


@pytest.mark.slow
def test_corruptions_are_measured(opened: Open, studio: Any):
    page = opened(f"test?run={studio.run}")
    page.click("#corrupt")
    page.wait_for_selector("table.heat", timeout=300_000)  # of a machine that does other things too
    expect(page.locator("table.heat tbody tr >> nth=3")).to_be_visible()
    expect(page.locator("table.heat tr:has-text('rotation') td >> nth=4")).to_contain_text("60")  # degrees


def test_trials_that_come_are_joined_as_the_whole_would_have_them(opened: Open):
    told = opened("sweep").evaluate(
        """async () => {
            const { join } = await import('/static/sweep_news.js');
            const study = {
                maximize: true, best: 0, record: { number: [0], value: [0.913333] },
                axes: [{ name: 'lr', choices: [], values: [0.1] }, { name: 'hidden', choices: ['20-20', '64'], values: [0] }],
                trials: { number: [0], value: [0.913333], state: 'd', epochs: [3], seconds: [1], reason: {} },
            };
            const came = (number, state, value, hidden) =>
                ({ number, state, value, epochs: 3, seconds: 1, reason: value === null ? 'lost' : '', settings: { lr: 0.2, hidden } });
            const first = join(study, [came(1, 'done', 0.9133333563804626, [64])]); // a tie in what the whole says of both
            const tie = study.best;
            join(study, [came(5, 'done', 0.95, [20, 20]), came(3, 'failed', null, [9])]);
            join(study, [came(4, 'stopped', 0.99, [64]), came(6, 'running', 1, [64])]);
            join(study, [came(2, 'done', 0.94, [64])]); // late, and better than those of its time
            return [first, tie, study.best, study.record, study.trials.state, study.trials.reason, study.axes[1].values];
        }"""
    )
    record = {"number": [0, 2, 5], "value": [0.913333, 0.94, 0.95]}
    assert told == [True, 0, 2, record, "dddfsd", {"3": "lost"}, [0, 1, 0, None, 1, 1]]
