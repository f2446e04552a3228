"""What is said and drawn of labels that are known to be wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

import sonmat
from sonmat.data.known_errors import by_row
from sonmat.errors import DataError
from sonmat.view.corrected import corrected_text, error_text
from sonmat.view.hardest import hardest
from sonmat.view.label_errors import label_errors
from sonmat.view.report import Report, page

pytestmark = [
    pytest.mark.filterwarnings("error"),
    # what other tests left behind may be collected during one of these
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def told(accuracy: float, wrong: int) -> dict[str, Any]:
    again = {"accuracy": 1 - wrong / 9_995, "wrong": wrong, "n": 9_995, "labels": 15, "left_out": 5, "ceiling": 0.9985,
             "source": "a <b>paper</b>", "rows": [{"row": 947, "label": 8, "corrected": 9, "said": 9},
                                           {"row": 2130, "label": 4, "corrected": None, "said": 4}]}  # fmt: skip
    classes = [{"name": f"<{i}>", "n": 1, "precision": 1, "recall": 1, "f1": 1} for i in range(10)]
    return {"n": 10_000, "accuracy": accuracy, "corrected": again, "per_class": classes}


def test_both_numbers_are_on_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    assert corrected_text(told(0.9962, 26)) == (
        "99.62 % (38 wrong of 10,000); of the 15 labels known to be wrong 10 corrected, 5 left out: "
        "99.74 % (26 wrong of 9,995)"
    )
    monkeypatch.setenv("SONMAT_LANG", "ko")
    assert corrected_text(told(0.9962, 26)) == (
        "99.62 % (10,000개 중 38개 틀림); 틀린 것으로 알려진 레이블 15개 중 10개를 고치고 5개를 빼면 "
        "99.74 % (9,995개 중 26개 틀림)"
    )


@pytest.mark.parametrize(("missed", "lines"), [(16, 1), (15, 1), (14, 2), (0, 2)])
def test_more_than_the_ceiling_is_said_to_be_no_knowledge(missed: int, lines: int) -> None:
    said = corrected_text(told(1 - missed / 10_000, 10)).splitlines()
    assert len(said) == lines
    if lines == 2:
        assert said[1] == "More than 99.85 % by the labels as they are is not knowledge: 15 of them are wrong."


@pytest.mark.parametrize(
    "broken",
    [{}, {"n": 3, "accuracy": 0.5}, {**told(0.9, 3), "corrected": None}, {**told(0.9, 3), "corrected": [1]},
     {**told(0.9, 3), "corrected": {"accuracy": "x"}}, {**told(0.9, 3), "n": None}, {**told(0.9, 3), "accuracy": {}}],
)  # fmt: skip
def test_where_nothing_is_known_nothing_is_said(broken: dict[str, Any]) -> None:
    assert corrected_text(broken) == ""


def test_the_report_says_it_and_marks_the_rows() -> None:
    html = page(Report("run", result={"test": told(0.9999, 2)}))
    assert "of the 15 labels known to be wrong" in html
    assert "is not knowledge" in html
    assert "a &lt;b&gt;paper" in html
    assert "<b>paper" not in html
    row = html[html.index(">#947<") :]
    assert row.index("&lt;8&gt;") < row.index("&lt;9&gt;") < row.index(">#2130<")
    assert "left out" in row
    assert "known to be wrong" not in page(Report("run", result={"test": {"n": 5, "accuracy": 0.5}}))


@pytest.mark.parametrize("broken", [5, [5], {"rows": 7}, {"rows": [7, {"row": "<i>", "label": 99, "said": "x"}]}])
def test_a_strangers_result_does_no_harm(broken: Any) -> None:
    try:
        html = page(Report("run", result={"test": {**told(0.9, 3), "corrected": broken}}))
    except TypeError:
        pytest.fail("a stranger's result broke the page")
    assert "<i>" not in html


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_the_picture_of_the_fifteen(
    mnist: str, lang: str, legible: Callable[[Figure], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SONMAT_LANG", lang)
    train, test = sonmat.load(mnist)
    figure = label_errors(test)
    assert isinstance(figure, Figure)
    legible(figure)
    words = [text.get_text() for text in figure.axes[0].texts]
    assert len(words) == 45
    assert words[:3] == (["label 8", "5 of 5 see 9", "#947"] if lang == "en" else ["레이블 8", "5명 중 5명: 9", "#947"])
    assert ("4: 2, 9: 2, neither: 1" if lang == "en" else "4: 2, 9: 2, 아님: 1") in words
    with pytest.raises(DataError):
        label_errors(train, tmp_path / "none.png")
    assert not (tmp_path / "none.png").exists()


@pytest.mark.parametrize("lang", ["en", "ko"])
def test_the_hardest_images_mark_such_rows(
    mnist: str, lang: str, legible: Callable[[Figure], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SONMAT_LANG", lang)
    test = sonmat.load(mnist)[1]
    known = by_row(test, range(10_000))
    chances = np.eye(10)[test.labels] * 0.9 + 0.01
    chances[[947, 2130, 5]] = np.roll(chances[[947, 2130, 5]], 1, axis=1)
    remarks = {row: error_text(one, test.classes) for row, one in known.items()}
    figure = hardest(test.inputs, test.labels, chances, test.classes, rows=test.rows, remarks=remarks)
    assert isinstance(figure, Figure)
    legible(figure)
    words = {text.get_text() for text in figure.axes[0].texts if text.get_text().startswith("#")}
    wrong, doubt = ("label wrong: 9", "label in doubt") if lang == "en" else ("레이블 오류: 9", "레이블 불확실")
    assert words == {"#5", f"#947 {wrong}", f"#2130 {doubt}"}
