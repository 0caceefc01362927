"""Texts worked on aside: one after the other in one process, bounded in number and in time."""

from __future__ import annotations

import math
import threading
from collections import deque
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from viral_engine.messages.refusals import Refused
from viral_engine.runtime.errors import ActorExited
from viral_engine.runtime.exits import KILLED
from viral_engine.texts.worker_process import WorkerDied, WorkerHung, WorkerProcess

if TYPE_CHECKING:
    from collections.abc import Mapping

    from viral_engine.runtime.clock import Clock
    from viral_engine.texts.work import Question

IDLE_S = 60.0
"""Then the process is ended: it holds 40 MB for what may come rarely."""

JOIN_S = 0.2

_Job = tuple[Any, Any]


TRIES_MAX = 2
"""Processes that a text may see die: the first may have died before it, of nothing that is in it."""


class Refusals(Protocol):
    """What a caller is told whose text was not worked on."""

    def __call__(self, *, hung: bool) -> Refused:
        """Returns the refusal of a text that took too long, or for which there is no room or no process any more."""


class TextsAside:
    """A thread that feeds the process and answers.

    Args:
        name: the actor's path.
        clock: tells whether somebody still waits for an answer.
        answer_type: of what the process answers.
        waiting_max: texts that wait for the process; one more is refused at once.
        work_s_max: seconds that the process gets for one text; then it is killed, and nothing of the text comes back.
        refusals: what callers are told.
    """

    def __init__(
        self, name: str, clock: Clock, answer_type: type, *, waiting_max: int, work_s_max: float, refusals: Refusals
    ) -> None:
        self._name = name
        self._clock = clock
        self._answer_type = answer_type
        self._waiting_max = waiting_max
        self._work_s_max = work_s_max
        self._refusals = refusals
        self._worker = WorkerProcess()
        self._changed = threading.Condition()
        # By whoever they are of, who take turns.
        self._waiting: dict[str, deque[_Job]] = {}
        self._count = 0
        self._closed = False
        self._thread: threading.Thread | None = None
        self._done = 0
        self._killed = 0

    def submit(self, message: Question, reply_to: Any) -> None:
        """Has the text worked on and `reply_to` answered, whatever happens."""
        with self._changed:
            if not self._closed and self._count < self._waiting_max:
                self._waiting.setdefault(getattr(message, "user_id", ""), deque()).append((message, reply_to))
                self._count += 1
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name=f"{self._name}: texts", daemon=True)
                    self._thread.start()
                self._changed.notify()
                return
        reply_to.set_exception(self._refusals(hung=False))

    def abort(self) -> None:
        """Ends everything without waiting; whoever waits hears that the actor ended, and may ask the next one."""
        with self._changed:
            self._closed = True
            waiting = [job for jobs in self._waiting.values() for job in jobs]
            self._waiting.clear()
            self._count = 0
            self._changed.notify()
        self._worker.kill()
        for _, reply_to in waiting:
            reply_to.set_exception(self._ended())

    def close(self) -> None:
        """Ends everything and waits for the thread, which has nothing left to wait for."""
        self.abort()
        if self._thread is not None:
            self._thread.join(JOIN_S)

    def state(self) -> Mapping[str, Any]:
        """Returns numbers."""
        return {
            "texts_waiting": self._count,
            "texts_done": self._done,
            "workers_killed": self._killed,
            "worker_pid": self._worker.pid,
        }

    def _run(self) -> None:
        try:
            while (job := self._next()) is not None:
                message, reply_to = job
                deadline_s = getattr(reply_to, "deadline_s", None)
                if (math.inf if deadline_s is None else deadline_s) > self._clock.monotonic_s():
                    self._answer(message, reply_to)
        finally:
            self._worker.end()

    def _next(self) -> _Job | None:
        """Returns the next text; None when there will be none."""
        with self._changed:
            if not self._changed.wait_for(self._has_work, IDLE_S):
                self._worker.end()
                self._changed.wait_for(self._has_work)
            return None if self._closed else self._next_in_turn()

    def _next_in_turn(self) -> _Job:
        user = next(iter(self._waiting))
        jobs = self._waiting.pop(user)
        job = jobs.popleft()
        if jobs:
            self._waiting[user] = jobs
        self._count -= 1
        return job

    def _has_work(self) -> bool:
        return self._closed or bool(self._waiting)

    def _answer(self, message: Question, reply_to: Any) -> None:
        try:
            encoded = self._ask(msgspec.msgpack.encode(message))
            answer: Any = msgspec.msgpack.decode(encoded, type=self._answer_type)
        except WorkerHung:
            self._killed += 1
            reply_to.set_exception(self._refusals(hung=True))
        except Exception:  # noqa: BLE001  (whatever one text makes of it: the next one is worked on)
            self._worker.end()
            reply_to.set_exception(self._ended() if self._closed else self._refusals(hung=False))
        else:
            self._done += 1
            reply_to.set(answer)

    def _ask(self, question: bytes) -> bytes:
        for _ in range(TRIES_MAX - 1):
            try:
                return self._worker.ask(question, self._work_s_max)
            except WorkerDied:
                continue
        return self._worker.ask(question, self._work_s_max)

    def _ended(self) -> ActorExited:
        """A text that was looked at by half can be looked at again: nothing is kept of it."""
        return ActorExited(self._name, KILLED, begun=False)
