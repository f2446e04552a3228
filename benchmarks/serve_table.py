"""The figures of `serve.json` as Markdown, in English and Korean."""

from __future__ import annotations

from typing import Any

from benchmarks.machine import named
from benchmarks.tables import table, times


def serve(content: dict[str, Any], *, korean: bool) -> str:
    """What the server does with one client, with 64 and with photographs."""
    head = (
        [
            "신경망",
            "28×28 하나, ms",
            "사진 하나, ms",
            "클라이언트 64개, 요청/초",
            "p99, ms",
            "오류",
            "Keras/TF `predict`의",
            "Keras/JAX `predict`의",
        ]
        if korean
        else [
            "network",
            "one 28×28, ms",
            "one photo, ms",
            "64 clients, requests/s",
            "p99, ms",
            "errors",
            "times Keras/TF `predict`",
            "times Keras/JAX `predict`",
        ]
    )
    rows = [
        [
            f"`{name}`",
            f"{one['p50_ms']:.2f}",
            f"{one['photo_p50_ms']:.1f}",
            f"{one['per_second']:,.0f}",
            f"{one['p99_ms']:.0f}",
            f"{one['errors']}",
            f"**{times(one['times']['tensorflow'])}**",
            times(one["times"]["jax"]),
        ]
        for name, one in content["summary"].items()
    ]
    where, versions = content["machine"], content["versions"]
    told = ", ".join(f"{name} {versions[name]}" for name in ("sonmat", "keras", "fastapi", "uvicorn", "python"))
    end = f"{told}. {content['ended'][:10]}, `python -m benchmarks.serve`."
    if korean:
        note = (
            f"시간은 p50입니다. 클라이언트 64개가 {content['seconds']:g}초 동안 묻고, 서버와 같은 {where['cores']}개 코어를 씁니다. 사진은 "
            "1200×900 JPEG입니다. 견주는 것은 HTTP 없이 요청 하나마다 부른 `model.predict`의 처리량입니다. "
            f"{named(where)}. {end}"
        )
    else:
        note = (
            f"Times are p50. The 64 clients ask for {content['seconds']:g} seconds, on the same {where['cores']} cores as the server. The "
            "photo is a JPEG of 1200×900. What it is held against is the throughput of one `model.predict` a request, without any "
            f"HTTP. {named(where)}. {end}"
        )
    return f"{table(head, rows)}\n\n{note}"
