"""`/growth/pager`: mails whoever is on call about each case of child safety, until somebody claims it.

At least once, never lost: a case counts as paged when the mail server has accepted the mail, and what was not paged is
looked up again at every tick. A mail server that is away is an operating condition, told by `health`, not a crash.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy.exc import SQLAlchemyError

from viral_engine.messages.database import DatabaseReady
from viral_engine.messages.paging import PageWaiting
from viral_engine.runtime.thread_actor import ThreadActor
from viral_engine.store.paging import due_pages, mark_paged, sole_pager, waiting_cases
from viral_engine.store.statements import instant_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection

    from viral_engine.actors.growth.pager.mail_server import MailServer
    from viral_engine.config import Pager as PagerSettings
    from viral_engine.messages.paging import DuePage
    from viral_engine.store.engine import Database
    from viral_engine.telemetry.board import ConditionBoard
    from viral_engine.telemetry.pages import PageCounter

PART = "pager"
"""Its name on the board, in `/readyz`, `health` and `viral_engine_condition`."""

NOBODY = "nobody is paged for child safety: [pager] names no mail server"

BATCH_MAX = 20
"""Mails of one round; what is left comes with the next."""

ROUND_S_MAX = 20.0
"""No further mail of a round is begun after this: a slow server holds up no stop and no kill for long."""

START_S = 0.5
"""What waits when the database comes is looked up after so long: the start goes first."""

TURN_S = 1.0
"""When another daemon of the same database is paging, this one looks again after so long."""

TRIAL_FIRST_S = 20.0
TRIAL_S = 3_600.0
"""A mail server that got no mail for an hour is tried without one: it had better fail before it is needed."""

_log = structlog.stdlib.get_logger("viral_engine.pager")


@dataclass(frozen=True, slots=True)
class _Round:
    """To itself: page for what is due."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PagerContext:
    """What main wires.

    Attributes:
        url: of the HTTP side, for whoever reads a mail.
    """

    database: Database
    settings: PagerSettings
    board: ConditionBoard
    counter: PageCounter
    url: str


class Pager(ThreadActor):
    """Sends a mail for each case that is due, one round at a time."""

    def init(self, context: PagerContext) -> None:
        """Looks up at once what the incarnation before left; needs neither the database nor the mail server."""
        self._wired = context
        self._asked = False
        self._try_s = self.system.clock.monotonic_s() + TRIAL_FIRST_S
        self._last_failure: str | None = None
        if not context.settings.host:
            context.board.remark(PART, NOBODY)
        self._ask()

    def handle_cast(self, message: Any) -> None:
        """Pages for what waits; any number of such messages are one round."""
        match message:
            case PageWaiting():
                self._ask()
            case DatabaseReady():
                self._ask(START_S)
            case _:
                super().handle_cast(message)

    def handle_info(self, message: Any) -> None:
        """One round."""
        if not isinstance(message, _Round):
            super().handle_info(message)
            return
        self._asked = False
        if self._wired.database.is_ready:
            self._round()

    def inspect_state(self) -> Mapping[str, Any]:
        """See `Actor`."""
        counter = self._wired.counter
        return {
            "configured": bool(self._wired.settings.host),
            "waiting": counter.waiting,
            "accepted": counter.accepted,
            "failed": counter.failed,
            "last_failure": self._last_failure,
        }

    def _ask(self, after_s: float | None = None) -> None:
        """Has a round follow, unless one is about to."""
        if self._asked:
            return
        self._asked = True
        if after_s is None:
            self.tell_info(_Round())
        else:
            self.send_after(after_s, _Round())

    def _round(self) -> None:
        try:
            with self._wired.database.engine.connect() as connection, sole_pager(connection) as is_ours:
                if is_ours:
                    self._page(connection)
                else:
                    self._ask(TURN_S)
        except SQLAlchemyError as error:
            self._failed(f"the cases that wait can't be read or marked: {str(error).partition(chr(10))[0]}")

    def _page(self, connection: Connection) -> None:
        wired, clock = self._wired, self.system.clock
        self._mark_accepted(connection)
        now_ms = clock.wall_ms()
        wired.counter.waiting = waiting = waiting_cases(connection, now_ms)
        if not wired.settings.host:
            wired.board.remark(PART, f"{NOBODY}; unclaimed cases: {waiting}" if waiting else NOBODY)
            return
        due = due_pages(connection, now_ms, round(wired.settings.remind_s * 1_000), BATCH_MAX)
        if due or clock.monotonic_s() >= self._try_s:
            self._send_all(connection, due)

    def _send_all(self, connection: Connection, due: Sequence[DuePage]) -> None:
        """Sends what is due, and tells how it went."""
        from viral_engine.actors.growth.pager.mail_server import NotSent  # noqa: PLC0415  (no start waits for it)

        wired = self._wired
        try:
            refused = self._converse(connection, due)
        except NotSent as not_sent:
            wired.counter.failed += len(due) > 0
            where = f"{wired.settings.host}:{wired.settings.port}"
            self._failed(f"the mail server {where} takes no page: {not_sent}; unclaimed cases: {wired.counter.waiting}")
            return
        self._try_s = self.system.clock.monotonic_s() + TRIAL_S
        self._last_failure = None
        wired.board.remark(PART, f"the mail server refuses {refused} of the recipients" if refused else None)
        if len(due) == BATCH_MAX:
            self._ask()

    def _converse(self, connection: Connection, due: Sequence[DuePage]) -> int:
        """Sends what is due; returns how many recipients were refused.

        Raises:
            NotSent: the mail server took no further mail.
        """
        from viral_engine.actors.growth.pager.mail_server import MailServer  # noqa: PLC0415

        server = MailServer(self._wired.settings)
        self.own(server)
        until_s = self.system.clock.monotonic_s() + ROUND_S_MAX
        refused = 0
        try:
            for page in due:
                if self.end is not None or self.system.clock.monotonic_s() > until_s:
                    break
                refused = max(refused, self._send(server, connection, page))
        finally:
            self.disown(server)
            server.close()
        return refused

    def _send(self, server: MailServer, connection: Connection, page: DuePage) -> int:
        from viral_engine.actors.growth.pager.letter import letter  # noqa: PLC0415

        wired, now_ms = self._wired, self.system.clock.wall_ms()
        mail = letter(
            page, settings=wired.settings, url=wired.url, waiting=wired.counter.waiting, now=instant_of(now_ms)
        )
        refused = server.send(mail)
        self.kept.value = (page.case_id, now_ms)
        wired.counter.accepted += 1
        self._mark_accepted(connection)
        _log.info("child_safety_paged", case_id=page.case_id, reminder=page.last_paged_at is not None)
        return refused

    def _mark_accepted(self, connection: Connection) -> None:
        """Marks what was accepted; kept until the database has it, so that its loss brings no second page."""
        if self.kept.value is not None:
            mark_paged(connection, *self.kept.value)
            self.kept.value = None

    def _failed(self, why: str) -> None:
        """Tells it; the next tick tries again, due or not. A killed incarnation was cut off and knows nothing of it."""
        if self.end is None:
            self._last_failure = why
            self._try_s = self.system.clock.monotonic_s()
            self._wired.board.remark(PART, why)
