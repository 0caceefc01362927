"""What an actor did last is kept with its crash, shown by `history` and `inspect`, and says nothing of anybody."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from operated_tree import Operated, Poison, Work, operate, viral_engine

CRASHER = "/growth/trust_safety"


@pytest.fixture
def operated(tmp_path: Path) -> Iterator[Operated]:
    """A tree of its own for each test."""
    with operate(tmp_path) as tree:
        yield tree


def crash(tree: Operated) -> None:
    """Has an actor handle one harmless message and one that ends it."""
    tree.gate.open()
    tree.system.cast(CRASHER, Work("harmless"))
    tree.system.cast(CRASHER, Poison("device-of-a-child"))
    tree.wait_for_start(CRASHER, 2)


def test_history_shows_the_message_that_ended_an_actor_and_those_before_it(operated: Operated) -> None:
    crash(operated)

    told = viral_engine("history", CRASHER, "--data-dir", operated.data_dir).out
    [entry] = viral_engine("history", CRASHER, "--json", "--data-dir", operated.data_dir).data

    first, message, before = told.splitlines()
    assert f"crash  {CRASHER}  KeyError: '…'  (while handling Poison, up " in first
    assert message == "    message: Poison(child=…, dose=1)"
    assert before.startswith("    begun before: Work 0.")
    assert (entry["killer"], [one["message_type"] for one in entry["recent"]]) == (
        "Poison(child=…, dose=1)",
        ["Work", "Poison"],
    )


def test_inspect_shows_the_last_crash_of_this_actor_also_after_the_daemon_was_started_again(tmp_path: Path) -> None:
    with operate(tmp_path) as before:
        crash(before)
    with operate(tmp_path) as after:
        told = viral_engine("inspect", CRASHER, "--data-dir", tmp_path).out
        other = after.ask("inspect", path="/growth/probe")

    assert "its last crash or kill\n  " in told
    assert "message: Poison(child=…, dose=1)\n" in told
    assert other["last_crash"] is None


def test_nothing_personal_is_told_anywhere(operated: Operated) -> None:
    crash(operated)

    shown = [
        viral_engine(*verb, "--data-dir", operated.data_dir).out
        for verb in (("history", "--traceback"), ("inspect", CRASHER, "--state"), ("ps",), ("tree", "-o", "wide"))
    ]
    operated.history.flush(30)
    shown.append((operated.data_dir / "history.jsonl").read_text())
    assert all("KeyError: '…'" in text for text in (shown[0], shown[1], shown[2], shown[3], shown[4]))
    assert [text for text in shown if "device-of-a-child" in text] == []
