"""The figures of `sweep.json` as Markdown, in English and Korean."""

from __future__ import annotations

import math
from typing import Any

from benchmarks.tables import percent, seconds, table, times, versions

RIVALS = {
    "notes": ("the notes' own script, once for each setting", "노트의 스크립트 그대로, 설정마다 한 번"),
    "keras-tuner": (
        "KerasTuner `RandomSearch` on TensorFlow, as its guide writes it",
        "TensorFlow 위의 KerasTuner `RandomSearch`, 안내서 그대로",
    ),
    "optuna-tf": (
        "Optuna and Keras on TensorFlow, as Optuna's example writes it",
        "Optuna와 TensorFlow 위의 Keras, Optuna 예제 그대로",
    ),
    "optuna-jax": (
        "Optuna and Keras on JAX at its best, one process a core",
        "Optuna와 JAX 위의 Keras, 최선의 설정, 코어마다 한 프로세스",
    ),
    "scikit-learn": (
        "scikit-learn `RandomizedSearchCV`, one process a core ¹",
        "scikit-learn `RandomizedSearchCV`, 코어마다 한 프로세스 ¹",
    ),
    "loop": ("`sm.fit` in a loop", "`sm.fit` 반복"),
    "loops": ("`sm.fit` in a loop in each of two processes, one a core", "코어마다 한 프로세스에서 `sm.fit` 반복"),
    "torch": ("plain PyTorch, one process a core", "순수 PyTorch, 코어마다 한 프로세스"),
}
"""Who is measured beside `sm.fit_many`, English and Korean."""

_NETWORKS = ("torch",)
_PACKAGES = {"optuna": "Optuna", "keras-tuner": "KerasTuner"}


def sweep(content: dict[str, Any], *, korean: bool) -> str:
    """How many settings in the time of one; trials a minute beside each peer; memory, tracing, and where it was measured."""
    parts = [
        _in_the_time_of_one(content, korean),
        _trials(content, korean, "many", [name for name in RIVALS if name not in _NETWORKS]),
        _trials(content, korean, "networks", list(_NETWORKS)),
        _needs(content, korean),
        _settings(content, korean),
        _origin(content, korean),
    ]
    return "\n\n".join(part for part in parts if part)


def figures(content: dict[str, Any]) -> dict[str, str]:
    """Single figures that a sentence may quote, by name.

    `settings`: how many in the time of one run of the notes' script, and `notes.seconds`, that time. `few`, `many` and
    `networks` with `.settings`, `.seconds` and `.minute`: what sonmat was measured at. A peer's name: how many times as fast
    sonmat is; with `.minute`, its own trials a minute. `memory.one`, `memory.half`, `memory.crowd`, `memory.forecast`; `tracing.seconds` of
    all members and `tracing.member` in milliseconds, where they are measured.
    """
    summary = content["summary"]
    found: dict[str, str] = {}
    if notes := summary.get("notes"):
        found |= {"settings": str(math.floor(notes["settings"])), "notes.seconds": seconds(notes["seconds"])}
    for name, entry in summary["sonmat"].items():
        found[f"{name}.settings"] = str(round(entry["finished"]))
        found[f"{name}.seconds"] = seconds(entry["total_seconds"])
        found[f"{name}.minute"] = _rate(entry["seconds"])
    for name, entry in summary["rivals"].items():
        found |= {name: times(entry["faster"]), f"{name}.minute": _rate(entry["seconds"])}
    if memory := summary.get("memory"):
        for name in ("one", "half", "crowd"):
            if "peak_bytes" in memory[name]:
                found[f"memory.{name}"] = _bytes(_needed(memory[name]))
        if "forecast_bytes" in memory["crowd"]:
            found["memory.forecast"] = _bytes(memory["crowd"]["forecast_bytes"])
    if tracing := summary.get("tracing"):
        found["tracing.seconds"] = seconds(tracing["all"]["setup_seconds"])
        found["tracing.member"] = f"{1000 * _a_member(tracing, 'setup_seconds'):.0f} ms"
    return found


def _in_the_time_of_one(content: dict[str, Any], korean: bool) -> str:
    summary = content["summary"]
    if "notes" not in summary:
        return ""
    notes, few, many = summary["notes"], summary["sonmat"]["few"], summary["sonmat"]["many"]
    count = f"{math.floor(notes['settings']):,}"
    measured = [
        (round(entry["finished"]), seconds(entry["total_seconds"]), seconds(entry["setup_seconds"]))
        for entry in (few, many)
    ]
    head = (
        ["`sm.fit_many`, 노트의 작업", "초, 모두 포함", "그중 학습 전 준비"]
        if korean
        else ["`sm.fit_many`, the notes' job", "s, all counted", "of them before training"]
    )
    rows = [
        [f"설정 {n}개, 측정값" if korean else f"{n} settings, measured", whole, setup] for n, whole, setup in measured
    ]
    once = seconds(notes["seconds"])
    rows.append(
        [f"**설정 {count}개**, 측정한 속도로 계산", f"노트의 스크립트 `fit` 한 번: {once}", ""]
        if korean
        else [f"**{count} settings**, by the measured rate", f"one `fit` of the notes' script: {once}", ""]
    )
    return table(head, rows)


def _trials(content: dict[str, Any], korean: bool, ours: str, names: list[str]) -> str:
    summary = content["summary"]
    names = [name for name in names if name in summary["rivals"]]
    if not names or ours not in summary["sonmat"]:
        return ""
    title = {
        "many": ("the notes' job", "노트의 작업"),
        "networks": ("a small convolutional network", "작은 합성곱 신경망"),
    }[ours][korean]
    head = (
        [title, "시도한 수", "설정마다 (초)", "분당 시도", "첫 시도의 추가 시간 (초)", "sonmat이 빠른 배수", "둘 다 시작을 빼면",
         "가장 높은 검증 정확도"]
        if korean
        else [title, "tried", "s a trial", "trials a minute", "extra of the first, s", "sonmat is faster by",
              "both without their start", "best validation accuracy"]
    )  # fmt: skip
    own = summary["sonmat"][ours]
    tried = f"{round(own['finished'])}개를 한 번에" if korean else f"{round(own['finished'])} at once"
    counted = "모두 포함" if korean else "counted"
    rows = [
        ["**`sm.fit_many`**", tried, f"{own['seconds']:.3f}", _rate(own["seconds"]), counted, "", "",
         percent(own["val_accuracy"])]
    ]  # fmt: skip
    for name in names:
        peer = summary["rivals"][name]
        first = seconds(peer["first_seconds"]) if peer["first_seconds"] else "–"
        accuracy = percent(peer["val_accuracy"]) + (" ²" if name == "notes" else "")
        tried = str(peer["trials"])
        if peer["warm"] < peer["trials"]:
            tried += f", 속도는 {peer['warm']}번에서" if korean else f", {peer['warm']} warm"
        rows.append(
            [RIVALS[name][korean], tried, seconds(peer["seconds"]), _rate(peer["seconds"]), first,
             f"**{times(peer['faster'])}**", times(peer["faster_warm"]), accuracy]
        )  # fmt: skip
    return table(head, rows)


def _needs(content: dict[str, Any], korean: bool) -> str:
    summary, rows = content["summary"], []
    if memory := summary.get("memory"):
        for entry in memory.values():
            if "peak_bytes" not in entry:
                continue
            count, needed, said = round(entry["members"]), _needed(entry), entry.get("forecast_bytes")
            label = (
                f"모델 {count}개의 최대 메모리, 프로세스의 {_bytes(entry['before_bytes'])} 외에"
                if korean
                else f"peak memory of {count} member{'' if count == 1 else 's'}, beside the process's {_bytes(entry['before_bytes'])}"
            )
            told = f"사전 예측 {_bytes(said)}, " if korean and said else f"forecast {_bytes(said)}, " if said else ""
            off = f"{100 * (said / needed - 1):+.0f} %" if said else ""
            rows.append([label, _bytes(needed) + (f" ({told}{off})" if told else "")])
    if tracing := summary.get("tracing"):
        every = tracing["all"]
        count, whole, each = round(every["members"]), every["setup_seconds"], _a_member(tracing, "setup_seconds")
        building = _a_member(tracing, "build_seconds")
        rows.append(
            [
                f"학습률과 모멘텀이 모두 다른 모델 {count}개의 준비 (만들기, 추적, 컴파일)",
                f"{seconds(whole)}초, 하나 늘 때마다 {1000 * each:.0f} ms (만들기 {1000 * building:.0f} ms)",
            ]
            if korean
            else [
                f"building, tracing and compiling {count} members of distinct learning rate and momentum",
                f"{seconds(whole)} s; {1000 * each:.0f} ms a further member ({1000 * building:.0f} ms of it building)",
            ]
        )
    return table(["필요한 것" if korean else "what a population needs", ""], rows) if rows else ""


def _settings(content: dict[str, Any], korean: bool) -> str:
    rivals = content["summary"]["rivals"]
    chosen = "; ".join(
        f"{RIVALS[name][korean].removesuffix(' ¹')}: "
        + ", ".join(f"`{key}={value}`" for key, value in settings.items())
        for name, settings in content["chosen"].items()
        if name in rivals
    )
    parts = []
    if "scikit-learn" in rivals:
        parts.append(
            "¹ 검증은 에포크마다가 아니라 마지막에 한 번 합니다."
            if korean
            else "¹ It validates once, at the end, and not after each epoch."
        )
    if "notes" in rivals:
        parts.append(
            "² 이 검증은 샙니다(검증 행도 학습됩니다)."
            if korean
            else "² This validation leaks: its rows are trained on too."
        )
    if chosen:
        parts.append(f"측정으로 고른 설정: {chosen}." if korean else f"Settings chosen by measuring: {chosen}.")
    return " ".join(parts)


def _origin(content: dict[str, Any], korean: bool) -> str:
    where, job, summary = content["identity"]["machine"], content["identity"]["job"], content["summary"]
    rounds = str(summary["rounds"])
    if summary["least_rounds"] < summary["rounds"]:
        rounds = f"{summary['least_rounds']}~{rounds}" if korean else f"{summary['least_rounds']} to {rounds}"
    minutes, date, command = round(content["cpu_minutes"]), content["ended"][:10], "`python -m benchmarks.sweep`"
    if korean:
        return (
            f"{where['cpu']}, 코어 {where['cores']}개. 번갈아 실행한 {rounds}회의 중앙값, 배수는 짝마다 구한 비의 중앙값. 노트의 작업: "
            f"784-20-20-10, SGD, 배치 20, {job['epochs']}에포크, 에포크마다 같은 행으로 검증, 조기 종료 없음; 학습률은 0.001…0.1에서 "
            "로그 간격으로 모두 다르고 시드는 하나. 합성곱 신경망: 필터 8-16개 3×3, 최대 풀링, Dense 10, "
            f"배치 128, Adam, 같은 행 {job['network_epochs']}에포크, 학습률 × 시드. sonmat의 시간은 JAX 시작, 모델 "
            "만들기, 추적, 컴파일을 모두 포함하고, 비교 대상의 속도에서는 첫 시도에만 드는 시간을 뺐습니다. "
            f"{_versions(content)}. {date}, CPU {minutes}분, {command}."
        )
    return (
        f"{where['cpu']}, {where['cores']} cores. Medians of {rounds} rounds in turn; ratios are medians over pairs. The notes' job: "
        f"784-20-20-10, SGD, batch 20, {job['epochs']} epochs, validated on the same rows after each, no early stopping; every "
        f"setting has a learning rate of its own, log-spaced from 0.001 to 0.1, and all one seed. The "
        f"convolutional network: 8-16 filters of 3×3, max-pooling, Dense 10, batch 128, Adam, the same rows, "
        f"{job['network_epochs']} epochs, learning rate × seed. sonmat's time counts starting JAX, building, tracing and compiling; a "
        f"peer's rate leaves out what only its first trial pays. {_versions(content)}. {date}, {minutes} CPU-minutes, {command}."
    )


def _versions(content: dict[str, Any]) -> str:
    """All that measured, Optuna and KerasTuner among them."""
    searching = {
        f"{title} {packages[package]}"
        for packages in content["versions"].values()
        for package, title in _PACKAGES.items()
        if package in packages
    }
    return ", ".join([versions(content), *sorted(searching)])


def _needed(entry: dict[str, Any]) -> float:
    """Bytes at the most, beside what the process had before."""
    return float(entry["peak_bytes"] - entry["before_bytes"])


def _a_member(tracing: dict[str, Any], name: str) -> float:
    """Seconds that each further member costs, from two sizes of a population."""
    few, many = tracing["two"], tracing["all"]
    return float((many[name] - few[name]) / (many["members"] - few["members"]))


def _rate(each: float) -> str:
    """Trials a minute, to three figures at most."""
    rate = 60 / each
    return f"{rate:.0f}" if rate >= 100 else f"{rate:.1f}" if rate >= 10 else f"{rate:.2f}"


def _bytes(count: float) -> str:
    return f"{count / 2**30:.2f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"
