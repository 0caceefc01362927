"""A row of the table, the table, and `bench/results.json`."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Literal

RESULTS = Path(__file__).with_name("results.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One comparison.

    A row with a reference is judged by its ratio (ours divided by the reference), one without by `ours` in the unit
    that its name ends with.

    Attributes:
        goal: what holds now.
        target: what is wanted later.
        skipped: why nothing was measured.
        runs: measurements behind each median.
        cpu_us: processor microseconds a request, by process, beside the figure.
        note: what a reader must know of the figure.
    """

    name: str
    better: Literal["higher", "lower"]
    goal: float | None
    target: float | None = None
    ours: float | None = None
    reference: float | None = None
    ratio: float | None = None
    skipped: str | None = None
    runs: int = 0
    cpu_us: dict[str, float] | None = None
    note: str | None = None

    def measured(
        self,
        ours: Sequence[float],
        reference: Sequence[float] | None = None,
        *,
        cpu_us: dict[str, float] | None = None,
        note: str | None = None,
    ) -> Row:
        """The row with medians; the ratio is the median of the ratios of runs that stood side by side."""
        ratio = None
        if reference is not None:
            ratio = round(median(a / b for a, b in zip(ours, reference, strict=True)), 3)
        return replace(
            self,
            ours=_rounded(median(ours)),
            reference=None if reference is None else _rounded(median(reference)),
            ratio=ratio,
            runs=len(ours),
            cpu_us=cpu_us,
            note=note,
        )

    def skip(self, why: str) -> Row:
        """The row without figures."""
        return replace(self, skipped=why)

    @property
    def verdict(self) -> str:
        """`met`, `missed`, or nothing where there is no goal or no figure."""
        value = self.ours if self.ratio is None else self.ratio
        if value is None or self.goal is None:
            return ""
        return "met" if (value >= self.goal if self.better == "higher" else value <= self.goal) else "missed"


def write(rows: Sequence[Row], path: Path = RESULTS) -> None:
    """Writes the results as JSON."""
    document = {
        "at": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "machine": {
            "processor": _processor(),
            "cores": len(os.sched_getaffinity(0)),
            "system": platform.platform(),
            "python": platform.python_version(),
        },
        "rows": [asdict(row) for row in rows],
    }
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def table(rows: Iterable[Row]) -> str:
    """The rows as aligned text."""
    lines = [f"{'':64} {'ours':>10} {'reference':>10} {'ratio':>7} {'goal':>8} {'':7} runs  cpu us/request"]
    for row in rows:
        if row.skipped is not None:
            lines.append(f"{row.name:64} skipped: {row.skipped}")
            continue
        sign = ">=" if row.better == "higher" else "<="
        goal = "" if row.goal is None else f"{sign} {row.goal:g}"
        cpu = "" if row.cpu_us is None else "  ".join(f"{name} {value:.0f}" for name, value in row.cpu_us.items())
        lines.append(
            f"{row.name:64} {_shown(row.ours):>10} {_shown(row.reference):>10} {_shown(row.ratio):>7} {goal:>8} "
            f"{row.verdict:7} {row.runs:4}  {cpu}"
        )
        if row.note is not None:
            lines.append(f"    {row.note}")
    return "\n".join(lines)


def _shown(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _rounded(value: float) -> float:
    return float(f"{value:.5g}")


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()
