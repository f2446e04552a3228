"""The figures of `notes_question.json` as Markdown, in English and Korean."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from benchmarks.notes_question_folklore import BELIEFS
from benchmarks.notes_question_summary import LEARNED, NEAR, NOTES
from benchmarks.tables import percent, seconds, table, versions


def question_answer(content: Mapping[str, Any], *, korean: bool) -> str:
    """The settings that were tested, each with the seeds it was chosen with and with new ones; and their differences."""
    answer = content["summary"]["answer"]
    names = [name for name in _named(korean) if name in answer]
    head = (
        ["", "학습률", "배치", "은닉층", "가중치", "검증, 고를 때의 시드", "검증, 새 시드", "테스트, 새 시드", "학습 − 검증, %p"]
        if korean
        else ["", "rate", "batch", "hidden", "weights", "validation, seeds of the choice", "validation, new seeds",
              "test, new seeds", "training − validation, points"]
    )  # fmt: skip
    rows = []
    for name in names:
        one = answer[name]
        reached = [_mean(one[part]) for part in ("searched", "validation", "test")]
        rows.append([_named(korean)[name], *_setting(one), f"{one['parameters']:,}", *reached, _points(one["gap"])])
    told = [table(head, rows)]
    gains = [name for name in names if "gain" in answer[name]]
    head = (
        ["기본값보다, %p (95 % 구간)", "검증, 고를 때의 시드", "검증, 새 시드", "테스트, 새 시드", "테스트, 다른 숫자들이었다면"]
        if korean
        else ["more than the defaults, points (95 %)", "validation, seeds of the choice", "validation, new seeds",
              "test, new seeds", "test, had it been other digits"]
    )  # fmt: skip
    rows = [
        [
            _named(korean)[name],
            *(_gain(answer[name]["gain"][part]) for part in ("searched", "validation", "test")),
            _gain(answer[name]["gain"]["rows"]["test"]),
        ]
        for name in gains
    ]
    return "\n\n".join([*told, table(head, rows)] if rows else told)


def question_single(content: Mapping[str, Any], *, korean: bool) -> str:
    """What is gained where only some of the settings may differ from the notes'."""
    single = content["summary"]["single"]
    names = {
        "notes": ("nothing: the notes' defaults", "없음: 노트의 기본값"),
        "batch": ("the batch size", "배치 크기"),
        "width": ("the width", "폭"),
        "rate": ("the learning rate", "학습률"),
        "training": ("rate and batch size", "학습률과 배치 크기"),
        "all": ("all three", "셋 다"),
    }
    head = (
        ["바꿔도 되는 것", "학습률", "배치", "은닉층", "검증 정확도", "얻는 것, %p (95 % 구간)"]
        if korean
        else ["free to change", "rate", "batch", "hidden", "validation accuracy", "gained, points (95 %)"]
    )
    rows = []
    for name, title in names.items():
        one = single[name]
        same = all(one[key] == NOTES[key] for key in NOTES)
        gain = "" if name == "notes" else ("0" if same else _gain(one["gain"]))
        rows.append([title[korean], *_setting(one), _mean(one), gain])
    return table(head, rows)


def question_rates(content: Mapping[str, Any], *, korean: bool) -> str:
    """For each network and batch size the best rate, what is near it, and where trainings begin to fail."""
    seeds = content["summary"]["seeds"]
    near = f"{100 * NEAR:g}"
    head = (
        ["은닉층", "배치", "가장 좋은 학습률", "검증 정확도", f"{near}%p 안의 학습률", "학습에 실패하기 시작하는 학습률"]
        if korean
        else ["hidden", "batch", "best rate", "validation accuracy", f"rates within {near} points", "trainings fail from"]
    )  # fmt: skip
    rows = []
    for row in content["summary"]["rates"]:
        lost = row["lost"]
        fails = "–"
        if lost is not None:
            few = seeds - lost["learned"]
            fails = f"{lost['rate']:g} ({seeds}개 중 {few}개)" if korean else f"{lost['rate']:g} ({few} of {seeds})"
        near_ones = ", ".join(f"{rate:g}" for rate in row["near"])
        rows.append([_hidden(row), str(row["batch"]), f"{row['best']['rate']:g}", _reached(row["best"], seeds, korean),
                     near_ones, fails])  # fmt: skip
    return table(head, rows)


def question_scaling(content: Mapping[str, Any], *, korean: bool) -> str:
    """What a larger batch reaches beside the notes' batch: at the same rate, and at rates that grow with the batch."""
    summary = content["summary"]
    scaling, seeds = summary["scaling"], summary["seeds"]
    small = NOTES["batch"]
    head = (
        [f"배치 {small}의 학습률", f"배치 {small}, 검증", "배치", "같은 학습률, %p", "× √배수, %p", "× 배수, %p"]
        if korean
        else [f"rate of batch {small}", f"batch {small}, validation", "batch", "same rate, points", "× √factor, points",
              "× factor, points"]
    )  # fmt: skip
    rows = []
    for row in scaling["rows"]:
        differences = []
        for rule in row["rules"].values():
            if rule["learned"] == seeds and row["base"]["learned"] == seeds:
                differences.append(f"{rule['rate']:.3g}: {_gain(rule['difference'])}")
            else:
                differences.append(f"{rule['rate']:.3g}: {_learned(rule, seeds, korean)}")
        base = _reached(row["base"], seeds, korean)
        rows.append([f"{row['base']['rate']:g}", base, str(row["batch"]), *differences])
    label = "**시드의 운만큼만 다른 것**" if korean else "**no further than luck**"
    near = [f"**{scaling['near'][name]} / {scaling['compared']}**" for name in ("same", "root", "linear")]
    return table(head, [*rows, [label, "", "", *near]])


def question_batches(content: Mapping[str, Any], *, korean: bool) -> str:
    """The batch sizes at the notes' rate, and each at its best rate."""
    batches, seeds = content["summary"]["batches"], content["summary"]["seeds"]
    small, large = batches["small"], batches["large"]
    sizes = list(batches["tuned"][0]["best"])
    head = (
        ["은닉층", *(f"{NOTES['rate']:g}, 배치 {size}" for size in sizes), *(f"최적, 배치 {size}" for size in sizes),
         f"최적끼리 {small} − {large}, %p (95 %)", f"격차 {small} / {large}, %p"]
        if korean
        else ["hidden", *(f"at {NOTES['rate']:g}, batch {size}" for size in sizes),
              *(f"tuned, batch {size}" for size in sizes), f"tuned {small} − {large}, points (95 %)",
              f"gap {small} / {large}, points"]
    )  # fmt: skip
    rows = []
    for row in batches["tuned"]:
        same = [_reached(row["same"][size], seeds, korean, spread=False) for size in sizes]
        best = [
            f"{_reached(row['best'][size], seeds, korean, spread=False)} ({row['best'][size]['rate']:g})"
            for size in sizes
        ]
        gaps = [row["best"][size].get("gap") for size in (sizes[0], sizes[-1])]
        told = " / ".join("–" if gap is None else f"{100 * gap['mean']:.2f}" for gap in gaps)
        rows.append([_hidden(row), *same, *best, _gain(row["gain"]), told])
    return table(head, rows)


def question_widths(content: Mapping[str, Any], *, korean: bool) -> str:
    """The widths, at the notes' rate and batch and at the best of each."""
    seeds = content["summary"]["seeds"]
    head = (
        ["은닉층", "가중치", "노트의 학습률과 배치", "최적", "학습률, 배치", "절반 폭보다, %p (95 %)", "학습 정확도", "학습 − 검증, %p"]
        if korean
        else ["hidden", "weights", "the notes' rate and batch", "tuned", "rate, batch", "more than half as wide, points (95 %)",
              "training accuracy", "training − validation, points"]
    )  # fmt: skip
    rows = []
    for row in content["summary"]["widths"]:
        best = row["best"]
        gain = "" if row["gain"] is None else _gain(row["gain"])
        train = percent(best["train"]) if "train" in best else "–"
        gap = _points(best["gap"]) if "gap" in best else "–"
        rows.append([_hidden(row), f"{row['parameters']:,}", _reached(row["notes"], seeds, korean),
                     _reached(best, seeds, korean), f"{best['rate']:g}, {best['batch']}", gain, train, gap])  # fmt: skip
    return table(head, rows)


def question_noise(content: Mapping[str, Any], *, korean: bool) -> str:
    """What seeds alone do, and which differences are more than that."""
    summary = content["summary"]
    noise, seeds = summary["noise"], summary["seeds"]
    least, most = (percent(noise["notes"][name]) for name in ("least", "most"))
    points = "%p" if korean else " points"
    lines: Sequence[tuple[str, str, str]] = (
        ("the notes' defaults, lowest and highest seed", "노트의 기본값, 가장 낮은 시드와 높은 시드", f"{least} … {most}"),
        (f"standard deviation over seeds, of the {noise['good']} settings within two points of the best",
         f"시드에 따른 표준편차, 최고에서 2%p 안의 설정 {noise['good']}개", f"{100 * noise['deviation']:.2f}{points}"),
        ("two such settings, run once each, must differ by (95 %)", "이런 설정 둘을 한 번씩만 학습했다면 필요한 차이 (95 %)",
         f"{100 * noise['two_runs']:.2f}{points}"),
        (f"their means over {seeds} seeds must differ by", f"시드 {seeds}개씩의 평균이라면 필요한 차이",
         f"{100 * noise['two_means']:.2f}{points}"),
        ("settings that the best cannot be told apart from, each pair alone", "하나씩 견주어 최고와 가릴 수 없는 설정",
         f"{noise['tied']} / {noise['others']}"),
        (f"chance that the first of the best {noise['top']} is really the best", f"상위 {noise['top']}개의 1위가 정말 최고일 확률",
         "–" if noise["chance"] is None else f"{100 * noise['chance']:.0f} %"),
    )  # fmt: skip
    return table(
        ["시드의 운" if korean else "the luck of a seed", ""],
        [[line[korean], value] for *line, value in lines],
    )


def question_folklore(content: Mapping[str, Any], *, korean: bool) -> str:
    """What is said, what was measured, and whether it holds."""
    summary = content["summary"]
    head = ["흔히 하는 말", "잰 것", "맞나"] if korean else ["what is said", "what was measured", "does it hold"]
    told = table(head, [[texts[korean], *verdict(summary, korean)] for texts, verdict in BELIEFS])
    return told.replace("---:", "---")  # these are sentences


def question_origin(content: Mapping[str, Any], *, korean: bool) -> str:
    """How it was measured: rows, machine, versions, date, cost, command."""
    where, job, summary = content["identity"]["machine"], content["identity"]["job"], content["summary"]
    wall, cpu = f"{content['wall_minutes']:.1f}", f"{content['cpu_minutes']:.1f}"
    parts = [f"{content[name]:.0f}" for name in ("seconds", "compile_seconds", "frozen_seconds")]
    end = f"{versions({'versions': {'sonmat': content['versions']}})}. {content['ended'][:10]}, `python -m benchmarks.notes_question`."
    rows, held = (f"{content['identity']['rows'][part]:,}" for part in ("train", "validation"))
    readings = summary["answer"]["test_readings"]
    if korean:
        return (
            f"신경망 {summary['networks']}개, 학습 {rows}행과 검증 {held}행, {job['epochs']} 에포크. "
            f"테스트는 선택이 끝난 뒤 신경망마다 한 번씩 {readings}번 읽음. "
            f"모두 합해 {wall}분(학습 {parts[0]}초, 만들기·추적·컴파일 {parts[1]}초, "
            f"고정 가중치 평가 {parts[2]}초), CPU {cpu}분. {where['cpu']}, 코어 {where['cores']}개. {end}"
        )
    return (
        f"{summary['networks']} networks, {rows} rows trained on and {held} judged by, {job['epochs']} epochs; the test set was read "
        f"{readings} times, once by each network after the choice. {wall} minutes in all ({parts[0]} s of training, {parts[1]} s of "
        f"building, tracing and compiling, {parts[2]} s of evaluation under frozen weights), {cpu} CPU-minutes. {where['cpu']}, "
        f"{where['cores']} cores. {end}"
    )


TABLES: dict[str, Callable[..., str]] = {
    one.__name__: one
    for one in (
        question_answer, question_single, question_rates, question_scaling, question_batches, question_widths,
        question_noise, question_folklore, question_origin,
    )
}  # fmt: skip
"""The tables by the names of their markers; each is of `notes_question.json`."""


def figures(content: Mapping[str, Any]) -> dict[str, str]:
    """Single figures that a sentence may quote, by name, without signs and units but for `%`.

    `cost.*`: what the notes' defaults cost beside the best setting, on the test set unless said, with `.low` and `.high` over
    seeds and `.rows.*` over digits; `tuned.cost.*`: beside the best of the notes' own width.
    """
    summary = content["summary"]
    answer, noise = summary["answer"], summary["noise"]
    best, notes = answer["best"], answer["notes"]
    tuned = answer.get("tuned", best)
    found = {
        "networks": str(summary["networks"]),
        "grid": str(summary["settings"] * summary["seeds"]),
        "minutes": f"{content['wall_minutes']:.1f}",
        "seconds": seconds(content["seconds"]),
        "each": f"{content['seconds'] / summary['networks']:.2f}",
        "notes.test": percent(notes["test"]["mean"]),
        "best.test": percent(best["test"]["mean"]),
        "tuned.test": percent(tuned["test"]["mean"]),
        "promised": percent(best["searched"]["mean"]),
        "repeated": percent(best["validation"]["mean"]),
        "noise": f"{100 * noise['deviation']:.2f}",
        "two_runs": f"{100 * noise['two_runs']:.2f}",
        "readings": str(answer["test_readings"]),
        "turned": str(summary["overfitting"]["turned"]),
        "sound": str(summary["overfitting"]["sound"]),
        "learned": f"{100 * LEARNED:.0f} %",
    }
    for name, one in (("best", best), ("tuned", tuned), ("notes", notes)):
        found |= {
            f"{name}.rate": f"{one['rate']:g}",
            f"{name}.batch": str(one["batch"]),
            f"{name}.width": str(one["width"]),
        }
    for prefix, one in (("", best), ("tuned.", tuned)):
        gain, rows = one["gain"]["test"], one["gain"]["rows"]["test"]
        found |= {
            f"{prefix}cost": f"{100 * gain['mean']:.2f}",
            **{f"{prefix}cost.{end}": f"{100 * gain[end]:.2f}" for end in ("low", "high")},
            **{f"{prefix}cost.rows.{end}": f"{100 * rows[end]:.2f}" for end in ("low", "high")},
            f"{prefix}error": f"{(1 - notes['test']['mean']) / (1 - one['test']['mean']):.1f}",
        }
    return found


def _named(korean: bool) -> dict[str, str]:
    return (
        {"notes": "노트의 기본값", "tuned": "노트의 신경망, 가장 좋은 학습률과 배치", "best": "가장 좋은 설정"}
        if korean
        else {
            "notes": "the notes' defaults",
            "tuned": "the notes' network, best rate and batch",
            "best": "the best setting",
        }
    )


def _hidden(one: Mapping[str, Any]) -> str:
    return f"{one['width']}-{one['width']}"


def _setting(one: Mapping[str, Any]) -> list[str]:
    return [f"{one['rate']:g}", str(one["batch"]), _hidden(one)]


def _mean(values: Mapping[str, Any]) -> str:
    return f"{100 * values['mean']:.2f} ± {100 * values['sd']:.2f} %"


def _points(values: Mapping[str, Any]) -> str:
    return f"{100 * values['mean']:.2f} ± {100 * values['sd']:.2f}"


def _gain(gain: Mapping[str, float]) -> str:
    """A difference in points with its interval."""
    mean, low, high = (f"{100 * gain[name]:+.2f}".replace("-", "−") for name in ("mean", "low", "high"))
    return f"{mean} ({low} … {high})"


def _reached(one: Mapping[str, Any], seeds: int, korean: bool, *, spread: bool = True) -> str:
    """Mean and spread, or how many seeds learned where not all did."""
    if one["learned"] < seeds:
        return _learned(one, seeds, korean)
    return _mean(one) if spread else f"{100 * one['mean']:.2f} %"


def _learned(one: Mapping[str, Any], seeds: int, korean: bool) -> str:
    return f"{seeds}개 중 {one['learned']}개 학습" if korean else f"{one['learned']} of {seeds} learned"
