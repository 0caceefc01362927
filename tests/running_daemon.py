"""A daemon as a stranger would run it: a process of its own, reached over HTTP and its operators' verbs."""

from __future__ import annotations

import http.client
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from quick_folders import quick_folder

ROOT = Path(__file__).resolve().parents[1]
START_S = 60.0
STOP_S = 30.0
PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)


@dataclass(slots=True)
class RunningDaemon:
    """`supervisor.py serve` on a folder of its own and a free port."""

    data_dir: Path
    environment: dict[str, str] = field(default_factory=dict)
    program: Path = ROOT / "supervisor.py"
    flags: tuple[str, ...] = ()
    process: subprocess.Popen[str] = field(init=False)
    url: str = field(init=False)
    ready_line: str = field(init=False)

    def start(self) -> None:
        """Starts it and waits for the line that says that it is ready."""
        with self.stderr_file.open("a") as stderr:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, str(self.program), "serve"),
                    *("--data-dir", str(self.data_dir), "--port", "0", *self.flags),
                ],
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                env={**os.environ, **self.environment},
            )
        assert self.process.stdout is not None
        readable, _, _ = select.select([self.process.stdout], [], [], START_S)
        self.ready_line = self.process.stdout.readline() if readable else ""
        assert "viral-engine is ready on" in self.ready_line, self.stderr()
        self.url = self.ready_line.split("ready on ")[1].split()[0]

    def stderr(self) -> str:
        """What it wrote to standard error so far."""
        return self.stderr_file.read_text()

    @property
    def stderr_file(self) -> Path:
        """Where its standard error goes."""
        return self.data_dir.parent / f"{self.data_dir.name}.stderr"

    def stop(self) -> int:
        """SIGTERM, and the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(STOP_S)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code

    def kill(self) -> None:
        """Kill -9, of the daemon alone."""
        self.process.kill()
        self.process.wait(STOP_S)
        assert self.process.stdout is not None
        self.process.stdout.close()

    @property
    def key(self) -> str:
        """The operator's key."""
        return (self.data_dir / "api-key").read_text().split()[-1]

    def connection(self) -> http.client.HTTPConnection:
        """A connection to its HTTP side."""
        parts = urllib.parse.urlsplit(self.url)
        assert parts.hostname is not None
        return http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: dict[str, str] | None = None,
        key: str | None = "",
    ) -> Answer:
        """One request on a connection of its own; `key` None sends none."""
        connection = self.connection()
        try:
            given = dict(headers or {})
            if key is not None:
                given["Authorization"] = f"Bearer {key or self.key}"
            encoded = body if isinstance(body, bytes | None) else json.dumps(body).encode()
            connection.request(method, path, encoded, given)
            response = connection.getresponse()
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())
        finally:
            connection.close()

    def check(self, user: Any, action: str, **fields: Any) -> Any:
        """One action check; the decoded answer."""
        answer = self.request("POST", "/v1/actions/check", {"user_id": user, "action_type": action, **fields})
        assert answer.status == 200, (answer.status, answer.body)
        return answer.json

    def cli(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """One verb of the operators' CLI."""
        return subprocess.run(
            [sys.executable, "-m", "viral_engine.cli.main", *arguments, "--data-dir", str(self.data_dir)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd=ROOT,
        )

    @contextmanager
    def cli_started(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        """One verb that takes its time; whatever still runs at the end of the block is ended."""
        with subprocess.Popen(
            [sys.executable, "-m", "viral_engine.cli.main", *arguments, "--data-dir", str(self.data_dir)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        ) as process:
            try:
                yield process
            finally:
                process.terminate()

    def cli_json(self, *arguments: str) -> Any:
        """The `data` of a verb's JSON document."""
        done = self.cli(*arguments, "--json")
        assert done.stdout, (done.returncode, done.stderr)
        return json.loads(done.stdout)["data"]


def retry_until(ask: Callable[[], Any], good: Callable[[Any], bool]) -> Any:
    """Asks until the answer is good; each question takes real time, and patience ends."""
    until_s = time.monotonic() + PATIENCE_S
    answer = None
    while time.monotonic() < until_s:
        answer = ask()
        if good(answer):
            return answer
    pytest.fail(f"never good, at last: {answer}")


@pytest.fixture(scope="session")
def shared_daemon() -> Iterator[RunningDaemon]:
    """A daemon that no test of this session breaks."""
    folder = quick_folder("ve-e2e-")
    daemon = RunningDaemon(folder / "d")
    try:
        daemon.start()
        yield daemon
    finally:
        daemon.stop()
        shutil.rmtree(folder)


@pytest.fixture
def start_daemon() -> Iterator[Callable[..., RunningDaemon]]:
    """Makes started daemons with folders of their own; whatever still runs afterwards is stopped."""
    folder = quick_folder("ve-e2e-")
    made: list[RunningDaemon] = []

    def make(program: Path = ROOT / "supervisor.py", flags: tuple[str, ...] = (), **environment: str) -> RunningDaemon:
        daemon = RunningDaemon(folder / f"d{len(made)}", environment, program, flags)
        made.append(daemon)
        daemon.start()
        return daemon

    try:
        yield make
    finally:
        for daemon in made:
            daemon.stop()
        shutil.rmtree(folder, ignore_errors=True)
