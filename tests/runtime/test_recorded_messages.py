"""What an actor did last is told with its end, and nothing personal with it."""

from __future__ import annotations

from collections import namedtuple
from dataclasses import dataclass, field, make_dataclass
from typing import Any, NamedTuple

import msgspec
import pytest
from event_story import worker
from hypothesis import given
from hypothesis import strategies as st
from scripted_actors import Boom, stop

from viral_engine.runtime.actor import Actor
from viral_engine.runtime.events import ActorEnded
from viral_engine.runtime.flight_recorder import (
    FIELDS_MAX,
    FLIGHT_RECORDER_SIZE,
    HIDDEN,
    TEXT_LENGTH_MAX,
    WORDS_LENGTH_MAX,
    Seen,
    describe,
    personal,
    seen,
)
from viral_engine.runtime.spec import Worker
from viral_engine.runtime.testing import EventLog, ManualClock, settle, start_supervised


@personal("email")
@dataclass
class SignUp:
    user: str
    email: str = "ann@example.org"

    def __call__(self, _actor: Actor) -> None:
        raise Boom("no")


@personal("email")
class Tupled(NamedTuple):
    user: str
    email: str = "ann@example.org"


@personal("email")
class Struct(msgspec.Struct):
    user: str
    email: str = "ann@example.org"


@dataclass
class Outer:
    inner: Any


@pytest.mark.parametrize("kind", [SignUp, Tupled, Struct])
def test_personal_fields_are_hidden_and_the_others_shown(kind: Any) -> None:
    assert describe(kind("u1")) == f"{kind.__name__}(user='u1', email={HIDDEN})"


@pytest.mark.parametrize("kind", [SignUp, Tupled, Struct])
@pytest.mark.parametrize(
    "wrap",
    [
        lambda message: message,
        lambda message: [message],
        lambda message: (1, message),
        lambda message: {"k": message},
        lambda message: {"k": [{"l": (message,)}]},
        Outer,
        lambda message: [Outer([message])],
    ],
)
def test_personal_fields_are_hidden_however_deep_they_lie(kind: Any, wrap: Any) -> None:
    words = describe(Outer(wrap(kind("u1"))))
    assert "ann" not in words
    assert words.startswith("Outer(inner=")


def test_the_values_of_a_set_and_the_keys_of_a_table_are_messages_too() -> None:
    for holder in ({Tupled("u1")}, frozenset({Tupled("u1")}), {Tupled("u1"): 1}):
        assert "ann" not in describe(Outer(holder))


def test_a_message_without_fields_is_its_type_alone() -> None:
    assert [describe("ann@example.org"), describe(1), describe(None), describe([SignUp("u1")])] == [
        "str",
        "int",
        "NoneType",
        "list",
    ]


def test_long_values_are_cut() -> None:
    words = describe(SignUp("x" * 10_000))
    assert words == f"SignUp(user='{'x' * (TEXT_LENGTH_MAX - 1)}{HIDDEN}, email={HIDDEN})"


def test_of_many_fields_the_first_are_shown() -> None:
    wide = make_dataclass("Wide", [(f"f{number}", int, field(default=number)) for number in range(FIELDS_MAX + 5)])
    words = describe(wide())
    assert f"f{FIELDS_MAX - 1}=" in words
    assert f"f{FIELDS_MAX}=" not in words
    assert words.endswith(f", {HIDDEN})")


def test_a_message_that_holds_much_is_told_in_few_words() -> None:
    value: Any = "leaf"
    for _ in range(6):
        value = [Outer(value)] * 20
    assert len(describe(Outer(value))) <= WORDS_LENGTH_MAX


def test_a_message_of_wide_messages_is_told_in_few_words() -> None:
    names = [f"field_{number}" for number in range(FIELDS_MAX)]
    wide = make_dataclass("Wide", names)
    message = wide(*[wide(*[wide(*["x" * 100] * FIELDS_MAX)] * FIELDS_MAX)] * FIELDS_MAX)
    words = describe(message)
    assert len(words) <= WORDS_LENGTH_MAX
    assert words.endswith(HIDDEN)


def test_a_message_that_holds_itself_is_told_in_few_words() -> None:
    outer = Outer(None)
    outer.inner = outer
    assert len(describe(outer)) <= WORDS_LENGTH_MAX
    outer.inner = [outer]
    assert len(describe(outer)) <= WORDS_LENGTH_MAX


class Weird:
    """Has a __repr__ that ends whoever calls it."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __repr__(self) -> str:
        raise self.error


class Grumpy:
    """Answers every question with an error."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)


class Chatty:
    """Answers every question with a name."""

    def __getattr__(self, name: str) -> Any:
        return ("secret",)


class Misleading:
    """Has fields that are none."""

    _fields = 5


Half = namedtuple("Half", "a b")  # noqa: PYI024  (made on purpose as old code makes it)


class Shrunk(Half):
    """Lost a field that it says it has."""

    _fields = ("a", "b", "c")  # type: ignore[assignment]


@pytest.mark.parametrize("error", [ValueError("no"), RecursionError(), SystemExit(1), KeyboardInterrupt()], ids=repr)
def test_a_value_that_cannot_be_shown_is_its_type(error: BaseException) -> None:
    assert describe(Outer(Weird(error))) == "Outer(inner=Weird)"


def test_a_message_that_tells_nothing_of_itself_is_its_type() -> None:
    assert [describe(Grumpy()), describe(Chatty()), describe(Misleading()), describe(Shrunk(1, 2))] == [
        "Grumpy",
        "Chatty",
        "Misleading",
        f"Shrunk(a=1, b=2, c='{HIDDEN}')",
    ]


@given(st.recursive(st.text() | st.integers() | st.none(), lambda inner: st.lists(inner) | st.builds(Outer, inner)))
def test_whatever_a_message_holds_its_words_are_few(value: Any) -> None:
    assert len(describe(Outer(value))) <= WORDS_LENGTH_MAX


@pytest.mark.parametrize(
    "message", [Grumpy(), Misleading(), Outer(Weird(SystemExit(1)))], ids=lambda m: type(m).__name__
)
def test_a_message_that_cannot_be_told_ends_its_actor_like_any_other(placement: type[Actor], message: Any) -> None:
    class Fails(placement):  # type: ignore[misc, valid-type]
        def handle_cast(self, message: Any) -> None:
            raise Boom("no")

        def handle_call(self, message: Any, reply_to: Any) -> int:
            return int(self.incarnation)

    with start_supervised(Worker(name="a", actor_class=Fails)) as system:
        system.cast("/a", message)
        settle(system)
        assert system.call("/a", "?").get() == 2


def test_a_crash_tells_the_message_behind_it_and_those_before(placement: type[Actor]) -> None:
    log = EventLog()
    with start_supervised(worker("a", placement), log=log) as system:
        for message in ("text", 1, SignUp("u1")):
            system.cast("/a", message)
        settle(system)
    ended = log.of(ActorEnded)[0]
    assert (ended.message_type, ended.killer) == ("SignUp", f"SignUp(user='u1', email={HIDDEN})")
    assert [one.message_type for one in ended.recent] == ["str", "int", "SignUp"]


def test_an_end_that_is_no_crash_has_no_killer(placement: type[Actor]) -> None:
    log = EventLog()
    with start_supervised(worker("a", placement, restart="transient"), log=log) as system:
        system.cast("/a", stop)
        settle(system)
    ended = log.of(ActorEnded)[0]
    assert (ended.killer, ended.message_type) == (None, "function")


def test_an_actor_that_never_got_a_message_has_nothing_to_tell(placement: type[Actor]) -> None:
    log = EventLog()
    with start_supervised(worker("a", placement), log=log) as system:
        system.registry.actors["/a"].kill()
        settle(system)
    assert (log.of(ActorEnded)[0].recent, log.of(ActorEnded)[0].killer) == ((), None)


@pytest.mark.parametrize("batches", [False, True])
def test_only_the_last_messages_are_remembered(placement: type[Actor], *, batches: bool) -> None:
    class Takes(placement):  # type: ignore[misc, valid-type]
        def handle_cast(self, message: Any) -> None:
            """Takes anything."""

    if batches:
        Takes.handle_batch = lambda self, batch: None
    log = EventLog()
    with start_supervised(Worker(name="a", actor_class=Takes), log=log) as system:
        system.registry.actors["/a"].order("suspend").get()
        for number in range(100):
            system.cast("/a", str(number) if number < 99 else 99)
        system.registry.actors["/a"].order("resume").get()
        settle(system)
        system.registry.actors["/a"].kill()
    recent = log.of(ActorEnded)[0].recent
    assert [one.message_type for one in recent] == ["str"] * (FLIGHT_RECORDER_SIZE - 1) + ["int"]


def test_times_are_told_on_the_wall_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = ManualClock(wall_ms=1_000_000)
    monkeypatch.setattr("viral_engine.runtime.flight_recorder.time.monotonic", lambda: 50.0)
    assert seen([(str, 47.5), (int, 50.0)], clock.wall_ms()) == (Seen("str", 997_500), Seen("int", 1_000_000))


def test_each_incarnation_has_a_recorder_of_its_own(placement: type[Actor]) -> None:
    log = EventLog()
    with start_supervised(worker("a", placement), log=log) as system:
        for user in ("u1", "u2"):
            system.cast("/a", SignUp(user))
            settle(system)
    assert [len(end.recent) for end in log.of(ActorEnded) if end.path == "/a"] == [1, 1, 0]
