"""What happens in the tree, told to the log and counted: every kind, without flooding, without quoting anybody."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from prometheus_client.core import CounterMetricFamily
from structlog.testing import CapturingLogger

from viral_engine.runtime import events
from viral_engine.runtime.exits import KILLED
from viral_engine.runtime.testing import start_supervised
from viral_engine.telemetry import event_counter
from viral_engine.telemetry.event_counter import COUNTED, OTHER, EventCounter
from viral_engine.telemetry.event_log import EventLog
from viral_engine.telemetry.metrics import Metrics
from viral_engine.telemetry.throttle import SUBJECTS_MAX, Throttle

QUOTED = "d-4713"
ONE_OF_EACH: tuple[events.Event, ...] = (
    events.ActorStarted("/a", 1, 2.0),
    events.ActorStartFailed("/a", 1, KILLED),
    events.ActorEnded("/a", 1, KILLED, None, "a trial", 1.0),
    events.ActorIgnored("/a", 1),
    events.ChildRestarted("/a", 2, by_hand=False),
    events.SupervisorGaveUp("/", "/a", 3, 5.0),
    events.ChildGaveUp("/a", 300.0),
    events.RestartDelayed("/a", 2, 0.4),
    events.MessageFailed("/a", "CheckAction", f"KeyError: '{QUOTED}'"),
    events.MessageDeadLettered("/a", "CheckAction", "CheckAction(user_id=…)", f"KeyError: '{QUOTED}'"),
    events.HandlerSlow("/a", "CheckAction", 3, 0.7),
    events.HeartbeatMissed("/a", 1, 5),
    events.KeptStateDropped("/a", "it took part in two crashes in a row"),
    events.MessageDropped("/a", "CheckAction", "full"),
    events.ThreadAbandoned("/a", 1, 1),
    events.AbortFailed("/a", 1, "Server", f"OSError: {QUOTED}"),
    events.CallbackFailed("/a", f"KeyError: {QUOTED}"),
    events.LoopBlocked(2.0, "  File x\n"),
    events.LoopRecovered(3.0),
)
OF_NO_INTEREST = {"ActorStarted", "MessageDropped"}


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What is logged: level, name and facts."""
    logger = CapturingLogger()
    monkeypatch.setattr("viral_engine.telemetry.event_log._log", logger)
    return logger.calls


def test_there_is_one_of_each_kind_here() -> None:
    assert {type(event) for event in ONE_OF_EACH} == set(get_args(events.Event))


@pytest.mark.parametrize("event", ONE_OF_EACH, ids=lambda event: type(event).__name__)
def test_every_event_is_a_line_with_its_actor_and_without_what_an_error_quotes(
    event: events.Event, lines: list[Any]
) -> None:
    EventLog()(event)

    [line] = lines
    assert (line.method_name == "debug") is (type(event).__name__ in OF_NO_INTEREST)
    assert line.kwargs.get("path") == getattr(event, "path", None)
    assert QUOTED not in str(line)


def test_a_slow_actor_and_failing_messages_are_told_of_once_in_a_while(lines: list[Any]) -> None:
    log = EventLog()
    for _ in range(5):
        log(events.HandlerSlow("/a", "X", 1, 0.7))
        log(events.MessageFailed("/a", "X", "ValueError: no"))
    log(events.HandlerSlow("/b", "X", 1, 0.7))

    assert [(line.args[0], line.kwargs["path"]) for line in lines] == [
        ("handler slow", "/a"),
        ("message failed", "/a"),
        ("handler slow", "/b"),
    ]


def test_the_next_line_tells_how_many_were_left_out() -> None:
    throttle = Throttle(10.0)

    assert [throttle.admit("a", now_s) for now_s in (0.0, 1.0, 9.9, 10.0, 10.1, 25.0)] == [0, None, None, 2, None, 1]
    assert throttle.admit("b", 10.0) == 0


def test_a_throttle_remembers_only_so_many_subjects() -> None:
    throttle = Throttle(10.0)
    for number in range(3 * SUBJECTS_MAX):
        throttle.admit(number, 0.0)

    assert len(throttle._told) <= SUBJECTS_MAX


def counts(counter: EventCounter) -> dict[tuple[str, str], float]:
    [family] = counter.collect()
    assert isinstance(family, CounterMetricFamily)
    return {(sample.labels["event"], sample.labels["path"]): sample.value for sample in family.samples}


def test_what_went_wrong_is_counted_by_kind_and_actor() -> None:
    counter = EventCounter()
    for event in (*ONE_OF_EACH, events.HandlerSlow("/a", "X", 1, 0.7)):
        counter(event)

    found = counts(counter)
    assert len(found) == len(COUNTED)
    assert found["handler_slow", "/a"] == 2
    assert found["message_dead_lettered", "/a"] == 1
    assert found["supervisor_gave_up", "/"] == 1


def test_actors_beyond_the_limit_share_one_counter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_counter, "PATHS_MAX", 2)
    counter = EventCounter()
    for path in ("/a", "/b", "/c", "/d", "/a"):
        counter(events.ActorIgnored(path, 1))

    assert counts(counter) == {("actor_ignored", "/a"): 2, ("actor_ignored", "/b"): 1, ("actor_ignored", OTHER): 2}


def test_the_counts_are_on_the_page_of_metrics() -> None:
    with start_supervised() as system:
        metrics = Metrics(system)
        metrics.happened(events.HeartbeatMissed("/jobs/clock", 1, 5))

        page = metrics.exposition().decode()

    assert 'viral_engine_events_total{event="heartbeat_missed",path="/jobs/clock"} 1.0\n' in page
