"""What an error quotes of a message is hidden wherever it is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from viral_engine.runtime.discretion import traceback_of, words_of
from viral_engine.runtime.exits import KILLED, Exit, crash
from viral_engine.runtime.flight_recorder import personal
from viral_engine.runtime.mailbox import Envelope


@personal("user_id", "text", "tags")
@dataclass(frozen=True)
class Said:
    user_id: str
    text: str
    tags: Any = ()
    action: str = "greet"


@dataclass
class Waiting:
    request: Said


def fail(_held: object, error: Exception, cause: Exception | None = None) -> Exit:
    with pytest.raises(type(error)) as caught:
        raise error from cause
    return crash(caught.value)


SAID = Said("d-1", "our secret meeting place", {"age": 1234, "more": ["tagged"]})


@pytest.mark.parametrize(
    "held",
    [SAID, Waiting(SAID), [Envelope(SAID)], (Waiting(SAID), Waiting(SAID))],
    ids=["message", "held", "batch", "x"],
)
@pytest.mark.parametrize(
    "quoted",
    ["d-1", "our secret meeting place", "meeting", "1234", "tagged"],
    ids=["id", "text", "word", "number", "tag"],
)
def test_a_value_of_a_personal_field_is_hidden_from_the_words_of_an_error(held: object, quoted: str) -> None:
    told = fail(held, KeyError(quoted))

    assert words_of(told) == "KeyError: '…'"
    assert quoted not in traceback_of(told.error or ValueError())


def test_what_is_not_personal_and_what_only_looks_like_it_stays() -> None:
    assert words_of(fail(SAID, ValueError("cannot greet on d-12, line 41234"))) == (
        "ValueError: cannot greet on d-12, line 41234"
    )


def test_what_led_to_an_error_is_hidden_too() -> None:
    told = fail(SAID, RuntimeError("no"), ValueError("for d-1"))

    trace = traceback_of(told.error or ValueError())
    assert "ValueError: for …\n" in trace
    assert "d-1" not in trace


def test_quotes_that_python_escapes_are_found() -> None:
    assert words_of(fail(Said('it\'s "x"\n', "t"), KeyError('it\'s "x"\n'))) == "KeyError: '…'"


def test_an_end_without_an_error_is_told_as_it_is() -> None:
    assert words_of(KILLED) == "killed"


def test_the_words_of_an_end_are_made_once() -> None:
    told = fail(SAID, KeyError("d-1"))

    assert words_of(told) is words_of(told)
