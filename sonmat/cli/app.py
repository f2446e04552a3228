"""The `sonmat` command: its verbs, their help, and how errors end it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer

from sonmat import __version__
from sonmat.cli import data, diagnosis, explaining, models, rate, recipes, runs, serving, studies, studio, training
from sonmat.cli import sweep as sweeping
from sonmat.cli.wording import Command, Group, problem
from sonmat.errors import SonmatError
from sonmat.language import say

_USAGE, _INTERRUPTED = 2, 130
_LOOK: dict[str, Any] = {
    "cls": Group,
    "rich_markup_mode": None,
    "no_args_is_help": True,
    "pretty_exceptions_enable": False,
}

app = typer.Typer(
    help=say(
        "Train small neural classifiers so fast that settings are measured instead of guessed.",
        "작은 분류 신경망을 아주 빠르게 학습해, 하이퍼파라미터를 짐작하지 않고 재어 봅니다.",
    ),
    epilog=say("Start with: sonmat train", "시작: sonmat train"),
    **_LOOK,
)
_runs = typer.Typer(help=say("List, show, compare and delete runs.", "실행 목록, 보기, 비교, 삭제."), **_LOOK)
_studies = typer.Typer(help=say("List, show and draw studies.", "스터디 목록, 보기, 그리기."), **_LOOK)
_data = typer.Typer(help=say("List, fetch and show data sets.", "데이터 목록, 내려받기, 보기."), **_LOOK)


def _add(place: typer.Typer, name: str, command: Callable[..., None], english: str, korean: str) -> None:
    place.command(name, cls=Command, help=say(english, korean), short_help=say(english, korean))(command)


_add(
    app,
    "train",
    training.train,
    "Train a network and keep the run: scores and pictures.",
    "신경망을 학습하고 점수와 그림을 남깁니다.",
)
_add(
    app,
    "resume",
    training.resume,
    "Go on with an interrupted run, to the same weights.",
    "멈춘 실행을 이어서 같은 가중치로 끝냅니다.",
)
_add(
    app,
    "sweep",
    sweeping.sweep,
    "Try many settings at once, and say which is best and how sure.",
    "많은 설정을 한꺼번에 재어 어느 것이 얼마나 확실히 나은지.",
)
_add(
    app,
    "lr",
    rate.lr,
    "Which learning rates a network can be trained with, in seconds.",
    "어떤 학습률로 학습할 수 있는지, 몇 초 만에.",
)
_add(
    app,
    "evaluate",
    models.evaluate,
    "Accuracy with its interval, and each class's scores.",
    "정확도와 그 구간, 클래스별 점수.",
)
_add(
    app,
    "explain",
    explaining.explain,
    "What a network does with an image: filters, maps, a window, pixels.",
    "이미지를 어떻게 보는지: 필터, 특징맵, 윈도우, 픽셀.",
)
_add(
    app,
    "diagnose",
    diagnosis.diagnose,
    "What is wrong with a training, by which numbers, and what to do.",
    "학습에 무엇이 잘못되었는지, 근거와 다음에 할 일.",
)
_add(
    app,
    "predict",
    models.predict,
    "What a model says of test images or your own.",
    "테스트 이미지나 내 이미지를 맞혀 보기.",
)
_add(
    app,
    "summary",
    models.summary,
    "A network's layers, output sizes and parameters.",
    "신경망의 층, 출력 크기, 파라미터.",
)
_add(
    app,
    "recipes",
    recipes.ls,
    "The recipes by name, and what each was measured to reach.",
    "이름으로 쓰는 레시피와 각각의 측정 결과.",
)
_add(
    app,
    "serve",
    serving.serve,
    "Let programs ask a model over HTTP.",
    "프로그램이 HTTP로 모델에 묻게 하기.",
)
_add(
    app,
    "studio",
    studio.studio,
    "Train, draw, look inside and compare on a page in the browser.",
    "브라우저 화면에서 학습하고 그려 보고 들여다보고 비교하기.",
)
_add(app, "plot", models.plot, "Draw a run's pictures again.", "실행의 그림 다시 그리기.")
_add(app, "report", models.report, "A run as one HTML page.", "실행을 HTML 한 장으로.")
_add(
    app,
    "export",
    models.export,
    "Write .keras, .h5, .onnx, or a plain Keras script (.py).",
    ".keras, .h5, .onnx 또는 Keras 스크립트(.py)로 내보내기.",
)
_add(_runs, "ls", runs.ls, "Every run: what it was and what it reached.", "모든 실행: 무엇을 했고 어디까지 갔는지.")
_add(_runs, "show", runs.show, "One run: its recipe, its epochs, its result.", "실행 하나: 레시피, 에포크, 결과.")
_add(
    _runs,
    "compare",
    runs.compare,
    "Runs side by side; two are tested on the same rows.",
    "실행 비교. 둘이면 같은 행에서 검정합니다.",
)
_add(_runs, "rm", runs.rm, "Delete runs.", "실행 삭제.")
_add(
    _studies,
    "ls",
    studies.ls,
    "Every study: what it asked and what it found.",
    "모든 스터디: 무엇을 물어 무엇을 찾았는지.",
)
_add(
    _studies,
    "show",
    studies.show,
    "One study: its finalists, and its trials as CSV.",
    "스터디 하나: 최종 후보와 시도들(CSV).",
)
_add(_studies, "plot", studies.plot, "Draw a study's pictures and page again.", "스터디의 그림과 페이지 다시 그리기.")
_add(_data, "ls", data.ls, "The data sets that have a name.", "이름이 있는 데이터.")
_add(_data, "fetch", data.fetch, "Fetch a data set and keep it.", "데이터를 받아 저장하기.")
_add(_data, "show", data.show, "Rows, shape, range, and each class's count.", "행 수, 모양, 범위, 클래스별 개수.")
app.add_typer(_runs, name="runs")
app.add_typer(_studies, name="studies")
app.add_typer(_data, name="data")


def _tell_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"sonmat {__version__}\n")
        raise typer.Exit


@app.callback()
def _start(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_tell_version, is_eager=True, help=say("Show the version and exit.", "버전 보기.")
        ),
    ] = False,
) -> None:
    import warnings

    warnings.showwarning = _note  # type: ignore[assignment]


def main(arguments: Sequence[str] | None = None) -> None:
    """The entry point of the `sonmat` command. It ends the process: 1 after an error, 2 for wrong usage, 130 after Ctrl-C.

    Args:
        arguments: Instead of the process's own.
    """
    sys.exit(_status(None if arguments is None else list(arguments)))


def _status(arguments: list[str] | None) -> int:
    try:
        return int(app(args=arguments, prog_name="sonmat", standalone_mode=False) or 0)
    except SonmatError as error:
        return _fail(str(error))
    except typer.Abort:
        return 1
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:  # `sonmat runs ls | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        return _fail(f"{error.strerror or error}{where}")
    except Exception as error:
        told = problem(error)
        if told is None:
            raise  # a bug of ours: its traceback is what is needed
        return _fail(told, _USAGE)


def _fail(text: str, status: int = 1) -> int:
    if text:
        sys.stderr.write(f"{say('error', '오류')}: {text}\n")
    return status


def _note(message: Warning | str, category: type[Warning], *_: Any) -> None:
    """Warnings for people: a line, without Python's file and line number. A library's own are not for them."""
    if category is UserWarning:
        sys.stderr.write(f"{say('note', '참고')}: {message}\n")
