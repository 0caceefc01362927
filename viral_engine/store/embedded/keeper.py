"""The keeper: a small process that has postgres as its child and stops it when the daemon is gone, however it went.

Run by its path, with the standard library alone: `keeper.py LOCK_FILE LOG_FILE`. Its standard input is one end of a
socket pair; the kernel reports the daemon's end, kill -9 included, as end of file on it. That is also how the daemon
asks for a stop: there is one way to end, and it is used every day.

The conversation, one JSON object a line:

    keeper: {"event": "locked"}                          no other keeper is at work in this folder
    daemon: {"op": "run", "argv": [...], "env": {...}, "uid": 65534, "gid": 65534, "stdin": "..."}
    keeper: {"event": "ran", "status": 0}                any number of times, one after the other
    daemon: {"op": "serve", "argv": [...], "env": {...}, "uid": 65534, "gid": 65534, "fast_s": 20, "immediate_s": 5}
    keeper: {"event": "started", "pid": 4711}            or {"event": "failed", "reason": "..."}
    keeper: {"event": "exited", "status": -9}            postgres ended by itself; the keeper ends too
"""

import contextlib
import ctypes
import fcntl
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from typing import Any, NoReturn

# prctl(2). Both are Linux only; elsewhere the keeper lives without them.
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
LOCK_POLL_S = 0.01
ORPHAN_GRACE_S = 5.0
READ_SIZE_BYTES = 65536


def prctl(option: int, value: int) -> None:
    """Set a process attribute where there is such a thing."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def stop_with_keeper() -> None:
    """In the child, before exec: postgres gets its fast shutdown if the keeper itself is killed.

    The signal follows the thread that forked, and the keeper has one only. Set after the change of user, which would
    clear it.
    """
    prctl(PR_SET_PDEATHSIG, signal.SIGINT)


class BoundedLog:
    """Appends to a file and rotates it by size: FILE, FILE.1, FILE.2."""

    def __init__(self, path: str, size_bytes_max: int, files_max: int) -> None:
        self._path = path
        self._size_bytes_max = size_bytes_max
        self._files_max = files_max
        self._descriptor = -1

    def write(self, data: bytes) -> None:
        """Append; a full disk costs the line, never the keeper."""
        with contextlib.suppress(OSError):
            if self._descriptor < 0:
                self._open()
            size_bytes = os.fstat(self._descriptor).st_size
            if size_bytes and size_bytes + len(data) > self._size_bytes_max:
                self._rotate()
            os.write(self._descriptor, data)

    def _open(self) -> None:
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        self._descriptor = os.open(self._path, flags, 0o600)

    def _rotate(self) -> None:
        for number in range(self._files_max - 1, 0, -1):
            older = f"{self._path}.{number}"
            newer = f"{self._path}.{number - 1}" if number > 1 else self._path
            with contextlib.suppress(FileNotFoundError):
                os.replace(newer, older)  # noqa: PTH105 - pathlib would double the keeper's start time
        if self._files_max == 1:
            os.unlink(self._path)  # noqa: PTH108 - as above
        os.close(self._descriptor)
        self._descriptor = -1
        self._open()


class Keeper:
    """One thread, one loop, at most one child at a time."""

    def __init__(self, daemon: socket.socket, log: BoundedLog, wakeup: int) -> None:
        self._daemon = daemon
        self._log = log
        self._wakeup = wakeup
        self._unread = b""
        self._child: subprocess.Popen[bytes] | None = None
        self._serving: dict[str, Any] | None = None

    def say(self, event: str, **facts: object) -> None:
        """Tell the daemon; if it is gone the end of file tells us."""
        with contextlib.suppress(OSError):
            self._daemon.sendall(json.dumps({"event": event, **facts}).encode() + b"\n")

    def take_lock(self, lock_file: str) -> bool:
        """Wait until the keeper before us has stopped its postgres; False when the daemon gave up waiting."""
        descriptor = os.open(lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                # The daemon speaks only after "locked": whatever can be read before is its end.
                if select.select([self._daemon], [], [], LOCK_POLL_S)[0]:
                    return False
            else:
                return True

    def run(self) -> None:
        """Obey until the daemon is gone or postgres has ended."""
        while True:
            ready = self._wait(None)
            if self._child is not None and self._child.poll() is not None and self._child_ended(self._child.returncode):
                return
            if self._daemon in ready:
                data = self._hear()
                if not data:
                    self.stop_child()
                    return
                *lines, self._unread = (self._unread + data).split(b"\n")
                for line in lines:
                    self._obey(json.loads(line))

    def _hear(self) -> bytes:
        """What the daemon said; nothing when it is gone (a reset if it died with a word of ours unread)."""
        try:
            return self._daemon.recv(READ_SIZE_BYTES)
        except ConnectionError:
            return b""

    def _wait(self, timeout_s: float | None, *, daemon: bool = True) -> list[object]:
        """Until the daemon speaks, a child ends or the time is over; meanwhile the child's output goes to the log."""
        sources: list[Any] = [self._wakeup]
        if daemon:
            sources.append(self._daemon)
        output = self._child.stdout if self._child is not None else None
        if output is not None and not output.closed:
            sources.append(output)
        ready = select.select(sources, [], [], timeout_s)[0]
        if self._wakeup in ready:
            os.read(self._wakeup, READ_SIZE_BYTES)
        if output in ready:
            self._drain()
        return ready

    def _drain(self) -> None:
        output = self._child.stdout if self._child is not None else None
        if output is None or output.closed:
            return
        with contextlib.suppress(BlockingIOError):
            while data := os.read(output.fileno(), READ_SIZE_BYTES):
                self._log.write(data)
            output.close()

    def _obey(self, order: dict[str, Any]) -> None:
        uid, gid = order["uid"], order["gid"]
        try:
            self._child = subprocess.Popen(  # noqa: S603 - the orders come from the daemon that started us
                order["argv"],
                env=order["env"],
                cwd="/",
                user=uid,
                group=gid,
                extra_groups=None if uid is None else [],
                umask=0o077,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                # initdb starts processes of its own: one group, so that one signal reaches them all.
                start_new_session=True,
                preexec_fn=stop_with_keeper,  # noqa: PLW1509 - safe: this process has one thread
            )
        except OSError as error:
            self.say("failed", reason=f"{error.strerror}: {error.filename or order['argv'][0]}")
            return
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        os.set_blocking(self._child.stdout.fileno(), False)
        with contextlib.suppress(BrokenPipeError):
            self._child.stdin.write(order.get("stdin", "").encode())
            self._child.stdin.close()
        if order["op"] == "serve":
            self._serving = order
            self.say("started", pid=self._child.pid)

    def _child_ended(self, status: int) -> bool:
        """True when that was postgres itself."""
        self._drain()
        self._child = None
        if self._serving is None:
            self.say("ran", status=status)
            return False
        self.say("exited", status=status)
        self._end_orphans()
        return True

    def stop_child(self) -> None:
        """Clean if it can be; a `run` in progress is worthless without its daemon and is killed with all it started."""
        if self._child is None:
            return
        if self._serving is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._child.pid, signal.SIGKILL)
        else:
            for request, timeout_s in (
                (signal.SIGINT, self._serving["fast_s"]),
                (signal.SIGQUIT, self._serving["immediate_s"]),
                (signal.SIGKILL, ORPHAN_GRACE_S),
            ):
                self._child.send_signal(request)
                if self._ended_within(timeout_s):
                    break
        self._ended_within(ORPHAN_GRACE_S)
        self._drain()
        self._end_orphans()

    def _ended_within(self, timeout_s: float) -> bool:
        deadline_s = time.monotonic() + timeout_s
        while self._child is not None and self._child.poll() is None:
            left_s = deadline_s - time.monotonic()
            if left_s <= 0:
                return False
            self._wait(left_s, daemon=False)
        return True

    def _end_orphans(self) -> None:
        """End what a killed postmaster left behind: such processes keep its shared memory and block the next start.

        They have become our children (we are their subreaper). SIGQUIT is what the postmaster itself would have sent.
        """
        self._child = None
        started_s = time.monotonic()
        request = signal.SIGQUIT
        # What survives even SIGKILL hangs in the kernel: waiting on would keep the folder locked for nothing.
        while time.monotonic() < started_s + 2 * ORPHAN_GRACE_S:
            try:
                pid, _ = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid:
                continue
            if time.monotonic() > started_s + ORPHAN_GRACE_S:
                request = signal.SIGKILL
            for child in own_children():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child, request)
            self._wait(0.1, daemon=False)


def own_children() -> list[int]:
    """Direct children, adopted ones included (proc(5); empty where the kernel does not tell)."""
    try:
        with open(f"/proc/self/task/{os.getpid()}/children", "rb") as file:  # noqa: PTH123 - see BoundedLog
            return [int(pid) for pid in file.read().split()]
    except OSError:
        return []


def main() -> NoReturn:
    """Set the process up and keep."""
    lock_file, log_file, log_size_bytes_max, log_files_max = sys.argv[1:]
    # The daemon's thread may have blocked signals; a blocked one would stay blocked in postgres as well.
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    wakeup_read, wakeup_write = os.pipe()
    os.set_blocking(wakeup_read, False)
    os.set_blocking(wakeup_write, False)
    signal.set_wakeup_fd(wakeup_write, warn_on_full_buffer=False)
    # Whoever signals the whole group or service means the daemon, which still needs its database to finish. A handler
    # rather than SIG_IGN, because the latter would be inherited by postgres.
    for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    keeper = Keeper(
        socket.socket(fileno=0), BoundedLog(log_file, int(log_size_bytes_max), int(log_files_max)), wakeup_read
    )
    try:
        if keeper.take_lock(lock_file):
            keeper.say("locked")
            keeper.run()
    except Exception as error:  # noqa: BLE001 - whatever it was, postgres must not stay behind without a keeper
        keeper.say("failed", reason=f"{type(error).__name__}: {error}")
        keeper.stop_child()
    # Nothing is left to finish, and the interpreter's own tidying up would only hold the lock for longer.
    os._exit(0)


if __name__ == "__main__":
    main()
