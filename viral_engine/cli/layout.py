"""Plain text out of data: aligned tables, ages, lists of fields. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

GAP = "  "
_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


def clean(text: str) -> str:
    """Makes text of others harmless for a terminal: control and direction characters become visible."""
    return "".join(
        character if character in "\n\t" or unicodedata.category(character) not in ("Cc", "Cf", "Cs") else "\ufffd"
        for character in text
    )


def width(text: str) -> int:
    """Returns the columns that a text takes, colours not counted."""
    plain = _ESCAPES.sub("", text)
    return sum(
        0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in plain
    )


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, headers: bool = True) -> list[str]:
    """Returns aligned lines; columns whose name ends in `>` are right-aligned."""
    names = [name.removesuffix(">") for name in columns]
    lines = [names, *rows] if headers else list(rows)
    widths = [max((width(line[index]) for line in lines), default=0) for index in range(len(names))]
    return [
        GAP.join(
            _pad(cell, widths[index], right=columns[index].endswith(">")) for index, cell in enumerate(line)
        ).rstrip()
        for line in lines
    ]


def fields(values: Mapping[str, Any], indent: str = "") -> list[str]:
    """Returns one line per field, nested ones below their name."""
    longest = max((width(name) for name, value in values.items() if not _is_nested(value)), default=0)
    lines: list[str] = []
    for name, value in values.items():
        if _is_nested(value):
            lines.append(f"{indent}{name}")
            lines += fields(value if isinstance(value, Mapping) else _numbered(value), indent + "  ")
        else:
            lines.append(f"{indent}{_pad(name, longest)}{GAP}{word(value)}".rstrip())
    return lines


def word(value: Any) -> str:
    """Returns a value as a person would write it."""
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case list() | tuple():
            return ", ".join(word(item) for item in value) or "-"
        case Mapping():
            return ", ".join(f"{name}={word(item)}" for name, item in value.items()) or "-"
        case _:
            return clean(str(value))


def age(seconds: float | None) -> str:
    """Returns a span of time in its two largest units; `-` for none."""
    if seconds is None:
        return "-"
    if seconds < 10:  # noqa: PLR2004  (below it tenths are of interest)
        return f"{max(seconds, 0.0):.1f}s"
    whole = round(seconds)
    for unit_s, name, part_s, part in ((86_400, "d", 3_600, "h"), (3_600, "h", 60, "m"), (60, "m", 1, "s")):
        if whole >= unit_s:
            return f"{whole // unit_s}{name}{whole % unit_s // part_s:02d}{part}"
    return f"{whole}s"


def count(number: int, noun: str) -> str:
    """Returns a number with its noun: 1 restart, 2 restarts."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _pad(cell: str, columns: int, *, right: bool = False) -> str:
    space = " " * (columns - width(cell))
    return space + cell if right else cell + space


def _is_nested(value: Any) -> bool:
    if isinstance(value, Mapping):
        return bool(value)
    return isinstance(value, list) and any(isinstance(item, Mapping | list) for item in value)


def _numbered(values: Sequence[Any]) -> dict[str, Any]:
    return {str(number): value for number, value in enumerate(values, 1)}
