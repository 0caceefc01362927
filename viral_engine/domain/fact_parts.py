"""Facts taken apart: by what two sets of facts differ, and one set with parts of another.

A part is a field, or what a field is made of: `band`, `velocity.device_users`, `windows.general`, `blocks.ip`.
"""

from collections.abc import Iterable
from typing import Any

from viral_engine.domain.facts import Facts, Flag, source_ordinals

__all__ = ["differing_parts", "with_parts"]

_ROWS = frozenset({"signup", "trust", "velocity", "referral"})
_HITS = frozenset({"blocks", "allows"})


def differing_parts(facts: Facts, other: Facts) -> list[str]:
    """The names of the parts that differ, sorted.

    Reports have no order: it is that in which they were loaded. Nor have their sources names, but who is the same.
    """
    mine, others = _parts(facts), _parts(other)
    return sorted(name for name in mine.keys() | others.keys() if mine.get(name) != others.get(name))


def with_parts(facts: Facts, other: Facts, names: Iterable[str]) -> Facts:
    """The facts with the named parts of the other ones; windows are no parts here."""
    for name in names:
        field, _, inner = name.partition(".")
        mine, theirs = getattr(facts, field), getattr(other, field)
        if not inner:
            value = theirs
        elif field in _HITS:
            value = (*(hit for hit in mine if hit.kind != inner), *(hit for hit in theirs if hit.kind == inner))
        else:
            value = mine._replace(**{inner: getattr(theirs, inner)})
        facts = facts._replace(**{field: value})
    return facts


def _parts(facts: Facts) -> dict[str, Any]:
    parts: dict[str, Any] = {}
    for field in facts._fields:
        value: Any = getattr(facts, field)
        if field in _ROWS:
            parts |= {f"{field}.{name}": item for name, item in zip(value._fields, value, strict=True)}
        elif field in _HITS:
            for hit in value:
                parts[f"{field}.{hit.kind}"] = (*parts.get(f"{field}.{hit.kind}", ()), hit)
        elif field == "windows":
            parts |= {f"windows.{use.window}": use for use in value}
        else:
            parts[field] = _without_order(value) if field == "flags" else value
    return parts


def _without_order(flags: Iterable[Flag]) -> list[Flag]:
    ordered = sorted(flags, key=lambda flag: (flag.id, flag.kind, flag.severity, flag.age_days, flag.source))
    sources = source_ordinals(flag.source for flag in ordered)
    return [flag._replace(source=source) for flag, source in zip(ordered, sources, strict=True)]
