"""Exporting a run: a model file for Keras anywhere, or the whole run as a plain Keras script."""

from __future__ import annotations

import os
from pathlib import Path

from sonmat.errors import ModelFileError
from sonmat.files import write_text
from sonmat.jobs.evaluate import located
from sonmat.language import say
from sonmat.runs.folder import load_run
from sonmat.runs.model_files import save_model


def export_run(path: str | os.PathLike[str], target: str | os.PathLike[str]) -> Path:
    """Write a run's model as `.h5` or `.keras`, or the run as a `.py` script that needs only Keras.

    Args:
        path: The run folder or model file.
        target: The file to write; its suffix decides.

    Raises:
        ModelFileError: Another suffix, or a script of a model file that has no recipe.
    """
    target = Path(target)
    run = load_run(located(path)[0])
    if target.suffix != ".py":
        inputs = {"scale": run.scale} if run.scale is not None else None
        save_model(run.model, target, inputs=inputs, classes=run.classes or None)
        return target
    recipe = run.recipe
    if recipe is None:
        raise ModelFileError(
            say("A script is made from a run; a model file does not say how it was trained.", "스크립트는 실행에서 만듭니다. 모델 파일에는 학습 방법이 없습니다."),
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
    return target
