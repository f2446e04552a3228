"""Options and arguments that several commands share, and what the shell completes them with."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from sonmat.language import say


def run_names(incomplete: str) -> list[str]:
    """Names of runs, the newest first; read from the folders' names alone."""
    from sonmat import places

    folder = places.runs_folder()
    names = [path.name for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []
    return [name for name in sorted(names, reverse=True) if name.startswith(incomplete)]


def study_names(incomplete: str) -> list[str]:
    """Names of studies, the newest first; read from the folders' names alone."""
    from sonmat import places

    folder = places.studies_folder()
    names = [path.name for path in folder.iterdir() if path.is_dir()] if folder.is_dir() else []
    return [name for name in sorted(names, reverse=True) if name.startswith(incomplete)]


def models(incomplete: str) -> list[str]:
    """Runs, and model files by their path."""
    return run_names(incomplete) + files(incomplete, (".keras", ".h5", ".hdf5"))


def recipes(incomplete: str) -> list[str]:
    """Names of recipes, and recipe files by their path."""
    from sonmat.models.catalog import CATALOG

    return [name for name in CATALOG if name.startswith(incomplete)] + files(incomplete, (".toml",))


def recipes_and_models(incomplete: str) -> list[str]:
    """Whatever has a network."""
    return recipes(incomplete) + models(incomplete)


def data_names(incomplete: str) -> list[str]:
    """Names of data sets, and data files by their path."""
    from sonmat.data.known import KNOWN

    return [name for name in KNOWN if name.startswith(incomplete)] + files(incomplete, (".npz", ".csv", ".tsv"))


def settings(ctx: typer.Context, incomplete: str) -> list[str]:
    """What `--set` can set: `learning_rate=`; an optimizer's own arguments are left out, as Keras would have to be asked."""
    from sonmat.data.read_settings import NAMES as READ
    from sonmat.models.catalog import CATALOG, base_recipe
    from sonmat.models.recipe import TRAIN_KEYS

    asked = ctx.params.get("recipe")
    own = base_recipe(str(asked) if asked in CATALOG else "notes-mlp").model.settings
    return [f"{key}=" for key in ("data", "split", *READ, *own, *TRAIN_KEYS) if key.startswith(incomplete)]


def readings(incomplete: str) -> list[str]:
    """What `--set` can set of how data are read: `size=`."""
    from sonmat.data.read_settings import NAMES

    return [f"{name}=" for name in NAMES if name.startswith(incomplete)]


def augmentations(incomplete: str) -> list[str]:
    """What `--augment` takes: `shift=`, the next after a comma, or a recipe."""
    from sonmat.models.augmentation import NAMES

    before, comma, start = incomplete.rpartition(",")
    found = [f"{before}{comma}{name}=" for name in NAMES if name.startswith(start)]
    return found if comma else found + recipes(incomplete)


def files(incomplete: str, suffixes: Iterable[str]) -> list[str]:
    """Folders, and files of some kinds, that a half-written path may become."""
    path = Path(incomplete)
    folder, start = (path, "") if incomplete.endswith("/") else (path.parent, path.name)
    if not folder.is_dir():
        return []
    found = [
        one
        for one in sorted(folder.iterdir())
        if (start and one.name.startswith(start)) or (not start and one.name[0] != ".")
    ]
    return [f"{one}/" if one.is_dir() else str(one) for one in found if one.is_dir() or one.suffix in suffixes]


Json = Annotated[bool, typer.Option("--json", help=say("Print JSON for machines.", "기계가 읽을 JSON으로 출력."))]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help=say("Print errors only.", "오류만 출력."))]
Data = Annotated[
    str | None,
    typer.Option(
        "--data",
        metavar="NAME|PATH",
        help=say(
            "A data set's name, a folder of pictures, a CSV, an .npz or IDX files.",
            "데이터 이름, 그림 폴더, CSV, .npz, IDX 폴더.",
        ),
        autocompletion=data_names,
    ),
]
SkipUnreadable = Annotated[
    bool,
    typer.Option(
        "--skip-unreadable",
        help=say("Leave out pictures and rows that cannot be read.", "읽지 못하는 그림과 행은 빼기."),
    ),
]
RunArgument = Annotated[
    str,
    typer.Argument(
        metavar="RUN", help=say("A run folder or its name.", "실행 폴더나 그 이름."), autocompletion=run_names
    ),
]
ModelArgument = Annotated[
    str,
    typer.Argument(
        metavar="RUN|FILE",
        help=say("A run folder, or a .keras or .h5 file.", "실행 폴더, 또는 .keras나 .h5 파일."),
        autocompletion=models,
    ),
]


def out(english: str, korean: str, metavar: str = "PATH") -> Any:
    """`--out`, where results go."""
    return typer.Option("--out", metavar=metavar, help=say(english, korean))


def changed(english: str, korean: str) -> Any:
    """`--set`, which changes settings of a recipe."""
    return typer.Option("--set", metavar="KEY=VALUE", help=say(english, korean), autocompletion=settings)
