"""A check as it was sent to the check that trust_safety gets: every field canonical, every limit held."""

from __future__ import annotations

import time
from datetime import datetime
from typing import Any

import msgspec

from viral_engine.domain import canonical
from viral_engine.domain.consent import DataClass, RecipientClass
from viral_engine.domain.errors import Invalid
from viral_engine.messages.checks import CheckAction, CheckRequest
from viral_engine.messages.content import Content
from viral_engine.messages.refusals import untimely

TEXT_BYTES_MAX = 4096
"""Of `content` and of `context`'s JSON, in UTF-8."""

_DATA_CLASSES = frozenset(DataClass)
_RECIPIENT_CLASSES = frozenset(RecipientClass)
# No UTF-8 text of so few characters is longer than the limit.
_CHARACTERS_SURELY_SHORT = TEXT_BYTES_MAX // 4
OCCURRED_AHEAD_MAX_MS = 5 * 60_000
"""How far two clocks may be apart: what lies further ahead has not happened."""
REHEARSED_AHEAD_MAX_MS = 366 * 86_400_000
"""For operators, who let a recorded day pass again after its world was told, which is now."""


def to_action(
    request: CheckRequest, *, api_key_id: str, received_s: float, ahead_max_ms: int = OCCURRED_AHEAD_MAX_MS
) -> CheckAction:
    """Returns the canonical check.

    Whether the key may send `occurred_at`, and how far ahead, is the caller's to ask first.

    Raises:
        Invalid: a field that cannot be accepted.
        Refused: a time that can't be when an event happened.
    """
    return CheckAction(
        user_id=canonical.user_id(request.user_id),
        action_type=canonical.action_type(request.action_type),
        device_id=canonical.device_id(request.device_id),
        ip_address=canonical.ip_address(request.ip_address),
        email=None if request.email is None else canonical.email(request.email),
        phone=None if request.phone is None else canonical.phone(request.phone),
        content=None if request.content is None else _content(request.content),
        subject_id=None if request.subject_id is None else canonical.user_id(request.subject_id, "subject_id"),
        data_class=None if request.data_class is None else _one_of(request.data_class, "data_class", _DATA_CLASSES),
        recipient_class=None
        if request.recipient_class is None
        else _one_of(request.recipient_class, "recipient_class", _RECIPIENT_CLASSES),
        session_id=None if request.session_id is None else canonical.optional_text(request.session_id, "session_id"),
        has_context=False if request.context is None else _has_context(request.context),
        occurred_ms=None if request.occurred_at is None else _milliseconds(request.occurred_at, ahead_max_ms),
        api_key_id=api_key_id,
        received_s=received_s,
    )


def _content(text: str) -> Content:
    if len(text) > _CHARACTERS_SURELY_SHORT and len(text.encode()) > TEXT_BYTES_MAX:
        raise Invalid("content", f"may have {TEXT_BYTES_MAX} bytes at most")
    if "\0" in text:
        raise Invalid("content", "must not contain NUL")
    return Content(text=text)


def _has_context(context: dict[str, Any]) -> bool:
    encoded = msgspec.json.encode(context)
    if len(encoded) > TEXT_BYTES_MAX:
        raise Invalid("context", f"may have {TEXT_BYTES_MAX} bytes of JSON at most")
    return bool(context)


def _one_of(text: str, field: str, known: frozenset[DataClass] | frozenset[RecipientClass]) -> str:
    if text not in known:
        raise Invalid(field, f"must be one of {', '.join(sorted(known))}")
    return text


def _milliseconds(text: str, ahead_max_ms: int) -> int:
    try:
        moment = msgspec.convert(text, datetime)
    except msgspec.ValidationError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise Invalid("occurred_at", "must be a time of RFC 3339 with its offset")
    occurred_ms = round(moment.timestamp() * 1000)
    if occurred_ms < 0:
        raise untimely("occurred_at", "must not be before 1970")
    if occurred_ms > time.time() * 1000 + ahead_max_ms:
        # Children would be older then, and imported events never go backwards: one far ahead shuts out all after it.
        if ahead_max_ms == OCCURRED_AHEAD_MAX_MS:
            raise untimely("occurred_at", "must not lie more than 5 minutes ahead without scope operate")
        raise untimely("occurred_at", "must not lie more than a year ahead")
    return occurred_ms
