"""Exporting a run: a model file for Keras anywhere, or the whole run as a plain Keras script."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sonmat.errors import ModelFileError, UnsupportedError
from sonmat.files import write_text
from sonmat.language import say
from sonmat.models.compilation import OWN_SCHEDULES, spans
from sonmat.models.recipe import TrainSettings
from sonmat.runs.folder import load_run, located
from sonmat.runs.model_files import read_card, save_model

SUFFIXES = (".h5", ".keras", ".onnx", ".py")


@dataclass(frozen=True)
class Exported:
    """A file that was written.

    Attributes:
        path: The file.
        scale: What raw inputs have to be divided by for the model in it; None where that is not known.
        beside: Another file, that says how to use it.
    """

    path: Path
    scale: float | None
    beside: Path | None = None


def export_run(path: str | os.PathLike[str], target: str | os.PathLike[str]) -> Exported:
    """Write a run's model as `.h5`, `.keras` or `.onnx`, or the run as a `.py` script that needs only Keras.

    Args:
        path: The run folder or model file.
        target: The file to write; its suffix decides.

    Raises:
        ModelFileError: Another suffix, a script of a model file that has no recipe, or ONNX that would give other numbers.
        UnsupportedError: A script or ONNX of what they have no way for.
    """
    target = Path(target).expanduser()
    if target.suffix not in SUFFIXES:
        raise ModelFileError(
            say(
                f"{target.name} ends in none of {', '.join(SUFFIXES)}.",
                f"{target.name}의 확장자가 {', '.join(SUFFIXES)} 가운데 없습니다.",
            ),
            say(
                "The ending decides what is written: model.h5, model.keras, model.onnx or run.py.",
                "확장자가 저장 형식을 정합니다: model.h5, model.keras, model.onnx, run.py.",
            ),
        )
    place = located(path)[0]
    run, card = load_run(place), read_card(place)
    if target.suffix == ".onnx":
        from sonmat.jobs.export_onnx import export_onnx

        views = dict(run.recipe.train.tta or {}) if run.recipe else {}
        return Exported(target, run.scale, export_onnx(run.model, target, card | ({"views": views} if views else {})))
    if target.suffix != ".py":
        save_model(run.model, target, inputs=run.inputs or None, classes=run.classes or None, answer=run.answer)
        return Exported(target, run.scale)
    recipe = run.recipe
    if recipe is None:
        raise ModelFileError(
            say(
                "A script is made from a run; a model file does not say how it was trained.",
                "스크립트는 실행에서 만듭니다. 모델 파일에는 학습 방법이 없습니다.",
            ),
            say("Give a run folder: sonmat export RUN run.py", "실행 폴더를 주세요: sonmat export RUN run.py"),
        )
    if run.tokenizer is not None:
        raise UnsupportedError(
            say(
                "A script of plain Keras does not cut sentences into pieces.",
                "Keras 스크립트는 문장을 조각으로 나누지 않습니다.",
            ),
            say(
                "Export the trained model: sonmat export RUN model.onnx, which has the tokenizer beside it.",
                "학습된 모델을 내보내세요: sonmat export RUN model.onnx. 토크나이저가 옆에 저장됩니다.",
            ),
        )
    _check_plain(recipe.train)
    from sonmat.runs.script import keras_script

    text = keras_script(
        run.model,
        dataset=recipe.data,
        split=recipe.split,
        seed=recipe.seed,
        epochs=recipe.train.epochs,
        batch_size=int(recipe.train.batch_size),  # type: ignore[arg-type]  # not pairs: checked above
        scale=run.scale or 1.0,
    )
    write_text(target, text)
    return Exported(target, run.scale)


def _check_plain(train: TrainSettings) -> None:
    """A script trains as the run did, or is not written."""
    beyond = [
        key
        for key in ("augment", "outliers", "habits", "label_smoothing", "average", "tta", "members")
        if getattr(train, key)
    ]
    beyond += ["batch_size"] if isinstance(train.batch_size, list) else []
    rate = train.learning_rate
    ours = isinstance(rate, Mapping) and rate["name"] in OWN_SCHEDULES
    beyond += ["learning_rate"] if spans(train) or ours else []
    beyond += ["optimizer"] if (train.optimizer or "").lower() == "convmuon" else []
    if beyond:
        told = ", ".join(f"train.{key}" for key in beyond)
        raise UnsupportedError(
            say(
                f"This run was trained with what plain Keras does not have: {told}. A script would train another network.",
                f"이 실행은 Keras에 없는 설정으로 학습했습니다: {told}. 스크립트로는 다른 신경망이 됩니다.",
            ),
            say(
                "Export the trained model: sonmat export RUN model.keras",
                "학습된 모델을 내보내세요: sonmat export RUN model.keras",
            ),
        )
