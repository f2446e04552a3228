"""The figures of `accuracy.json` as Markdown, in English and Korean, and as the heads of the recipes' files."""

from __future__ import annotations

from typing import Any

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
            f"**{reached(name, claim)}**",
            _percent(claim["corrected"]) if claim["corrected"] is not None else "",
            seconds(claim["train_seconds"]),
            f"{claim['cpu_minutes']:.2g}",
            f"{claim['parameters']:,}",
        ]
        for name in _RECIPES
        if (claim := summary.get(name))
    ]
    return "\n\n".join(part for part in (table(head, rows), _peer(summary, korean), _origin(summary, korean)) if part)


def reached(name: str, claim: dict[str, Any]) -> str:
    """Mean and standard deviation over the seeds; of the ensemble over leaving one member out."""
    spread = claim["spread"]
    return _percent(claim["mean"]).removesuffix(" %") + (f" ± {100 * spread:.2f} %" if spread else " %")


def figures(content: dict[str, Any]) -> dict[str, str]:
    """Single figures that a sentence may quote."""
    summary, found = content["summary"], {}
    for name in _RECIPES:
        if claim := summary.get(name):
            found |= {
                f"{name}.mean": _percent(claim["mean"]),
                f"{name}.reached": reached(name, claim),
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
    over = "its five networks averaged; spread from leaving one out" if name == "ensemble" else "mean of seeds 0 to 4"
    over_ko = "신경망 다섯의 평균, 편차는 하나씩 뺀 것" if name == "ensemble" else "시드 0–4의 평균"
    each = claim.get("without") or claim["accuracies"]
    corrected = (
        f"; with the labels known to be wrong corrected {_percent(claim['corrected'])}" if claim["corrected"] else ""
    )
    where = claim["machine"]
    lines = [
        f"{name}: {reached(name, claim)} of {data}'s test set ({over}), {cost}.",
        f"ko: {name}: {data} 테스트 정확도 {reached(name, claim)} ({over_ko}), {korean}.",
        "",
        f"Each: {', '.join(_percent(one) for one in each)}{corrected}.",
        f"Compiling apart {seconds(claim['compile_seconds'])} s; {claim['cpu_minutes']:.2g} CPU-minutes a whole run; "
        f"{claim['epochs']} epochs on {round(100 * claim['settings']['split'])} % of the training rows.",
        f"{where['cpu']}, {where['cores']} cores. {versions({'versions': {'sonmat': claim['versions']}})}. {claim['ended'][:10]}.",
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
            f"Keras의 예제 CNN은 TensorFlow에서 같은 실행 중에 99.0 %에 이르기까지 {seconds(keras['seconds'])}초, "
            f"{keras['epochs']:g} 에포크가 걸렸습니다(시드 {keras['seeds']}개의 중앙값): `quick`의 **{ratio}**."
        )
    return (
        f"Keras's own example CNN on TensorFlow took {seconds(keras['seconds'])} s and {keras['epochs']:g} epochs to 99.0 %, in turn "
        f"with `quick` (median of {keras['seeds']} seeds, without what its first epoch compiles): **{ratio}** the time."
    )


def _origin(summary: dict[str, Any], korean: bool) -> str:
    claims = [claim for name in _RECIPES if (claim := summary.get(name))]
    where = claims[0]["machine"]
    ended = max(claim["ended"] for claim in claims)[:10]
    end = f"{versions({'versions': {'sonmat': claims[0]['versions']}})}. {ended}, `python -m benchmarks.accuracy`."
    if korean:
        return (
            "시드 0–4의 평균과 표준편차. `ensemble`은 `strong`의 신경망 다섯 개의 평균 하나이고, 편차는 하나씩 뺀 것. 시간은 한 시드의 것"
            "(`ensemble`은 그 다섯 배, 컴파일 별도), CPU-분은 프로세스 전체. "
            f"선택은 검증 행만으로 했습니다. {where['cpu']}, 코어 {where['cores']}개. {end}"
        )
    return (
        "Mean and standard deviation over seeds 0 to 4; `ensemble` is one average of the five networks of `strong`, its spread from "
        "leaving one out. Times are of one seed (`ensemble`: five times that), compiling apart; CPU-minutes are of the whole "
        f"process. Everything was chosen on validation rows. {where['cpu']}, {where['cores']} cores. {end}"
    )
