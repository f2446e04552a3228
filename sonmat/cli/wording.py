"""Typer's own words in the user's language: it has no catalogue of Korean."""

from __future__ import annotations

import re
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from sonmat.language import language, say

_KOREAN = (
    (r"^Usage:", "사용법:"),
    (r"^Options:", "옵션:"),
    (r"^Arguments:", "인자:"),
    (r"^Commands:", "명령:"),
    (r"\[OPTIONS\]", "[옵션]"),
    (r"COMMAND \[ARGS\]\.\.\.", "명령 [인자]..."),
    (r"Show this message and\s+exit\.", "이 도움말 보기."),
    (r"Install completion for the\s+current shell\.", "지금 셸에 자동 완성 설치."),
    (
        r"Show completion for the current\s+shell, to copy\s+it\s+or\s+customize\s+the\s+installation\.",
        "자동 완성 스크립트 보기.",
    ),
    (r"\[default: ", "[기본값: "),
    (r"\[required\]", "[필수]"),
)
_NEAR = r"\.?(?: Did you mean (?P<b>.+)\?| \(Possible options: (?P<c>.+)\))?"
_PROBLEMS = (
    (r"No such option:? '?(?P<a>[^'\s]+?)'?" + _NEAR, "{a} 옵션은 없습니다.", "혹시 {hint}?"),
    (r"No such command '(?P<a>.+?)'" + _NEAR, "{a} 명령은 없습니다.", "혹시 {hint}?"),
    (r"Missing argument '(?P<a>.+)'\.", "{a} 인자가 필요합니다.", ""),
    (r"Missing option '(?P<a>.+)'\.", "{a} 옵션이 필요합니다.", ""),
    (r"Missing command\.", "명령이 필요합니다.", ""),
    (r"Option '?(?P<a>\S+?)'? requires an argument\.", "{a} 옵션에는 값이 필요합니다.", ""),
    (r"Got unexpected extra argument\(?s?\)? \((?P<a>.+)\)", "남는 인자가 있습니다: {a}.", ""),
    (r"Invalid value for '(?P<a>.+?)'.*", "{a}의 값이 올바르지 않습니다.", ""),
)
_Usage = typer.BadParameter.__mro__[1]  # Typer gives no name of its own to UsageError


class Command(TyperCommand):
    """A verb."""

    def get_help(self, ctx: Any) -> str:
        return _worded(super().get_help(ctx))


class Group(TyperGroup):
    """Verbs under one name."""

    def get_help(self, ctx: Any) -> str:
        return _worded(super().get_help(ctx))


def _worded(text: str) -> str:
    if language() == "ko":
        for english, korean in _KOREAN:
            text = re.sub(english, korean, text, flags=re.MULTILINE)
    return text


def problem(error: Exception) -> str | None:
    """What is wrong with how a command was called and what to do, or None for an error of another kind.

    A call without a command prints the help and is nothing to say more about: "".
    """
    if not hasattr(error, "format_message"):
        return None
    if type(error).__name__ == "NoArgsIsHelpError":
        typer.echo(error.ctx.get_help(), err=True)  # type: ignore[attr-defined]
        return ""
    context = getattr(error, "ctx", None) if isinstance(error, _Usage) else None
    told: str = error.format_message()
    if language() == "ko":
        told = _in_korean(told)
    told = told.removeprefix("Invalid value: ")
    help_ = f"{context.command_path} --help" if context else "sonmat --help"
    return f"{told}\n  → {say(f'See: {help_}', f'도움말: {help_}')}"


def _in_korean(told: str) -> str:
    for english, korean, hint in _PROBLEMS:
        found = re.fullmatch(english, told.strip(), re.DOTALL)
        if found:
            parts = {name: value for name, value in found.groupdict().items() if value is not None}
            near = parts.get("c") or (parts.get("b") if hint else None)
            return korean.format(**parts) + (" " + hint.format(hint=near) if near and hint else "")
    return told
