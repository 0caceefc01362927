"""The journal: the single writer. What it answered is committed; what it could not commit in time it says.

Requests wait in a queue of its own, so that their deadlines are met while a batch hangs. The queue is kept state: an
incarnation that was killed in the middle of a commit leaves it to the next one, which looks up the batch's fate.
"""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from viral_engine.messages.database import DatabaseReady
from viral_engine.messages.journal import Commit, NotCommitted, NotRecorded, RecordDecision, RowRefused
from viral_engine.runtime.errors import UnhandledMessage
from viral_engine.runtime.loop_actor import LoopActor
from viral_engine.runtime.mailbox import Envelope
from viral_engine.store.committer import Attempt, Committer, ConnectionLost, Piece, piece_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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

_connections = itertools.count(1)


class _Sweep:
    """To itself: look for requests whose time is up."""


@dataclass(slots=True, eq=False)
class Item:
    """One request and who waits for it."""

    piece: Piece
    reply_to: ReplyTo
    deadline_s: float
    answered: bool = False


@dataclass(slots=True)
class Backlog:
    """What outlives an incarnation: requests not begun, those under way, and the attempt whose fate is open."""

    waiting: deque[Item] = field(default_factory=deque)
    under_way: dict[int, Item] = field(default_factory=dict)
    attempt: Attempt | None = None
    committer: Committer | None = None


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
        if self._backlog.committer is not None:
            # The incarnation before was ended in the middle: its connection is not ours to use, its attempt is.
            self._backlog.attempt = self._backlog.committer.attempt or self._backlog.attempt
            self._backlog.committer = None
        self._work = asyncio.Event()
        self._retry_now = asyncio.Event()
        self._commit_began_s: float | None = None
        self._batches = 0
        self._rows = 0
        self._stopping = False
        self._writer = asyncio.get_running_loop().create_task(self._write(), name=f"{self.path} writer")
        self._writer.add_done_callback(self._writer_ended)
        self.own(self)
        self.send_interval(SWEEP_INTERVAL_S, _Sweep())
        if self._backlog.waiting or self._backlog.under_way:
            self._work.set()

    def handle_batch(self, batch: Sequence[Envelope]) -> None:
        """Queues all that came in; the writer answers."""
        now_s = self.system.clock.monotonic_s()
        deadline_s = now_s + self._wired.settings.commit_deadline_ms / 1_000
        for envelope in batch:
            match envelope.message:
                case RecordDecision() | Commit() as request if envelope.reply_to is not None:
                    envelope.handed_on = True
                    self._accept(request, envelope.reply_to, deadline_s)
                case _Sweep():
                    self._sweep(now_s)
                case DatabaseReady():
                    self._retry_now.set()
                case other:
                    raise UnhandledMessage(self.path, other)

    def _accept(self, request: RecordDecision | Commit, reply_to: ReplyTo, deadline_s: float) -> None:
        try:
            item = Item(piece_of(request), reply_to, deadline_s)
        except ValueError as error:
            reply_to.set_exception(RowRefused(str(error)))
            return
        full = self._wired.disk.reason()
        if full is not None:
            self._give_up(item, full)
            return
        self._backlog.waiting.append(item)
        self._work.set()

    async def terminate(self, exit_reason: Exit) -> None:
        """Commits what waits, as long as the supervisor lets it; the rest is told that it is not recorded."""
        self._stopping = True
        self._work.set()
        self._retry_now.set()
        latest = max((item.deadline_s for item in self._items()), default=0.0)
        wait_s = latest - self.system.clock.monotonic_s()
        if wait_s > 0 and not self._writer.done():
            await asyncio.wait([self._writer], timeout=wait_s)
        self._writer.cancel()
        for item in self._items():
            self._give_up(item, "the journal is stopping")
        self._backlog.waiting.clear()
        self._backlog.under_way.clear()

    def abort(self) -> None:
        """Ends the writer of a killed incarnation; its backend is ended by the next one."""
        self.system.loop.post(self._cancel_writer)

    def _cancel_writer(self) -> None:
        self._writer.cancel()

    def inspect_state(self) -> Mapping[str, Any]:
        """See `Actor`."""
        return {
            "waiting": len(self._backlog.waiting),
            "under_way": len(self._backlog.under_way),
            "connected": self._backlog.committer is not None,
            "batches": self._batches,
            "rows": self._rows,
            "spool_bytes": self._wired.spool.size_bytes,
        }

    # Deadlines.

    def _items(self) -> list[Item]:
        return [*self._backlog.under_way.values(), *self._backlog.waiting]

    def _sweep(self, now_s: float) -> None:
        """Answers what could not be committed in time, and gives up a connection that hangs."""
        waiting = self._backlog.waiting
        while waiting and (waiting[0].answered or waiting[0].deadline_s <= now_s):
            self._give_up(waiting.popleft(), "the database did not commit in time")
        for item in self._backlog.under_way.values():
            if not item.answered and item.deadline_s <= now_s:
                self._give_up(item, "the database did not commit in time")
        stall_s = self._wired.settings.stall_deadline_ms / 1_000
        if self._commit_began_s is not None and now_s - self._commit_began_s > stall_s:
            self._commit_began_s = None
            self._writer.cancel()
        if self._wired.spool.rows and not self._work.is_set():
            self._work.set()

    @staticmethod
    def _give_up(item: Item, why: str) -> None:
        if item.answered:
            return
        item.answered = True
        if isinstance(item.piece.request, RecordDecision):
            item.reply_to.set_exception(NotRecorded(why, item.piece.request))
        else:
            item.reply_to.set_exception(NotCommitted(why, maybe=True))

    # Writing.

    def _writer_ended(self, task: asyncio.Task[None]) -> None:
        """A writer that ended by itself is a crash; one that was given up for a stall is replaced."""
        if self.end is not None or self._stopping:
            return
        if task.cancelled():
            self._disconnected("the database stalled")
            self._writer = self.system.loop.create_task(self._write(), f"{self.path} writer")
            self._writer.add_done_callback(self._writer_ended)
        elif (error := task.exception()) is not None:
            self._end(error)

    async def _write(self) -> None:
        retry_s = RETRY_S_MIN
        committer: Committer | None = None
        try:
            while self.end is None and not (self._stopping and not self._items()):
                try:
                    if committer is None:
                        committer = await self._connect()
                        retry_s = RETRY_S_MIN
                    await self._settle_open_attempt(committer)
                    await self._drain(committer)
                except ConnectionLost as lost:
                    self._disconnected(lost.why)
                    committer = None
                    await self._pause(retry_s)
                    retry_s = min(retry_s * 2, RETRY_S_MAX)
        finally:
            if committer is not None:
                committer.abandon()

    async def _pause(self, seconds: float) -> None:
        """Waits before the next try; the database actor's word cuts it short."""
        self._retry_now.clear()
        try:
            await asyncio.wait_for(self._retry_now.wait(), seconds)
        except TimeoutError:
            return

    async def _connect(self) -> Committer:
        """Opens a connection.

        Raises:
            ConnectionLost: the database is away or not migrated yet.
        """
        if not self._wired.database.is_ready:
            raise ConnectionLost("the database is not ready")
        name = f"viral-engine journal {self._wired.boot_id} {next(_connections)}"
        committer = Committer(self._wired.database.async_conninfo, name)
        self._commit_began_s = self.system.clock.monotonic_s()
        await committer.connect()
        self._commit_began_s = None
        self._backlog.committer = committer
        self.status = None
        self._wired.board.report("journal", None)
        return committer

    def _disconnected(self, why: str) -> None:
        self._commit_began_s = None
        if self._backlog.committer is not None:
            self._backlog.attempt = self._backlog.committer.attempt or self._backlog.attempt
            self._backlog.committer.abandon()
            self._backlog.committer = None
        self.status = "reconnecting"
        self._wired.board.report("journal", why)

    async def _settle_open_attempt(self, committer: Committer) -> None:
        """Finds out what became of the batch under way when a connection or an incarnation was lost."""
        attempt = self._backlog.attempt
        if attempt is not None:
            committed = await committer.was_committed(attempt)
            for piece in attempt.pieces:
                item = self._backlog.under_way.get(id(piece))
                if item is None or not committed:
                    continue
                del self._backlog.under_way[id(piece)]
                self._answer_recorded(item)
            self._backlog.attempt = None
        # Whatever is left was certainly not committed: it goes to the head of the queue, in its old order.
        again = [item for item in self._backlog.under_way.values() if not item.answered]
        self._backlog.under_way.clear()
        self._backlog.waiting.extendleft(reversed(again))

    @staticmethod
    def _answer_recorded(item: Item) -> None:
        """Answers for a batch that committed although its connection was lost; returned rows are lost with it."""
        if item.answered:
            return
        item.answered = True
        if isinstance(item.piece.request, RecordDecision):
            item.reply_to.set(item.piece.request.reply)
        else:
            item.reply_to.set_exception(NotCommitted("it was committed, but the answer was lost", maybe=True))

    async def _drain(self, committer: Committer) -> None:
        """Commits what waits, then some of the spool, then sleeps until there is more."""
        waiting = self._backlog.waiting
        if not waiting:
            if self._wired.spool.rows:
                await self._drain_spool(committer)
                return
            self._work.clear()
            if not self._stopping:
                await self._work.wait()
            return
        batch: list[Item] = []
        while waiting and len(batch) < self._wired.settings.batch_rows_max:
            item = waiting.popleft()
            if not item.answered:
                batch.append(item)
        if not batch:
            return
        self._backlog.under_way = {id(item.piece): item for item in batch}
        self._commit_began_s = self.system.clock.monotonic_s()
        await committer.commit([item.piece for item in batch], self._settle)
        self._commit_began_s = None
        self._batches += 1
        self._rows += len(batch)
        self._wired.metrics.committed(len(batch))

    def _settle(self, piece: Piece, result: Any) -> None:
        item = self._backlog.under_way.pop(id(piece), None)
        if item is None or item.answered:
            return
        item.answered = True
        if isinstance(result, Exception):
            item.reply_to.set_exception(result)
        else:
            item.reply_to.set(piece.request.reply if isinstance(piece.request, RecordDecision) else result)

    async def _drain_spool(self, committer: Committer) -> None:
        """Records what an outage policy answered while the database was away."""
        loop = asyncio.get_running_loop()
        spool = self._wired.spool
        piece = await loop.run_in_executor(None, spool.read, self._wired.settings.spool_batch_rows)
        self._commit_began_s = self.system.clock.monotonic_s()
        await committer.record_again(piece.rows)
        self._commit_began_s = None
        await loop.run_in_executor(None, spool.acknowledge, piece)
