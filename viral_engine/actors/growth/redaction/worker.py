"""The process for large texts, from inside: reads a text, answers it, until nobody writes any more."""

from __future__ import annotations

import resource
import signal
import socket
import sys

import msgspec

from viral_engine.actors.growth.redaction.frames import Closed, receive, send
from viral_engine.actors.growth.redaction.work import answer_of
from viral_engine.messages.redaction import Redact

WORK_S_MAX = 30
"""Longer than the daemon waits: it ends this process when there is no daemon left to kill it."""


def main() -> int:
    """Works on what comes in over standard input, a socket."""
    # A picture of the memory would hold the texts.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with socket.socket(fileno=0) as connection:
        while True:
            try:
                question = receive(connection)
                signal.alarm(WORK_S_MAX)
                answer = answer_of(msgspec.msgpack.decode(question, type=Redact))
                send(connection, msgspec.msgpack.encode(answer))
            except (Closed, OSError):
                return 0
            signal.alarm(0)


if __name__ == "__main__":
    sys.exit(main())
