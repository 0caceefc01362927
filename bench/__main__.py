"""Measures everything, prints one table, writes `bench/results.json`.

python -m bench [--runs N] [--only http|runtime|domain|start] [--long]
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from bench import domain_rows, http_rows, results, runtime, start_rows
from bench.results import Row

RUNS = 5
GROUPS = ("start", "domain", "runtime", "http")


def measure(groups: list[str], folder: Path, runs: int, *, long: bool) -> Iterator[Row]:
    """The rows of the groups, as they are measured."""
    # First what is no ratio: minutes of full load make a shared machine slower, on both sides of a ratio alike.
    if "start" in groups:
        yield from start_rows.rows(folder, runs)
    if "domain" in groups:
        yield from domain_rows.rows(runs)
    if "runtime" in groups:
        yield from runtime.rows(runs)
    if "http" in groups:
        yield from http_rows.rows(folder, runs, long=long)


def main() -> int:
    """Runs what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure; figures are ratios side by side.")
    parser.add_argument("--runs", type=int, default=RUNS, help="runs behind each median (5)")
    parser.add_argument("--only", choices=GROUPS, action="append", help="one group of rows; writes no results.json")
    parser.add_argument("--long", action="store_true", help="10,000 connections too")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="ve-bench-"))
    rows: list[Row] = []
    try:
        for row in measure(arguments.only or list(GROUPS), folder, arguments.runs, long=arguments.long):
            rows.append(row)
            print(f"{row.name}: {row.skipped or 'measured'}", file=sys.stderr)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(results.table(rows))
    if arguments.only is None:
        results.write(rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
