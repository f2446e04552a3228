"""The figures of `cluster.json` as Markdown, in English and Korean."""

from __future__ import annotations

from typing import Any

from benchmarks.cluster_simulation import HEAVY
from benchmarks.tables import seconds, table, versions

_BOUND = {
    "tracing": ("tracing", "추적"),
    "driver": ("asking, recording", "묻기, 기록"),
    "jobs": ("more jobs", "작업"),
    "training": ("training", "학습"),
}
_DRIVER = {
    "asking": ("asking (`qmc`), plan written", "묻기(`qmc`), 계획 쓰기"),
    "alike": ("building and tracing: learning rates", "만들기와 추적: 학습률"),
    "networks": ("building and tracing: a network each", "만들기와 추적: 저마다 다른 신경망"),
    "handing": ("putting into jobs", "작업으로 묶기"),
    "recording": ("recording, telling Optuna", "기록, Optuna에 알리기"),
    "reading": ("reading again", "다시 읽기"),
    "tpe": ("asking `tpe`, with so many before", "`tpe`에 묻기, 앞의 시도가 이만큼일 때"),
}


def figures(content: dict[str, Any]) -> dict[str, str]:
    """Single figures that a sentence may quote."""
    jobs, found = content["jobs"], content["summary"]["extrapolated"]
    largest = str(max(map(int, content["study"])))
    study, costs = content["study"][largest], content["summary"]["costs"]
    most = {
        one["kind"]: one
        for one in content["summary"]["simulated"]
        if one["trials"] == 1_000_000 and one["nodes"] == 1000
    }
    return {
        "job_ms": _ms(jobs["job"]),
        "processor_ms": _ms(jobs["processor"]),
        "jobs_a_second": f"{1 / (costs['job'] + costs['members'] * (costs['hand'] + costs['record'])):.0f}",
        "started": seconds(jobs["started"]),
        "rows_mb": _mb(content["rows_bytes"]),
        "rows_once": _ms(found["rows_once"]),
        "rows_from_one": seconds(found["rows_from_one"]),
        "tpe_ms": _ms(study["tpe"]),
        "tpe_days": f"{found['tpe_days']:,.0f}",
        "journal_kb": f"{study['journal_bytes'] / 1000:.1f}",
        "journal_gb": f"{found['journal_gigabytes']:.1f}",
        "reading_minutes": f"{found['reading_minutes']:.1f}",
        "syncs_job": f"{study['syncs']:.1f}",
        "trials": f"{int(largest):,}",
        "epoch": seconds(content["training"]),
        "window": f"{costs['window']:,}",
        "window_jobs": f"{-(-costs['window'] // costs['members'])}",
        "members": f"{costs['members']}",
        "heavy_jobs": f"{HEAVY:.0f}",
        "million": _hours(most["alike"]["seconds"]),
        "million_networks": _hours(most["networks"]["seconds"]),
        "million_traced": _hours(most["networks"]["traced"]),
        "million_heavy": _hours(most["heavy"]["seconds"]),
        "million_heavy_working": f"{100 * most['heavy']['working']:.1f} %",
        "million_once": _hours(most["once"]["seconds"]),
        "million_once_working": f"{100 * most['once']['working']:.0f} %",
    }


def driver(content: dict[str, Any], *, korean: bool) -> str:
    """What the process of the study does with a trial, in milliseconds, in studies of several sizes."""
    counts = sorted(content["study"], key=int)
    tracing = content["tracing"]
    rows = []
    for name, titles in _DRIVER.items():
        if name == "networks":
            values = [_ms(tracing["networks"])] * len(counts)
        elif name in tracing:
            values = [_ms(tracing[name][count]) for count in counts]
        else:
            values = [_ms(content["study"][count][name]) for count in counts]
        rows.append([titles[korean], *values])
    head = [f"시도 {int(count):,}번" if korean else f"{int(count):,} trials" for count in counts]
    return f"{table(['시도마다, ms' if korean else 'each trial, ms', *head], rows)}\n\n{_measured(content, korean)}"


def travelling(content: dict[str, Any], *, korean: bool) -> str:
    """What goes to a node and back with a job, in MB."""
    head = (
        ["신경망", "매개변수", "새 시도, MB", "이어 가는 시도, MB", "답, MB"]
        if korean
        else ["network", "parameters", "new trials, MB", "trials that go on, MB", "answer, MB"]
    )
    rows = [
        [name, f"{one['parameters']:,}", *(_mb(one[kind]) for kind in ("new", "going_on", "answer"))]
        for name, one in content["bytes"].items()
    ]
    return table(head, rows)


def larger(content: dict[str, Any], *, korean: bool) -> str:
    """Larger clusters, simulated."""
    kinds = ("alike", "networks", "heavy", "once")
    names = (
        ["노트의 신경망", "저마다 다른 신경망", "무거운 신경망", "무겁고 한꺼번에"]
        if korean
        else ["the notes' network", "a network each", "a heavy network", "heavy, all at once"]
    )
    waits = "기다리는 것" if korean else "waits for"
    head = [
        *(("시도", "노드") if korean else ("trials", "nodes")),
        *(title for name in names for title in (name, waits)),
    ]
    every = {(one["trials"], one["nodes"], one["kind"]): one for one in content["summary"]["simulated"]}
    rows = []
    for trials, nodes in dict.fromkeys(key[:2] for key in every):
        found = [every[trials, nodes, kind] for kind in kinds]
        cells = [text for one in found for text in (_long(one["seconds"], korean), _BOUND[one["bound"]][korean])]
        rows.append([f"{trials:,}", f"{nodes:,}", *cells])
    return f"{table(head, rows)}\n\n{_assumed(content, korean)}"


TABLES = {"cluster_driver": driver, "cluster_bytes": travelling, "cluster_larger": larger}
"""The tables, by the names of their markers."""


def _measured(content: dict[str, Any], korean: bool) -> str:
    where = content["identity"]["machine"]
    libraries = f"{versions({'versions': {'sonmat': content['versions']}})}, Ray {content['versions']['ray']}"
    end = f"{libraries}. {content['ended'][:10]}, `python -m benchmarks.cluster`."
    if korean:
        return f"{where['cpu']}, 코어 {where['cores']}개. 에포크 10번, 학습은 하지 않음. {end}"
    return f"{where['cpu']}, {where['cores']} cores. Ten epochs, untrained. {end}"


def _assumed(content: dict[str, Any], korean: bool) -> str:
    took, members = seconds(content["training"]), content["summary"]["costs"]["members"]
    if korean:
        return (
            f"위에서 잰 값으로 시뮬레이션. 노드는 모두 잰 컴퓨터와 같고, 시도 {members}개짜리 작업이 한 에포크에 {took}초, "
            f"무거운 신경망이면 {HEAVY:.0f}초 걸리며, 10 에포크를 셋 중 하나씩 남기며 학습하고, 잃는 노드와 느린 네트워크는 없다고 봅니다."
        )
    return (
        f"Simulated from the figures above. Every node is such a machine, a job of {members} trials takes {took} s an epoch, "
        f"of a heavy network {HEAVY:.0f} s, ten epochs are trained with one trial in three going on, no node is lost and the "
        "network is in nobody's way."
    )


def _ms(value: float) -> str:
    return f"{1000 * value:.0f}" if value >= 0.01 else f"{1000 * value:.2f}"


def _mb(count: float) -> str:
    return f"{count / 1e6:.1f}" if count >= 1e6 else f"{count / 1e6:.2f}"


def _hours(value: float) -> str:
    return f"{value / 3600:.1f}"


def _long(value: float, korean: bool) -> str:
    for size, units in ((86_400, ("d", "일")), (3600, ("h", "시간")), (60, ("min", "분"))):
        if value >= size:
            return f"{value / size:.1f}{units[1]}" if korean else f"{value / size:.1f} {units[0]}"
    return f"{value:.0f}초" if korean else f"{value:.0f} s"
