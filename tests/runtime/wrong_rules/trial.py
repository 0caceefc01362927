"""Brings a wrong rule into a copy of the runtime and runs its test against the copy."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wrong_rules.rule import Edit, WrongRule

ROOT = Path(__file__).resolve().parents[3]
TIMEOUT_S = 20
PLUGINS = ("pytest_timeout", "wrong_rules.verdict", "runtime_fixtures")
OPTIONS = ("--quiet", "--noconftest", "--tb=line", "-x", f"--timeout={TIMEOUT_S}")

# Each run is a process of its own, forked from one that has pytest at hand and nothing of the runtime.
_processes = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload(["pytest", "pykka", "asyncio"])


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a run against a copy showed.

    Attributes:
        proofs: failures of assertions.
        others: every other failure; a wrong rule may break more than its test looks at, an import never.
        imported: modules of the package that were loaded.
        strangers: those of them that did not come from the copy.
        output: what pytest printed.
    """

    passed: int
    failed: int
    proofs: Sequence[str]
    others: Sequence[str]
    imported: int
    strangers: Sequence[str]
    output: str


class NotOnce(AssertionError):
    """The text of a wrong rule is not in the source exactly once any more."""


def changed(source: str, edit: Edit) -> str:
    """Returns the source with the edit made.

    Raises:
        NotOnce: there is no one place for it.
    """
    if source.count(edit.old) != 1:
        raise NotOnce(f"{edit.file} holds this {source.count(edit.old)} times:\n{edit.old}")
    return source.replace(edit.old, edit.new)


def copy_to(folder: Path) -> None:
    """Copies the runtime, which needs nothing else of the package, and its tests."""
    for name in ("viral_engine/__init__.py", "pyproject.toml", "tests/runtime_fixtures.py"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name)
    for name in ("viral_engine/runtime", "tests/runtime"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))


def try_rule(original: Path, rule: WrongRule) -> Verdict:
    """Runs the test of a wrong rule against a copy of the copy that has it.

    Raises:
        NotOnce: the rule does not fit the source any more.
    """
    with tempfile.TemporaryDirectory(prefix=f"wrong-rule-{rule.number}-", dir=original.parent) as folder:
        copy = Path(folder) / "copy"
        # By hard links, bytecode included: a hundred such copies cost a second.
        shutil.copytree(original, copy, copy_function=os.link)
        for edit in rule.edits:
            file = copy / "viral_engine" / "runtime" / edit.file
            source = changed(file.read_text(), edit)
            for stale in (file, *(file.parent / "__pycache__").glob(f"{file.stem}.*.pyc")):
                stale.unlink()
            file.write_text(source)
        return run_in(copy, [rule.test], patience_s=1.0)


def run_in(copy: Path, tests: Sequence[str], *, patience_s: float) -> Verdict:
    """Runs tests of a copy in a process of their own.

    Args:
        copy: where the runtime and the tests were copied to; what the run says is written beside it.
        tests: `file::name` below tests/runtime.
        patience_s: how long the testing kit waits for what must happen.
    """
    plugins = [part for name in PLUGINS for part in ("-p", name)]
    arguments = [*OPTIONS, *plugins, *(f"tests/runtime/{test}" for test in tests)]
    process = _processes.Process(target=_run_pytest, args=(str(copy), arguments, patience_s))
    process.start()
    process.join()
    output, verdict = (copy.parent / "output").read_text(), copy.parent / "verdict.json"
    assert verdict.exists(), output
    return Verdict(**json.loads(verdict.read_text()), output=output)


def _run_pytest(copy: str, arguments: list[str], patience_s: float) -> None:
    """The process of one run: the copy comes before everything that the machine has installed."""
    os.chdir(copy)
    sys.dont_write_bytecode = False
    own = str(ROOT / "tests")
    installed = [known for known in sys.path if not known.startswith(own)]
    sys.path[:] = [copy, f"{copy}/tests", f"{copy}/tests/runtime", *installed]
    sys.modules.pop("wrong_rules", None)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    os.environ["WRONG_RULES_COPY"] = copy
    os.environ["WRONG_RULES_PATIENCE_S"] = str(patience_s)
    output = os.open("../output", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    for descriptor in (1, 2):
        os.dup2(output, descriptor)
    pytest.main(arguments)
    sys.stdout.flush()
    sys.stderr.flush()
    # What a wrong rule left running must not hold the process.
    os._exit(0)
