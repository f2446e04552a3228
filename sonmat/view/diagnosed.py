"""A diagnosis as the terminal shows it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from rich.text import Text

from sonmat.language import say
from sonmat.view.finding import Finding
from sonmat.view.program import program

_STYLES = {"fault": "red", "hint": "yellow", "good": "green"}
_SIGNS = {"fault": "✗", "hint": "!", "good": "✓"}
_BRIEF = 2


def diagnosis_text(findings: Sequence[Finding]) -> Text:
    """Every finding: what, by which numbers, what to do, and the command that does it."""
    text = Text()
    for one in findings:
        style = _STYLES.get(one.severity, "")
        text.append(f"{_SIGNS.get(one.severity, ' ')} {one.title}\n", style=f"bold {style}")
        text.append(f"  {one.evidence}\n").append(f"  → {one.advice}\n", style="dim")
        if one.command:
            text.append(f"  {_called(one.command)}\n", style="bold")
        text.append("\n")
    text.rstrip()
    return text


def data_text(notes: Sequence[str], findings: Sequence[Finding]) -> Text:
    """What is to be said of data before they are trained on: what was chosen, and each finding with what to do."""
    text = Text()
    for note in notes:
        text.append(f"{note}\n", style="not bold")
    for one in findings:
        style = _STYLES.get(one.severity, "")
        text.append(f"{_SIGNS.get(one.severity, ' ')} {one.title}. ", style=f"not bold {style}")
        text.append(f"{one.evidence}\n", style="not bold")
        if one.severity != "good":
            text.append(f"  → {one.advice}\n", style="dim not bold")
    return text


def brief_text(findings: Sequence[Finding], run: str) -> Text:
    """The two weightiest findings on a line each, and how to read all of them."""
    text = Text()
    for one in findings[:_BRIEF] if findings[0].severity == "fault" else _mild(findings):
        text.append(f"{_SIGNS.get(one.severity, ' ')} {one.title}", style=_STYLES.get(one.severity, ""))
        tried = one.command and one.severity != "good"  # beside a hint, its command would contradict the hint's
        text.append(f": {_called(one.command)}\n" if tried else "\n", style="dim")
    text.append(f"  {say('why', '근거')}: {shlex.join([program(), 'diagnose', run])}\n", style="dim")
    return text


def _mild(findings: Sequence[Finding]) -> list[Finding]:
    """Without faults: that there are none, and the first hint."""
    good = [one for one in findings if one.severity == "good"][:1]
    return good + [one for one in findings if one.severity == "hint"][: _BRIEF - len(good)]


def diagnosis_lines(findings: Sequence[Finding]) -> list[str]:
    """The same without colours, for `str`."""
    return diagnosis_text(findings).plain.splitlines()


def _called(command: str) -> str:
    """The command as it is called from here."""
    first, _, rest = command.partition(" ")
    return f"{shlex.quote(program())} {rest}" if first == "sonmat" else command
