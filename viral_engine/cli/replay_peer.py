"""The daemon as `replay` sees it: one kept connection, and patience while the daemon is away."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

PATIENCE_S = 60.0
"""How long one request is tried again before the replay gives up: a restart takes seconds."""
TIMEOUT_S = 30.0
DELAY_FIRST_S = 0.1
DELAY_MAX_S = 2.0
_AGAIN = frozenset({408, 429, 502, 503, 504})


class DaemonAway(Exception):
    """The daemon could not be reached, or not be used, for longer than the patience."""


class DaemonReborn(Exception):
    """Another daemon answers now; what the one before had done of the request is only in its records."""


@dataclass(frozen=True, slots=True)
class Response:
    """What came back.

    Attributes:
        document: the JSON body, None when there was none.
        tries: how often the request was sent.
        seconds: how long the last try took.
    """

    status: int
    document: Any
    tries: int
    seconds: float


class Peer:
    """One connection to a daemon; not to be shared by threads.

    Args:
        url: such as `http://127.0.0.1:4000`.
        key: the API key.
        incarnation: tells which daemon is running; anything that is the same as long as it is the same one.
        patience_s: for one request with all its tries.
    """

    def __init__(
        self,
        url: str,
        key: str,
        incarnation: Callable[[], object] = lambda: None,
        patience_s: float = PATIENCE_S,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(f"{url!r} is not a URL of http or https")
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self.url = url
        self._connection = kind(parts.hostname, parts.port, timeout=TIMEOUT_S)
        self._path = parts.path.rstrip("/")
        self._key = key
        self._incarnation = incarnation
        self._born = incarnation()
        self._patience_s = patience_s
        self._pause = threading.Event()

    def close(self) -> None:
        """Closes the connection."""
        self._connection.close()

    def pause(self, attempt: int) -> None:
        """Waits before another attempt, longer each time."""
        self._pause.wait(min(DELAY_FIRST_S * 2**attempt, DELAY_MAX_S))

    def send(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        once: str | None = None,
        *,
        is_reborn_told: bool = False,
    ) -> Response:
        """Sends a request until it is answered.

        Args:
            method: HTTP method.
            path: below the daemon's URL.
            body: JSON.
            once: the Idempotency-Key; the same for every try, so that a lost answer is not a second deed.
            is_reborn_told: whether a new daemon is an end of the tries.

        Raises:
            DaemonAway: no answer but "not now" within the patience.
            DaemonReborn: a new daemon is there, and the request may have been carried out in part by the one before.
        """
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        if once is not None:
            headers["Idempotency-Key"] = once
        give_up_s = time.monotonic() + self._patience_s
        delay_s, tries = DELAY_FIRST_S, 0
        while True:
            tries += 1
            begun_s = time.monotonic()
            try:
                status, document, wait_s = self._exchange(method, path, body, headers)
                why = f"it answers {status}"
            except (OSError, http.client.HTTPException, ValueError) as error:
                self._connection.close()
                status, document, wait_s = 0, None, 0.0
                why = str(error) or type(error).__name__
            if status and status not in _AGAIN:
                return Response(status, document, tries, time.monotonic() - begun_s)
            wait_s = max(wait_s, delay_s)
            if time.monotonic() + wait_s > give_up_s:
                raise DaemonAway(f"{self.url} could not be used for {self._patience_s:g} s: {why}")
            self._pause.wait(wait_s)
            if is_reborn_told and self._is_reborn():
                raise DaemonReborn
            delay_s = min(delay_s * 2, DELAY_MAX_S)

    def _is_reborn(self) -> bool:
        born, self._born = self._born, self._incarnation()
        return born != self._born

    def _exchange(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> tuple[int, Any, float]:
        self._connection.request(method, self._path + path, body, headers)
        response = self._connection.getresponse()
        text = response.read()
        after = response.getheader("Retry-After", "")
        wait_s = min(float(after), DELAY_MAX_S) if after.isdecimal() else 0.0
        return response.status, json.loads(text) if text else None, wait_s
