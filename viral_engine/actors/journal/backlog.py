"""What the journal owes: requests that wait, those under way, and the attempt whose fate is open.

It is kept state: an incarnation that was killed in the middle of a commit leaves it to the next one.
"""

from __future__ import annotations

from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from viral_engine.messages.journal import NotCommitted, NotRecorded, RecordDecision

if TYPE_CHECKING:
    from viral_engine.runtime.reply import ReplyTo
    from viral_engine.store.committer import Attempt, Committer, Piece, Rows

TOO_LATE = "the database did not commit in time"


@dataclass(slots=True, eq=False)
class Item:
    """One request and who waits for it; answered once."""

    piece: Piece
    reply_to: ReplyTo
    deadline_s: float
    answered: bool = False

    def answer(self, rows: Rows | None) -> None:
        """Says that the request is committed; with rows None what its statements returned is not known."""
        request = self.piece.request
        if isinstance(request, RecordDecision):
            self._say(request.reply)
        elif rows is None:
            self.fail(NotCommitted("it seems to be committed, but the answer was lost", maybe=True))
        else:
            self._say(rows)

    def fail(self, error: Exception) -> None:
        """Says that the request failed."""
        if not self.answered:
            self.answered = True
            with suppress(Exception):
                self.reply_to.set_exception(error)

    def give_up(self, why: str, *, maybe: bool) -> None:
        """Says that the request is not committed by now; it may still be when it is under way."""
        request = self.piece.request
        if isinstance(request, RecordDecision):
            self.fail(NotRecorded(why, request))
        else:
            self.fail(NotCommitted(why, maybe=maybe))

    def _say(self, value: Any) -> None:
        if not self.answered:
            self.answered = True
            # One caller whose event loop is closed by now must not cost the others of the batch their answers.
            try:  # noqa: SIM105  (suppress() costs each recorded check a quarter of a microsecond)
                self.reply_to.set(value)
            except Exception:  # noqa: BLE001, S110
                pass


@dataclass(slots=True)
class Backlog:
    """Every request is in one of the two places until it is settled, in the order in which it came."""

    waiting: deque[Item] = field(default_factory=deque)
    under_way: dict[int, Item] = field(default_factory=dict)
    attempt: Attempt | None = None
    committer: Committer | None = None

    def items(self) -> list[Item]:
        """Returns all that is not settled."""
        return [*self.under_way.values(), *self.waiting]

    def disconnect(self) -> None:
        """Takes over what the connection leaves open."""
        if self.committer is not None:
            self.attempt = self.committer.attempt or self.attempt
            self.committer = None

    def begin(self, rows_max: int) -> list[Piece]:
        """Puts the head of the queue under way; whoever was answered meanwhile is left out."""
        while self.waiting and len(self.under_way) < rows_max:
            item = self.waiting.popleft()
            if not item.answered:
                self.under_way[id(item.piece)] = item
        return [item.piece for item in self.under_way.values()]

    def settle(self, piece: Piece, result: Rows | Exception) -> None:
        """Answers the sender of a piece whose fate is known."""
        item = self.under_way.pop(id(piece), None)
        if item is None:
            return
        if isinstance(result, Exception):
            item.fail(result)
        else:
            item.answer(result)

    def resolve(self, attempt: Attempt | None, *, committed: bool) -> None:
        """Answers for an attempt that committed unseen; whatever else was under way goes to the head of the queue."""
        if attempt is not None and committed:
            # A transaction's number may have been given out again after a crash: only decisions prove their rows.
            results = attempt.results if attempt.transaction_id is None else None
            for piece, rows in zip(attempt.pieces, results or [None] * len(attempt.pieces), strict=True):
                item = self.under_way.pop(id(piece), None)
                if item is not None:
                    item.answer(rows)
        self.attempt = None
        again = [item for item in self.under_way.values() if not item.answered]
        self.under_way.clear()
        self.waiting.extendleft(reversed(again))

    def give_up_late(self, now_s: float) -> None:
        """Answers those whose time is up. What is under way stays there: its fate is still to be found out."""
        waiting = self.waiting
        # All get the same time, so the queue's order is that of their deadlines.
        while waiting and (waiting[0].answered or waiting[0].deadline_s <= now_s):
            waiting.popleft().give_up(TOO_LATE, maybe=False)
        for item in self.under_way.values():
            if item.deadline_s <= now_s:
                item.give_up(TOO_LATE, maybe=True)

    def give_up_all(self, why: str) -> None:
        """Answers everybody."""
        for item in self.under_way.values():
            item.give_up(why, maybe=True)
        for item in self.waiting:
            item.give_up(why, maybe=False)
        self.under_way.clear()
        self.waiting.clear()
