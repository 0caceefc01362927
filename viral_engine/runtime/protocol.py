"""What actors, their supervisors and the runtime tell each other, beside what users send."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from viral_engine.runtime.exits import SHUTDOWN, Exit

if TYPE_CHECKING:
    from viral_engine.runtime.dead_letters import Suspects
    from viral_engine.runtime.incarnation import Incarnation
    from viral_engine.runtime.reply import Reply
    from viral_engine.runtime.spec import ChildSpec
    from viral_engine.runtime.system import System

Verb = Literal["shut_down", "suspend", "resume", "get_state", "ping"]


class NoReply:
    """The type of `NO_REPLY`, the one value of it that is ever used."""

    __slots__ = ()


NO_REPLY: Final = NoReply()
"""Returned by `handle_call` when somebody else answers, now or later."""


class Abortable(Protocol):
    """A resource that a killed incarnation may still be using."""

    def abort(self) -> None:
        """Makes every use of the resource fail; called from the killer's thread."""


class Kept:
    """State that outlives incarnations of the same name.

    `value` is None until an incarnation sets it. The supervisor throws it away after two crashes in a row and
    when a hung thread may still write to it.
    """

    __slots__ = ("crashes_in_a_row", "value")

    def __init__(self) -> None:
        self.value: Any = None
        self.crashes_in_a_row = 0


@dataclass(frozen=True, slots=True)
class Down:
    """A monitored actor ended, or was not there (`exit_reason` None, Erlang's `noproc`)."""

    monitor: int
    path: str
    exit_reason: Exit | None


@dataclass(frozen=True, slots=True)
class ChildEnded:
    """For a supervisor: this incarnation of a child ended by itself."""

    actor: Incarnation
    exit_reason: Exit


@dataclass(frozen=True, slots=True)
class StopRequested:
    """For a supervisor: pykka's `stop()` was called on this incarnation of a child."""

    actor: Incarnation


@dataclass(frozen=True, slots=True)
class Order:
    """A message of the runtime to one incarnation, handled before all that users sent."""

    verb: Verb
    reply: Reply[Any]
    exit_reason: Exit = SHUTDOWN


@dataclass(frozen=True, slots=True)
class Context:
    """What an incarnation is born with."""

    system: System
    path: str
    incarnation: int
    spec: ChildSpec
    args: tuple[Any, ...]
    kept: Kept
    suspects: Suspects
    supervisor: Incarnation | None
