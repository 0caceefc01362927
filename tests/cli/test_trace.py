"""`trace`: an actor's messages, live, over the operators' socket; bounded in every way, and gone when nobody looks."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
from operated_tree import COMMAND, Operated, Poison, Ran, Work, environment, operate, viral_engine

from viral_engine.control import client
from viral_engine.control.protocol import Refusal, Request
from viral_engine.control.trace import TRACES_MAX

PROBE = "/growth/probe"
SAFETY = "/growth/trust_safety"


@pytest.fixture
def operated(tmp_path: Path) -> Iterator[Operated]:
    """A tree of its own for each test."""
    with operate(tmp_path) as tree:
        yield tree


def traced(tree: Operated, *arguments: str) -> Ran:
    """Runs a trace of the probe, which gets numbers and words for as long as it runs."""
    process = subprocess.Popen(
        [*COMMAND, "trace", PROBE, *arguments, "--data-dir", str(tree.data_dir)],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
    )
    while process.poll() is None:
        tree.system.call(PROBE, 1).get()
        tree.system.cast(PROBE, Poison("a child"))
    out, err = process.communicate()
    return Ran(process.returncode, out.decode(), err.decode())


def follow(tree: Operated, path: str = PROBE, **fields: Any) -> Any:
    """A trace that has begun."""
    lines = client.follow(tree.listener.path, Request(verb="trace", path=path, **fields), 30.0)
    assert next(lines) is None
    return lines


def is_traced(tree: Operated, path: str = PROBE) -> bool:
    return "_handle" in vars(tree.system.registry.actors[path])


def wait_until_untraced(tree: Operated) -> None:
    for _ in range(1_000_000):
        if not is_traced(tree):
            return
        tree.system.call(PROBE, 1).get()
    pytest.fail("the trace goes on")


def test_a_trace_ends_by_count_and_shows_each_message_with_its_times_and_nothing_personal(operated: Operated) -> None:
    ran = traced(operated, "-n", "4")

    *messages, end = ran.out.splitlines()
    assert (ran.code, ran.err) == (0, "")
    assert len(messages) == 4
    assert {message.split()[1] for message in messages} == {"call", "cast"}
    assert any("  cast   Poison(child=…, dose=1)  waited " in message for message in messages)
    assert all(" ms, took " in message for message in messages)
    assert end.startswith("-- ended by count: that many were asked for; 4 messages in ")
    assert not is_traced(operated)


def test_a_trace_shows_only_the_types_that_are_asked_for(operated: Operated) -> None:
    data = traced(operated, "-n", "3", "--match", "Poi*", "--json").data

    assert [message["message_type"] for message in data["messages"]] == ["Poison"] * 3
    assert (data["ended"], data["shown"], data["lost"]) == ("count", 3, 0)


def test_a_trace_ends_by_rate(operated: Operated) -> None:
    ran = traced(operated, "-n", "10000", "--rate", "5/h")

    assert "-- ended by rate: more than 5 messages in 3600 s; 5 messages in " in ran.out


def test_a_trace_of_an_actor_that_hangs_ends_by_time_and_says_at_what(operated: Operated) -> None:
    operated.system.cast(SAFETY, Work("for ever"))
    operated.gate.wait_for_arrival()

    ran = viral_engine("trace", SAFETY, "--for", "1s", "--data-dir", operated.data_dir)

    [end] = ran.out.splitlines()
    assert end.startswith("-- ended by time: 1 s are over; 0 messages in ")
    assert "; it has been handling Work for " in end


def test_a_trace_shows_what_ended_the_actor_and_goes_on_with_the_next_one(operated: Operated) -> None:
    operated.gate.open()
    with closing(follow(operated, SAFETY, limit=2)) as lines:
        operated.system.cast(SAFETY, Poison("a child"))
        operated.wait_for_start(SAFETY, 2)
        operated.system.cast(SAFETY, Work("after"))
        first, second, end = (line for line in lines if line is not None)

    assert [(line["incarnation"], line["outcome"]) for line in (first, second)] == [(1, "raised"), (2, "handled")]
    assert end["ended"] == "count"


def test_an_operator_who_goes_leaves_no_trace_behind(operated: Operated) -> None:
    lines = follow(operated, for_s=3_600.0)
    assert is_traced(operated)

    lines.close()

    wait_until_untraced(operated)


def test_the_end_of_the_control_actor_ends_its_traces_and_says_so(operated: Operated) -> None:
    with closing(follow(operated, for_s=3_600.0)) as lines:
        operated.ask("kill", path="/control", yes=True)
        with pytest.raises(Refusal, match="the control actor ended"):
            list(lines)
    wait_until_untraced(operated)


def test_a_name_is_traced_once_and_there_are_only_so_many_traces(operated: Operated) -> None:
    paths = [PROBE, SAFETY, "/growth", "/", "/control"]
    assert len(paths) == TRACES_MAX + 1
    with ExitStack() as stack:
        for path in paths[:TRACES_MAX]:
            stack.enter_context(closing(follow(operated, path, for_s=3_600.0)))
            if path == PROBE:
                with pytest.raises(Refusal, match=f"{PROBE} is being traced"):
                    follow(operated)
        with pytest.raises(Refusal, match=f"{TRACES_MAX} traces"):
            follow(operated, paths[-1])


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (("trace", "/growth/prob"), 4, "no_such_actor"),
        (("trace", PROBE, "--rate", "often"), 2, "wrong_use"),
        (("trace", PROBE, "--for", "soon"), 2, "wrong_use"),
        (("trace", PROBE, "-n", "0"), 2, "wrong_use"),
    ],
)
def test_a_trace_that_cannot_be_is_an_error_with_a_hint(
    operated: Operated, arguments: tuple[str, ...], code: int, word: str
) -> None:
    ran = viral_engine(*arguments, "--json", "--data-dir", operated.data_dir)

    assert (ran.code, ran.error["code"]) == (code, word)
    assert ran.error["hint"]


def test_a_reader_that_has_enough_ends_the_trace(operated: Operated) -> None:
    process = subprocess.Popen(
        [*COMMAND, "trace", PROBE, "-n", "10000", "--data-dir", str(operated.data_dir)],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    while process.poll() is None:
        operated.system.call(PROBE, 1).get()
    assert (process.returncode, process.stderr.read()) == (0, b"")
    process.stderr.close()
    wait_until_untraced(operated)


def test_the_json_of_a_trace_is_one_document(operated: Operated) -> None:
    ran = traced(operated, "-n", "2", "--json")

    assert json.loads(ran.out)["data"]["path"] == PROBE
