"""Messages that end whoever handles them: after three incarnations in a row one more is not given to the fourth."""

from __future__ import annotations

import threading
from typing import Any

DEATHS_MAX = 3
"""Incarnations in a row that one message may end."""

DEAD_LETTERS_MAX = 100
"""Dead letters known by one name; beyond it the oldest is forgotten, and might end three incarnations once more."""


class Suspects:
    """What a name knows of the messages that ended its incarnations.

    Attributes:
        letters: identities of dead letters; empty for nearly every name, so looking costs nothing.
    """

    __slots__ = ("_deaths", "_last", "_lock", "letters")

    def __init__(self) -> None:
        self.letters: list[Any] = []
        self._last: Any = None
        self._deaths = 0
        self._lock = threading.Lock()

    def blame(self, identity: Any) -> bool:
        """Notes which message an incarnation crashed on; True when that makes it a dead letter.

        Args:
            identity: what makes two messages the same (`Hooks.identity_of`).
        """
        with self._lock:
            self._deaths = self._deaths + 1 if same(identity, self._last) else 1
            self._last = identity
            if self._deaths < DEATHS_MAX:
                return False
            self._last, self._deaths = None, 0
            self.letters = [*self.letters[-(DEAD_LETTERS_MAX - 1) :], identity]
            return True

    def acquit(self) -> None:
        """Forgets the last suspect: an incarnation ended for another reason."""
        with self._lock:
            self._last, self._deaths = None, 0

    def is_dead_letter(self, identity: Any) -> bool:
        """Tells whether this message has ended three incarnations in a row."""
        return any(same(identity, letter) for letter in self.letters)

    def forgive(self) -> int:
        """Lets every dead letter through again, because somebody mended its handler; returns how many there were."""
        with self._lock:
            count, self.letters = len(self.letters), []
        return count


def same(one: Any, other: Any) -> bool:
    """Tells whether two messages are the same: of one class and equal."""
    if type(one) is not type(other):
        return False
    try:
        return bool(one == other)
    except BaseException:  # noqa: BLE001  (messages that can't be compared are different ones)
        return False
