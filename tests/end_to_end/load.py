"""Callers who keep a daemon busy, and requests that are under way."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

from running_daemon import RunningDaemon

WORKERS = 8


class Load:
    """Callers who ask one check after the other, each on a kept connection, until they are told to stop."""

    def __init__(self, daemon: RunningDaemon) -> None:
        self.answers: list[tuple[int, dict[str, Any]]] = []
        self.faults: list[BaseException] = []
        self._daemon = daemon
        self._key = daemon.key
        self._stop = threading.Event()
        self._progress = threading.Condition()
        self._threads = [threading.Thread(target=self._ask, args=(number,)) for number in range(WORKERS)]

    def _ask(self, number: int) -> None:
        connection = self._daemon.connection()
        asked = 0
        while not self._stop.is_set():
            asked += 1
            body = json.dumps({"user_id": f"load-{number}-{asked}", "action_type": "general"})
            try:
                connection.request("POST", "/v1/actions/check", body, {"Authorization": f"Bearer {self._key}"})
                response = connection.getresponse()
                answer = (response.status, json.loads(response.read()))
            except http.client.RemoteDisconnected:
                # A server that is replaced closes an idle connection; a client sends such a request again.
                connection.close()
                continue
            except BaseException as fault:  # noqa: BLE001  (whatever reaches the caller is what the test is about)
                self.faults.append(fault)
                return
            with self._progress:
                self.answers.append(answer)
                self._progress.notify_all()
        connection.close()

    def wait_for_more(self, count: int) -> None:
        """Waits until so many more answers have come, or somebody met a fault."""
        with self._progress:
            target = len(self.answers) + count
            assert self._progress.wait_for(lambda: len(self.answers) >= target or self.faults, 60), "no more answers"

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)


@contextmanager
def under_way(daemon: RunningDaemon, line: str, body: Any = None) -> Iterator[socket.socket]:
    """A connection with a request under way."""
    sent = json.dumps(body) if body is not None else ""
    head = f"{line} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {daemon.key}\r\nContent-Length: {len(sent)}\r\n\r\n"
    with socket.create_connection(address(daemon)) as connection:
        connection.sendall(f"{head}{sent}".encode())
        yield connection


def address(daemon: RunningDaemon) -> tuple[str, int]:
    """Where it listens."""
    connection = daemon.connection()
    return connection.host, connection.port
