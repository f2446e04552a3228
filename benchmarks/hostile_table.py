"""The figures of `hostile.json` as Markdown, in English and Korean."""

from __future__ import annotations

from typing import Any

from benchmarks.machine import named
from benchmarks.tables import table

_KINDS = {
    "pictures": ("pictures", "그림"),
    "models": ("model files", "모델 파일"),
    "data": ("tables, arrays, IDX, recipes", "표, 배열, IDX, 레시피"),
}


def hostile(content: dict[str, Any], *, korean: bool) -> str:
    """How many files were tried, how far they got, and what the largest pictures take."""
    said = content["summary"]
    rows = [_of_kind(label[korean], said["kinds"][kind]) for kind, label in _KINDS.items() if kind in said["kinds"]]
    head = (
        ["적대적 파일", "시도", "구조에 맞춘 것", "그중 디코더·가중치 읽기에 닿은 것", "거절", "가장 느린 것, 초", "최대 메모리, MiB"]
        if korean
        else ["hostile files", "tried", "structured", "of these reached the decoder or the weights", "refused", "slowest, s", "peak, MiB"]
    )  # fmt: skip
    large = (
        ["읽는 가장 큰 그림", "백만 픽셀", "최대 메모리, MiB"]
        if korean
        else ["largest read", "megapixels", "peak, MiB"]
    )
    largest = [[kind, f"{one['megapixels']:g}", _mib(one["peak"])] for kind, one in content["largest"].items()]
    return "\n\n".join([table(head, rows), table(large, largest), _note(content, korean)])


def _of_kind(label: str, one: dict[str, Any]) -> list[str]:
    reached = f"{one['reached and structured']:,}" if "reached and structured" in one else "–"
    peak = _mib(max(one["peak"], one.get("peak reader", 0)))
    counts = [f"{one['tried']:,}", f"{one['structured']:,}", reached, f"{one['refused']:,}"]
    return [label, *counts, f"{one['slowest']:.1f}", peak]


def _note(content: dict[str, Any], korean: bool) -> str:
    said, holes = content["summary"], ", ".join(content.get("holes", ()))
    share = 100 * said["structured and reached"] / said["images and models"]
    versions = ", ".join(f"{name} {version}" for name, version in content["versions"].items())
    cost, where, date = content["cpu_minutes"], named(content["identity"]["machine"]), content["ended"][:10]
    if korean:
        closed = f"공개된 Keras의 구멍({holes})은 공개된 그대로 다시 만들어 시험했고 모두 거절합니다. " if holes else ""
        return (
            f"그림과 모델 {said['images and models']:,}개 중 {share:.0f} %가 구조에 맞추어 바꾼 것이면서 디코더나 가중치 "
            f"읽기에 닿았습니다. 실행, 멈춤, 강제 종료는 없었고, 나머지는 여전히 읽히는 파일이었습니다. {closed}시간은 프로세서 "
            f"시간입니다. "
            f"{where}. {versions}. {date}, CPU {cost:.0f}분, `python -m benchmarks.hostile`."
        )
    closed = (
        f"Every published hole of Keras's reader ({holes}) was rebuilt as published, and is refused. " if holes else ""
    )
    return (
        f"Of {said['images and models']:,} pictures and models {share:.0f} % were changed along their structure and reached a decoder or "
        f"the reader of weights. Nothing was executed, hung or crashed; what was not refused could still be read. {closed}Seconds are "
        f"of processor. {where}. {versions}. {date}, {cost:.0f} CPU-minutes, "
        "`python -m benchmarks.hostile`."
    )


def _mib(size: int) -> str:
    return f"{size / 2**20:,.0f}"
