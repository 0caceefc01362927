"""What ends a daemon, and what its callers get while it ends: each test has a daemon of its own."""

from __future__ import annotations

import json
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from load import Load, address, under_way
from outages import postmaster, stalled_postgres, wait_until_gone
from running_daemon import ROOT, RunningDaemon, retry_until

from viral_engine.control import client
from viral_engine.control.protocol import Request


def test_sigterm_ends_with_0_and_answers_what_it_has(start_daemon: Callable[..., RunningDaemon]) -> None:
    daemon = start_daemon()
    pid = postmaster(daemon)
    with Load(daemon) as load:
        load.wait_for_more(50)
        daemon.process.send_signal(signal.SIGTERM)
        assert daemon.process.wait(30) == 0
    assert all(isinstance(fault, ConnectionRefusedError | ConnectionResetError) for fault in load.faults)
    assert wait_until_gone(pid)


def test_sigterm_under_load_ends_with_0_before_docker_would_kill_although_postgres_is_frozen(
    start_daemon: Callable[..., RunningDaemon],
) -> None:
    daemon = start_daemon()
    with Load(daemon) as load:
        load.wait_for_more(50)
        # Nobody knows this user: the answer waits for the reader, which hangs for longer than a stop may take.
        with stalled_postgres(daemon), under_way(daemon, "GET /v1/users/nobody-knows") as reading:
            daemon.process.send_signal(signal.SIGTERM)
            assert daemon.process.wait(10) == 0
            assert reading.recv(65_536).startswith(b"HTTP/1.1 503 ")


def is_refused(where: tuple[str, int]) -> bool:
    """Whether a new caller is turned away at once."""
    try:
        socket.create_connection(where, 30).close()
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:
        pass
    return False


def terminate(daemon: RunningDaemon) -> None:
    """Ends it by a signal."""
    daemon.process.send_signal(signal.SIGTERM)


def exhaust_the_root(daemon: RunningDaemon) -> None:
    """Kills children of the root until it gives up."""
    path = json.loads((daemon.data_dir / "daemon.json").read_text())["socket"]

    def is_up(child: str) -> bool:
        node: dict[str, Any] = client.ask(path, Request(verb="inspect", path=child), 30)
        return bool(node["state"] == "running")

    for child in ("/jobs", "/control", "/reader", "/jobs"):
        retry_until(partial(is_up, child), bool)
        client.ask(path, Request(verb="kill", path=child, yes=True, force=True), 30)


@pytest.mark.parametrize(("end", "code"), [(terminate, 0), (exhaust_the_root, 70)])
def test_new_callers_are_refused_while_a_stop_serves_those_it_has(
    start_daemon: Callable[..., RunningDaemon], end: Callable[[RunningDaemon], None], code: int
) -> None:
    daemon = start_daemon()
    daemon.check("open", "general")
    check = {"user_id": "open", "action_type": "general"}
    with stalled_postgres(daemon), under_way(daemon, "POST /v1/actions/check", check) as waiting:
        where = address(daemon)
        end(daemon)
        while not is_refused(where):
            # Ends by itself: with a refusal, or with the answer that must not come first.
            assert select.select([waiting], [], [], 0)[0] == []
        assert daemon.process.wait(30) == code
        assert waiting.recv(65_536).startswith(b"HTTP/1.1 503 ")


def test_sigterm_in_the_first_moment_of_the_program_that_serve_becomes_ends_with_0(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "viral_engine.cli.main", "serve", "--data-dir", str(tmp_path / "d"), "--port", "0"],
        stderr=subprocess.PIPE,
        cwd=ROOT,
    )
    while b"supervisor.py" not in Path(f"/proc/{process.pid}/cmdline").read_bytes():
        # Ends by itself: it becomes the daemon, or ends.
        assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=30)
    assert (process.returncode, said) == (0, b"")


@pytest.mark.parametrize("seen", ["lock", "keeper.lock", "pg-password", "pg/base", "instance-key", "daemon.json"])
def test_sigterm_in_the_middle_of_a_first_start_ends_with_0_and_the_next_start_is_clean(
    tmp_path: Path, seen: str
) -> None:
    daemon = RunningDaemon(tmp_path / "d")
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "supervisor.py"), "serve", "--data-dir", str(daemon.data_dir), "--port", "0"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    while not (daemon.data_dir / seen).exists():
        # Ends by itself: with the file, or with the process.
        assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 0, said
    # Once the tree is up, an actor that waits for the server may be cut off, and the log says so.
    assert b"Traceback" not in said
    daemon.start()
    try:
        assert daemon.check("after", "general")["recorded"] is True
    finally:
        assert daemon.stop() == 0
