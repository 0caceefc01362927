"""Errors as callers see them: `{"error": code, "message": text, "field": path or null}` with a status.

Refusals with words for the user have another body: `compliance.py`.
"""

from __future__ import annotations

import msgspec

from viral_engine.domain.errors import Invalid
from viral_engine.messages.journal import NotCommitted, NotRecorded, RowsDiffer
from viral_engine.messages.once import ClaimLost
from viral_engine.messages.reading import NotRead
from viral_engine.messages.refusals import Refused
from viral_engine.runtime.errors import CallError, DeadLetter

RETRY_AFTER_S = 1
"""Parts that are away are restarted within a second, so a caller may ask again after one."""

_HTTP_UNAVAILABLE = 503


class ErrorBody(msgspec.Struct, frozen=True, kw_only=True):
    """Body of every answer that is not a success."""

    error: str
    message: str
    field: str | None = None


class ApiError(Exception):
    """An answer that is not a success.

    Attributes:
        status: HTTP status.
        code: stable word for programs.
        message: one sentence that names the situation, without the offending value.
        field: path of the offending field.
        headers: additional response headers.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        field: str | None = None,
        headers: tuple[tuple[bytes, bytes], ...] = (),
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.field = field
        if status == _HTTP_UNAVAILABLE:
            headers = (*headers, (b"retry-after", b"%d" % RETRY_AFTER_S))
        self.headers = headers

    def body(self) -> bytes:
        """Returns the JSON body."""
        return msgspec.json.encode(ErrorBody(error=self.code, message=self.message, field=self.field))

    def item(self) -> ErrorBody:
        """Returns the error as an item of a bulk answer."""
        return ErrorBody(error=self.code, message=self.message, field=self.field)


class ClientGone(Exception):
    """The client closed the connection before its request was complete: nobody is left to be answered."""


def invalid(field: str | None, message: str) -> ApiError:
    """Returns the refusal of input that can be parsed but not accepted."""
    return ApiError(422, "invalid", message, field=field)


def malformed(message: str) -> ApiError:
    """Returns the refusal of a body that is no JSON text."""
    return ApiError(400, "malformed_json", message)


def too_large(bytes_max: int) -> ApiError:
    """Returns the refusal of a body beyond its route's limit."""
    return ApiError(413, "too_large", f"the body may have {bytes_max} bytes at most")


def unavailable(message: str) -> ApiError:
    """Returns the refusal for a part that is away right now."""
    return ApiError(503, "unavailable", message)


def insufficient_scope(scopes: tuple[str, ...], field: str | None = None) -> ApiError:
    """Returns the refusal of a key that lacks a scope; it names what is missing."""
    return ApiError(403, "insufficient_scope", f"this needs an API key of scope {' or '.join(scopes)}", field=field)


def as_api_error(error: BaseException) -> ApiError | None:
    """Returns the answer for an exception; None for one that is a fault of ours."""
    match error:
        case ApiError():
            return error
        case Invalid():
            return invalid(error.field, f"{error.field} {error.reason}")
        case Refused():
            return ApiError(error.http_status, error.code, error.message, field=error.field)
        case DeadLetter():
            return ApiError(
                422,
                "dead_letter",
                "this request ended the part that handles it three times in a row; it is refused until that is mended",
            )
        case CallError():
            return unavailable("a part that is needed for this is away right now")
        case NotRead():
            return unavailable("the database is away right now")
        case NotRecorded():
            return unavailable("the decision could not be recorded in time")
        case NotCommitted(maybe=True):
            return unavailable("the change could not be confirmed in time; it may have been made")
        case NotCommitted():
            return unavailable("the change could not be stored in time; nothing was changed")
        case ClaimLost():
            return ApiError(503, "idempotency_in_progress", str(error))
        case RowsDiffer():
            return ApiError(409, "conflict", "somebody else changed this at the same time")
        case _:
            return None


def internal() -> ApiError:
    """Returns what a caller is told of a fault of ours: nothing but that there was one."""
    return ApiError(500, "internal", "something went wrong on our side; the request id names it in our log")
