"""Large texts, one after the other in one process, bounded in number and in time."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Mapping
from typing import Any

import msgspec

from viral_engine.actors.growth.redaction.worker_process import WorkerDied, WorkerHung, WorkerProcess
from viral_engine.messages.redaction import Redact, RedactionAnswer
from viral_engine.messages.refusals import Refused
from viral_engine.runtime.clock import Clock

WAITING_MAX = 4
"""Large texts that wait for the process; one more is refused with 503 and asked again by whoever can wait."""

WORK_S_MAX = 15.0
"""A text of 256 KiB takes five seconds at worst. At the limit the process is killed, the text refused with 422, and
nothing of it comes back: a text that was looked at by half is not redacted."""

IDLE_S = 60.0
"""Then the process is ended: it holds 40 MB for what comes rarely."""

JOIN_S = 0.2

_Job = tuple[Redact, Any]


def busy() -> Refused:
    """Returns the refusal of a text for which there is no room, or no process any more."""
    return Refused("unavailable", "large texts can't be redacted right now; ask again", http_status=503)


def too_hard() -> Refused:
    """Returns the refusal of a text that took too long."""
    return Refused("not_redacted", "the content could not be redacted in time; cut it into parts", field="content")


class LargeTexts:
    """A thread that feeds the process and answers.

    Args:
        name: the thread's.
        clock: tells whether somebody still waits for an answer.
    """

    def __init__(self, name: str, clock: Clock) -> None:
        self._name = name
        self._clock = clock
        self._worker = WorkerProcess()
        self._changed = threading.Condition()
        self._waiting: deque[_Job] = deque()
        self._closed = False
        self._thread: threading.Thread | None = None
        self._done = 0
        self._killed = 0

    def submit(self, message: Redact, reply_to: Any) -> None:
        """Has the text redacted and `reply_to` answered, whatever happens."""
        with self._changed:
            if not self._closed and len(self._waiting) < WAITING_MAX:
                self._waiting.append((message, reply_to))
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name=f"{self._name}: large texts", daemon=True)
                    self._thread.start()
                self._changed.notify()
                return
        reply_to.set_exception(busy())

    def abort(self) -> None:
        """Ends everything without waiting; whoever waits is refused."""
        with self._changed:
            self._closed = True
            waiting, self._waiting = self._waiting, deque()
            self._changed.notify()
        self._worker.kill()
        for _, reply_to in waiting:
            reply_to.set_exception(busy())

    def close(self) -> None:
        """Ends everything and waits for the thread, which has nothing left to wait for."""
        self.abort()
        if self._thread is not None:
            self._thread.join(JOIN_S)

    def state(self) -> Mapping[str, Any]:
        """Returns numbers."""
        return {
            "large_waiting": len(self._waiting),
            "large_done": self._done,
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
            return None if self._closed else self._waiting.popleft()

    def _has_work(self) -> bool:
        return self._closed or bool(self._waiting)

    def _answer(self, message: Redact, reply_to: Any) -> None:
        try:
            encoded = self._worker.ask(msgspec.msgpack.encode(message), WORK_S_MAX)
            answer = msgspec.msgpack.decode(encoded, type=RedactionAnswer)
        except WorkerHung:
            self._killed += 1
            reply_to.set_exception(too_hard())
        except (WorkerDied, OSError, msgspec.MsgspecError):
            self._worker.end()
            reply_to.set_exception(busy())
        else:
            self._done += 1
            reply_to.set(answer)
