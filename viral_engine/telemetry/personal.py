"""Keeps personal data out of logs, history and what operators are shown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

HIDDEN = "…"

PERSONAL_KEYS = frozenset(
    {
        "address", "authorization", "body", "content", "context", "cookie", "date_of_birth", "display_name", "email",
        "evidence", "first_name", "ip", "ip_address", "last_name", "message_content", "name_of_user", "password",
        "phone", "secret", "token", "api_key", "database_url",
    }
)  # fmt: skip
"""Keys whose values are never written down, wherever they stand."""

# Every repetition is bounded, so that no text makes the scan slow.
_WORD = r"[^\s@'\"<>()/:=,;]{1,64}"
_EMAIL = re.compile(rf"{_WORD}(?:'{_WORD})?@[^\s@'\"<>()/:,;]{{1,255}}")
_PHONE = re.compile(r"(?<![\w-])\+?\(?\d(?:[ .()-]{0,2}\d){8,14}(?![\w-])")
_URL_PASSWORD = re.compile(r"(?<=://)[^/\s:@]{1,64}:[^/\s@]{1,255}(?=@)")
_API_KEY = re.compile(r"\bve_[0-9A-Za-z]{1,64}_[0-9A-Za-z]{1,128}")

DEPTH_MAX = 6
ITEMS_MAX = 200


def mask_text(text: str) -> str:
    """Hides what looks like an e-mail address, a phone number, an API key or a password in a URL."""
    # Most texts, ids above all, have no such sign and are spared the two slowest scans.
    if "@" in text:
        text = _URL_PASSWORD.sub(HIDDEN, text)
    text = _API_KEY.sub(HIDDEN, text)
    if "@" in text:
        text = _EMAIL.sub(HIDDEN, text)
    return _PHONE.sub(HIDDEN, text)


def mask(value: Any, depth_max: int = DEPTH_MAX) -> Any:
    """Returns plain data with personal keys and texts hidden; deep and long data is cut off."""
    match value:
        case str():
            return mask_text(value)
        case None | bool() | int() | float():
            return value
        case _ if depth_max == 0:
            return HIDDEN
        case Mapping():
            return {
                str(key): HIDDEN if str(key).lower() in PERSONAL_KEYS else mask(item, depth_max - 1)
                for key, item in list(value.items())[:ITEMS_MAX]
            }
        case list() | tuple() | set() | frozenset():
            return [mask(item, depth_max - 1) for item in list(value)[:ITEMS_MAX]]
        case _:
            return mask_text(str(value))
