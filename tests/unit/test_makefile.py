"""What `make` tells whoever uses it for the first time."""

import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    # The tests may themselves be run by make, which a make below it would tell.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(
        ["make", *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def test_the_first_serve_says_at_once_that_it_installs(tmp_path: Path) -> None:
    """With a Python that can't: the line stands before anything that takes time."""
    ran = make("serve", f"VENV={tmp_path}/venv", "PYTHON=/bin/false")
    assert ran.returncode != 0
    assert ran.stdout.startswith(f"installing into {tmp_path}/venv, this takes about a minute the first time\n")
    assert list(tmp_path.iterdir()) == []
