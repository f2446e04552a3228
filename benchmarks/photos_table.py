"""The figures of `photos.json` as Markdown, in English and Korean, and the head of the recipe `robust`."""

from __future__ import annotations

from typing import Any

from benchmarks.machine import named
from benchmarks.tables import table

_KINDS = {
    "photo": ("photographed by others", "다른 사람이 찍은 사진"),
    "scan": ("scanned by others", "다른 사람이 스캔한 것"),
    "drawn-on-screen": ("drawn on a screen by others", "다른 사람이 화면에 그린 것"),
    "form-cell": ("cells of filled-in forms", "채워 넣은 서식의 칸"),
    "collection-16x16": ("collections of 16×16 pixels", "16×16 픽셀 모음"),
    "collection-8x8": ("a collection of 8×8 pixels", "8×8 픽셀 모음"),
}
_DIGITS = {
    "strokes": ("rendered photographs, digits drawn by strokes", "그려서 만든 사진, 획으로 그린 숫자"),
    "people": ("rendered photographs, validation digits", "그려서 만든 사진, 검증 행의 숫자"),
}
_REFUSED = {
    "letters": ("letters", "글자"),
    "noise": ("noise", "노이즈"),
    "blank": ("blank paper", "빈 종이"),
    "texture": ("textures", "무늬"),
}
_PARTS = {"validation": ("validation rows", "검증 행"), "test": ("test rows", "테스트 행")}


def photos(content: dict[str, Any], *, korean: bool) -> str:
    """What each run reads, what it refuses, and how far its probabilities are off."""
    told = []
    for name, run in content["runs"].items():
        told += [_of_digits(name, run, korean), _of_nothing(name, run, korean), _of_rows(name, run, korean)]
    return "\n\n".join([*(one for one in told if one), _origin(content, korean)])


def head(content: dict[str, Any]) -> str | None:
    """The comment at the head of the recipe's file; None where it was not measured on the test set."""
    run = content["runs"].get("robust")
    if run is None or "test" not in run:
        return None
    right, seeds = f"{100 * run['test']['accuracy']:.2f} %", run.get("seed", 0)
    others = run.get("others", {}).get("photo")
    photographed = f", {_percent(others['accuracy'])} of {others['n']} photographs by others" if others else ""
    photographed_ko = f", 다른 사람이 찍은 사진 {others['n']}장에서 {_percent(others['accuracy'])}" if others else ""
    chosen = (
        ["Those photographs were looked at when its augmentation was chosen; none was trained on."] if others else []
    )
    lines = [
        f"robust: for photographs and scans; {right} of MNIST's test set (one run, seed {seeds}){photographed}.",
        f"ko: robust: 사진과 스캔을 위한 레시피. MNIST 테스트 정확도 {right} (한 번, 시드 {seeds}){photographed_ko}.",
        "",
        f"Letters refused as unsure {_percent(run['letters']['refused'])} (n = {run['letters']['n']}); {content['about']['date'][:10]}, "
        "python -m benchmarks.photos. What it is made of: docs/photos.md.",
        *chosen,
    ]
    return "\n".join(f"# {line}".rstrip() for line in lines)


def _of_digits(name: str, run: dict[str, Any], korean: bool) -> str:
    rows = [(label, run[key]) for key, label in _DIGITS.items() if key in run]
    rows += [(_KINDS.get(kind, (kind, kind)), one) for kind, one in run.get("others", {}).items()]
    if not rows:
        return ""
    top = (
        [f"숫자, `{name}`", "n", "정확도", "답한 비율", "답한 것의 정확도"]
        if korean
        else [f"digits, `{name}`", "n", "read right", "answered", "right of these"]
    )
    return table(
        top,
        [
            [
                label[korean],
                f"{one['n']:,}",
                f"**{_percent(one['accuracy'])}**",
                _percent(one["kept"]),
                _percent(one["accuracy_of_kept"]) if one["accuracy_of_kept"] is not None else "–",
            ]
            for label, one in rows
        ],
    )


def _of_nothing(name: str, run: dict[str, Any], korean: bool) -> str:
    rows = [(label, run[key]) for key, label in _REFUSED.items() if key in run]
    if not rows:
        return ""
    top = ["숫자가 아닌 것", "n", "*모르겠다*고 한 비율"] if korean else ["no digits", "n", "refused as *unsure*"]
    return table(top, [[label[korean], f"{one['n']:,}", f"**{_percent(one['refused'])}**"] for label, one in rows])


def _of_rows(name: str, run: dict[str, Any], korean: bool) -> str:
    rows = [(label, run[key]) for key, label in _PARTS.items() if key in run]
    top = (
        [f"MNIST, `{name}`", "n", "정확도", "답한 비율", "보정 오차 (15구간)"]
        if korean
        else [f"MNIST, `{name}`", "n", "accuracy", "answered", "calibration error (15 bins)"]
    )
    return table(
        top,
        [
            [
                label[korean],
                f"{one['n']:,}",
                f"{100 * one['accuracy']:.2f} %",
                _percent(one["kept"]),
                f"**{100 * one['calibration_error']:.2f} %**",
            ]
            for label, one in rows
        ],
    )


def _origin(content: dict[str, Any], korean: bool) -> str:
    about = content["about"]
    end = f"{named(about['machine'])}. {about['date'][:10]}, `python -m benchmarks.photos`."
    fonts = len(about["fonts"])
    others = [one for run in content["runs"].values() for one in run.get("others", {}).values()]
    sources = sum(one["sources"] for one in others)
    if others and korean:
        end = (
            f"다른 사람의 그림은 공개된 {sources}곳에서 왔고 이 저장소에는 없습니다. 학습에는 쓰지 않았지만 증강과 다듬기를 고를 때 "
            f"보았습니다. {end}"
        )
    elif others:
        end = (
            f"Pictures of others come from {sources} public sources and are not part of this repository; none was trained on, and "
            f"they were looked at when augmentation and cleaning were chosen. {end}"
        )
    if korean:
        return (
            f"글자는 글꼴 {fonts}개에서 골랐고, 숫자처럼 보이는 것(O o D Q I l i j Z z S s B b G g q T)은 세지 않습니다. 어떤 글꼴도 "
            f"문턱을 정하는 데 쓰지 않았습니다. {end}"
        )
    return (
        f"Letters are of {fonts} fonts, without those that look like digits (O o D Q I l i j Z z S s B b G g q T); no font served for "
        f"setting the threshold. {end}"
    )


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
