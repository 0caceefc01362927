"""What a supervisor can be asked to do by hand, and what it answers (OTP's supervisor API).

An operation by hand never counts as a restart, is never retried, and touches no sibling.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from viral_engine.runtime.actor import Actor
    from viral_engine.runtime.spec import ChildSpec

Phase = Literal["stopped", "starting", "running", "restarting", "given_up"]


@dataclass(frozen=True, slots=True)
class StartChild:
    """Adds a child and starts it; answers `Started`, or None when its init ignored.

    A supervisor puts it last in its order and wants a name of its own for it. A dynamic supervisor without a template
    puts a number behind a name that is taken.
    """

    spec: ChildSpec


@dataclass(frozen=True, slots=True)
class StartDynamic:
    """Starts one more child from a dynamic supervisor's template; answers like `StartChild`.

    Attributes:
        name: last segment of its path; a number when None.
        args: put behind the template's own.
    """

    name: str | None = None
    args: tuple[Any, ...] = ()


@dataclass(frozen=True, slots=True)
class StartMany:
    """Starts many from a template at once: their inits run side by side.

    Answers a tuple in the same order: `Started`, None for one that ignored, or the error of one that did not start.
    """

    children: tuple[StartDynamic, ...]


@dataclass(frozen=True, slots=True)
class TerminateChild:
    """Stops a child; its specification stays unless it is temporary or its supervisor is dynamic.

    Attributes:
        child: its name, or for a dynamic supervisor the incarnation that is meant: a name might be the next one's.
    """

    child: str | Actor


@dataclass(frozen=True, slots=True)
class RestartChild:
    """Starts a stopped child; answers like `StartChild`."""

    name: str


@dataclass(frozen=True, slots=True)
class DeleteChild:
    """Forgets a stopped child."""

    name: str


@dataclass(frozen=True, slots=True)
class CycleChild:
    """Stops a child and starts it again in one step; answers like `StartChild`."""

    name: str


@dataclass(frozen=True, slots=True)
class WhichChildren:
    """Answers a tuple of `ChildInfo`, newest first; of a dynamic supervisor, oldest first."""


@dataclass(frozen=True, slots=True)
class CountChildren:
    """Answers a `ChildCount`."""


@dataclass(frozen=True, slots=True)
class GetChildSpec:
    """Answers the specification of a child."""

    name: str


@dataclass(frozen=True, slots=True)
class Started:
    """A child that runs; `extra` is what its init returned."""

    path: str
    actor: Actor
    extra: Any = None


@dataclass(frozen=True, slots=True)
class ChildInfo:
    """One line of `WhichChildren`; `actor` is None for a stopped and for a restarting child."""

    name: str
    actor: Actor | None
    phase: Phase
    is_supervisor: bool


@dataclass(frozen=True, slots=True)
class ChildCount:
    """How many children there are; stopped ones count as specs and by their kind.

    The template of a dynamic supervisor is its only spec.
    """

    specs: int
    active: int
    supervisors: int
    workers: int
