"""The supervisor against the real OTP: what it did in the same cases, start by start and answer by answer."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from otp_conformance.cases import run

ROOT = Path(__file__).resolve().parents[2]
CASES = ROOT.parent / "shared" / "otp" / "cases.json"
MAY_BE_SKIPPED = {"exit_signals", "links", "orphans", "kill_supervisor", "whole_second_clock"}

if not CASES.exists() and os.environ.get("CI") != "true":
    pytest.skip(f"{CASES} is not on this machine", allow_module_level=True)

KNOWN: list[dict[str, Any]] = json.loads(CASES.read_text())["cases"]

# Where OTP 25 has a bug we do what later versions do, or what anybody would expect.
INSTEAD = {
    ("DYN-07", 8): {"active": 0, "specs": 1, "supervisors": 0, "workers": 0},
    ("DYN-09", 3): [],
}


def compared(compact: str, *, unordered: bool) -> list[str]:
    """The starts and ends of a step, in an order of their own where OTP leaves it open."""
    happened = compact.split()
    return sorted(happened) if unordered else happened


@pytest.mark.parametrize("case", KNOWN, ids=[case["id"] for case in KNOWN])
@pytest.mark.parametrize("workers", ["thread", "loop"])
def test_a_supervisor_does_what_otp_did(case: dict[str, Any], workers: str) -> None:
    expected = case["expected"]["steps"]
    seen = run({key: case[key] for key in ("id", "tree", "events", "workers") if key in case}, workers)
    if "skipped" in seen:
        assert MAY_BE_SKIPPED.issuperset(case["needs"])
        pytest.skip(f"{case['id']}: {seen['skipped']}")
    assert "error" not in seen, seen["error"]
    unordered = case.get("unordered", False)
    assert [compared(step, unordered=unordered) for step in seen["steps"]] == [
        compared(step["compact"], unordered=unordered) for step in expected
    ]
    assert seen["rets"] == [INSTEAD.get((case["id"], position), step["ret"]) for position, step in enumerate(expected)]
    assert seen["alive"] == case["expected"]["final"]["alive"]


def test_the_runner_prints_one_object_per_case_and_line(tmp_path: Path) -> None:
    file = tmp_path / "cases.json"
    file.write_text(json.dumps({"cases": [case for case in KNOWN if case["id"] in ("RT-04", "NAME-10")]}))
    command = [sys.executable, "-m", "tests.otp_conformance", str(file), "--placement", "loop"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    counted, linked = map(json.loads, done.stdout.splitlines())
    assert counted == {
        "id": "RT-04",
        "steps": ["+root.1 +a.1", "-a.1:normal +a.2", "-a.2:normal -root.1:shutdown"],
        "rets": [["ok", "<root.1>"], "ok", "ok"],
        "alive": False,
    }
    assert linked == {"id": "NAME-10", "skipped": "actors have no links: a supervisor or a monitor hears of an end"}
