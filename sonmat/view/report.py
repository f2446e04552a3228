"""The page of a run: what was asked, what came out, what it means, and how to do it again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sonmat.errors import RecipeError
from sonmat.language import say
from sonmat.models.views import Views
from sonmat.view.corrected import corrected_text
from sonmat.view.finding import Finding
from sonmat.view.page import STYLE, block, chart, picture, shown, table, text
from sonmat.view.tables import reading

_ALL = 500_000  # bytes of the page: pictures that would not fit are left in the folder


@dataclass(frozen=True)
class Report:
    """What a page tells. Whatever is empty is left out, with a line that says so where a reader would miss it.

    Attributes:
        name: The run's.
        recipe: Its tables, as `Recipe.as_dict` has them; empty for a run that a script made.
        toml: The recipe's text.
        history: One record an epoch.
        result: What the run reached; empty before it ended.
        readings: How often the test set was read.
        findings: The diagnosis.
        pictures: PNG files and their captions.
        environment: What it ran on.
        commands: Commands and what they are for.
    """

    name: str
    recipe: Mapping[str, Any] = field(default_factory=dict)
    toml: str = ""
    history: Sequence[Mapping[str, Any]] = ()
    result: Mapping[str, Any] = field(default_factory=dict)
    readings: int = 0
    findings: Sequence[Finding] = ()
    pictures: Sequence[tuple[Path, str]] = ()
    environment: Mapping[str, Any] = field(default_factory=dict)
    commands: Sequence[tuple[str, str]] = ()


def page(report: Report) -> str:
    """The whole page as HTML."""
    sections = [
        _numbers(report),
        _section(say("Diagnosis", "진단"), _findings(report)),
        _section(say("Curves", "학습 곡선"), _curves(report)),
        _section(say("Classes", "클래스별"), _classes(report)),
        _section(say("Labels known to be wrong", "틀린 것으로 알려진 레이블"), _label_errors(report)),
        _section(say("Pictures", "그림"), _pictures(report)),
        _section(say("Recipe", "레시피"), _recipe(report)),
        _section(say("Rows", "데이터"), _rows(report)),
        _section(say("Again, and further", "다시, 그리고 다음"), _commands(report)),
        _section(say("Where it ran", "실행 환경"), _environment(report)),
    ]
    title = text(report.name)
    return (
        f'<!doctype html>\n<html lang="{say("en", "ko")}">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:\">\n"
        f"<title>{title} · sonmat</title>\n"
        f"<style>{STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n{_subtitle(report)}\n"
        + "\n".join(section for section in sections if section)
        + "\n</main>\n</body>\n</html>\n"
    )


def _section(heading: str, body: str) -> str:
    return f"<section><h2>{text(heading)}</h2>{body}</section>" if body else ""


def _subtitle(report: Report) -> str:
    model, data = _mapping(report.recipe.get("model")).get("name"), report.recipe.get("data")
    if model and data:
        what = say(
            f"{Path(str(model)).name} on {Path(str(data)).name}", f"{Path(str(data)).name} · {Path(str(model)).name}"
        )
    else:
        what = say("made by sonmat.fit in a script", "스크립트의 sonmat.fit으로 만든 실행")
    when = str(report.result.get("finished", ""))[:16].replace("T", " ")
    state = when or say("not finished yet", "아직 끝나지 않음")
    return f'<p class="soft">{text(what)} · {text(state)}</p>'


def _numbers(report: Report) -> str:
    boxes = []
    for part, title in (
        ("validation", say("validation accuracy", "검증 정확도")),
        ("test", say("test accuracy", "테스트 정확도")),
    ):
        told = _mapping(report.result.get(part))
        if not isinstance(told.get("accuracy"), (int, float)):
            continue
        interval = told.get("interval")
        note = f"n = {shown(told.get('n'))}"
        if isinstance(interval, (list, tuple)) and len(interval) == 2:
            low, high = (shown(one) for one in interval)
            note = say(f"95 % interval {low}–{high}, {note}", f"95 % 구간 {low}–{high}, {note}")
        note += _views(report)
        boxes.append((title, f"{100 * float(told['accuracy']):.2f} %", note))
    spent = [record.get("seconds") for record in report.history]
    seconds = sum(one for one in spent if isinstance(one, (int, float)))  # of all epochs, however often it was resumed
    if seconds and report.result:
        compiling = report.result.get("compile_seconds")
        apart = f"{compiling:.2f}" if isinstance(compiling, (int, float)) else "–"
        note = say(f"compiling apart: {apart} s", f"컴파일 별도: {apart}초")
        boxes.append((say("training", "학습 시간"), f"{seconds:.2f} s", note))
    boxes.append((say("epochs", "에포크"), str(len(report.history)), ""))
    cells = "".join(
        f'<div class="number"><span class="soft">{text(title)}</span><b>{text(value)}</b>'
        f'<span class="soft">{text(note)}</span></div>'
        for title, value, note in boxes
    )
    count = f'<p class="soft">{text(reading(report.readings))}</p>' if report.readings else ""
    again = "".join(f'<p class="soft">{text(line)}</p>' for line in corrected_text(_test(report)).splitlines())
    return f'<div class="numbers">{cells}</div>{again}{count}'


def _views(report: Report) -> str:
    """How many views of an image the numbers are the mean of, where the recipe has them."""
    told = _mapping(_mapping(report.recipe.get("train")).get("tta"))
    try:
        count = Views.of(told).count
    except RecipeError:  # a stranger may have written it
        return ""
    return say(f", {count} views of each", f", 이미지마다 모습 {count}개") if count > 1 else ""


def _findings(report: Report) -> str:
    return "".join(
        f'<div class="finding {text(one.severity)}"><h3>{text(one.title)}</h3><p class="soft">{text(one.evidence)}</p>'
        f"<p>{text(one.advice)}</p>" + (f"<p><code>{text(one.command)}</code></p>" if one.command else "") + "</div>"
        for one in report.findings
    )


def _curves(report: Report) -> str:
    names = dict.fromkeys(name for record in report.history for name in record)
    first = report.history[0].get("epoch", 0) if report.history else 0
    charts = []
    for name in sorted(names, key=lambda name: name != "loss"):
        if name in ("epoch", "seconds") or name.startswith("val_"):
            continue
        lines = [(say("training", "학습"), "one", _column(report, name))]
        if f"val_{name}" in names:
            lines.append((say("validation", "검증"), "two", _column(report, f"val_{name}")))
        known = {"loss": say("loss", "손실"), "accuracy": say("accuracy", "정확도")}
        charts.append(chart(known.get(name, name), lines, int(first) + 1 if isinstance(first, int) else 1))
    drawn = "".join(one for one in charts[:6] if one)
    return f'<div class="charts">{drawn}</div>' if drawn else ""


def _column(report: Report, name: str) -> list[float]:
    values = (record.get(name) for record in report.history)
    return [float(value) if isinstance(value, (int, float)) else float("nan") for value in values]


def _classes(report: Report) -> str:
    told = _mapping(report.result.get("test")) or _mapping(report.result.get("validation"))
    rows = [
        [str(one.get("name")), one.get("precision"), one.get("recall"), one.get("f1"), one.get("n")]
        for one in told.get("per_class") or ()
        if isinstance(one, Mapping)
    ]
    if not rows:
        return ""
    part = say("test rows", "테스트 데이터") if report.result.get("test") else say("validation rows", "검증 데이터")
    head = [
        say("class", "클래스"),
        say("precision", "정밀도"),
        say("recall", "재현율"),
        "F1",
        say("examples", "개수"),
    ]
    return f'<p class="soft">{text(part)}</p>' + table(
        head, rows[:100], caption=say("scores of each class", "클래스별 점수")
    )


def _label_errors(report: Report) -> str:
    told = _mapping(_test(report).get("corrected"))
    listed = told.get("rows")
    names = [str(one.get("name")) for one in _test(report).get("per_class") or () if isinstance(one, Mapping)]

    def name(number: object) -> str:
        if isinstance(number, int) and 0 <= number < len(names):
            return names[number]
        return say("left out", "제외")

    rows = [
        [f"#{one.get('row')}", *(name(one.get(key)) for key in ("label", "corrected", "said"))]
        for one in (listed if isinstance(listed, (list, tuple)) else ())
        if isinstance(one, Mapping)
    ]
    head = [say("test row", "테스트 행"), say("label", "레이블"), say("as people see it", "사람들이 본 것")]
    head.append(say("this network", "이 신경망"))
    source = f'<p class="soft">{text(str(told.get("source", "")))}</p>'
    return source + table(head, rows[:100], caption=say("labels known to be wrong", "틀린 레이블")) if rows else ""


def _test(report: Report) -> Mapping[str, Any]:
    return _mapping(report.result.get("test"))


def _pictures(report: Report) -> str:
    parts, size = [], 0
    for path, caption in report.pictures:
        made = picture(path, caption)
        if made and size + len(made) <= _ALL * 3 // 4:
            parts.append(made)
            size += len(made)
    return "".join(parts)


def _recipe(report: Report) -> str:
    if not report.recipe:
        return ""
    rows = []
    for key, value in report.recipe.items():
        if isinstance(value, Mapping):
            rows += [[f"{key}.{name}", _setting(one)] for name, one in value.items()]
        else:
            rows.append([key, _setting(value)])
    toml = f"<details><summary>recipe.toml</summary><pre>{block(report.toml)}</pre></details>" if report.toml else ""
    return table([], rows, caption=say("settings", "설정")) + toml


def _setting(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else shown(value)


def _rows(report: Report) -> str:
    counts, prints = _mapping(report.result.get("rows")), _mapping(report.result.get("fingerprints"))
    names = {"train": say("training", "학습"), "validation": say("validation", "검증"), "test": say("test", "테스트")}
    rows = [[names.get(part, part), count, str(prints.get(part, "–"))[:16]] for part, count in counts.items()]
    head = [say("part", "부분"), say("rows", "행"), say("fingerprint", "지문")]
    return table(head, rows, caption=say("rows", "데이터")) if rows else ""


def _commands(report: Report) -> str:
    lines = "".join(
        f"<p><code>{text(command)}</code> <span class='soft'>{text(why)}</span></p>" for command, why in report.commands
    )
    return lines


def _environment(report: Report) -> str:
    rows: list[list[object]] = []
    for key, value in report.environment.items():
        if isinstance(value, Mapping):
            rows += [[str(name), shown(one)] for name, one in value.items()]
        elif value not in ("", None):
            rows.append([str(key), shown(value)])
    return table([], rows, caption=say("environment", "실행 환경")) if rows else ""


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
