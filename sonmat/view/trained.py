"""What the command line says after a training or a prediction."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.text import Text

from sonmat.language import say
from sonmat.view.tables import duration, reading


def trained_text(folder: Path, told: dict[str, Any]) -> Text:
    """A finished run in a few lines: times, numbers, where things are, what to try next."""
    text = Text()
    text.append(
        say(
            f"\ntrained {told['epochs']} epochs in {duration(told['train_seconds'])} (compiling apart: {duration(told['compile_seconds'])})\n",
            f"\n{told['epochs']} 에포크를 {duration(told['train_seconds'])}에 학습했습니다 (컴파일 별도: {duration(told['compile_seconds'])})\n",
        ),
        style="dim",
    )
    for part, title in (("validation", say("validation", "검증")), ("test", say("test", "테스트"))):
        text.append_text(_numbers(title, told[part]))
    text.append(reading(told["test_readings"]) + "\n\n", style="dim" if told["test_readings"] == 1 else "yellow")
    text.append(f"{say('run', '실행')}: ").append(f"{folder}\n", style="bold")
    text.append(say("  pictures: ", "  그림: ") + ", ".join(sorted(path.name for path in folder.glob("*.png"))) + "\n")
    text.append(f"{say('next', '다음')}:\n")
    for command, why in (
        (f"sonmat predict {folder} --random", say("see it look at a test image", "테스트 이미지 하나를 맞혀 보기")),
        (f"sonmat evaluate {folder}", say("precision, recall and F1 of each class", "클래스별 정밀도, 재현율, F1")),
        (f"sonmat export {folder} mnist_model.h5", say("take it to plain Keras", "Keras로 가져가기")),
        ("sonmat train --set learning_rate=0.1", say("a bolder learning rate, in a second", "더 큰 학습률을 금방 시험하기")),
    ):
        text.append(f"  {command}", style="bold").append(f"   # {why}\n", style="dim")
    text.rstrip()
    return text


def _numbers(title: str, found: dict[str, Any]) -> Text:
    line = Text(f"{title:<11}")
    if "loss" in found:
        line.append(f"{say('loss', '손실')} {found['loss']:.4f}")
    if "interval" in found:
        low, high = found["interval"]
        line.append(f"   {say('accuracy', '정확도')} ").append(f"{found['accuracy']:.4f}", style="bold")
        line.append(say(f"  (95 % interval {low:.4f}–{high:.4f}, n = {found['n']:,})", f"  (95 % 구간 {low:.4f}–{high:.4f}, n = {found['n']:,})"), style="dim")
    return line.append("\n")


def prediction_text(file: str, classes: Sequence[str], probabilities: np.ndarray, label: int | None) -> Text:
    """One prediction: the class, and the probability of each, the likeliest first where there are many."""
    said = int(np.argmax(probabilities))
    text = Text(f"{file}: ").append(classes[said], style="bold")
    if label is not None:
        right = label == said
        verdict = say("right", "정답") if right else say(f"wrong: it is {classes[label]}", f"오답: 정답은 {classes[label]}")
        text.append(f"  ({verdict})", style="green" if right else "red")
    order = range(len(classes)) if len(classes) <= 12 else np.argsort(-probabilities)[:10]
    for i in order:
        bar = "█" * round(float(probabilities[i]) * 30)
        text.append(f"\n  {classes[i]:>12}  {probabilities[i]:7.2%}  ").append(bar, style="bold" if i == said else "dim")
    return text
