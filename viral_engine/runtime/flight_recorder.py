"""What an actor did last: types and times of its messages, and the one that ended it, without anything personal."""

from __future__ import annotations

import dataclasses
import itertools
import time
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

FLIGHT_RECORDER_SIZE = 20
"""Messages remembered for whoever asks what an actor did last."""

HIDDEN = "…"
TEXT_LENGTH_MAX = 80
FIELDS_MAX = 20
ITEMS_MAX = 20
DEPTH_MAX = 4
WORDS_LENGTH_MAX = 4_000
"""Words are for a table of crashes, not for reading the message back."""


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
    """Returns a message in words: its type and fields, the personal ones hidden and the long ones cut.

    Never raises: it is asked while an actor ends, about a message that may be trouble.
    """
    words = _words(message, DEPTH_MAX)
    return words if len(words) <= WORDS_LENGTH_MAX else words[: WORDS_LENGTH_MAX - 1] + HIDDEN


def name_of(kind: type) -> str:
    """Returns a class's name, whatever its metaclass does."""
    try:
        return str(kind.__name__)
    except BaseException:  # noqa: BLE001  (see `describe`)
        return "object"


def fields_of(message: object) -> Iterator[tuple[str, object]]:
    """Yields the named fields of a dataclass, a named tuple or a msgspec Struct; nothing of what has none."""
    # Of the class: an object may answer anything when it is asked for what it has not.
    kind = type(message)
    names: Any = getattr(kind, "__struct_fields__", None) or getattr(kind, "_fields", None)
    if names is None and dataclasses.is_dataclass(kind):
        names = tuple(field.name for field in dataclasses.fields(kind))
    for name in names if isinstance(names, tuple) else ():
        yield name, getattr(message, name, HIDDEN)


def remember(recent: Any, envelopes: Any) -> None:
    """Notes messages that an actor begins with; ticks of a kind in a row take one place, or they would take all."""
    for envelope in envelopes:
        noted = (type(envelope.message), envelope.sent_s)
        if envelope.kind == "info" and recent and recent[-1][0] is noted[0]:
            recent[-1] = noted
        else:
            recent.append(noted)


def seen(recent: Any, wall_ms: int) -> tuple[Seen, ...]:
    """Returns what a recorder holds, oldest first.

    Args:
        recent: pairs of a message's type and the second (`time.monotonic()`) at which it was sent.
        wall_ms: now, in milliseconds since 1970.
    """
    now_s = time.monotonic()
    return tuple(Seen(name_of(kind), wall_ms - round((now_s - at_s) * 1_000)) for kind, at_s in tuple(recent))


def _words(message: object, depth: int) -> str:
    kind = type(message)
    try:
        fields = list(fields_of(message))
        if not fields:
            return name_of(kind)
        hidden: frozenset[str] = getattr(kind, "__personal_fields__", frozenset())
        shown = [f"{name}={HIDDEN if name in hidden else _short(value, depth)}" for name, value in fields[:FIELDS_MAX]]
    except BaseException:  # noqa: BLE001  (nobody's __repr__ or property may keep an actor from ending)
        return name_of(kind)
    if len(fields) > FIELDS_MAX:
        shown.append(HIDDEN)
    return f"{kind.__name__}({', '.join(shown)})"


def _short(value: object, depth: int) -> str:
    # Nested messages have marks of their own, which their repr, and that of a list of them, knows nothing of.
    if depth == 0:
        return HIDDEN
    try:
        match value:
            case _ if any(True for _ in fields_of(value)):
                return _words(value, depth - 1)
            case Mapping():
                pairs = itertools.islice(value.items(), ITEMS_MAX)
                shown = [f"{_short(key, depth - 1)}: {_short(item, depth - 1)}" for key, item in pairs]
                text = f"{{{_listed(shown, len(value))}}}"
            case list() | tuple() | set() | frozenset():
                shown = [_short(item, depth - 1) for item in itertools.islice(value, ITEMS_MAX)]
                text = f"[{_listed(shown, len(value))}]"
            case _:
                text = repr(value)
    except BaseException:  # noqa: BLE001  (see `_words`)
        return type(value).__name__
    return text if len(text) <= TEXT_LENGTH_MAX else text[:TEXT_LENGTH_MAX] + HIDDEN


def _listed(shown: list[str], length: int) -> str:
    return ", ".join([*shown, HIDDEN] if length > len(shown) else shown)
