"""Reading a request's body within its route's limits."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from viral_engine.web.errors import ApiError, ClientGone, too_large

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]

BODY_TIMEOUT_S = 30.0
"""How long a client may take to send a body whose head has come."""


async def read_body(receive: Receive, content_length: bytes | None, bytes_max: int) -> bytes:
    """Returns the whole body; nothing is read of one whose announced length is too much.

    Raises:
        ApiError: 413 beyond the limit, 408 when it does not come in time.
        ClientGone: the connection ended before the body did.
    """
    # The digits are counted first: a number of thousands of digits takes quadratic time to read.
    if content_length is not None and (len(content_length) > 12 or int(content_length) > bytes_max):  # noqa: PLR2004
        raise too_large(bytes_max)
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            return await _whole(receive, bytes_max)
    except TimeoutError:
        raise ApiError(
            408, "request_timeout", "the body did not arrive in time", headers=((b"connection", b"close"),)
        ) from None


async def _whole(receive: Receive, bytes_max: int) -> bytes:
    parts: list[bytes] = []
    size_bytes = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        parts.append(message["body"])
        size_bytes += len(message["body"])
        if size_bytes > bytes_max:
            raise too_large(bytes_max)
        if not message["more_body"]:
            return b"".join(parts)
