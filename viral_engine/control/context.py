"""What main() gives to the control actor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from viral_engine.control.listener import Listener


@dataclass(frozen=True, slots=True)
class Act:
    """Something an operator did to the tree.

    Attributes:
        at_ms: milliseconds since 1970.
        uid: the user who asked, as the kernel knows it.
        pid: their process.
    """

    at_ms: int
    verb: str
    path: str
    reason: str | None
    uid: int
    pid: int


def _no_audit(_act: Act) -> None:
    return


def _no_readiness() -> Mapping[str, Any]:
    return {"ready": True, "reasons": []}


def _no_flush() -> None:
    return


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlContext:
    """The one spec argument of the control actor.

    Attributes:
        listener: bound by main, closed by main after the tree is down.
        data_dir: where the history lies.
        url: of the HTTP side, for the header of `tree`.
        version: of the program.
        started_ms: start of the daemon, milliseconds since 1970.
        readiness: what `/readyz` says: `ready` (bool), and `reasons` and `remarks` that the tree does not show; must
            not wait for an actor.
        audit: is told of an act before it is done; must hand it on without waiting. When it raises, the act is
            done and logged all the same: an operator who stops a runaway part must not depend on the journal,
            which may be the very part that hangs.
        letters_waiting: how many dead letters are not in the database yet.
        dev: whether this is a daemon for trials, which lets an operator break it.
        flush_history: makes entries that are still queued readable; bounded by the callee.
    """

    listener: Listener
    data_dir: Path
    url: str
    version: str
    started_ms: int
    readiness: Callable[[], Mapping[str, Any]] = _no_readiness
    audit: Callable[[Act], None] = _no_audit
    letters_waiting: Callable[[], int] = lambda: 0
    flush_history: Callable[[], object] = _no_flush
    dev: bool = False
