"""One tree of actors and what its members share: names, clock, loop, events, kept state."""

from __future__ import annotations

import asyncio
import itertools
import math
import threading
import uuid
from functools import partial
from typing import TYPE_CHECKING, Any, Self

import pykka

from viral_engine.runtime.actor import Actor, Context, Kept
from viral_engine.runtime.clock import SystemClock
from viral_engine.runtime.dead_letters import Suspects
from viral_engine.runtime.deadlines import Deadlines
from viral_engine.runtime.dynamic import DynamicSupervisorActor
from viral_engine.runtime.errors import (
    ActorError,
    ActorExited,
    CallError,
    InvalidSpec,
    NameTaken,
    NoSuchActor,
    StartFailed,
)
from viral_engine.runtime.events import Events, KeptStateDropped, MessageDropped
from viral_engine.runtime.exits import KILLED, SHUTDOWN, Exit, an_exit, crash
from viral_engine.runtime.guardian import Guardian
from viral_engine.runtime.loop import LoopThread
from viral_engine.runtime.mailbox import Envelope
from viral_engine.runtime.registry import Registry
from viral_engine.runtime.reply import Reply
from viral_engine.runtime.spec import ChildSpec, DynamicSupervisor, Shutdown, Supervisor, SupervisorSpec
from viral_engine.runtime.stock import StockHost
from viral_engine.runtime.supervision import SupervisorActor

if TYPE_CHECKING:
    from collections.abc import Callable

    from viral_engine.runtime.clock import Clock
    from viral_engine.runtime.incarnation import Incarnation
    from viral_engine.runtime.reply import ReplyTo

ABANDONED_THREADS_MAX = 32
"""Hung threads that one process may hold; one more and `on_fatal` is told that the process must end."""


class _Slot:
    """What a name keeps while its incarnations come and go."""

    __slots__ = ("incarnations", "kept", "suspects")

    def __init__(self) -> None:
        self.incarnations = 0
        self.kept = Kept()
        self.suspects = Suspects()


class _Attempt:
    """One sending of a patient call: it fails once, though both its actor's killer and its actor may say so."""

    __slots__ = ("_reply", "_unfailed", "deadline_s")

    def __init__(self, reply: _PatientReply) -> None:
        self._reply = reply
        self.deadline_s = reply.deadline_s
        self._unfailed = [True]

    def set(self, value: Any | None = None) -> None:
        """See `ReplyTo`."""
        self._reply.set(value)

    def set_exception(self, exc_info: Any = None) -> None:
        """See `ReplyTo`."""
        try:
            self._unfailed.pop()
        except IndexError:
            return
        self._reply.set_exception(exc_info)

    def expire(self) -> None:
        """Tells whoever waits that the time is up."""
        self._reply.expire()


class _PatientReply(Reply[Any]):
    """A reply that sends its message again while it is certain that no handler has seen it."""

    def __init__(self, system: System, path: str, message: Any, timeout_s: float) -> None:
        super().__init__(path, timeout_s, system)
        self._system = system
        self._message = message
        self._asked = path
        self.on_settled(lambda: system.registry.stop_waiting(path, self.send))

    def set_exception(self, exc_info: Any = None) -> None:
        """Waits for the name's next incarnation when this one ended before it began; else settles.

        A system that drains brings nobody back, and who drains still has its name.
        """
        ended_before = isinstance(exc_info, NoSuchActor | ActorExited) and not exc_info.begun
        if (
            ended_before
            and exc_info.path == self._asked
            and not self.is_settled
            and self._system.drain_until_s == -math.inf
            and self._system.registry.when_registered(self.path, self.send)
        ):
            return
        super().set_exception(exc_info)

    def send(self) -> None:
        if self.is_settled:
            return
        actor = self._system.registry.whereis(self.path)
        # A registered name is not what its actor is called in errors.
        self._asked = self.path if actor is None else actor.path
        if actor is None:
            self.set_exception(NoSuchActor(self.path))
        else:
            actor.mailbox.put(Envelope(self._message, _Attempt(self), "call", self.deadline_s))


class System:
    """A tree of actors.

    Args:
        loop: the loop thread; the system starts it with its root and stops it after its root.
        clock: the machine's clock unless a test drives one of its own.
        events: where everything that happens is told.
        on_fatal: called with one sentence when the process can't go on (too many hung threads).

    Attributes:
        urn: what the universal names of its actors begin with.
        drain_until_s: until when actors that are asked to stop may work off what waits.
        living: every incarnation from before its init until everybody has been told of its end.
    """

    def __init__(
        self,
        *,
        make_loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop,
        clock: Clock | None = None,
        events: Events | None = None,
        on_fatal: Callable[[str], None] | None = None,
    ) -> None:
        self.events = events or Events()
        self.loop = LoopThread(make_loop, self.events)
        self.clock: Clock = clock or SystemClock(self.loop)
        self.monotonic_s = self.clock.monotonic_s
        self.deadlines = Deadlines(self.clock)
        self.registry = Registry()
        self.living: set[Incarnation] = set()
        self.root: Guardian | None = None
        self.urn = f"{uuid.uuid4().urn}:"
        self.drain_until_s = -math.inf
        self._orphans: set[Actor] = set()
        self._on_fatal = on_fatal
        self._slots: dict[str, _Slot] = {}
        self._abandoned: list[Actor] = []
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        """Stops everything, whatever ended the block."""
        self.stop()

    def start(self, spec: SupervisorSpec) -> Guardian:
        """Starts the loop and the root supervisor with everything below it.

        Raises:
            InvalidSpec: this is no supervisor.
            StartFailed: a child did not start; everything that did was stopped again, in reverse order.
        """
        if not isinstance(spec, SupervisorSpec):
            raise InvalidSpec("spec", f"{spec!r} is no supervisor")
        if self.loop.ident is not None:
            raise ActorError("a system is started once: make another one")
        self.loop.start()
        root = self.incarnate(spec, "/", None)
        assert isinstance(root, Guardian)
        self.root = root
        try:
            root.booted.get()
        except Exception as error:
            self.loop.stop()
            raise StartFailed("/", root.end or SHUTDOWN) from error
        return root

    def stop(self, exit_reason: Exit = SHUTDOWN, *, drain_s: float = 0.0) -> None:
        """Stops everything in reverse start order, then the loop; returns when all is down.

        Args:
            exit_reason: what the root is told to end with.
            drain_s: seconds for all actors together to work off what waits in their mailboxes. Each takes no more
                messages once it is asked to stop, so whoever feeds it must come after it in the start order.
        """
        an_exit(exit_reason)
        if drain_s > 0:
            self.drain_until_s = self.clock.monotonic_s() + drain_s
        if self.root is not None:
            self.root.order("shut_down", exit_reason)
            self.root.exited.get()
        for orphan in tuple(self._orphans):
            orphan.kill("the system stops")
        self.registry.close()
        self.loop.stop()
        # Whoever still waits, on a loop of their own, waits for a timer that no loop turns any more.
        self.deadlines.close()

    def call(self, path: str, message: Any, timeout_s: float = 5.0, *, patient: bool = False) -> Reply[Any]:
        """Asks the actor at `path`.

        Args:
            path: its name.
            message: what `handle_call` gets.
            timeout_s: after this many seconds whoever waits for the reply gets a `CallTimeout`, and the message, if
                it still waits, is not executed any more. A handler that has begun goes on, and its answer, given
                before anybody looked, counts.
            patient: while the actor is away, or ended before it began with the message, wait for its next
                incarnation instead of failing; the message is handled at most once all the same.

        Returns:
            The reply: await it on a loop, `.get()` it in a thread.
        """
        if patient:
            reply = _PatientReply(self, path, message, timeout_s)
            reply.send()
            return reply
        plain: Reply[Any] = Reply(path, timeout_s, self)
        # As `ask` does, without a frame of its own.
        actor = self.registry.actors.get(path)
        if actor is None:
            plain.set_exception(NoSuchActor(path))
        else:
            actor.mailbox.put(Envelope(message, plain, "call", plain.deadline_s))
        return plain

    def ask(self, path: str, message: Any, reply_to: ReplyTo, deadline_s: float | None = None) -> None:
        """Asks the actor at `path` to answer to `reply_to`, which gets every failure too.

        Args:
            path: its name.
            message: what `handle_call` gets.
            reply_to: anything with `set` and `set_exception`; nothing is set up for it, its deadline included.
            deadline_s: on the clock's monotonic seconds; the message is not executed later.
        """
        actor = self.registry.actors.get(path)
        if actor is None:
            reply_to.set_exception(NoSuchActor(path))
        else:
            actor.mailbox.put(Envelope(message, reply_to, "call", deadline_s))

    def cast(self, path: str, message: Any) -> bool:
        """Tells the actor at `path` and never waits; False (and an event) when the message was dropped."""
        actor = self.registry.actors.get(path)
        try:
            if actor is None:
                raise NoSuchActor(path)
            actor.mailbox.put(Envelope(message))
        except CallError as error:
            self.events.emit(MessageDropped(path, type(message).__name__, str(error)))
            return False
        return True

    def next_number(self) -> int:
        """Returns a number that this system never returned before."""
        return next(self._numbers)

    def incarnate(
        self, spec: ChildSpec, path: str, supervisor: Actor | None, args: tuple[Any, ...] | None = None
    ) -> Actor:
        """Makes the next incarnation of a name and starts its loop; `booted` tells how its init ended.

        Args:
            spec: its specification.
            path: its name.
            supervisor: who is told of its end.
            args: what its init gets instead of the specification's.

        Raises:
            NameTaken: another incarnation is alive under the name, or under the one it wants registered.
        """
        slot = self._slot(path)
        slot.incarnations += 1
        actor_class, own_args = _class_of(spec)
        if args is None:
            args = own_args
        context = Context(self, path, slot.incarnations, spec, args, slot.kept, slot.suspects, supervisor)
        actor = actor_class(context)
        self.living.add(actor)
        pykka.ActorRegistry.register(actor.actor_ref)
        try:
            # From here on anybody may find it, call it and kill it.
            self.registry.register(path, actor)
            if spec.registered is not None:
                self.registry.register(spec.registered, actor)
            actor._start_actor_loop()  # noqa: SLF001  (pykka's own name for it)
        except (NameTaken, RuntimeError) as error:
            # A name is taken, or the machine has no thread left.
            actor.kill(str(error), crash(error))
            raise
        return actor

    def orphan(self, actor: Actor, why: str, limit: Shutdown) -> None:
        """Lets an actor whose supervisor was killed clean up, while its path is free for the next incarnation.

        OTP's process that traps exits sees its parent's end and runs `terminate`. A name that it registered beside
        its path it keeps until then, as there.

        Args:
            actor: runs, and has a `terminate` of its own.
            why: what it is killed for when its time is up.
            limit: seconds it has; `brutal` ends it now.
        """
        if actor.kept.value is not None:
            # It may write to it until it is down, and the next incarnation must not read half of that.
            self.drop_kept(actor.path)
            self.events.emit(KeptStateDropped(actor.path, "its supervisor was killed, and it is still cleaning up"))
        self.registry.unregister(actor.path, actor)
        if limit == "brutal":
            actor.kill(why)
            return
        self._orphans.add(actor)
        actor.exited.on_settled(lambda: self._orphans.discard(actor))
        actor.order("shut_down", KILLED)
        if limit != "infinity":
            timer = self.clock.call_at(self.clock.monotonic_s() + limit, partial(_end, actor, why))
            actor.exited.on_settled(timer.cancel)

    def bury(self, actor: Incarnation) -> None:
        """Takes leave of an incarnation whose end everybody has been told."""
        self.living.discard(actor)
        actor.mailbox.retire()

    def drop_kept(self, path: str) -> None:
        """Gives the name's next incarnation an empty kept state; an abandoned thread keeps the old one to itself."""
        self._slot(path).kept = Kept()

    def incarnations_of(self, path: str) -> int:
        """Returns how many starts of a name were begun."""
        return self._slot(path).incarnations

    def kept(self, path: str) -> Kept:
        """Returns what the name keeps."""
        return self._slot(path).kept

    def forget(self, path: str, *, is_subtree: bool = False) -> None:
        """Forgets what a name keeps, and with `is_subtree` those below it: its child specification is gone."""
        with self._lock:
            self._slots.pop(path, None)
            if is_subtree:
                for known in [known for known in self._slots if known.startswith(f"{path}/")]:
                    del self._slots[known]

    def abandon_thread(self, actor: Actor) -> int:
        """Notes a thread that hangs in a killed actor; returns how many still do."""
        with self._lock:
            self._abandoned = [*(held for held in self._abandoned if getattr(held, "thread_is_alive", False)), actor]
            count = len(self._abandoned)
        if count > ABANDONED_THREADS_MAX and self._on_fatal is not None:
            self._on_fatal(f"{count} threads hang in killed actors, the last one in {actor.path}")
        return count

    def abandoned(self) -> list[Actor]:
        """Returns the killed thread actors whose threads still hang."""
        with self._lock:
            return [held for held in self._abandoned if getattr(held, "thread_is_alive", False)]

    def _slot(self, path: str) -> _Slot:
        with self._lock:
            return self._slots.setdefault(path, _Slot())


def _end(actor: Actor, why: str) -> None:
    actor.kill(why)


def _class_of(spec: ChildSpec) -> tuple[type[Actor], tuple[Any, ...]]:
    """Returns the class that runs a specification, and what its init gets."""
    if isinstance(spec, Supervisor):
        return SupervisorActor, (spec,)
    if isinstance(spec, DynamicSupervisor):
        return DynamicSupervisorActor, (spec,)
    if issubclass(spec.actor_class, Actor):
        return spec.actor_class, spec.args
    return StockHost, spec.args
