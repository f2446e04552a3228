"""Studies over HTTP: their cost, begun, watched, stopped, gone on with; a trial of one opened as a run."""

from __future__ import annotations

import asyncio
import shutil
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from sonmat import places
from sonmat.errors import SonmatError
from sonmat.files import storing
from sonmat.language import language, say
from sonmat.models.recipe import Recipe
from sonmat.runs.folder import RunFolder, new_run
from sonmat.runs.titles import write_title
from sonmat.serve.limits import Refusal
from sonmat.studio.asked_recipe import recipe_of
from sonmat.studio.replies import inside, json_of, missing, number_in, reply, unfit
from sonmat.studio.run_rows import recipe_key
from sonmat.studio.studio import Studio

_ASKED = ("space", "trials", "sampler", "metric", "halving", "finalists", "seeds")
_MOST = {"trials": 100_000, "halving": 100, "finalists": 100, "seeds": 100}


# The page names its two scripts by their hashes itself. Apart from everything here, it could ask the studio for nothing.
_PAGE_POLICY = (
    "sandbox allow-scripts allow-downloads; default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; "
    "img-src data: blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class Studies:
    """Answers about studies.

    Args:
        studio: What keeps and trains them.
    """

    def __init__(self, studio: Studio) -> None:
        self._studio = studio
        self._costing = asyncio.Lock()

    async def cost(self, request: Request) -> Response:
        """`POST /api/studies/cost`."""
        recipe, asked = _asked(await json_of(request))
        async with self._costing:  # one at a time, and none of what a page has changed meanwhile
            if await request.is_disconnected():
                return Response(status_code=499)
            return reply(await self._studio.looker.ask("cost", recipe=recipe, asked=asked))

    async def begin(self, request: Request) -> Response:
        """`POST /api/studies`: queue a study."""
        recipe, asked = _asked(await json_of(request))
        notes = await self._studio.looker.ask("questioned", recipe=recipe, asked=asked)
        from sonmat.search.study_folder import new_study

        folder = await asyncio.to_thread(new_study, recipe["model"]["name"])
        desk = self._studio.desk
        await desk.keep(desk.add("sweep", folder.name, recipe=recipe, asked=asked, lang=language()))
        return reply({"name": folder.name, "notes": notes}, 201)

    async def listed(self, request: Request) -> Response:
        """`GET /api/studies`."""
        rows = {row["name"]: row for row in await self._studio.looker.ask("studies")}
        desk = self._studio.desk
        for job in (desk.now, *desk.waiting, *desk.failed_studies.values()):
            if job is not None and job["do"] in ("sweep", "resume_sweep"):
                rows.setdefault(job["name"], _waiting(job))
        return reply({"rows": [self._state(row) for _, row in sorted(rows.items())]})

    async def one(self, request: Request) -> Response:
        """`GET /api/studies/NAME?since=VERSION`."""
        name = _name(request)
        job = self._studio.desk.job_of(name, study=True) or self._studio.desk.failed_studies.get(name)
        since = number_in(request.query_params, "since", None)
        if not (places.studies_folder() / name / "study.toml").exists() and job is not None:
            return reply(
                {"name": name, "row": self._state(_waiting(job)), "recipe": job.get("recipe"), "payload": None}
            )
        told = await self._studio.looker.ask("study", name=name, since=since)
        told["row"] = self._state(told["row"])
        return reply(told)

    async def page(self, request: Request) -> Response:
        """`GET /api/studies/NAME/page`: the study as one interactive page, with plotly.js inside, to keep or to send."""
        text: str = await self._studio.looker.ask("study_page", name=_name(request))
        return HTMLResponse(text, headers={"Content-Security-Policy": _PAGE_POLICY})

    async def stop(self, request: Request) -> Response:
        """`POST /api/studies/NAME/stop`."""
        name = _name(request)
        how = self._studio.desk.stop(name, study=True)
        if how is None:
            raise Refusal(409, say(f"{name} is not being trained.", f"{name}은(는) 학습 중이 아닙니다."), "")
        return reply({"name": name, "state": how}, 202)

    async def resume(self, request: Request) -> Response:
        """`POST /api/studies/NAME/resume`: go on with it, to more trials where that is asked."""
        name = _name(request)
        trials = (await json_of(request)).get("trials")
        if trials is not None and (
            not isinstance(trials, int) or isinstance(trials, bool) or not 1 <= trials <= _MOST["trials"]
        ):
            most = f"{_MOST['trials']:,}"
            raise unfit(
                say(f"trials should be a whole number of 1 to {most}.", f"trials는 1부터 {most}까지의 정수여야 합니다.")
            )
        if self._studio.desk.job_of(name, study=True) is not None:
            raise Refusal(409, say(f"{name} is being trained.", f"{name}은(는) 학습 중입니다."), "")
        failed = self._studio.desk.failed_studies.get(name)
        if failed is not None:  # it left nothing: it begins again
            again = self._studio.desk.add(
                "sweep", name, recipe=failed["recipe"], asked=failed["asked"], lang=language()
            )
            await self._studio.desk.keep(again)
            return reply({"name": name}, 202)
        if not (places.studies_folder() / name / "study.toml").exists():
            raise missing(name)
        await self._studio.desk.keep(self._studio.desk.add("resume_sweep", name, trials=trials, lang=language()))
        return reply({"name": name}, 202)

    async def open(self, request: Request) -> Response:
        """`POST /api/studies/NAME/trials/N/open`: the run that has a trial's settings, trained now where there is none."""
        name, number = _name(request), str(request.path_params["number"])
        if not number.isdecimal() or len(number) > 9:
            raise missing(number)
        from sonmat.search.study_folder import WINNERS

        winner = RunFolder(places.studies_folder() / name / WINNERS / str(int(number)))
        ended = await asyncio.to_thread(_ended, winner)
        recipe = await self._studio.looker.ask("trial_recipe", name=name, number=int(number))
        key = recipe_key(winner.recipe if ended else Recipe.from_dict(recipe))
        known = self._studio.board.with_key(key)
        if known is not None:
            return reply({"name": known, "new": False})
        run = await asyncio.to_thread(new_run, f"{recipe['model']['name']}-trial-{int(number)}")
        title = say(f"trial {number} of {name}", f"{name}의 시도 {number}")
        if ended:  # the study trained it to its end: it is that very run
            await asyncio.to_thread(_copied, winner, run, title)
            await self._studio.board.let_go(run.path.name)
            return reply({"name": run.path.name, "new": False}, 201)
        job = self._studio.desk.add("train", run.path.name, recipe=recipe, title=title, lang=language())
        await self._studio.desk.keep(job)
        return reply({"name": run.path.name, "new": True}, 201)

    def _state(self, row: dict[str, Any]) -> dict[str, Any]:
        desk, name = self._studio.desk, row["name"]
        job = desk.job_of(name, study=True)
        if job is not None:
            state = "training" if job is desk.now else "waiting"
        elif row.get("result") and row.get("done", 0) >= row.get("of", 0):
            state = "finished"
        elif name in self._studio.failed_studies or name in desk.failed_studies:
            state = "failed"
        else:
            state = "stopped" if row.get("stopped") else "interrupted"
        kept = desk.failed_studies.get(name, {})
        known = self._studio.failed_studies.get(name) or (kept.get("problem", ""), kept.get("fix", ""))
        problem, fix = known if state == "failed" else ("", "")
        return {**row, "state": state, "problem": problem, "fix": fix}


def _asked(told: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    recipe = recipe_of(told.get("recipe"))
    asked = {key: told[key] for key in _ASKED if told.get(key) is not None}
    if not isinstance(asked.get("space"), dict) or not asked["space"]:
        raise unfit(
            say("Name at least one setting to search.", "탐색할 설정을 하나 이상 적으세요."),
            say(
                'For example {"train.learning_rate": [0.001, 1, "log"]}.',
                '예: {"train.learning_rate": [0.001, 1, "log"]}.',
            ),
        )
    for name, most in _MOST.items():
        value = asked.get(name)
        least = 1 if name in ("trials", "seeds") else 0
        if value is not None and (not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most):
            raise unfit(say(f"{name} should be {least} to {most:,}.", f"{name}은(는) {least}부터 {most:,}까지입니다."))
    return recipe.as_dict(), asked


def _ended(winner: RunFolder) -> bool:
    try:
        return winner.finished is not None
    except SonmatError:
        return False


def _copied(winner: RunFolder, run: RunFolder, title: str) -> None:
    with storing(run.path):
        shutil.copytree(winner.path, run.path, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".*"))
    write_title(run.path, title)


def _waiting(job: dict[str, Any]) -> dict[str, Any]:
    recipe, asked = job.get("recipe") or {}, job.get("asked") or {}
    return {
        "name": job["name"], "model": recipe.get("model", {}).get("name"), "data": recipe.get("data"), "done": 0,
        "of": asked.get("trials"), "best": None, "result": False, "broken": False,
    }  # fmt: skip


def _name(request: Request) -> str:
    return inside(places.studies_folder(), str(request.path_params["name"])).name
