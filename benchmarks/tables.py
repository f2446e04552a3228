"""The figures of a record as Markdown, in English and Korean."""

from __future__ import annotations

from typing import Any

from benchmarks.contestants import PEERS
from benchmarks.machine import named

_MISSING = "–"
_PACKAGES = {
    "sonmat": "sonmat",
    "keras": "Keras",
    "jax": "JAX",
    "tensorflow-cpu": "TensorFlow",
    "torch": "PyTorch",
    "scikit-learn": "scikit-learn",
    "numpy": "NumPy",
    "python": "Python",
}


def fit_notes(content: dict[str, Any], *, korean: bool) -> str:
    """The table of fits, the table of whole commands, and what they were measured with."""
    parts = [_fits(content, korean), _commands(content, korean), _settings(content, korean), _origin(content, korean)]
    return "\n\n".join(part for part in parts if part)


def leak(content: dict[str, Any], *, korean: bool) -> str:
    """What the notes' validation leak does: the share of rows seen, and the gap it hides."""
    summary, cases = content["summary"], content["identity"]["cases"]
    head = (
        ["신경망", "검증", "검증 정확도", "테스트 정확도", "검증 − 테스트"]
        if korean
        else ["network", "validation", "validation accuracy", "test accuracy", "validation − test"]
    )
    ways = {
        "leak": "노트의 방식 (샘)" if korean else "as in the notes (leaks)",
        "disjoint": "겹치지 않음" if korean else "disjoint",
    }
    rows = [
        [
            _case(case, korean) if way == "leak" else "",
            label,
            *(_mean(summary[case["name"]][way][name]) for name in ("val", "test")),
            _points(summary[case["name"]][way]["gap"], korean),
        ]
        for case in cases
        if case["name"] in summary
        for way, label in ways.items()
    ]
    return "\n\n".join([_seen(summary, cases, korean), table(head, rows), _leak_origin(content, korean)])


def figures(content: dict[str, Any]) -> dict[str, str]:
    """Single figures of `fit_notes` that a sentence may quote, by name."""
    summary = content["summary"]
    found = {
        f"{name}.{key}": times(value)
        for name, entry in summary["fit"].items()
        for key, value in entry.get("faster", {}).items()
    }
    found |= {f"{name}.seconds": seconds(entry["fit_seconds"]) for name, entry in summary["fit"].items()}
    if "process" in summary:
        found |= {
            "process": times(summary["process"]["faster"]),
            "process.seconds": seconds(summary["process"]["sonmat_seconds"]),
        }
    if "help_seconds" in summary:
        found["help.seconds"] = seconds(summary["help_seconds"])
    if "accuracy" in summary:
        found["accuracy"] = percent(summary["accuracy"]["mean"])
    return found


def diagnosis_figures(content: dict[str, Any]) -> dict[str, str]:
    """How many faults were planted and named, and how many healthy runs there were and were accused."""
    summary = content["summary"]
    return {"planted": str(summary["faults"])} | {key: str(summary[key]) for key in ("named", "healthy", "accused")}


def seconds(value: float) -> str:
    """Seconds to three figures at most: 31.9, 1.42, 0.21."""
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def times(value: float) -> str:
    """A ratio to one decimal."""
    return f"{value:.1f}×"


def percent(value: float) -> str:
    """A share from 0 to 1 as a percentage to two decimals."""
    return f"{100 * value:.2f} %"


def _fits(content: dict[str, Any], korean: bool) -> str:
    head = (
        [
            "노트의 작업",
            "학습 (초)",
            "컴파일 (초)",
            "합계, 캐시 없이 (초)",
            "sonmat이 빠른 배수",
            "컴파일 포함",
            "검증 정확도",
        ]
        if korean
        else [
            "the notes' job",
            "fit, s",
            "compile, s",
            "both, cold, s",
            "sonmat is faster by",
            "with compile",
            "validation accuracy",
        ]
    )
    fits, rows = content["summary"]["fit"], []
    titles = {"sonmat": "**sonmat**"} | {peer.name: peer.title[korean] for peer in PEERS}
    for name in (name for name in titles if name in fits):
        fit = fits[name]
        faster = [f"**{times(fit['faster']['fit'])}**", times(fit["faster"]["total"])] if "faster" in fit else ["", ""]
        accuracy = percent(fit["val_accuracy"]) + (" ¹" if name == "notes" else "")
        compiling = seconds(fit["compile_seconds"]) if name != "scikit-learn" else _MISSING
        rows.append(
            [titles[name], seconds(fit["fit_seconds"]), compiling, seconds(fit["total_seconds"]), *faster, accuracy]
        )
    return table(head, rows)


def _commands(content: dict[str, Any], korean: bool) -> str:
    summary, rows = content["summary"], []
    if whole := summary.get("process"):
        ours, notes, faster = seconds(whole["sonmat_seconds"]), seconds(whole["notes_seconds"]), times(whole["faster"])
        rows.append(
            ["`sonmat train` 전체 프로세스, 두 번째 실행", f"{ours}초. 노트의 스크립트는 {notes}초: **{faster}**"]
            if korean
            else ["the whole `sonmat train`, second run", f"{ours} s; the notes' script {notes} s: **{faster}**"]
        )
    if "help_seconds" in summary:
        answer = seconds(summary["help_seconds"])
        rows.append(["`sonmat --help`", f"{answer}초" if korean else f"{answer} s"])
    if accuracy := summary.get("accuracy"):
        label = f"테스트 정확도, 시드 {accuracy['n']}개" if korean else f"test accuracy, {accuracy['n']} seeds"
        rows.append([label, f"{_mean(accuracy)} ({percent(accuracy['least'])} … {percent(accuracy['most'])})"])
    return table(["전체 명령" if korean else "whole commands", ""], rows) if rows else ""


def _settings(content: dict[str, Any], korean: bool) -> str:
    chosen = []
    for peer in PEERS:
        if peer.choices and peer.name in content["summary"]["fit"]:
            settings = content["tuning"][peer.name]["chosen"]
            values = ", ".join(f"`{name}={settings[name]}`" for name in peer.choices)
            chosen.append(f"{peer.title[korean]}: {values}")
    settled, strict = "; ".join(chosen), _strict(content, korean)
    leaky = "notes" in content["summary"]["fit"]
    if korean:
        parts = [
            "¹ 이 검증은 샙니다(검증 행도 학습됩니다)." if leaky else "",
            f"측정으로 고른 설정: {settled}." if settled else "",
        ]
    else:
        parts = [
            "¹ This validation leaks: its rows are trained on too." if leaky else "",
            f"Settings chosen by measuring: {settled}." if settled else "",
        ]
    return " ".join(part for part in [*parts, strict] if part)


def _strict(content: dict[str, Any], korean: bool) -> str:
    """The ratios where sonmat's set-up counts as fitting, so that a reader sees what the division of times is worth."""
    fits = content["summary"]["fit"]
    ratios = ", ".join(
        f"{peer.title[korean]} {times(fits[peer.name]['faster']['strict'])}" for peer in PEERS if peer.name in fits
    )
    if not ratios:
        return ""
    if korean:
        return f"sonmat만 준비 시간을 학습에 넣고 스스로 보고한 컴파일만 빼면: {ratios}."
    return f"With sonmat's own set-up counted as fitting, and only the compiling that it reports taken off: {ratios}."


def _origin(content: dict[str, Any], korean: bool) -> str:
    where, rounds = content["identity"]["machine"], content["summary"]["rounds"]
    minutes, date = round(content["cpu_minutes"]), content["ended"][:10]
    command = "`python -m benchmarks.fit_notes`"
    if korean:
        return (
            f"{named(where)}, 코어 {where['cores']}개. 번갈아 실행한 {rounds}회의 중앙값, 배수는 짝마다 구한 비의 중앙값. "
            "매번 새 프로세스이며, 컴파일은 첫 에포크가 나머지 에포크의 중앙값보다 더 걸린 시간(준비 포함). "
            f"{versions(content)}. {date}, CPU {minutes}분, {command}."
        )
    return (
        f"{named(where)}, {where['cores']} cores. Medians of {rounds} rounds in turn; ratios are medians over pairs. "
        "Every fit is a fresh process; compile is what its first epoch took longer than the median of the others, set-up included. "
        f"{versions(content)}. {date}, {minutes} CPU-minutes, {command}."
    )


def versions(content: dict[str, Any]) -> str:
    """What measured, with each version that was met."""
    found: dict[str, list[str]] = {}
    for packages in content["versions"].values():
        for package, version in packages.items():
            if version not in found.setdefault(package, []):
                found[package].append(version)
    return ", ".join(
        f"{title} {' / '.join(found[package])}" for package, title in _PACKAGES.items() if package in found
    )


def _seen(summary: dict[str, Any], cases: list[dict[str, Any]], korean: bool) -> str:
    epochs = max(case["epochs"] for case in cases)
    head = [
        "이미 학습된 검증 행, 에포크 후" if korean else "validation rows already trained on, after epoch",
        *map(str, range(1, epochs + 1)),
    ]
    rows = [
        [
            f"{case['rows']:,}행" if korean else f"of {case['rows']:,} rows",
            *(f"{100 * share:.1f} %" for share in summary[case["name"]]["seen"]),
        ]
        for case in cases
        if case["name"] in summary
    ]
    return table(head, rows)


def _case(case: dict[str, Any], korean: bool) -> str:
    hidden = "-".join(map(str, case["options"].get("hidden", (20, 20))))
    title = {"notes": ("the notes'", "노트의 신경망"), "wide": ("a wider one, Adam", "더 넓은 신경망, Adam")}[
        case["name"]
    ][korean]
    return f"{title}: 784-{hidden}-10, {case['rows']:,}{'행' if korean else ' rows'}"


def _leak_origin(content: dict[str, Any], korean: bool) -> str:
    count, minutes = len({run["seed"] for run in content["runs"]}), round(content["cpu_minutes"])
    command = "`python -m benchmarks.leak`"
    if korean:
        return f"시드 {count}개의 평균 ± 표준편차. {versions(content)}. {content['ended'][:10]}, CPU {minutes}분, {command}."
    return f"Mean ± standard deviation of {count} seeds. {versions(content)}. {content['ended'][:10]}, {minutes} CPU-minutes, {command}."


def _mean(values: dict[str, Any]) -> str:
    return f"{100 * values['mean']:.2f} ± {100 * values['sd']:.2f} %"


def _points(values: dict[str, Any], korean: bool) -> str:
    return f"{100 * values['mean']:+.2f} ± {100 * values['sd']:.2f}" + ("%p" if korean else " points")


def table(head: list[str], rows: list[list[str]]) -> str:
    """A Markdown table; all columns but the first are numbers."""
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
