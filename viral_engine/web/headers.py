"""Headers that must not be ambiguous: whoever stands between us and the client may have read the other one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from viral_engine.web.errors import ApiError

Headers = Sequence[tuple[bytes, bytes]]
_SPOKEN = frozenset({"1.0", "1.1"})


def the_only(headers: Iterable[tuple[bytes, bytes]], name: bytes) -> bytes | None:
    """Returns the value of a header, None when it is not there.

    Raises:
        ApiError: 400 when it stands twice.
    """
    found = [value for known, value in headers if known == name]
    if len(found) > 1:
        raise _malformed(f"the header {name.decode().title()} stands twice")
    return found[0] if found else None


def refuse_ambiguous(headers: Headers, http_version: str) -> None:
    """Passes a head whose end and whose host are beyond doubt (RFC 9112, 3.2 and 6.1).

    Raises:
        ApiError: 400 without exactly one Host in HTTP/1.1 or of another HTTP, 501 for a transfer coding that is not
            `chunked` alone.
    """
    if http_version not in _SPOKEN:
        raise _malformed("only HTTP/1.0 and HTTP/1.1 are spoken here")
    if http_version == "1.1" and the_only(headers, b"host") is None:
        raise _malformed("HTTP/1.1 needs the header Host")
    coding = the_only(headers, b"transfer-encoding")
    if coding is not None and coding.strip().lower() != b"chunked":
        raise ApiError(501, "not_implemented", "of transfer codings only chunked is understood")


def _malformed(message: str) -> ApiError:
    return ApiError(400, "malformed_request", message)
