"""The daemon's side of the conversation with its keeper."""

import contextlib
import json
import select
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from viral_engine.store.embedded.errors import KeeperLost, ServerDied
from viral_engine.store.embedded.layout import Layout
from viral_engine.store.embedded.settings import EmbeddedSettings

_KEEPER_FILE = Path(__file__).with_name("keeper.py")


class KeeperClient:
    """One keeper process and the socket whose closing makes it stop postgres and end."""

    def __init__(self, layout: Layout, settings: EmbeddedSettings) -> None:
        self._socket, theirs = socket.socketpair()
        with contextlib.ExitStack() as unless_started, theirs:
            unless_started.callback(self._socket.close)
            # -I -S: no site-packages, no PYTHON* variables: it starts in 30 ms and cannot be led astray.
            self._process = subprocess.Popen(  # noqa: S603 - our own file, no shell
                [
                    *(sys.executable, "-I", "-S", "-X", "utf8", str(_KEEPER_FILE)),
                    *(str(layout.keeper_lock), str(layout.log_file)),
                    *(str(settings.log_file_size_bytes_max), str(settings.log_files_max)),
                ],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env={"LC_ALL": "C"},
                # Ctrl-C in the terminal goes to the daemon alone, which still needs its database to finish.
                start_new_session=True,
            )
            unless_started.pop_all()
        self._unread = b""
        self.postmaster_pid: int | None = None

    @property
    def pid(self) -> int:
        """OS process number of the keeper."""
        return self._process.pid

    def is_serving(self) -> bool:
        """Whether postgres was started and nothing has been heard since: a keeper that serves is silent."""
        if self.postmaster_pid is None:
            return False
        # poll, not select: a daemon with thousands of connections has numbers that select cannot take.
        silence = select.poll()
        try:
            silence.register(self._socket, select.POLLIN)
        except ValueError:
            # Closed by a stop in another thread.
            return False
        return not silence.poll(0)

    def expect(self, event: str, deadline_s: float, *, doing: str) -> dict[str, Any]:
        """The keeper's next word, which must be `event`.

        Raises:
            TimeoutError: `deadline_s` (monotonic) passed.
            KeeperLost: the keeper is gone.
            ServerDied: it could not start the program it was told to.
        """
        while b"\n" not in self._unread:
            self._socket.settimeout(max(0.001, deadline_s - time.monotonic()))
            try:
                data = self._socket.recv(65536)
            except ConnectionError:
                data = b""
            if not data:
                raise KeeperLost(doing)
            self._unread += data
        line, _, self._unread = self._unread.partition(b"\n")
        said: dict[str, Any] = json.loads(line)
        if said["event"] == "failed":
            raise ServerDied(None, said["reason"])
        if said["event"] != event:
            raise KeeperLost(doing)
        return said

    def run(self, order: Mapping[str, object], deadline_s: float, *, doing: str) -> int:
        """Run a program to its end under the keeper and return its status; it dies with the daemon."""
        self._send({"op": "run", **order}, doing)
        status: int = self.expect("ran", deadline_s, doing=doing)["status"]
        return status

    def serve(self, order: Mapping[str, object], deadline_s: float) -> None:
        """Start postgres for good; `postmaster_pid` is known afterwards."""
        self._send({"op": "serve", **order}, "starting PostgreSQL")
        pid: int = self.expect("started", deadline_s, doing="starting PostgreSQL")["pid"]
        self.postmaster_pid = pid

    def exit_status(self) -> int | None:
        """What postgres ended with, None if the keeper did not live to tell; call once `is_serving` is False."""
        with contextlib.suppress(KeeperLost, TimeoutError, OSError):
            status: int = self.expect("exited", time.monotonic() + 1.0, doing="stopping")["status"]
            return status
        return None

    def stop(self, timeout_s: float) -> bool:
        """Let the keeper stop postgres; whether both were gone in time."""
        self._socket.close()
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return False
        self.postmaster_pid = None
        return True

    def _send(self, order: Mapping[str, object], doing: str) -> None:
        try:
            self._socket.sendall(json.dumps(order).encode() + b"\n")
        except OSError as error:
            raise KeeperLost(doing) from error
