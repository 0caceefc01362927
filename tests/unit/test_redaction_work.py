"""Work grows with the length of a text and not faster, whatever the text: steps are counted, not seconds."""

import ast
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from viral_engine.domain import redaction
from viral_engine.domain.redaction.known_names import KNOWN_MAX, Known
from viral_engine.domain.redaction.phone_numbers import e164
from viral_engine.domain.redaction.redact import redact

PACKAGE = Path(redaction.__path__[0])
LENGTH = 1_500
STEPS_A_CHARACTER_MAX = 400
"""Lines of our code for one character, a token of the worst text."""

HOSTILE = (
    "a@", "a.", "@", "a.a@a.", "a at ", "a dot ", "(at)", "((", "[", "[EMAIL_1]", "[EMAIL_", "1 ", "1", "12 ",
    "1-", "+1 ", "00 ", "one ", "double ", "415 555 2671 ", "415-", "123-45-", "4111 ", "1.1.", "1.", "a:", ":",
    "::1", "http://", "http:", "www.", "instagram.com/", "/", "12 Main ", "12 a ", "PO ", "born 1/1/11 ",
    "March ", "1/1/", "High ", "School of A ", "St. ", "P.S. ", "Maya ", "Maya Chen ", "my name is ", "Hi ",
    "I'm ", "John ", "John-", "\uff11", "\u200b", "\u0301", "\u738b", "\ufffc", " ", "\n", "x", "X ", ";", "_",
    "call 1 ", "ssn 1 ", "ssn ", "-at-", "&#64;", '"', "a@ ", "((at", "*1*", "<1", "\u0940",
    "my number is 555-1234 ", "call me at 1 ", "my number is ", "me at ", "number 1 2 3 4 5 6 7 8, ",
    "my 5551234 text ", "calle ", "Calle A ", "calle de la ", "C/", "Carrera 7 # ", "12 rue ", "12 rue de ",
    "1 Calle 2, ",
    "my insta is ", "add me on ", "snap: a_1 ", "insta ", "@a.b on insta ", "a_", "my ", "snap a-", "on insta @",
    "I live at ", "vivo en ", "vivo en A ", "12 Main St, A ", "SW1A ", "2A A 1 ", "Av. A 5, 28014 A-",
)  # fmt: skip
KNOWN = Known([f"Maya {'Maya ' * (at % 15)}Chen" for at in range(KNOWN_MAX)])


def steps(text: str) -> int:
    """Lines of the package that run while a text is redacted."""
    count = 0
    folder = str(PACKAGE)

    def local(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal count
        count += 1
        return local

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        return local if frame.f_code.co_filename.startswith(folder) else None

    e164.cache_clear()
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        redact(text, KNOWN)
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("piece", HOSTILE, ids=ascii)
def test_twice_the_text_is_twice_the_work(piece: str) -> None:
    once = (piece * LENGTH)[:LENGTH]
    twice = (piece * LENGTH)[: 2 * LENGTH]
    least, most = steps(once), steps(twice)
    assert most <= 2.1 * least + 1_000
    assert most <= STEPS_A_CHARACTER_MAX * len(twice)


def test_only_the_cutter_has_a_regular_expression_and_only_one_file_knows_phonenumbers() -> None:
    users: dict[str, set[str]] = {"re": set(), "phonenumbers": set()}
    others = set()
    for path in PACKAGE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                if name in users:
                    users[name].add(path.name)
                elif (
                    not name.startswith("viral_engine.domain.")
                    and name.partition(".")[0] not in sys.stdlib_module_names
                ):
                    others.add(name)
    assert users == {"re": {"tokens.py"}, "phonenumbers": {"phone_numbers.py"}}
    assert others == set()
