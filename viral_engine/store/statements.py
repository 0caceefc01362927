"""Making the statements that the journal runs: values checked before they reach a batch that others share."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from viral_engine.messages.journal import Statement
from viral_engine.store.storable import refuse_unstorable

__all__ = ["instant_of", "json_text", "statement"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def statement(sql: str, *parameters: Any, rows_expected: int | None = None) -> Statement:
    """A statement whose texts PostgreSQL can hold.

    Raises:
        ValueError: A parameter holds a NUL character or a lone surrogate.
    """
    for number, parameter in enumerate(parameters, 1):
        for value in parameter if isinstance(parameter, list) else (parameter,):
            if isinstance(value, str):
                refuse_unstorable(value, f"parameter {number}")
    return Statement(sql, parameters, rows_expected)


def instant_of(at_ms: int) -> datetime:
    """A millisecond since 1970 as PostgreSQL's timestamptz takes it.

    Raises:
        ValueError: it lies beyond the year 9999, which could be stored and not be read back.
    """
    try:
        return _EPOCH + timedelta(milliseconds=at_ms)
    except OverflowError:
        raise ValueError(f"the instant {at_ms} ms lies beyond the year 9999") from None


def json_text(value: Any, what: str) -> str:
    """The text of a jsonb value.

    Raises:
        ValueError: jsonb, unlike json, cannot hold the NUL character, not even escaped.
    """
    _refuse_within(value, what)
    return msgspec.json.encode(value).decode()


def _refuse_within(value: Any, what: str) -> None:
    match value:
        case str():
            refuse_unstorable(value, what)
        case dict():
            for key, item in value.items():
                refuse_unstorable(str(key), what)
                _refuse_within(item, what)
        case list() | tuple():
            for item in value:
                _refuse_within(item, what)
