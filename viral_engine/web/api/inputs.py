"""What handlers check of paths, queries and bodies beyond their types."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from viral_engine.domain import canonical
from viral_engine.domain.errors import Invalid
from viral_engine.messages.reading import PAGE_MAX
from viral_engine.messages.refusals import untimely
from viral_engine.web import forms

PAGE_DEFAULT = 50
REASON_LENGTH_MAX = 500
UUID_FORM = re.compile(forms.UUID["pattern"])

EXPIRY_AHEAD_MAX = timedelta(days=100 * 365)
"""What expires later never expires."""


def uuid_text(value: str, field: str) -> str:
    """Returns an id of ours in its usual spelling.

    Raises:
        Invalid: no UUID.
    """
    # UUID() itself takes braces and any grouping of the digits.
    if UUID_FORM.fullmatch(value) is None:
        raise Invalid(field, "must be a UUID such as 01a2053f-9c1e-7d32-b2b1-5f0e6a7c8d90")
    return str(UUID(value))


def page_limit(query: Mapping[str, str]) -> int:
    """Returns how many rows a page has.

    Raises:
        Invalid: no number from 1 to `PAGE_MAX`.
    """
    text = query.get("limit")
    if text is None:
        return PAGE_DEFAULT
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and 1 <= int(text) <= PAGE_MAX):  # noqa: PLR2004
        raise Invalid("limit", f"must be a number from 1 to {PAGE_MAX}")
    return int(text)


def page_before(query: Mapping[str, str]) -> str | None:
    """Returns the id that the page before ended with."""
    return uuid_text(query["before"], "before") if "before" in query else None


def instant(text: str, field: str) -> datetime:
    """Returns a time of RFC 3339.

    Raises:
        Invalid: anything else, a time without offset included.
    """
    try:
        moment = msgspec.convert(text, datetime)
    except msgspec.ValidationError:
        raise Invalid(field, "must be a time of RFC 3339 with its offset") from None
    return with_offset(moment, field)


def with_offset(moment: datetime, field: str) -> datetime:
    """Refuses a time that does not say in which zone it is.

    Raises:
        Invalid: it has no offset.
    """
    if moment.tzinfo is None:
        raise Invalid(field, "must have an offset, such as Z")
    return moment


def expiry(
    moment: datetime | None, now_ms: int, field: str = "expires_at", ahead_max: timedelta = EXPIRY_AHEAD_MAX
) -> datetime | None:
    """Returns an expiry that lies ahead, in UTC.

    Raises:
        Invalid: it has no offset.
        Refused: it has passed, or lies further ahead than it may: so far that no expiry would say the same, or than
            what it ends may stand.
    """
    if moment is None:
        return None
    now = datetime.fromtimestamp(now_ms / 1000, UTC)
    aware = with_offset(moment, field)
    if aware <= now:
        raise untimely(field, "must lie in the future")
    # Compared before it is converted: the last hours of the year 9999 have no UTC that Python can hold.
    if aware > now + ahead_max:
        if ahead_max < EXPIRY_AHEAD_MAX:
            raise untimely(field, f"must lie within {ahead_max.days} days")
        raise untimely(field, f"must lie within {EXPIRY_AHEAD_MAX.days // 365} years: leave it out for never")
    return aware.astimezone(UTC)


def text(value: str, field: str, length_max: int = canonical.ID_LENGTH_MAX) -> str:
    """Returns text that is there and has no control characters.

    Raises:
        Invalid: anything else.
    """
    checked = canonical.optional_text(value, field, length_max)
    assert checked is not None
    return checked


_BREAKS = str.maketrans("\t\n\r", "   ")


def lines(value: str, field: str, length_max: int) -> str:
    """Returns text that may have several lines.

    Raises:
        Invalid: it is empty, too long, or has other control characters.
    """
    text(value.translate(_BREAKS), field, length_max)
    return value


def small_json(value: Mapping[str, Any], field: str, bytes_max: int) -> Mapping[str, Any]:
    """Returns an object that PostgreSQL can hold and that is no larger than it may be.

    Raises:
        Invalid: it is larger, or holds NUL.
    """
    encoded = msgspec.json.encode(value)
    if len(encoded) > bytes_max:
        raise Invalid(field, f"may have {bytes_max} bytes of JSON at most")
    # Without the escaped backslashes, so that the harmless text of six characters is not taken for a NUL.
    if b"\\u0000" in encoded.replace(b"\\\\", b""):
        raise Invalid(field, "must not contain NUL")
    return value
