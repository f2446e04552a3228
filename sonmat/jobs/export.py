"""Exporting a run: a model file for Keras anywhere, or the whole run as a plain Keras script."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from sonmat.errors import ModelFileError
from sonmat.files import write_text
from sonmat.jobs.evaluate import located
from sonmat.language import say
from sonmat.runs.folder import load_run
from sonmat.runs.model_files import save_model

SUFFIXES = (".h5", ".keras", ".py")


@dataclass(frozen=True)
class Exported:
    """A file that was written.

    Attributes:
        path: The file.
        scale: What raw inputs have to be divided by for the model in it; None where that is not known.
    """

    path: Path
    scale: float | None


def export_run(path: str | os.PathLike[str], target: str | os.PathLike[str]) -> Exported:
    """Write a run's model as `.h5` or `.keras`, or the run as a `.py` script that needs only Keras.

    Args:
        path: The run folder or model file.
        target: The file to write; its suffix decides.

    Raises:
        ModelFileError: Another suffix, or a script of a model file that has no recipe.
    """
    target = Path(target).expanduser()
    if target.suffix not in SUFFIXES:
        raise ModelFileError(
            say(
                f"{target.name} ends in none of {', '.join(SUFFIXES)}.",
                f"{target.name}의 확장자가 {', '.join(SUFFIXES)} 가운데 없습니다.",
            ),
            say(
                "The ending decides what is written: model.h5, model.keras or run.py.",
                "확장자가 저장 형식을 정합니다: model.h5, model.keras, run.py.",
            ),
        )
    run = load_run(located(path)[0])
    if target.suffix != ".py":
        inputs = {"scale": run.scale} if run.scale is not None else None
        save_model(run.model, target, inputs=inputs, classes=run.classes or None)
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
    from sonmat.runs.script import keras_script

    text = keras_script(
        run.model,
        dataset=recipe.data,
        split=recipe.split,
        seed=recipe.seed,
        epochs=recipe.train.epochs,
        batch_size=recipe.train.batch_size,
        scale=run.scale or 1.0,
    )
    write_text(target, text)
    return Exported(target, run.scale)
