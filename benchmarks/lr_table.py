"""The figures of `lr_finder.json` as Markdown, in English and Korean."""

from __future__ import annotations

from typing import Any

from benchmarks.machine import named
from benchmarks.tables import seconds, table, versions

_RULES = {
    "sonmat": ("suggestion", "제안"),
    "minimum/10": ("minimum / 10", "최소점 / 10"),
    "valley": ("fastai's valley", "fastai의 valley"),
    "steepest": ("steepest", "가장 가파른 곳"),
}


def lr_finder(content: dict[str, Any], *, korean: bool) -> str:
    """For each network the best rate of the sweep, what is suggested, and what each rule costs in points of accuracy."""
    head = (
        ["신경망", "가장 좋은 학습률", "제안한 학습률", "검사, 초"]
        if korean
        else ["network", "best rate", "suggested", "test, s"]
    )
    head += [f"{title[korean]}, %p" if korean else f"{title[korean]}, points" for title in _RULES.values()]
    rows = []
    for case in content["summary"]["cases"]:
        suggested = " / ".join(f"{rate:.2g}" for rate in case["rules"]["sonmat"]["rates"])
        costs = [f"{100 * case['rules'][rule]['cost']:.1f}" for rule in _RULES]
        name = f"{case['name']}, {_DATA[case['data']]}"
        rows.append([name, f"{case['best']['rate']:.2g}", suggested, seconds(case["seconds"]), *costs])
    for data, costs in content["summary"]["mean_cost"].items():
        label = f"{_DATA[data]} 평균" if korean else f"mean of {_DATA[data]}"
        rows.append([label, "", "", "", *(f"**{100 * costs[rule]:.1f}**" for rule in _RULES)])
    return f"{table(head, rows)}\n\n{_origin(content, korean)}"


_DATA = {"mnist": "MNIST", "fashion-mnist": "Fashion-MNIST"}


def figures(content: dict[str, Any]) -> dict[str, str]:
    """Single figures that a sentence may quote: mean and greatest costs of the suggestion in points, by data set."""
    found = {}
    for data, costs in content["summary"]["mean_cost"].items():
        cases = [case for case in content["summary"]["cases"] if case["data"] == data]
        most = max(case["rules"]["sonmat"]["cost"] for case in cases)
        found |= {f"{data}.mean": f"{100 * costs['sonmat']:.1f}", f"{data}.most": f"{100 * most:.1f}"}
        found[f"{data}.tenth"] = f"{100 * costs['minimum/10']:.1f}"
        found[f"{data}.networks"] = str(len(cases))
    return found | {"seconds": seconds(max(case["seconds"] for case in content["summary"]["cases"]))}


def _origin(content: dict[str, Any], korean: bool) -> str:
    where, rows = content["identity"]["machine"], content["identity"]["rows"]
    seeds = " · ".join(map(str, content["identity"]["seeds"]))
    end = f"{versions({'versions': {'sonmat': content['versions']}})}. {content['ended'][:10]}, `python -m benchmarks.lr_finder`."
    if korean:
        return (
            f"{rows:,}행, 2 에포크(합성곱 신경망은 1), 학습률 여덟 개, 시드 {seeds}. 비용은 가장 좋은 학습률의 평균 검증 정확도에서 "
            f"제안한 학습률로 학습한 평균을 뺀 것. 검사 시간은 컴파일 별도. {named(where)}, 코어 {where['cores']}개. {end}"
        )
    return (
        f"{rows:,} rows, two epochs (convolutions: one), eight rates, seeds {seeds}. A cost is the best rate's mean validation "
        f"accuracy less the mean of trainings at the suggested rates. The test's time is without compiling. {named(where)}, "
        f"{where['cores']} cores. {end}"
    )
