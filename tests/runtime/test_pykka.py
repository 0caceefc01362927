"""Ours stay real pykka actors: the registry lists them, refs and proxies work, `stop` is by hand."""

from __future__ import annotations

from typing import Any

import pykka
import pytest
from scripted_actors import Script, crash, scripted

from viral_engine.runtime.actor import Actor
from viral_engine.runtime.errors import ActorExited
from viral_engine.runtime.events import ActorEnded, ActorStarted
from viral_engine.runtime.exits import SHUTDOWN
from viral_engine.runtime.operations import WhichChildren
from viral_engine.runtime.spec import Supervisor, Worker
from viral_engine.runtime.testing import EventLog, settle, start_supervised


def worker(name: str, placement: type[Actor], script: Script | None = None, **options: Any) -> Worker:
    return Worker(name=name, actor_class=scripted(placement), args=(script or Script(),), **options)


def test_the_registry_of_pykka_lists_every_actor_while_it_lives(placement: type[Actor]) -> None:
    before = set(pykka.ActorRegistry.get_all())
    with start_supervised(worker("a", placement)):
        listed = set(pykka.ActorRegistry.get_all()) - before
        assert sorted(ref.actor_class.__name__ for ref in listed) == ["Scripted", "SupervisorActor"]
    assert set(pykka.ActorRegistry.get_all()) == before


def test_ask_and_tell_reach_the_handlers(placement: type[Actor]) -> None:
    script = Script()
    with start_supervised(worker("a", placement, script)) as system:
        ref = system.registry.actors["/a"].actor_ref
        ref.tell("told")
        assert ref.ask("asked") == "asked"
        assert ref.ask("asked", block=False).map(str.upper).get() == "ASKED"
        assert script.events == ["told"]


def test_a_failing_ask_ends_the_actor_unlike_stock_pykka(placement: type[Actor]) -> None:
    with start_supervised(worker("a", placement)) as system:
        ref = system.registry.actors["/a"].actor_ref
        with pytest.raises(ActorExited):
            ref.ask(crash)
        assert not ref.is_alive()
        with pytest.raises(pykka.ActorDeadError):
            ref.ask(1)


def test_a_proxy_reads_writes_and_calls(placement: type[Actor]) -> None:
    with start_supervised(worker("a", placement)) as system:
        proxy = system.registry.actors["/a"].actor_ref.proxy()
        assert proxy.path.get() == "/a"
        proxy.status = "warming"
        assert proxy.status.get() == "warming"
        assert proxy.inspect_state().get() == {"events": 0}


def test_a_stop_is_by_hand_and_comes_after_what_is_queued(placement: type[Actor]) -> None:
    script = Script()
    with start_supervised(worker("a", placement, script), restarts_max=0) as system:
        actor = system.registry.actors["/a"]
        actor.actor_ref.tell("queued")
        assert actor.actor_ref.stop() is True
        assert (actor.end, script.events) == (SHUTDOWN, ["queued"])
        assert actor.actor_ref.stop() is False
        settle(system)
        assert [info.phase for info in system.call("/", WhichChildren()).get()] == ["stopped"]


def test_stop_all_stops_the_tree_in_order_without_restarts(placement: type[Actor]) -> None:
    log = EventLog()
    inner = Supervisor(name="s", children=(worker("x", placement), worker("y", placement)))
    with start_supervised(worker("a", placement), inner, worker("b", placement), log=log) as system:
        assert pykka.ActorRegistry.stop_all() == [True] * 6
        assert system.registry.paths() == []
    assert [end.path for end in log.of(ActorEnded)] == ["/b", "/s/y", "/s/x", "/s", "/a", "/"]
    assert {start.incarnation for start in log.of(ActorStarted)} == {1}


def test_a_thousand_kills_leave_no_thread_and_no_registration(placement: type[Actor]) -> None:
    """The threads are joined by the fixture that every test here has."""
    registered = len(pykka.ActorRegistry.get_all())
    with start_supervised(worker("a", placement), restarts_max=10_000) as system:
        for _ in range(1_000):
            system.registry.actors["/a"].kill()
            settle(system)
        assert system.call("/a", lambda actor: actor.incarnation).get() == 1_001
        assert len(pykka.ActorRegistry.get_all()) == registered + 2
        assert len(system.living) == 2
