"""What the cases have workers do: how each attempt to start one goes, and how it ends."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from viral_engine.runtime.exits import Ignore, Stop
from viral_engine.runtime.operations import WhichChildren
from viral_engine.runtime.reply import Reply

from .book import Attempt, Book
from .reasons import Failure, exit_of
from .terms import STACK, Term, parse

if TYPE_CHECKING:
    from collections.abc import Generator

    from viral_engine.runtime.actor import Actor
    from viral_engine.runtime.reply import ReplyTo
    from viral_engine.runtime.system import System

    from .clock import CaseClock

    Steps = Generator[Reply[Any], None, Any]
    """Yields what the actor has to wait for, in the way of its placement."""


@dataclass
class Stage:
    """What all workers of a case share."""

    book: Book
    clock: CaseClock
    over: Reply[None] = field(default_factory=Reply)

    def pause(self, system: System, wait_ms: float) -> Reply[None]:
        """Returns a reply that comes after so many milliseconds."""
        reply: Reply[None] = Reply("a pause", surroundings=system)
        self.clock.call_after(wait_ms / 1_000, reply.set)
        return reply

    def hang(self, system: System) -> Reply[None]:
        """Returns a reply that comes when the case is over."""
        reply: Reply[None] = Reply("a hang", surroundings=system)
        self.over.on_settled(reply.set)
        return reply


@dataclass(eq=False)
class Script:
    """The part of one child.

    Attributes:
        starts: one behaviour per attempt, the last one repeats.
        stop: what its `terminate` does; `die` is a worker without one.
        extra: what must come before the script in its arguments.
        elixir: its supervisor is Elixir's, which catches failures of a start in its own way.
        attempt: the one that goes on now.
    """

    child: str
    starts: list[Any]
    stop: Any
    stage: Stage
    extra: tuple[Term, ...] = ()
    elixir: bool = False
    attempt: Attempt = field(init=False)

    @property
    def cleans_up(self) -> bool:
        """Whether it has anything to do at its end."""
        return bool(self.stop != "die")

    @property
    def _behaviour(self) -> Any:
        behaviour = self.starts[min(self.attempt.number, len(self.starts)) - 1]
        # OTP's old `catch` can't tell a thrown value from a returned one.
        same_as_ignore = [{"return": "ignore"}] if self.elixir else [{"return": "ignore"}, {"throw": "ignore"}]
        return "ignore" if behaviour in same_as_ignore else behaviour

    def begin(self, attempt: Attempt) -> None:
        """Opens an attempt; its start function runs next, in the supervisor's thread."""
        self.attempt = attempt

    def start_function(self, system: System) -> None:
        """Does what a start function does before there is a process.

        Raises:
            Failure: the attempt is over.
        """
        match self._behaviour:
            case {"error": reason}:
                raise Failure(parse(reason))
            case {"slow_error": reason, "ms": wait_ms}:
                self.stage.pause(system, wait_ms).get()
                raise Failure(parse(reason))
            case {"raise": reason}:
                raised = (parse(reason), STACK)
                raise Failure(raised if self.elixir else ("EXIT", raised), parse(reason))
            case {"exit": reason}:
                raise Failure(parse(reason) if self.elixir else ("EXIT", parse(reason)), parse(reason))
            case {"throw": thrown} if self.elixir:
                raise Failure((("nocatch", parse(thrown)), STACK), parse(thrown))
            case {"throw": value} | {"return": value}:
                match parse(value):
                    case ("error", reason):
                        raise Failure(reason, parse(value))
                    case reason:
                        raise Failure(reason)

    def supervisor_function(self, system: System) -> None:
        """Does what the start function and the init of a supervisor do before its children are started.

        Raises:
            Failure: the attempt is over.
            Ignore: there is nothing to run.
        """
        match self._behaviour:
            case "ignore":
                raise Ignore
            case {"init_raise": reason}:
                raise Failure((parse(reason), STACK), parse(reason))
            case {"init_return": value}:
                raise Failure(("bad_return", ("oracle", "init", parse(value))), parse(value))
            case {"init_delay": wait_ms}:
                self.stage.pause(system, wait_ms).get()
            case _:
                self.start_function(system)

    def init(self, actor: Actor) -> Steps:
        """Does what an init does."""
        attempt, book, behaviour = self.attempt, self.stage.book, self._behaviour
        extra: Term = None
        match behaviour:
            case "ignore":
                book.ignored(attempt)
                raise Ignore
            case {"init_stop": reason}:
                raise self._stop(attempt, reason)
            case {"init_raise": reason}:
                book.failed(attempt, parse(reason))
                raise Failure((parse(reason), STACK))
            case {"init_delay": wait_ms}:
                yield self.stage.pause(actor.system, wait_ms)
                if "then_stop" in behaviour:
                    raise self._stop(attempt, behaviour["then_stop"])
            case {"init_call_sup_ms": wait_ms}:
                supervisor = actor.context.supervisor
                assert supervisor is not None
                yield actor.system.call(supervisor.path, WhichChildren(), wait_ms / 1_000)
            case {"ok_then_exit": reason}:
                actor.tell_info(End(parse(reason)))
            case {"ok_extra": value}:
                extra = parse(value)
        book.started(attempt)
        return extra

    def _stop(self, attempt: Attempt, reason: Term) -> Stop:
        self.stage.book.failed(attempt, parse(reason))
        return Stop(exit_of(parse(reason)))

    def answer(self, actor: Actor, request: Term, reply_to: ReplyTo) -> Steps:
        """Does what a call asks for."""
        match request:
            case ("sleep", wait_ms):
                yield self.stage.pause(actor.system, wait_ms)
            case ("die", reason):
                raise Stop(exit_of(reason))
            case ("die_reply", reason):
                reply_to.set("bye")
                raise Stop(exit_of(reason))
        return ("pong", actor_label(actor))

    def terminate(self, actor: Actor) -> Steps:
        """Does what its `terminate` does."""
        match self.stop:
            case {"delay": wait_ms}:
                yield self.stage.pause(actor.system, wait_ms)
            case "hang":
                yield self.stage.hang(actor.system)
            case {"exit_with": reason}:
                raise Stop(exit_of(parse(reason)))


@dataclass(frozen=True)
class End:
    """To a worker: end with this reason."""

    reason: Term


@dataclass(frozen=True)
class Raise:
    """To a worker: let your handler raise."""

    reason: Term


def actor_label(actor: Actor) -> str:
    """Returns the label of a scripted worker."""
    attempt: Attempt = actor.attempt  # type: ignore[attr-defined]  # every scripted worker has one
    return attempt.label
