"""A stranger's arguments, one by one: plain values, or Keras's own initializers, regularizers, constraints, dtypes."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from functools import cache
from typing import Any

from sonmat.runs import keras_names as names
from sonmat.runs.safe_json import refuse

MAX_NUMBER = 2**31 - 1
MAX_LIST = 100_000
# What an object's own record may hold beside its class and arguments; none of these decides what is made.
_RECORD_KEYS = names.words(
    "module class_name config registered_name build_config compile_config name inbound_nodes shared_object_id "
    "inbound_layers"
)
_OLD_HOMES = ("keras.src.", "keras.engine.", "keras.api.", "tensorflow.python.keras.", "tensorflow.keras.")

Record = Mapping[str, Any]


def is_record(value: Any) -> bool:
    """Whether a value describes an object: a class by name and its arguments."""
    return isinstance(value, dict) and "class_name" in value


def record_of(value: Any, kind: str) -> tuple[str, dict[str, Any]]:
    """The class name and the arguments in a record of Keras's own.

    Args:
        value: What the file says.
        kind: Which part of Keras it should come from, such as `"layers"`.

    Raises:
        ModelFileError: It is no such record, or names a module or a registered class that is not Keras's own.
    """
    if not is_record(value) or not isinstance(value["class_name"], str) or len(value["class_name"]) > 100:
        refuse(
            f"Expected an object of keras.{kind}; the file says {brief(value)}.",
            f"keras.{kind}의 객체가 와야 하는데 파일에는 {brief(value)}가 있습니다.",
        )
    name: str = value["class_name"]
    if set(value) - _RECORD_KEYS:
        unknown = brief(sorted(set(value) - _RECORD_KEYS))
        refuse(f"{name} has unknown entries: {unknown}.", f"{name}에 모르는 항목: {unknown}.")
    if not _is_keras(value.get("module")) or not _is_plain_name(value.get("registered_name"), name):
        refuse(
            f"{name} is a custom class ({brief(value.get('module'))}, {brief(value.get('registered_name'))}); only "
            "Keras's own are read from a file.",
            f"{name}은(는) 사용자 정의 클래스입니다 ({brief(value.get('module'))}). Keras 자체 클래스만 읽습니다.",
        )
    config = value.get("config")
    if config is None:
        config = {}
    if not isinstance(config, dict | list):
        refuse(f"{name} has no arguments that can be read.", f"{name}의 인자를 읽을 수 없습니다.")
    return name, config if isinstance(config, dict) else {"layers": config}  # Sequential of Keras before 2.2


def _is_keras(module: Any) -> bool:
    if module is None:
        return True
    return isinstance(module, str) and (module == "keras" or module.startswith(("keras.", *_OLD_HOMES)))


def _is_plain_name(registered: Any, name: str) -> bool:
    return registered is None or registered == name


def brief(value: Any) -> str:
    """A value as a message may show it."""
    text = repr(value)
    return text if len(text) <= 120 else text[:117] + "..."


def plain(value: Any, where: str, depth: int = 0) -> Any:
    """A number, word, truth value, None, or lists of them; anything else is refused.

    Raises:
        ModelFileError: It is something else, or a number beyond ±(2³¹ − 1) that is no seed.
    """
    if isinstance(value, list):
        if depth > 4 or len(value) > MAX_LIST:
            refuse(f"{where} is a list too long or too deep.", f"{where}의 목록이 너무 길거나 깊습니다.")
        return [plain(part, where, depth + 1) for part in value]
    if where.endswith("seed") and is_record(value):
        value = record_of(value, "random")[1].get("seed")
    if isinstance(value, dict) and value.get("type") == "ndarray" and set(value) == {"type", "value"}:
        return plain(value["value"], where, depth + 1)  # how Keras 2 wrote a NumPy number
    if value is not None and not isinstance(value, bool | int | float | str):
        refuse(
            f"{where} should be a plain number, word or list; the file says {brief(value)}.",
            f"{where}에는 수, 낱말, 목록만 올 수 있는데 파일에는 {brief(value)}가 있습니다.",
        )
    if isinstance(value, int) and abs(value) > MAX_NUMBER and not where.endswith("seed"):
        shown = brief(value) if abs(value) < 10**100 else "more than 10^100"
        refuse(f"{where} is {shown}; that is too large.", f"{where} 값 {shown}이(가) 너무 큽니다.")
    if isinstance(value, str) and len(value) > 1000:
        refuse(f"{where} is a text of {len(value):,} letters.", f"{where}의 글이 {len(value):,}자입니다.")
    return value


def activation(value: Any, where: str) -> str | None:
    """The name of one of Keras's activations, or None."""
    if is_record(value) and value["class_name"] == "function":
        record_of({**value, "config": {}, "registered_name": None}, "activations")
        value = value.get("config")
    if value is None:
        return None
    name = names.ACTIVATION_ALIASES.get(value, value) if isinstance(value, str) else value
    if not isinstance(name, str) or name not in names.ACTIVATIONS:
        refuse(
            f"{where} should name one of keras.activations; the file says {brief(value)}.",
            f"{where}에는 keras.activations의 이름이 와야 하는데 파일에는 {brief(value)}가 있습니다.",
        )
    return name


def dtype(value: Any, where: str) -> str | None:
    """The name of a dtype or of a dtype policy, or None."""
    if is_record(value):
        kind, config = record_of(value, "dtype_policies")
        value = config.get("name") if kind in ("DTypePolicy", "Policy", "PolicyV1") else kind
    if value is not None and (not isinstance(value, str) or value not in names.DTYPES):
        refuse(
            f"{where} should be a dtype such as float32; the file says {brief(value)}.",
            f"{where}에는 float32 같은 자료형이 와야 하는데 파일에는 {brief(value)}가 있습니다.",
        )
    return value


def small_object(value: Any, kind: str, allowed: frozenset[str], aliases: Mapping[str, str], where: str) -> Any:
    """One of Keras's initializers, regularizers or constraints, made from its name or record; None stays None."""
    if value is None:
        return None
    name, config = (value, {}) if isinstance(value, str) else record_of(value, kind)
    name = aliases.get(name, name)
    if name not in allowed:
        name = "".join(part[:1].upper() + part[1:] for part in name.split("_"))
    if name not in allowed:
        refuse(
            f"{where} should be one of keras.{kind}; the file says {brief(value)}.",
            f"{where}에는 keras.{kind} 중 하나가 와야 하는데 파일에는 {brief(value)}가 있습니다.",
        )
    made = names.keras_class(kind, name)
    config = {key: part for key, part in config.items() if key != "dtype"}  # Keras 2 wrote one; the layer decides it
    refuse_unknown(made, name, config)
    return made(**{key: plain(part, f"{where}.{key}") for key, part in config.items()})


def refuse_unknown(made: Any, name: str, arguments: Mapping[str, Any]) -> None:
    """Refuse arguments that a class does not take."""
    if set(arguments) - arguments_of(made):
        unknown = brief(sorted(set(arguments) - arguments_of(made)))
        refuse(f"{name} takes no {unknown}.", f"{name}에 없는 인자: {unknown}.")


@cache
def arguments_of(made: Any) -> frozenset[str]:
    """The names that a class's constructor takes, its ancestors' included where it passes them on."""
    found: set[str] = set()
    for ancestor in made.__mro__:
        if "__init__" in vars(ancestor) and ancestor is not object:
            parameters = inspect.signature(ancestor.__init__).parameters.values()
            found |= {p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
            if not any(p.kind is p.VAR_KEYWORD for p in parameters):
                break
    return frozenset(found - {"self"})


def initializer(value: Any, where: str) -> Any:
    """One of keras.initializers, or None."""
    return small_object(value, "initializers", names.INITIALIZERS, names.INITIALIZER_ALIASES, where)


def regularizer(value: Any, where: str) -> Any:
    """One of keras.regularizers, or None."""
    return small_object(value, "regularizers", names.REGULARIZERS, names.REGULARIZER_ALIASES, where)


def constraint(value: Any, where: str) -> Any:
    """One of keras.constraints, or None."""
    return small_object(value, "constraints", names.CONSTRAINTS, names.CONSTRAINT_ALIASES, where)
