"""An application for whoever is turned away whatever they ask."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from viral_engine.web.errors import ApiError

App = Callable[[Any, Any, Any], Awaitable[None]]


def refusing(error: ApiError) -> App:
    """Returns an application that answers with one error and closes the connection."""
    body = error.body()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        (b"connection", b"close"),
        *error.headers,
    ]

    async def refuse(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": error.status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return refuse
