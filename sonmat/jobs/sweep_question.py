"""What a sweep is asked: recipe, space and the rest, from a command or a call to a study's record."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sonmat.data.dataset import Dataset
from sonmat.errors import RecipeError
from sonmat.jobs.own_data import findable, with_data
from sonmat.language import say
from sonmat.models.reading import change, read_recipe, read_space
from sonmat.models.recipe import Recipe
from sonmat.search.sampler import most_trials
from sonmat.search.space import Space, parse_space
from sonmat.search.study import Asked

_NOTES_SPACE = {
    "train.learning_rate": {"low": 0.003, "high": 1.0, "log": True},
    "train.batch_size": [20, 50, 100],
    "model.hidden": [[10, 10], [20, 20], [40, 40], [80, 80]],
}
"""The notes' own question: which of these, on their network."""

_RATE_AROUND = 30.0  # without a space, the learning rate is searched so many times below and above the recipe's


def question(
    recipe: str | os.PathLike[str] | Recipe,
    space: Mapping[str, Any] | Sequence[str] | Space | None,
    trials: int | None,
    sampler: str,
    metric: str,
    maximize: bool | None,
    halving: int | None,
    finalists: int,
    seeds: int,
    data: str | os.PathLike[str] | None,
    settings: Sequence[str],
    seed: int | None,
    storage: str | None,
    skip_unreadable: bool = False,
) -> tuple[Asked, list[str]]:
    """The record of a study, and what was decided on the way in sentences; arguments as `sweep` has them."""
    if not isinstance(recipe, (str, os.PathLike, Recipe)):
        raise RecipeError(
            say(
                f"A sweep takes a recipe's name, a file or a Recipe; got {type(recipe).__name__}.",
                f"스윕이 받는 것은 레시피 이름, 파일, Recipe인데 {type(recipe).__name__}이(가) 왔습니다.",
            ),
            say(
                'Name a builder by its file, "net.py:build", so that a study can be gone on with; fit_many takes functions.',
                '빌더는 "net.py:build"처럼 파일로 적으세요. 그래야 스터디를 이어 갈 수 있습니다. 함수는 fit_many가 받습니다.',
            ),
        )
    name = None if isinstance(recipe, Recipe) else str(os.fspath(recipe))
    chosen = change(recipe, settings) if isinstance(recipe, Recipe) else read_recipe(str(name), settings)
    if data is not None:
        chosen = with_data(chosen, os.fspath(data), settings)
    if seed is not None:
        chosen = replace(chosen, seed=seed)
    if skip_unreadable:
        chosen = replace(chosen, read={**(chosen.read or {}), "skip_unreadable": True})
    split = chosen.seed if chosen.split_seed is None else chosen.split_seed
    chosen = replace(chosen, data=findable(chosen.data), split_seed=split)
    if chosen.train.members:
        raise RecipeError(
            say(
                "A sweep trains single networks; this recipe averages several (members).",
                "스윕은 신경망을 하나씩 학습하는데, 이 레시피는 여러 개를 평균합니다(members).",
            ),
            say(
                "Sweep the recipe of one of them, and give the winner members afterwards.",
                "하나짜리 레시피로 스윕한 뒤 이긴 설정에 members를 주세요.",
            ),
        )
    if chosen.train.outliers:
        raise RecipeError(
            say(
                "A sweep trains without inputs of no class; this recipe has them (outliers).",
                "스윕은 어느 클래스도 아닌 입력 없이 학습하는데, 이 레시피에는 있습니다(outliers).",
            ),
            say(
                "Sweep it with --set train.outliers=0, and give the winner outliers afterwards.",
                "--set train.outliers=0으로 스윕한 뒤 이긴 설정에 outliers를 주세요.",
            ),
        )
    if chosen.train.habits:
        raise RecipeError(
            say(
                "A sweep trains on the rows as they are; this recipe writes some of them otherwise too (habits).",
                "스윕은 있는 그대로의 행으로 학습하는데, 이 레시피는 일부를 다르게도 써서 더합니다(habits).",
            ),
            say(
                "Sweep it with --set train.habits=0, and give the winner habits afterwards.",
                "--set train.habits=0으로 스윕한 뒤 이긴 설정에 habits를 주세요.",
            ),
        )
    where = space if space else read_space(name) if name is not None else None
    found = where if isinstance(where, Space) else parse_space(where or _usual_space(chosen), chosen)
    count, note = most_trials(sampler, found, 100 if trials is None else trials)
    more = _more_is_better(metric) if maximize is None else maximize
    asked = Asked(
        recipe=chosen, space=found, trials=count if trials is None else trials, sampler=sampler, sampler_seed=chosen.seed,
        metric=metric, maximize=more, halving=halving, finalists=finalists, seeds=seeds, storage=storage,
    )  # fmt: skip
    return asked, [note] if note else []


def _usual_space(recipe: Recipe) -> Mapping[str, Any]:
    if recipe.model.name == "notes-mlp":
        return _NOTES_SPACE
    rate = recipe.train.learning_rate
    if isinstance(rate, Mapping) and isinstance(rate.get("peak"), (int, float)):
        peak = float(rate["peak"])
        return {"train.learning_rate.peak": {"low": peak / _RATE_AROUND, "high": peak * _RATE_AROUND, "log": True}}
    if isinstance(rate, (int, float)):
        return {"train.learning_rate": {"low": rate / _RATE_AROUND, "high": rate * _RATE_AROUND, "log": True}}
    raise RecipeError(
        say(
            f"{recipe.model.name} has no learning rate to search around, and no space was given.",
            f"{recipe.model.name}에는 탐색할 학습률이 없고 공간도 주어지지 않았습니다.",
        ),
        say(
            "Give one: sonmat sweep RECIPE learning_rate=log:1e-4..1",
            "공간을 주세요: sonmat sweep RECIPE learning_rate=log:1e-4..1",
        ),
    )


def checked_space(space: Space, recipe: Recipe, train_rows: Dataset) -> Space:
    """The same space, its networks built for the rows that they will see."""
    for name in space.dimensions:
        if name.startswith("train.outliers"):
            raise RecipeError(
                say(
                    "train.outliers is not searched: trials are trained without inputs of no class.",
                    "train.outliers는 탐색하지 않습니다. 시도들은 어느 클래스도 아닌 입력 없이 학습합니다.",
                ),
                say("Set it in the recipe of the winner.", "이긴 설정의 레시피에 정하세요."),
            )
        if name.startswith("train.habits"):
            raise RecipeError(
                say(
                    "train.habits is not searched: trials are trained on the rows as they are.",
                    "train.habits는 탐색하지 않습니다. 시도들은 있는 그대로의 행으로 학습합니다.",
                ),
                say("Set it in the recipe of the winner.", "이긴 설정의 레시피에 정하세요."),
            )
        if name.startswith(("train.tta", "train.members")):
            raise RecipeError(
                say(
                    f"{name} is not searched: it changes how a trained network is asked, not what the epochs measure.",
                    f"{name}은(는) 탐색하지 않습니다. 학습된 신경망에 묻는 방법일 뿐, 에포크가 재는 값을 바꾸지 않습니다.",
                ),
                say("Set it in the recipe: --set …", "레시피에 정하세요: --set …"),
            )
    return parse_space(space.as_dict(), recipe, train_rows)


def _more_is_better(metric: str) -> bool:
    return not any(word in metric for word in ("loss", "error", "entropy"))
