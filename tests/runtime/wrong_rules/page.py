"""Reads docs/semantics.md: its sentences, and what each of them names as proof."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

RUNTIME_TESTS = Path(__file__).resolve().parents[1]
PAGE = RUNTIME_TESTS.parents[1] / "docs" / "semantics.md"

PROMISE = re.compile(r"^- (?P<promise>.+?)(?=^- |^#|^\S|\Z)", re.DOTALL | re.MULTILINE)
PROOF = re.compile(r"`(?P<rules>W\d+(?:\sW\d+)*)\s(?P<tests>test_\w+\.py::\w+(?:\stest_\w+\.py::\w+)*)`$")


@dataclass(frozen=True, slots=True)
class Promise:
    """One sentence of the page.

    Attributes:
        rules: numbers of the wrong rules that its tests catch; empty when it names no proof.
        tests: `file::function` below tests/runtime.
    """

    sentence: str
    rules: tuple[int, ...]
    tests: tuple[str, ...]


def promises(text: str) -> Iterator[Promise]:
    """Yields every bullet of the page."""
    for found in PROMISE.finditer(text):
        words = re.sub(r"\s+", " ", found["promise"]).strip()
        proof = PROOF.search(words)
        if proof is None:
            yield Promise(words, (), ())
            continue
        rules = tuple(int(number[1:]) for number in proof["rules"].split())
        yield Promise(words[: proof.start()].strip(), rules, tuple(proof["tests"].split()))


def existing_tests() -> set[str]:
    """Returns every test function of tests/runtime as `file::function`."""
    return {
        f"{path.name}::{node.name}"
        for path in RUNTIME_TESTS.glob("test_*.py")
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


def function_of(test: str) -> str:
    """Returns a test without its parameters."""
    return test.partition("[")[0]
