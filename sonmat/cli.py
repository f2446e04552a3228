"""The command line: one thin command per verb. Whatever is heavy is imported inside the command that needs it."""

from __future__ import annotations

import json as jsonlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sonmat.errors import SonmatError
from sonmat.language import say

if TYPE_CHECKING:
    from rich.console import Console

    from sonmat.engine.listener import Listener
    from sonmat.jobs.train import Trained

_LOOK = {"rich_markup_mode": None, "no_args_is_help": True, "pretty_exceptions_enable": False}
_TRAINING = say("Train", "학습")
_LOOKING = say("Look at a run or a model", "실행과 모델 살펴보기")

app = typer.Typer(
    help=say(
        "Train small neural classifiers so fast that settings are measured instead of guessed.",
        "작은 분류 신경망을 아주 빠르게 학습해, 하이퍼파라미터를 짐작하지 않고 재어 봅니다.",
    ),
    epilog=say("Start with: sonmat train", "시작: sonmat train"),
    **_LOOK,  # type: ignore[arg-type]
)
runs_app = typer.Typer(help=say("List, show, compare and delete runs.", "실행 목록, 보기, 비교, 삭제."), **_LOOK)  # type: ignore[arg-type]
data_app = typer.Typer(help=say("List, fetch and show data sets.", "데이터 목록, 내려받기, 보기."), **_LOOK)  # type: ignore[arg-type]
app.add_typer(runs_app, name="runs")
app.add_typer(data_app, name="data")

Json = Annotated[bool, typer.Option("--json", help=say("Print JSON for machines.", "기계가 읽을 JSON으로 출력."))]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help=say("Print errors only.", "오류만 출력."))]
Data = Annotated[
    str | None,
    typer.Option("--data", help=say("A data set's name, an .npz file or a folder of IDX files.", "데이터 이름, .npz 파일, IDX 폴더.")),
]
RunArgument = Annotated[str, typer.Argument(metavar="RUN", help=say("A run folder or its name.", "실행 폴더나 그 이름."))]
ModelArgument = Annotated[
    str, typer.Argument(metavar="RUN|FILE", help=say("A run folder, or a .keras or .h5 file.", "실행 폴더, 또는 .keras나 .h5 파일."))
]


def main() -> None:
    """The entry point of the `sonmat` command."""
    import warnings

    warnings.showwarning = _note
    try:
        app()
    except SonmatError as error:
        sys.stderr.write(f"{say('error', '오류')}: {error}\n")
        sys.exit(1)


def _note(message: Warning | str, category: type[Warning], *_: Any) -> None:
    """Warnings for people: a line, without Python's file and line number. A library's own are not for them."""
    if issubclass(category, UserWarning) and not issubclass(category, DeprecationWarning):
        sys.stderr.write(f"{say('note', '참고')}: {message}\n")


@app.command()
def train(
    recipe: Annotated[
        str, typer.Argument(metavar="[RECIPE]", help=say("A recipe's name, FILE.toml, or FILE.py:function.", "레시피 이름, FILE.toml 또는 FILE.py:function."))
    ] = "notes-mlp",
    data: Data = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help=say("Change a setting, such as learning_rate=0.1.", "설정 바꾸기. 예: learning_rate=0.1.")),
    ] = None,
    seed: Annotated[int | None, typer.Option(help=say("Decides split, first weights and order.", "분할, 첫 가중치, 순서를 정합니다."))] = None,
    out: Annotated[Path | None, typer.Option(help=say("The run folder.", "실행 폴더."))] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train a network, score it, draw its pictures, and keep it all in a run folder."""
    from sonmat.jobs.train import train as job

    with _listening(json or quiet) as (listeners, progress), _interruptible(out):
        done = job(recipe, data=data, settings=set_ or (), seed=seed, out=out, listeners=listeners, progress=progress)
    _tell_trained(done, json=json, quiet=quiet)


@app.command()
def resume(
    run: RunArgument,
    epochs: Annotated[int | None, typer.Option(help=say("Train up to this many epochs.", "이 에포크까지 학습."))] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Go on with a run that was interrupted, to the same weights as if it had not been."""
    from sonmat.jobs.train import resume as job

    with _listening(json or quiet) as (listeners, progress), _interruptible(Path(run)):
        done = job(run, epochs=epochs, listeners=listeners, progress=progress)
    _tell_trained(done, json=json, quiet=quiet)


@app.command()
def evaluate(
    model: ModelArgument,
    data: Data = None,
    part: Annotated[str, typer.Option(help=say("test, validation or train.", "test, validation, train 중 하나."))] = "test",
    json: Json = False,
) -> None:
    """Loss, accuracy with its interval, and precision, recall and F1 of each class."""
    from sonmat.jobs.evaluate import evaluate_run

    done = evaluate_run(model, data=data, part=part, progress=_download(json))
    if json:
        return _print_json(done.as_dict())
    from sonmat.view.tables import scores_table

    console = _console()
    console.print(f"{model}: {done.rows.name}, {done.rows.part}")
    if done.found.scores is None:
        return console.print(repr(done.found))
    console.print(scores_table(done.found.scores, loss=done.found.metrics.get("loss"), readings=done.readings))
    _next(console, f"sonmat predict {model} --random" + (f" --data {data}" if data else ""))
    return None


@app.command()
def predict(
    model: ModelArgument,
    files: Annotated[list[Path] | None, typer.Argument(metavar="[IMAGE]...", help=say("Images of the model's size.", "모델 크기의 이미지."))] = None,
    pick: Annotated[list[int] | None, typer.Option(metavar="N", help=say("A row of the test set.", "테스트 데이터의 행."))] = None,
    random: Annotated[bool, typer.Option("--random", help=say("A random row of the test set.", "테스트 데이터의 임의의 행."))] = False,
    data: Data = None,
    invert: Annotated[bool, typer.Option("--invert", help=say("Turn dark on light into light on dark.", "밝은 바탕의 어두운 그림을 뒤집기."))] = False,
    out: Annotated[Path | None, typer.Option(help=say("Where to draw the image and its probabilities (PNG).", "이미지와 확률을 그릴 PNG."))] = None,
    json: Json = False,
) -> None:
    """What a model says of a test image or of your own images."""
    from sonmat.jobs.predict import predict_files, predict_rows

    if bool(files) + bool(pick) + random != 1:
        raise typer.BadParameter(say("Give image files, or --pick N, or --random.", "이미지 파일, --pick N, --random 중 하나를 주세요."))
    if files:
        found = predict_files(model, files, invert=invert)
    else:
        found = predict_rows(model, None if random else pick, data=data, progress=_download(json))
    if json:
        _print_json([one.as_dict() for one in found])
    else:
        for one in found:
            _tell_prediction(one)
    if out is not None:
        from sonmat.view.hardest import picked

        for number, one in enumerate(found):
            place = out if len(found) == 1 else out.with_stem(f"{out.stem}-{number + 1}")
            picked(one.image, one.probabilities, one.classes, place, label=one.label, title=one.file)
            if not json:
                _console().print(f"{say('picture', '그림')}: {place}")


@app.command()
def summary(
    model: Annotated[str, typer.Argument(metavar="RUN|FILE|RECIPE", help=say("A run, a model file or a recipe.", "실행, 모델 파일 또는 레시피."))] = "notes-mlp",
) -> None:
    """A network's layers, their output sizes and parameters."""
    from sonmat.jobs.summary import model_of
    from sonmat.view.tables import summary_table

    _console().print(summary_table(model_of(model), title=model))


@app.command()
def plot(run: RunArgument, out: Annotated[Path | None, typer.Option(help=say("The folder to draw into.", "그림을 둘 폴더."))] = None) -> None:
    """Draw a run's pictures again: curves, confusions, the hardest images."""
    from sonmat.jobs.plot import plot_run

    for path in plot_run(run, out, progress=_download(False)):
        _console().print(str(path))


@app.command()
def export(model: ModelArgument, file: Annotated[Path, typer.Argument(metavar="FILE", help=".h5, .keras, .py")]) -> None:
    """Write the model as .h5 or .keras, or the whole run as a plain Keras script (.py) without sonmat."""
    from sonmat.jobs.export import export_run

    console, written = _console(), export_run(model, file)
    console.print(f"{say('written', '저장')}: {written}")
    if file.suffix == ".py":
        _next(console, f"python {written}")
    elif file.suffix in (".h5", ".keras"):
        console.print(say("It takes images as the network does: divided by 255.", "신경망과 같은 입력을 받습니다: 255로 나눈 이미지."))


@runs_app.command("ls")
def runs_ls(json: Json = False) -> None:
    """Every run: what it was, how far it came, what it reached."""
    from sonmat.runs.folder import list_runs

    rows = [run.row() for run in list_runs()]
    if json:
        return _print_json(rows)
    from sonmat.view.tables import runs_table

    return _console().print(runs_table(rows))


@runs_app.command("show")
def runs_show(run: RunArgument, json: Json = False) -> None:
    """One run: its recipe, its epochs, its result."""
    from sonmat.models.recipe import to_toml
    from sonmat.runs.folder import open_run

    found = open_run(run)
    if json:
        told = {"path": str(found.path), "recipe": found.recipe.as_dict(), "history": found.history}
        return _print_json({**told, "result": found.result, "test_readings": found.readings})
    from sonmat.view.tables import runs_table

    console = _console()
    console.print(runs_table([found.row()]))
    console.print(to_toml(found.recipe), highlight=False, markup=False)
    console.print(runs_table([{**record, "epoch": record["epoch"] + 1} for record in found.history]))
    return _next(console, f"sonmat evaluate {run}" if found.result else f"sonmat resume {run}")


@runs_app.command("compare")
def runs_compare(runs: Annotated[list[str], typer.Argument(metavar="RUN RUN...")], json: Json = False) -> None:
    """Runs side by side; for two, whether the difference on the same rows is real (a paired test)."""
    from sonmat.jobs.compare import compare_runs

    done = compare_runs(list(runs), progress=_download(json))
    if json:
        return _print_json({"runs": done.rows, "test": done.test.as_dict() if done.test else None, "why_not": done.why_not})
    from sonmat.view.tables import compare_table

    console = _console()
    console.print(compare_table(done.rows, test=done.test))
    return console.print(done.why_not, style="yellow") if done.why_not else None


@runs_app.command("rm")
def runs_rm(
    runs: Annotated[list[str], typer.Argument(metavar="RUN...")],
    yes: Annotated[bool, typer.Option("--yes", "-y", help=say("Do not ask.", "묻지 않기."))] = False,
) -> None:
    """Delete runs."""
    from sonmat.runs.folder import open_run, remove_run

    found = [open_run(run) for run in runs]
    names = ", ".join(str(run.path) for run in found)
    if not yes and not typer.confirm(say(f"Delete {names}?", f"{names}을(를) 삭제할까요?")):
        raise typer.Exit(1)
    for run in found:
        remove_run(run)
        _console().print(f"{say('deleted', '삭제')}: {run.path}")


@data_app.command("ls")
def data_ls(json: Json = False) -> None:
    """The data sets that have a name, and whether they are here already."""
    from sonmat.data.listing import listing
    from sonmat.view.data_tables import listing_table

    found = listing()
    return _print_json([asdict(one) for one in found]) if json else _console().print(listing_table(found))


@data_app.command("fetch")
def data_fetch(name: Annotated[str, typer.Argument(metavar="NAME")], quiet: Quiet = False) -> None:
    """Fetch a data set and keep it."""
    from sonmat.data.sources import fetch

    path = fetch(name, progress=_download(quiet))
    if not quiet:
        _console().print(f"{say('kept in', '저장 위치')}: {path}")


@data_app.command("show")
def data_show(
    name: Annotated[str, typer.Argument(metavar="NAME|PATH")],
    json: Json = False,
    out: Annotated[Path | None, typer.Option(help=say("Draw examples into this PNG.", "예제를 그릴 PNG."))] = None,
) -> None:
    """Rows, shape, range, and how many of each class."""
    from sonmat.data.listing import describe
    from sonmat.data.sources import load
    from sonmat.view.data_tables import description_table

    parts = load(name, progress=_download(json))
    told = [describe(part) for part in parts]
    if json:
        _print_json([asdict(one) for one in told])
    else:
        _console().print(description_table(told))
    if out is not None:
        from sonmat.view.samples import samples

        samples(parts[0], out)


@contextmanager
def _listening(silent: bool) -> Iterator[tuple[list[Listener], Any]]:
    """What shows the progress: nothing, a live line in a terminal, or a line an epoch elsewhere."""
    if silent:
        yield [], _download(True)
        return
    from sonmat.view.terminal import Bar, Lines

    console = _console()
    if console.is_terminal:
        with Bar(console) as bar:
            yield [bar], None
        return
    yield [Lines(console)], None


@contextmanager
def _interruptible(out: Path | None) -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        where = str(out) if out else "RUN"
        sys.stderr.write(
            "\n" + say(f"Stopped. Go on with: sonmat resume {where}", f"멈췄습니다. 이어서 하려면: sonmat resume {where}") + "\n"
        )
        raise typer.Exit(130) from None


def _tell_trained(done: Trained, *, json: bool, quiet: bool) -> None:
    told = {
        "run": str(done.folder),
        "epochs": len(done.history.epoch),
        "compile_seconds": round(done.compile_seconds, 3),
        "train_seconds": round(done.train_seconds, 3),
        "validation": done.validation.as_dict(),
        "test": done.test.as_dict(),
        "test_readings": done.readings,
    }
    if json:
        return _print_json(told)
    if quiet:
        return None
    from sonmat.view.trained import trained_text

    return _console().print(trained_text(done.folder, told))


def _tell_prediction(one: Any) -> None:
    from sonmat.view.terminal import image_text
    from sonmat.view.trained import prediction_text

    console = _console()
    if one.image.ndim in (2, 3):
        console.print(image_text(one.image))
    console.print(prediction_text(one.file, one.classes, one.probabilities, one.label))


def _download(silent: bool) -> Any:
    from sonmat.data.progress import silent as nothing

    return nothing if silent else None


def _next(console: Console, command: str) -> None:
    console.print(f"{say('next', '다음')}: [bold]{command}[/bold]", highlight=False)


def _print_json(value: Any) -> None:
    sys.stdout.write(jsonlib.dumps(value, ensure_ascii=False, indent=2, default=str) + "\n")


def _console() -> Console:
    from rich.console import Console

    return Console(highlight=False, width=None if sys.stdout.isatty() else 120)


if __name__ == "__main__":
    main()
