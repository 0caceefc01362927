"""The facts of a decision as a person reads them. Pure.

Values stay the words that a policy's file uses for them. What this version does not know is shown by its own name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from viral_engine.cli.layout import clean, count, fields, table, word
from viral_engine.domain.facts import Flag, ListHit

_OF_OURSELVES = frozenset({"schema", "windows"})
_NAMES = {
    "now_ms": "decided at",
    "band": "age band",
    "granted_ms": "granted",
    "expires_ms": "ends",
    "withdrawn_ms": "withdrawn",
}
_INSTANTS = frozenset({"now_ms", "granted_ms", "expires_ms", "withdrawn_ms"})
_ROWS = {"blocks": ListHit._fields, "allows": ListHit._fields, "flags": Flag._fields}
"""Facts that are lists of lists, with what stands where in one."""

_PLAIN = frozenset({"kind", "severity", "scope"})
"""Fields of a row that need no name: the value says what it is."""


def told_facts(facts: Mapping[str, Any]) -> list[str]:
    """Returns the lines of recorded facts, indented; none when nothing is recorded."""
    told = {_label(name): _fact(name, value) for name, value in facts.items() if name not in _OF_OURSELVES}
    return [*fields(told, "  "), *_windows(facts.get("windows", []))]


def _fact(name: str, value: Any) -> Any:
    """Returns a fact as a text, or as its parts by their names in words."""
    match value:
        case Mapping():
            return {_label(part): _told(part, inner) for part, inner in value.items()}
        case [list() | Mapping(), *_]:
            names = _ROWS.get(name, ())
            return {str(number): _row(row, names) for number, row in enumerate(value, 1)}
        case _:
            return _told(name, value)


def _row(row: Any, names: Sequence[str]) -> str:
    """Returns one row in one line, its id last: it is the longest and is looked at least."""
    match row:
        case Mapping():
            values = dict(row)
        case list():
            rest = {str(number): value for number, value in enumerate(row[len(names) :], len(names) + 1)}
            values = dict(zip(names, row, strict=False)) | rest
        case _:
            return word(row)
    ordered = sorted(values.items(), key=lambda item: item[0] == "id")
    return ", ".join(
        _told(name, value) if name in _PLAIN else f"{_label(name)} {_told(name, value)}" for name, value in ordered
    )


def _label(name: str) -> str:
    """Returns a field's name in words, without the unit that its value is told with."""
    return clean(_NAMES.get(name) or name.removesuffix("_ms").removesuffix("_days").replace("_", " "))


def _told(name: str, value: Any) -> str:
    """Returns a value with its unit, if its name has one: instants as times, lengths of time in days or seconds."""
    if isinstance(value, int) and not isinstance(value, bool):
        if name in _INSTANTS:
            return datetime.fromtimestamp(value / 1_000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        if name.endswith("_ms"):
            return f"{value / 1_000:g} s"
        if name.endswith("_days"):
            return count(value, "day")
    return word(value)


def _windows(uses: Sequence[Sequence[Any]]) -> list[str]:
    """Returns a line per window: places taken before this attempt, and when there is one more."""
    rows = [
        [clean(name), f"{used} taken", f"one more in {reset_ms / 1_000:g} s" if reset_ms else ""]
        for name, used, reset_ms in uses
    ]
    if not rows:
        return []
    return ["  windows", *(f"    {line}" for line in table(("WINDOW", "USED", "RESET"), rows, headers=False))]
