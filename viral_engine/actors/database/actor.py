"""The database actor: has the server running, the schema in place, and tells everybody when that is so.

A database that is away is an operating condition: this actor tries again and again, and nothing restarts because of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg import sql
from sqlalchemy.exc import SQLAlchemyError

from viral_engine.messages.database import (
    DatabaseReady,
    EnsurePartitions,
    Heartbeat,
    Invalidate,
    PurgeIdempotency,
)
from viral_engine.runtime.thread_actor import ThreadActor
from viral_engine.store.committer import cut
from viral_engine.store.embedded.errors import (
    DataFolderUnusable,
    EmbeddedError,
    FolderNotTraversable,
    OtherMajorVersion,
    PasswordFileDamaged,
    PasswordRefused,
    RunAsRefused,
    ServerMissing,
)
from viral_engine.store.idempotency import purge_older_than
from viral_engine.store.keys import create_key
from viral_engine.store.migrate import DatabaseTooNew, migrate
from viral_engine.store.nodes import heartbeat
from viral_engine.store.notify import CHANNEL
from viral_engine.store.partitions import ensure_partitions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from viral_engine.config import Settings
    from viral_engine.messages.keys import KeyRecord
    from viral_engine.runtime.exits import Exit
    from viral_engine.store.embedded.server import EmbeddedServer
    from viral_engine.store.engine import Database
    from viral_engine.telemetry.board import ConditionBoard

CHECK_INTERVAL_S = 0.25
"""How often the connection is looked at: a change made on another node is known here within it."""

RETRY_S_MAX = 2.0

FIRST_CONNECT_SLOW_S = 10.0
"""An empty folder gets a server and a schema, which takes a second or more; a daemon that is not ready after so long
says so itself."""

UNACKNOWLEDGED_MS_MAX = 10_000
"""A server whose machine is gone is noticed after this, not after the kernel's quarter of an hour."""

PURGES_MAX = 100
"""Portions of old answers that one tick deletes: a million rows."""

PERMANENT = (
    DataFolderUnusable,
    FolderNotTraversable,
    OtherMajorVersion,
    PasswordFileDamaged,
    PasswordRefused,
    RunAsRefused,
    ServerMissing,
)
"""What no later try can change: the operator must."""

WRONG_ADDRESS = ("password authentication failed", "no pg_hba.conf entry", "does not exist", "failed to resolve host")
"""What libpq says of a URL that was never right; it has no code for it. At the first start only: later it may pass."""

TOLD = ("/journal", "/growth/trust_safety", "/growth/pager", "/web")
"""Who connects or reloads when the database is back."""


class _Connect:
    """To itself: try to connect."""


class _FirstConnect(_Connect):
    """The same at the daemon's start: there may be neither server nor schema yet."""


class _Look:
    """To itself: take notices and see whether the connection lives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseContext:
    """What main wires.

    Attributes:
        server: the embedded server; None when the settings name another.
        first_keys: API keys whose text lies in the data folder; stored unless they are there.
        give_up: told one sentence when the database can never be used (its folder belongs to another version).
    """

    database: Database
    server: EmbeddedServer | None
    settings: Settings
    board: ConditionBoard
    boot_id: str
    url: str
    give_up: Callable[[str], None]
    first_keys: tuple[KeyRecord, ...]


class DatabaseActor(ThreadActor):
    """Keeps the database usable: server, schema, partitions, notices."""

    status: str | None = "connecting"
    slow_after_s = MappingProxyType({_FirstConnect: FIRST_CONNECT_SLOW_S})

    def init(self, context: DatabaseContext) -> None:
        """Needs no server: the first try is a message to itself."""
        self._wired = context
        self._was_ready = False
        self._listener: psycopg.Connection[tuple[Any, ...]] | None = None
        self._retry_s = CHECK_INTERVAL_S
        self._partitions: list[str] = []
        self.own(self)
        self.tell_info(_FirstConnect() if self.incarnation == 1 else _Connect())

    def handle_info(self, message: Any) -> None:
        """Connects, or looks whether all is well."""
        match message:
            case _Connect():
                self._connect()
            case _Look():
                self._look()
            case _:
                super().handle_info(message)

    def handle_cast(self, message: Any) -> None:
        """Does the work that ticks ask for; what fails now is asked for again by the next tick."""
        if not self._wired.database.is_ready:
            return
        try:
            match message:
                case EnsurePartitions():
                    self._ensure_partitions()
                case PurgeIdempotency():
                    self._purge_idempotency()
                case Heartbeat():
                    self._beat()
                case _:
                    super().handle_cast(message)
        except SQLAlchemyError as error:
            self._wired.board.report("housekeeping", str(error).partition("\n")[0])
        else:
            self._wired.board.report("housekeeping", None)

    def terminate(self, exit_reason: Exit) -> None:
        """Closes the connections; the embedded server is main's and is stopped there."""
        self._close_listener()
        self._wired.database.dispose()

    def abort(self) -> None:
        """Cuts the line of a killed incarnation; its thread, if it waits for the server, finds it gone."""
        listener = self._listener
        if listener is not None:
            cut(listener)
            if self.busy_since_s is None:
                listener.close()

    def inspect_state(self) -> Mapping[str, Any]:
        """See `Actor`."""
        server = self._wired.server
        return {
            "kind": "embedded" if server is not None else "external",
            "postmaster_pid": server.postmaster_pid if server is not None else None,
            "ready": self._wired.database.is_ready,
            "partitions": self._partitions,
        }

    def _connect(self) -> None:
        """One try: server, schema, partitions, then the good news."""
        wired = self._wired
        try:
            if wired.server is not None:
                wired.server.start()
            migrate(wired.database)
            self._ensure_partitions()
            # Before anybody works under this boot's name: others take the work of those who are silent.
            self._beat()
            self._listen()
        except (DatabaseTooNew, *PERMANENT) as error:
            wired.give_up(str(error))
        except EmbeddedError as error:
            self._try_again(str(error))
        except (psycopg.Error, SQLAlchemyError, OSError) as error:
            why = str(error).partition("\n")[0]
            if self.incarnation == 1 and not self._was_ready and any(words in str(error) for words in WRONG_ADDRESS):
                wired.give_up(f"the configured database can't be used: {why}")
            else:
                self._try_again(why)
        else:
            self._was_ready = True
            self._announce()
        if self.end is not None:
            self._close_listener()

    def _listen(self) -> None:
        self._close_listener()
        self._listener = psycopg.connect(
            self._wired.database.conninfo,
            autocommit=True,
            application_name="viral-engine listener",
            connect_timeout=self._wired.settings.database.connect_timeout_s,
            tcp_user_timeout=UNACKNOWLEDGED_MS_MAX,
        )
        self._store_first_keys(self._listener)
        self._listener.execute(sql.SQL("LISTEN {}").format(sql.Identifier(CHANNEL)))

    def _close_listener(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            listener.close()

    def _try_again(self, why: str) -> None:
        if self.end is not None:
            return
        self.status = "reconnecting"
        self._wired.board.report("database", why)
        self._retry_s = min(self._retry_s * 2, RETRY_S_MAX)
        self.send_after(self._retry_s, _Connect())

    def _announce(self) -> None:
        """Says that the database is there; notices may have been missed, so everything in memory is outdated."""
        if self.end is not None:
            return
        self._retry_s = CHECK_INTERVAL_S
        self.status = None
        self._wired.database.is_ready = True
        self._wired.board.report("database", None)
        self._spread(Invalidate("all"))
        for path in TOLD:
            self.cast(path, DatabaseReady())
        self.send_after(CHECK_INTERVAL_S, _Look())

    def _look(self) -> None:
        assert self._listener is not None
        try:
            self._listener.execute("SELECT 1")
            for notice in self._listener.notifies(timeout=0):
                kind, _, key = notice.payload.partition(":")
                self._spread(Invalidate(kind, key))
        except psycopg.Error as error:
            self._lost(str(error).partition("\n")[0])
        else:
            self.send_after(CHECK_INTERVAL_S, _Look())

    def _lost(self, why: str) -> None:
        self._close_listener()
        if self.end is not None:
            # The line was cut because of a kill: the next incarnation says how the database is.
            return
        self._wired.database.is_ready = False
        self._wired.database.dispose()
        self._wired.board.report("database", why)
        self.status = "reconnecting"
        self.tell_info(_Connect())

    def _spread(self, message: Invalidate) -> None:
        for path in ("/growth/trust_safety", "/web"):
            self.cast(path, message)

    def _store_first_keys(self, connection: psycopg.Connection[tuple[Any, ...]]) -> None:
        for record in self._wired.first_keys:
            for statement in create_key(record, author="the first start"):
                connection.execute(statement.sql, statement.parameters)

    def _beat(self) -> None:
        with self._wired.database.engine.begin() as connection:
            heartbeat(connection, self._wired.boot_id, self._wired.url)

    def _purge_idempotency(self) -> None:
        """Deletes until nothing old is left, a short transaction at a time."""
        age = timedelta(hours=self._wired.settings.jobs.idempotency_hours)
        for _ in range(PURGES_MAX):
            with self._wired.database.engine.begin() as connection:
                if not purge_older_than(connection, age):
                    return

    def _ensure_partitions(self) -> None:
        with self._wired.database.engine.begin() as connection:
            self._partitions = ensure_partitions(
                connection, self.system.clock.wall_ms(), self._wired.settings.database.partitions_ahead_days
            )
