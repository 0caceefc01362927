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


@dataclass(frozen=True, slots=True)
class Place:
    """Where a daemon listens, and which one it is.

    Attributes:
        url: such as `http://127.0.0.1:4000`.
        incarnation: the same as long as it is the same process; None where that is not known.
    """

    url: str
    incarnation: object = None


class Peer:
    """One connection to a daemon; not to be shared by threads.

    Args:
        locate: tells where the daemon is now: one that was started again may listen elsewhere.
        key: the API key.
        patience_s: for one request with all its tries.

    Raises:
        ValueError: the URL is none of http or https.
    """

    def __init__(self, locate: Callable[[], Place], key: str, patience_s: float = PATIENCE_S) -> None:
        self._locate = locate
        self._place = locate()
        self._key = key
        self._patience_s = patience_s
        self._pause = threading.Event()
        self._open()

    def _open(self) -> None:
        parts = urlsplit(self._place.url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(f"{self._place.url!r} is not a URL of http or https")
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(parts.hostname, parts.port, timeout=TIMEOUT_S)
        self._path = parts.path.rstrip("/")

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
                raise DaemonAway(f"{self._place.url} could not be used for {self._patience_s:g} s: {why}")
            self._pause.wait(wait_s)
            if self._is_reborn() and is_reborn_told:
                raise DaemonReborn
            delay_s = min(delay_s * 2, DELAY_MAX_S)

    def _is_reborn(self) -> bool:
        before, self._place = self._place, self._locate()
        if before == self._place:
            return False
        self._connection.close()
        self._open()
        return True

    def _exchange(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> tuple[int, Any, float]:
        self._connection.request(method, self._path + path, body, headers)
        response = self._connection.getresponse()
        text = response.read()
        after = response.getheader("Retry-After", "")
        wait_s = min(float(after), DELAY_MAX_S) if after.isdecimal() else 0.0
        return response.status, json.loads(text) if text else None, wait_s
