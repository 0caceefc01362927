"""In which line of a TOML text a key stands: the standard library's reader forgets where it read what."""

import re

__all__ = ["line_of"]

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
