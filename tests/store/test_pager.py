"""The pager with a real mail server and a real database: somebody is told, whatever is away or dies in between."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
import pytest
from data_actors import Line, kill, metrics, rows_of, until
from mail_server import CERTIFICATE, MailServer
from psycopg import connect
from rows import commit

from viral_engine import config
from viral_engine.actors.growth.pager import mail_server as conversation
from viral_engine.actors.growth.pager.actor import (
    BATCH_MAX,
    NOBODY,
    START_S,
    TRIAL_FIRST_S,
    TURN_S,
    Pager,
    PagerContext,
)
from viral_engine.domain.facts import FlagSeverity
from viral_engine.domain.reports import Category
from viral_engine.domain.uuid7 import Uuid7Source
from viral_engine.messages.database import DatabaseReady
from viral_engine.messages.paging import PageWaiting
from viral_engine.messages.reviews import AddReport
from viral_engine.runtime.spec import Supervisor, Worker
from viral_engine.runtime.system import System
from viral_engine.runtime.testing import Gate, ManualClock, settle, start_supervised
from viral_engine.store.engine import Database
from viral_engine.store.paging import _LOCK_KEY
from viral_engine.store.reviews import CLAIM_MS, claim_case, put_report
from viral_engine.telemetry.board import ConditionBoard

PATH = "/growth/pager"
URL = "http://127.0.0.1:4000"
REMIND_S = 1_800.0
SECRETS = ("meet me at the park", "reporter-4711", "tutor-4712", "kid@example.org", "harassed", "critical")
PASSWORD, VARIABLE = "correct-horse", "MAIL_PASSWORD"
_ids = Uuid7Source(lambda count: b"\7" * count)


class OnCall:
    """A tree with a pager, the mail server it knows, and a clock that the test drives."""

    def __init__(self, system: System, clock: ManualClock, store: Database, mail: MailServer) -> None:
        self.system = system
        self.clock = clock
        self.conninfo = store.conninfo
        self.mail = mail

    @property
    def actor(self) -> Any:
        return self.system.registry.actors[PATH]

    @property
    def remark(self) -> str | None:
        found: str | None = self.actor._wired.board.remarks().get("pager")
        return found

    def report(self, category: Category = Category.CHILD_SAFETY, number: int = 0) -> str:
        """A case, as the journal opens one."""
        at_ms = self.clock.wall_ms()
        case_id: UUID = _ids.next(at_ms)
        message = AddReport(
            reporter_id=f"{SECRETS[1]}-{number}", kind="user", value=SECRETS[2], category=category,
            severity=FlagSeverity.CRITICAL, content=f"{SECRETS[0]} {SECRETS[3]}", trusted=False, author="key:host",
        )  # fmt: skip
        commit(self.conninfo, *put_report(message, case_id, quota=20, at_ms=at_ms))
        return str(case_id)

    def tick(self, after_s: float = 0.0) -> None:
        """What the clock actor sends, and everything that follows of it."""
        self.clock.advance(after_s)
        self.system.cast(PATH, PageWaiting())
        settle(self.system)

    def case(self, column: str) -> list[Any]:
        return [row[0] for row in rows_of(self.conninfo, f"SELECT {column} FROM cases ORDER BY id")]  # noqa: S608


@contextmanager
def on_call(store: Database, mail: MailServer, **changes: Any) -> Iterator[OnCall]:
    given = {
        "host": "127.0.0.1", "port": mail.port, "security": "none", "sender": "pager@example.org",
        "recipients": ["ada@example.org", "bob@example.org"], **changes,
    }  # fmt: skip
    store.is_ready = True
    context = PagerContext(
        database=store,
        settings=msgspec.structs.replace(config.load().pager, **given),
        board=ConditionBoard(),
        counter=metrics().pages,
        url=URL,
    )
    clock = ManualClock()
    growth = Supervisor(
        name="growth", restarts_max=20, children=(Worker(name="pager", actor_class=Pager, args=(context,)),)
    )
    with start_supervised(growth, clock=clock) as system:
        settle(system)
        yield OnCall(system, clock, store, mail)


@pytest.fixture
def mail() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


@pytest.fixture
def running(store: Database, mail: MailServer) -> Iterator[OnCall]:
    with on_call(store, mail) as made:
        yield made


def test_a_report_of_child_safety_pages_at_once_and_once(running: OnCall) -> None:
    case_id = running.report()
    running.report(Category.HARASSMENT, number=1)
    for _ in range(3):
        running.tick(after_s=1)
    [page] = running.mail.mails
    assert (page["subject"], page["from"]) == (f"Child safety: case {case_id} is new", "pager@example.org")
    assert page["to"] == "ada@example.org, bob@example.org"
    assert [at is not None for at in running.case("paged_at")] == [True, False]
    assert running.remark is None


def test_a_page_says_how_to_look_at_the_case_and_nothing_of_the_report(running: OnCall) -> None:
    case_id = running.report()
    running.report(number=1)
    running.tick()
    told = [page.get_payload(decode=True).decode() for page in running.mail.mails]  # type: ignore[union-attr]
    assert len(told) == 2
    for words in (
        f"viral-engine reviews show {case_id}",
        f"{URL}/v1/reviews/{case_id}",
        "opened     2023-11-14 22:13:20 UTC",
        "unclaimed  2 in all",
        "every\r\n30 minutes",
    ):
        assert words in told[0]
    assert [word for word in SECRETS for raw in running.mail.raw if word in raw.decode().lower()] == []


def test_a_page_links_to_where_the_api_is_reached_from_outside(store: Database, mail: MailServer) -> None:
    with on_call(store, mail, api_url="https://safety.example.org/engine/") as running:
        case_id = running.report()
        running.tick()
        [page] = mail.mails
        told = page.get_payload(decode=True).decode()  # type: ignore[union-attr]
        assert f"GET https://safety.example.org/engine/v1/reviews/{case_id}\r\n" in told


def test_what_waits_at_the_start_is_paged_when_the_database_is_there(store: Database, mail: MailServer) -> None:
    with on_call(store, mail) as running:
        store.is_ready = False
        running.report()
        running.tick()
        assert mail.mails == []
        store.is_ready = True
        running.system.cast(PATH, DatabaseReady())
        settle(running.system)
        running.clock.advance(START_S)
        settle(running.system)
        assert len(mail.mails) == 1


def test_a_mail_server_that_is_away_is_told_and_the_page_comes_when_it_is_back(running: OnCall) -> None:
    running.mail.stop()
    running.report()
    for _ in range(3):
        running.tick(after_s=30)
    where = f"the mail server 127.0.0.1:{running.mail.port} takes no page"
    assert running.remark == f"{where}: Connection refused; unclaimed cases: 1"
    assert (running.case("paged_at"), running.actor.incarnation) == ([None], 1)
    running.mail.start()
    running.tick(after_s=30)
    assert running.remark is None
    assert len(running.mail.mails) == 1
    assert running.case("paged_at") != [None]


def test_a_mail_server_that_refuses_is_told_without_an_address_and_asked_again(running: OnCall) -> None:
    running.report()
    running.mail.refused = {"ada@example.org", "bob@example.org"}
    running.tick()
    assert "it refused every recipient (550)" in str(running.remark)
    running.mail.refused = set()
    running.mail.answers = "451 kid@example.org: try again"
    running.tick()
    assert "it refused (451)" in str(running.remark)
    assert "@" not in str(running.remark)
    running.mail.answers = None
    running.tick()
    assert (len(running.mail.mails), running.remark, running.actor.incarnation) == (1, None, 1)


def test_a_recipient_that_is_refused_keeps_the_page_from_nobody_else_and_is_told(running: OnCall) -> None:
    running.report()
    running.mail.refused = {"bob@example.org"}
    running.tick()
    running.tick()
    assert len(running.mail.mails) == 1
    assert running.remark == "the mail server refuses 1 of the recipients"


def test_a_mail_server_that_hangs_holds_up_the_pager_for_its_time_only(store: Database, mail: MailServer) -> None:
    with ExitStack() as stack:
        silent = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        running = stack.enter_context(on_call(store, mail, port=silent.getsockname()[1], timeout_s=0.05))
        running.report()
        running.tick()
        assert "timed out" in str(running.remark)
        assert (running.case("paged_at"), running.actor.incarnation) == ([None], 1)


def test_a_mail_server_that_says_a_byte_at_a_time_is_cut_off(
    store: Database, mail: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conversation, "CONVERSATION_S_MAX", 0.3)
    over = threading.Event()

    def trickle(listener: socket.socket) -> None:
        line, _ = listener.accept()
        with line, suppress(OSError):
            while not over.wait(0.02):
                line.sendall(b"2")

    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        thread = threading.Thread(target=trickle, args=(listener,))
        thread.start()
        stack.callback(thread.join)
        stack.callback(over.set)
        running = stack.enter_context(on_call(store, mail, port=listener.getsockname()[1]))
        running.report()
        running.tick()
        assert "takes no page" in str(running.remark)
        assert (running.case("paged_at"), running.actor.incarnation) == ([None], 1)


def test_a_pager_that_is_killed_while_it_sends_loses_no_page(running: OnCall) -> None:
    running.report()
    running.mail.gate = gate = Gate()
    running.system.cast(PATH, PageWaiting())
    gate.wait_for_arrival()
    kill(running.system, PATH)
    gate.open()
    running.mail.gate = None

    def is_paged() -> bool:
        # The lock of the one that was killed goes with its thread.
        running.tick(after_s=TURN_S)
        return running.case("paged_at") != [None]

    until(is_paged)
    assert running.actor.incarnation == 2
    assert len(running.mail.mails) in (1, 2)
    assert len({page["message-id"] for page in running.mail.mails}) == 1


def test_a_pager_that_is_killed_before_it_could_send_looks_again_by_itself(running: OnCall) -> None:
    running.mail.stop()
    running.report()
    running.tick()
    running.mail.start()
    kill(running.system, PATH)
    settle(running.system)
    assert len(running.mail.mails) == 1


def test_a_page_whose_mark_was_lost_with_the_database_is_not_sent_twice(
    store: Database, mail: MailServer, tmp_path: Path
) -> None:
    with ExitStack() as stack:
        line = stack.enter_context(Line(tmp_path, store.conninfo))
        behind = Database(line.conninfo, store.settings)
        stack.callback(behind.dispose)
        running = stack.enter_context(on_call(behind, mail))
        running.conninfo = store.conninfo
        running.report()
        line.cut_at("client", b"UPDATE cases SET paged_at")
        running.tick()
        assert line.was_cut.is_set()
        assert (len(mail.mails), running.case("paged_at")) == (1, [None])
        assert "can't be read or marked" in str(running.remark)
        running.tick(after_s=30)
        assert len(mail.mails) == 1
        assert running.remark is None
        assert running.case("paged_at") != [None]


def test_a_case_that_nobody_claims_is_paged_again_until_somebody_does_and_stays_open(running: OnCall) -> None:
    case_id = running.report()
    running.tick()
    running.tick(after_s=REMIND_S - 1)
    assert len(running.mail.mails) == 1
    running.tick(after_s=1)
    running.tick(after_s=1)
    running.tick(after_s=REMIND_S)
    assert [page["subject"].rpartition(f"{case_id} ")[2] for page in running.mail.mails] == [
        "is new", "still waits", "still waits",
    ]  # fmt: skip
    assert len({page["message-id"] for page in running.mail.mails}) == 3
    assert (running.case("state"), running.case("closed_at")) == (["open"], [None])
    commit(running.conninfo, claim_case(UUID(case_id), "key:ada", running.clock.wall_ms()))
    running.tick(after_s=CLAIM_MS / 1_000)
    assert len(running.mail.mails) == 3
    assert running.case("state") == ["claimed"]


def test_a_case_that_was_claimed_and_left_is_paged_again_when_the_claim_has_lapsed(running: OnCall) -> None:
    case_id = running.report()
    running.tick()
    commit(running.conninfo, claim_case(UUID(case_id), "key:ada", running.clock.wall_ms()))
    running.tick(after_s=CLAIM_MS / 1_000)
    assert (len(running.mail.mails), running.actor._wired.counter.waiting) == (1, 0)
    running.tick(after_s=0.001)
    [_, again] = running.mail.mails
    assert again["subject"].endswith(f"{case_id} was left")
    assert running.actor._wired.counter.waiting == 1
    running.tick(after_s=REMIND_S)
    assert len(running.mail.mails) == 3
    commit(running.conninfo, claim_case(UUID(case_id), "key:bob", running.clock.wall_ms()))
    running.tick(after_s=REMIND_S)
    assert len(running.mail.mails) == 3


def test_an_appeal_in_the_queue_waits_there_and_wakes_nobody(running: OnCall) -> None:
    running.report()
    with connect(running.conninfo) as connection:
        connection.execute("UPDATE cases SET kind = 'appeal'")
    running.tick()
    running.tick(after_s=REMIND_S)
    assert (running.mail.mails, running.case("paged_at")) == ([], [None])
    assert running.actor._wired.counter.waiting == 1


def test_many_cases_are_paged_in_rounds_of_a_bounded_size_the_oldest_first(running: OnCall) -> None:
    running.mail.stop()
    cases = [running.report(number=number) for number in range(BATCH_MAX + 5)]
    running.tick()
    running.mail.start()
    running.tick()
    told = [page["subject"].split()[3] for page in running.mail.mails]
    assert (told, running.actor._wired.counter.accepted) == (cases, len(cases))


def test_without_settings_it_is_told_that_nobody_is_paged_and_how_many_wait(store: Database, mail: MailServer) -> None:
    with on_call(store, mail, host="") as running:
        assert running.remark == NOBODY
        running.report()
        running.tick(after_s=TRIAL_FIRST_S)
        assert running.remark == f"{NOBODY}; unclaimed cases: 1"
        assert (mail.mails, running.case("paged_at"), running.actor.incarnation) == ([], [None], 1)


def test_a_mail_server_is_tried_before_it_is_needed(running: OnCall) -> None:
    running.mail.stop()
    running.tick(after_s=TRIAL_FIRST_S - 1)
    assert running.remark is None
    running.tick(after_s=1)
    assert "Connection refused" in str(running.remark)
    running.mail.start()
    running.tick(after_s=1)
    assert (running.remark, running.mail.mails) == (None, [])


def test_two_daemons_of_one_database_page_one_at_a_time_and_a_claim_waits_for_neither(running: OnCall) -> None:
    case_id = running.report()
    with connect(running.conninfo, autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(%s)", (_LOCK_KEY,))
        running.tick()
        assert running.mail.mails == []
        commit(running.conninfo, claim_case(UUID(case_id), "key:ada", running.clock.wall_ms()))
        other.execute("UPDATE cases SET state = 'open'")
        other.execute("SELECT pg_advisory_unlock(%s)", (_LOCK_KEY,))
    running.clock.advance(TURN_S)
    settle(running.system)
    assert len(running.mail.mails) == 1


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_password_goes_over_an_encrypted_line_only_and_its_place_is_read_each_time(
    store: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, security: str
) -> None:
    place = tmp_path / "password"
    login = {"security": security, "ca_file": str(CERTIFICATE), "username": "pager"}
    with MailServer(password=PASSWORD, tls=security) as mail, ExitStack() as stack:
        running = stack.enter_context(on_call(store, mail, password_file=str(place), **login))
        running.report()
        running.tick()
        assert "the password file can't be read: No such file or directory" in str(running.remark)
        place.write_text("wrong-horse\n")
        running.tick()
        assert "it refused the login (535)" in str(running.remark)
        place.write_text(f"{PASSWORD}\n")
        running.tick()
        assert (len(mail.mails), running.remark) == (1, None)
        monkeypatch.setenv(VARIABLE, PASSWORD)
        other = stack.enter_context(on_call(store, mail, password_variable=VARIABLE, **login))
        other.report(number=1)
        other.tick()
        assert len(mail.mails) == 2


def test_a_mail_server_that_cannot_be_trusted_or_does_not_encrypt_gets_nothing(
    store: Database, mail: MailServer
) -> None:
    with on_call(store, mail, security="starttls") as running:
        running.report()
        running.tick()
        assert "STARTTLS extension not supported" in str(running.remark)
    with MailServer(tls="starttls") as encrypted, on_call(store, encrypted, security="starttls") as running:
        running.tick()
        assert "its certificate is not to be trusted" in str(running.remark)
        assert (mail.mails, encrypted.mails) == ([], [])
