"""The figures of `accuracy.json` as Markdown, in English and Korean, and as the heads of the recipes' files."""

from __future__ import annotations

import math
from typing import Any

from benchmarks.machine import named
from benchmarks.tables import seconds, table, times, versions

_RECIPES = ("quick", "tiny", "strong", "ensemble", "fashion")
_DATA = {"mnist": "MNIST", "fashion-mnist": "Fashion-MNIST"}


def accuracy(content: dict[str, Any], *, korean: bool) -> str:
    """For each recipe: test accuracy with its spread, as it is and with the wrong labels corrected, and what it costs."""
    summary = content["summary"]
    head = (
        ["레시피", "데이터", "테스트 정확도", "고친 레이블로", "학습, 초", "CPU-분", "파라미터"]
        if korean
        else ["recipe", "data", "test accuracy", "labels corrected", "training, s", "CPU-minutes", "parameters"]
    )
    rows = [
        [
            f"`{name}`",
            _DATA[claim["settings"]["data"]],
            f"**{reached(claim)}**",
            _percent(claim["corrected"]) if claim["corrected"] is not None else "",
            seconds(claim["train_seconds"]),
            f"{claim['cpu_minutes']:.2g}",
            f"{claim['parameters']:,}",
        ]
        for name in _RECIPES
        if (claim := summary.get(name))
    ]
    return "\n\n".join(part for part in (table(head, rows), _peer(summary, korean), _origin(summary, korean)) if part)


def reached(claim: dict[str, Any]) -> str:
    """Mean and standard deviation over the seeds; of the ensemble its accuracy and the jackknife's standard error."""
    spread = jackknife(claim["without"]) if "without" in claim else claim["spread"]
    return _percent(claim["mean"]).removesuffix(" %") + (f" ± {100 * spread:.2f} %" if spread else " %")


def jackknife(without: list[float]) -> float:
    """The standard error of a mean of networks, from what it reaches without each of them in turn.

    These share all members but one with each other, so that they lie far closer together than networks of other seeds
    would: sqrt((n − 1) / n · Σ (x − mean)²) makes up for it (Tukey 1958; Efron and Stein 1981).
    """
    n, mean = len(without), math.fsum(without) / len(without)
    return math.sqrt((n - 1) / n * math.fsum((one - mean) ** 2 for one in without))


def figures(content: dict[str, Any]) -> dict[str, str]:
    """Single figures that a sentence may quote."""
    summary, found = content["summary"], {}
    for name in _RECIPES:
        if claim := summary.get(name):
            found |= {
                f"{name}.mean": _percent(claim["mean"]),
                f"{name}.reached": reached(claim),
                f"{name}.first": _percent(claim["accuracies"][0]),
                f"{name}.seconds": seconds(claim["train_seconds"]),
                f"{name}.cpu": f"{claim['cpu_minutes']:.2g}",
                f"{name}.parameters": f"{claim['parameters']:,}",
            }
    if keras := summary.get("keras"):
        found |= {"keras.times": times(keras["times"]), "keras.seconds": seconds(keras["seconds"])}
    return found


def head(name: str, content: dict[str, Any]) -> str | None:
    """The comment at the head of a recipe's file, or None where nothing was measured."""
    claim = content["summary"].get(name)
    if claim is None:
        return None
    data = _DATA[claim["settings"]["data"]]
    cost = f"{seconds(claim['train_seconds'])} s of training, {claim['parameters']:,} parameters"
    korean = f"학습 {seconds(claim['train_seconds'])}초, 파라미터 {claim['parameters']:,}개"
    over = (
        "its five networks averaged; ± is the jackknife's standard error"
        if name == "ensemble"
        else "mean of seeds 0 to 4"
    )
    over_ko = "신경망 다섯의 평균, ±는 잭나이프 표준오차" if name == "ensemble" else "시드 0–4의 평균"
    each = claim.get("without") or claim["accuracies"]
    corrected = (
        f"; with the labels known to be wrong corrected {_percent(claim['corrected'])}" if claim["corrected"] else ""
    )
    where = claim["machine"]
    told = "Without each member" if "without" in claim else "Each"
    lines = [
        f"{name}: {reached(claim)} of {data}'s test set ({over}), {cost}.",
        f"ko: {name}: {data} 테스트 정확도 {reached(claim)} ({over_ko}), {korean}.",
        "",
        f"{told}: {', '.join(_percent(one) for one in each)}{corrected}.",
        f"Compiling apart {seconds(claim['compile_seconds'])} s; {claim['cpu_minutes']:.2g} CPU-minutes a whole run; "
        f"{claim['epochs']} epochs on {round(100 * claim['settings']['split'])} % of the training rows.",
        f"{named(where)}, {where['cores']} cores. {versions({'versions': {'sonmat': claim['versions']}})}. {claim['ended'][:10]}.",
        f"Again: sonmat train {name} --seed 0, or python -m benchmarks.accuracy {name}. How it was found: docs/recipes.md.",
    ]
    return "\n".join(f"# {line}".rstrip() for line in lines)


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"


def _peer(summary: dict[str, Any], korean: bool) -> str:
    keras = summary.get("keras")
    if not keras:
        return ""
    ratio = times(keras["times"])
    if korean:
        return (
            f"Keras의 예제 CNN은 TensorFlow에서 같은 실행 중에 테스트 데이터의 99.0 %에 처음 이른 에포크까지 "
            f"{seconds(keras['seconds'])}초, {keras['epochs']:g} 에포크가 걸렸습니다(시드 {keras['seeds']}개의 중앙값, "
            f"첫 에포크의 컴파일 제외): `quick`이 정해진 에포크를 다 학습하는 시간의 **{ratio}**. "
            "두 시간 모두 에포크마다 하는 검증은 들어 있고 테스트 데이터 평가는 빠져 있습니다."
        )
    return (
        f"Keras's own example CNN on TensorFlow took {seconds(keras['seconds'])} s and {keras['epochs']:g} epochs, in turn with `quick`, "
        f"to the first epoch that reached 99.0 % of the test set (median of {keras['seeds']} seeds, without what its first epoch "
        f"compiles): **{ratio}** the time that `quick` takes for all its epochs. Both times hold the validation after each epoch, "
        "and neither holds an evaluation on the test set."
    )


def _origin(summary: dict[str, Any], korean: bool) -> str:
    claims = [claim for name in _RECIPES if (claim := summary.get(name))]
    ended = max(claim["ended"] for claim in claims)[:10]
    end = f"{versions({'versions': {'sonmat': claims[0]['versions']}})}. {ended}, `python -m benchmarks.accuracy`."
    unit = "코어 {}개" if korean else "{} cores"
    machines = dict.fromkeys(f"{named(one['machine'])}, {unit.format(one['machine']['cores'])}" for one in claims)
    where = " / ".join(machines)
    if korean:
        return (
            "시드 0–4의 평균과 표준편차. `ensemble`은 `strong`의 신경망 다섯 개의 평균 하나입니다. 그 ±는 신경망을 하나씩 뺀 결과에서 구한 "
            "잭나이프 표준오차이며, 그 결과들은 서로 신경망을 나누어 가지므로 시드의 표준편차와 견줄 수 없습니다. 시간은 한 시드의 것이고 "
            "컴파일과 마지막 평가는 들어 있지 않습니다. `ensemble`의 비용은 `strong`의 다섯 배로 적었습니다. CPU-분은 프로세스 전체. "
            f"선택은 검증 행만으로 했습니다. {where}. {end}"
        )
    return (
        "Mean and standard deviation over seeds 0 to 4. `ensemble` is one average of the five networks of `strong`; its ± is the "
        "jackknife's standard error, from leaving out one network at a time, and since what is left shares networks it is not "
        "comparable to the seeds' standard deviation. Times are of one seed, without compiling and the evaluation at the end; "
        "`ensemble`'s costs are five times those of `strong`. CPU-minutes are of the whole process. Everything was chosen on "
        f"validation rows. {where}. {end}"
    )
