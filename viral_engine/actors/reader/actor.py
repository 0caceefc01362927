"""The reader: batched reads for actors that must not wait for the database, one SELECT per kind and batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import DataError, ProgrammingError, SQLAlchemyError

from viral_engine.messages.reading import NotRead
from viral_engine.runtime.errors import UnhandledMessage
from viral_engine.runtime.thread_actor import ThreadActor
from viral_engine.store.reads import READS, Read

if TYPE_CHECKING:
    from collections.abc import Sequence

    from viral_engine.runtime.mailbox import Envelope
    from viral_engine.store.engine import Database


class Reader(ThreadActor):
    """Answers the messages of `messages.reading`; a database that is away is an answer (`NotRead`), not a crash."""

    def init(self, database: Database) -> None:
        """Needs no database: connections are made when there is something to read."""
        self._database = database

    def handle_batch(self, batch: Sequence[Envelope]) -> None:
        """Groups what waits by kind; a kind that nobody knows is a crash, after all others have their answers."""
        by_kind: dict[type, list[Envelope]] = {}
        unknown: list[Any] = []
        for envelope in batch:
            kind = type(envelope.message)
            if envelope.reply_to is None or kind not in READS:
                unknown.append(envelope.message)
            else:
                by_kind.setdefault(kind, []).append(envelope)
        for kind, envelopes in by_kind.items():
            self._read(READS[kind], envelopes)
        if unknown:
            raise UnhandledMessage(self.path, unknown[0])

    def _read(self, read: Read, envelopes: list[Envelope]) -> None:
        if not self._database.is_ready:
            _refuse(envelopes, "the database is not ready")
            return
        try:
            with self._database.engine.connect() as connection:
                answers: Sequence[Any] = read(connection, [envelope.message for envelope in envelopes])
        except (SQLAlchemyError, ValueError, OverflowError) as error:
            if len(envelopes) > 1 and _is_a_questions_fault(error):
                for envelope in envelopes:
                    self._read(read, [envelope])
            else:
                _refuse(envelopes, str(error).partition("\n")[0])
            return
        for envelope, answer in zip(envelopes, answers, strict=True):
            assert envelope.reply_to is not None
            envelope.reply_to.set(answer)


def _is_a_questions_fault(error: Exception) -> bool:
    """Tells whether one question holds what can't be asked, which must not cost the others their answers."""
    return not isinstance(error, SQLAlchemyError) or isinstance(error, DataError | ProgrammingError)


def _refuse(envelopes: list[Envelope], why: str) -> None:
    for envelope in envelopes:
        assert envelope.reply_to is not None
        envelope.reply_to.set_exception(NotRead(why))
