"""Adds facts of the shipped day to `decisions.jsonl.gz`: a daemon is asked all of it, and of each sort a few are kept.

Run from the root: `python tests/data/record_day.py`, then `make_decisions.py`, which adds what each version decides.
"""

from __future__ import annotations

import gzip
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from running_daemon import RunningDaemon  # noqa: E402  (its folder is found on the line above)

FILE = Path(__file__).with_name("decisions.jsonl.gz")
OF_A_SORT = 8
"""Decisions kept of each combination of action, outcome and reasons."""


def recorded(daemon: RunningDaemon) -> Iterator[dict[str, Any]]:
    """Every decision that the daemon holds, the newest first."""
    path = "/v1/decisions?limit=200"
    following = ""
    while True:
        page = daemon.request("GET", path + following).json
        yield from page["decisions"]
        if page["next_before"] is None:
            return
        following = f"&before={page['next_before']}"


def a_few(decisions: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The facts of some of each sort."""
    kept: Counter[tuple[str, ...]] = Counter()
    for one in decisions:
        sort = (one["facts"]["action"], one["decision"], *one["reasons"])
        kept[sort] += 1
        if kept[sort] <= OF_A_SORT:
            yield one["facts"]


def main() -> None:
    """Asks, and adds what it was decided on."""
    with tempfile.TemporaryDirectory(prefix="ve-day-") as folder:
        daemon = RunningDaemon(Path(folder) / "d")
        daemon.start()
        try:
            done = daemon.cli("replay", "examples/day.jsonl")
            assert done.returncode == 0, done.stderr
            facts = list(a_few(recorded(daemon)))
        finally:
            daemon.stop()
    lines = [json.loads(line) for line in gzip.decompress(FILE.read_bytes()).splitlines()]
    lines = [line for line in lines if line.get("of") != "day"]
    lines += [{"of": "day", "facts": one, "decided": {}} for one in facts]
    text = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines)
    FILE.write_bytes(gzip.compress(text.encode(), mtime=0))


if __name__ == "__main__":
    main()
