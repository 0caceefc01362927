"""Outages of a daemon's own PostgreSQL."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from running_daemon import RunningDaemon


@contextmanager
def stopped_postgres(daemon: RunningDaemon) -> Iterator[int]:
    """Kills the postmaster with -9 and yields its pid."""
    pid = postmaster(daemon)
    os.kill(pid, signal.SIGKILL)
    yield pid


@contextmanager
def stalled_postgres(daemon: RunningDaemon) -> Iterator[None]:
    """Stops the server's processes, every one, and lets them go on afterwards."""
    pid = postmaster(daemon)
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    everyone = [pid, *map(int, children)]
    for one in everyone:
        os.kill(one, signal.SIGSTOP)
    try:
        yield
    finally:
        for one in everyone:
            os.kill(one, signal.SIGCONT)


def postmaster(daemon: RunningDaemon) -> int:
    """The pid of the embedded server."""
    pid: int = daemon.cli_json("inspect", "/database", "--state")["state_of_actor"]["postmaster_pid"]
    return pid


def wait_until_gone(pid: int) -> bool:
    """Whether a process ends within a bounded time; waits on the process itself."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], 30)[0])
    finally:
        os.close(descriptor)
