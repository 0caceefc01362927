"""Exit reasons and errors of the runtime as the terms that OTP has for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from viral_engine.runtime.errors import (
    ActorExited,
    AddressedByIncarnation,
    CallTimeout,
    ChildAlreadyPresent,
    ChildLimitReached,
    ChildNotFound,
    ChildRestarting,
    ChildRunning,
    NameTaken,
    NoSuchActor,
)
from viral_engine.runtime.exits import KILLED, NORMAL, SHUTDOWN, Exit, FailedToStart

from .terms import Term

if TYPE_CHECKING:
    from collections.abc import Callable

    Label = Callable[[object], str]
    """Names incarnations as the cases print them."""

_PLAIN = {"normal": NORMAL, "shutdown": SHUTDOWN, "killed": KILLED}

_REFUSALS: dict[type[BaseException], str] = {
    ChildNotFound: "not_found",
    ChildAlreadyPresent: "already_present",
    ChildRunning: "running",
    ChildRestarting: "restarting",
    ChildLimitReached: "max_children",
    AddressedByIncarnation: "simple_one_for_one",
}


class Failure(Exception):
    """What a scripted worker fails with.

    Attributes:
        reason: what its supervisor gets to see.
        shown: what the log says; the reason unless the start function did something to it.
    """

    def __init__(self, reason: Term, shown: Term = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.shown = reason if shown is None else shown


def exit_of(reason: Term) -> Exit:
    """Returns how the runtime says that an actor ended with this reason."""
    match reason:
        case str() if reason in _PLAIN:
            return _PLAIN[reason]
        case ("shutdown", detail):
            return Exit("shutdown", detail)
        case _:
            return Exit("crash", reason)


def reason_of(exit_reason: Exit, label: Label) -> Term:
    """Returns the reason that OTP would have given; `label` names incarnations."""
    detail: Term = exit_reason.detail
    match exit_reason.error:
        case Failure() as failure:
            return failure.reason
        case NameTaken() as taken:
            return ("already_started", label(taken.holder))
        case _:
            pass
    if isinstance(detail, FailedToStart):
        detail = ("failed_to_start_child", detail.path.rpartition("/")[2], reason_of(detail.exit_reason, label))
    if exit_reason.kind == "crash":
        return detail
    return exit_reason.kind if detail is None else (exit_reason.kind, detail)


def refusal_of(error: BaseException) -> str | None:
    """Returns the word with which a supervisor refuses an operation; None when it is not one of its refusals."""
    return _REFUSALS.get(type(error))


def call_failure_of(error: BaseException, label: Label) -> Term:
    """Returns the reason with which a call exits in its caller."""
    match error:
        case NoSuchActor():
            return "noproc"
        case CallTimeout():
            return "timeout"
        case ActorExited():
            return reason_of(error.exit_reason, label)
        case _:
            return str(error)
