"""Taking personal data out of what the audit trail keeps: the value goes, the entry stays."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

__all__ = ["REDACTED", "redacted"]

REDACTED = "[redacted]"

# A key is personal if one of its words is: parent_email and parentEmail alike. `name` alone is the name of a thing.
_PERSONAL_WORDS = frozenset(
    {
        "address", "birth", "birthday", "birthdate", "content", "dob", "email", "emails", "evidence", "ip", "mail",
        "message", "mobile", "passphrase", "password", "phone", "phones", "secret", "ssn", "street", "token",
        "transcript",
    }
)  # fmt: skip
_PERSONAL_NAMES = re.compile(
    r"(?:first|last|full|given|family|middle|nick|user|display|child|student|parent|guardian)_?names?", re.IGNORECASE
)
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
# Every repetition is bounded, so that no text makes the scan slow.
_EMAIL = re.compile(r"[^\s@'\"<>(),;]{1,64}@[^\s@'\"<>(),;]{1,255}")
# Only what is written as a phone number: a bare row of digits may be the id that the entry is about.
_PHONE = re.compile(r"(?<![\w-])(?:\+\d[\d ().-]{5,20}\d|\(?\d{2,4}\)?[ .-]{1,2}\d{3,4}[ .-]?\d{3,4})(?![\w-])")
_DEPTH_MAX = 6
_ITEMS_MAX = 200
_TEXT_MAX = 1000


def redacted(value: Any, depth: int = _DEPTH_MAX) -> Any:
    """Plain data without what is personal by its key or by its look; deep, long and large data is cut.

    Characters that jsonb cannot hold are replaced: an entry is never refused.
    """
    match value:
        case None | bool() | int() | float():
            return value
        case str():
            return _text(value)
        case date():
            return value.isoformat()
        case _ if depth == 0:
            return "…"
        case Mapping():
            items = list(value.items())[:_ITEMS_MAX]
            return {_text(str(key)): REDACTED if _is_personal(str(key)) else redacted(item, depth - 1)
                    for key, item in items}  # fmt: skip
        case list() | tuple() | set() | frozenset():
            return [redacted(item, depth - 1) for item in list(value)[:_ITEMS_MAX]]
        case _:
            return _text(str(value))


def _is_personal(key: str) -> bool:
    words = {word.lower() for word in _WORD.findall(key)}
    return not words.isdisjoint(_PERSONAL_WORDS) or _PERSONAL_NAMES.search(key) is not None


def _text(value: str) -> str:
    cut = value if len(value) <= _TEXT_MAX else f"{value[:_TEXT_MAX]}…"
    storable = cut.replace("\0", "�").encode("utf-8", "replace").decode()
    return _PHONE.sub(REDACTED, _EMAIL.sub(REDACTED, storable))
