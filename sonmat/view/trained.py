"""What the command line says after a training or a prediction."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.cells import cell_len
from rich.text import Text

from sonmat.language import say
from sonmat.models.recipe import Recipe
from sonmat.view.corrected import corrected_text
from sonmat.view.diagnosed import brief_text, data_text
from sonmat.view.finding import Finding
from sonmat.view.program import program
from sonmat.view.tables import duration, reading


def begun_text(
    folder: Path,
    recipe: Recipe,
    rows: Mapping[str, int],
    done: int,
    name: str = "",
    notes: Sequence[str] = (),
    findings: Sequence[Finding] = (),
) -> Text:
    """What is about to be trained, on what, and where it will be.

    Args:
        folder: The run folder.
        recipe: What was asked for.
        rows: How many there are, by part.
        done: Epochs behind it already.
        name: What the recipe's file is called, where it is not called as its model.
        notes: What was found and chosen as the data were read.
        findings: What is to be said of the data.
    """
    train, validation, test = (f"{rows[part]:,}" for part in ("train", "validation", "test"))
    model, data = Path(recipe.model.name).name, Path(recipe.data).name
    text = Text(name or model, style="bold")
    text.append(f" ({model})" if name else "", style="not bold")
    text.append(
        say(
            f" on {data}: {train} rows to train on, {validation} to validate, {test} to test\n",
            f" · {data}: 학습 {train}행, 검증 {validation}행, 테스트 {test}행\n",
        ),
        style="not bold",
    )
    text.append_text(data_text(notes, findings))
    text.append(f"{say('run', '실행')}: {folder}", style="dim not bold")
    if done:
        count = f"{done}/{recipe.train.epochs}"
        text.append(
            say(f"\ngoing on after epoch {count}", f"\n에포크 {count} 다음부터 이어서 합니다"), style="dim not bold"
        )
    return text


def trained_text(
    folder: Path,
    told: Mapping[str, Any],
    findings: Sequence[Finding] = (),
    rate: object = None,
    views: int = 1,
    *,
    sentences: bool = False,
) -> Text:
    """A finished run in a few lines: times, numbers, what a diagnosis says, where things are, what to try next.

    Args:
        folder: The run.
        told: What it reached, as `Trained.as_dict` says it.
        findings: Its diagnosis.
        rate: Its learning rate, where it is one number.
        views: How many views of an image each answer is the mean of.
        sentences: Whether it reads sentences.
    """
    text = Text()
    text.append(_when(told), style="dim")
    for part, title in (("validation", say("validation", "검증")), ("test", say("test", "테스트"))):
        if part in told:
            text.append_text(_numbers(title, told[part]))
    text.append(f"{' ' * 11}{views_text(views)}\n" if views > 1 else "", style="dim")
    again = corrected_text(told.get("test") or {})
    text.append(" " * 11 + again.replace("\n", "\n" + " " * 11) + "\n" if again else "")
    text.append(reading(told["test_readings"]) + "\n\n", style="dim" if told["test_readings"] == 1 else "yellow")
    if findings:
        text.append_text(brief_text(findings, str(folder))).append("\n")
    text.append(f"{say('run', '실행')}: ").append(f"{folder}\n", style="bold")
    drawn = ", ".join(sorted(path.name for path in (*folder.glob("*.png"), *folder.glob("report.html"))))
    text.append(f"  {say('to look at', '볼 것')}: {drawn}\n" if drawn else "")
    text.append(f"{say('next', '다음')}:\n")
    for command, why in _next(folder, findings, rate, sentences):
        text.append(f"  {shlex.join([program(), *command])}", style="bold").append(f"   # {why}\n", style="dim")
    text.rstrip()
    return text


def views_text(views: int) -> str:
    """That numbers are of several views of each image, and what has one."""
    return say(
        f"Both with {views} views of each image (test-time augmentation); val_accuracy while training has one, and so has "
        "sonmat evaluate --no-tta.",
        f"둘 다 이미지마다 모습 {views}개를 본 평균입니다(tta). 학습 중의 검증 정확도와 sonmat evaluate --no-tta는 하나만 봅니다.",
    )


def _next(folder: Path, findings: Sequence[Finding], rate: object, sentences: bool) -> list[tuple[list[str], str]]:
    run = str(folder)
    look, how = (
        say("see it look at a test image", "테스트 이미지 하나를 맞혀 보기"),
        say("see how it looks at one", "이미지를 어떻게 보는지"),
    )
    if sentences:
        look = say(
            "see it read a test sentence; or give one of your own",
            "테스트 문장 하나를 맞혀 보기. 직접 쓴 문장도 됩니다",
        )
        how = say("see which words decided", "어느 단어가 결정했는지")
    told = [
        (["predict", run, "--random"], look),
        (["explain", run, "--pick", "7"], how),
        (["evaluate", run], say("precision, recall and F1 of each class", "클래스별 정밀도, 재현율, F1")),
        (["export", run, "model.h5"], say("take it to plain Keras", "Keras로 가져가기")),
    ]
    if isinstance(rate, float) and not any(one.command for one in findings):  # what a finding says is worth more
        again = ["train", str(folder / "recipe.toml"), "--set", f"learning_rate={3 * rate:g}"]
        told.append((again, say("try another learning rate", "다른 학습률 시험하기")))
    return told


def _when(told: Mapping[str, Any]) -> str:
    epochs, train = told["epochs"], duration(told["train_seconds"])
    if told["finished_before"]:
        return say(
            f"This run is finished: {epochs} epochs, at {told['finished'][:19]}. Nothing was trained.\n",
            f"이미 끝난 실행입니다: {epochs} 에포크, {told['finished'][:19]}. 아무것도 새로 학습하지 않았습니다.\n",
        )
    compiled = duration(told["compile_seconds"])
    now = told.get("trained_epochs", epochs)
    if now != epochs:
        return say(
            f"\ntrained {now} more epoch{'s' if now != 1 else ''}, {epochs} in all, in {train} (compiling apart: {compiled})\n",
            f"\n{now} 에포크를 더 학습해 모두 {epochs} 에포크, {train} (컴파일 별도: {compiled})\n",
        )
    return say(
        f"\ntrained {epochs} epoch{'s' if epochs != 1 else ''} in {train} (compiling apart: {compiled})\n",
        f"\n{epochs} 에포크를 {train}에 학습했습니다 (컴파일 별도: {compiled})\n",
    )


def _numbers(title: str, found: dict[str, Any]) -> Text:
    line = Text(title + " " * (11 - cell_len(title)))
    if found.get("loss") is not None:
        line.append(f"{say('loss', '손실')} {found['loss']:.4f}")
    if "interval" in found:
        low, high = found["interval"]
        line.append(f"   {say('accuracy', '정확도')} ").append(f"{found['accuracy']:.4f}", style="bold")
        line.append(
            say(
                f"  (95 % interval {low:.4f}–{high:.4f}, n = {found['n']:,})",
                f"  (95 % 구간 {low:.4f}–{high:.4f}, n = {found['n']:,})",
            ),
            style="dim",
        )
    return line.append("\n")
