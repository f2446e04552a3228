"""Many pictures read at once and made alike: which size and channels, whether they fit into memory, and what cannot be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sonmat.data.fitting import as_channels, choose_size
from sonmat.data.image_file import Header, quiet_decoders
from sonmat.data.memory import room_for_data
from sonmat.data.picture_files import PictureFiles
from sonmat.data.progress import Progress, counting
from sonmat.data.read_settings import ReadSettings
from sonmat.data.table_file import Bad
from sonmat.errors import DataError
from sonmat.language import say

_LISTED = 10
_DIGIT = 28  # pixels of a side that digits are cleaned to, where no other size is asked for


@dataclass(frozen=True, eq=False)
class Pixels:
    """Pictures as they are trained on.

    Attributes:
        inputs: uint8 (n, height, width) of grey, or (n, height, width, 3).
        read: (n,) which of the files that were asked for these are.
        size: Height and width.
        notes: What was chosen, in sentences.
        bad: The files that could not be read.
    """

    inputs: np.ndarray
    read: np.ndarray
    size: tuple[int, int]
    notes: tuple[str, ...]
    bad: tuple[Bad, ...]


def read_pictures(
    files: Sequence[tuple[str, Path]], place: Path, settings: ReadSettings, progress: Progress | None = None
) -> Pixels:
    """Read pictures and make them one size.

    Args:
        files: Name and path of each.
        place: The folder or table they are of, under which they are kept.
        settings: Size and channels, where these are not to be chosen; and whether what cannot be read is left out.
        progress: Called with the pictures done and the pictures there are.

    Raises:
        DataError: Some cannot be read (it lists them), none can, or all of them do not fit into memory.
    """
    reader = PictureFiles(files, place, clean=settings.clean)
    with quiet_decoders(), counting(place.name, reader.headers.count(None), progress) as report:
        reader.read_headers(report)
        good = [n for n, header in enumerate(reader.headers) if header is not None]
        if not good:
            raise _unreadable(reader.bad, len(files), place, none_left=True)
        height, width, note = _sized(settings, [reader.headers[n] for n in good])
        may_be_coloured = any(not header.grey for header in reader.headers if header is not None)
        channels = 3 if may_be_coloured and not settings.clean else 1
        _check_memory(place, len(good), height, width, channels)
        inputs, grey = reader.read_pixels(good, height, width, channels, report)
    read = np.array([n for n in good if reader.headers[n] is not None], np.int64)
    reader.keep(read, inputs, grey)
    if reader.bad and (not settings.skip_unreadable or not len(read)):
        raise _unreadable(reader.bad, len(files), place, none_left=not len(read))
    notes = [note] if note else []
    if settings.clean:
        notes.append(
            say(
                f"Pictures are cleaned to digits as MNIST has them: light strokes on black, centred, {height} × {width}.",
                f"그림을 MNIST의 숫자처럼 다듬습니다: 검은 바탕에 밝은 획, 가운데로, {height} × {width}.",
            )
        )
    elif settings.channels is None:
        inputs, told = _as_grey_as_they_are(inputs, grey)
        notes.append(told)
    elif settings.channels != channels:
        inputs = np.stack([as_channels(one, settings.channels) for one in inputs])
    return Pixels(inputs, read, (height, width), tuple(notes), tuple(reader.bad.values()))


def _sized(settings: ReadSettings, headers: Sequence[Header | None]) -> tuple[int, int, str]:
    if settings.size is not None:
        return (*settings.size, "")
    if settings.clean:
        return (_DIGIT, _DIGIT, "")
    known = [header for header in headers if header is not None]
    chosen = choose_size([one.height for one in known], [one.width for one in known])
    return chosen.height, chosen.width, chosen.note


def _as_grey_as_they_are(inputs: np.ndarray, grey: np.ndarray) -> tuple[np.ndarray, str]:
    if inputs.ndim == 3 or grey.all():
        plain = inputs if inputs.ndim == 3 else np.ascontiguousarray(inputs[..., 0])
        return plain, say("All are grey, and stay so.", "모두 흑백이므로 흑백으로 둡니다.")
    few = int(grey.sum())
    told = say("They are in colour", "컬러입니다") + (
        say(f"; {few:,} of {len(grey):,} are grey", f"(흑백 {few:,}개)") if few else ""
    )
    return inputs, told + "."


def _check_memory(place: Path, count: int, height: int, width: int, channels: int) -> None:
    """Refuse pictures that do not fit into memory, before any is decoded.

    Raises:
        DataError: It says which size would fit.
    """
    size, room = count * height * width * channels, room_for_data()
    if size <= room:
        return
    fits = (
        int((room / (count * channels) * height / width) ** 0.5),
        int((room / (count * channels) * width / height) ** 0.5),
    )
    told = f"[{fits[0]},{fits[1]}]" if fits[0] != fits[1] else str(fits[0])
    raise DataError(
        say(
            f"{count:,} pictures of {height} × {width} pixels{' in colour' if channels == 3 else ''} would take {size / 1e9:,.1f} GB "
            f"of memory and there is room for {room / 1e9:,.1f} GB ({place}).",
            f"{height} × {width} 픽셀{' 컬러' if channels == 3 else ''} 그림 {count:,}개에는 메모리 {size / 1e9:,.1f} GB가 필요한데 쓸 수 "
            f"있는 것은 {room / 1e9:,.1f} GB입니다 ({place}).",
        ),
        say(f"This size would fit: --set size={told}.", f"들어가는 크기: --set size={told}.")
        if min(fits) >= 1
        else say("Take fewer pictures.", "그림을 줄이세요."),
    )


def _unreadable(bad: dict[int, Bad], count: int, place: Path, *, none_left: bool) -> DataError:
    some = [bad[n] for n in sorted(bad)]
    listed = "".join(f"\n  - {one.place}: {one.reason}" for one in some[:_LISTED])
    if len(some) > _LISTED:
        more = len(some) - _LISTED
        listed += say(f"\n  - and {more:,} more", f"\n  - 그 밖에 {more:,}개")
    return DataError(
        say(
            f"{len(some):,} of {count:,} pictures of {place} could not be read:{listed}",
            f"{place}의 그림 {count:,}개 중 {len(some):,}개를 읽지 못했습니다:{listed}",
        ),
        _where(place)
        if none_left
        else say(
            "Mend or remove these files, or leave them out: --skip-unreadable (skip_unreadable=True).",
            "이 파일들을 고치거나 지우세요. 빼고 읽으려면: --skip-unreadable (skip_unreadable=True).",
        ),
    )


def _where(place: Path) -> str:
    """What to do where no picture can be read: of a table mostly because they lie elsewhere."""
    if not place.is_file():
        return say("Get the files again.", "파일을 다시 받으세요.")
    folder = place.absolute().parent
    return say(
        f"Names in a table are paths from its folder, {folder}, or files anywhere below it: put the table where the pictures are.",
        f"표에 적힌 이름은 표가 있는 폴더({folder})에서 시작하는 경로이거나 그 아래 어딘가의 파일입니다. 표를 그림이 있는 곳에 두세요.",
    )
