"""The tutorial's programs do what the text says, run as its reader would run them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "runtime-tutorial.md"
PROGRAM = re.compile(
    r"^```python\n(?P<code># (?P<name>\w+\.py)\n.*?)^```\n(?:\n```text\n(?P<printed>.*?)^```\n)?",
    re.DOTALL | re.MULTILINE,
)
PROGRAMS = {found["name"]: found for found in PROGRAM.finditer(PAGE.read_text())}
PRINTING = [name for name, found in PROGRAMS.items() if found["printed"] is not None]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, found in PROGRAMS.items():
        (tmp_path / name).write_text(found["code"])
    return tmp_path


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "error"}
    return subprocess.run(
        [sys.executable, *command], cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("name", PRINTING)
def test_a_program_prints_what_the_page_says(folder: Path, name: str) -> None:
    done = run(folder, name)
    assert (done.stdout, done.stderr, done.returncode) == (PROGRAMS[name]["printed"], "", 0)


def test_the_page_s_own_tests_are_green(folder: Path) -> None:
    done = run(folder, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_till.py")
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout


def test_every_block_of_code_has_a_name_and_every_block_of_text_a_program() -> None:
    text = PAGE.read_text()
    assert text.count("```python") == len(PROGRAMS)
    assert text.count("```text") == len(PRINTING) > 0


def test_the_programs_use_nothing_private() -> None:
    assert [name for name, found in PROGRAMS.items() if re.search(r"\._[a-z]", found["code"])] == []
