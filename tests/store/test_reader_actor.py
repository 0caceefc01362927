"""The reader: one SELECT per kind and batch; a database that is away is an answer, and one bad question its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
from data_actors import ANSWER_S, kill, locked, outcome, reader, wait_until_blocked
from rows import NOON_MS, commit
from sqlalchemy import event

from viral_engine import config
from viral_engine.messages.database import CleanUp
from viral_engine.messages.reading import NotRead, ReadKeys, ReadProfile, ReadUser
from viral_engine.runtime.errors import ActorExited
from viral_engine.runtime.reply import Reply
from viral_engine.runtime.system import System
from viral_engine.runtime.testing import settle, start_supervised
from viral_engine.store.engine import Database
from viral_engine.store.users import UserRecord, put_user


def ask(system: System, *questions: Any) -> list[Reply[Any]]:
    return [system.call("/reader", question, ANSWER_S) for question in questions]


def as_one_batch(system: System, conninfo: str, *questions: Any) -> list[Any]:
    """Keeps the reader busy until all questions wait, so that it takes them in one go."""
    with locked(conninfo, "api_keys"):
        busy = ask(system, ReadKeys())
        wait_until_blocked(conninfo)
        replies = ask(system, *questions)
    outcome(busy[0])
    return [outcome(reply) for reply in replies]


@pytest.fixture
def ready(store: Database) -> Database:
    store.is_ready = True
    for name in ("ada", "bob"):
        commit(store.conninfo, *put_user(UserRecord(user_id=name, persona="tutor"), at_ms=NOON_MS))
    return store


def test_questions_of_one_kind_that_wait_are_one_statement(ready: Database) -> None:
    statements: list[str] = []
    event.listen(ready.engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    with start_supervised(reader(ready)) as system:
        names = ["ada", "bob", "nobody"] * 20
        questions = [kind(name) for name in names for kind in (ReadProfile, ReadUser)]
        answers = as_one_batch(system, ready.conninfo, *questions)
    assert [answer and answer.user_id for answer in answers] == [
        name if name != "nobody" else None for name in names for _ in range(2)
    ]
    assert len(statements) == 3


def test_a_question_that_can_not_be_asked_fails_alone(ready: Database) -> None:
    bad = [ReadProfile("\0"), ReadProfile("\ud800")]
    with start_supervised(reader(ready)) as system:
        answers = as_one_batch(system, ready.conninfo, ReadProfile("ada"), *bad, ReadProfile("bob"), ReadUser("ada"))
        assert system.registry.actors["/reader"].incarnation == 1
    assert [type(answer) for answer in answers[1:3]] == [NotRead] * 2
    assert [answers[n].user_id for n in (0, 3, 4)] == ["ada", "bob", "ada"]


def test_a_kind_that_nobody_knows_is_a_crash_after_the_others_were_answered(ready: Database) -> None:
    with start_supervised(reader(ready)) as system:
        answers = as_one_batch(system, ready.conninfo, CleanUp(), ReadProfile("ada"))
        assert isinstance(answers[0], ActorExited)
        assert answers[1].user_id == "ada"
        settle(system)
        assert system.registry.actors["/reader"].incarnation == 2
        assert outcome(ask(system, ReadProfile("ada"))[0]).user_id == "ada"


def test_a_database_that_is_away_is_an_answer_for_all(store: Database, tmp_path: Path) -> None:
    with start_supervised(reader(store)) as system:
        assert isinstance(outcome(ask(system, ReadProfile("ada"))[0]), NotRead)
    nowhere = Database(f"host={tmp_path} dbname=x", config.load().database)
    nowhere.is_ready = True
    with start_supervised(reader(nowhere)) as system:
        answers = [outcome(reply) for reply in ask(system, ReadProfile("ada"), ReadUser("ada"))]
        assert [type(answer) for answer in answers] == [NotRead] * 2
        assert system.registry.actors["/reader"].incarnation == 1
    nowhere.dispose()


def test_connections_that_the_server_ended_are_replaced(ready: Database) -> None:
    with start_supervised(reader(ready)) as system:
        assert outcome(ask(system, ReadProfile("ada"))[0]).user_id == "ada"
        with psycopg.connect(ready.conninfo, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                          " WHERE application_name = 'viral-engine' AND datname = current_database()")  # fmt: skip
        assert outcome(ask(system, ReadProfile("ada"))[0]).user_id == "ada"


def test_an_exhausted_pool_is_an_answer(migrated_database: str) -> None:
    settings = msgspec.structs.replace(config.load().database, pool_size=1, connect_timeout_s=1)
    small = Database(migrated_database, settings)
    small.is_ready = True
    with start_supervised(reader(small)) as system:
        with small.engine.connect():
            assert isinstance(outcome(ask(system, ReadProfile("ada"))[0]), NotRead)
        assert outcome(ask(system, ReadProfile("ada"))[0]) is None
        assert system.registry.actors["/reader"].incarnation == 1
    small.dispose()


def test_a_killed_reader_tells_its_callers_and_the_next_one_reads(ready: Database) -> None:
    with start_supervised(reader(ready)) as system:
        old: Any = system.registry.actors["/reader"]
        with locked(ready.conninfo, "api_keys"):
            stuck = ask(system, ReadKeys())[0]
            wait_until_blocked(ready.conninfo)
            kill(system, "/reader")
            assert isinstance(outcome(stuck), ActorExited)
            assert outcome(ask(system, ReadProfile("ada"))[0]).user_id == "ada"
        # Its thread gives the connection back before the pool is closed.
        old._thread.join(ANSWER_S)
