"""What an actor did last: types and times of its messages, and the one that ended it, without anything personal."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

FLIGHT_RECORDER_SIZE = 20
"""Messages remembered for whoever asks what an actor did last."""

HIDDEN = "…"
TEXT_LENGTH_MAX = 80
FIELDS_MAX = 20


class Seen(NamedTuple):
    """One message that an actor began with."""

    message_type: str
    at_ms: int


def personal(*fields: str) -> Any:
    """Marks fields of a message class as personal: `class SignUp: ...` behind `@personal("email")`."""

    def mark(message_class: type) -> type:
        message_class.__personal_fields__ = frozenset(fields)  # type: ignore[attr-defined]
        return message_class

    return mark


def describe(message: object) -> str:
    """Returns a message in words: its type and fields, the personal ones hidden and the long ones cut."""
    kind = type(message)
    fields = list(fields_of(message))
    if not fields:
        return kind.__name__
    hidden: frozenset[str] = getattr(kind, "__personal_fields__", frozenset())
    shown = [f"{name}={HIDDEN if name in hidden else _short(value)}" for name, value in fields[:FIELDS_MAX]]
    if len(fields) > FIELDS_MAX:
        shown.append(HIDDEN)
    return f"{kind.__name__}({', '.join(shown)})"


def fields_of(message: object) -> Iterator[tuple[str, object]]:
    """Yields the named fields of a dataclass, a named tuple or a msgspec Struct; nothing of what has none."""
    names: Any = getattr(message, "__struct_fields__", None) or getattr(message, "_fields", None)
    if names is None and dataclasses.is_dataclass(message):
        names = [field.name for field in dataclasses.fields(message)]
    for name in names or ():
        yield name, getattr(message, name, HIDDEN)


def seen(recent: Any, wall_ms: int) -> tuple[Seen, ...]:
    """Returns what a recorder holds, oldest first.

    Args:
        recent: pairs of a message's type and the second (`time.monotonic()`) at which it was sent.
        wall_ms: now, in milliseconds since 1970.
    """
    now_s = time.monotonic()
    return tuple(Seen(kind.__name__, wall_ms - round((now_s - at_s) * 1_000)) for kind, at_s in tuple(recent))


def _short(value: object) -> str:
    # Nested messages have marks of their own, which their repr knows nothing of.
    if any(True for _ in fields_of(value)):
        return describe(value)
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001  (somebody's __repr__ must not hide why an actor ended)
        return type(value).__name__
    return text if len(text) <= TEXT_LENGTH_MAX else text[:TEXT_LENGTH_MAX] + HIDDEN
