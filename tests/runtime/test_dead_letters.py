"""A message that ends three incarnations in a row is not given to a fourth one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from event_story import worker
from scripted_actors import Boom, Script, crash, scripted

from viral_engine.runtime.actor import Actor
from viral_engine.runtime.dead_letters import DEAD_LETTERS_MAX, DEATHS_MAX, Suspects, same
from viral_engine.runtime.errors import ActorExited, DeadLetter
from viral_engine.runtime.events import ActorEnded, MessageDeadLettered, MessageDropped
from viral_engine.runtime.flight_recorder import personal
from viral_engine.runtime.operations import StartDynamic, TerminateChild
from viral_engine.runtime.spec import DynamicSupervisor, Supervisor, Worker
from viral_engine.runtime.system import System
from viral_engine.runtime.testing import EventLog, settle, start_supervised


@personal("email")
@dataclass(frozen=True)
class Poison:
    """Ends whoever handles it."""

    number: int = 1
    email: str = "ann@example.org"

    def __call__(self, actor: Any) -> None:
        actor.script.events.append(self.number)
        raise Boom(f"poison {self.number}")


def die_of(system: System, message: Any, times: int = 1, path: str = "/a") -> None:
    """Calls with the message; each time the actor ends and comes back."""
    for _ in range(times):
        with pytest.raises(ActorExited):
            system.call(path, message).get()
        settle(system)


def refused(system: System, message: Any, path: str = "/a") -> None:
    with pytest.raises(DeadLetter) as letter:
        system.call(path, message).get()
    assert letter.value.begun is False


def incarnation(system: System, path: str = "/a") -> Any:
    return system.call(path, lambda actor: actor.incarnation).get()


def test_the_third_death_of_one_message_makes_it_a_dead_letter(placement: type[Actor]) -> None:
    log, script = EventLog(), Script()
    with start_supervised(worker("a", placement, script), restarts_max=10, log=log) as system:
        die_of(system, Poison(), DEATHS_MAX - 1)
        assert log.of(MessageDeadLettered) == []
        die_of(system, Poison())
        refused(system, Poison())
        assert (incarnation(system), script.events) == (DEATHS_MAX + 1, [1] * DEATHS_MAX)
    assert log.of(MessageDeadLettered) == [
        MessageDeadLettered("/a", "Poison", "Poison(number=1, email=…)", "Boom: poison 1"),
    ]


def test_every_way_to_send_a_message_counts_and_is_refused(placement: type[Actor]) -> None:
    script = Script()
    with start_supervised(worker("a", placement, script), restarts_max=10) as system:
        die_of(system, Poison())
        system.cast("/a", Poison())
        settle(system)
        with pytest.raises(ActorExited):
            system.registry.actors["/a"].actor_ref.ask(Poison())
        settle(system)
        refused(system, Poison())
        system.cast("/a", Poison())
        with pytest.raises(DeadLetter):
            system.registry.actors["/a"].actor_ref.ask(Poison())
        settle(system)
        assert len(script.events) == DEATHS_MAX


def test_a_refused_message_that_nobody_waits_for_is_told_as_dropped(placement: type[Actor]) -> None:
    log = EventLog()
    with start_supervised(worker("a", placement), restarts_max=10, log=log) as system:
        die_of(system, Poison(), DEATHS_MAX)
        system.cast("/a", Poison())
        settle(system)
    assert [(dropped.path, dropped.message_type) for dropped in log.of(MessageDropped)] == [("/a", "Poison")]


def test_other_messages_in_the_same_mailbox_are_handled(placement: type[Actor]) -> None:
    script = Script()
    with start_supervised(worker("a", placement, script), restarts_max=10) as system:
        die_of(system, Poison(), DEATHS_MAX)
        system.registry.actors["/a"].order("suspend").get()
        for message in ("before", Poison(), "after"):
            system.cast("/a", message)
        system.registry.actors["/a"].order("resume").get()
        settle(system)
        assert script.events[DEATHS_MAX:] == ["before", "after"]


def test_a_message_that_differs_is_another_one(placement: type[Actor]) -> None:
    with start_supervised(worker("a", placement), restarts_max=100) as system:
        die_of(system, Poison(1), DEATHS_MAX)
        die_of(system, Poison(2), DEATHS_MAX)
        refused(system, Poison(1))
        refused(system, Poison(2))
        die_of(system, Poison(3))


def test_a_death_by_another_message_in_between_begins_the_count_anew(placement: type[Actor]) -> None:
    with start_supervised(worker("a", placement), restarts_max=100) as system:
        for number in (1, 1, 2, 1, 1):
            die_of(system, Poison(number))
        assert (incarnation(system), system.registry.actors["/a"]._suspects.letters) == (6, [])
        die_of(system, Poison(1))
        refused(system, Poison(1))


def test_a_death_for_another_reason_begins_the_count_anew(placement: type[Actor]) -> None:
    with start_supervised(worker("a", placement), restarts_max=100) as system:
        for _ in range(3):
            die_of(system, Poison(), DEATHS_MAX - 1)
            system.registry.actors["/a"].kill()
            settle(system)
        assert incarnation(system) == 10


def test_messages_that_were_handled_in_between_change_nothing(placement: type[Actor]) -> None:
    with start_supervised(worker("a", placement), restarts_max=100) as system:
        for _ in range(DEATHS_MAX):
            system.call("/a", "harmless").get()
            die_of(system, Poison())
        refused(system, Poison())


def test_a_forgiven_message_gets_through_again(placement: type[Actor]) -> None:
    with start_supervised(worker("a", placement), restarts_max=100) as system:
        die_of(system, Poison(), DEATHS_MAX)
        suspects = system.registry.actors["/a"]._suspects
        assert suspects.forgive() == 1
        die_of(system, Poison(), DEATHS_MAX)
        refused(system, Poison())
        assert (suspects.forgive(), suspects.forgive()) == (1, 0)


def test_a_dead_letter_of_one_name_is_none_of_another(placement: type[Actor]) -> None:
    with start_supervised(worker("a", placement), worker("b", placement), restarts_max=100) as system:
        die_of(system, Poison(), DEATHS_MAX)
        die_of(system, Poison(), path="/b")
        refused(system, Poison())


def test_dead_letters_outlive_a_stop_by_hand_and_the_restart_of_the_supervisor(placement: type[Actor]) -> None:
    inner = Supervisor(name="s", children=(worker("a", placement),), restarts_max=100)
    with start_supervised(inner) as system:
        die_of(system, Poison(), DEATHS_MAX, "/s/a")
        system.registry.actors["/s"].kill()
        settle(system)
        refused(system, Poison(), "/s/a")


def test_dead_letters_are_forgotten_with_their_name(placement: type[Actor]) -> None:
    template = worker("t", placement)
    with start_supervised(DynamicSupervisor(name="d", template=template, restarts_max=100)) as system:
        started = system.call("/d", StartDynamic("a")).get()
        die_of(system, Poison(), DEATHS_MAX, "/d/a")
        system.call("/d", TerminateChild(system.registry.actors["/d/a"])).get()
        assert started.actor.end is not None
        system.call("/d", StartDynamic("a")).get()
        die_of(system, Poison(), path="/d/a")


def test_an_actor_may_say_what_makes_two_messages_the_same(placement: type[Actor]) -> None:
    class Numbered(scripted(placement)):  # type: ignore[misc]  # one class for both placements
        def identity_of(self, message: Any) -> Any:
            return message.number if isinstance(message, Poison) else message

    with start_supervised(Worker(name="a", actor_class=Numbered, args=(Script(),)), restarts_max=100) as system:
        for number in range(DEATHS_MAX):
            die_of(system, Poison(1, email=f"{number}@example.org"))
        refused(system, Poison(1, email="new@example.org"))
        die_of(system, Poison(2))


@pytest.mark.parametrize("verb", ["call", "cast"])
def test_an_identity_that_cannot_be_told_makes_no_suspect_and_harms_nobody(placement: type[Actor], verb: str) -> None:
    class Broken(scripted(placement)):  # type: ignore[misc]  # one class for both placements
        def identity_of(self, message: Any) -> Any:
            raise LookupError("no identity")

    with start_supervised(Worker(name="a", actor_class=Broken, args=(Script(),)), restarts_max=100) as system:
        for _ in range(DEATHS_MAX + 1):
            if verb == "call":
                die_of(system, crash)
            else:
                system.cast("/a", crash)
                settle(system)
        assert incarnation(system) == DEATHS_MAX + 2


class Incomparable:
    """Can't be compared with anything."""

    def __eq__(self, other: object) -> bool:
        raise TypeError("not comparable")

    def __hash__(self) -> int:
        return 0

    def __call__(self, actor: Any) -> None:
        raise Boom("incomparable")


def test_messages_that_cannot_be_compared_are_different_ones() -> None:
    message = Incomparable()
    assert same(message, message) is False
    assert [same(1, 1.0), same(1, 1), same("a", "b")] == [False, True, False]


def test_messages_that_cannot_be_compared_go_on_ending_their_actor(placement: type[Actor]) -> None:
    with start_supervised(worker("a", placement), restarts_max=100) as system:
        die_of(system, Incomparable(), DEATHS_MAX + 1)
        assert incarnation(system) == DEATHS_MAX + 2


def test_what_the_runtime_itself_sends_is_never_a_dead_letter(placement: type[Actor]) -> None:
    """A timer's message is the same each time, and an actor that is deaf to it does nothing any more."""
    script, log = Script(), EventLog()
    with start_supervised(worker("a", placement, script), restarts_max=100, log=log) as system:
        for _ in range(DEATHS_MAX + 2):
            system.registry.actors["/a"].tell_info(Poison())
            settle(system)
        assert (incarnation(system), len(script.events)) == (DEATHS_MAX + 3, DEATHS_MAX + 2)
    assert log.of(MessageDeadLettered) == []
    assert len(log.of(ActorEnded)) == DEATHS_MAX + 2 + 2


class Batches:
    """Fails at the poison of a batch, wherever it stands."""

    @staticmethod
    def of(placement: type[Actor]) -> type[Actor]:
        class Failing(placement):  # type: ignore[misc, valid-type]
            def init(self, sizes: list[int]) -> None:
                self.sizes = sizes

            def handle_batch(self, batch: Any) -> None:
                self.sizes.append(len(batch))
                for envelope in batch:
                    if isinstance(envelope.message, Poison):
                        raise Boom("in the batch")
                    envelope.reply_to.set(envelope.message)

        return Failing


def test_a_batch_of_one_that_fails_three_times_is_a_dead_letter(placement: type[Actor]) -> None:
    sizes: list[int] = []
    child = Worker(name="a", actor_class=Batches.of(placement), args=(sizes,))
    with start_supervised(child, restarts_max=100) as system:
        die_of(system, Poison(), DEATHS_MAX)
        actor = system.registry.actors["/a"]
        actor.order("suspend").get()
        replies = [system.call("/a", message) for message in (1, Poison(), 2)]
        actor.order("resume").get()
        assert [replies[0].get(), replies[2].get()] == [1, 2]
        with pytest.raises(DeadLetter):
            replies[1].get()
        assert sizes == [1] * DEATHS_MAX + [2]


def test_in_a_batch_of_several_nobody_knows_which_one_it_was(placement: type[Actor]) -> None:
    child = Worker(name="a", actor_class=Batches.of(placement), args=([],))
    with start_supervised(child, restarts_max=100) as system:
        for _ in range(DEATHS_MAX + 1):
            actor = system.registry.actors["/a"]
            actor.order("suspend").get()
            replies = [system.call("/a", message) for message in (1, Poison())]
            actor.order("resume").get()
            with pytest.raises(ActorExited):
                replies[1].get()
            settle(system)
        assert system.registry.actors["/a"]._suspects.letters == []


def test_a_name_knows_so_many_dead_letters_and_forgets_the_oldest() -> None:
    suspects = Suspects()
    for number in range(DEAD_LETTERS_MAX + 1):
        assert [suspects.blame(number) for _ in range(DEATHS_MAX)] == [False] * (DEATHS_MAX - 1) + [True]
    assert len(suspects.letters) == DEAD_LETTERS_MAX
    assert [suspects.is_dead_letter(number) for number in (0, 1, DEAD_LETTERS_MAX)] == [False, True, True]
