"""The journal: the single writer. What it answered is committed; what it could not commit in time it says.

Requests wait in a queue of its own, so that their deadlines are met while a batch hangs. The queue is kept state: an
incarnation that was killed in the middle of a commit leaves it to the next one, which looks up the batch's fate.
"""

from __future__ import annotations

import asyncio
import itertools
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from viral_engine.actors.journal.backlog import Backlog, Item
from viral_engine.messages.database import DatabaseReady
from viral_engine.messages.journal import Commit, RecordDecision, RowRefused
from viral_engine.runtime.errors import UnhandledMessage
from viral_engine.runtime.loop_actor import LoopActor
from viral_engine.runtime.mailbox import Envelope
from viral_engine.store.committer import Committer, ConnectionLost, piece_of
from viral_engine.store.spool import SpoolFailed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from viral_engine.config import Journal as JournalSettings
    from viral_engine.runtime.exits import Exit
    from viral_engine.runtime.reply import ReplyTo
    from viral_engine.store.engine import Database
    from viral_engine.store.spool import Spool
    from viral_engine.telemetry.board import ConditionBoard
    from viral_engine.telemetry.disk import DiskGuard
    from viral_engine.telemetry.metrics import Metrics

SWEEP_INTERVAL_S = 0.1
RETRY_S_MIN = 0.05
RETRY_S_MAX = 1.0
PARTING_S = 0.4
"""How long a writer without work may take to be gone, so that a stop hangs on no server that is stalled."""
WAITING_MAX = 100_000
"""Requests that may wait: two seconds of the highest rate measured. One more is refused at once."""

_connections = itertools.count(1)


class _Sweep:
    """To itself: look for requests whose time is up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalContext:
    """What main wires."""

    database: Database
    settings: JournalSettings
    spool: Spool
    board: ConditionBoard
    metrics: Metrics
    disk: DiskGuard
    boot_id: str


class Journal(LoopActor):
    """Commits decisions and other rows in batches; answers each sender after its commit."""

    def init(self, context: JournalContext) -> None:
        """Adopts the queue of the incarnation before and starts to write; needs no database."""
        self._wired = context
        if self.kept.value is None:
            self.kept.value = Backlog()
        self._backlog: Backlog = self.kept.value
        # The incarnation before may have been ended in the middle: its connection is not ours to use, its attempt is.
        self._backlog.disconnect()
        self._committer: Committer | None = None
        self._work = asyncio.Event()
        self._retry_now = asyncio.Event()
        self._asking_since_s: float | None = None
        self._batches = 0
        self._rows = 0
        self._spooled_rows_refused = 0
        self._stopping = False
        self._writer = self.system.loop.create_task(self._write(), f"{self.path} writer")
        self._writer.add_done_callback(self._writer_ended)
        self.own(self)
        self.send_interval(SWEEP_INTERVAL_S, _Sweep())

    def handle_batch(self, batch: Sequence[Envelope]) -> None:
        """Queues all that came in; the writer answers."""
        now_s = self.system.clock.monotonic_s()
        deadline_s = now_s + self._wired.settings.commit_deadline_ms / 1_000
        refusal = self._wired.disk.reason()
        unknown: list[Any] = []
        for envelope in batch:
            match envelope.message:
                case RecordDecision() | Commit() as request if envelope.reply_to is not None:
                    envelope.handed_on = True
                    self._accept(request, envelope.reply_to, deadline_s, refusal)
                case _Sweep():
                    self._sweep(now_s)
                case DatabaseReady():
                    self._retry_now.set()
                case other:
                    unknown.append(other)
        if self._backlog.waiting:
            self._work.set()
        if unknown:
            raise UnhandledMessage(self.path, unknown[0])

    def _accept(
        self, request: RecordDecision | Commit, reply_to: ReplyTo, deadline_s: float, refusal: str | None
    ) -> None:
        try:
            item = Item(piece_of(request), reply_to, deadline_s)
        except ValueError as error:
            reply_to.set_exception(RowRefused(str(error)))
            return
        if refusal is None and len(self._backlog.waiting) >= WAITING_MAX:
            refusal = f"{WAITING_MAX} others are waiting"
        if refusal is not None:
            item.give_up(refusal, maybe=False)
            return
        self._backlog.waiting.append(item)

    async def terminate(self, exit_reason: Exit) -> None:
        """Commits what waits, as long as the supervisor lets it; the rest is told that it is not recorded."""
        self._stopping = True
        self._wake_writer()
        latest_s = max((item.deadline_s for item in self._backlog.items()), default=0.0)
        wait_s = latest_s - self.system.clock.monotonic_s()
        if wait_s > 0 and not self._writer.done():
            await asyncio.wait([self._writer], timeout=wait_s)
        self._backlog.give_up_all("the journal is stopping")
        self._let_go()
        # Broken off in the middle of connecting, it would leave a backend that waits for a password.
        await asyncio.wait([self._writer], timeout=PARTING_S)

    def abort(self) -> None:
        """Has the writer of a killed incarnation end; its backend is ended by the next one."""
        self.system.loop.post(self._let_go)

    def inspect_state(self) -> Mapping[str, Any]:
        """See `Actor`."""
        return {
            "waiting": len(self._backlog.waiting),
            "under_way": len(self._backlog.under_way),
            "connected": self._backlog.committer is not None,
            "batches": self._batches,
            "rows": self._rows,
            "spool_bytes": self._wired.spool.size_bytes,
            "spooled_rows_refused": self._spooled_rows_refused,
        }

    def _sweep(self, now_s: float) -> None:
        """Answers what could not be committed in time, and gives up a connection that hangs."""
        self._backlog.give_up_late(now_s)
        stall_s = self._wired.settings.stall_deadline_ms / 1_000
        if self._asking_since_s is not None and now_s - self._asking_since_s > stall_s:
            self._asking_since_s = None
            self._cut()
        if self._wired.spool.rows:
            self._work.set()

    # Writing.

    @property
    def _is_over(self) -> bool:
        return self.end is not None or (self._stopping and not self._backlog.items())

    def _wake_writer(self) -> None:
        self._work.set()
        self._retry_now.set()

    def _let_go(self) -> None:
        """Has the writer look up from whatever it waits for."""
        self._wake_writer()
        self._cut()

    def _cut(self) -> None:
        if self._committer is not None:
            self._committer.cut()

    def _writer_ended(self, task: asyncio.Task[None]) -> None:
        """A writer that fails is a crash."""
        error = None if task.cancelled() else task.exception()
        if error is not None and self.end is None and not self._stopping:
            self._end(error)

    async def _write(self) -> None:
        retry_s = RETRY_S_MIN
        try:
            while not self._is_over:
                try:
                    if self._committer is None:
                        await self._connect()
                        retry_s = RETRY_S_MIN
                    else:
                        await self._settle_open_attempt(self._committer)
                        await self._drain(self._committer)
                except ConnectionLost as lost:
                    self._abandon()
                    if self.end is None:
                        self._disconnected(lost.why)
                        await self._pause(retry_s)
                        retry_s = min(retry_s * 2, RETRY_S_MAX)
        finally:
            self._abandon()

    async def _pause(self, seconds: float) -> None:
        """Waits before the next try; the database actor's word cuts it short."""
        self._retry_now.clear()
        try:
            await asyncio.wait_for(self._retry_now.wait(), seconds)
        except TimeoutError:
            return

    async def _rest(self) -> None:
        """Waits until there is something to do."""
        self._work.clear()
        if self.end is None and not self._stopping:
            await self._work.wait()

    async def _connect(self) -> None:
        """Opens a connection.

        Raises:
            ConnectionLost: the database is away or not migrated yet.
        """
        if not self._wired.database.is_ready:
            raise ConnectionLost("the database is not ready")
        name = f"viral-engine journal {self._wired.boot_id} {next(_connections)}"
        self._committer = Committer(self._wired.database.async_conninfo, name)
        await self._committer.connect()
        # Who was killed meanwhile leaves the backlog to the next incarnation.
        if self.end is None:
            self._backlog.committer = self._committer
            self.status = None
            self._wired.board.report("journal", None)

    def _abandon(self) -> None:
        committer, self._committer = self._committer, None
        if committer is not None:
            committer.abandon()

    def _disconnected(self, why: str) -> None:
        self._backlog.disconnect()
        self.status = "reconnecting"
        # While it is not ready, the database actor is the one who knows why.
        if self._wired.database.is_ready:
            self._wired.board.report("journal", why)

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """Marks the time in which the database owes an answer, for the sweep to see that it stalls."""
        self._asking_since_s = self.system.clock.monotonic_s()
        try:
            yield
        finally:
            self._asking_since_s = None

    async def _settle_open_attempt(self, committer: Committer) -> None:
        """Finds out what became of the batch under way when a connection or an incarnation was lost."""
        attempt = self._backlog.attempt
        committed = False
        if attempt is not None:
            with self._asking():
                committed = await committer.was_committed(attempt)
        if self.end is None:
            self._backlog.resolve(attempt, committed=committed)

    async def _drain(self, committer: Committer) -> None:
        """Commits what waits, then some of the spool, then sleeps until there is more."""
        pieces = self._backlog.begin(self._wired.settings.batch_rows_max) if self.end is None else []
        if pieces:
            with self._asking():
                await committer.commit(pieces, self._backlog.settle)
            self._batches += 1
            self._rows += len(pieces)
            self._wired.metrics.committed(len(pieces))
        if self._wired.spool.rows and self._wired.disk.reason() is None:
            await self._record_spooled(committer)
        elif not self._backlog.waiting:
            await self._rest()

    async def _record_spooled(self, committer: Committer) -> None:
        """Records what an outage policy answered while the database was away."""
        loop = asyncio.get_running_loop()
        spool = self._wired.spool
        try:
            batch = await loop.run_in_executor(None, spool.read, self._wired.settings.spool_batch_rows)
            if batch.rows:
                with self._asking():
                    self._spooled_rows_refused += await committer.record_again(batch.rows)
            await loop.run_in_executor(None, spool.acknowledge, batch)
        except SpoolFailed as failed:
            self._wired.board.report("spool", str(failed))
            # The next sweep asks for another try.
            await self._rest()
        else:
            self._wired.board.report("spool", None)
