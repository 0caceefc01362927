"""For tests of the data actors: wired actors, a line to the database that can be cut, locks, patient questions."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Self

import msgspec
import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from viral_engine import config
from viral_engine.actors.growth.trust_safety.actor import TrustSafety, TrustSafetyContext
from viral_engine.actors.journal.actor import Journal, JournalContext
from viral_engine.actors.reader.actor import Reader
from viral_engine.messages.journal import DecisionRow, RecordDecision, Statement
from viral_engine.runtime.spec import Supervisor, Worker
from viral_engine.store.engine import Database
from viral_engine.store.spool import Spool
from viral_engine.telemetry.board import ConditionBoard
from viral_engine.telemetry.disk import DiskGuard
from viral_engine.telemetry.metrics import Metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from viral_engine.runtime.reply import Reply
    from viral_engine.runtime.system import System

PATIENCE_S = 30.0
ANSWER_S = 20.0
"""How long a caller waits: longer than any deadline of the journal, so that it is the journal who answers."""


def until(ask: Callable[[], Any]) -> Any:
    """Asks again and again until the answer is truthy; every question is real work."""
    deadline_s = time.monotonic() + PATIENCE_S
    while not (answer := ask()):
        assert time.monotonic() < deadline_s, "it never came true"
    return answer


def rows_of(conninfo: str, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """One query on a connection of its own."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        return connection.execute(query.encode(), parameters).fetchall()


def execute(conninfo: str, statements: str) -> None:
    """Statements that answer nothing, on a connection of their own."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(statements.encode())


def recorded(conninfo: str) -> list[str]:
    """The hexadecimal ids of all decisions, each as often as it is there."""
    return [row[0] for row in rows_of(conninfo, "SELECT replace(id::text, '-', '') FROM decisions ORDER BY id")]


def wait_until_blocked(conninfo: str) -> None:
    """Waits until somebody waits for a lock."""
    query = "SELECT 1 FROM pg_locks WHERE NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = %s)"
    until(lambda: rows_of(conninfo, query, conninfo_to_dict(conninfo)["dbname"]))


@contextmanager
def locked(conninfo: str, table: str) -> Iterator[None]:
    """Keeps everybody else off a table."""
    with psycopg.connect(conninfo) as connection:
        connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE".encode())
        yield
        connection.rollback()


def end_backends(conninfo: str, name: str) -> int:
    """Has the server end the connections of a name; how many there were."""
    query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE %s AND datname = %s"
    return len(rows_of(conninfo, query, f"{name}%", conninfo_to_dict(conninfo)["dbname"]))


class Line:
    """A relay between clients and the server, which loses what it is told to lose.

    Attributes:
        conninfo: of the same database, through this line.
        was_cut: set when a conversation was cut at the words that were waited for.
        holds: set when the words that were to be kept back have been said.
        accepted: conversations so far.
    """

    def __init__(self, folder: Path, conninfo: str) -> None:
        parts = conninfo_to_dict(conninfo)
        name = f".s.PGSQL.{parts['port']}"
        self._server = f"{parts['host']}/{name}"
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(folder / name))
        self._listener.listen()
        self.conninfo = make_conninfo(conninfo, host=str(folder))
        self._flows = threading.Event()
        self._flows.set()
        self._cut_at: tuple[str, bytes] | None = None
        self._hold_at: tuple[str, bytes] | None = None
        self.holds = threading.Event()
        self.was_cut = threading.Event()
        self.accepted = 0
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._closing = False

    def cut_at(self, speaker: str, words: bytes) -> None:
        """Cuts the conversation in which `speaker` (client or server) says these words, instead of passing them on."""
        self.was_cut.clear()
        self._cut_at = (speaker, words)

    def hold(self) -> None:
        """Keeps back whatever is said from now on: the server looks stalled."""
        self._flows.clear()

    def hold_words(self, speaker: str, words: bytes) -> None:
        """Keeps back what is said from these words on."""
        self._hold_at = (speaker, words)

    def release(self) -> None:
        """Passes on what was kept back."""
        self._flows.set()

    def __enter__(self) -> Self:
        self._spawn(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._closing = True
        self.release()
        for one in (self._listener, *self._sockets):
            _hang_up(one)
        for thread in self._threads:
            thread.join(PATIENCE_S)

    def _spawn(self, target: Callable[..., None], *args: Any) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._closing:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(self._server)
            self._sockets += [client, server]
            self.accepted += 1
            self._spawn(self._relay, "client", client, server)
            self._spawn(self._relay, "server", server, client)

    def _relay(self, speaker: str, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while words := source.recv(1 << 16):
                if self._hold_at is not None and self._hold_at[0] == speaker and self._hold_at[1] in words:
                    self._hold_at = None
                    self.hold()
                    self.holds.set()
                self._flows.wait(PATIENCE_S)
                if self._cut_at is not None and self._cut_at[0] == speaker and self._cut_at[1] in words:
                    self._cut_at = None
                    self.was_cut.set()
                    break
                target.sendall(words)
        _hang_up(source)
        _hang_up(target)


def _hang_up(line: socket.socket) -> None:
    with suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)
    line.close()


def journal_settings(**changes: Any) -> config.Journal:
    """The journal's settings with some of them changed."""
    return msgspec.structs.replace(config.load().journal, **changes)


def trust_settings(**changes: Any) -> config.TrustSafety:
    """The same of trust_safety."""
    return msgspec.structs.replace(config.load().trust_safety, **changes)


def metrics() -> Metrics:
    """Counters that nobody reads."""
    nobody: Any = None
    return Metrics(nobody)


def journal(store: Database, folder: Path, *, free_bytes_min: int = 0, **changes: Any) -> Worker:
    """A journal with a spool in `folder`; the database counts as ready."""
    store.is_ready = True
    context = JournalContext(
        database=store,
        settings=journal_settings(**changes),
        spool=Spool(folder / "spool", 1 << 20),
        board=ConditionBoard(),
        metrics=metrics(),
        disk=DiskGuard(folder, free_bytes_min, 0.0),
        boot_id="test",
    )
    return Worker(name="journal", actor_class=Journal, args=(context,), shutdown_s=10)


def reader(store: Database) -> Worker:
    """A reader."""
    return Worker(name="reader", actor_class=Reader, args=(store,))


def growth(**changes: Any) -> Supervisor:
    """Trust and safety at its place in the tree."""
    context = TrustSafetyContext(settings=trust_settings(**changes), metrics=metrics())
    worker = Worker(name="trust_safety", actor_class=TrustSafety, args=(context,))
    return Supervisor(name="growth", children=(worker,), restarts_max=20, restarts_window_s=60)


def record(row: DecisionRow, *statements: Statement) -> RecordDecision:
    """Asks for a decision to be recorded; the reply is its id in hexadecimal."""
    return RecordDecision(row=row, reply=row.decision_id.hex(), statements=statements)


def outcome(reply: Reply[Any]) -> Any:
    """What a caller got: the answer, or the error."""
    try:
        return reply.get(timeout=ANSWER_S)
    except Exception as error:  # noqa: BLE001  (the error is what the test looks at)
        return error


def kill(system: System, path: str) -> None:
    """Ends the actor at `path` as an operator would, and waits for its next incarnation."""
    actor = system.registry.whereis(path)
    assert actor is not None
    actor.kill("test")
    until(lambda: (found := system.registry.whereis(path)) is not None and found.state == "running")
