"""The text of an attempt on its way to be looked at, and what was seen in it."""

from __future__ import annotations

from msgspec import Struct

from viral_engine.runtime.flight_recorder import personal


@personal("text", "kinds", "signals")
class Content(Struct, frozen=True, gc=False):
    """Text that an attempt would show to somebody, or what was seen in it; never both.

    Attributes:
        text: as it was sent, until somebody looked at it.
        kinds: of the personal details in it, words of `domain.redaction.kinds.Kind`.
        signals: words of `domain.content_signals.Signal`.
        is_seen: whether somebody looked at it.
    """

    text: str | None = None
    kinds: tuple[str, ...] = ()
    signals: tuple[str, ...] = ()
    is_seen: bool = False


@personal("text", "user_id")
class LookAt(Struct, frozen=True, tag=True, gc=False):
    """Asks `/growth/content` for the `Content` of a text.

    Attributes:
        user_id: who takes turns with others: nobody's texts wait behind all of another's.
    """

    text: str
    user_id: str = ""
