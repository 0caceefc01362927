"""What operators see over the socket, also while the actors or the event loop hang."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from operated_tree import Operated, Work, operate

from viral_engine.control import looks
from viral_engine.control.protocol import Refusal
from viral_engine.runtime.events import ActorEnded
from viral_engine.runtime.testing import Gate


@pytest.fixture
def operated(tmp_path: Path) -> Iterator[Operated]:
    """A tree of its own for each test."""
    with operate(tmp_path) as tree:
        yield tree


def test_the_tree_holds_every_actor_and_the_totals(operated: Operated) -> None:
    tree = operated.ask("tree")

    assert [child["path"] for child in tree["root"]["children"]] == ["/control", "/growth"]
    assert tree["totals"]["actors"] == 5
    assert tree["totals"]["states"] == {"running": 5}
    assert tree["daemon"]["version"] == "1.2.3"
    assert operated.ask("tree", path="growth")["root"]["path"] == "/growth"


def test_messages_a_second_are_counted_between_two_looks(operated: Operated) -> None:
    operated.ask("ps")
    for number in range(100):
        operated.system.call("/growth/probe", number).get()

    rates = {row["path"]: row["messages_per_s"] for row in operated.ask("ps")["actors"]}
    assert rates["/growth/probe"] > 0
    assert rates["/growth/trust_safety"] == 0


def test_an_actor_that_hangs_is_seen_with_its_message_and_its_stack(
    operated: Operated, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looks, "STATE_TIMEOUT_S", 0.05)
    operated.system.cast("/growth/trust_safety", Work("for ever"))
    operated.gate.wait_for_arrival()
    operated.system.cast("/growth/trust_safety", Work("behind it"))

    seen = operated.ask("inspect", path="/growth/trust_safety", state=True, stack=True)

    assert (seen["current_message"], seen["depth"]) == ("Work", 1)
    assert "pass_through" in seen["stack"]
    assert seen["state_of_actor"] is None
    assert seen["state_error"] == "/growth/trust_safety gave no answer within 0.05 s"


def test_the_state_of_an_actor_is_shown_without_what_is_personal(operated: Operated) -> None:
    seen = operated.ask("inspect", path="/growth/trust_safety", state=True)

    assert seen["state_of_actor"] == {"email": "…", "seen": 3}
    assert seen["state_error"] is None


def test_the_tree_is_seen_while_the_event_loop_hangs(operated: Operated) -> None:
    gate = Gate()
    operated.system.loop.post(gate.pass_through)
    gate.wait_for_arrival()
    try:
        assert operated.ask("tree")["totals"]["actors"] == 5
    finally:
        gate.open()


def test_a_wrong_path_is_answered_with_the_nearest_ones(operated: Operated) -> None:
    with pytest.raises(Refusal) as refused:
        operated.ask("inspect", path="/growth/trust_safty")

    assert refused.value.failure.code == "no_such_actor"
    assert (refused.value.failure.hint or "").startswith("did you mean /growth/trust_safety")


def test_a_crash_is_told_with_its_error_but_without_what_it_worked_on(operated: Operated) -> None:
    operated.system.cast("/growth/trust_safety", "somebody@example.org")
    operated.log.wait_for(ActorEnded)
    operated.wait_for_start("/growth/trust_safety", 2)

    [entry] = operated.ask("history", path="/growth")["entries"]
    assert (entry["kind"], entry["message_type"]) == ("crash", "str")
    assert entry["reason"] == "ValueError: can't work on it for …"
    assert entry["traceback"].endswith("ValueError: can't work on it for …\n")
    assert "…" in operated.ask("inspect", path="/growth/trust_safety")["last_exit"]["reason"]
    assert operated.ask("history", path="/control")["entries"] == []


def test_health_names_everything_that_is_not_well(operated: Operated) -> None:
    assert operated.ask("health")["ok"] is True

    operated.ask("suspend", path="/growth/probe")
    operated.ready = {"ready": False, "reasons": ["database: it is away"]}

    health = operated.ask("health")
    assert health["ok"] is False
    assert health["troubles"] == ["/growth/probe is suspended"]
    assert health["readiness"] == {"ready": False, "reasons": ["database: it is away"]}


def test_a_child_of_a_stopped_supervisor_is_gone_from_the_tree(operated: Operated) -> None:
    operated.ask("stop", path="/growth", yes=True)

    assert operated.ask("inspect", path="/growth")["state"] == "stopped"
    with pytest.raises(Refusal):
        operated.ask("inspect", path="/growth/probe")


def test_the_control_actor_shows_its_own_figures(operated: Operated) -> None:
    operated.ask("ping")

    state: dict[str, Any] = operated.ask("inspect", path="/control", state=True)["state_of_actor"]
    assert state["socket"] == operated.listener.path
    assert state["served"] >= 1
