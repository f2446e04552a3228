"""What is said of hyperparameters, held against the figures of `notes_question.json`.

Each verdict is worked out from the figures, so that none outlives its measurement. A function takes the summary and whether to
answer in Korean, and returns what was measured and whether the belief holds.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Verdict = tuple[str, str]

_YES, _NO, _PARTLY, _UNSEEN = ("yes", "맞음"), ("no", "틀림"), ("partly", "일부만"), ("not seen", "보이지 않음")
_MOST = 0.8  # of the pairs, for "better" without more words


def diverging(summary: Mapping[str, Any], korean: bool) -> Verdict:
    """How many networks learn at each rate, from the highest down to the first at which all do."""
    rates = sorted({cell["rate"] for cell in summary["cells"]}, reverse=True)
    told, lost = [], False
    for rate in rates[:-1]:  # at the lowest ones, too few epochs are a reason as well
        some = [cell for cell in summary["cells"] if cell["rate"] == rate]
        learned, whole = sum(cell["learned"] for cell in some), summary["seeds"] * len(some)
        if learned == whole:
            told.append(f"{rate:g}: {whole}개 모두 학습" if korean else f"at {rate:g} all {whole} networks learn")
            break
        lost = True
        told.append(f"{rate:g}: {whole}개 중 {learned}개 학습" if korean else f"at {rate:g} {learned} of {whole}")
    return ", ".join(reversed(told)), (_YES if lost else _NO)[korean]


def linear(summary: Mapping[str, Any], korean: bool) -> Verdict:
    """How often each rule for a larger batch's rate gives what the smaller batch gave, and where the scaled rate fails."""
    scaling, seeds = summary["scaling"], summary["seeds"]
    if not scaling["compared"]:
        return "–", _UNSEEN[korean]
    same, root, whole = (scaling["near"][name] for name in ("same", "root", "linear"))
    count = scaling["compared"]
    fails = [
        row["rules"]["linear"]["rate"]
        for row in scaling["rows"]
        if row["base"]["learned"] == seeds and row["rules"]["linear"]["learned"] < seeds
    ]
    verdict = _NO if whole <= max(same, root) else _YES if whole >= _MOST * count else _PARTLY
    text = (
        f"{count}가지 중 {whole}가지에서 작은 배치와 시드의 운만큼만 다름(같은 학습률 {same}, √k배 {root})"
        if korean
        else f"as the smaller batch, but for the luck of seeds, in {whole} of {count} cases (same rate {same}, × √k {root})"
    )
    if fails:
        lowest = min(fails)
        text += (
            f", 늘린 학습률이 {lowest:g}부터는 실패" if korean else f"; it fails where the scaled rate is {lowest:g}"
        )
    return text, verdict[korean]


def same_rate(summary: Mapping[str, Any], korean: bool) -> Verdict:
    """In how many pairs the smallest batch is surely better than the largest at the same rate and width."""
    batches = summary["batches"]
    same, small, large = batches["same"], batches["small"], batches["large"]
    whole = sum(same.values())
    verdict = _YES if same["better"] >= _MOST * whole else _PARTLY if same["better"] > same["worse"] else _NO
    text = (
        f"{small}과 {large}, {whole}쌍 중 작은 쪽이 {same['better']}쌍에서 낫고 {same['worse']}쌍에서 못함"
        if korean
        else f"{small} beside {large}: better in {same['better']} of {whole} pairs, worse in {same['worse']}"
    )
    return text, verdict[korean]


def tuned_batches(summary: Mapping[str, Any], korean: bool) -> Verdict:
    """What the smallest batch gains on the largest, each at its best rate, width by width."""
    batches = summary["batches"]
    gains = [row["gain"] for row in batches["tuned"]]
    better, worse = sum(gain["low"] > 0 for gain in gains), sum(gain["high"] < 0 for gain in gains)
    verdict = _YES if better == len(gains) else _PARTLY if better else _NO if worse else _UNSEEN
    listed = _listed(gain["mean"] for gain in gains)
    small, large = batches["small"], batches["large"]
    widths = ", ".join(str(row["width"]) for row in batches["tuned"])
    text = (
        f"폭 {widths}에서 {small} − {large}: {listed}%p, 확실히 나은 것 {better}개, 못한 것 {worse}개"
        if korean
        else f"{small} − {large} at widths {widths}: {listed} points; surely better in {better}, worse in {worse}"
    )
    return text, verdict[korean]


def equal_fit(summary: Mapping[str, Any], korean: bool) -> Verdict:
    """What the smallest batch validates at beside the largest, where both fit the training rows equally well."""
    equal = summary["batches"]["equal"]
    if equal is None:
        return "–", _UNSEEN[korean]
    mean, low, high = (f"{100 * equal[name]:+.2f}" for name in ("mean", "low", "high"))
    verdict = _YES if equal["low"] > 0 else _NO if equal["high"] < 0 else _UNSEEN
    text = f"{mean}%p ({low} … {high})" if korean else f"{mean} points ({low} … {high})"
    return text.replace("-", "−"), verdict[korean]


def wider(summary: Mapping[str, Any], korean: bool) -> Verdict:
    """What each doubling gains, with both widths at their best rate and batch size."""
    widths = summary["widths"]
    gains = [row["gain"] for row in widths[1:]]
    sure = next((place for place, gain in enumerate(gains) if gain["low"] <= 0), len(gains))
    steps = [f"{one['width']} → {two['width']}" for one, two in itertools.pairwise(widths)]
    listed = ", ".join(f"{step}: {_listed([gain['mean']])}" for step, gain in zip(steps, gains, strict=True))
    verdict = _YES if sure == len(gains) else _PARTLY if sure else _UNSEEN
    until = widths[sure]["width"]
    text = f"{listed}%p, {until}까지 확실" if korean else f"{listed} points; surely up to {until}"
    return text, verdict[korean]


def wider_gap(summary: Mapping[str, Any], korean: bool) -> Verdict:
    """The gap between training and validation rows of each width's best."""
    gaps = [(row["width"], row["best"]["gap"]["mean"]) for row in summary["widths"] if "gap" in row["best"]]
    if len(gaps) < 2:
        return "–", _UNSEEN[korean]
    values = [gap for _, gap in gaps]
    rising = all(one < two for one, two in itertools.pairwise(values))
    verdict = _YES if rising else _PARTLY if values[-1] > values[0] else _NO
    listed = ", ".join(f"{width}: {100 * gap:.2f}" for width, gap in gaps)
    text = (
        f"최적에서 학습 − 검증, 폭 {listed}%p" if korean else f"training − validation, tuned, at width {listed} points"
    )
    return text, verdict[korean]


def turning(summary: Mapping[str, Any], korean: bool) -> Verdict:
    """In how many settings the validation loss is surely higher at the end than before."""
    over, epochs = summary["overfitting"], summary["overfitting"]["best"]["epoch"]
    verdict = _NO if not over["turned"] else _YES if over["turned"] > over["sound"] / 2 else _PARTLY
    text = (
        f"이 에포크 안에서 설정 {over['sound']}개 중 {over['turned']}개. 가장 좋은 설정의 손실은 {epochs}번째 에포크에서 가장 낮음"
        if korean
        else f"within these epochs in {over['turned']} of {over['sound']} settings; the best setting's loss is lowest in epoch {epochs}"
    )
    return text, verdict[korean]


BELIEFS: Sequence[tuple[tuple[str, str], Callable[[Mapping[str, Any], bool], Verdict]]] = (
    (("higher rates diverge", "학습률이 높으면 발산한다"), diverging),
    (("k times the batch, k times the rate", "배치를 k배로 하면 학습률도 k배로"), linear),
    (("smaller batches are better, at the same rate", "같은 학습률이면 작은 배치가 낫다"), same_rate),
    (
        ("smaller batches are better, each at its best rate", "저마다 가장 좋은 학습률에서도 작은 배치가 낫다"),
        tuned_batches,
    ),
    (
        ("smaller batches generalize better, fitted equally well", "똑같이 맞췄다면 작은 배치가 더 잘 일반화한다"),
        equal_fit,
    ),
    (("wider is better", "넓을수록 낫다"), wider),
    (("wider overfits more", "넓을수록 더 과적합한다"), wider_gap),
    (
        ("trained on, it overfits: validation loss rises", "더 학습하면 과적합해 검증 손실이 다시 오른다"),
        turning,
    ),
)
"""What is said, in English and Korean, and what looks whether it holds."""


def _listed(values: Any) -> str:
    return ", ".join(f"{100 * value:+.2f}" for value in values).replace("-", "−")
