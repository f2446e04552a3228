"""The figures of `cnn.json` as Markdown, in English and Korean."""

from __future__ import annotations

from typing import Any

from benchmarks.machine import named
from benchmarks.networks import NETWORKS
from benchmarks.tables import seconds, table, times, versions

_PEERS = {"torch": "PyTorch", "keras-tf": "Keras/TF", "keras-jax": "Keras/JAX"}


def cnn(content: dict[str, Any], *, korean: bool) -> str:
    """Seconds of an epoch, and how many times as fast sonmat is as each peer."""
    networks = content["summary"]["networks"]
    head = ["신경망", "sonmat, 초", "컴파일, 초"] if korean else ["network", "sonmat, s", "compile, s"]
    for title in _PEERS.values():
        head += [f"{title}, 초", "배"] if korean else [f"{title}, s", "faster by"]
    rows = []
    for name, network in NETWORKS.items():
        if name not in networks:
            continue
        entry = networks[name]
        row = [network.title[korean], seconds(entry["sonmat"]["epoch"]), seconds(entry["sonmat"]["compile_seconds"])]
        for peer in _PEERS:
            row += [seconds(entry[peer]["epoch"]), f"**{times(entry[peer]['faster'])}**"] if peer in entry else ["", ""]
        rows.append(row)
    return f"{table(head, rows)}\n\n{_origin(content, korean)}"


def figures(content: dict[str, Any]) -> dict[str, str]:
    """Single figures that a sentence may quote, by name: `example.torch` is how many times as fast."""
    return {
        f"{network}.{peer}": times(numbers["faster"])
        for network, entry in content["summary"]["networks"].items()
        for peer, numbers in entry.items()
        if "faster" in numbers
    }


def _origin(content: dict[str, Any], korean: bool) -> str:
    where, job, rounds = content["identity"]["machine"], content["identity"]["job"], content["summary"]["rounds"]
    date, minutes = content["ended"][:10], round(content["cpu_minutes"])
    command = "`python -m benchmarks.cnn`"
    if korean:
        return (
            f"MNIST {job['rows']:,}행 한 에포크, 배치 128, Adam, float32, 검증 없음. {named(where)}, 코어 {where['cores']}개. "
            f"번갈아 실행한 {rounds}회의 중앙값, 배수는 짝마다 구한 비의 중앙값, 동료의 설정은 측정으로 고름. "
            f"{versions(content)}. {date}, CPU {minutes}분, {command}."
        )
    return (
        f"One epoch over {job['rows']:,} rows of MNIST, batch 128, Adam, float32, no validation. {named(where)}, "
        f"{where['cores']} cores. Medians of {rounds} rounds in turn; ratios are medians over pairs; the peers' settings were "
        f"chosen by measuring. {versions(content)}. {date}, {minutes} CPU-minutes, {command}."
    )
