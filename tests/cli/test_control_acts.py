"""What operators do to the tree over the socket, and what the tree makes of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from operated_tree import Operated, Work, operate

from viral_engine.control.protocol import Refusal
from viral_engine.runtime.events import ActorEnded, ChildRestarted, SupervisorGaveUp


@pytest.fixture
def operated(tmp_path: Path) -> Iterator[Operated]:
    """A tree of its own for each test."""
    with operate(tmp_path) as tree:
        yield tree


def test_a_kill_counts_as_a_restart_and_is_one_entry_of_the_history(operated: Operated) -> None:
    answer = operated.ask("kill", path="/growth/probe", yes=True, reason="a trial")
    operated.wait_for_start("/growth/probe", 2)

    assert answer == {"path": "/growth/probe", "done": "killed", "incarnation": 1, "reason": "a trial"}
    assert operated.ask("inspect", path="/growth")["intensity"]["restarts_used"] == 1
    [entry] = operated.ask("history")["entries"]
    assert (entry["path"], entry["kind"], entry["reason"]) == ("/growth/probe", "killed", "killed: a trial")
    assert (entry["killed_for"], entry["incarnation"]) == ("a trial", 1)


def test_a_restart_by_hand_is_not_counted_and_is_no_entry(operated: Operated) -> None:
    answer = operated.ask("restart", path="growth/probe/")

    assert answer == {"path": "/growth/probe", "done": "restarted", "incarnation": 2}
    assert operated.ask("inspect", path="/growth")["intensity"]["restarts_used"] == 0
    assert operated.ask("history")["entries"] == []


def test_a_kill_that_would_end_the_daemon_is_refused_unless_forced(operated: Operated) -> None:
    for incarnation in range(2, 22):
        operated.ask("kill", path="/growth", yes=True)
        operated.wait_for_start("/growth", incarnation)
    with pytest.raises(Refusal, match="restart 21 of 20 in 60 s: the daemon would end"):
        operated.ask("kill", path="/growth", yes=True)
    operated.ask("kill", path="/growth", yes=True, force=True)
    assert [event.path for event in operated.log.wait_for(SupervisorGaveUp)] == ["/"]


def test_a_supervisor_can_be_killed_and_comes_back_with_its_children(operated: Operated) -> None:
    operated.ask("kill", path="/growth", yes=True)
    operated.wait_for_start("/growth", 2)

    assert operated.incarnation("/growth/probe") == 2
    assert operated.ask("inspect", path="/")["intensity"]["restarts_used"] == 1


def test_a_stopped_actor_stays_down_until_it_is_restarted(operated: Operated) -> None:
    operated.ask("stop", path="/growth/probe", yes=True, reason="it is loud")

    stopped = operated.ask("inspect", path="/growth/probe")
    assert stopped["state"] == "stopped"
    assert "was stopped by hand (uid" in stopped["why"]
    assert "it is loud" in stopped["why"]
    assert operated.ask("restart", path="/growth/probe")["incarnation"] == 2
    assert operated.ask("inspect", path="/growth/probe")["why"] == "/growth/probe is running and idle."


def test_a_suspended_actor_takes_no_message_until_it_is_resumed(operated: Operated) -> None:
    operated.ask("suspend", path="/growth/probe", reason="to look")
    operated.system.cast("/growth/probe", "hello")

    suspended = operated.ask("inspect", path="/growth/probe")
    assert (suspended["state"], suspended["depth"]) == ("suspended", 1)
    assert "to look" in suspended["why"]
    assert operated.ask("resume", path="/growth/probe")["done"] == "resumed"
    assert operated.ask("inspect", path="/growth/probe")["state"] == "running"


def test_killing_the_control_actor_answers_first_and_refuses_nobody_afterwards(operated: Operated) -> None:
    answer = operated.ask("kill", path="/control", yes=True)

    assert answer["done"] == "killed"
    assert operated.ask("ping") == {"version": "1.2.3"}
    operated.wait_for_start("/control", 2)
    assert operated.ask("restart", path="/control", yes=True)["done"] == "restarted"
    assert operated.ask("ping") == {"version": "1.2.3"}
    operated.wait_for_start("/control", 3)
    assert [event.by_hand for event in operated.log.of(ChildRestarted)] == [False, True]


@pytest.mark.parametrize("verb", ["kill", "stop", "restart"])
def test_the_root_is_refused_with_what_to_do_instead(operated: Operated, verb: str) -> None:
    with pytest.raises(Refusal) as refused:
        operated.ask(verb, path="/", yes=True)

    assert refused.value.failure.code == "not_possible"
    assert "SIGTERM" in (refused.value.failure.hint or "")


def test_the_control_actor_is_not_stopped_because_nobody_could_start_it_again(operated: Operated) -> None:
    with pytest.raises(Refusal) as refused:
        operated.ask("stop", path="/control", yes=True)

    assert refused.value.failure.code == "not_possible"
    assert "restart /control" in (refused.value.failure.hint or "")
    assert operated.incarnation("/control") == 1
    assert operated.audited == []


@pytest.mark.parametrize("verb", ["kill", "restart"])
def test_the_control_actor_is_not_ended_while_nobody_would_start_it_again(operated: Operated, verb: str) -> None:
    operated.ask("suspend", path="/", yes=True)

    with pytest.raises(Refusal) as refused:
        operated.ask(verb, path="/control", yes=True)

    assert refused.value.failure.hint == "`resume /` first"
    operated.ask("resume", path="/")
    assert operated.ask(verb, path="/control", yes=True)["path"] == "/control"


@pytest.mark.parametrize("path", ["/control", "/"])
def test_a_suspended_control_actor_or_root_can_be_resumed_over_the_same_socket(operated: Operated, path: str) -> None:
    operated.ask("suspend", path=path, yes=True)

    assert operated.ask("inspect", path=path)["state"] == "suspended"
    assert operated.ask("resume", path=path)["done"] == "resumed"
    assert operated.ask("inspect", path=path)["state"] == "running"


@pytest.mark.parametrize(
    ("verb", "path"),
    [("kill", "/growth/probe"), ("stop", "/growth/probe"), ("suspend", "/control"), ("restart", "/control")],
)
def test_a_dangerous_act_needs_a_yes(operated: Operated, verb: str, path: str) -> None:
    with pytest.raises(Refusal) as refused:
        operated.ask(verb, path=path)

    assert refused.value.failure.code == "needs_yes"
    assert operated.incarnation(path) == 1
    assert operated.audited == []


def test_every_act_is_audited_before_it_is_done(operated: Operated) -> None:
    operated.ask("kill", path="/growth/probe", yes=True, reason="call me at +1 415 555 0134")

    [act] = operated.audited
    assert (act.verb, act.path, act.reason) == ("kill", "/growth/probe", "call me at …")
    assert act.pid > 0


def test_an_act_does_not_depend_on_the_audit(operated: Operated) -> None:
    operated.audit_error = RuntimeError("the journal hangs")

    operated.ask("kill", path="/growth/probe", yes=True)

    [ended] = operated.log.wait_for(ActorEnded)
    assert (ended.path, ended.exit_reason.kind) == ("/growth/probe", "killed")


def test_an_act_on_what_is_not_running_says_what_would_help(operated: Operated) -> None:
    operated.ask("stop", path="/growth/probe", yes=True)

    with pytest.raises(Refusal) as refused:
        operated.ask("resume", path="/growth/probe")

    assert refused.value.failure.message == "/growth/probe is stopped"
    assert refused.value.failure.hint == "`restart /growth/probe` starts it"


def test_an_actor_that_hangs_can_be_killed_and_its_thread_is_reported_apart(operated: Operated) -> None:
    operated.system.cast("/growth/trust_safety", Work("for ever"))
    operated.gate.wait_for_arrival()

    operated.ask("kill", path="/growth/trust_safety", yes=True, reason="it hangs")
    operated.wait_for_start("/growth/trust_safety", 2)

    [entry] = operated.ask("history")["entries"]
    assert (entry["kind"], entry["message_type"]) == ("killed", "Work")
    kinds = [entry["kind"] for entry in operated.ask("history", aside=True)["entries"]]
    assert sorted(kinds) == ["killed", "thread_abandoned"]
    assert operated.ask("health")["troubles"] == [
        "1 threads hang in killed actors, the last one in /growth/trust_safety"
    ]
