"""What an exception in a handler means for its actor, by the exception's class. Pure."""

from collections.abc import Sequence
from typing import Literal

from viral_engine.runtime.exits import Exit

Directive = Literal["restart", "resume", "stop", "escalate"]
"""`restart`: by the child's restart type. `resume`: the message failed, the actor and its state live on. `stop`: it
ends and is not brought back. `escalate`: its supervisor ends."""

Decider = Sequence[tuple[type[Exception], Directive]]
"""The first entry whose class fits decides; none means `restart`."""


def directive_for(decider: Decider, error: BaseException | None) -> Directive:
    """Returns what this exception means."""
    for error_class, directive in decider:
        if isinstance(error, error_class):
            return directive
    return "restart"


def directive_of_exit(decider: Decider, exit_reason: Exit) -> Directive:
    """Returns what an end means for the supervisor: only a crash is decided by its exception."""
    return directive_for(decider, exit_reason.error) if exit_reason.kind == "crash" else "restart"
