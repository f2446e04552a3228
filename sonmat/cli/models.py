"""`sonmat evaluate`, `predict`, `summary`, `plot` and `export`: a run or a model file looked at."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sonmat.cli import options
from sonmat.cli.options import Data, Json, ModelArgument, RunArgument, SkipUnreadable
from sonmat.cli.output import console, download, print_json, print_next, print_place
from sonmat.language import say

_PARTS = ("test", "validation", "train")


def evaluate(
    model: ModelArgument,
    data: Data = None,
    part: Annotated[
        str | None,
        typer.Option(
            metavar="PART",
            help=say(
                "test, validation or train; test by default, validation with --corruptions.",
                "test, validation, train 중 하나. 기본은 test, --corruptions면 validation.",
            ),
            autocompletion=lambda: list(_PARTS),
        ),
    ] = None,
    tta: Annotated[
        bool,
        typer.Option(
            "--tta/--no-tta",
            help=say("Average over the recipe's views of each picture.", "레시피가 정한 여러 시점의 평균."),
        ),
    ] = True,
    skip_unreadable: SkipUnreadable = False,
    corruptions: Annotated[
        bool,
        typer.Option(
            "--corruptions",
            help=say(
                "Spoil the pictures by degrees, in eleven ways, and see how much it stands.",
                "그림을 열한 가지로 조금씩 망가뜨려 얼마나 견디는지 보기.",
            ),
        ),
    ] = False,
    out: Annotated[
        Path | None, options.out("Where to draw --corruptions (PNG).", "--corruptions를 그릴 PNG.", "PNG")
    ] = None,
    json: Json = False,
) -> None:
    """`sonmat evaluate`"""
    if corruptions:
        from sonmat.cli.predicting import show_corruptions

        return show_corruptions(model, data, part or "validation", out, tta=tta, json=json)
    if out:
        raise typer.BadParameter(say("--out goes with --corruptions.", "--out은 --corruptions와 함께 씁니다."))
    from sonmat.jobs.evaluate import evaluate_run

    part = part or "test"
    done = evaluate_run(model, data=data, part=part, tta=tta, skip_unreadable=skip_unreadable, progress=download(json))
    if json:
        return print_json(done.as_dict())
    from sonmat.jobs.own_data import notes_of
    from sonmat.view.corrected import corrected_text
    from sonmat.view.data_tables import part_name
    from sonmat.view.tables import scores_table

    screen = console()
    views = say(f", {done.views} views of each image", f", 이미지마다 모습 {done.views}개") if done.views > 1 else ""
    screen.print(f"{model}: {done.rows.name}, {part_name(done.rows.part)}{views}", soft_wrap=True)
    for note in notes_of(done.rows) if data else ():  # its own were told of when it was trained
        screen.print(note, soft_wrap=True)
    if done.found.scores is None:
        return screen.print(repr(done.found))
    screen.print(scores_table(done.found.scores, loss=done.found.metrics.get("loss"), readings=done.readings))
    if done.found.corrected is not None:
        screen.print(corrected_text(done.found.as_dict()), soft_wrap=True)
    return print_next(screen, "sonmat", "predict", model, "--random", *(("--data", data) if data else ()))


def predict(
    model: ModelArgument,
    files: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[IMAGE|TEXT]...",
            help=say(
                "Photographs, scans or drawings; sentences for a model of sentences.",
                "사진, 스캔, 그림 파일. 문장 모델이면 문장.",
            ),
        ),
    ] = None,
    many: Annotated[
        bool,
        typer.Option(
            "--many",
            help=say("Read several digits in each picture, in order.", "그림 하나에서 숫자 여럿을 순서대로 읽기."),
        ),
    ] = False,
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
            "--invert",
            help=say(
                "Turn dark and light round first; digits need no such help.",
                "밝기를 먼저 뒤집기. 숫자는 스스로 가려냅니다.",
            ),
        ),
    ] = False,
    out: Annotated[
        Path | None,
        options.out(
            "Where to draw what the network sees, and its probabilities (PNG).",
            "신경망이 보는 그림과 확률을 그릴 PNG.",
            "PNG",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """`sonmat predict`"""
    if bool(files) + bool(pick) + random != 1:
        raise typer.BadParameter(
            say(
                "Give image files or sentences, or --pick N, or --random.",
                "이미지 파일이나 문장, --pick N, --random 중 하나를 주세요.",
            )
        )
    if files and data:
        raise typer.BadParameter(
            say("--data goes with --pick and --random.", "--data는 --pick, --random과 함께 씁니다.")
        )
    for name, given in (("--invert", invert), ("--many", many)):
        if given and not files:
            raise typer.BadParameter(say(f"{name} goes with image files.", f"{name}은(는) 이미지 파일과 함께 씁니다."))
    from sonmat.cli.predicting import show
    from sonmat.jobs.predict import Unread, predict_files, predict_rows

    unread: list[Unread] = []
    if files:
        found = predict_files(model, files, many=many, invert=invert, unread=unread if len(files) > 1 else None)
    else:
        found = predict_rows(model, None if random else pick, data=data, progress=download(json))
    show(found, model=str(model), files=files or (), many=many, out=out, json=json, unread=unread)


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
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help=say(".keras, .h5, .onnx or .py.", ".keras, .h5, .onnx 또는 .py.")),
    ] = None,
    to: Annotated[Path | None, typer.Option("--to", metavar="FILE", help=say("The same.", "같은 뜻."))] = None,
) -> None:
    """`sonmat export`"""
    if (file is None) == (to is None):
        raise typer.BadParameter(say("Give one file to write.", "쓸 파일을 하나 주세요."))
    from sonmat.jobs.export import export_run

    out, written = console(), export_run(model, file or to or Path())
    print_place(out, say("written", "저장"), written.path)
    if written.beside is not None:
        print_place(out, say("how to use it", "쓰는 법"), written.beside)
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
