"""What an exception says, without what its handler was given: an error's text may quote anything.

The frames of a traceback still hold the messages that were worked on, and those say which of their fields are personal
(`flight_recorder.personal`). Whatever such a field holds is hidden wherever the text repeats it.
"""

from __future__ import annotations

import re
import traceback
from typing import TYPE_CHECKING, Any

from viral_engine.runtime.flight_recorder import HIDDEN, fields_of
from viral_engine.runtime.mailbox import Envelope

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from viral_engine.runtime.exits import Exit

VALUES_MAX = 2_000
"""Values that are looked for in one text: a batch of a thousand messages with two each; of more the first ones."""

LENGTH_MIN = 3
"""Shorter values are left: hiding every 4 would leave no line number."""

WORD_LENGTH_MIN = 5
"""Words of a longer text are hidden too, as an error may quote a part of it; shorter words say nothing of anybody."""

DEPTH_MAX = 4

KNOWN_MAX = 32
"""Ends whose words are remembered, as everybody who looks at the tree asks for them; beyond it all are made again."""

_known: dict[int, tuple[Exit, str]] = {}


def words_of(exit_reason: Exit) -> str:
    """Returns the reason of an end as `str` does, what is personal hidden."""
    if exit_reason.error is None:
        return str(exit_reason)
    known = _known.get(id(exit_reason))
    if known is not None and known[0] is exit_reason:
        return known[1]
    words = _hide(str(exit_reason), exit_reason.error)
    if len(_known) >= KNOWN_MAX:
        _known.clear()
    _known[id(exit_reason)] = (exit_reason, words)
    return words


def traceback_of(error: BaseException) -> str:
    """Returns the traceback with those of its causes, what is personal hidden."""
    return _hide("".join(traceback.format_exception(error)), error)


def _hide(text: str, error: BaseException) -> str:
    values = sorted(set(_limited(_values_behind(error))), key=len, reverse=True)
    if not values:
        return text
    # As words of their own: a short id is no part of a longer number. One pass, so nothing hidden is looked at again.
    return re.sub(rf"(?<!\w)(?:{'|'.join(map(re.escape, values))})(?!\w)", HIDDEN, text)


def _limited(values: Iterator[str]) -> Iterator[str]:
    for _, value in zip(range(VALUES_MAX), values, strict=False):
        yield value


def _values_behind(error: BaseException | None) -> Iterator[str]:
    """Yields what the messages in the frames of an exception, and of those that led to it, mark as personal."""
    known: set[int] = set()
    while error is not None and id(error) not in known:
        known.add(id(error))
        frame = error.__traceback__
        while frame is not None:
            for local in tuple(frame.tb_frame.f_locals.values()):
                yield from _personal_in(local, DEPTH_MAX)
            frame = frame.tb_next
        error = error.__cause__ or error.__context__


def _personal_in(value: Any, depth: int) -> Iterator[str]:
    if depth == 0:
        return
    if isinstance(value, list | tuple) and not hasattr(value, "_fields"):
        for item in value[:VALUES_MAX]:
            yield from _personal_in(item, depth - 1)
    elif isinstance(value, Envelope):
        yield from _personal_in(value.message, depth - 1)
    else:
        hidden = getattr(type(value), "__personal_fields__", ())
        for name, item in fields_of(value):
            if name in hidden:
                yield from _texts_of(item, DEPTH_MAX)
            else:
                yield from _personal_in(item, depth - 1)


def _texts_of(value: Any, depth: int) -> Iterator[str]:
    """Yields every text and number in a personal value, long texts with their words."""
    match value:
        case str():
            yield from (part for part in {value, repr(value)[1:-1]} if len(part) >= LENGTH_MIN)
            yield from _long_words(value)
        case bool() | None | bytes():
            return
        case int() | float():
            yield from (part for part in (str(value),) if len(part) >= LENGTH_MIN)
        case dict() if depth:
            for key, item in value.items():
                yield from _texts_of(key, depth - 1)
                yield from _texts_of(item, depth - 1)
        case list() | tuple() | set() | frozenset() if depth:
            yield from _all_of(value, depth - 1)
        case _ if depth:
            yield from _all_of((item for _, item in fields_of(value)), depth - 1)


def _all_of(values: Iterable[Any], depth: int) -> Iterator[str]:
    for value in values:
        yield from _texts_of(value, depth)


def _long_words(text: str) -> Iterator[str]:
    parts = re.findall(r"\w+", text)
    if len(parts) > 1:
        yield from (part for part in parts if len(part) >= WORD_LENGTH_MIN)
