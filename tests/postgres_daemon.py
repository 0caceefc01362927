"""Data folders to spoil, and real daemon processes to kill: for the tests of the embedded server itself."""

import json
import os
import select
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from quick_folders import quick_folder

from viral_engine.store.embedded.server import EmbeddedServer

PATIENCE_S = 30.0
# Says which processes it has, and lives until its input is closed.
_SCRIPT = """
import json, os, sys
from pathlib import Path
from viral_engine.store.embedded.errors import EmbeddedError
from viral_engine.store.embedded.server import EmbeddedServer
server = EmbeddedServer(Path(sys.argv[1]))
print("{}", flush=True)
try:
    server.start()
except EmbeddedError as error:
    print(json.dumps({"error": type(error).__name__, "sentence": str(error)}), flush=True)
else:
    pids = {"postmaster": server.postmaster_pid, "keeper": server.keeper_pid}
    print(json.dumps({**pids, "conninfo": server.conninfo}), flush=True)
    sys.stdin.read()
    server.stop()
"""


class Daemon:
    """A process that runs an embedded server on `data_dir`; `prefix` is put before its command line."""

    def __init__(self, data_dir: Path, prefix: tuple[str, ...] = (), env: dict[str, str] | None = None) -> None:
        command = [*prefix, sys.executable, "-c", _SCRIPT, str(data_dir)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env)
        # The first line is the sign that everything is imported and `start` is being called.
        self.answer()

    def answer(self) -> dict[str, str]:
        """What it says next."""
        assert self.process.stdout is not None
        said: dict[str, str] = json.loads(self.process.stdout.readline())
        return said

    def kill(self) -> None:
        """As the out-of-memory killer does it."""
        self.process.kill()
        self.end()

    def end(self) -> None:
        """Close its input and wait."""
        with self.process:
            pass


def wait_gone(pid: int) -> bool:
    """Whether the process, anybody's child, ended before our patience did."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], PATIENCE_S)[0])
    finally:
        os.close(descriptor)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short folder that any OS user may pass through."""
    path = quick_folder("ve-")
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="session")
def data_dir() -> Iterator[Path]:
    """A data folder that has been started once; shared, because whatever a test does to it must leave it startable."""
    path = quick_folder("ve-")
    path.chmod(0o755)
    server = EmbeddedServer(path / "d")
    server.start()
    server.stop()
    yield path / "d"
    shutil.rmtree(path)


@pytest.fixture
def make_server() -> Iterator[Callable[[Path], EmbeddedServer]]:
    """Servers in this process, stopped after the test."""
    made: list[EmbeddedServer] = []

    def make(data_dir: Path) -> EmbeddedServer:
        made.append(EmbeddedServer(data_dir))
        return made[-1]

    yield make
    for server in made:
        server.stop()


@pytest.fixture
def make_daemon() -> Iterator[Callable[..., Daemon]]:
    """Daemons in processes of their own, ended after the test."""
    made: list[Daemon] = []

    def make(data_dir: Path, prefix: tuple[str, ...] = (), env: dict[str, str] | None = None) -> Daemon:
        made.append(Daemon(data_dir, prefix, env))
        return made[-1]

    yield make
    for daemon in made:
        daemon.end()
