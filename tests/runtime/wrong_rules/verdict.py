"""A pytest plugin for the run against a copy: what failed by what, and whether anything came from elsewhere."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from viral_engine.runtime import testing

if TYPE_CHECKING:
    from collections.abc import Generator

COPY = Path(os.environ["WRONG_RULES_COPY"])
PATIENCE_S = float(os.environ["WRONG_RULES_PATIENCE_S"])

# Read by the fixtures when they are imported, which is after this plugin: a wrong rule that hangs is known soon.
testing.PATIENCE_S = PATIENCE_S

_counts = {"passed": 0, "failed": 0}
_proofs: list[str] = []
_others: list[str] = []


def is_proof(error: BaseException) -> bool:
    """Tells whether a test failed because it saw something wrong: an assertion, or `pytest.raises` without an error."""
    if isinstance(error, pytest.fail.Exception):
        return str(error).startswith("DID NOT RAISE")
    return isinstance(error, AssertionError)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, None]:
    """Sorts the outcome of one phase of one test."""
    outcome = yield
    report = outcome.get_result()
    if report.when == "call":
        _counts["passed" if report.passed else "failed"] += 1
    if call.excinfo is not None and not report.skipped:
        error = call.excinfo.value
        kind = _proofs if report.when == "call" and is_proof(error) else _others
        kind.append(f"{item.nodeid} ({report.when}): {type(error).__name__}: {error}")


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """Notes what could not even be imported."""
    if report.failed:
        _others.append(f"{report.nodeid}: {report.longreprtext}")


def pytest_sessionfinish() -> None:
    """Writes the verdict beside the copy."""
    modules = {name: getattr(module, "__file__", None) for name, module in sys.modules.copy().items()}
    ours = {name: file for name, file in modules.items() if name.partition(".")[0] == "viral_engine"}
    strangers = [f"{name}: {file}" for name, file in ours.items() if file and COPY not in Path(file).parents]
    verdict = {**_counts, "proofs": _proofs, "others": _others, "imported": len(ours), "strangers": strangers}
    (COPY.parent / "verdict.json").write_text(json.dumps(verdict))
