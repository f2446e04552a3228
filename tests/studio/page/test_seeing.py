"""Draw and Look inside: a digit that is drawn and recognised, drawings that are kept, the window's arithmetic."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

expect = pytest.importorskip("playwright.sync_api").expect  # waits until it is so
Open = Callable[..., "Page"]


@pytest.mark.parametrize("digit", ["7", pytest.param("1", marks=pytest.mark.slow)])
def test_a_digit_that_is_drawn_is_recognised(opened: Open, studio: Any, write: Callable[[Page, str], None], digit: str):
    page = opened(f"draw?runs={studio.run}")
    write(page, digit)
    page.wait_for_selector(f".verdict .big:has-text('{digit}')")
    page.click("#clear")  # its network is open now: the answers follow the second one
    write(page, digit)
    page.wait_for_selector(f".verdict .big:has-text('{digit}')")
    page.wait_for_function("() => sonmatMeasures.strokes.length > 1")
    parts = page.evaluate(
        "[...document.querySelectorAll('.pbar .track i')].map(i => Number(i.style.transform.slice(7, -1)))"
    )
    assert len(parts) == 10
    assert sum(parts) == pytest.approx(1, abs=0.002)
    expect(page.locator(".pbar.best b")).to_have_text(digit)
    expect(page.locator(".maprow canvas >> nth=1")).to_be_visible()  # where a machine is slow, they follow the answer
    link = page.evaluate("location.hash")
    assert "ink=" in link
    page.reload()  # a link brings the strokes back, and so the answer
    page.wait_for_selector(f".verdict .big:has-text('{digit}')")
    assert page.evaluate("location.hash") == link
    page.click("#clear")
    page.wait_for_function("() => !document.querySelector('.pbar')")


@pytest.mark.slow
def test_a_photograph_can_be_chosen(opened: Open, studio: Any, fetched_mnist: Any):
    from PIL import Image

    with np.load(fetched_mnist) as data:
        rows = np.flatnonzero(data["y_test"] == 1)
        image = Image.fromarray(255 - data["x_test"][rows[0]]).resize((224, 224))
    file = io.BytesIO()
    image.save(file, "PNG")
    page = opened(f"draw?runs={studio.run}")
    page.set_input_files(
        "input[type=file] >> nth=0", {"name": "one.png", "mimeType": "image/png", "buffer": file.getvalue()}
    )
    page.wait_for_selector(".verdict .big:has-text('1')")


@pytest.mark.slow
def test_what_is_no_picture_leaves_no_answer_standing(opened: Open, studio: Any, write: Callable[[Page, str], None]):
    page = opened(f"draw?runs={studio.run}", refused=True)
    write(page, "7")
    page.wait_for_selector(".verdict .big:has-text('7')")
    no_picture = {"name": "no.png", "mimeType": "image/png", "buffer": b"no picture"}
    page.set_input_files("input[type=file] >> nth=0", no_picture)
    page.wait_for_selector(".verdict b:has-text('PNG')")
    expect(page.locator(".pbar, .mini b")).to_have_count(0)
    page.set_input_files("input[type=file] >> nth=0", no_picture | {"name": "no.txt", "mimeType": "text/plain"})
    page.wait_for_selector("#notices :text('no.txt')")


@pytest.mark.slow
def test_drawings_are_kept_as_classes_and_offered_for_training(opened: Open, write: Callable[[Page, str], None]):
    page = opened("draw?set=marks")
    for name in ("하나", "일곱"):
        write(page, "1" if name == "하나" else "7")
        page.fill("#labelname", name)
        page.click("#keep")
        page.wait_for_selector(f".class:has-text('{name}') .thumb img")
    page.wait_for_selector("#trainon")
    page.hover(".thumb >> nth=0")
    page.click(".thumb button >> nth=0")
    page.wait_for_function("() => document.querySelectorAll('.thumb').length === 1")


@pytest.mark.slow
def test_the_window_steps_and_its_sum_is_the_network_s(opened: Open, studio: Any):
    conv = {"layer": "conv", "filters": 4, "kernel": 3, "stride": 2, "padding": "same", "activation": "relu"}
    model = {"name": "layers", "layers": [conv, {"layer": "max_pool", "size": 2, "stride": 2, "padding": "valid"}]}
    train = {"epochs": 1, "batch_size": 128, "optimizer": "adam"}
    recipe = {"data": "mnist", "split": 0.1, "model": model, "train": train}
    name = studio.ask("/api/runs", "POST", {"title": "conv", "recipe": recipe})["name"]
    studio.until(lambda: studio.state(name) == "finished")
    page = opened(f"look?run={name}&filter=2&at=[3,4]")
    page.wait_for_selector(".stepper .term.result")
    assert float(page.get_attribute(".stage", "data-apart") or "nan") < 1e-4
    before = page.inner_text(".steps .soft >> nth=-1")
    page.click("#stepon")
    expect(page.locator(".steps .soft >> nth=-1")).not_to_have_text(before)
    assert "at=[3,5]" in page.evaluate("decodeURIComponent(location.hash)")
    page.click("#play")
    page.wait_for_function("text => document.querySelector('.steps > .soft').textContent !== text", arg=before)
    page.click("#play")
    page.click(".mapbutton[data-layer*=pool] >> nth=1")
    page.wait_for_function(
        "() => location.hash.includes('layer=') && document.querySelectorAll('.sumbox .grid').length === 1"
    )
    assert float(page.get_attribute(".stage", "data-apart") or "nan") < 1e-4


@pytest.mark.slow
def test_sizes_of_one_s_own_follow_the_formula(opened: Open, studio: Any):
    page = opened(f"look?run={studio.run}&demo=1&size=5&stride=3&pad=1")
    expect(page.locator(".formula")).to_contain_text("⌊(28 + 2·1 − 5) / 3⌋ + 1 = 9")
    page.wait_for_selector(".sumbox .grid.product")
    page.fill(".pick input[type=number] >> nth=1", "2")
    page.wait_for_selector(".formula:has-text('= 13')")


def test_a_dense_unit_s_sum_is_the_network_s(opened: Open, studio: Any):
    page = opened(f"look?run={studio.run}")
    page.wait_for_selector(".denseview .agree:has-text('agree (to')")
    page.click(".unit >> nth=3")
    assert "filter=3" in page.evaluate("location.hash")


@pytest.mark.slow
def test_the_arithmetic_of_windows_is_keras_s(opened: Open):
    """The page's own convolution and pooling beside Keras's, with padding, strides and channels."""
    import keras

    random = np.random.default_rng(5)
    image = random.normal(size=(1, 9, 7, 3)).astype("float32")
    page = opened("runs")
    for padding, stride, kind in [
        ("same", 2, "conv"),
        ("valid", 1, "conv"),
        ("same", 3, "max"),
        ("same", 2, "average"),
    ]:
        made = {"conv": lambda p=padding, s=stride: keras.layers.Conv2D(2, 3, s, p, activation="gelu"),
                "max": lambda p=padding, s=stride: keras.layers.MaxPooling2D(3, s, p),
                "average": lambda p=padding, s=stride: keras.layers.AveragePooling2D(3, s, p)}[kind]()  # fmt: skip
        expected = np.asarray(made(image))[0]
        kernel = (
            {"shape": list(made.kernel.shape), "data": np.asarray(made.kernel).ravel().tolist()}
            if kind == "conv"
            else None
        )
        got = page.evaluate(
            """async ([shape, data, kernel, kind, padding, stride, filters]) => {
            const { plane, volume, windowOver } = await import('/static/windows.js');
            const input = volume(shape, data);
            const window = windowOver(input, { kind, size: [3, 3], stride: [stride, stride], padding });
            const layer = { input, window, kernel, bias: null, activation: kind === 'conv' ? 'gelu' : 'linear' };
            return Array.from({ length: filters }, (_, i) => [...plane(layer, i)]);
        }""",
            [list(image.shape[1:]), image.ravel().tolist(), kernel, kind, padding, stride, expected.shape[-1]],
        )
        np.testing.assert_allclose(np.array(got).T.reshape(expected.shape), expected, atol=2e-5)


@pytest.mark.slow
def test_planes_are_what_the_server_sent(opened: Open):
    page = opened("runs")
    sent = np.arange(-3, 5, dtype="<f4")
    told = base64.b64encode(sent.tobytes()).decode()
    assert page.evaluate("async text => [...(await import('/static/planes.js')).floats(text)]", told) == sent.tolist()
