"""A stranger's fuzzer, given nothing but the description: what it says is what the daemon takes and answers."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from running_daemon import RunningDaemon

SEED = "20270131"
EXAMPLES = "1"
"""Per operation in the fuzzing phase: a quarter of a minute. By hand with all phases and the default number of them."""

PHASES = ("Examples", "Fuzzing")


@pytest.mark.timeout(300)
def test_every_operation_keeps_to_its_description(start_daemon: Callable[..., RunningDaemon], tmp_path: Path) -> None:
    daemon = start_daemon()
    done = subprocess.run(
        [
            *(str(Path(sys.executable).with_name("schemathesis")), "run", f"{daemon.url}/openapi.json"),
            *("--header", f"Authorization: Bearer {daemon.key}"),
            *("--checks", "all", "--phases", ",".join(PHASES).lower(), "--max-examples", EXAMPLES, "--seed", SEED),
            *("--workers", "1", "--generation-database", "none", "--no-color"),
        ],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
        # So that no file of settings is found, and what it writes is swept away.
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr
    for phase in PHASES:
        assert f"✅ {phase}" in done.stdout
    selected = re.search(r"Selected: (\d+)/(\d+)\n\s+Tested: (\d+)", done.stdout)
    assert selected is not None
    assert len(set(selected.groups())) == 1
    # It did not talk to a closed door for half of the time.
    assert daemon.request("GET", "/v1/keys").status == 200
    operations = [one for methods in daemon.request("GET", "/openapi.json").json["paths"].values() for one in methods]
    assert int(selected[1]) == len(operations)
