"""One line for each crash and each kill, kept across restarts of the daemon: `history.jsonl` in the data folder."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from viral_engine.runtime.discretion import traceback_of, words_of
from viral_engine.runtime.events import (
    ActorEnded,
    ActorStartFailed,
    ChildGaveUp,
    LoopBlocked,
    MessageDeadLettered,
    SupervisorGaveUp,
    ThreadAbandoned,
)
from viral_engine.telemetry.hand_over import HandOver
from viral_engine.telemetry.history_file import HISTORY_FILE, Begun, Entry, Kind
from viral_engine.telemetry.personal import mask_text
from viral_engine.telemetry.rotating import RotatingFile

if TYPE_CHECKING:
    from pathlib import Path

    from viral_engine.runtime.events import Event
    from viral_engine.runtime.exits import Exit

SIZE_BYTES_MAX = 10 * 1024 * 1024
TRACEBACK_BYTES_MAX = 8 * 1024
REASON_CHARACTERS_MAX = 1_000


@dataclass(frozen=True, slots=True)
class _Happened:
    """An event with the time at which it was told, in seconds since 1970."""

    at_s: float
    event: Event


class History:
    """A listener on `runtime.events`. It only notes the time and queues: the writing is another thread's work.

    A disk that is full or gone loses entries, which are counted, and never holds up a restart.
    """

    def __init__(self, data_dir: Path, size_bytes_max: int = SIZE_BYTES_MAX) -> None:
        self._file = RotatingFile(data_dir / HISTORY_FILE, size_bytes_max)
        self._hand_over: HandOver[_Happened] = HandOver("history", self._write)

    def __call__(self, event: Event) -> None:
        """Takes an event; those that are no entry are left at once."""
        match event:
            case ActorEnded() | ActorStartFailed() if event.exit_reason.is_clean:
                return
            case ActorEnded() | ActorStartFailed() | SupervisorGaveUp() | ChildGaveUp() | MessageDeadLettered():
                self._hand_over.put(_Happened(time.time(), event))
            case ThreadAbandoned() | LoopBlocked():
                self._hand_over.put(_Happened(time.time(), event))

    @property
    def lost(self) -> int:
        """Entries that could not be queued or written."""
        return self._hand_over.dropped + self._hand_over.failed

    def flush(self, timeout_s: float = 1.0) -> bool:
        """Waits until what happened so far is in the file; False when the time was up."""
        return self._hand_over.flush(timeout_s)

    def close(self, timeout_s: float = 5.0) -> None:
        """Writes what is queued and ends."""
        if self._hand_over.close(timeout_s):
            self._file.close()

    def _write(self, happened: _Happened) -> None:
        entry = entry_of(happened.event, happened.at_s)
        if entry is not None:
            self._file.write_line(msgspec.json.encode(entry))


def entry_of(event: Event, at_s: float) -> Entry | None:
    """Returns the entry for an event, None when it is none: clean ends, starts, drops."""
    at = _text_of(at_s)
    match event:
        case ActorEnded(path, incarnation, exit_reason, message_type, killed_for, up_s) if not exit_reason.is_clean:
            details: dict[str, Any] = {"message_type": message_type, "up_s": round(up_s, 3)}
            details["killer"] = mask_text(event.killer) if event.killer is not None else None
            details["recent"] = [Begun(seen.message_type, _text_of(seen.at_ms / 1_000)) for seen in event.recent]
            if exit_reason.kind == "killed":
                details["killed_for"] = _short(killed_for) if killed_for else None
            return _ended(at, path, incarnation, exit_reason, details)
        case ActorStartFailed(path, incarnation, exit_reason) if not exit_reason.is_clean:
            return _ended(at, path, incarnation, exit_reason, {"message_type": None, "up_s": None, "during": "start"})
        case SupervisorGaveUp(path, child, restarts, window_s):
            reason = f"{child} needed more than {restarts} restarts in {window_s:g} s"
            return Entry(time=at, path=path, reason=reason, kind="gave_up")
        case ChildGaveUp(path, retry_s):
            reason = f"it needed more restarts than its supervisor allows; tried again every {retry_s:g} s"
            return Entry(time=at, path=path, reason=reason, kind="gave_up")
        case MessageDeadLettered(path, message_type, message, error):
            reason = f"it ended three incarnations in a row and is refused from now on: {error_class(error)}"
            words = mask_text(message)
            return Entry(time=at, path=path, reason=reason, kind="dead_letter", message_type=message_type, killer=words)
        case ThreadAbandoned(path, incarnation, abandoned_threads):
            reason = f"its thread hangs in a handler and was left behind; {abandoned_threads} such threads now"
            return Entry(time=at, path=path, reason=reason, kind="thread_abandoned", incarnation=incarnation)
        case LoopBlocked(lag_s, stack):
            reason = f"the event loop has not turned for {lag_s:.1f} s"
            return Entry(time=at, path="loop", reason=reason, kind="loop_blocked", traceback=_bounded(stack))
        case _:
            return None


def _ended(at: str, path: str, incarnation: int, exit_reason: Exit, details: dict[str, Any]) -> Entry:
    reason = _short(words_of(exit_reason))
    if killed_for := details.get("killed_for"):
        reason = f"killed: {killed_for}"
    trace = None
    if exit_reason.error is not None:
        trace = _bounded(traceback_of(exit_reason.error))
    kind: Kind = "killed" if exit_reason.kind == "killed" else "crash"
    return Entry(time=at, path=path, reason=reason, kind=kind, incarnation=incarnation, traceback=trace, **details)


def error_class(error: str) -> str:
    """Returns the class of an error in words: the words themselves may quote what the handler was given."""
    return error.partition(":")[0]


def _text_of(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _short(text: str) -> str:
    return mask_text(text[:REASON_CHARACTERS_MAX])


def _bounded(trace: str) -> str:
    """Keeps the end, where the error is."""
    return mask_text(trace).encode(errors="replace")[-TRACEBACK_BYTES_MAX:].decode(errors="ignore")
