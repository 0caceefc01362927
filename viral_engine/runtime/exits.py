"""Why an incarnation ended: Erlang's exit reasons as data."""

from dataclasses import dataclass, field
from typing import Literal

ExitKind = Literal["normal", "shutdown", "killed", "crash"]


@dataclass(frozen=True, slots=True)
class Exit:
    """The reason an incarnation ended with.

    Attributes:
        kind: `normal` (it was done), `shutdown` (it was asked to), `killed` (it was not asked) or
            `crash` (everything else).
        detail: what `{shutdown, Detail}` or a crash carries; None when there is nothing to say.
        error: the exception behind a crash, for whoever wants its traceback.
    """

    kind: ExitKind
    detail: object = None
    error: BaseException | None = field(default=None, compare=False, repr=False)

    @property
    def is_clean(self) -> bool:
        """Whether a transient child that ended so stays down (OTP supervisor, restart type transient)."""
        return self.kind in ("normal", "shutdown")

    def __str__(self) -> str:
        if self.detail is None:
            return self.kind
        return str(self.detail) if self.kind == "crash" else f"{self.kind}: {self.detail}"


NORMAL = Exit("normal")
SHUTDOWN = Exit("shutdown")
KILLED = Exit("killed")


def crash(error: BaseException) -> Exit:
    """Returns the exit of an actor whose handler raised `error`."""
    text = str(error)
    return Exit("crash", f"{type(error).__name__}: {text}" if text else type(error).__name__, error)


@dataclass(frozen=True, slots=True)
class FailedToStart:
    """The detail of a supervisor's exit: which child did not start, and why; it nests with the supervisors."""

    path: str
    exit_reason: Exit

    def __str__(self) -> str:
        return f"{self.path} failed to start: {self.exit_reason}"


class Stop(Exception):
    """Raised in a handler or in `init`: end this incarnation with `exit_reason`."""

    def __init__(self, exit_reason: Exit = NORMAL) -> None:
        super().__init__(str(exit_reason))
        self.exit_reason = exit_reason


class Ignore(Exception):
    """Raised in `init`: there is nothing to run; the start succeeds without a process (OTP's `ignore`)."""
