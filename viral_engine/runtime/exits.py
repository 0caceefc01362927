"""Why an incarnation ended: Erlang's exit reasons as data."""

from dataclasses import dataclass, field
from typing import Literal, get_args

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

    def __post_init__(self) -> None:
        if self.kind not in get_args(ExitKind):
            raise ValueError(f"{self.kind!r} is no kind of exit: {', '.join(get_args(ExitKind))}")

    @property
    def is_clean(self) -> bool:
        """Whether a transient child that ended so stays down (OTP supervisor, restart type transient)."""
        return self.kind in ("normal", "shutdown")

    def __str__(self) -> str:
        if self.detail is None:
            return self.kind
        try:
            words = str(self.detail)
        except BaseException:  # noqa: BLE001  (whoever waits for the actor is told this, whatever an author put there)
            words = type(self.detail).__name__
        return words if self.kind == "crash" or isinstance(self.detail, FailedToStart) else f"{self.kind}: {words}"


NORMAL = Exit("normal")
SHUTDOWN = Exit("shutdown")
KILLED = Exit("killed")


def an_exit(exit_reason: object) -> Exit:
    """Returns an exit reason.

    Raises:
        TypeError: that is none.
    """
    if not isinstance(exit_reason, Exit):
        raise TypeError(f"an Exit is needed, such as Exit('shutdown', 'why'), not {type(exit_reason).__name__}")
    return exit_reason


def crash(error: BaseException) -> Exit:
    """Returns the exit of an actor whose handler raised `error`."""
    name = type(error).__name__
    try:
        text = str(error)
    except BaseException:  # noqa: BLE001  (an error that can't say what it is must not keep an actor from ending)
        return Exit("crash", f"{name} (its words can't be told)", error)
    return Exit("crash", f"{name}: {text}" if text else name, error)


@dataclass(frozen=True, slots=True)
class FailedToStart:
    """The detail of a supervisor's exit: which child did not start, and why; it nests with the supervisors."""

    path: str
    exit_reason: Exit

    def __str__(self) -> str:
        return f"{self.path} failed to start: {self.exit_reason}"


class Stop(Exception):
    """Raised in a handler or in `init`: end this incarnation with `exit_reason`.

    Raises:
        TypeError: that is no `Exit`: say `Stop(Exit("shutdown", "the disk is full"))`.
    """

    def __init__(self, exit_reason: Exit = NORMAL) -> None:
        super().__init__(str(an_exit(exit_reason)))
        self.exit_reason = exit_reason


class Ignore(Exception):
    """Raised in `init`: there is nothing to run; the start succeeds without a process (OTP's `ignore`)."""
