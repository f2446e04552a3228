"""Train and Runs: the form, the cards of layers, live curves, stop and resume, the list."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

if TYPE_CHECKING:
    from playwright.sync_api import Page

expect = pytest.importorskip("playwright.sync_api").expect  # waits until it is so
Open = Callable[..., "Page"]


def named(page: Page) -> str:
    """The run in the page's address."""
    found = re.search(r"run=([^&]+)", page.evaluate("location.hash"))
    assert found is not None
    return found.group(1)


def test_pressing_train_draws_a_curve_that_grows_and_ends(opened: Open, studio: Any):
    page = opened("train?epochs=3&batch=64&lr=0.2")
    page.evaluate("""async () => {
        const { store, on } = await import('/static/store.js');
        window.heard = [];
        on('epoch', (event) => window.heard.push(event.epoch));
    }""")
    page.click("#train")
    page.wait_for_selector(".live[data-first-point]")
    name = named(page)
    page.wait_for_selector(".runhead .badge.finished")
    assert studio.state(name) == "finished"
    assert page.evaluate("window.heard") == [1, 2, 3]
    whole = studio.ask(f"/api/runs/{name}")
    assert whole["recipe"]["train"]["batch_size"] == 64
    assert whole["epochs"] == 3
    expect(page.locator(".figures .big dd >> nth=0")).to_have_text(f"{100 * whole['val_accuracy']:.2f} %")
    expect(page.locator("canvas.chart >> nth=0")).to_have_attribute("aria-label", re.compile("epoch 3"))
    page.wait_for_selector(".finding")


def test_a_run_is_stopped_and_goes_on(opened: Open, studio: Any):
    page = opened("train?epochs=1000&batch=256&lr=0.1")
    page.click("#train")
    page.wait_for_selector(".live[data-first-point]")
    name = named(page)
    studio.until(lambda: studio.ask(f"/api/runs/{name}")["epochs"] > 0)
    page.click("#stop")
    page.wait_for_selector(".runhead .badge.stopped")
    at = studio.ask(f"/api/runs/{name}")["epochs"]
    assert 0 < at < 1000
    page.click("#resume")
    page.wait_for_selector(".runhead .badge.training")
    studio.until(lambda: studio.ask(f"/api/runs/{name}")["epochs"] > at)
    page.click("#stop")
    page.wait_for_selector(".runhead .badge.stopped")


def test_a_button_that_is_held_while_epochs_end_is_pressed(opened: Open, studio: Any):
    page = opened("train?epochs=1000&batch=256&lr=0.1")
    page.click("#train")
    page.wait_for_selector(".live[data-first-point]")
    name = named(page)
    page.wait_for_function("() => Number(document.querySelectorAll('.figures dd')[2].textContent.split('/')[0]) > 2")
    page.hover("#stop")
    page.mouse.down()
    at = studio.ask(f"/api/runs/{name}")["epochs"]
    page.wait_for_function(
        "n => Number(document.querySelectorAll('.figures dd')[2].textContent.split('/')[0]) > n", arg=at + 2
    )
    page.mouse.up()
    page.wait_for_selector(".runhead .badge.stopped")


@pytest.mark.slow
def test_following_the_sliders_replaces_what_trains(opened: Open, studio: Any):
    page = opened("train?epochs=1000&batch=256&follow=1")
    page.click("#train")
    page.wait_for_selector(".live[data-first-point]")
    first = named(page)
    studio.until(lambda: studio.ask(f"/api/runs/{first}")["epochs"] > 0)  # one without an epoch would leave no trace
    page.fill(".learning input[type=number] >> nth=0", "0.3")
    page.wait_for_function("first => !location.hash.includes('run=' + first)", arg=first)
    second = named(page)
    assert second != first
    studio.until(lambda: studio.state(first) == "stopped")
    assert studio.ask(f"/api/runs/{second}")["recipe"]["train"]["learning_rate"] == 0.3
    page.wait_for_selector("#stop")
    page.click("#stop")
    studio.until(lambda: studio.state(second) == "stopped")


def test_cards_of_layers_show_sizes_and_explain_what_cannot_be(opened: Open):
    page = opened("train?layers=conv:8:5:1:valid:relu~max_pool:2:2:valid~dense:20:relu")
    page.wait_for_selector(".layer.conv .shape:has-text('24 × 24 × 8')")
    expect(page.locator(".layer.conv .told")).to_contain_text("24")
    expect(page.locator(".layer.conv .told")).to_contain_text("(5·5·1 + 1) × 8 = 208")
    expect(page.locator(".layer.max_pool .shape")).to_have_text("12 × 12 × 8")
    page.fill(".layer.max_pool input[type=number] >> nth=0", "8")
    page.wait_for_selector(".layer.max_pool .shape:has-text('9 × 9 × 8')")
    page.fill(".layer.conv input[type=number] >> nth=2", "4")  # stride: 28 becomes 6, and a window of 8 does not fit
    page.wait_for_selector(".layer.max_pool.bad")
    expect(page.locator(".layer.max_pool .badtext")).not_to_be_empty()
    expect(page.locator("#train")).to_be_disabled()
    page.select_option("#addlayer", "dropout")
    assert "dropout:0.2" in page.evaluate("location.hash")


@pytest.mark.slow
def test_layers_are_moved_with_the_keyboard_and_by_dragging(opened: Open):
    page = opened("train?layers=conv:8:3:1:valid:relu~max_pool:2:2:valid~dropout:0.3")
    page.focus(".layer.dropout [data-move=up]")
    page.keyboard.press("Enter")
    assert "conv:8:3:1:valid:relu~dropout:0.3~max_pool:2:2:valid" in page.evaluate("location.hash")
    assert page.evaluate("document.activeElement.dataset.move") == "up"  # the next press moves it on
    page.wait_for_function(  # the sizes have come, and nothing is pushed down any more
        """async () => {
            const at = () => document.querySelector('.layer.max_pool .grip').getBoundingClientRect().top;
            const before = at();
            await new Promise((resolve) => setTimeout(resolve, 300));
            return document.querySelector('.totals').textContent.includes('parameters') && at() === before;
        }"""
    )
    grip, first = page.locator(".layer.max_pool .grip").bounding_box(), page.locator(".layer.conv").bounding_box()
    assert grip is not None
    assert first is not None
    page.mouse.move(grip["x"] + 4, grip["y"] + 4)
    page.mouse.down()
    page.mouse.move(grip["x"] + 4, first["y"] + 20, steps=4)
    page.mouse.up()
    assert "layers=max_pool:2:2:valid~conv" in page.evaluate("location.hash")


def test_a_link_restores_the_form_and_back_undoes(opened: Open):
    page = opened("train?base=notes-cnn&epochs=7&batch=100&lr=0.004&seed=5&split=0.8")
    for place, value in enumerate(("0.004", "100", "7")):
        expect(page.locator(".learning input[type=number]").nth(place)).to_have_value(value)
    expect(page.locator(".layer.conv")).to_have_count(2)
    page.select_option(".column select >> nth=0", "notes-mlp")
    page.wait_for_selector(".layer.dense >> nth=1")
    page.go_back()
    page.wait_for_selector(".layer.conv >> nth=1")
    expect(page.locator(".learning input[type=number] >> nth=1")).to_have_value("100")


@pytest.mark.slow
def test_runs_are_found_sorted_compared_renamed_and_deleted(opened: Open, studio: Any):
    other = studio.train("doomed one", epochs=1)
    page = opened("runs")
    page.wait_for_selector(f".line a[title='{other}']")
    page.fill("#find", "doomed")
    page.wait_for_function("() => document.querySelectorAll('.room .line').length === 1")
    assert "q=doomed" in page.evaluate("location.hash")
    page.check(".room .line input")
    page.click("#erase")
    page.click("dialog button[value=no]")
    assert studio.state(other) == "finished"
    page.click("#erase")
    page.click("dialog button[value=yes]")
    page.wait_for_function("() => document.querySelectorAll('.room .line').length === 0")
    page.fill("#find", "")
    page.click(f".line:has(a[title='{studio.run}']) input")
    assert f"run={studio.run}" in (page.get_attribute("#compare", "href") or "")
    page.reload()
    page.wait_for_selector("#compare")  # the link keeps what was chosen
    expect(page.locator(".room .line.chosen")).to_have_count(1)


@pytest.mark.slow
def test_two_tabs_agree(opened: Open, studio: Any):
    one, two = opened(f"train?run={studio.run}"), opened("runs")
    one.click("[aria-label=Rename]")
    one.fill("dialog input", "called by the other")
    one.click("dialog button[value=yes]")
    two.wait_for_selector(".line a:has-text('called by the other')")


@pytest.mark.slow
def test_a_thousand_runs_have_few_rows_in_the_page(opened: Open):
    page = opened("runs")
    page.evaluate("""async () => {
        const { store, on } = await import('/static/store.js');
        const one = [...store.runs.values()][0];
        for (let i = 0; i < 1000; i++)
            store.runs.set(`made-${i}`, { ...one, name: `made-${i}`, title: `made ${i}`, val_accuracy: i / 1000 });
    }""")
    page.fill("#find", "made-99")
    page.wait_for_function("() => document.querySelectorAll('.room .line').length === 11")
    page.fill("#find", "made")
    page.click(".heads .c-val_accuracy button")
    page.wait_for_function(
        "() => document.querySelector('.room .line a') && document.querySelector('.list').ariaRowCount === '1001'"
    )
    assert page.locator(".room .line").count() < 60
    page.evaluate("document.querySelector('.list').scrollTop = 1e6")
    page.wait_for_selector(".room .line a:has-text('made 0')")
    assert page.locator(".room .line").count() < 60


@pytest.mark.slow
def test_settings_of_a_run_are_those_that_a_duplicate_starts_from(opened: Open, studio: Any):
    page = opened(f"train?run={studio.run}")
    page.click("#duplicate")
    page.wait_for_function("() => location.hash.includes('base=run:')")
    page.wait_for_selector(".learning input[type=number]")
    recipe = studio.ask(f"/api/runs/{studio.run}")["recipe"]
    assert json.loads(page.input_value(".learning input[type=number] >> nth=0")) == recipe["train"]["learning_rate"]
    assert json.loads(page.input_value(".learning input[type=number] >> nth=2")) == recipe["train"]["epochs"]


def test_a_link_restores_layers_of_every_kind(opened: Open):
    layers = (
        "conv:8:3:1:valid:relu~max_pool:2:2:valid~average_pool:2:1:same~dropout:0.3~batch_norm:0.8~activation:tanh"
        "~dense:20:gelu"
    )
    page = opened(f"train?layers={layers}")
    page.wait_for_selector(".layer.dense .shape:has-text('20')")
    expect(page.locator(".layer[data-index]")).to_have_count(7)
    expect(page.locator(".layer.activation select")).to_have_value("tanh")
    expect(page.locator(".layer.batch_norm input[type=number]")).to_have_value("0.8")
    expect(page.locator(".layer.activation .shape")).to_contain_text("13 × 13 × 8")
    expect(page.locator(".layer.activation .flat")).to_contain_text("1,352")  # flattened before the dense layer
    page.fill(".layer.dense input[type=number]", "21")
    assert f"layers={layers.replace('dense:20', 'dense:21')}" in page.evaluate("location.hash")
    page.fill(".layer.dense input[type=number]", "20")
    page.select_option("#addlayer", "activation")
    page.wait_for_selector(".layer.activation select >> nth=1")
    assert page.evaluate("location.hash").endswith("~activation:relu")


def test_a_number_out_of_its_range_explains_itself_and_nothing_is_trained(opened: Open):
    page = opened("train?layers=conv:8:3:1:valid:relu~dense:20:relu")
    page.wait_for_selector(".layer.dense .shape:has-text('20')")
    field, why = ".layer.conv input[type=number] >> nth=1", ".layer.conv .unfit >> nth=1"
    for wrong in ("0", "3.5", "99999999", ""):
        page.fill(field, wrong)
        expect(page.locator(why)).to_contain_text("from 1 to 255")
        expect(page.locator("#train")).to_be_disabled()
        assert "conv:8:3" in page.evaluate("location.hash")
        expect(page.locator(".layer.conv .shape")).to_be_hidden()
    page.focus("#addlayer")
    assert page.input_value(field) == ""  # what was typed stays, and so does the reason
    expect(page.locator(why)).to_be_visible()
    page.fill(field, "29")  # a number, but none that fits: the sizes say so
    page.wait_for_selector(".layer.conv .told .badtext:has-text('29 × 29')")
    page.fill(field, "0")
    page.click(".layer.conv .unfit button >> nth=0")
    page.wait_for_selector("#train:not([disabled])")
    assert "conv:8:1" in page.evaluate("location.hash")


def test_a_field_that_is_left_writes_into_no_other_address(opened: Open):
    page = opened("train?layers=dense:5:relu")
    page.wait_for_selector(".layer.dense .shape:has-text('5')")
    page.focus(".layer.dense input[type=number]")
    page.keyboard.type("3")
    page.evaluate("location.hash = '#/train?layers=conv:8:3:1:valid:relu'")
    page.wait_for_selector(".layer.conv .shape:has-text('26 × 26 × 8')")
    assert page.evaluate("location.hash") == "#/train?layers=conv:8:3:1:valid:relu"
    page.focus(".layer.conv input[type=number]")
    page.keyboard.type("1")
    page.evaluate("location.hash = '#/runs'")
    page.wait_for_selector(".list")
    assert page.evaluate("location.hash") == "#/runs"


def test_renaming_gives_the_keyboard_back(opened: Open, studio: Any):
    page = opened(f"train?run={studio.run}")
    page.wait_for_selector(".runhead .badge.finished")
    page.focus("[aria-label=Rename]")
    page.keyboard.press("Enter")
    page.keyboard.type("named anew")
    page.keyboard.press("Enter")
    page.wait_for_selector(".runhead h2:has-text('named anew')")
    page.wait_for_selector("[aria-label=Rename]:focus")


def test_data_of_one_s_own_are_read_and_trained_on(opened: Open, studio: Any, tmp_path: Path):
    random = np.random.default_rng(4)
    for name, level in (("dim", 40), ("bright", 160)):
        (tmp_path / "mine" / name).mkdir(parents=True)
        for number in range(40):
            pixels = random.integers(level, level + 60, (16, 16), np.uint8)
            Image.fromarray(pixels).save(tmp_path / "mine" / name / f"{number}.png")
    page = opened("train?layers=dense:8:relu&epochs=2&batch=8", refused=True)
    page.select_option(".form .wide select", label="data of my own …")
    expect(page.locator("#train")).to_be_disabled()  # nothing was read yet
    page.fill(".layer.dense input[type=number]", "9")
    expect(page.locator(".form .wide select option:checked")).to_have_text("data of my own …")
    page.fill(".own .path", str(tmp_path / "nowhere"))
    page.click("#readown")
    expect(page.locator(".own [role=status]")).to_contain_text("nowhere")
    page.fill(".own .path", str(tmp_path / "mi"))
    page.wait_for_selector(f"datalist option[value='{tmp_path / 'mine'}/']", state="attached")
    page.fill(".own .path", str(tmp_path / "mine"))
    page.keyboard.press("Enter")
    page.wait_for_selector(".ownsamples li:has-text('bright') canvas >> nth=2")
    expect(page.locator(".form .lead >> nth=0")).to_contain_text("16 × 16 pixels, 2 classes")
    assert f"data={tmp_path / 'mine'}" in page.evaluate("decodeURIComponent(location.hash)")
    page.wait_for_selector(".layer.dense .shape:has-text('9')")
    page.click("#train")
    page.wait_for_selector(".runhead .badge.finished")
    recipe = studio.ask(f"/api/runs/{named(page)}")["recipe"]
    assert recipe["data"] == str(tmp_path / "mine")
    page.reload()  # what was found is kept, and the link brings it back
    expect(page.locator(".own .path")).to_have_value(str(tmp_path / "mine"))
    page.select_option(".form .wide select", label="MNIST: handwritten digits")
    expect(page.locator(".own")).to_be_hidden()
    expect(page.locator(".form .lead >> nth=0")).to_contain_text("28 × 28 pixels, 10 classes")


@pytest.mark.slow
def test_sentences_of_one_s_own_bring_a_network_that_reads_them(opened: Open, studio: Any, sentences: Path):
    page = opened("train?layers=dense:8:relu&epochs=2")
    page.select_option(".form .wide select", label="data of my own …")
    page.fill(".own .path", str(sentences))
    page.click("#readown")
    page.wait_for_selector(".ownsamples .ownsentence")
    expect(page.locator(".form .lead >> nth=0")).to_contain_text("Sentences of 4 classes")
    assert "base=textcnn" in page.evaluate("location.hash")
    page.wait_for_selector("#train:not([disabled])")
    page.fill(".learning .field:has(label:text-is('epochs')) input[type=number]", "1")
    page.click("#train")
    page.wait_for_selector(".runhead .badge.finished")
    assert studio.ask(f"/api/runs/{named(page)}")["recipe"]["model"]["name"] == "textcnn"
    page.select_option(".form .wide select", label="MNIST: handwritten digits")
    page.wait_for_selector(".layer.dense >> nth=1")
    assert "base=notes-mlp" in page.evaluate("location.hash") or "base=" not in page.evaluate("location.hash")
