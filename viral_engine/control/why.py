"""Answers an operator's first question in one sentence: why is it not running, or what holds it up? Pure."""

from __future__ import annotations

from viral_engine.control.context import Act
from viral_engine.runtime.snapshot import Node

BUSY_NOTABLE_S = 1.0
OLDEST_NOTABLE_S = 1.0


def sentence(node: Node, ancestors: tuple[Node, ...], act: Act | None) -> str:
    """Explains the state of a node.

    Args:
        node: the actor.
        ancestors: its supervisors, the root first.
        act: what an operator last did to it, when that is known.
    """
    path = node.path
    last = f" Its last end: {node.last_exit.reason}." if node.last_exit is not None else ""
    match node.state:
        case "running":
            return f"{path} is running{_holdup(node)}."
        case "suspended":
            return (
                f"{path} is suspended{_by(act, 'suspend')}: {node.depth} messages wait; `resume {path}` lets it go on."
            )
        case "starting":
            return f"{path} is starting: its init has not returned yet.{last}"
        case "restarting":
            return f"{path} is being restarted: its last start failed and its supervisor tries again.{last}"
        case "given_up":
            return (
                f"{path} gave up alone after more restarts than its supervisor allows;"
                f" it is tried again every 5 minutes, or now by `restart {path}`.{last}"
            )
        case _:
            return _stopped(node, ancestors, act) + last


def _stopped(node: Node, ancestors: tuple[Node, ...], act: Act | None) -> str:
    path = node.path
    for above in reversed(ancestors):
        if above.state in ("given_up", "stopped", "restarting", "ended"):
            return f"{path} is not running because its supervisor {above.path} is {above.state.replace('_', ' ')}."
    if act is not None and act.verb == "stop":
        return f"{path} was stopped{_by(act, 'stop')}; `restart {path}` starts it."
    if node.last_exit is None:
        return f"{path} is not running: its init had nothing to do, or its start failed; `restart {path}` tries it."
    return (
        f"{path} has ended and its restart type keeps it down, or it was stopped by hand; `restart {path}` starts it."
    )


def _holdup(node: Node) -> str:
    waiting = f"{node.depth} messages wait"
    if node.oldest_age_s is not None:
        waiting += f", the oldest for {node.oldest_age_s:.1f} s"
    if node.busy_s is not None and node.busy_s >= BUSY_NOTABLE_S:
        return f" but has been in one handler for {node.busy_s:.1f} s ({node.current_message or 'a batch'}); {waiting}"
    if node.oldest_age_s is not None and node.oldest_age_s >= OLDEST_NOTABLE_S:
        return f" but behind: {waiting}"
    word = f" ({node.status})" if node.status else ""
    return f"{word}; {waiting}" if node.depth else f"{word} and idle" if node.busy_s is None else f"{word} and working"


def _by(act: Act | None, verb: str) -> str:
    if act is None or act.verb != verb:
        return ""
    return f" by hand (uid {act.uid}: {act.reason})" if act.reason else f" by hand (uid {act.uid})"
