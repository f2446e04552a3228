"""The figures of `studio.json` as Markdown, in English and Korean."""

from __future__ import annotations

from typing import Any

from benchmarks.machine import named
from benchmarks.tables import table

_ROWS = (
    (
        "first_point_ms",
        "{:.0f} ms",
        "*Train* pressed, to the first point of the curve",
        "학습을 누르고 곡선의 첫 점까지",
    ),
    ("end_s", "{:.1f} s", "… to its end, ten epochs of the notes' network", "… 끝까지, 강의 노트의 신경망 10 에포크"),
    (
        "stroke_ms",
        "{:.0f} ms",
        "a stroke, to the probabilities and the maps of all layers",
        "획을 긋고 확률과 모든 층의 특징 맵까지",
    ),
    ("paint_ms", "{:.0f} ms", "the page opened, to its first paint", "화면을 열고 처음 그려질 때까지"),
    (
        "runs_frame_ms",
        "{:.1f} ms",
        "a frame while 1,000 runs are scrolled through",
        "실행 1,000개를 스크롤할 때 한 프레임",
    ),
    ("filter_ms", "{:.0f} ms", "1,000 runs filtered, after a letter", "글자를 쓴 뒤 실행 1,000개를 거르기까지"),
    (
        "study_shown_s",
        "{:.1f} s",
        "a study of 10,000 trials opened, with all its charts",
        "시도 10,000개인 스터디를 열어 차트가 다 나올 때까지",
    ),
    ("study_frame_ms", "{:.1f} ms", "a frame while it is scrolled through", "스크롤할 때 한 프레임"),
)


def studio(content: dict[str, Any], *, korean: bool) -> str:
    """How soon the page answers."""
    summary, versions = content["summary"], content["versions"]
    head = ["", "중앙값"] if korean else ["", "median"]
    rows = [[(ko if korean else en), f"**{form.format(summary[key])}**"] for key, form, en, ko in _ROWS]
    told = ", ".join(f"{name} {versions[name]}" for name in ("sonmat", "keras", "jax", "chromium", "python"))
    strokes = len(content["found"]["strokes_ms"])
    end = f"{told}. {content['ended'][:10]}, `python -m benchmarks.studio`."
    rounds, where = content["rounds"], f"{named(content['machine'])}, {content['machine']['cores']}"
    note = (
        f"학습(학습률만 바꿈)과 첫 그림은 {rounds}번씩, 획은 {strokes}번 재었습니다. 브라우저도 같은 코어를 쓰고 그래픽 장치는 없습니다. "
        f"{where}코어. {end}"
        if korean
        else f"Trainings (each at another learning rate) and first paints {rounds} times each, {strokes} strokes; the browser is on the "
        f"same cores and has no graphics card. {where} cores. {end}"
    )
    return f"{table(head, rows)}\n\n{note}"


def figures(content: dict[str, Any]) -> dict[str, str]:
    """Single figures that a sentence may quote."""
    summary = content["summary"]
    return {
        "first": f"{summary['first_point_ms'] / 1000:.2f}",
        "end": f"{summary['end_s']:.1f}",
        "stroke": f"{summary['stroke_ms']:.0f}",
    }
