"""Messages that ended their actor three times in a row: what is kept of one, and the question for them."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct


class DeadLetterView(Struct, frozen=True, kw_only=True):
    """One of them, without anything personal.

    Attributes:
        path: whom it ended.
        message: in words, what is marked as personal hidden.
        error: the class of what it ended with; `history` has the rest.
    """

    at: datetime
    path: str
    message_type: str
    message: str
    error: str


class ReadDeadLetters(Struct, frozen=True, kw_only=True, gc=False):
    """Asks for the newest ones, oldest first; answers a list of `DeadLetterView`."""

    limit: int
