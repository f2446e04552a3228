"""`sonmat evaluate`, `predict`, `summary`, `plot` and `export`: a run or a model file looked at."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from sonmat.cli import options
from sonmat.cli.options import Data, Json, ModelArgument, RunArgument
from sonmat.cli.output import console, download, print_json, print_next, print_place
from sonmat.language import say

_PARTS = ("test", "validation", "train")


def evaluate(
    model: ModelArgument,
    data: Data = None,
    part: Annotated[
        str,
        typer.Option(
            metavar="PART",
            help=say("test, validation or train.", "test, validation, train 중 하나."),
            autocompletion=lambda: list(_PARTS),
        ),
    ] = "test",
    tta: Annotated[
        bool,
        typer.Option(
            "--tta/--no-tta",
            help=say("Average over the recipe's views of each picture.", "레시피가 정한 여러 시점의 평균."),
        ),
    ] = True,
    json: Json = False,
) -> None:
    """`sonmat evaluate`"""
    from sonmat.jobs.evaluate import evaluate_run

    done = evaluate_run(model, data=data, part=part, tta=tta, progress=download(json))
    if json:
        return print_json(done.as_dict())
    from sonmat.view.corrected import corrected_text
    from sonmat.view.data_tables import part_name
    from sonmat.view.tables import scores_table

    out = console()
    views = say(f", {done.views} views of each image", f", 이미지마다 모습 {done.views}개") if done.views > 1 else ""
    out.print(f"{model}: {done.rows.name}, {part_name(done.rows.part)}{views}", soft_wrap=True)
    if done.found.scores is None:
        return out.print(repr(done.found))
    out.print(scores_table(done.found.scores, loss=done.found.metrics.get("loss"), readings=done.readings))
    if done.found.corrected is not None:
        out.print(corrected_text(done.found.as_dict()), soft_wrap=True)
    return print_next(out, "sonmat", "predict", model, "--random", *(("--data", data) if data else ()))


def predict(
    model: ModelArgument,
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[IMAGE]...", help=say("Images of the model's size.", "모델 크기의 이미지.")),
    ] = None,
    pick: Annotated[
        list[int] | None, typer.Option(metavar="N", help=say("A row of the test set.", "테스트 데이터의 행."))
    ] = None,
    random: Annotated[
        bool, typer.Option("--random", help=say("A random row of the test set.", "테스트 데이터의 임의의 행."))
    ] = False,
    data: Data = None,
    invert: Annotated[
        bool,
        typer.Option(
            "--invert", help=say("Turn dark on light into light on dark.", "밝은 바탕의 어두운 그림을 뒤집기.")
        ),
    ] = False,
    out: Annotated[
        Path | None,
        options.out("Where to draw the image and its probabilities (PNG).", "이미지와 확률을 그릴 PNG.", "PNG"),
    ] = None,
    json: Json = False,
) -> None:
    """`sonmat predict`"""
    if bool(files) + bool(pick) + random != 1:
        raise typer.BadParameter(
            say("Give image files, or --pick N, or --random.", "이미지 파일, --pick N, --random 중 하나를 주세요.")
        )
    if files and data:
        raise typer.BadParameter(
            say("--data goes with --pick and --random.", "--data는 --pick, --random과 함께 씁니다.")
        )
    if invert and not files:
        raise typer.BadParameter(say("--invert goes with image files.", "--invert는 이미지 파일과 함께 씁니다."))
    from sonmat.jobs.predict import predict_files, predict_rows

    if files:
        found = predict_files(model, files, invert=invert)
    else:
        found = predict_rows(model, None if random else pick, data=data, progress=download(json))
    if json:
        print_json([one.as_dict() for one in found])
    else:
        for one in found:
            _tell(one)
    for number, one in enumerate(found if out else ()):
        assert out is not None
        _draw(one, out if len(found) == 1 else out.with_stem(f"{out.stem}-{number + 1}"), json)


def _tell(one: Any) -> None:
    from sonmat.view.terminal import image_text
    from sonmat.view.trained import prediction_text

    out = console()
    if one.image.ndim in (2, 3):
        out.print(image_text(one.image))
    out.print(prediction_text(one.file, one.classes, one.probabilities, one.label, one.error))


def _draw(one: Any, place: Path, json: bool) -> None:
    from sonmat.view.hardest import picked

    picked(one.image, one.probabilities, one.classes, place, label=one.label)
    if not json:
        print_place(console(), say("picture", "그림"), place)


def summary(
    model: Annotated[
        str,
        typer.Argument(
            metavar="[RUN|FILE|RECIPE]",
            help=say("A run, a model file or a recipe.", "실행, 모델 파일 또는 레시피."),
            autocompletion=options.recipes_and_models,
        ),
    ] = "notes-mlp",
    json: options.Json = False,
) -> None:
    """`sonmat summary`"""
    from sonmat.jobs.summary import model_of
    from sonmat.view.summary import as_dict, summary_table

    if json:
        return print_json(as_dict(model_of(model)))
    return console().print(summary_table(model_of(model), title=model))


def plot(
    run: RunArgument,
    out: Annotated[Path | None, options.out("The folder to draw into.", "그림을 둘 폴더.", "DIR")] = None,
) -> None:
    """`sonmat plot`"""
    from sonmat.jobs.plot import plot_run

    for path in plot_run(run, out, progress=download(False)):
        console().print(str(path), soft_wrap=True)


def report(
    run: RunArgument,
    out: Annotated[Path | None, options.out("The file to write.", "쓸 파일.", "FILE")] = None,
) -> None:
    """`sonmat report`"""
    from sonmat.jobs.report import report as job

    console().print(str(job(run, out)), soft_wrap=True)


def export(
    model: ModelArgument,
    file: Annotated[Path, typer.Argument(metavar="FILE", help=say(".h5, .keras or .py.", ".h5, .keras 또는 .py."))],
) -> None:
    """`sonmat export`"""
    from sonmat.jobs.export import export_run

    out, written = console(), export_run(model, file)
    print_place(out, say("written", "저장"), written.path)
    if written.path.suffix == ".py":
        return print_next(out, "KERAS_BACKEND=jax", "python", written.path)
    if written.scale is not None and written.scale != 1:
        by = f"{written.scale:g}"
        out.print(
            say(
                f"It takes inputs as the network does: divided by {by}.",
                f"신경망과 같은 입력을 받습니다: {by}로 나눈 값.",
            )
        )
    return None
