"""Tracing: what a name handles, live, in either placement, and at no cost for who is not traced."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from scripted_actors import Boom, Script, crash, scripted

from viral_engine.runtime.actor import Actor
from viral_engine.runtime.events import ActorStarted
from viral_engine.runtime.loop_actor import LoopActor
from viral_engine.runtime.mailbox import Envelope
from viral_engine.runtime.spec import Worker
from viral_engine.runtime.system import System
from viral_engine.runtime.testing import EventLog, Gate, NextTurn, settle, start_supervised
from viral_engine.runtime.thread_actor import ThreadActor
from viral_engine.runtime.tracing import AlreadyTraced, Traced, Tracer


@contextmanager
def tracing(system: System, path: str = "/a", wants: Any = lambda _: True, **options: Any) -> Iterator[Tracer]:
    tracer = Tracer(system, path, wants, **options)
    tracer.start()
    try:
        yield tracer
    finally:
        tracer.stop()


def one(placement: type[Actor]) -> Worker:
    return Worker(name="a", actor_class=scripted(placement), args=(Script(),))


def taken(tracer: Tracer) -> list[tuple[Any, str, str]]:
    return [(one.message, one.kind, one.outcome) for one in tracer.take(0.0)]


def test_every_message_is_traced_with_its_kind(placement: type[Actor]) -> None:
    with start_supervised(one(placement)) as system, tracing(system) as tracer:
        system.call("/a", 1).get()
        system.cast("/a", 2)
        system.registry.actors["/a"].tell_info(3)
        settle(system)
        assert taken(tracer) == [(1, "call", "handled"), (2, "cast", "handled"), (3, "info", "handled")]


def test_who_is_not_traced_any_more_is_as_its_class_made_it(placement: type[Actor]) -> None:
    with start_supervised(one(placement)) as system:
        before = set(vars(system.registry.actors["/a"]))
        with tracing(system) as tracer:
            assert set(vars(system.registry.actors["/a"])) - before == {"_handle", "handle_batch", "_end_batch"}
        system.call("/a", 1).get()
        assert not set(vars(system.registry.actors["/a"])) & {"_handle", "handle_batch", "_end_batch"}
        assert taken(tracer) == []


def test_only_what_is_wanted_counts(placement: type[Actor]) -> None:
    with start_supervised(one(placement)) as system, tracing(system, wants=lambda kind: kind is str) as tracer:
        for message in (1, "two", 3):
            system.call("/a", message).get()
        settle(system)
        assert taken(tracer) == [("two", "call", "handled")]


def test_a_trace_goes_on_with_the_next_incarnation_and_shows_what_ended_the_last(placement: type[Actor]) -> None:
    log = EventLog()
    with start_supervised(one(placement), log=log) as system, tracing(system) as tracer:
        system.cast("/a", crash)
        log.wait_for(ActorStarted, 2)
        settle(system)
        system.call("/a", "after").get()
        settle(system)
        traced = tracer.take(0.0)
        assert [(one.incarnation, one.outcome) for one in traced] == [(1, "raised"), (2, "handled")]


def test_a_trace_of_a_name_that_nobody_has_begins_with_its_first_incarnation(placement: type[Actor]) -> None:
    log = EventLog()
    worker = one(placement)
    with start_supervised(worker, log=log) as system:
        actor = system.registry.actors["/a"]
        system.registry.unregister("/a", actor)
        with tracing(system) as tracer:
            system.registry.register("/a", actor)
            actor.kill()
            log.wait_for(ActorStarted, 2)
            settle(system)
            system.call("/a", 1).get()
            settle(system)
            assert taken(tracer) == [(1, "call", "handled")]


class Slow(LoopActor):
    """Its handlers are coroutines."""

    async def handle_call(self, message: Any, reply_to: Any) -> Any:
        await NextTurn()
        if message == "fail":
            raise Boom("no")
        return message


def test_a_coroutine_is_told_of_when_it_has_ended() -> None:
    with (
        start_supervised(Worker(name="a", actor_class=Slow, decider=((Boom, "resume"),))) as system,
        tracing(system) as tracer,
    ):
        replies = [system.call("/a", message) for message in (1, 2, "fail", 3)]
        assert replies[0].get() == 1
        settle(system)
        assert [message for message, *_ in taken(tracer)] == [1, 2, "fail", 3]


@pytest.mark.parametrize("placed", [LoopActor, ThreadActor])
def test_a_batch_is_told_of_message_by_message(placed: type[Actor]) -> None:
    class Batches(placed):  # type: ignore[misc, valid-type]  # one class for both placements
        def handle_batch(self, batch: Sequence[Envelope]) -> None:
            for envelope in batch:
                assert envelope.reply_to is not None
                envelope.reply_to.set(envelope.message)

    with start_supervised(Worker(name="a", actor_class=Batches)) as system, tracing(system) as tracer:
        system.registry.actors["/a"].order("suspend").get()
        replies = [system.call("/a", number) for number in range(3)]
        system.registry.actors["/a"].order("resume").get()
        assert [reply.get() for reply in replies] == [0, 1, 2]
        settle(system)
        traced = tracer.take(0.0)
        assert [(one.message, one.batch) for one in traced] == [(0, 3), (1, 3), (2, 3)]


def test_a_message_that_hangs_is_told_of_when_its_actor_is_killed() -> None:
    gate, log = Gate(), EventLog()
    with start_supervised(one(ThreadActor), log=log) as system, tracing(system) as tracer:
        system.cast("/a", lambda _: gate.pass_through())
        gate.wait_for_arrival()
        assert tracer.take(0.0) == []
        system.registry.actors["/a"].kill()
        [told] = tracer.take(30.0)
        assert told.outcome == "ended"
        gate.open()


def test_a_rate_that_is_exceeded_ends_the_trace(placement: type[Actor]) -> None:
    with start_supervised(one(placement)) as system, tracing(system, rate=(2, 3_600.0)) as tracer:
        for number in range(5):
            system.call("/a", number).get()
        settle(system)
        assert tracer.is_over
        assert [message for message, *_ in taken(tracer)] == [0, 1]


def test_what_nobody_takes_in_time_is_lost_and_counted(placement: type[Actor]) -> None:
    with start_supervised(one(placement)) as system, tracing(system, buffer_max=2) as tracer:
        for number in range(5):
            system.call("/a", number).get()
        settle(system)
        assert ([message for message, *_ in taken(tracer)], tracer.lost) == ([0, 1], 3)


def test_one_name_is_traced_by_one_at_a_time(placement: type[Actor]) -> None:
    with start_supervised(one(placement)) as system:
        with tracing(system), pytest.raises(AlreadyTraced, match="/a"):
            Tracer(system, "/a", lambda _: True).start()
        with tracing(system):
            pass


def test_times_are_those_of_the_mailbox_and_the_handler() -> None:
    gate = Gate()
    with start_supervised(one(ThreadActor)) as system, tracing(system) as tracer:
        system.cast("/a", lambda _: gate.pass_through())
        gate.wait_for_arrival()
        system.cast("/a", "behind it")
        gate.open()
        settle(system)
        first, second = tracer.take(0.0)
    assert isinstance(first, Traced)
    assert second.waited_s > 0.0
    assert min(first.waited_s, first.took_s, second.took_s) >= 0.0
