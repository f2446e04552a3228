"""`sonmat explain`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sonmat.cli import options
from sonmat.cli.options import Data, Json, ModelArgument, Quiet
from sonmat.cli.output import console, download, print_json
from sonmat.language import say


def explain(
    run: ModelArgument,
    image: Annotated[
        Path | None, typer.Option(metavar="FILE", help=say("An image of the network's size.", "신경망 크기의 이미지."))
    ] = None,
    pick: Annotated[
        int | None, typer.Option(metavar="N", help=say("Instead, a row of the test set.", "또는 테스트 데이터의 행."))
    ] = None,
    text: Annotated[
        str | None,
        typer.Option(
            metavar="SENTENCE",
            help=say("Instead, a sentence: which words decided.", "또는 문장: 어느 단어가 결정했는지."),
        ),
    ] = None,
    data: Data = None,
    invert: Annotated[
        bool,
        typer.Option(
            "--invert", help=say("Turn dark on light into light on dark.", "밝은 바탕의 어두운 그림을 뒤집기.")
        ),
    ] = False,
    layer: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help=say("The convolution or pooling to take apart.", "풀어 볼 합성곱이나 풀링 층.")
        ),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(metavar="ROW,COLUMN", help=say("The place in that layer's output.", "그 층의 출력에서의 위치.")),
    ] = None,
    filter: Annotated[
        int | None, typer.Option(metavar="N", help=say("The filter, from 0.", "필터 번호, 0부터."))
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            metavar="RUN|FILE", help=say("The same image through this one too.", "같은 이미지를 이것으로도 보기.")
        ),
    ] = None,
    out: Annotated[Path | None, options.out("The folder for the pictures.", "그림을 둘 폴더.", "DIR")] = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """`sonmat explain`"""
    if (image is not None) + (pick is not None) + (text is not None) != 1:
        raise typer.BadParameter(
            say(
                "Give --image FILE, --pick N or --text SENTENCE.",
                "--image 파일, --pick N, --text 문장 중 하나를 주세요.",
            )
        )
    if data and pick is None:
        raise typer.BadParameter(say("--data goes with --pick.", "--data는 --pick과 함께 씁니다."))
    if invert and image is None:
        raise typer.BadParameter(say("--invert goes with --image.", "--invert는 --image와 함께 씁니다."))
    if text is not None:
        _refuse_beside_text(layer, at, filter, against)
        return _explain_text(run, text, out, quiet=quiet, json=json)
    if pick is not None:
        from sonmat.jobs.explain_text import picked_sentence

        sentence = picked_sentence(run, pick, data, progress=download(json or quiet))
        if sentence is not None:
            _refuse_beside_text(layer, at, filter, against)
            return _explain_text(run, sentence, out, quiet=quiet, json=json)
    from sonmat.jobs.explain import explain as job

    found = job(
        run,
        image=image,
        pick=pick,
        data=data,
        invert=invert,
        layer=layer,
        at=_position(at),
        filter=filter,
        against=against,
        out=out,
        progress=download(json or quiet),
    )
    if json:
        return print_json(found.as_dict())
    if quiet:
        return None
    from sonmat.view.predicted import prediction_text

    screen, said = console(), found.prediction
    screen.print(prediction_text(said.file, said.classes, said.probabilities, said.label, said.error))
    for note in found.notes:
        screen.print(note, style="dim")
    for path in found.pictures.values():
        screen.print(str(path), soft_wrap=True)
    return None


def _refuse_beside_text(*others: object) -> None:
    if any(one is not None for one in others):
        raise typer.BadParameter(
            say(
                "--layer, --at, --filter and --against go with images.",
                "--layer, --at, --filter, --against는 이미지와 함께 씁니다.",
            )
        )


def _explain_text(run: str, text: str, out: Path | None, *, quiet: bool, json: bool) -> None:
    from sonmat.jobs.explain_text import explain_text

    found = explain_text(run, text, out=out)
    if json:
        return print_json(found.as_dict())
    if quiet:
        return None
    from sonmat.view.predicted import prediction_text
    from sonmat.view.words_that_decided import sentence_text, weights_text

    screen = console()
    screen.print(sentence_text(text, found.words), soft_wrap=True)
    screen.print(prediction_text(say("taken for", "판단"), found.classes, found.probabilities, None))
    fall = say(
        f"without this word the probability of {found.name} falls by so many points (+) or rises (−):",
        f"이 단어가 없으면 {found.name}의 확률이 이만큼(%p) 낮아지거나(+) 높아집니다(−):",
    )
    screen.print(fall, style="dim", soft_wrap=True)
    screen.print(weights_text(found.words))
    for path in found.pictures.values():
        screen.print(str(path), soft_wrap=True)
    return None


def _position(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    parts = text.split(",")
    if len(parts) != 2 or not all(part.strip().isdecimal() for part in parts):
        raise typer.BadParameter(
            say(
                f"--at should be ROW,COLUMN such as 3,4, but is {text!r}.",
                f"--at은 3,4 같은 행,열이어야 하는데 {text!r}입니다.",
            )
        )
    return int(parts[0]), int(parts[1])
