"""Numbers of rows as texts that tell neither their order nor what lies between two of them.

A Feistel network under the instance's key: the same number is always the same text, on each daemon of a database.
"""

from __future__ import annotations

import hashlib
import re

FORM = "^[0-9a-f]{16}$"
NUMBER_MAX = 2**48 - 1
"""Larger ones there are none: that is how a text which was made up is found out."""

_ROUNDS = range(8)
_HALF = 32
_MASK = 2**_HALF - 1


def sealed(key: bytes, number: int) -> str:
    """Returns the text of a number from 0 to `NUMBER_MAX`."""
    left, right = number >> _HALF, number & _MASK
    for turn in _ROUNDS:
        left, right = right, left ^ _mixed(key, turn, right)
    return f"{left << _HALF | right:016x}"


def opened(key: bytes, text: str) -> int | None:
    """Returns the number of a text; None for one that was not made under this key."""
    if re.fullmatch(FORM, text) is None:
        return None
    left, right = int(text[:8], 16), int(text[8:], 16)
    for turn in reversed(_ROUNDS):
        left, right = right ^ _mixed(key, turn, left), left
    number = left << _HALF | right
    return number if number <= NUMBER_MAX else None


def _mixed(key: bytes, turn: int, half: int) -> int:
    digest = hashlib.blake2b(bytes((turn,)) + half.to_bytes(4), digest_size=4, key=key, person=b"row numbers")
    return int.from_bytes(digest.digest())
