"""TOML with its lines: where a text is none, and where a key stands, which the standard library's reader forgets."""

import re
import tomllib
from typing import Any

__all__ = ["DOTS_MAX", "NoToml", "line_of", "parse"]

_HEADER = re.compile(r"\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"\s*([A-Za-z0-9_.\"'*-]+(?:\s*\.\s*[A-Za-z0-9_\"'*-]+)*)\s*=")
_INDEX = re.compile(r"\[\d+\]")


def line_of(source: str, path: str) -> int:
    """The line, counted from 1, of a key, or of the nearest thing around it that has a line; 0 if nothing has.

    Args:
        source: TOML that was read without an error.
        path: Keys joined by dots, items of a list by their index: `rule[2].when.all[0].fact`.
    """
    lines = _lines(source)
    wanted = path
    while wanted:
        if wanted in lines:
            return lines[wanted]
        # A part of an inline value: its key has the line.
        shorter = wanted.rpartition("[")[0] if wanted.endswith("]") else wanted.rpartition(".")[0]
        wanted = shorter
    return 0


def _lines(source: str) -> dict[str, int]:
    found: dict[str, int] = {}
    table, counts = "", dict[str, int]()
    for number, line in enumerate(source.splitlines(), 1):
        header = _HEADER.match(line)
        if header is not None:
            name = _path(header.group(2))
            if header.group(1) == "[[":
                index = counts[name] = counts.get(name, -1) + 1
                found.setdefault(name, number)
                table = f"{name}[{index}]"
            else:
                # A table of the last item of a list of tables: [rule.fades].
                first, dot, rest = name.partition(".")
                table = f"{first}[{counts[first]}]{dot}{rest}" if first in counts else name
            found.setdefault(table, number)
            continue
        key = _KEY.match(line)
        if key is not None:
            path = f"{table}.{_path(key.group(1))}" if table else _path(key.group(1))
            found.setdefault(path, number)
    return found


def _path(dotted: str) -> str:
    return ".".join(part.strip().strip("\"'") for part in dotted.split("."))


DOTS_MAX = 200
"""In a line: each prefix of a dotted key is kept while it is parsed, so that a long one would take gigabytes."""


class NoToml(Exception):
    """A text is no TOML.

    Attributes:
        line: where, from 1; 0 if that is not known.
        reason: why.
    """

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line
        self.reason = reason


def parse(source: str) -> dict[str, Any]:
    """The tables of a text.

    Raises:
        NoToml: With its line.
    """
    for number, line in enumerate(source.splitlines(), 1):
        if line.count(".") > DOTS_MAX:
            raise NoToml(number, f"must have at most {DOTS_MAX} dots in a line")
    try:
        return tomllib.loads(source)
    except RecursionError:
        raise NoToml(0, "is nested too deep") from None
    except ValueError as error:
        # Of its own kind, and of whatever makes a number of too many digits.
        found = re.search(r"line (\d+)", str(error))
        last = source.count("\n") + 1 if "end of document" in str(error) else 0
        raise NoToml(int(found.group(1)) if found else last, f"is no TOML: {error}") from None
