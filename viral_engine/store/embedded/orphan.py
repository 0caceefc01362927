"""Judges what an earlier life left behind: a postgres without a keeper, or only its files.

Called by the owner of the folder alone (it holds the keeper's lock), so whatever runs on it belongs to nobody else.
"""

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path

from viral_engine.store.embedded.errors import StopTimedOut
from viral_engine.store.embedded.layout import SOCKET_NAME, Layout

_POLL_S_MAX = 0.1


def clear_the_way(layout: Layout, *, fast_timeout_s: float, immediate_timeout_s: float) -> None:
    """Stop a postgres that still runs on this folder, and remove files that would be taken for one.

    A pid file whose process is gone is left to postgres, which also looks for forgotten shared memory. One whose number
    now belongs to some other process, or that holds no number (a power failure, a full disk), would make postgres
    refuse to start for good: that one is removed.

    Raises:
        StopTimedOut: the orphan did not end, not even by SIGKILL.
    """
    pid_file = layout.cluster / "postmaster.pid"
    pid = _recorded_pid(pid_file)
    if pid is None and pid_file.exists():
        pid = _running_on(layout.cluster)
        if pid is None:
            pid_file.unlink(missing_ok=True)
    if pid is not None and _is_alive(pid):
        if is_postgres_on(layout.cluster, pid):
            _stop(layout.cluster, pid, fast_timeout_s, immediate_timeout_s)
        else:
            pid_file.unlink(missing_ok=True)
    for name in (SOCKET_NAME, f"{SOCKET_NAME}.lock"):
        (layout.socket_dir / name).unlink(missing_ok=True)


def is_postgres_on(cluster: Path, pid: int) -> bool:
    """Whether `pid` is a postmaster that serves `cluster`: it works inside that folder, or was started with it."""
    arguments = _arguments(pid)
    if not arguments or Path(arguments[0]).name != "postgres":
        return False
    try:
        return Path(f"/proc/{pid}/cwd").samefile(cluster)
    except OSError:
        # Root in a container may not look at the folder of another user's process; its arguments anybody may read.
        return str(cluster) in arguments


def _running_on(cluster: Path) -> int | None:
    """Looks through all processes for a postmaster on this folder; its backends go by other names."""
    numbers = [int(entry.name) for entry in Path("/proc").glob("[0-9]*")]
    return next((pid for pid in sorted(numbers) if is_postgres_on(cluster, pid)), None)


def _arguments(pid: int) -> list[str]:
    if Path("/proc/self/cmdline").exists():
        try:
            raw = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return []
        return [os.fsdecode(argument) for argument in raw.split(b"\0")]
    shown = subprocess.run(  # noqa: S603 - a number is all that varies
        ["/bin/ps", "-o", "command=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return shown.stdout.split()


def _recorded_pid(pid_file: Path) -> int | None:
    try:
        first = pid_file.read_text(encoding="utf-8", errors="replace").partition("\n")[0].strip()
    except FileNotFoundError:
        return None
    # postgres writes its number with a minus sign in single-user mode.
    return abs(int(first)) if first.lstrip("-").isdigit() else None


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _stop(cluster: Path, pid: int, fast_timeout_s: float, immediate_timeout_s: float) -> None:
    for request, timeout_s in (
        (signal.SIGINT, fast_timeout_s),
        (signal.SIGQUIT, immediate_timeout_s),
        (signal.SIGKILL, immediate_timeout_s),
    ):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, request)
        deadline_s = time.monotonic() + timeout_s
        wait_s = 0.005
        # Not our child, so there is nothing to wait on. One that nobody reaps any more has no arguments left and counts
        # as gone.
        while is_postgres_on(cluster, pid):
            if time.monotonic() > deadline_s:
                break
            time.sleep(wait_s)
            wait_s = min(wait_s * 2, _POLL_S_MAX)
        else:
            return
    raise StopTimedOut(fast_timeout_s + 2 * immediate_timeout_s)
