"""Reading a recipe: by name or from a file, changed by `KEY=VALUE`, and checked."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sonmat.data.cutting import NAMES as TOKENS
from sonmat.data.read_settings import NAMES as READ
from sonmat.errors import RecipeError
from sonmat.language import say
from sonmat.models import augmentation, averaging, views
from sonmat.models.builders import is_file_builder
from sonmat.models.catalog import base_recipe, find_builder, switch_optimizer
from sonmat.models.compilation import check_train, optimizer_options, schedule_settings
from sonmat.models.recipe import TRAIN_KEYS, Recipe, unknown
from sonmat.models.toml import parse_toml

_PYTHON_WORDS = {"True": True, "False": False}


def read_recipe(name_or_path: str | Path = "notes-mlp", assignments: Sequence[str] = ()) -> Recipe:
    """A recipe that is ready to run.

    What a file leaves out is as in the catalog's recipe of its model; where it names an optimizer, the catalog's
    learning rate is not taken over. Builders and data that a file names by a path are looked for beside the file. A
    `[space]` in it is for `sonmat sweep`, and passed over here.

    Args:
        name_or_path: A name in the catalog, `FILE.toml`, or `FILE.py:function`.
        assignments: `KEY=VALUE`s; see `change`.

    Returns:
        The recipe, checked against its builder and Keras. A builder of the user's own is run for that, on purpose.

    Raises:
        RecipeError: No such recipe, bad TOML, an unknown key, or a value that cannot be.
    """
    source = Path(name_or_path) if str(name_or_path).endswith(".toml") else name_or_path
    if isinstance(source, Path):
        recipe = _read_file(source)
    else:
        recipe = base_recipe(_anchored(source, Path.cwd()) if is_file_builder(source) else source)
    recipe = change(recipe, assignments)
    try:
        check(recipe)
    except RecipeError as error:
        if assignments or not isinstance(source, Path):  # it may be an assignment's fault
            raise
        raise RecipeError(f"{source}: {error.problem}", error.fix) from error
    return recipe


def check(recipe: Recipe) -> None:
    """Refuse what its builder or Keras would refuse, before any data is loaded. A builder's file is run for it.

    Raises:
        RecipeError: An unknown model, setting or Keras name, or a value that cannot be.
    """
    find_builder(recipe.model.name).check(recipe.model.settings)
    check_train(recipe.train)


def change(recipe: Recipe, assignments: Sequence[str]) -> Recipe:
    """The recipe with settings changed from the command line.

    Args:
        recipe: Stays as it is.
        assignments: `KEY=VALUE`s. A key is dotted, `train.learning_rate`, or a last part that only one setting has.
            A value is TOML; a text needs no quotes. A new `model.name` brings its own settings, and a new optimizer
            its own learning rate, whatever the order.

    Raises:
        RecipeError: An unknown or ambiguous key, or a value that cannot be.
    """
    pairs = [parse_assignment(text) for text in assignments]
    pairs.sort(key=lambda pair: _rank(pair[0]))
    for key, value in pairs:
        recipe = _set(recipe, resolve(key, settable(recipe), anything=find_builder(recipe.model.name).open), value)
    return recipe


def settable(recipe: Recipe) -> list[str]:
    """The dotted names of everything that can be set in a recipe with its model and optimizer."""
    settings = [f"model.{key}" for key in find_builder(recipe.model.name).settings]
    options = [f"train.{key}" for key in optimizer_options(recipe.train.optimizer)]
    known = ["data", "split", "seed", "split_seed", "model.name", *settings]
    known += [f"tokens.{key}" for key in TOKENS] + [f"read.{key}" for key in READ]
    return [*known, *(f"train.{key}" for key in TRAIN_KEYS), *_in_tables(recipe), *options]


def _in_tables(recipe: Recipe) -> list[str]:
    """The settings inside the tables of `[train]`; those of a schedule where the recipe has one."""
    tables: dict[str, Iterable[str]] = {"augment": augmentation.NAMES, "average": averaging.NAMES, "tta": views.NAMES}
    rate = recipe.train.learning_rate
    if isinstance(rate, Mapping):
        tables["learning_rate"] = schedule_settings(rate["name"])
    return [f"train.{table}.{name}" for table, names in tables.items() for name in names]


def parse_assignment(text: str) -> tuple[str, Any]:
    """`KEY=VALUE` as a key and a TOML value; a text needs no quotes: `optimizer=adam`, `hidden=[64, 32]`.

    Raises:
        RecipeError: No `=`, or a value that begins like a list, table or quoted text and is not one.
    """
    key, equals, value = (part.strip() for part in text.partition("="))
    if not equals or not key:
        raise RecipeError(
            say(
                f"--set takes KEY=VALUE, but {text!r} came.", f"--set에는 키=값이 와야 하는데 {text!r}이(가) 왔습니다."
            ),
            say("Write for example --set learning_rate=0.1.", "예: --set learning_rate=0.1."),
        )
    try:
        return key, tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError as error:
        if not value or value[0] in "[{\"'" or "\n" in value:
            raise RecipeError(
                say(f"The value in {text!r} is not complete: {error}.", f"{text!r}의 값이 완전하지 않습니다: {error}."),
                say(
                    "Quote it for the shell: --set 'hidden=[64, 32]'.",
                    "셸에서는 따옴표로 감싸세요: --set 'hidden=[64, 32]'.",
                ),
            ) from error
    if re.fullmatch(r"[+-]?(\d+\.?|\.\d+)(e[+-]?\d+)?", value, re.IGNORECASE):  # .5 and 5. are numbers to people
        return key, float(value)
    return key, _PYTHON_WORDS.get(value, value)


def resolve(key: str, known: Iterable[str], *, anything: bool = False) -> str:
    """The one dotted name that `key` means.

    Args:
        key: A dotted name, or its last part.
        known: The dotted names that exist.
        anything: Whether the model takes settings of any name, given as `model.NAME`.

    Raises:
        RecipeError: None, or more than one.
    """
    names = list(known)
    if key in names or (anything and key.startswith("model.")):
        return key
    meant = [name for name in names if f".{name}".endswith(f".{key}")]
    outer = [name for name in meant if name.count(".") < 2]
    meant = outer if len(outer) == 1 and key == "name" else meant
    own = [name for name in meant if not name.startswith("read.")]
    meant = own if len(own) == 1 else meant  # a builder's own `size` is what `size` has always meant
    if len(meant) > 1:
        every = say(" or ", " 또는 ").join(meant)
        raise RecipeError(
            say(f"{key!r} could mean {every}.", f"{key!r}(으)로는 {every} 가운데 무엇인지 알 수 없습니다."),
            say(f"Write the whole name: --set {meant[0]}=….", f"이름 전체를 쓰세요: --set {meant[0]}=…."),
        )
    if not meant:
        section, _, last = key.rpartition(".")
        tables = dict.fromkeys(name.rpartition(".")[0] for name in names if name.count(".") > 1)
        table = next((one for one in tables if section and f".{one}".endswith(f".{section}")), None)
        if table is not None:
            raise unknown(f"{table}.{last}", [name for name in names if name.startswith(f"{table}.")])
        raise unknown(key, names if "." in key else [name.rpartition(".")[2] for name in names])
    return meant[0]


def _rank(key: str) -> int:
    """Which go first: the model decides which settings exist, and the optimizer which options."""
    return {"name": 0, "model.name": 0, "optimizer": 1, "train.optimizer": 1}.get(key, 2)


def _set(recipe: Recipe, key: str, value: Any) -> Recipe:
    values = recipe.as_dict()
    section, _, name = key.rpartition(".")
    if key == "model.name":
        text = _anchored(value, Path.cwd()) if isinstance(value, str) and is_file_builder(value) else value
        values["model"] = {"name": text} | (find_builder(text).defaults if isinstance(text, str) else {})
    elif key == "train.optimizer":
        # a wrong type is refused by the record below
        switched = switch_optimizer(recipe.train, value) if isinstance(value, str) and value else recipe.train
        values["train"] = Recipe(train=switched).as_dict()["train"] | {"optimizer": value}
    elif section.count("."):
        table = section.partition(".")[2]
        values["train"][table] = {**values["train"].get(table, {}), name: value}
    elif section:
        values[section] = {**values.get(section, {}), name: value}
    else:
        values[name] = value
    return Recipe.from_dict(values)


def read_space(name_or_path: str | Path) -> Mapping[str, Any] | None:
    """The `[space]` of a recipe's file, which a sweep searches; None where there is none, or no file.

    Raises:
        RecipeError: Bad TOML, or a space that is no table.
    """
    if not str(name_or_path).endswith(".toml"):
        return None
    space = parse_toml(_text_of(Path(name_or_path)), source=str(name_or_path)).get("space")
    if space is not None and not isinstance(space, dict):
        raise RecipeError(
            say(
                f"{name_or_path}: space should be a table, but is {space!r}.",
                f"{name_or_path}: space는 표여야 하는데 {space!r}입니다.",
            ),
            say(
                'Write [space] and below it learning_rate = "log:1e-3..1".',
                '[space] 아래에 learning_rate = "log:1e-3..1"처럼 쓰세요.',
            ),
        )
    return space


def _read_file(path: Path) -> Recipe:
    values = parse_toml(_text_of(path), source=str(path))
    values.pop("space", None)  # a sweep's; one file serves both commands
    try:
        return Recipe.from_dict(over_catalog(values, path.absolute().parent))
    except RecipeError as error:
        raise RecipeError(f"{path}: {error.problem}", error.fix) from error


def _text_of(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig")  # Windows' editors put a mark before the first key
    except UnicodeDecodeError as error:
        raise RecipeError(
            say(f"{path} is not UTF-8 text.", f"{path} 파일이 UTF-8이 아닙니다."),
            say("Save it as UTF-8.", "UTF-8로 저장하세요."),
        ) from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise RecipeError(
            say(f"Could not read the recipe {path}: {reason}.", f"레시피 {path}을(를) 읽을 수 없습니다: {reason}."),
            say("Give a file's path, or a name such as notes-mlp.", "파일 경로나 notes-mlp 같은 이름을 쓰세요."),
        ) from error


def over_catalog(values: dict[str, Any], folder: Path) -> dict[str, Any]:
    """A file's tables, with the catalog's values where it has none."""
    model, train = values.get("model", {}), values.get("train", {})
    if not isinstance(model, dict) or not isinstance(train, dict) or not isinstance(model.get("name", ""), str):
        return values  # the record refuses it, with the reason
    if is_file_builder(model.get("name", "")):
        model = model | {"name": _anchored(model["name"], folder)}
    base = base_recipe(model.get("name", "notes-mlp")).as_dict()
    if "optimizer" in train:
        base["train"] = {
            key: base["train"][key] for key in TRAIN_KEYS if key in base["train"] and key != "learning_rate"
        }
    merged = base | values | {"model": base["model"] | model, "train": base["train"] | train}
    if isinstance(merged["data"], str) and re.search(r"[./\\]", merged["data"]) and (folder / merged["data"]).exists():
        merged["data"] = str(folder / merged["data"])
    return merged


def _anchored(name: str, folder: Path) -> str:
    """A file builder's name with a whole path, so that it means the same from any folder."""
    file, colon, function = name.rpartition(":")
    if not file.endswith(".py"):
        return name
    return f"{(folder / Path(file).expanduser()).resolve()}{colon}{function}"
