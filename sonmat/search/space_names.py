"""The names of a space, resolved in its recipe; and which of them take whole numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sonmat.errors import RecipeError
from sonmat.language import say
from sonmat.models.augmentation import Augmentation
from sonmat.models.averaging import Averaging
from sonmat.models.catalog import find_builder
from sonmat.models.compilation import check_train, make_optimizer
from sonmat.models.reading import resolve, settable
from sonmat.models.recipe import Recipe
from sonmat.models.signature import REQUIRED, keywords
from sonmat.models.views import Views
from sonmat.search.plain import is_number, naming
from sonmat.search.settings import settings_recipe
from sonmat.search.space_text import read_dimension

MODEL, OPTIMIZER = "model.name", "train.optimizer"
"""The settings that decide which others exist."""

_TABLES: Mapping[str, type] = {"train.augment": Augmentation, "train.average": Averaging, "train.tta": Views}
_WHOLE = ("batch_size", "members")
_FLOAT = ("learning_rate", "label_smoothing")
_FLOAT_OPTIONS = ("weight_decay", "clipnorm", "clipvalue", "global_clipnorm", "loss_scale_factor")  # None in Keras


def named(pairs: Sequence[tuple[str, Any]], recipe: Recipe) -> list[tuple[str, Any, bool]]:
    """The dotted names that the keys of a space mean.

    Where models or optimizers are searched too, a key may be a setting of any of them; whether all of them take it is for
    `check_space`.

    Args:
        pairs: Keys, dotted or last parts, and what is searched there.
        recipe: Whose settings they are.

    Returns:
        Name, what is searched there, and whether whole ends mean whole numbers.

    Raises:
        RecipeError: An unknown or ambiguous key, one that comes twice, or one that no study searches.
    """
    variants = _variants(pairs, recipe)
    known = list(dict.fromkeys(name for variant in variants for name in settable(variant)))
    anything = any(find_builder(variant.model.name).open for variant in variants)
    found: dict[str, tuple[str, Any, bool]] = {}
    for key, value in pairs:
        name = _resolve(key, known, anything)
        _refuse_common(name)
        _refuse_inside(name, found)
        found[name] = (name, value, _takes_whole(name, variants))
    return list(found.values())


def _variants(pairs: Sequence[tuple[str, Any]], recipe: Recipe) -> list[Recipe]:
    """The recipe with each model and each optimizer that is searched."""
    searched: dict[str, list[Any]] = {MODEL: [], OPTIMIZER: []}
    for key, value in pairs:
        if f".{key}".rpartition(".")[2] in ("name", "optimizer"):
            name = _resolve(key, settable(recipe), find_builder(recipe.model.name).open)
            if name in searched:
                with naming(name):
                    searched[name] += read_dimension(value).ends
    models = [settings_recipe(recipe, {MODEL: value}) for value in searched[MODEL]] or [recipe]
    variants = []
    for model in models:
        for optimizer in searched[OPTIMIZER]:
            variants.append(settings_recipe(model, {OPTIMIZER: optimizer}))
            with naming(f"{OPTIMIZER}={optimizer}"):
                check_train(variants[-1].train)
    return variants or models


def _resolve(key: str, known: Sequence[str], anything: bool) -> str:
    try:
        return resolve(key, known, anything=anything)
    except RecipeError as error:  # whose advice is for `--set`, which takes one value
        raise RecipeError(error.problem, error.fix.replace("--set ", "")) from None


def _refuse_common(name: str) -> None:
    """Refuse what has to be the same for all trials of a study."""
    if name == "seed":
        raise RecipeError(
            say(
                "seed is not searched: the best of several seeds is luck, and not a setting.",
                "seed는 탐색하지 않습니다. 시드 중 가장 좋은 것은 운이지 설정이 아닙니다.",
            ),
            say(
                "Train the best settings again with several seeds: --seeds 5.",
                "가장 좋은 설정을 여러 시드로 다시 학습하세요: --seeds 5.",
            ),
        )
    if name in ("data", "split", "split_seed", "tokens", "read") or name.startswith(("tokens.", "read.")):
        raise RecipeError(
            say(
                f"{name} is not searched: trials are compared on the same rows.",
                f"{name}은(는) 탐색하지 않습니다. 모든 시도를 같은 행에서 비교해야 합니다.",
            ),
            say(f"Make a study for each, with --set {name}=….", f"값마다 따로 스터디를 만드세요: --set {name}=…."),
        )
    if name == "train.epochs":
        raise RecipeError(
            say(
                "train.epochs is not searched: it is how long trials are trained, and every epoch is measured.",
                "train.epochs는 탐색하지 않습니다. 시도를 얼마나 학습할지를 정하는 값이고, 에포크마다 측정합니다.",
            ),
            say("Set the longest: --set epochs=20.", "가장 긴 값으로 정하세요: --set epochs=20."),
        )


def _refuse_inside(name: str, found: Mapping[str, Any]) -> None:
    """Refuse a setting that comes twice, as itself or as a part of its table."""
    for other in found:
        if other == name:
            raise RecipeError(
                say(f"{name} is given twice.", f"{name}이(가) 두 번 있습니다."), say("Give it once.", "한 번만 쓰세요.")
            )
        if other.startswith(f"{name}.") or name.startswith(f"{other}."):
            raise RecipeError(
                say(f"{name} and {other} set the same thing.", f"{name}과(와) {other}은(는) 같은 것을 정합니다."),
                say("Search one of them.", "둘 중 하나만 탐색하세요."),
            )


def _takes_whole(name: str, variants: Sequence[Recipe]) -> bool:
    """Whether a setting's numbers may be whole: its default is a whole number, or it has none that tells."""
    defaults = [_default(name, variant) for variant in variants]
    number = next((default for default in defaults if is_number(default)), None)
    return not isinstance(number, float)


def _default(name: str, recipe: Recipe) -> Any:
    """A setting's default, or its value in the recipe where it has none; None where neither says."""
    section, _, key = name.rpartition(".")
    if section == "model":
        default = find_builder(recipe.model.name).settings.get(key)
        return recipe.model.settings.get(key) if default is None or default is REQUIRED else default
    if section == "train" and key in (*_WHOLE, *_FLOAT, *_FLOAT_OPTIONS):
        return 1 if key in _WHOLE else 1.0
    if section == "train":
        plain = replace(recipe.train, learning_rate=None, options={})
        default = keywords(type(make_optimizer(plain))).get(key)
        return recipe.train.options.get(key) if default is None else default
    if section in _TABLES:
        return getattr(_TABLES[section], key, None)
    rate = recipe.train.learning_rate
    return rate.get(key) if section == "train.learning_rate" and isinstance(rate, Mapping) else None
