"""What holds for every screen: languages, sizes, links, keyboard; and for the files of the page."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page

Open = Callable[..., "Page"]
SCREENS = ("train", "runs", "draw", "look", "sweep", "test")
STATIC = Path(__file__).resolve().parents[3] / "sonmat" / "studio" / "static"
SCRIPTS = sorted(STATIC.glob("*.js"))


def settled(page: Page) -> None:
    """Wait until the screen has what it asked the server for."""
    page.wait_for_function(
        "() => document.querySelector('.screen').childElementCount > 1 && !document.querySelector('.reading')"
    )


@pytest.mark.parametrize(
    "screen", [one if one in ("train", "draw") else pytest.param(one, marks=pytest.mark.slow) for one in SCREENS]
)
def test_a_phone_shows_each_screen_in_korean_without_scrolling_sideways(opened: Open, screen: str):
    page = opened(screen, lang="ko", phone=True, dark=True)
    settled(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate("document.documentElement.lang") == "ko"
    assert page.locator(".bottom a[aria-current]").inner_text() in (
        "학습",
        "실행",
        "그리기",
        "들여다보기",
        "스윕",
        "시험",
    )
    english = page.evaluate("""async () => {
        const { t } = await import('/static/texts.js');
        return ['startTrain', 'learningRate', 'L_conv', 'K_stride', 'validation', 'epoch'].map(key => t(key));
    }""")
    assert english == ["학습 시작", "학습률", "합성곱", "스트라이드", "검증 데이터", "에포크"]


def test_the_language_and_the_theme_are_switched_and_kept(opened: Open):
    page = opened("train")
    assert page.inner_text("#train") == "Train"
    page.click("#language")
    page.wait_for_selector("#train:has-text('학습 시작')")
    page.wait_for_selector("label:has-text('학습률')")
    page.click("#theme")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(22, 20, 18)"
    page.reload()
    page.wait_for_selector("#train:has-text('학습 시작')")
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"


@pytest.mark.slow
def test_a_link_may_say_its_language(opened: Open):
    assert opened("runs?lang=ko").inner_text(".tabs a[aria-current]") == "실행"


@pytest.mark.slow
def test_the_keyboard_reaches_the_content_and_every_screen(opened: Open):
    page = opened("train")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.id") == "skip"
    reached = set()
    for _ in range(12):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.dataset.screen ?? ''"))
    assert reached >= set(SCREENS)
    page.focus(".tabs a[data-screen=runs]")
    page.keyboard.press("Enter")
    page.wait_for_selector(".screen.runs")
    page.wait_for_function("() => document.activeElement.id === 'main'")


@pytest.mark.slow
def test_the_tabs_go_back_to_where_one_was(opened: Open):
    page = opened("runs?q=first")
    page.click(".tabs a[data-screen=draw]")
    page.wait_for_selector(".screen.draw")
    page.click(".tabs a[data-screen=runs]")
    page.wait_for_selector("#find")
    assert page.input_value("#find") == "first"
    page.go_back()
    page.wait_for_selector(".screen.draw")


@pytest.mark.slow
def test_every_control_has_a_name(opened: Open, studio: Any):
    for screen in SCREENS:
        page = opened(screen)
        settled(page)
        nameless = page.evaluate("""[...document.querySelectorAll('button, a, input, select, canvas[role=img]')].filter(e =>
            !(e.ariaLabel || e.textContent.trim() || e.labels?.length || e.title)).map(e => e.outerHTML.slice(0, 120))""")
        assert nameless == []


@pytest.mark.parametrize("file", SCRIPTS, ids=lambda file: file.name)
def test_scripts_are_small_and_need_nothing_from_elsewhere(file: Path):
    text = file.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 400
    assert not re.findall(r"https?://(?!www\.w3\.org)", text)
    assert "innerHTML" not in text  # a run's name is never read as HTML
    assert not re.search(r"\beval\(|new Function", text)


def test_every_text_that_is_shown_is_there_in_both_languages():
    tables = "".join(file.read_text(encoding="utf-8") for file in SCRIPTS if file.name.startswith("texts"))
    pairs = dict(re.findall(r'^  (\w+): \[\s*("(?:[^"\\]|\\.)*",\s*"(?:[^"\\]|\\.)*"),?\s*\],$', tables, re.M))
    assert len(pairs) > 200
    used = {key for file in SCRIPTS for key in re.findall(r'\bt\("(\w+)"', file.read_text(encoding="utf-8"))}
    assert used <= set(pairs), used - set(pairs)
    for key, pair in pairs.items():
        english, korean = re.findall(r'"((?:[^"\\]|\\.)*)"', pair)
        assert set(re.findall(r"\{\d\}", english)) == set(re.findall(r"\{\d\}", korean)), key
