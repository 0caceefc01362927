"""Messages that ended their actor three times in a row: written by the journal, read for operators."""

from collections.abc import Sequence

from sqlalchemy import Connection, text

from viral_engine.messages.dead_letters import DeadLetterView, ReadDeadLetters
from viral_engine.messages.journal import Statement
from viral_engine.store.statements import statement

__all__ = ["DEAD_LETTERS_MAX", "keep_dead_letter", "read_dead_letters"]

DEAD_LETTERS_MAX = 1_000
"""Rows of the table; each new one beyond it takes the place of the oldest, whose entry in the history may be there."""

_ADD = (
    "INSERT INTO dead_letters (at, path, message_type, message, error) SELECT %s, %s, %s, %s, %s"
    # It may have been committed by a try whose answer was lost.
    " WHERE NOT EXISTS (SELECT FROM dead_letters WHERE at = %s AND path = %s)"
)
_TRIM = "DELETE FROM dead_letters WHERE id <= (SELECT id FROM dead_letters ORDER BY id DESC OFFSET %s LIMIT 1)"
_READ = text("SELECT at, path, message_type, message, error FROM dead_letters ORDER BY id DESC LIMIT :limit")


def keep_dead_letter(letter: DeadLetterView) -> tuple[Statement, ...]:
    """One more, in the place of the oldest when there are too many; nothing happens when it is there already.

    Raises:
        ValueError: A text that PostgreSQL cannot hold.
    """
    row = (letter.at, letter.path, letter.message_type, letter.message, letter.error)
    return statement(_ADD, *row, letter.at, letter.path), statement(_TRIM, DEAD_LETTERS_MAX)


def read_dead_letters(connection: Connection, messages: Sequence[ReadDeadLetters]) -> list[list[DeadLetterView]]:
    """The newest ones, oldest first."""
    limit = max(one.limit for one in messages)
    rows = connection.execute(_READ, {"limit": limit}).mappings()
    letters = [DeadLetterView(**row) for row in rows][::-1]
    return [letters[max(len(letters) - one.limit, 0) :] for one in messages]
