"""The figures of `sentences.json` as Markdown, in English and Korean, and as the head of the recipe's file."""

from __future__ import annotations

from typing import Any

from benchmarks.machine import named
from benchmarks.tables import seconds, table, versions


def sentences(content: dict[str, Any], *, korean: bool) -> str:
    """What `textcnn` and the linear model reach on both sets."""
    summary = content["summary"]
    head = (
        ["데이터", "모델", "테스트 정확도", "학습, 초"] if korean else ["data", "model", "test accuracy", "training, s"]
    )
    linear = "조정한 선형 모델 (문자 n-그램)" if korean else "tuned linear model of character n-grams"
    told = {
        "snips": ("SNIPS, 7", "`textcnn`"),
        "korean": ("챗봇 문장 종류, 3" if korean else "Korean chatbot data, 3 kinds", "`textcnn`"),
        "linear": ("", linear),
    }
    rows = [
        [data, model, f"**{reached(claim)}**", seconds(claim["train_seconds"]) if "train_seconds" in claim else ""]
        for name, (data, model) in told.items()
        if (claim := summary.get(name))
    ]
    return f"{table(head, rows)}\n\n{_origin(summary, korean)}"


def reached(claim: dict[str, Any]) -> str:
    """Mean and standard deviation over seeds or folds."""
    spread = f" ± {100 * claim['spread']:.2f} %" if claim["spread"] is not None else " %"
    return f"{100 * claim['mean']:.2f}{spread}"


def figures(content: dict[str, Any]) -> dict[str, str]:
    """Single figures that a sentence may quote."""
    summary = content["summary"]
    found = {f"{name}.reached": reached(claim) for name, claim in summary.items() if "spread" in claim}
    if "ahead" in summary:
        found["ahead"] = f"{100 * summary['ahead']['mean']:.2f}"
    return found


def head(content: dict[str, Any]) -> str:
    """The comment at the head of `textcnn.toml`."""
    summary = content["summary"]
    snips, kinds, linear = summary["snips"], summary["korean"], summary["linear"]
    where = snips["machine"]
    lines = [
        f"textcnn: {reached(snips)} of SNIPS's 700 validation requests (7 intents, mean of seeds 0 to 4), "
        f"{seconds(snips['train_seconds'])} s of training, {round(snips['parameters']):,} parameters.",
        f"ko: textcnn: SNIPS 검증 요청 700개의 의도 7가지 {reached(snips)} (시드 0–4의 평균), "
        f"학습 {seconds(snips['train_seconds'])}초, 파라미터 {round(snips['parameters']):,}개.",
        "",
        f"Korean chatbot data, 3 kinds, five folds: {reached(kinds)}; a tuned linear model of character n-grams {reached(linear)}.",
        f"Compiling apart {seconds(snips['compile_seconds'])} s; {snips['cpu_minutes']:.2g} CPU-minutes a whole run. "
        "Settings were chosen on validation rows.",
        f"{named(where)}, {where['cores']} cores. {versions({'versions': {'sonmat': snips['versions']}})}. {snips['ended'][:10]}.",
        "Again: python -m benchmarks.sentences. How sentences are cut and how that was chosen: docs/sentences.md.",
    ]
    return "\n".join(f"# {line}".rstrip() for line in lines)


def _origin(summary: dict[str, Any], korean: bool) -> str:
    claim = next(iter(summary.values()))
    where = claim["machine"]
    end = f"{versions({'versions': {'sonmat': claim['versions']}})}. {claim['ended'][:10]}, `python -m benchmarks.sentences`."
    if korean:
        return (
            "SNIPS는 시드 0–4, 한국어는 다섯 겹의 평균과 표준편차. SNIPS는 `train.csv`로 학습하고 `validate.csv`로 한 번 시험합니다. "
            "한국어의 두 모델은 같은 행으로 배우고 같은 행으로 시험합니다. 선형 모델은 TF-IDF와 LinearSVC 또는 로지스틱 회귀이고, "
            "설정을 겹마다 검증 행으로 고른 뒤 나머지 행 전부로 다시 맞춥니다. "
            f"{named(where)}, 코어 {where['cores']}개. {end}"
        )
    return (
        "Means and standard deviations over seeds 0 to 4 for SNIPS and over five folds for Korean. SNIPS is trained on `train.csv` and "
        "tested once on `validate.csv`. Both Korean models learn from the same rows and are tested on the same rows. The linear model "
        "is TF-IDF with LinearSVC or logistic regression; its settings are chosen in each fold by validation rows, and it is then "
        f"fitted to all the fold's training rows. {named(where)}, {where['cores']} cores. {end}"
    )
