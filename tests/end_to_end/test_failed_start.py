"""A start that can't serve: one sentence, exit 1, and nothing left behind."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest
from running_daemon import ROOT, RunningDaemon

SERVE = [sys.executable, str(ROOT / "supervisor.py"), "serve", "--data-dir"]


def serve(folder: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*SERVE, str(folder), *flags], capture_output=True, text=True, timeout=60, check=False)


def test_a_taken_port_is_told_before_anything_is_written(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ran = serve(tmp_path / "fresh", "--port", port)
        (tmp_path / "ours").mkdir()
        again = serve(tmp_path / "ours", "--port", port)
    for one in (ran, again):
        assert (one.returncode, one.stdout) == (1, "")
        assert one.stderr.startswith(f"viral-engine: 127.0.0.1:{port} can't be listened on: Address already in use;")
        assert "--port" in one.stderr
    assert not (tmp_path / "fresh").exists()
    assert list((tmp_path / "ours").iterdir()) == []


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host"])
def test_an_address_of_another_machine_leaves_nothing_either(tmp_path: Path, host: str) -> None:
    ran = serve(tmp_path / "fresh", "--host", host, "--port", "0")
    assert ran.returncode == 1
    assert f"--host {host} is no address of this machine" in ran.stderr
    assert not (tmp_path / "fresh").exists()


def test_a_second_daemon_of_one_folder_is_told_of_the_first_although_its_port_is_taken_too(
    shared_daemon: RunningDaemon,
) -> None:
    ran = serve(shared_daemon.data_dir, "--port", shared_daemon.url.rpartition(":")[2])
    assert ran.returncode == 1
    assert f"is in use by another viral-engine (process {shared_daemon.process.pid})" in ran.stderr
