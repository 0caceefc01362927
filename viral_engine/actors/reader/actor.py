"""The reader: batched reads for actors that must not wait for the database, one SELECT per kind and batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import SQLAlchemyError

from viral_engine.messages.reading import NotRead
from viral_engine.runtime.errors import UnhandledMessage
from viral_engine.runtime.thread_actor import ThreadActor
from viral_engine.store.reads import READS

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
        """Groups what waits by kind."""
        by_kind: dict[type, list[Envelope]] = {}
        for envelope in batch:
            if envelope.reply_to is None:
                raise UnhandledMessage(self.path, envelope.message)
            by_kind.setdefault(type(envelope.message), []).append(envelope)
        for kind, envelopes in by_kind.items():
            self._read(kind, envelopes)

    def _read(self, kind: type, envelopes: list[Envelope]) -> None:
        read = READS.get(kind)
        if read is None:
            raise UnhandledMessage(self.path, envelopes[0].message)
        if not self._database.is_ready:
            _refuse(envelopes, "the database is not ready")
            return
        try:
            with self._database.engine.connect() as connection:
                answers: Sequence[Any] = read(connection, [envelope.message for envelope in envelopes])
        except SQLAlchemyError as error:
            _refuse(envelopes, str(error).partition("\n")[0])
            return
        for envelope, answer in zip(envelopes, answers, strict=True):
            assert envelope.reply_to is not None
            envelope.reply_to.set(answer)


def _refuse(envelopes: list[Envelope], why: str) -> None:
    for envelope in envelopes:
        assert envelope.reply_to is not None
        envelope.reply_to.set_exception(NotRead(why))
