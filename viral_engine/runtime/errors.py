"""Every error of the runtime.

ActorError
├── CallError                  a call that got no answer; `begun` tells whether it may have had effects
│   ├── NoSuchActor            nothing has this name now: never delivered
│   ├── ActorExited            the actor ended before it answered
│   ├── CallTimeout            no answer in time
│   ├── MailboxFull            refused at the mailbox's limit: never delivered
│   ├── HandlerFailed          the handler raised, and the actor lives on (`Worker.decider`: resume)
│   └── DeadLetter             refused: this message ended three incarnations in a row
├── WouldBlockLoop             a blocking wait on the event loop
├── UnhandledMessage           an actor got a message that it has no handler for
├── NameTaken                  another actor holds the name
├── StartFailed                an init raised or asked to stop; carries the exit reason
├── InvalidSpec                a specification that no supervisor can carry out
└── ChildError                 an operation by hand that the child's state does not allow
    ├── ChildNotFound
    ├── ChildAlreadyPresent
    ├── ChildAlreadyStarted
    ├── ChildRunning
    ├── ChildRestarting
    ├── ChildLimitReached
    └── AddressedByIncarnation a dynamic supervisor's child was addressed by name
"""

import pykka

from viral_engine.runtime.exits import Exit


class ActorError(Exception):
    """Base of all errors that the runtime raises."""


class CallError(ActorError):
    """A call that ended without an answer.

    Attributes:
        path: the name that was called.
        begun: False when the handler certainly never saw the message, so that sending it again is safe.
    """

    def __init__(self, message: str, *, path: str, begun: bool) -> None:
        super().__init__(message)
        self.path = path
        self.begun = begun


class NoSuchActor(CallError, pykka.ActorDeadError):
    """Nothing is registered under the name (Erlang's `noproc`)."""

    def __init__(self, path: str) -> None:
        # A name without a slash is one that an actor registered; most who spell a path so forgot the slash.
        hint = "" if "/" in path else ", and no actor registered that name: paths begin with a slash"
        super().__init__(f"no actor is running at {path}{hint}", path=path, begun=False)


class ActorExited(CallError, pykka.ActorDeadError):
    """The actor ended while the call was queued or in its handler."""

    def __init__(self, path: str, exit_reason: Exit, *, begun: bool) -> None:
        when = "while handling" if begun else "before handling"
        super().__init__(f"{path} ended {when} the call: {exit_reason}", path=path, begun=begun)
        self.exit_reason = exit_reason
        # So that a traceback shows where it went wrong, not only who heard of it.
        self.__cause__ = exit_reason.error


class CallTimeout(CallError, pykka.Timeout):
    """The caller's time was up. The message is not executed any more if it was still queued."""

    def __init__(self, path: str, timeout_s: float) -> None:
        super().__init__(f"{path} gave no answer within {timeout_s:g} s", path=path, begun=True)
        self.timeout_s = timeout_s


class MailboxFull(CallError):
    """The mailbox was at its limit, so the message was refused."""

    def __init__(self, path: str, capacity: int) -> None:
        super().__init__(f"the mailbox of {path} is full ({capacity} messages)", path=path, begun=False)
        self.capacity = capacity


class HandlerFailed(CallError):
    """The handler raised, which by the actor's decider is no reason to end; `error` is what it raised."""

    def __init__(self, path: str, error: BaseException) -> None:
        super().__init__(f"{path} could not handle the call: {type(error).__name__}", path=path, begun=True)
        self.error = error


class DeadLetter(CallError):
    """The message ended three incarnations in a row and is not given to another one."""

    def __init__(self, path: str, message: object) -> None:
        kind = type(message).__name__
        super().__init__(f"this {kind} ended {path} three times in a row and is refused", path=path, begun=False)


class WouldBlockLoop(ActorError):
    """`Reply.get()` was called on the event loop, where waiting would stall every loop actor."""

    def __init__(self, path: str) -> None:
        super().__init__(f"waiting for {path} would block the event loop: await the reply instead")


class UnhandledMessage(ActorError):
    """The actor has no handler for this message: a mistake of the sender's code, and a crash (ADR 0008)."""

    def __init__(self, path: str, message: object) -> None:
        super().__init__(f"{path} does not know {type(message).__name__}")


class NameTaken(ActorError):
    """Another live actor, `holder`, is registered under the name (Erlang's `already_started`)."""

    def __init__(self, path: str, holder: object = None) -> None:
        super().__init__(f"{path} is already running")
        self.path = path
        self.holder = holder


class StartFailed(ActorError):
    """An actor did not start.

    Attributes:
        path: the actor that failed, which may lie deep below the supervisor that was started.
        exit_reason: what its init ended with.
    """

    def __init__(self, path: str, exit_reason: Exit) -> None:
        super().__init__(f"{path} did not start: {exit_reason}")
        self.path = path
        self.exit_reason = exit_reason


class InvalidSpec(ActorError):
    """A specification contradicts itself; `field` names where."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field


class ChildError(ActorError):
    """An operation by hand that cannot be done to this child now."""

    def __init__(self, path: str, situation: str) -> None:
        super().__init__(f"{path} {situation}")
        self.path = path


class ChildNotFound(ChildError):
    """The supervisor has no child of that name."""

    def __init__(self, path: str) -> None:
        super().__init__(path, "is not a child of its supervisor")


class ChildAlreadyPresent(ChildError):
    """A stopped child of that name is there: restart or delete it."""

    def __init__(self, path: str) -> None:
        super().__init__(path, "is present already, but not running")


class ChildAlreadyStarted(ChildError):
    """A child of that name is running."""

    def __init__(self, path: str) -> None:
        super().__init__(path, "is running already")


class ChildRunning(ChildError):
    """Only a stopped child can be restarted or deleted."""

    def __init__(self, path: str) -> None:
        super().__init__(path, "is running: terminate it first")


class ChildRestarting(ChildError):
    """The supervisor is about to try the child again."""

    def __init__(self, path: str) -> None:
        super().__init__(path, "is being restarted")


class ChildLimitReached(ChildError):
    """The dynamic supervisor holds as many children as it may."""

    def __init__(self, path: str, children_max: int) -> None:
        super().__init__(path, f"holds {children_max} children already, its limit")
        self.children_max = children_max


class AddressedByIncarnation(ChildError):
    """Children of a dynamic supervisor are meant by incarnation (OTP's `simple_one_for_one`)."""

    def __init__(self, path: str) -> None:
        super().__init__(path, "is a dynamic child: name its incarnation")
