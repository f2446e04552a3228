"""A study as one interactive page: a file that opens without a network, with plotly.js inside."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from importlib.resources import files
from pathlib import Path

from sonmat.files import write_text
from sonmat.language import say
from sonmat.search.trial import FAILED, STOPPED
from sonmat.view.page import STYLE, table, text
from sonmat.view.study_fan import fan_words
from sonmat.view.study_figure import StudyFigure, chance_text, difference_text, settings_text, value_text
from sonmat.view.study_finalists import finalist_labels, finalists_words, promise, shared_words
from sonmat.view.study_heatmap import heatmap_words
from sonmat.view.study_history import history_words
from sonmat.view.study_importance import importance_words
from sonmat.view.study_parallel import parallel_words
from sonmat.view.study_payload import CURVES, LINES, payload
from sonmat.view.study_sheet import nothing
from sonmat.view.study_slices import slices_words
from sonmat.view.study_timeline import timeline_words

_SCRIPTS = ("study_look.js", "study_charts.js", "study_page.js")  # each uses what those before it define


def study_page(figure: StudyFigure, path: str | os.PathLike[str] | None = None) -> Path | str:
    """The page: what the ranking says, the pictures of the study to zoom and point at, and every trial in a table.

    Names and reasons are shown as they are, never run: texts are escaped, a content policy lets in no script but the two
    that are written here (by their hashes), and nothing from elsewhere.

    Args:
        figure: The study.
        path: The HTML file to write; None gives its text.

    Returns:
        The path, or the text.

    Raises:
        StorageError: The file cannot be written.
    """
    page = _page(figure)
    if path is None:
        return page
    write_text(path, page)
    return Path(path)


def _page(figure: StudyFigure) -> str:
    from plotly.offline import get_plotlyjs

    scripts = [get_plotlyjs().replace("</script", "<\\/script"), "".join(map(_asset, _SCRIPTS))]
    hashes = " ".join(f"'sha256-{_hash(script)}'" for script in scripts)
    # plotly.js writes its WebGL commands as functions while it runs, which is what 'unsafe-eval' lets these two do.
    policy = (
        f"default-src 'none'; script-src {hashes} 'unsafe-eval'; style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; "
        "form-action 'none'"
    )
    # A "<" in a name could end the element that holds the data.
    data = json.dumps(payload(figure), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    data = data.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    title = text(figure.name)
    return (
        f'<!doctype html>\n<html lang="{say("en", "ko")}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title} · sonmat</title>\n<style>{STYLE}{_asset('study_page.css')}</style>\n</head>\n"
        f"<body>\n<main>\n<h1>{title}</h1>\n{_head(figure)}\n" + "\n".join(_sections(figure)) + "\n</main>\n"
        f'<aside id="card" aria-live="polite" hidden></aside>\n'
        f'<script type="application/json" id="study">{data}</script>\n'
        + "".join(f"<script>{script}</script>\n" for script in scripts)
        + "</body>\n</html>\n"
    )


def _asset(name: str) -> str:
    return files("sonmat.view").joinpath(name).read_text(encoding="utf-8")


def _hash(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _head(figure: StudyFigure) -> str:
    count = len(figure.ended)
    waiting = len(figure.trials) - count
    state = say(f"{count:,} trial{'s' if count != 1 else ''} ended", f"시도 {count:,}개 끝남")
    if waiting:
        state += say(f", {waiting:,} to go", f", {waiting:,}개 남음")
    best, first = figure.best, figure.ranking.first
    boxes = []
    if best is not None:
        note = say(f"trial {best.number}, one seed", f"시도 {best.number}, 시드 하나")
        boxes.append((say(f"best {figure.called} in the search", f"탐색에서 최고 {figure.called}"), best.value, note))
    if first is not None and first.mean is not None:
        spread = "" if first.deviation is None else f"± {first.deviation:.4f}, "
        sure = (
            ""
            if first.chance is None
            else say(f"; the best with {chance_text(first.chance)}", f"; 최고일 확률 {chance_text(first.chance)}")
        )
        note = say(f"{spread}trial {first.number}, {first.n} seeds", f"{spread}시도 {first.number}, 시드 {first.n}개")
        boxes.append((say("winner over seeds", "1위의 시드 평균"), first.mean, note + sure))
    if figure.test is not None:
        boxes.append((say("winner on the test set", "1위의 테스트 결과"), figure.test, readings_words(figure.readings)))
    cells = [(title, value_text(value), note) for title, value, note in boxes]
    stopped, failed = int(figure.are(STOPPED).sum()), int(figure.are(FAILED).sum())
    told = [say(f"{stopped:,} stopped early", f"{stopped:,}개 일찍 멈춤")] if stopped else []
    told += [say(f"{failed:,} failed", f"{failed:,}개 실패")] if failed else []
    cells.append((say("trials", "시도"), f"{count:,}", ", ".join(told)))
    drawn = "".join(
        f'<div class="number"><span class="soft">{text(title)}</span><b>{text(value)}</b>'
        f'<span class="soft">{text(note)}</span></div>'
        for title, value, note in cells
    )
    return f'<p class="soft">{text(figure.called)} · {text(state)}</p><div class="numbers">{drawn}</div>'


def readings_words(count: int | None) -> str:
    """How often the test set was read; empty where nobody counted."""
    if not count:
        return ""
    return say("read once", "한 번 읽음") if count == 1 else say(f"read {count:,} times", f"{count:,}번 읽음")


def _sections(figure: StudyFigure) -> list[str]:
    hint = say(
        "Drag to look closer, double-click to go back; click a dot to see its trial.",
        "끌면 확대되고, 두 번 누르면 돌아옵니다. 점을 누르면 그 시도를 볼 수 있습니다.",
    )
    brush = say(
        "Drag along an axis to keep only the trials that pass there; drag a name to move its axis.",
        "축을 따라 끌면 그 구간을 지나는 시도만 남습니다. 이름을 끌면 축이 옮겨집니다.",
    )
    if not figure.axes:
        hint = brush = ""
    noscript = say("The charts and the table need JavaScript.", "그림과 표를 보려면 JavaScript가 필요합니다.")
    pick = (
        f'<div class="pick"><label>{say("pair", "설정 쌍")} <select id="pair"></select></label></div>'
        if len(figure.axes) > 2
        else ""
    )
    if nothing(figure):
        told = (nothing(figure), "")
        return [
            _section(say("The search", "탐색"), told, ""),
            _section(say("Every trial", "모든 시도"), ("", ""), _trials(figure)),
        ]
    return [
        f"<noscript><p>{noscript}</p></noscript>",
        _section(say("The winner", "1위"), finalists_words(figure), _ranking(figure)),
        _section(say("The search", "탐색"), history_words(figure), _plot("history", hint)),
        _section(say("What matters", "중요한 설정"), importance_words(figure), _plot("importance")),
        _section(say("Each setting", "설정별"), slices_words(figure), _plot("slices")),
        _section(say("Pairs of settings", "설정 조합"), heatmap_words(figure), pick + _plot("heatmap")),
        _section(
            say("All settings at once", "모든 설정"),
            parallel_words(figure, *LINES),
            _plot("parallel", brush, wide=True, key=_key(figure)),
        ),
        _section(say("Learning curves", "학습 곡선"), fan_words(figure, CURVES, CURVES), _plot("fan")),
        _section(say("The machine at work", "작업 시간"), timeline_words(figure), _plot("timeline")),
        _section(say("Every trial", "모든 시도"), ("", ""), _trials(figure)),
    ]


def _section(heading: str, words: tuple[str, str], body: str) -> str:
    title, remark = words
    lead = f'<p class="lead">{text(title)}</p>' if title else ""
    below = f'<p class="hint">{text(remark)}</p>' if remark else ""
    return f"<section><h2>{text(heading)}</h2>{lead}{below}{body}</section>"


def _key(figure: StudyFigure) -> str:
    """The legend of the parallel coordinates, for which Plotly has none."""
    if not figure.axes or figure.best is None:
        return ""
    names = {
        "best": figure.best_name,
        "winner": figure.winner_name,
        "top": figure.top_name,
        "rest": say("the rest", "나머지"),
    }
    told = "".join(f'<span><i class="{kind}"></i>{text(name)}</span>' for kind, name in names.items() if name)
    return f'<p class="key">{told}</p>'


def _plot(name: str, hint: str = "", *, wide: bool = False, key: str = "") -> str:
    told = f'<p class="hint">{text(hint)}</p>' if hint else ""
    return f'{told}<div class="box">{key}<div class="plot{" wide" if wide else ""}" id="{name}"></div></div>'


def _ranking(figure: StudyFigure) -> str:
    ranking = figure.ranking
    if ranking.first is None:
        return ""
    told = settings_text(ranking.first.settings)
    full = say(
        f"Trial {ranking.first.number}, all its settings: {told}", f"시도 {ranking.first.number}의 설정 전부: {told}"
    )
    head = f"<p>{text(full)}</p>" if told else ""
    if len(ranking.standings) == 1:
        return head + _plot("finalists")
    return head + _plot("finalists") + _standings(figure)


def _standings(figure: StudyFigure) -> str:
    """The table of the finalists, and how to read it."""
    ranking = figure.ranking
    labels = finalist_labels(figure)
    rivals = {rival.number: rival for rival in ranking.rivals}
    rows = []
    for place, one in enumerate(ranking.standings, 1):
        rival = rivals.get(one.number)
        behind = alone = "–"
        if rival is not None and rival.difference is not None:
            behind = difference_text(rival.difference)
            if rival.interval is not None and rival.probability is not None:
                behind += f" ({' … '.join(difference_text(end) for end in rival.interval)})"
                alone = chance_text(rival.probability)
        spread = "" if one.deviation is None else f" ± {one.deviation:.4f}"
        rows.append(
            [
                str(place),
                str(one.number),
                labels[one.number],
                f"{value_text(one.mean)}{spread}",
                str(one.n),
                value_text(promise(figure, one.number)),
                "–" if one.chance is None else chance_text(one.chance),
                behind,
                alone,
            ]
        )
    head = [
        "",
        say("trial", "시도"),
        say("settings", "설정"),
        say("mean over seeds", "시드 평균"),
        say("seeds", "시드"),
        say("in the search", "탐색에서"),
        say("chance of being best", "최고일 확률"),
        say("behind the first (95 % interval)", "1위와의 차이 (95 % 구간)"),
        say("first is better, as a pair", "둘만 볼 때 1위 확률"),
    ]
    why = say(
        "The chance of being best looks at all finalists at once and takes off what choosing the first flatters it by; "
        "the columns to its right compare the first with one other, seed by seed, as if no third had been there.",
        "최고일 확률은 모든 후보를 함께 보고, 1위를 골랐기 때문에 부풀려진 몫을 덜어 낸 값입니다. "
        "그 오른쪽 칸들은 다른 후보가 없다고 보고 1위와 하나씩 시드별로 비교한 것입니다.",
    )
    listed = table(head, rows, caption=say("the finalists", "최종 후보"))
    shared = shared_words(figure)
    below = f"<p>{text(shared)}</p>" if shared else ""
    return f'{below}<div class="ranking">{listed}</div><p class="hint">{text(why)}</p>'


def _trials(figure: StudyFigure) -> str:
    label = say("only rows with", "찾기")
    older, newer = say("previous", "이전"), say("next", "다음")
    return (
        f'<div class="pick"><label>{label} <input type="search" id="find"></label>'
        f'<button id="back">{older}</button><button id="on">{newer}</button><span class="soft" id="where"></span></div>'
        '<div class="box"><table id="trials"><thead></thead><tbody></tbody></table></div>'
    )
