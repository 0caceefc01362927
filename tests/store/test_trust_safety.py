"""Trust and safety on a real journal, reader and database: what it decides on is what is stored, whatever dies."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from data_actors import ANSWER_S, growth, journal, kill, locked, outcome, reader, recorded, rows_of, until
from rows import commit

from viral_engine.messages.access import AddEntry, EntryStands, RemoveEntry
from viral_engine.messages.checks import CheckAction
from viral_engine.messages.database import CleanUp, DatabaseReady, Invalidate
from viral_engine.messages.journal import NotRecorded
from viral_engine.messages.people import (
    AddConsent,
    ConsentBody,
    PutUser,
    SetSignal,
    SignalBody,
    UserBody,
    WithdrawConsent,
)
from viral_engine.messages.reading import NotRead
from viral_engine.messages.refusals import Refused
from viral_engine.runtime.errors import NoSuchActor
from viral_engine.runtime.reply import Reply
from viral_engine.runtime.system import System
from viral_engine.runtime.testing import settle, start_supervised
from viral_engine.store.engine import Database

PATH = "/growth/trust_safety"
FORM = {"document_ref": "form-1", "signed_on": "2026-10-01"}
_numbers = itertools.count(1)


def deep(levels: int) -> Any:
    value: Any = "bottom"
    for _ in range(levels):
        value = {"in": value}
    return value


class Engine:
    """A tree of journal, reader and trust_safety."""

    def __init__(self, system: System, database: Database) -> None:
        self.system = system
        self.database = database

    def ask(self, message: Any) -> Reply[Any]:
        return self.system.call(PATH, message, ANSWER_S)

    def check(self, user: str, action: str = "general", **fields: Any) -> Reply[Any]:
        return self.ask(CheckAction(user_id=user, action_type=action, api_key_id="key", received_s=0.0, **fields))

    def reasons(self, user: str, action: str = "general", **fields: Any) -> list[str]:
        answer = outcome(self.check(user, action, **fields))
        assert not isinstance(answer, Exception), answer
        return list(msgspec.json.decode(answer.answer)["reasons"])

    def block(self, value: str, **changes: Any) -> Reply[Any]:
        fields: dict[str, Any] = {"kind": "user", "list_name": "blocks", "reason": "test", "expires_at": None}
        return self.ask(AddEntry(**{**fields, "value": value, "author": "ada", **changes}))

    @property
    def actor(self) -> Any:
        return self.system.registry.actors[PATH]

    @property
    def state(self) -> Any:
        return self.actor.order("get_state").get(timeout=ANSWER_S)

    def kill(self) -> None:
        kill(self.system, PATH)


@contextmanager
def engine(store: Database, folder: Path, **changes: Any) -> Iterator[Engine]:
    """A fresh process, as far as memory goes, on whatever the database holds; loaded."""
    worker = journal(store, folder, commit_deadline_ms=10_000, stall_deadline_ms=10_000)
    with start_supervised(worker, reader(store), growth(**changes), restarts_max=50) as system:
        running = Engine(system, store)
        until(lambda: running.state["loaded"])
        yield running


@pytest.fixture
def running(store: Database, tmp_path: Path) -> Iterator[Engine]:
    with engine(store, tmp_path) as made:
        yield made


@contextmanager
def reads_held(on: Engine) -> Iterator[None]:
    """Keeps profiles from being read until the block ends."""
    with locked(on.database.conninfo, "signals"):
        yield


def wait_for_reading(on: Engine, count: int = 1) -> None:
    until(lambda: on.state["reading"] >= count)


def child_with_consent(on: Engine, child: str, guardian: str) -> str:
    """A child whose guardian consented to what it writes; the consent's id."""
    body = UserBody(persona="student", date_of_birth=date(2020, 1, 1), guardian_ids=[guardian], jurisdiction="us-ca")
    assert outcome(on.ask(PutUser(user_id=child, body=body, author="ada"))) is True
    consent = ConsentBody(
        scope="service/content", method="signed_form", guardian_id=guardian, evidence=FORM, policy_version=1
    )
    answer: str = outcome(on.ask(AddConsent(user_id=child, body=consent, author="ada")))
    assert isinstance(answer, str), answer
    return answer


def test_a_cold_start_without_a_database_refuses_checks_and_loads_when_it_comes(
    store: Database, tmp_path: Path
) -> None:
    worker = journal(store, tmp_path)
    store.is_ready = False
    with start_supervised(worker, reader(store), growth()) as system:
        on = Engine(system, store)
        refused = outcome(on.check("ann"))
        assert isinstance(refused, NotRecorded)
        assert "loading" in str(refused)
        assert on.actor.status == "warming"
        store.is_ready = True
        system.cast("/journal", DatabaseReady())
        system.cast(PATH, DatabaseReady())
        until(lambda: on.state["loaded"])
        assert on.actor.status is None
        assert "user_blocked" not in on.reasons("ann")


def test_an_adopted_memory_answers_at_once_while_the_reader_is_away(running: Engine) -> None:
    assert outcome(running.block("bad"))
    assert running.reasons("bad") == ["user_blocked"]
    with locked(running.database.conninfo, "blocks"):
        running.kill()
        assert running.reasons("bad") == ["user_blocked"]
        assert running.actor.status == "warming"
    until(lambda: running.actor.status is None)
    assert running.reasons("bad") == ["user_blocked"]


def test_a_block_is_in_memory_when_its_author_is_told_and_after_a_fresh_start(store: Database, tmp_path: Path) -> None:
    with engine(store, tmp_path) as on:
        entry = outcome(on.block("bad"))
        assert on.reasons("bad") == ["user_blocked"]
        assert outcome(on.block("worse"))
        assert (
            outcome(on.ask(RemoveEntry(list_name="blocks", entry_id=entry.entry_id, author="ada", reason="sorry")))
            is None
        )
        assert "user_blocked" not in on.reasons("bad")
    with engine(store, tmp_path) as on:
        assert "user_blocked" not in on.reasons("bad")
        assert on.reasons("worse") == ["user_blocked"]


def test_adding_again_answers_the_entry_as_it_stands(running: Engine) -> None:
    first = outcome(running.block("bad", reason="spam"))
    again = outcome(running.block("bad", reason="other", expires_at=datetime.now(UTC) + timedelta(hours=1)))
    assert (first.is_new, first.reason, first.expires_at) == (True, "spam", None)
    assert again == EntryStands(entry_id=first.entry_id, reason="spam", expires_at=None, is_new=False)


def test_a_kill_between_commit_and_memory_loses_neither_the_block_nor_its_caller(running: Engine) -> None:
    assert running.reasons("bad") == []
    with locked(running.database.conninfo, "blocks"):
        reply = running.block("bad")
        until(lambda: running.state["committing"] == 1)
        running.kill()
        assert running.state["committing"] == 1
    assert isinstance(outcome(reply), EntryStands)
    assert running.reasons("bad") == ["user_blocked"]
    assert running.state["committing"] == 0


def test_a_profile_read_before_a_change_is_never_kept_after_it(running: Engine) -> None:
    body = UserBody(persona="student", date_of_birth=date(1990, 1, 1))
    with reads_held(running):
        waiting = running.check("ann", "share_personal_info")
        wait_for_reading(running)
        put = running.ask(PutUser(user_id="ann", body=body, author="ada"))
        assert outcome(put) is True
        # What the reader found before the change: nobody of that name.
        running.actor._memory.reading["ann"].reply.set(None)
        settle_actor(running)
    first = msgspec.json.decode(outcome(waiting).answer)
    assert "age_unknown" not in first["reasons"]
    assert "age_unknown" not in running.reasons("ann", "share_personal_info")


def test_a_word_from_another_node_outdates_profiles_in_memory_and_on_their_way(running: Engine) -> None:
    for kind, key in (("user", "ann"), ("all", "")):
        assert "age_unknown" in running.reasons("ann", "share_personal_info") or kind == "all"
        sql = "INSERT INTO signals VALUES ('ann', %s, 'true', now(), now())"
        rows_of(running.database.conninfo, f"{sql} RETURNING 1", f"signal_{kind}")
        running.system.cast(PATH, Invalidate(kind, key))
        settle(running.system)
        assert running.state["profiles"] == 0
        with reads_held(running):
            reply = running.check("ann")
            wait_for_reading(running)
            running.system.cast(PATH, Invalidate(kind, key))
            settle_actor(running)
            assert running.actor._memory.reading["ann"].outdated
        assert not isinstance(outcome(reply), Exception)


def settle_actor(on: Engine) -> None:
    """Everything sent to trust_safety so far was handled: whoever asks now is answered after it."""
    refused = outcome(on.ask(RemoveEntry(list_name="blocks", entry_id="none", author="a", reason="")))
    assert isinstance(refused, Refused)


def test_a_withdrawn_consent_counts_for_the_very_next_check(running: Engine) -> None:
    assert running.reasons("kid", "message") != []
    consent = child_with_consent(running, "kid", "mum")
    assert running.reasons("kid", "message") == []
    withdraw = WithdrawConsent(user_id="kid", consent_id=consent, author="mum")
    assert outcome(running.ask(withdraw)) is None
    assert "consent_withdrawn" in running.reasons("kid", "message")
    assert outcome(running.ask(WithdrawConsent(user_id="bob", consent_id=consent, author="mum"))).http_status == 404


def test_a_tutor_does_for_their_pupil_what_teaching_needs_once_it_is_known_whom_they_teach(running: Engine) -> None:
    def set_tutors(*tutors: int | str) -> None:
        body = UserBody(persona="student", date_of_birth=date(2020, 1, 1), guardian_ids=["mum"], tutor_ids=[*tutors])
        assert outcome(running.ask(PutUser(user_id="kid", body=body, author="ada"))) is False

    child_with_consent(running, "kid", "mum")
    # A pupil who is younger than 18 may teach too.
    peer = UserBody(persona="student", date_of_birth=date(2012, 1, 1))
    assert outcome(running.ask(PutUser(user_id="peer", body=peer, author="ada"))) is True
    for tutor in ("tom", "peer"):
        assert running.reasons(tutor, "message", subject_id="kid") == ["not_authorized_for_subject"]
        set_tutors(tutor, "another")
        assert running.reasons(tutor, "message", subject_id="kid") == []
        # The child's guardian consented to its content only.
        assert running.reasons(tutor, "transcript_view", subject_id="kid") == ["parental_consent_required"]
        assert "not_authorized_for_subject" in running.reasons(tutor, "data_export", subject_id="kid")
        # It is no two-way street.
        assert "not_authorized_for_subject" in running.reasons("kid", "message", subject_id=tutor)
        refused = "SELECT grounds FROM disclosures WHERE on_behalf_of = %s AND reason = 'parental_consent_required'"
        assert rows_of(running.database.conninfo, refused, tutor) == [("none",)]
        set_tutors("another")
        assert running.reasons(tutor, "message", subject_id="kid") == ["not_authorized_for_subject"]


def test_a_guardian_who_teaches_their_child_stays_their_guardian(running: Engine) -> None:
    child_with_consent(running, "kid", "mum")
    body = UserBody(persona="student", date_of_birth=date(2020, 1, 1), guardian_ids=["mum"], tutor_ids=["mum"])
    outcome(running.ask(PutUser(user_id="kid", body=body, author="ada")))
    assert "not_authorized_for_subject" not in running.reasons("mum", "data_export", subject_id="kid")


def test_imported_events_keep_their_order_whoever_s_profile_is_missing(running: Engine) -> None:
    start_ms = 1_700_000_000_000
    assert running.reasons("known", occurred_ms=start_ms) == []
    with reads_held(running):
        replies = [running.check(user, occurred_ms=start_ms + n) for n, user in enumerate(["new", "known", "newer"], 1)]
        wait_for_reading(running)
    assert [outcome(reply).decision for reply in replies] == ["allow"] * 3
    backwards = outcome(running.check("known", occurred_ms=start_ms))
    assert isinstance(backwards, Refused)
    assert backwards.field == "occurred_at"


def test_a_profile_that_can_not_be_read_fails_only_those_who_need_it(running: Engine) -> None:
    start_ms = 1_700_000_000_000
    with reads_held(running):
        replies = {user: running.check(user, occurred_ms=start_ms) for user in ("lost", "found")}
        replies["live"] = running.check("lost")
        wait_for_reading(running, 2)
        running.actor._memory.reading["lost"].reply.set_exception(NoSuchActor("/reader"))
        lost = [outcome(replies[name]) for name in ("lost", "live")]
        assert [type(one) for one in lost] == [NotRead] * 2
        assert lost[0].why == "no actor is running at /reader"
    assert outcome(replies["found"]).decision == "allow"
    assert running.reasons("lost", occurred_ms=start_ms) == []


def test_a_question_that_nobody_answers_does_not_hold_its_checks_for_ever(
    running: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("viral_engine.actors.growth.trust_safety.actor.READ_TIMEOUT_S", 0.05)
    with reads_held(running):
        stuck = running.check("ann")
        # The reader hangs on the first one; the second waits in its mailbox and is never begun.
        wait_for_reading(running)
        never_begun = running.check("bob")
        assert [type(outcome(reply)) for reply in (stuck, never_begun)] == [NotRead] * 2
        assert running.state["reading"] == 0
    monkeypatch.undo()
    assert running.reasons("bob") == []


def test_checks_that_wait_for_profiles_are_bounded(store: Database, tmp_path: Path) -> None:
    with engine(store, tmp_path, pending_max=3) as on, ExitStack() as held:
        held.enter_context(reads_held(on))
        waiting = [on.check("ann"), on.check("ann"), on.check("bob", occurred_ms=1_700_000_000_000)]
        wait_for_reading(on, 2)
        refused = [outcome(reply) for reply in (on.check("ann"), on.check("ann", occurred_ms=1_700_000_000_000))]
        assert [type(one) for one in refused] == [NotRecorded] * 2
        held.close()
        assert [outcome(reply).decision for reply in waiting] == ["allow"] * 3
        assert on.reasons("ann") == []
    # A refused event was not decided behind its caller's back.
    assert len(recorded(store.conninfo)) == 4


def test_limits_survive_a_kill_and_a_cold_start(store: Database, tmp_path: Path) -> None:
    with engine(store, tmp_path) as on:
        answers = [on.reasons("busy", "invite") for _ in range(5)]
        on.kill()
        answers += [on.reasons("busy", "invite") for _ in range(5)]
        assert answers == [[]] * 10
        assert "rate_limited" in on.reasons("busy", "invite")
    with engine(store, tmp_path) as on:
        assert "rate_limited" in on.reasons("busy", "invite")
        assert "rate_limited" not in on.reasons("idle", "invite")


def test_limits_of_imported_events_are_a_world_of_their_own(store: Database, tmp_path: Path) -> None:
    start_ms = 1_700_000_000_000
    with engine(store, tmp_path) as on:
        answers = [on.reasons("busy", "invite", occurred_ms=start_ms + n) for n in range(10)]
        assert answers == [[]] * 10
    with engine(store, tmp_path) as on:
        assert on.reasons("busy", "invite") == []
        assert "rate_limited" in on.reasons("busy", "invite", occurred_ms=start_ms + 10)
        assert isinstance(outcome(on.check("busy", "invite", occurred_ms=start_ms)), Refused)


def test_the_book_of_signups_is_refilled_with_admitted_signups_only(store: Database, tmp_path: Path) -> None:
    with engine(store, tmp_path) as on:
        assert "duplicate_signup" not in on.reasons("first", "signup", device_id="d1", ip_address="192.0.2.1")
        assert "duplicate_signup" in on.reasons("second", "signup", device_id="d1", ip_address="192.0.2.2")
    with engine(store, tmp_path) as on:
        assert "duplicate_signup" in on.reasons("third", "signup", device_id="d1")
        assert "duplicate_signup" not in on.reasons("first", "signup", device_id="d1")
        sizes = on.state["live"]
        assert sizes["device_users"] == 1


def test_whom_somebody_brought_is_counted_again_after_a_start(store: Database, tmp_path: Path) -> None:
    def brought(on: Engine, number: int) -> int:
        user = f"new-{number}"
        body = SignalBody(signal="referrer_id", value="farmer")
        assert outcome(on.ask(SetSignal(user_id=user, body=body, author="host"))) == "farmer"
        place = {"device_id": f"d-{number}", "ip_address": f"192.0.2.{number}"}
        answer = msgspec.json.decode(outcome(on.check(user, "signup", **place)).answer)
        return sum(term["weight"] for term in answer["contributions"] if term["rule"] == "referees")

    with engine(store, tmp_path) as on:
        before = [brought(on, number) for number in range(1, 14)]
    assert before[0] == 0 < before[-1]
    with engine(store, tmp_path) as on:
        assert brought(on, 14) >= before[-1]


def test_a_full_list_refuses_one_more_even_when_both_come_at_once(store: Database, tmp_path: Path) -> None:
    with engine(store, tmp_path, entries_max=2) as on:
        assert isinstance(outcome(on.block("one")), EntryStands)
        with locked(store.conninfo, "blocks"):
            both = [on.block("two"), on.block("three")]
            refused = outcome(both[1])
            assert isinstance(refused, Refused)
            assert (refused.http_status, refused.code) == (409, "limit_reached")
        assert isinstance(outcome(both[0]), EntryStands)
        assert on.reasons("two") == ["user_blocked"]
    # A limit that was lowered since then frees nobody and ends nothing.
    with engine(store, tmp_path, entries_max=1) as on:
        assert [on.reasons(user) for user in ("one", "two")] == [["user_blocked"]] * 2
        assert outcome(on.block("three")).http_status == 409


LATE = datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
FAR_WEST = datetime.fromisoformat("9999-12-31T23:59:59-12:00")


def consent(**changes: Any) -> AddConsent:
    fields: dict[str, Any] = {
        "scope": "service/account", "method": "signed_form", "guardian_id": "mum", "evidence": FORM,
        "policy_version": 1,
    }  # fmt: skip
    return AddConsent(user_id="kid", body=ConsentBody(**{**fields, **changes}), author="ada")


def entry(**changes: Any) -> AddEntry:
    fields: dict[str, Any] = {
        "list_name": "blocks", "kind": "user", "value": "x", "reason": "r", "expires_at": None, "author": "ada",
    }  # fmt: skip
    return AddEntry(**{**fields, **changes})


def put(**changes: Any) -> PutUser:
    return PutUser(user_id="kid", body=UserBody(persona="student", **changes), author="ada")


POISON: dict[str, Callable[[], Any]] = {
    "NUL deep in the evidence": lambda: consent(evidence={**FORM, "a": [{"b": "x\0y"}]}),
    "NUL in a key of the evidence": lambda: consent(evidence={**FORM, "a\0": 1}),
    "a lone surrogate in the evidence": lambda: consent(evidence={**FORM, "a": "\ud800"}),
    "evidence nested too deep": lambda: consent(evidence={**FORM, "deep": deep(3_000)}),
    "an integer too long to write": lambda: consent(evidence={**FORM, "n": 10**5_000}),
    "an expiry beyond the calendar": lambda: consent(expires_at=FAR_WEST),
    "an expiry that rounds beyond it": lambda: consent(expires_at=LATE),
    "a guardian who is a huge number": lambda: consent(guardian_id=10**200),
    "a policy version that is a huge number": lambda: consent(policy_version=10**200),
    "evidence without a field of its method": lambda: consent(evidence={"document_ref": "form-1"}),
    "a disclosure by a method that covers none": lambda: consent(
        scope="third_party:public",
        method="text_plus",
        evidence={"message_ref": "m", "second_step": "s", "revocation_notice": True},
    ),
    "a policy version that is a month": lambda: consent(policy_version="2026-01"),
    "a consent from a stranger": lambda: consent(guardian_id="stranger"),
    "a lone surrogate in a reason": lambda: entry(reason="\udfff"),
    "NUL in a reason": lambda: entry(reason="a\0"),
    "a block that ends beyond the calendar": lambda: entry(expires_at=FAR_WEST),
    "a network that never ends": lambda: entry(kind="network", value="192.0.2.0/24"),
    "a network with host bits": lambda: entry(kind="network", value="192.0.2.1/24", expires_at=LATE - timedelta(9)),
    "a guardian of oneself": lambda: put(guardian_ids=["kid"]),
    "a tutor of oneself": lambda: put(tutor_ids=["kid"]),
    "NUL in a household": lambda: put(household_id="a\0"),
    "a lone surrogate in a school": lambda: put(school_id="\ud800"),
    "no e-mail address": lambda: put(email="a@\0"),
    "a signal that nobody knows": lambda: SetSignal(
        user_id="kid", body=SignalBody(signal="rich", value=True), author="ada"
    ),
    "a referrer who is a huge number": lambda: SetSignal(
        user_id="kid", body=SignalBody(signal="referrer_id", value=10**200), author="ada"
    ),
}


@pytest.mark.parametrize("poison", POISON.values(), ids=POISON.keys())
def test_what_can_not_be_stored_is_refused_and_nothing_crashes(running: Engine, poison: Callable[[], Any]) -> None:
    # Without the poison this consent would be taken.
    child_with_consent(running, "kid", "mum")
    refused = outcome(running.ask(poison()))
    assert isinstance(refused, Refused), refused
    assert refused.http_status == (409 if refused.code in {"no_guardian", "no_tutor"} else 422)
    assert running.reasons("ann") == []
    assert {running.system.registry.actors[path].incarnation for path in (PATH, "/journal", "/reader")} == {1}


def test_the_answer_to_a_load_that_the_incarnation_before_asked_for_is_not_taken(running: Engine) -> None:
    with locked(running.database.conninfo, "blocks"):
        running.system.cast(PATH, Invalidate("blocks"))
        settle_actor(running)
        old = running.actor._loading
        running.kill()
        settle_actor(running)
        newer = running.actor._loading
        assert old is not newer
        old.set_exception(NotRecorded("of another time"))
        settle_actor(running)
        assert running.actor._loading is newer
    until(lambda: running.actor.status is None)


def test_a_block_added_by_another_node_is_known_after_its_word(running: Engine) -> None:
    from viral_engine.store.access import add_entry  # noqa: PLC0415  (what the other node's journal runs)
    from viral_engine.store.ids import uuid_of  # noqa: PLC0415

    entry_id = uuid_of("01990000-0000-7000-8000-000000000001")
    assert entry_id is not None
    commit(
        running.database.conninfo,
        *add_entry("blocks", entry_id, kind="user", value="bad", reason="r", author="b", expires_at_ms=None, at_ms=0),
    )
    assert running.reasons("bad") == []
    running.system.cast(PATH, Invalidate("blocks", "bad"))
    until(lambda: running.state["blocks"] == 1)
    assert running.reasons("bad") == ["user_blocked"]


def test_clean_up_drops_entries_that_have_ended(running: Engine) -> None:
    soon = datetime.now(UTC) + timedelta(milliseconds=1)
    assert isinstance(outcome(running.block("brief", expires_at=soon)), EntryStands)
    assert "user_blocked" not in until(lambda: running.reasons("brief") or ["free"])
    running.system.cast(PATH, CleanUp())
    until(lambda: running.state["blocks"] == 0)
