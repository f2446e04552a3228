"""Builders: functions from settings to a network, sonmat's own or in a file of the user's."""

from __future__ import annotations

import functools
import hashlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from sonmat.errors import RecipeError
from sonmat.language import say
from sonmat.models.impossible import explaining
from sonmat.models.recipe import unknown
from sonmat.models.signature import REQUIRED, check_kind, keywords, takes_any, takes_several

_GIVEN = ("data", "seed")  # what a builder may take and no recipe sets under [model]


@dataclass(frozen=True)
class Builder:
    """A function that makes a network, and the settings that its signature takes.

    Attributes:
        name: As a recipe names it.
        function: Takes settings as keywords, and `data` and `seed` where it has parameters of these names; returns a
            `keras.Model`, compiled or not.
        settings: The names of its settings, in its own order, with their defaults; `REQUIRED` where there is none.
        given: Which of `data` and `seed` it takes.
        open: It takes `**kwargs`, so that settings of any name are allowed.
    """

    name: str
    function: Callable[..., Any]
    settings: Mapping[str, Any]
    given: tuple[str, ...]
    open: bool

    @classmethod
    def of(cls, name: str, function: Callable[..., Any]) -> Builder:
        """Read a builder's settings from its signature."""
        taken = keywords(function)
        settings = {key: default for key, default in taken.items() if key not in _GIVEN}
        given = tuple(key for key in _GIVEN if key in taken)
        return cls(name=name, function=function, settings=settings, given=given, open=takes_any(function))

    @property
    def defaults(self) -> dict[str, Any]:
        """Every setting that a recipe can write down, with its default."""
        plain = (str, int, float, list, tuple, dict)
        return {name: default for name, default in self.settings.items() if isinstance(default, plain)}

    def check(self, settings: Mapping[str, Any]) -> None:
        """Refuse settings that the signature does not take.

        Raises:
            RecipeError: A name that it does not have, a required one that is missing, or a value of another kind than
                the default's.
        """
        for key, default in self.settings.items():
            if default is REQUIRED and key not in settings:
                raise RecipeError(
                    say(f"{self.name} needs a value for {key!r}.", f"{self.name}에는 {key!r} 값이 필요합니다."),
                    say(
                        f"Write {key} = … under [model], or --set model.{key}=….",
                        f"[model] 아래에 {key} = …, 또는 --set model.{key}=….",
                    ),
                )
        for key, value in settings.items():
            if key in self.settings:
                several = key in takes_several(self.function)
                check_kind(f"model.{key}", value, self.settings[key], several=several)
            elif not self.open or key in _GIVEN:
                raise unknown(f"model.{key}", [f"model.{known}" for known in self.settings], of=self.name)

    def build(self, settings: Mapping[str, Any], *, data: Any = None, seed: int = 0) -> Any:
        """Call the function.

        Returns:
            Its `keras.Model`.

        Raises:
            RecipeError: A setting that it does not take, a network that Keras cannot build, or a result that is no Keras model.
        """
        import keras

        self.check(settings)
        given = {"data": data, "seed": seed}
        with explaining(self.name):
            model = self.function(**settings, **{name: given[name] for name in self.given})
        if not isinstance(model, keras.Model):
            raise RecipeError(
                say(
                    f"{self.name} should return a keras.Model, but returned {type(model).__name__}.",
                    f"{self.name}은(는) keras.Model을 돌려줘야 하는데 {type(model).__name__}을(를) 돌려줬습니다.",
                ),
                say("End the function with `return model`.", "함수를 `return model`로 끝내세요."),
            )
        return model


def is_file_builder(name: str) -> bool:
    """Whether a model's name means a function in a file, `FILE.py:function`."""
    return name.endswith(".py") or ".py:" in name


def load_file_builder(name: str) -> Builder:
    """A builder from a Python file of the user's own.

    This runs the file, on purpose: it is the user's program, and naming it asks for it. Never call it with a name that
    came with someone else's run or model file. The file's own folder can be imported from while it is read.

    Args:
        name: `FILE.py:function`. A file that was read before is read again only after it has changed.

    Raises:
        RecipeError: No such file or function, or the file fails; it names the file's line.
    """
    file, _, function_name = name.rpartition(":")
    if not file.endswith(".py"):  # `net.py` alone, or a drive's colon: `C:\net.py`
        raise RecipeError(
            say(
                f"{name!r} does not say which function builds the model.",
                f"{name!r}: 어느 함수가 모델을 만드는지 알 수 없습니다.",
            ),
            say(f"Write {name}:FUNCTION.", f"{name}:함수이름 처럼 쓰세요."),
        )
    path = Path(file).expanduser().absolute()
    try:
        changed = path.stat().st_mtime_ns
    except OSError as error:
        raise RecipeError(
            say(f"There is no builder file {path}.", f"{path} 파일이 없습니다."),
            say("Give a path from the folder you are in.", "지금 있는 폴더에서 시작하는 경로를 쓰세요."),
        ) from error
    module = _run(path, changed)
    function = getattr(module, function_name, None)
    if not callable(function) or isinstance(function, type):
        raise RecipeError(
            say(f"{path} has no function {function_name!r}.", f"{path}에 {function_name!r} 함수가 없습니다."),
            unknown(function_name, _functions(module)).fix,
        )
    return Builder.of(name, function)


@functools.lru_cache(maxsize=32)
def _run(path: Path, changed: int) -> ModuleType:
    """The module of a user's file as it was at the time `changed`."""
    name = f"{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None  # it ends in .py
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickle look a class's module up there
    _forget(path.parent)
    before = set(sys.modules)
    sys.path.insert(0, str(path.parent))
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        line = _line_of(path, error)
        raise RecipeError(
            say(
                f"{path}{line} failed: {type(error).__name__}: {error}.",
                f"{path}{line} 실행 중 오류: {type(error).__name__}: {error}.",
            ),
            say(f"Try it by itself: python {path}", f"파일만 실행해 보세요: python {path}"),
        ) from error
    finally:
        sys.path.remove(str(path.parent))
        _remember(path.parent, set(sys.modules) - before)
    return module


_beside: dict[str, tuple[Path, int]] = {}  # modules that builders' files imported from their folders: file, time


def _remember(folder: Path, names: Iterable[str]) -> None:
    for name in names:
        file, place = Path(getattr(sys.modules[name], "__file__", None) or ""), folder.joinpath(*name.split("."))
        if file in (place.with_name(f"{place.name}.py"), place / "__init__.py"):
            _beside[name] = file, _time_of(file)


def _forget(folder: Path) -> None:
    """Let a builder's file import its own neighbours: not those of another folder, nor what they were before."""
    for name, (file, time) in list(_beside.items()):
        if not file.is_relative_to(folder) or _time_of(file) != time:
            del _beside[name]
            sys.modules.pop(name, None)
    importlib.invalidate_caches()


def _time_of(file: Path) -> int:
    return file.stat().st_mtime_ns if file.exists() else 0


def _line_of(path: Path, error: Exception) -> str:
    if isinstance(error, SyntaxError):
        return f":{error.lineno}"
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return f":{lines[-1]}" if lines else ""


def _functions(module: ModuleType) -> Iterable[str]:
    own = (
        name
        for name, value in vars(module).items()
        if inspect.isfunction(value) and value.__module__ == module.__name__
    )
    return [name for name in own if not name.startswith("_")]
