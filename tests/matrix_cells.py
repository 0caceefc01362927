"""Says at the end of a run how many cells of the consent matrix its tests compared with the requirements."""

from __future__ import annotations

from typing import Any

from viral_engine.domain.ages import AgeBand
from viral_engine.domain.matrix import MATRIX, ActionClass

CELL = "consent_matrix_cell"
"""The property under which a test records the cell that it compares."""


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Counts the cells of the tests that passed; says nothing when none of them ran."""
    covered = {
        value
        for report in terminalreporter.stats.get("passed", ())
        for name, value in report.user_properties
        if name == CELL
    }
    cells = {f"{place} {action} {band}" for place in MATRIX for action in ActionClass for band in AgeBand}
    if covered:
        terminalreporter.write_line(f"consent matrix: {len(covered & cells)} of {len(cells)} cells compared")
