"""Dead letters reach the database, in order and once, however long it is away."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from data_actors import journal, locked, rows_of, until

from viral_engine.actors import dead_letters
from viral_engine.actors.dead_letters import DeadLetterBox
from viral_engine.messages.dead_letters import DeadLetterView, ReadDeadLetters
from viral_engine.runtime.events import MessageDeadLettered
from viral_engine.runtime.system import System
from viral_engine.runtime.testing import start_supervised
from viral_engine.store.dead_letters import DEAD_LETTERS_MAX, keep_dead_letter, read_dead_letters
from viral_engine.store.engine import Database

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def letter(number: int = 0, message: str = "CheckAction(content=…)") -> DeadLetterView:
    at = NOON + timedelta(seconds=number)
    return DeadLetterView(at=at, path="/a", message_type="CheckAction", message=message, error="KeyError")


def write(store: Database, *letters: DeadLetterView) -> None:
    with store.engine.begin() as connection:
        cursor = connection.connection.cursor()
        for one in letters:
            for statement in keep_dead_letter(one):
                cursor.execute(statement.sql, statement.parameters)


def read(store: Database, limit: int = 10) -> list[DeadLetterView]:
    with store.engine.connect() as connection:
        return read_dead_letters(connection, [ReadDeadLetters(limit=limit)])[0]


def event(number: int) -> MessageDeadLettered:
    return MessageDeadLettered("/a", f"Poison{number}", "Poison(to='kid@example.org')", "KeyError: 'd-1'")


@contextmanager
def a_box(store: Database, folder: Path) -> Iterator[tuple[System, DeadLetterBox]]:
    with start_supervised(journal(store, folder, commit_deadline_ms=200)) as system:
        box = DeadLetterBox(system)
        system.events.listen(box)
        try:
            yield system, box
        finally:
            box.close()


def types_of(conninfo: str) -> list[str]:
    return [row[0] for row in rows_of(conninfo, "SELECT message_type FROM dead_letters ORDER BY id")]


def test_what_is_kept_is_read_back_the_newest_and_oldest_first(store: Database) -> None:
    write(store, *map(letter, range(3)))

    assert read(store, limit=2) == [letter(1), letter(2)]
    assert read(store, limit=9) == [letter(0), letter(1), letter(2)]


def test_a_letter_that_is_there_already_is_not_written_again(store: Database) -> None:
    write(store, letter(), letter())

    assert read(store) == [letter()]


def test_beyond_the_limit_the_oldest_makes_room(store: Database) -> None:
    write(store, *map(letter, range(DEAD_LETTERS_MAX + 2)))

    kept = read(store, limit=2 * DEAD_LETTERS_MAX)
    assert len(kept) == DEAD_LETTERS_MAX
    assert (kept[0], kept[-1]) == (letter(2), letter(DEAD_LETTERS_MAX + 1))


def test_text_that_the_database_cannot_hold_is_refused_before_it_is_sent() -> None:
    with pytest.raises(ValueError, match="parameter"):
        keep_dead_letter(letter(message="\0"))


def test_an_event_becomes_a_row_without_anything_personal(
    store: Database, migrated_database: str, tmp_path: Path
) -> None:
    with a_box(store, tmp_path) as (system, box):
        system.events.emit(event(1))
        until(lambda: box.waiting == 0)

    [row] = rows_of(migrated_database, "SELECT path, message_type, message, error FROM dead_letters")
    assert row == ("/a", "Poison1", "Poison(to='…')", "KeyError")


def test_while_the_database_is_away_letters_wait_and_are_kept_in_order_when_it_is_back(
    store: Database, migrated_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_letters, "RETRY_S", 0.01)
    with a_box(store, tmp_path) as (system, box):
        with locked(migrated_database, "dead_letters"):
            for number in (1, 2, 3):
                system.events.emit(event(number))
            state = system.registry.actors["/journal"]
            # The first one was tried until its deadline at least once, and is tried again.
            until(lambda: state.inspect_state()["under_way"] > 0)
            assert box.waiting == 3
        until(lambda: box.waiting == 0)

    assert types_of(migrated_database) == ["Poison1", "Poison2", "Poison3"]


def test_one_too_many_does_not_wait_and_a_stop_waits_for_none(store: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dead_letters, "WAITING_MAX", 2)
    with start_supervised() as system:
        box = DeadLetterBox(system)
        for number in range(5):
            box(event(number))
        # One of them is in the hands of the thread that asks for the journal, which is not there.
        assert 2 <= box.waiting <= 3
        box.close()
