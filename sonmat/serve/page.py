"""The page at /docs: how to ask, by example, on one page that needs no network."""

from __future__ import annotations

import html
from collections.abc import Sequence

from sonmat.language import say

_LOOK = """
body { margin: 0 auto; max-width: 46rem; padding: 2rem 1rem; font: 16px/1.6 system-ui, "Apple SD Gothic Neo", "Malgun Gothic",
  sans-serif; color: #1c1e21; background: #fff; } h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
pre { background: #f3f4f6; border-radius: .5rem; padding: .8rem 1rem; overflow-x: auto; font: .88em/1.5 ui-monospace, monospace; }
code { font: .9em ui-monospace, monospace; }
@media (prefers-color-scheme: dark) { body { color: #e8eaed; background: #15181c; } pre { background: #22262c; } }
"""
_MOST = 40  # classes that are listed


def page(name: str, address: str, classes: Sequence[str], shape: Sequence[int], *, text: bool, token: bool) -> str:
    """The page.

    Args:
        name: What is served.
        address: Where, such as `http://127.0.0.1:8000`.
        classes: The classes' names.
        shape: Of one raw input.
        text: Whether the model reads sentences.
        token: Whether requests need one.
    """
    header = ' -H "Authorization: Bearer $TOKEN"' if token else ""
    curl = f"curl{header} {address}"
    sizes = " × ".join(map(str, shape))
    if text:
        examples = [
            (say("One sentence", "문장 하나"), f"""{curl}/predict --json '{{"text": "환불하고 싶어요"}}'"""),
            (
                say("Several", "여러 문장"),
                f"""{curl}/predict --json '{{"texts": ["play some jazz", "will it rain"]}}'""",
            ),
            (
                say("From a file", "파일에서"),
                f"{curl}/predict -H 'Content-Type: text/plain' --data-binary @sentence.txt",
            ),
        ]
    else:
        examples = [
            (
                say("A photo or image", "사진이나 이미지"),
                f"{curl}/predict -H 'Content-Type: image/png' --data-binary @digit.png",
            ),
            (say("Several", "여러 장"), f"{curl}/predict -F file=@one.jpg -F file=@two.png"),
            (
                say(f"Raw pixels, {sizes}, one or a list of them", f"픽셀 {sizes}, 하나 또는 목록"),
                f"""{curl}/predict --json '{{"pixels": [[0, 0, …], …]}}'""",
            ),
        ]
    examples += [
        (say("Is it there?", "살아 있는지"), f"{curl}/health"),
        (say("Counters for Prometheus", "프로메테우스용 지표"), f"{curl}/metrics"),
        (say("Everything, for programs", "프로그램이 읽을 전체 문서"), f"{curl}/openapi.json"),
    ]
    blocks = "".join(f"<h2>{html.escape(what)}</h2><pre>{html.escape(how)}</pre>" for what, how in examples)
    known = ", ".join(classes[:_MOST]) + (" …" if len(classes) > _MOST else "")
    lead = say(
        "The answer is JSON: predictions, one an input, each with class, probabilities, unsure and reason. An error has error "
        "and fix.",
        "답은 JSON입니다. predictions에 입력마다 하나씩 class, probabilities, unsure, reason이 있습니다. 오류에는 error와 fix가 있습니다.",
    )
    counted = say(f"{len(classes)} classes", f"클래스 {len(classes)}개")
    return (
        f'<!doctype html><html lang="{say("en", "ko")}"><meta charset="utf-8"><meta name="viewport" '
        f'content="width=device-width, initial-scale=1"><title>{html.escape(name)}</title><style>{_LOOK}</style>'
        f"<h1>{html.escape(name)}</h1><p>{html.escape(lead)}</p><p>{counted}: {html.escape(known)}</p>{blocks}</html>"
    )
