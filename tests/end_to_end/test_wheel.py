"""The wheel works too: built from this tree, installed in an empty environment, run from another folder."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from running_daemon import ROOT


def run(*command: str | Path, cwd: Path | None = None) -> str:
    """Runs a command to its end; its standard output."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, cwd=cwd)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.timeout(400)
def test_the_installed_wheel_serves_from_any_folder(tmp_path: Path) -> None:
    wheels, environment, elsewhere = tmp_path / "wheels", tmp_path / "env", tmp_path / "else where"
    elsewhere.mkdir()
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", wheels, ROOT)
    [wheel] = wheels.glob("viral_engine-*.whl")
    run(sys.executable, "-m", "venv", environment)
    run(environment / "bin" / "pip", "install", "-q", "--no-compile", "-c", ROOT / "constraints.txt", wheel)
    # Folders of pytest are 0700, which the database's user may not pass; the daemon must manage or say so.
    data_dir = tmp_path / "data"
    command = [str(environment / "bin" / "viral-engine"), "serve", "--data-dir", str(data_dir), "--port", "0"]
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRAL_ENGINE"))}
    with (tmp_path / "stderr").open("w") as stderr:
        process = subprocess.Popen(command, cwd=elsewhere, stdout=subprocess.PIPE, stderr=stderr, text=True, env=clean)
    try:
        assert process.stdout is not None
        readable, _, _ = select.select([process.stdout], [], [], 60)
        line = process.stdout.readline() if readable else ""
        assert "is ready on" in line, (tmp_path / "stderr").read_text()
        url = line.split("ready on ")[1].split()[0]
        key = (data_dir / "api-key").read_text().split()[-1]
        request = urllib.request.Request(  # noqa: S310  (our own daemon)
            f"{url}/v1/actions/check",
            json.dumps({"user_id": 42, "action_type": "general"}).encode(),
            {"Authorization": f"Bearer {key}"},
        )
        with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310  (the same)
            assert json.loads(response.read())["recorded"] is True
    finally:
        process.send_signal(signal.SIGTERM)
        code = process.wait(30)
        if process.stdout is not None:
            process.stdout.close()
    assert code == 0
