"""The entries of `history.jsonl` and how they are read: by the daemon, and by the CLI when there is no daemon."""

from __future__ import annotations

from collections import deque
from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec

from viral_engine.telemetry.rotating import files_of

HISTORY_FILE = "history.jsonl"
ENTRIES_MAX = 1_000
"""Entries of one answer, the newest ones."""

Kind = Literal["crash", "killed", "gave_up", "dead_letter", "thread_abandoned", "loop_blocked"]

ASIDE: frozenset[Kind] = frozenset({"thread_abandoned", "loop_blocked"})
"""Kinds that accompany a kill or concern no actor; shown on request, so that one kill is one entry."""


class Begun(msgspec.Struct, frozen=True):
    """A message that the actor had begun with."""

    message_type: str
    at: str


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One crash, kill, give-up or dead letter.

    Attributes:
        time: ISO 8601 in UTC.
        reason: what ended it, in words.
        killed_for: the reason that whoever killed it gave.
        message_type: the type of the message that was being handled.
        killer: after a crash that message in words: what is personal in it is hidden.
        recent: the last messages that it had begun with, oldest first; None where nobody knows.
        up_s: how long the incarnation had lived; None when its start failed.
        during: `start` when the incarnation never passed its init.
    """

    time: str
    path: str
    reason: str
    kind: Kind
    killed_for: str | None = None
    message_type: str | None = None
    killer: str | None = None
    recent: list[Begun] | None = None
    incarnation: int | None = None
    up_s: float | None = None
    during: Literal["start"] | None = None
    traceback: str | None = None


def read(
    data_dir: Path,
    path: str | None = None,
    since_s: float | None = None,
    *,
    aside: bool = False,
    only: Kind | None = None,
    limit: int = ENTRIES_MAX,
) -> list[Entry]:
    """Returns entries, oldest first, at most the newest `limit`.

    Args:
        data_dir: the data folder.
        path: only this actor and what lies below it; None or `/` is everything.
        since_s: seconds since 1970.
        aside: also the kinds in `ASIDE`.
        only: this kind and no other.
        limit: how many.
    """
    found: deque[Entry] = deque(maxlen=limit)
    prefix = None if path in (None, "/") else f"{path}/"
    for file in files_of(data_dir / HISTORY_FILE):
        try:
            with file.open("rb") as lines:
                for line in lines:
                    entry = _decode(line)
                    if (
                        entry is not None
                        and (entry.kind == only if only else aside or entry.kind not in ASIDE)
                        and (prefix is None or entry.path == path or entry.path.startswith(prefix))
                        and (since_s is None or _seconds(entry.time) >= since_s)
                    ):
                        found.append(entry)
        except FileNotFoundError:
            continue
    return list(found)


def last_of(data_dir: Path, path: str) -> Entry | None:
    """Returns the newest crash or kill of this very actor; looks from the end on."""
    named = msgspec.json.encode(path)
    for file in reversed(files_of(data_dir / HISTORY_FILE)):
        try:
            lines = file.read_bytes().splitlines()
        except FileNotFoundError:
            continue
        for line in reversed(lines):
            entry = _decode(line) if named in line else None
            if entry is not None and entry.path == path and entry.kind in ("crash", "killed"):
                return entry
    return None


_decoder = msgspec.json.Decoder(Entry)


def _decode(line: bytes) -> Entry | None:
    """Skips what is no entry: a line that a power cut tore, or one of a newer version."""
    try:
        return _decoder.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _seconds(at: str) -> float:
    try:
        return datetime.fromisoformat(at).timestamp()
    except ValueError:
        return 0.0
