"""The figures of `serve.json` as Markdown, in English and Korean."""

from __future__ import annotations

from typing import Any

from benchmarks.machine import named
from benchmarks.tables import table, times

_BACKENDS = {
    "tensorflow": ("`model.predict` a request, Keras on TensorFlow", "요청마다 `model.predict`, TensorFlow의 Keras"),
    "jax": ("`model.predict` a request, Keras on JAX", "요청마다 `model.predict`, JAX의 Keras"),
}


def serve(content: dict[str, Any], *, korean: bool) -> str:
    """What the server does with one client, with 64 and with photographs, and Keras's `predict` in its place."""
    parts = [_of_network(name, one, content, korean) for name, one in content["summary"].items()]
    return "\n\n".join([*parts, _note(content, korean)])


def _of_network(name: str, one: dict[str, Any], content: dict[str, Any], korean: bool) -> str:
    seconds = f"{content['seconds']:g}"
    head = (
        [f"`{name}`", "28×28 하나, ms", f"클라이언트 64개가 {seconds}초, 요청/초", "p99, ms", "오류", "sonmat은 몇 배"]
        if korean
        else [f"`{name}`", "one 28×28, ms", f"64 clients for {seconds} s, requests/s", "p99, ms", "errors", "sonmat is"]
    )
    photo = f" (사진 {one['photo_p50_ms']:.1f})" if korean else f" (a photo {one['photo_p50_ms']:.1f})"
    rows = [
        [
            "**`sonmat serve`**",
            f"**{one['p50_ms']:.2f}**{photo}",
            f"**{one['per_second']:,.0f}**",
            f"{one['p99_ms']:.0f}",
            f"{one['errors']}",
            "",
        ]
    ]
    for backend, label in _BACKENDS.items():
        many = content["found"][name]["predict"][backend]["many"]
        rows.append(
            [
                label[korean],
                f"{one['keras_p50_ms'][backend]:.2f}",
                f"{many['per_second']:,.0f}",
                f"{many['p99_ms']:.0f}",
                f"{many['errors']}",
                f"**{times(one['times'][backend])}**",
            ]
        )
    command = (
        f"사진 하나를 `sonmat predict`로 읽는 데 프로세스 전체가 {one['command_s']:.2f}초 걸립니다(두 번째부터, 7번의 중앙값)."
        if korean
        else f"`sonmat predict` with one photo takes {one['command_s']:.2f} s as a whole process (from the second time on, median of 7)."
    )
    return f"{table(head, rows)}\n\n{command}"


def _note(content: dict[str, Any], korean: bool) -> str:
    where, versions = content["machine"], content["versions"]
    told = ", ".join(f"{name} {versions[name]}" for name in ("sonmat", "keras", "fastapi", "uvicorn", "python"))
    end = f"{named(where)}. {told}. {content['ended'][:10]}, `python -m benchmarks.serve`."
    brief = f"{min(content['seconds'], 15.0):g}"
    if korean:
        return (
            f"밀리초는 클라이언트 하나일 때의 p50입니다. 클라이언트도 서버와 같은 {where['cores']}개 코어를 씁니다. 사진은 1200×900 "
            "JPEG입니다. 견주는 서버는 같은 FastAPI와 uvicorn이 요청마다 `model.predict(x, verbose=0)`를 부르는 것이고, 같은 클라이언트 "
            f"64개가 {brief}초 동안 물었습니다. {end}"
        )
    return (
        f"Milliseconds are p50 with one client. The clients use the same {where['cores']} cores as the server. The photo is a JPEG of "
        "1200×900. The servers beside it are the same FastAPI and uvicorn, calling `model.predict(x, verbose=0)` for every request, "
        f"asked by the same 64 clients for {brief} s. {end}"
    )
