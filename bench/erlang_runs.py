"""Erlang/OTP on this machine, if it is here: it measures itself and says the figure."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("erlang") / "runtime.erl"
PATIENCE_S = 60


class Erlang:
    """Erlang/OTP on this machine, if it is here."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self.missing = None if shutil.which("erlc") else "Erlang is not installed (apt-get install erlang-base)"
        if self.missing is None:
            subprocess.run(["erlc", "-o", folder, SOURCE], check=True, timeout=PATIENCE_S)

    def measure(self, mode: str, *arguments: int) -> float:
        """Runs one mode of runtime.erl and returns its figure."""
        ran = subprocess.run(
            ["erl", "-noshell", "-pa", self._folder, "-run", "runtime", "main", mode, *map(str, arguments)],
            check=True, capture_output=True, text=True, timeout=PATIENCE_S,
        )  # fmt: skip
        return float(ran.stdout)
