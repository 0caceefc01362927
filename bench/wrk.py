"""wrk as the client: one run, with what it reports."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

SCRIPT = Path(__file__).with_name("check.lua")
WARM_UP_S = 1


@dataclass(frozen=True, slots=True)
class Load:
    """What one run measured.

    Attributes:
        errors: broken connections, time-outs and answers that were no success.
        active: requests a second times mean latency: the connections that were really in use.
    """

    per_s: float
    mean_ms: float
    p50_ms: float
    p99_ms: float
    requests: int
    errors: int

    @property
    def active(self) -> float:
        """Connections in use on average (Little's law)."""
        return self.per_s * self.mean_ms / 1000


def missing() -> str | None:
    """Why there is no client, None when there is one."""
    return None if shutil.which("wrk") else "wrk is not installed (apt-get install wrk)"


def load(
    url: str, path: str, key: str, connections: int, seconds: float, users: int, threads: int = 1, content: int = 0
) -> Load:
    """Runs wrk once.

    Args:
        url: the server.
        path: the route.
        key: API key.
        connections: kept alive.
        seconds: how long.
        users: how many users take turns, so that limits refuse nobody.
        threads: of wrk.
        content: characters of text in each check; 0 for none.
    """
    program = shutil.which("wrk")
    assert program is not None
    whole_s = max(1, round(seconds))
    command = [
        program, f"-t{threads}", f"-c{connections}", f"-d{whole_s}s", "--timeout", "10s", "-s", str(SCRIPT),
        f"{url}{path}", "--", key, str(users), *([str(content)] if content else []),
    ]  # fmt: skip
    ran = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60, check=True)
    found = json.loads(ran.stdout.rpartition("RESULT ")[2])
    return Load(
        per_s=found["requests"] / found["seconds"],
        mean_ms=found["mean_us"] / 1000,
        p50_ms=found["p50_us"] / 1000,
        p99_ms=found["p99_us"] / 1000,
        requests=found["requests"],
        errors=found["errors"],
    )
