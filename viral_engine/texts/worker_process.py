"""The process for texts, from outside: started when needed, killed when it hangs, never left behind."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time

from viral_engine.texts.frames import Closed, receive, send

PROGRAM = "viral_engine.texts.worker"
REAP_S = 5.0
_ENVIRONMENT = ("PATH", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "TMPDIR")
"""What an interpreter needs; passwords of the daemon's environment are none of its business."""


class WorkerHung(Exception):
    """It did not answer in time and was killed."""


class WorkerDied(Exception):
    """It ended before it answered, or may not be started any more."""


class WorkerProcess:
    """At most one process. `ask` and `end` belong to one thread; `kill` may come from any and is for good."""

    def __init__(self, program: str = PROGRAM) -> None:
        self._program = program
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._is_over = False

    @property
    def pid(self) -> int | None:
        """The process's id; None while there is none."""
        process = self._process
        return None if process is None else process.pid

    def ask(self, question: bytes, timeout_s: float) -> bytes:
        """Returns the process's answer; starts it first when there is none.

        Raises:
            WorkerHung: no answer in time.
            WorkerDied: no process.
            OSError: it could not be started.
        """
        until_s = time.monotonic() + timeout_s
        connection = self._connection()
        try:
            send(connection, question, until_s)
            return receive(connection, until_s)
        except TimeoutError:
            self.end()
            raise WorkerHung from None
        except (OSError, Closed):
            self.end()
            raise WorkerDied from None

    def end(self) -> None:
        """Kills the process and waits until it is gone; another may be started."""
        with self._lock:
            process, connection = self._process, self._socket
            self._process = self._socket = None
        if connection is not None:
            connection.close()
        if process is not None:
            process.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(REAP_S)

    def kill(self) -> None:
        """Kills the process without waiting, and lets no other start: `ask` ends with `WorkerDied`."""
        with self._lock:
            self._is_over = True
            if self._process is not None:
                self._process.kill()

    def _connection(self) -> socket.socket:
        with self._lock:
            if self._is_over:
                raise WorkerDied
            if self._socket is not None:
                return self._socket
            ours, theirs = socket.socketpair()
            try:
                self._process = subprocess.Popen(  # noqa: S603  (this interpreter and a module of ours)
                    [sys.executable, "-P", "-m", self._program],
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    # A traceback may quote what it was working on.
                    stderr=subprocess.DEVNULL,
                    env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
                    start_new_session=True,
                )
            except OSError:
                ours.close()
                raise
            finally:
                theirs.close()
            self._socket = ours
            return ours
