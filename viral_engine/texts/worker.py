"""The process for texts, from inside: reads a text, answers it, until nobody writes any more."""

from __future__ import annotations

import os
import resource
import signal
import socket
import sys

import msgspec

from viral_engine.texts.frames import Closed, receive, send
from viral_engine.texts.work import Question, answer_of

WORK_S_MAX = 30
"""Longer than the daemon waits: it ends this process when there is no daemon left to kill it."""

NICER_BY = 10
"""Than the daemon, in steps of `nice`: on a busy machine texts take what decisions leave."""


def main() -> int:
    """Works on what comes in over standard input, a socket."""
    # Decisions go first.
    os.nice(NICER_BY)
    # A picture of the memory would hold the texts.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with socket.socket(fileno=0) as connection:
        while True:
            try:
                question = receive(connection)
                signal.alarm(WORK_S_MAX)
                answer = answer_of(msgspec.msgpack.decode(question, type=Question))
                send(connection, msgspec.msgpack.encode(answer))
            except (Closed, OSError):
                return 0
            signal.alarm(0)


if __name__ == "__main__":
    sys.exit(main())
