"""`tree --if-dies`: what operators are told of a death before it happens."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from operated_tree import Operated, operate, viral_engine

from viral_engine.runtime.events import ActorEnded


@pytest.fixture
def operated(tmp_path: Path) -> Iterator[Operated]:
    """A tree of its own for each test."""
    with operate(tmp_path) as tree:
        yield tree


def test_a_death_is_foretold_in_order_and_nobody_is_touched(operated: Operated) -> None:
    told = viral_engine("tree", "--if-dies", "/growth", "--data-dir", operated.data_dir)

    assert told.out.splitlines() == [
        "If /growth died now, it would be restart 1 of 20 in 60 s of /, nothing would escalate.",
        "",
        "ends    /growth/probe",
        "ends    /growth/trust_safety",
        "dies    /growth",
        "starts  /growth/trust_safety",
        "starts  /growth/probe",
        "starts  /growth",
    ]
    assert operated.log.of(ActorEnded) == []


def test_the_restart_that_would_be_one_too_many_is_named_with_who_ends_over_it(operated: Operated) -> None:
    for incarnation in range(2, 7):
        operated.ask("kill", path="/growth/probe", yes=True)
        operated.wait_for_start("/growth/probe", incarnation)

    told = viral_engine("tree", "--if-dies", "growth/probe", "--data-dir", operated.data_dir)
    data = viral_engine("tree", "--if-dies", "growth/probe", "--json", "--data-dir", operated.data_dir).data

    assert told.out.startswith(
        "If /growth/probe died now, it would be restart 6 of 5 in 60 s of /growth, /growth would end over it.\n"
    )
    assert [(count["path"], count["used"], count["exhausted"]) for count in data["counts"]] == [
        ("/growth", 6, True),
        ("/", 1, False),
    ]
    assert [step["verb"] for step in data["steps"]] == ["dies", "stops", "gives_up", *["starts"] * 3]
    assert data["ends_daemon"] is False


def test_the_death_of_the_root_ends_the_daemon(operated: Operated) -> None:
    told = viral_engine("tree", "--if-dies", "/", "--data-dir", operated.data_dir)

    assert "nobody would be left to bring it back, and the daemon would end with exit 70." in told.out


def test_who_does_not_run_cannot_die_and_a_wrong_path_gets_the_nearest_one(operated: Operated) -> None:
    operated.ask("stop", path="/growth/probe", yes=True)

    stopped = viral_engine("tree", "--if-dies", "/growth/probe", "--json", "--data-dir", operated.data_dir)
    unknown = viral_engine("tree", "--if-dies", "/growth/prob", "--json", "--data-dir", operated.data_dir)

    assert (stopped.code, stopped.error["message"]) == (2, "/growth/probe is stopped, so it can't die")
    assert (unknown.code, unknown.error["hint"].startswith("did you mean /growth/probe or ")) == (4, True)
