"""`dead-letters`: what ended its actor three times is listed, and let through again by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from operated_tree import Operated, Poison, Work, operate, viral_engine

from viral_engine.runtime.events import ActorEnded, MessageDeadLettered

CRASHER = "/growth/trust_safety"
POISON = Poison("device-of-a-child")


@pytest.fixture
def operated(tmp_path: Path) -> Iterator[Operated]:
    """A tree of its own for each test."""
    with operate(tmp_path) as tree:
        tree.gate.open()
        yield tree


def poison(tree: Operated, times: int = 3) -> None:
    for _ in range(times):
        incarnation = tree.incarnation(CRASHER) or 0
        tree.system.cast(CRASHER, POISON)
        tree.wait_for_start(CRASHER, incarnation + 1)


def test_without_a_database_they_are_listed_from_the_history(operated: Operated) -> None:
    poison(operated)

    told = viral_engine("dead-letters", "list", "--data-dir", operated.data_dir)
    data = viral_engine("dead-letters", "list", "--json", "--data-dir", operated.data_dir).data

    header, line = told.out.splitlines()
    assert header.split() == ["AT", "PATH", "ERROR", "MESSAGE"]
    assert line.split(maxsplit=3)[1:] == [CRASHER, "KeyError", "Poison(child=…, dose=1)"]
    assert "from the history, as the database can't be asked: no actor is running at /reader" in told.err
    assert f"{CRASHER} refuses 1 of them; `dead-letters forgive {CRASHER}` lets them through" in told.err
    assert (data["source"], data["refused_now"]) == ("history", {CRASHER: 1})


def test_a_letter_is_refused_until_it_is_forgiven_which_is_audited(operated: Operated) -> None:
    poison(operated)
    operated.system.cast(CRASHER, POISON)
    operated.system.cast(CRASHER, Work("behind it"))
    operated.gate.wait_for_arrival()
    assert len(operated.log.of(ActorEnded)) == 3

    forgiven = viral_engine("dead-letters", "forgive", CRASHER, "--reason", "mended", "--data-dir", operated.data_dir)

    assert forgiven.out == f"{CRASHER} lets 1 message through again\n"
    [act] = operated.audited
    assert (act.verb, act.path, act.reason) == ("forgive", CRASHER, "mended")
    poison(operated, times=1)
    assert len(operated.log.of(ActorEnded)) == 4
    assert len(operated.log.of(MessageDeadLettered)) == 1


def test_forgiving_nothing_is_no_error_and_a_wrong_path_is(operated: Operated) -> None:
    nothing = viral_engine("dead-letters", "forgive", "/growth/probe", "--data-dir", operated.data_dir)
    nobody = viral_engine("dead-letters", "forgive", "/growth/prob", "--json", "--data-dir", operated.data_dir)

    assert (nothing.code, nothing.out) == (0, "/growth/probe lets 0 messages through again\n")
    assert (nobody.code, nobody.error["code"]) == (4, "no_such_actor")


def test_none_are_nothing(operated: Operated) -> None:
    assert viral_engine("dead-letters", "list", "--data-dir", operated.data_dir).out == "nothing\n"
