"""Runs over HTTP: listed, begun, stopped, gone on with, named and deleted."""

from __future__ import annotations

import asyncio
import json
import unicodedata
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from sonmat import places
from sonmat.errors import SonmatError
from sonmat.language import language, say
from sonmat.models.recipe import Recipe
from sonmat.runs.folder import RECIPE, RunFolder, new_run, remove_run
from sonmat.runs.titles import LONGEST_TITLE, write_title
from sonmat.serve.limits import Refusal
from sonmat.studio.asked_recipe import known_shape, recipe_of
from sonmat.studio.board import IN_HANDS
from sonmat.studio.checking import checked, located, refused
from sonmat.studio.replies import inside, json_of, missing, number_in, reply, unfit
from sonmat.studio.run_details import details
from sonmat.studio.run_rows import FINISHED
from sonmat.studio.studio import Studio

_CHECKED = 200  # answers about networks that are kept
_TURNING = "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"  # letters that turn what follows around


class Runs:
    """Answers about runs.

    Args:
        studio: What keeps and trains them.
    """

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._checked: dict[str, dict[str, Any]] = {}

    async def listed(self, request: Request) -> Response:
        """`GET /api/runs?since=VERSION`."""
        since = number_in(request.query_params, "since", -1, low=-1)
        return reply(await self._studio.board.since(-1 if since is None else since))

    async def begin(self, request: Request) -> Response:
        """`POST /api/runs`: queue a training."""
        told = await json_of(request)
        recipe = recipe_of(told.get("recipe"))
        title = _title(told)
        sizes = await self._sizes_known(recipe)
        if sizes is not None and not sizes["ok"]:
            raise Refusal(422, sizes["problem"], sizes["fix"])
        run = await asyncio.to_thread(new_run, str(told.get("recipe", {}).get("name") or recipe.model.name))
        desk = self._studio.desk
        await desk.keep(desk.add("train", run.path.name, recipe=recipe.as_dict(), title=title, lang=language()))
        return reply({"name": run.path.name}, 201)

    async def one(self, request: Request) -> Response:
        """`GET /api/runs/NAME`."""
        row = self._row(request)
        folder = places.runs_folder() / row["name"]
        told = await asyncio.to_thread(details, folder)
        if told["recipe"] is None:
            job = self._studio.desk.job_of(row["name"]) or self._studio.desk.failed.get(row["name"])
            told["recipe"] = job.get("recipe") if job else None
        return reply({**row, **told})

    async def name(self, request: Request) -> Response:
        """`PATCH /api/runs/NAME`: give it a title."""
        row = self._row(request)
        title = _title(await json_of(request))
        self._studio.desk.entitle(row["name"], title)
        folder = places.runs_folder() / row["name"]
        if (folder / RECIPE).exists():
            await asyncio.to_thread(write_title, folder, title)
            await self._studio.board.refresh(row["name"])
        return reply(self._studio.board.row(row["name"]))

    async def stop(self, request: Request) -> Response:
        """`POST /api/runs/NAME/stop`."""
        row = self._row(request)
        how = self._studio.desk.stop(row["name"])
        if how is None:
            raise _not_now(
                say(f"{row['name']} is not being trained.", f"{row['name']}은(는) 학습 중이 아닙니다."),
            )
        return reply({"name": row["name"], "state": how}, 202)

    async def resume(self, request: Request) -> Response:
        """`POST /api/runs/NAME/resume`: go on with it, to more epochs where that is asked."""
        row = self._row(request)
        told = await json_of(request)
        epochs = told.get("epochs")
        if epochs is not None and (not isinstance(epochs, int) or isinstance(epochs, bool) or not 1 <= epochs <= 10**6):
            raise unfit(say("epochs should be a whole number above 0.", "epochs는 1 이상의 정수여야 합니다."))
        if row["state"] in IN_HANDS:
            raise _not_now(say(f"{row['name']} is being trained.", f"{row['name']}은(는) 학습 중입니다."))
        failed = self._studio.desk.failed.get(row["name"])
        if failed is not None:  # it left nothing: it begins again
            job = self._studio.desk.add(
                "train", row["name"], recipe=failed["recipe"], title=failed.get("title", ""), lang=language()
            )
        elif row["state"] == FINISHED and epochs is None:
            raise _not_now(
                say(f"{row['name']} has come to its end.", f"{row['name']}은(는) 끝까지 학습했습니다."),
                say("Give more epochs to go on.", "이어서 하려면 에포크를 늘리세요."),
            )
        elif epochs is not None and epochs < row["epochs"] + (row["state"] == FINISHED):
            raise _not_now(
                say(
                    f"{row['name']} has trained {row['epochs']} epochs.",
                    f"{row['name']}은(는) {row['epochs']} 에포크를 학습했습니다.",
                ),
                say(f"Give more than {row['epochs']} to go on.", f"이어서 하려면 {row['epochs']}보다 크게 주세요."),
            )
        else:
            job = self._studio.desk.add("resume", row["name"], epochs=epochs, lang=language())
        await self._studio.desk.keep(job)
        return reply({"name": row["name"]}, 202)

    async def delete(self, request: Request) -> Response:
        """`DELETE /api/runs/NAME`."""
        row = self._row(request)
        name = row["name"]
        if row["state"] in IN_HANDS:
            raise _not_now(
                say(f"{name} is being trained.", f"{name}은(는) 학습 중입니다."),
                say("Stop it first.", "먼저 멈추세요."),
            )
        self._studio.desk.dismiss(name)
        folder = places.runs_folder() / name
        if folder.exists():
            await asyncio.to_thread(remove_run, RunFolder(folder))
        self._studio.board.drop(name)
        return reply({"name": name})

    async def check(self, request: Request) -> Response:
        """`POST /api/check`: the sizes of a network as it is typed, and what is impossible."""
        values = (await json_of(request)).get("recipe")
        try:
            recipe = recipe_of(values)
            told = await self._sizes_known(recipe) or await self._sizes_built(recipe)
        except SonmatError as error:
            told = await asyncio.to_thread(located, values, error)
        return reply(told)

    async def _sizes_built(self, recipe: Recipe) -> dict[str, Any]:
        """The sizes of a network that Keras has to build for that."""
        shape = await asyncio.to_thread(known_shape, recipe)
        told = recipe.as_dict()
        key = language() + json.dumps([told, shape], sort_keys=True)
        if key not in self._checked:
            try:
                self._checked[key] = await self._studio.looker.ask("sizes", recipe=told, shape=shape)
            except SonmatError as error:
                return refused(error)
            self._checked = dict(list(self._checked.items())[-_CHECKED:])
        return self._checked[key]

    async def _sizes_known(self, recipe: Recipe) -> dict[str, Any] | None:
        """The sizes of a network of layers whose input's shape is known; None of any other."""
        shape = await asyncio.to_thread(known_shape, recipe) if recipe.model.name == "layers" else None
        return None if shape is None else await asyncio.to_thread(checked, recipe, shape)

    def _row(self, request: Request) -> dict[str, Any]:
        name = str(request.path_params["name"])
        row = self._studio.board.row(name)
        if row is None:
            name = inside(places.runs_folder(), name).name  # it may have been made a moment ago
            raise missing(name)
        return row


def _title(told: dict[str, Any]) -> str:
    title = told.get("title") or ""
    if not isinstance(title, str) or len(title) > LONGEST_TITLE:
        raise unfit(
            say(
                f"A title is a text of at most {LONGEST_TITLE} letters.",
                f"제목은 {LONGEST_TITLE}자까지의 글이어야 합니다.",
            )
        )
    plain = "".join(" " if unicodedata.category(one) == "Cc" else one for one in title if one not in _TURNING)
    return " ".join(plain.split())


def _not_now(problem: str, fix: str = "") -> Refusal:
    return Refusal(409, problem, fix)
