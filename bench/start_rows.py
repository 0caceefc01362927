"""How long people wait: for the daemon to be ready, and for a verb of the CLI."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench.process import STOP_S, NotStarted, await_ready, free_port
from bench.results import Row

FIRST = Row(name="first start to ready, database made (s)", better="lower", goal=2.5)
LATER = Row(name="later start to ready (s)", better="lower", goal=1.2)
VERB = Row(name="CLI verb `tree` against a running daemon (ms)", better="lower", goal=150)
PROGRAM = Path(sys.executable).with_name("viral-engine")
FIRST_RUNS = 2
VERB_RUNS = 7


def rows(folder: Path, runs: int) -> Iterator[Row]:
    """Starts the daemon a few times and asks it for its tree."""
    first: list[float] = []
    later: list[float] = []
    verb: list[float] = []
    try:
        for number in range(FIRST_RUNS):
            data = folder / f"start-{number}"
            first.append(_start_s(data, folder))
            later += [_start_s(data, folder) for _ in range(max(1, runs // FIRST_RUNS))]
            later.append(_start_s(data, folder, verb if number == 0 else None))
            shutil.rmtree(data, ignore_errors=True)
    except (NotStarted, OSError, subprocess.CalledProcessError) as error:
        yield from (row.skip(str(error)) for row in (FIRST, LATER, VERB))
        return
    yield FIRST.measured(first)
    yield LATER.measured(later)
    yield VERB.measured(verb)


def _start_s(data: Path, folder: Path, verb_ms: list[float] | None = None) -> float:
    port, log = free_port(), folder / "start.log"
    begun_s = time.perf_counter()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [PROGRAM, "serve", "--data-dir", data, "--port", str(port)], stdout=output, stderr=output
        )
    try:
        await_ready(process, f"http://127.0.0.1:{port}/readyz", log)
        seconds = time.perf_counter() - begun_s
        for _ in range(VERB_RUNS if verb_ms is not None else 0):
            assert verb_ms is not None
            asked_s = time.perf_counter()
            subprocess.run([PROGRAM, "tree", "--data-dir", data], check=True, capture_output=True, timeout=30)
            verb_ms.append((time.perf_counter() - asked_s) * 1000)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    return seconds
