"""TOML with its lines: where a text is none, and where a key stands, which the standard library's reader forgets."""

import re
import tomllib
from typing import Any

__all__ = ["DOTS_MAX", "NoToml", "joined", "line_of", "parse"]

_PART = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*"|'[^']*')"""
_KEY_PATH = rf"{_PART}(?:\s*\.\s*{_PART})*"
_HEADER = re.compile(rf"\s*(\[\[?)\s*({_KEY_PATH})\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(rf"\s*({_KEY_PATH})\s*=")


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


def joined(path: str, key: str) -> str:
    """The path of a key within the table at `path`."""
    return f"{path}.{key or EMPTY}" if path else key or EMPTY


def _lines(source: str) -> dict[str, int]:
    found: dict[str, int] = {}
    table, counts = "", dict[str, int]()
    for number, line in enumerate(source.split("\n"), 1):
        header = _HEADER.match(line)
        if header is not None:
            *outer, last = _parts(header.group(2))
            table = ""
            for part in outer:
                table = _last_item(joined(table, part), counts)
                # A table that is named by its inner ones alone stands where the first of them does.
                found.setdefault(table, number)
            table = joined(table, last)
            if header.group(1) == "[[":
                found.setdefault(table, number)
                counts[table] = counts.get(table, -1) + 1
            table = _last_item(table, counts)
            found.setdefault(table, number)
            continue
        key = _KEY.match(line)
        path = table
        for part in _parts(key.group(1)) if key is not None else ():
            path = joined(path, part)
            found.setdefault(path, number)
    return found


def _last_item(path: str, counts: dict[str, int]) -> str:
    """What a header means by a list of tables: the last one so far."""
    return f"{path}[{counts[path]}]" if path in counts else path


def _parts(dotted: str) -> list[str]:
    """The keys of a dotted one, without quotes and escapes, as the reader of the standard library takes them."""
    try:
        inner: Any = tomllib.loads(f"{dotted} = 0")
    except ValueError:
        # A line within a text of several lines may look like a key and be none.
        return [dotted]
    parts: list[str] = []
    while isinstance(inner, dict):
        [(part, inner)] = inner.items()
        parts.append(part)
    return parts


EMPTY = '""'
"""How an empty key is told."""

_LONG_NUMBER = re.compile(r"[0-9_]{4000}")
"""Of more digits than a number is made of."""

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
    for number, line in enumerate(source.split("\n"), 1):
        if line.count(".") > DOTS_MAX:
            raise NoToml(number, f"must have at most {DOTS_MAX} dots in a line")
    try:
        return tomllib.loads(source)
    except RecursionError:
        raise NoToml(_deepest(source), "is nested too deep") from None
    except ValueError as error:
        # Of its own kind, and of whatever makes a number of too many digits.
        raise NoToml(_blamed(source, str(error)), f"is no TOML: {error}") from None


def _blamed(source: str, says: str) -> int:
    """The line that the reader's error is about."""
    found = re.search(r"line (\d+)", says)
    if found is not None:
        return int(found.group(1))
    number = _LONG_NUMBER.search(source)
    at = len(source.rstrip()) if "end of document" in says or number is None else number.start()
    return _line_at(source, at)


def _deepest(source: str) -> int:
    """The line that is nested deepest, whatever texts hold of brackets."""
    depth, deepest, at = 0, 0, 0
    for found in re.finditer(r"[\[\]{}]", source):
        depth += 1 if found.group() in "[{" else -1
        if depth > deepest:
            deepest, at = depth, found.start()
    return _line_at(source, at)


def _line_at(source: str, at: int) -> int:
    return source.count("\n", 0, at) + 1
