"""Fonts that every picture can be drawn with, on a machine that has none.

matplotlib carries DejaVu Sans, which knows neither Hangul nor kana. The package koreanize-matplotlib carries NanumGothic
(SIL Open Font License 1.1): all of Hangul and the kana that Kuzushiji-MNIST needs. A glyph that DejaVu Sans lacks is taken
from there. Where pylopdf-fonts-ko is installed, its Noto Sans KR serves as well.
"""

from __future__ import annotations

import functools
import importlib.util
from pathlib import Path

from matplotlib.font_manager import fontManager

_LATIN = "DejaVu Sans"
# Packages that carry a font, tried in order. None is imported: koreanize_matplotlib's import changes settings.
_CARRIERS = (
    ("koreanize_matplotlib", "fonts/NanumGothic.ttf", "NanumGothic"),
    ("pylopdf_fonts_ko", "NotoSansKR-Regular.otf", "Noto Sans KR"),
)
# What Korean Windows, macOS and Linux machines bring along.
_SYSTEM = ("Noto Sans CJK KR", "Noto Sans KR", "NanumGothic", "Malgun Gothic", "Apple SD Gothic Neo", "UnDotum")


@functools.cache
def families() -> tuple[str, ...]:
    """The font families to draw with, in the order of fallback; the first call registers the carried font."""
    for package, file, family in _CARRIERS:
        path = _carried(package, file)
        if path is not None:
            fontManager.addfont(path)
            return (_LATIN, family)
    known = set(fontManager.get_font_names())
    return (_LATIN, *(family for family in _SYSTEM if family in known))


def _carried(package: str, file: str) -> Path | None:
    spec = importlib.util.find_spec(package)
    folders = spec.submodule_search_locations if spec else None
    path = Path(folders[0], file) if folders else None
    return path if path and path.is_file() else None
