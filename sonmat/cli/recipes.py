"""`sonmat recipes`: what there is to train by name."""

from __future__ import annotations

from typing import Annotated

import typer

from sonmat.cli import options
from sonmat.cli.options import Json
from sonmat.cli.output import console, print_json
from sonmat.language import say


def ls(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME]",
            help=say("Print this recipe as TOML, to change a copy of it.", "이 레시피를 TOML로 출력합니다."),
            autocompletion=options.recipes,
        ),
    ] = None,
    json: Json = False,
) -> None:
    """`sonmat recipes`"""
    from sonmat.models.catalog import CATALOG, base_recipe
    from sonmat.models.recipe import to_toml
    from sonmat.models.tuned import NAMES, path_of

    if name is not None:
        recipe = base_recipe(name)
        if json:
            return print_json(recipe.as_dict())
        return typer.echo(path_of(name).read_text(encoding="utf-8") if name in NAMES else to_toml(recipe), nl=False)
    if json:
        return print_json([{"name": key, "data": one.data, "claim": list(one.claim)} for key, one in CATALOG.items()])
    from sonmat.view.tables import recipes_table

    return console().print(recipes_table(CATALOG))
