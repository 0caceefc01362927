"""Trust and safety: decides whether a user may do an action now, and keeps what the decision needs in memory.

It never waits: a profile that is not in memory is asked of the reader, a decision is handed to the journal, which
answers the caller after its commit. What is under way is kept state, so the next incarnation goes on with it.
"""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from msgspec import structs

from viral_engine.actors.growth.trust_safety.changes import ChangeMessage, plan_change
from viral_engine.actors.growth.trust_safety.decide import decide
from viral_engine.actors.growth.trust_safety.held import (
    Committed,
    Committing,
    Load,
    Loaded,
    Memory,
    ProfileRead,
    Reading,
    Waiting,
    empty_memory,
    restore,
)
from viral_engine.actors.growth.trust_safety.lists import lists_of
from viral_engine.actors.growth.trust_safety.policies import Policies
from viral_engine.actors.growth.trust_safety.profiles import profile_of, unknown_user
from viral_engine.domain.duplicates import DAY_MS
from viral_engine.domain.errors import Invalid
from viral_engine.domain.uuid7 import Uuid7Source
from viral_engine.messages.checks import CheckAction
from viral_engine.messages.database import CleanUp, DatabaseReady, Invalidate
from viral_engine.messages.journal import Commit, NotRecorded
from viral_engine.messages.once import Once
from viral_engine.messages.reading import NotRead, ReadProfile, ReadWarmStart, WarmStart
from viral_engine.messages.refusals import Refused
from viral_engine.runtime.actor import NO_REPLY, NoReply
from viral_engine.runtime.loop_actor import LoopActor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from viral_engine.actors.growth.trust_safety.change import Change
    from viral_engine.config import TrustSafety as TrustSafetySettings
    from viral_engine.runtime.reply import Reply, ReplyTo
    from viral_engine.telemetry.metrics import Metrics

READER = "/reader"
JOURNAL = "/journal"
READ_TIMEOUT_S = 2.0
WARM_READ_TIMEOUT_S = 60.0
COMMIT_TIMEOUT_S = 5.0
WARM_RETRY_S = 0.25
UNSTORABLE = (ValueError, OverflowError, RecursionError)
"""What making a statement raises: text or numbers that PostgreSQL can't hold, a date out of range, deep nesting."""

WINDOWS_BACK_MS = 600_000
"""How far back recorded decisions are counted again at a start: the longest window."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustSafetyContext:
    """What main wires."""

    settings: TrustSafetySettings
    metrics: Metrics
    policies: Policies = field(default_factory=Policies)


class TrustSafety(LoopActor):
    """Answers `CheckAction` and carries out changes to users, consents, signals, lists, cases and the policy."""

    _suspect: CheckAction | None = None
    """The imported check that is being decided on while another one is handled."""

    def init(self, context: TrustSafetyContext) -> None:
        """Adopts what the incarnation before held, or starts empty; either way the database is asked again."""
        self._settings = context.settings
        self._metrics = context.metrics
        self._ids = Uuid7Source(os.urandom)
        self._numbers = itertools.count(1)
        self._loading: Reply[Any] | None = None
        self._load_again = False
        if self.kept.value is None:
            self.kept.value = empty_memory(self._settings, context.policies)
        self._memory: Memory = self.kept.value
        self.status = "warming"
        for user_id, reading in list(self._memory.reading.items()):
            self._follow_reading(user_id, reading)
        adopted = dict(self._memory.committing)
        self._memory.committing.clear()
        for committing in adopted.values():
            self._follow_commit(committing)
        self.tell_info(Load())

    def handle_call(self, message: Any, reply_to: ReplyTo) -> NoReply:
        """Decides, or changes what decisions rest on; the caller is always answered by somebody else, later."""
        try:
            match message:
                case CheckAction():
                    self._check(message, reply_to)
                case Once(change, keep):
                    self._change(change, reply_to, keep)
                case _ if isinstance(message, ChangeMessage):
                    self._change(message, reply_to)
                case _:
                    super().handle_call(message, reply_to)
        except (Refused, NotRecorded) as refusal:
            reply_to.set_exception(refusal)
        return NO_REPLY

    def handle_cast(self, message: Any) -> None:
        """Reacts to the database's news and to ticks."""
        match message:
            case DatabaseReady():
                self._load()
            case Invalidate(kind, key):
                self._invalidate(kind, key)
            case CleanUp():
                self._memory.clean_up(self.system.clock.wall_ms())
            case _:
                super().handle_cast(message)

    def handle_info(self, message: Any) -> None:
        """Goes on with what waited for the reader or the journal."""
        match message:
            case ProfileRead(user_id):
                self._profile_read(user_id)
            case Committed(number):
                self._committed(number)
            case Load():
                self._load()
            case Loaded(reply):
                self._loaded(reply)
            case _:
                super().handle_info(message)

    def inspect_state(self) -> Mapping[str, Any]:
        """See `Actor`: sizes only, nobody's data."""
        memory = self._memory
        enforced, shadow = memory.policies.enforced, memory.policies.shadow
        return {
            "policy": {"id": enforced.id, "version": enforced.version},
            "shadow": None if shadow is None else {"id": shadow.id, "version": shadow.version},
            "loaded": memory.loaded,
            **memory.lists.sizes(),
            "profiles": len(memory.profiles),
            "reading": len(memory.reading),
            "committing": len(memory.committing),
            "live": memory.live.sizes(),
            "backfill": memory.backfill.sizes(),
        }

    def identity_of(self, message: Any) -> Any:
        """A check is the same whoever asks it again, and whenever."""
        message = self._suspect or (message.message if isinstance(message, Once) else message)
        if isinstance(message, CheckAction):
            return structs.replace(message, api_key_id="", received_s=0.0, idempotency=None)
        return message

    # Checks.

    def _check(self, request: CheckAction, reply_to: ReplyTo) -> None:
        """Decides at once, or asks for the profiles that are missing; imported events keep their order."""
        memory = self._memory
        if not memory.loaded:
            raise NotRecorded("trust and safety is still loading its state")
        missing = self._missing_profile(request)
        if missing is None and request.occurred_ms is None:
            self._decide(request, reply_to)
            return
        if memory.waiting + len(memory.imported) >= self._settings.pending_max:
            raise NotRecorded("too many checks are waiting for profiles")
        if request.occurred_ms is None:
            assert missing is not None
            self._read_profile(missing).append(Waiting(request, reply_to))
            memory.waiting += 1
            return
        memory.imported.append(Waiting(request, reply_to))
        if missing is not None:
            self._read_profile(missing)
        self._decide_imported()

    def _missing_profile(self, request: CheckAction) -> str | None:
        """Returns somebody whose profile the decision needs and memory does not hold."""
        profiles, subject_id = self._memory.profiles, request.subject_id
        if profiles.get(request.user_id) is None:
            return request.user_id
        return subject_id if subject_id is not None and profiles.get(subject_id) is None else None

    def _decide_imported(self) -> None:
        """Decides imported events from the head of their queue, as far as profiles are there."""
        imported = self._memory.imported
        while imported:
            missing = self._missing_profile(imported[0].request)
            if missing is not None:
                self._read_profile(missing)
                return
            waiting = imported.popleft()
            self._suspect = waiting.request
            try:
                self._decide(waiting.request, waiting.reply_to)
            except Refused as refusal:
                waiting.reply_to.set_exception(refusal)
            self._suspect = None

    def _decide(self, request: CheckAction, reply_to: ReplyTo) -> None:
        record = decide(self._memory, request, self.system.clock, self._ids)
        self._metrics.decided(record.row.decision)
        self.forward(JOURNAL, record, reply_to)

    # Profiles.

    def _read_profile(self, user_id: str) -> list[Waiting]:
        """Has a profile read unless it is under way; returns the checks that wait for it, to be joined."""
        reading = self._memory.reading.get(user_id)
        if reading is None:
            reply = self.call(READER, ReadProfile(user_id), READ_TIMEOUT_S)
            reading = self._memory.reading[user_id] = Reading(reply)
            self._follow_reading(user_id, reading)
        return reading.waiting

    def _follow_reading(self, user_id: str, reading: Reading) -> None:
        self._after(reading.reply, ProfileRead(user_id))

    def _profile_read(self, user_id: str) -> None:
        memory = self._memory
        reading = memory.reading.get(user_id)
        if reading is None or not reading.reply.is_settled:
            return
        del memory.reading[user_id]
        memory.waiting -= len(reading.waiting)
        try:
            row = reading.reply.result()
        except Exception as error:  # noqa: BLE001  (whatever kept the reader from answering, the checks get its name)
            why = error.why if isinstance(error, NotRead) else str(error)
            for waiting in (*reading.waiting, *memory.drop_imported(user_id)):
                waiting.reply_to.set_exception(NotRead(why))
        else:
            if not reading.outdated:
                memory.profiles.put(unknown_user(user_id) if row is None else profile_of(row))
            for waiting in reading.waiting:
                # As calls of their own: one that ends this actor takes no other along and is known when it comes again.
                deadline_s = getattr(waiting.reply_to, "deadline_s", None)
                self.system.ask(self.path, waiting.request, waiting.reply_to, deadline_s)
        self._decide_imported()

    # Changes.

    def _change(self, message: Any, reply_to: ReplyTo, keep: Callable[[Any], Any] | None = None) -> None:
        """Hands a change to the journal, with what keeps its answer; memory follows after the commit."""
        memory, wall_ms = self._memory, self.system.clock.wall_ms()
        try:
            change = plan_change(message, lambda: self._ids.next(wall_ms), wall_ms)
        except Invalid as invalid:
            raise Refused("invalid", f"{invalid.field} {invalid.reason}", field=invalid.field) from invalid
        except UNSTORABLE as unstorable:
            raise Refused("invalid", str(unstorable)) from unstorable
        if len(memory.committing) >= self._settings.pending_max:
            raise Refused("unavailable", "too many changes are waiting for the database", http_status=503)
        if change.adds_to is not None and not memory.has_room(change.adds_to):
            raise Refused("limit_reached", f"the list holds its {self._settings.entries_max} entries", http_status=409)
        then = None if keep is None else lambda rows: keep(change.answer(rows))
        reply = self.call(JOURNAL, Commit(change.statements, then), COMMIT_TIMEOUT_S)
        self._follow_commit(Committing(change, reply, reply_to))

    def _follow_commit(self, committing: Committing) -> None:
        number = next(self._numbers)
        self._memory.committing[number] = committing
        self._after(committing.reply, Committed(number))

    def _committed(self, number: int) -> None:
        memory = self._memory
        committing = memory.committing.get(number)
        if committing is None or not committing.reply.is_settled:
            return
        del memory.committing[number]
        change = committing.change
        try:
            rows = committing.reply.result()
        except Exception as error:  # noqa: BLE001  (the journal's error is the caller's answer)
            # It may have been committed all the same: what it touches is read again.
            self._forget(change)
            committing.reply_to.set_exception(change.refusal(error))
            return
        self._apply(change, rows)
        if self._loading is not None and change.lists_touched:
            memory.applied_while_loading.append((change, rows))
        if change.loads:
            self._load()
        committing.reply_to.set(change.answer(rows))

    def _apply(self, change: Change, rows: Any) -> None:
        self._memory.drop_profiles(*change.users)
        for notice in change.notices(rows):
            self._invalidate(*notice.split(":", 1))
        if change.added is not None and (added := change.added(rows)) is not None:
            self._memory.lists.add(*added)
        if change.removed is not None:
            self._memory.lists.remove(*change.removed)
        if change.stands is not None:
            self._memory.stand(*change.stands(rows))
        if change.reported is not None and (reported := change.reported(rows)) is not None:
            self._memory.lists.report(reported)
        for block_id in change.lifted(rows) if change.lifted is not None else ():
            self._memory.lists.remove("blocks", block_id)
        if change.dismissed is not None:
            self._memory.lists.dismiss(change.dismissed)

    def _forget(self, change: Change) -> None:
        self._memory.drop_profiles(*change.users)
        if change.lists_touched:
            self._load()

    def _invalidate(self, kind: str, key: str) -> None:
        match kind:
            case "user":
                self._memory.drop_profiles(key)
            case "all":
                self._memory.forget_profiles()
            case "blocks" | "allows" | "labels" | "flags" | "policies":
                self._load()

    # Loading.

    def _load(self) -> None:
        """Asks for lists, and after a cold start for the recent past; one load at a time."""
        if self._loading is not None:
            self._load_again = True
            return
        self._load_again = False
        self._memory.applied_while_loading.clear()
        now_ms = self.system.clock.wall_ms()
        cold = not self._memory.loaded
        question = ReadWarmStart(
            windows_since_ms=now_ms - WINDOWS_BACK_MS,
            signups_since_ms=now_ms - DAY_MS,
            rows_max=self._settings.warm_rows_max if cold else 0,
        )
        self._loading = reply = self.call(READER, question, WARM_READ_TIMEOUT_S)
        self._after(reply, Loaded(reply))

    def _loaded(self, reply: Reply[Any]) -> None:
        if reply is not self._loading:
            # Asked by the incarnation before: changes that were made since then are missing in it.
            return
        self._loading = None
        try:
            start: WarmStart = reply.result()
        except Exception as error:  # noqa: BLE001  (a reader that can't answer yet is asked again)
            del error
            self.status = "warming"
            self.send_after(WARM_RETRY_S, Load())
            return
        memory = self._memory
        try:
            memory.policies.stand_as(start.policies)
        except (Invalid, KeyError) as unreadable:
            # Better no decision than one by other rules than those that were put in force.
            self.status = f"the policy in force can't be read by this release: {unreadable}"
            self.send_after(WARM_READ_TIMEOUT_S, Load())
            return
        memory.lists = lists_of(start, self._settings.entries_max)
        for change, rows in memory.applied_while_loading:
            self._apply(change, rows)
        memory.applied_while_loading.clear()
        if not memory.loaded:
            restore(memory, start)
            memory.loaded = True
        memory.adopt_limits()
        self.status = None
        if self._load_again:
            self._load()

    def _after(self, reply: Reply[Any], message: Any) -> None:
        """Has `message` sent to whoever is here by then: this incarnation, or the one that adopted its work.

        Nobody awaits the reply, so its deadline is watched here: a question that was never answered must not leave
        those who wait for it waiting for ever.
        """
        system, path = self.system, self.path
        system.deadlines.add(reply)

        def tell() -> None:
            system.deadlines.waiting.discard(reply)
            actor = system.registry.whereis(path)
            if actor is not None:
                actor.tell_info(message)

        reply.on_settled(tell)
