from __future__ import annotations

import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import pytest
from matplotlib.ft2font import FT2Font

from sonmat.view import canvas, fonts
from sonmat.view.canvas import finish, sheet, style
from sonmat.view.curves import curves

HISTORY = {"loss": [1.0, 0.5], "val_loss": [0.9, 0.6], "accuracy": [0.5, 0.8], "val_accuracy": [0.5, 0.7]}
TEXTS = "가각힣뷁 ㄱㅎ ひらがな お き す つ な は ま や れ を カタカナ 漢字 大韓民國 ①→×·…–、。「」％"


def test_the_carried_font_knows_hangul_kana_and_kanji() -> None:
    family = fonts.families()
    assert family[0] == "DejaVu Sans"
    path = matplotlib.font_manager.findfont(family[1], fallback_to_default=False)
    known = set(FT2Font(path).get_charmap())
    assert set(range(0xAC00, 0xD7A4)) <= known  # every syllable of Hangul
    assert set(range(0x3041, 0x3094)) <= known  # hiragana, but for three rare ones
    assert {ord(c) for c in TEXTS} <= known | set(range(128))


def test_no_glyph_is_missing(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert Path(str(curves(HISTORY, tmp_path / "a.png", title=TEXTS))).is_file()


def test_without_the_font_glyphs_would_be_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(canvas, "families", lambda: ("DejaVu Sans",))
    with pytest.warns(UserWarning, match="Glyph .* missing"):
        curves(HISTORY, tmp_path / "a.png", title="가")


def test_other_carriers_and_the_systems_fonts(monkeypatch: pytest.MonkeyPatch) -> None:
    fonts.families()  # NanumGothic is registered
    monkeypatch.setattr(fonts, "_CARRIERS", (("no_such_package", "font.ttf", "None"),))
    assert fonts.families.__wrapped__() == ("DejaVu Sans", "NanumGothic")
    monkeypatch.setattr(fonts, "_SYSTEM", ("No Such Font",))
    assert fonts.families.__wrapped__() == ("DejaVu Sans",)


def test_the_users_settings_stay_and_do_not_show(tmp_path: Path) -> None:
    plain = Path(str(curves(HISTORY, tmp_path / "plain.png"))).read_bytes()
    with plt.style.context("dark_background"):
        matplotlib.rcParams["font.size"] = 30
        before = dict(matplotlib.rcParams)
        other = Path(str(curves(HISTORY, tmp_path / "other.png"))).read_bytes()
        assert dict(matplotlib.rcParams) == before
    assert other == plain


def test_settings_stay_after_an_error() -> None:
    before = dict(matplotlib.rcParams)
    with pytest.raises(KeyError), style():
        matplotlib.rcParams["no.such.setting"]
    assert dict(matplotlib.rcParams) == before


def test_threads_draw_the_same(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        paths = list(pool.map(lambda i: curves(HISTORY, tmp_path / f"{i}.png"), range(8)))
    assert len({Path(str(path)).read_bytes() for path in paths}) == 1


def test_a_returned_figure_keeps_its_fonts_and_size(tmp_path: Path) -> None:
    with style():
        figure = sheet(3, 2)
        figure.add_subplot().set_title("가나다")
        finish(figure, None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure.savefig(tmp_path / "later.png")


def test_neither_pyplot_nor_the_font_packages_are_imported() -> None:
    code = (
        "import sys, sonmat.view.canvas as canvas; canvas.warm(); "
        "print([m for m in ('matplotlib.pyplot', 'koreanize_matplotlib', 'pylopdf_fonts_ko', 'keras', 'jax') "
        "if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"


def test_the_style_is_sonmats_inside() -> None:
    with style():
        assert matplotlib.rcParams["font.family"] == list(fonts.families())
        assert matplotlib.rcParams["text.parse_math"] is False
