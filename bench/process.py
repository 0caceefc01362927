"""Programs that the bench starts: waited for, measured, and ended by their own pid."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

START_S = 60.0
STOP_S = 20.0
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class NotStarted(Exception):
    """A program that did not come up; carries the end of what it said."""


@dataclass(frozen=True, slots=True)
class Running:
    """A started program."""

    pid: int
    port: int

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"


def free_port() -> int:
    """A port that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def running(
    command: Sequence[str | Path], port: int, ready: str, log: Path, environment: dict[str, str] | None = None
) -> Iterator[Running]:
    """Runs a program for as long as the block takes.

    Args:
        command: the program; `sys.executable` first for Python.
        port: where it will listen.
        ready: path that answers 200 (or 405, for a route that takes POST only) when it is up.
        log: file for what it says.
        environment: on top of our own.

    Raises:
        NotStarted: it ended, or was not ready in time.
    """
    with log.open("wb") as output:
        process = subprocess.Popen(
            list(map(str, command)), stdout=output, stderr=output, env=os.environ | (environment or {})
        )
    try:
        await_ready(process, f"http://127.0.0.1:{port}{ready}", log)
        yield Running(process.pid, port)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def await_ready(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    """Returns as soon as `url` answers.

    Raises:
        NotStarted: the program ended before, or did not answer in time.
    """
    give_up_s = time.monotonic() + START_S
    while time.monotonic() < give_up_s:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(url, timeout=2):  # noqa: S310 - a URL of ours
                return
        except urllib.error.HTTPError as error:
            if error.code == 405:
                return
        except OSError:
            pass
        time.sleep(0.005)
    tail = log.read_text(encoding="utf-8", errors="replace")[-600:]
    raise NotStarted(f"{url} did not answer: {tail}")


def python(module: str, *arguments: str | Path) -> list[str | Path]:
    """The command for a module run by this interpreter."""
    return [sys.executable, "-m", module, *arguments]


def cpu_seconds(pid: int) -> dict[str, float]:
    """Processor time of a program and all its descendants, children that ended included: `python` and `postgres`."""
    seconds = {"python": 0.0, "postgres": 0.0}
    for process in _tree(pid):
        try:
            name, fields = _stat(process)
        except OSError:
            continue
        kind = "postgres" if name.startswith("postgres") else "python"
        seconds[kind] += sum(map(int, fields[11:15])) / TICKS_PER_S
    return seconds


def resident_bytes(pid: int) -> int:
    """Memory of one process."""
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def resident_bytes_here() -> int:
    """Memory of this process."""
    return resident_bytes(os.getpid())


def _tree(pid: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                _, fields = _stat(int(entry.name))
            except OSError:
                continue
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found = [pid]
    for process in found:
        found += children.get(process, [])
    return found


def _stat(pid: int) -> tuple[str, list[str]]:
    text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    name, _, rest = text.partition("(")[2].rpartition(")")
    return name, rest.split()
