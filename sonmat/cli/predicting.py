"""How `sonmat predict`, and `sonmat evaluate --corruptions`, show what they found."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sonmat.cli.output import console, download, print_json, print_place
from sonmat.errors import DataError
from sonmat.language import say
from sonmat.serve.reasons import is_several

if TYPE_CHECKING:
    from sonmat.jobs.predict import Prediction, Unread


def show(
    found: Sequence[Prediction],
    *,
    model: str,
    files: Sequence[str],
    many: bool,
    out: Path | None,
    json: bool,
    unread: Sequence[Unread] = (),
) -> None:
    """Print predictions, and draw what the network saw.

    Args:
        found: The predictions.
        files: The pictures they are of.
        many: Whether there may be several of one picture.
        out: Where to draw; of several pictures each gets its number.
        json: Whether to print JSON alone.
        model: What predicted them.
        unread: The pictures that could not be read, which are told of when the others are shown.

    Raises:
        DataError: There is no picture to draw, or some could not be read.
    """
    passed = {one.file for one in unread}
    files = [file for file in files if file not in passed]
    for one in found if out is not None else ():
        _check_drawable(one, model)
    if json:
        print_json([*(one.as_dict() for one in found), *(one.as_dict() for one in unread)])
    elif many:
        _tell_many(found, files)
    else:
        for one in found:
            _tell(one)
    if out is not None:
        _draw_all(found, files, many, out, json)
    if unread:
        raise _unread(unread, len(files) + len(unread))


def _unread(unread: Sequence[Unread], of: int) -> DataError:
    listed = "".join(f"\n  - {one.file}: {one.error.problem}" for one in unread)
    fixes = dict.fromkeys(one.error.fix for one in unread)
    return DataError(
        say(
            f"{len(unread)} of {of} could not be read:{listed}",
            f"{of}개 가운데 {len(unread)}개를 읽지 못했습니다:{listed}",
        ),
        " ".join(fixes),
    )


def _draw_all(found: Sequence[Prediction], files: Sequence[str], many: bool, out: Path, json: bool) -> None:
    things: list[tuple[str, list[Prediction]]] = (
        [(file, _of(found, file)) for file in files] if many else [(one.file, [one]) for one in found]
    )
    for number, (file, those) in enumerate(things, start=1):
        place = out if len(things) == 1 else out.with_stem(f"{out.stem}-{number}")
        if many:
            _draw_many(file, those, place)
        else:
            _draw(those[0], place)
        if not json:
            print_place(console(), say("picture", "그림"), place)


def _check_drawable(one: Prediction, model: str) -> None:
    if one.image.ndim in (2, 3):
        return
    raise DataError(
        say(
            f"--out draws pictures, and {model} reads inputs of {one.image.shape}.",
            f"--out은 그림을 그리는데 {model}의 입력은 {one.image.shape} 모양입니다.",
        ),
        say(
            f'Leave it out. For the words that decided: sonmat explain {model} --text "…"',
            f'빼세요. 어떤 말로 정했는지는: sonmat explain {model} --text "…"',
        ),
    )


def _of(found: Sequence[Prediction], file: str) -> list[Prediction]:
    return [one for one in found if one.file.rpartition("#")[0] == file]


def _tell(one: Prediction) -> None:
    from sonmat.view.predicted import image_text, prediction_text

    out = console()
    if one.image.ndim in (2, 3):
        out.print(image_text(one.image))
    out.print(
        prediction_text(one.file, one.classes, one.probabilities, one.label, one.error, reason=one.reason),
        soft_wrap=True,
    )
    if is_several(one.reason):
        told = say("all of them: sonmat predict RUN --many", "모두 읽기: sonmat predict RUN --many")
        out.print(f"  → {told} {one.file}", style="dim", markup=False, highlight=False, soft_wrap=True)


def _tell_many(found: Sequence[Prediction], files: Sequence[str]) -> None:
    from sonmat.view.predicted import line_text

    for file in files:
        console().print(line_text(file, _of(found, file)), soft_wrap=True)


def _draw(one: Prediction, place: Path) -> None:
    from sonmat.view.hardest import picked

    title = f"{say('Unsure', '확실하지 않음')}: {one.reason}" if one.unsure else None
    picked(one.image, one.probabilities, one.classes, place, label=one.label, title=title)


def _draw_many(file: str, found: Sequence[Prediction], place: Path) -> None:
    from sonmat.data.image_file import open_image
    from sonmat.view.boxes import boxes

    marks = [(one.box, one.name, float(one.probabilities.max()), one.unsure, one.image) for one in found if one.box]
    boxes(open_image(file), marks, place)


def show_corruptions(model: str, data: str | None, part: str, out: Path | None, *, tta: bool, json: bool) -> None:
    """Evaluate on spoilt rows, and print and draw what was found: into the run's folder, where `out` does not say."""
    from sonmat.jobs.corruptions import evaluate_corruptions
    from sonmat.runs.folder import located

    done = evaluate_corruptions(model, data=data, part=part, tta=tta, progress=download(json))
    folder = located(model)[1]
    place = out or (folder.path / "corruptions.png" if folder else Path("corruptions.png"))
    from sonmat.view.corruptions import corruptions_picture, corruptions_table
    from sonmat.view.data_tables import part_name
    from sonmat.view.tables import reading

    heading = f"{Path(model).name}: {done.rows.name}, {part_name(done.rows.part)}, {len(done.rows):,}"
    corruptions_picture(done.clean, done.found, done.rows.inputs[0], place, title=heading)
    if json:
        return print_json(done.as_dict() | {"picture": str(place)})
    screen = console()
    screen.print(heading, soft_wrap=True)
    screen.print(corruptions_table(done.clean, done.found))
    if done.readings is not None:
        screen.print(reading(done.readings))
    return print_place(screen, say("picture", "그림"), place)
