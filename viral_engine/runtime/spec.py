"""What a supervisor is told: frozen data that says which actors to run and how to treat their ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import pykka

from viral_engine.runtime.backoff import FACTOR_MAX, Backoff
from viral_engine.runtime.decider import Decider, Directive
from viral_engine.runtime.errors import InvalidSpec
from viral_engine.runtime.heartbeat import Heartbeat

RestartType = Literal["permanent", "transient", "temporary"]
Strategy = Literal["one_for_one", "one_for_all", "rest_for_one"]
AutoShutdown = Literal["never", "any_significant", "all_significant"]
Shutdown = float | Literal["brutal", "infinity"]
GiveUp = Literal["escalate", "suspend"]

MAILBOX_CAPACITY = 10_000
"""Messages a mailbox holds unless its spec says otherwise: seconds of work for every actor of the tree."""

CHILDREN_MAX = 100_000
"""Children of a dynamic supervisor unless its spec says otherwise: half a gigabyte of idle actors."""

INIT_MAX_S = 60.0
"""How long an init may take; OTP waits for ever, and a supervisor that waits for ever cannot be shut down."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """One actor under a supervisor (OTP's child specification).

    Attributes:
        name: last segment of the actor's path, unique under its supervisor.
        actor_class: a `LoopActor`, a `ThreadActor` or a stock `pykka.ThreadingActor`.
        args: passed to `init` (to the constructor of a stock pykka actor) at every start.
        restart: permanent (always), transient (after anything but normal and shutdown), temporary (never).
        shutdown_s: seconds between the request to end and the kill; `brutal` kills at once.
        significant: its own, unrestarted end may end the supervisor (`Supervisor.auto_shutdown`).
        on_give_up: `suspend` lets the child give up alone when its own restarts exceed the supervisor's
            intensity: it is shown as given_up and tried again every `GIVE_UP_RETRY_S`.
        mailbox_capacity: messages that may wait; beyond it a cast is dropped and counted, a call refused.
        init_max_s: seconds its init may take before the start counts as failed.
        registered: a further name, taken before its init runs and unique in the system; None for its path alone.
        backoff: waits between restarts; None restarts at once, as OTP does.
        heartbeat: has a hung incarnation noticed and replaced; None for no beats.
        decider: what exceptions of its handlers mean, by class; first match, `restart` when none does.
    """

    name: str
    actor_class: type[pykka.Actor]
    args: tuple[Any, ...] = ()
    restart: RestartType = "permanent"
    shutdown_s: Shutdown = 5.0
    significant: bool = False
    on_give_up: GiveUp = "escalate"
    mailbox_capacity: int = MAILBOX_CAPACITY
    init_max_s: float = INIT_MAX_S
    registered: str | None = None
    backoff: Backoff | None = None
    heartbeat: Heartbeat | None = None
    decider: Decider = ()

    def __post_init__(self) -> None:
        _check_child(self)
        if self.mailbox_capacity < 1:
            raise InvalidSpec(f"{self.name}.mailbox_capacity", "must be at least 1")
        if not issubclass(self.actor_class, pykka.Actor):
            raise InvalidSpec(f"{self.name}.actor_class", f"{self.actor_class!r} is no actor class")
        if self.heartbeat is not None and not (self.heartbeat.every_s > 0 and self.heartbeat.missed_max >= 1):
            raise InvalidSpec(f"{self.name}.heartbeat", f"{self.heartbeat!r}: some time, and at least one beat")
        for _, directive in self.decider:
            if directive not in get_args(Directive):
                raise InvalidSpec(f"{self.name}.decider", f"{directive!r} is no directive")


@dataclass(frozen=True, slots=True, kw_only=True)
class Supervisor:
    """A supervisor and its children, started in order and stopped in reverse.

    Fields that a `Worker` has too mean the same.

    Attributes:
        restarts_max: restarts allowed within the window over all children together; one more ends the
            supervisor. 0 is legal: the first crash escalates.
        restarts_window_s: the sliding window in seconds.
        auto_shutdown: whether significant children's ends end the supervisor.
    """

    name: str
    children: tuple[ChildSpec, ...] = ()
    strategy: Strategy = "one_for_one"
    restarts_max: int = 3
    restarts_window_s: float = 5.0
    auto_shutdown: AutoShutdown = "never"
    restart: RestartType = "permanent"
    shutdown_s: Shutdown = "infinity"
    significant: bool = False
    on_give_up: GiveUp = "escalate"
    registered: str | None = None
    backoff: Backoff | None = None

    def __post_init__(self) -> None:
        _check_child(self)
        _check_supervisor(self)
        if self.strategy not in get_args(Strategy):
            raise InvalidSpec(f"{self.name}.strategy", f"{self.strategy!r} is no strategy")
        names = [child.name for child in self.children]
        for name in names:
            if names.count(name) > 1:
                raise InvalidSpec(f"{self.name}.children", f"two children are called {name}")
        for child in self.children:
            check_significant(self, child)


@dataclass(frozen=True, slots=True, kw_only=True)
class DynamicSupervisor:
    """A supervisor without children at its start; they come by hand, in any number, and are stopped all at once.

    Each child restarts alone; a child that ends for good is forgotten.

    Attributes:
        template: what every child is made from (OTP's `simple_one_for_one`); None lets each bring a specification of
            its own (Elixir's `DynamicSupervisor`).
        children_max: children it may hold, restarting ones included; one more is refused.
        extra_args: put before the arguments of every child.
        restarts_max: as for a `Supervisor`, over all children together; so are the other fields.
    """

    name: str
    template: Worker | Supervisor | None = None
    children_max: int = CHILDREN_MAX
    extra_args: tuple[Any, ...] = ()
    restarts_max: int = 3
    restarts_window_s: float = 5.0
    auto_shutdown: AutoShutdown = "never"
    restart: RestartType = "permanent"
    shutdown_s: Shutdown = "infinity"
    significant: bool = False
    on_give_up: GiveUp = "escalate"
    registered: str | None = None
    backoff: Backoff | None = None

    def __post_init__(self) -> None:
        _check_child(self)
        _check_supervisor(self)
        if self.children_max < 1:
            raise InvalidSpec(f"{self.name}.children_max", "must be at least 1")
        if self.template is not None:
            check_significant(self, self.template)


SupervisorSpec = Supervisor | DynamicSupervisor
ChildSpec = Worker | Supervisor | DynamicSupervisor


def check_spec(spec: object) -> None:
    """Refuses what is no specification: an operation by hand may bring anything.

    Raises:
        InvalidSpec: it is none.
    """
    if not isinstance(spec, ChildSpec):
        raise InvalidSpec("spec", f"{spec!r} is no specification of a child")


def check_significant(supervisor: SupervisorSpec, child: ChildSpec) -> None:
    """Refuses a significant child of a supervisor that never shuts down by itself.

    Raises:
        InvalidSpec: the two contradict each other.
    """
    if child.significant and supervisor.auto_shutdown == "never":
        raise InvalidSpec(f"{supervisor.name}.auto_shutdown", "a significant child needs any_ or all_significant")


def _check_supervisor(spec: SupervisorSpec) -> None:
    if spec.auto_shutdown not in get_args(AutoShutdown):
        raise InvalidSpec(f"{spec.name}.auto_shutdown", f"{spec.auto_shutdown!r} is none of its values")
    if spec.restarts_max < 0:
        raise InvalidSpec(f"{spec.name}.restarts_max", "must not be negative")
    if spec.restarts_window_s <= 0:
        raise InvalidSpec(f"{spec.name}.restarts_window_s", "must be positive")


def _check_child(spec: ChildSpec) -> None:
    name = spec.name
    if not name or "/" in name:
        raise InvalidSpec("name", f"{name!r} must be a path segment")
    if spec.registered is not None and (not spec.registered or "/" in spec.registered):
        raise InvalidSpec(f"{name}.registered", f"{spec.registered!r} must be a name without a slash")
    if spec.restart not in get_args(RestartType):
        raise InvalidSpec(f"{name}.restart", f"{spec.restart!r} is no restart type")
    if spec.backoff is not None and not _can_be_carried_out(spec.backoff):
        raise InvalidSpec(
            f"{name}.backoff", f"{spec.backoff!r}: no negative time, factor 1 to {FACTOR_MAX}, jitter 0 to 1"
        )
    if spec.significant and spec.restart == "permanent":
        raise InvalidSpec(f"{name}.significant", "a permanent child never ends unrestarted")
    if isinstance(spec.shutdown_s, str) and spec.shutdown_s not in ("brutal", "infinity"):
        raise InvalidSpec(f"{name}.shutdown_s", f"{spec.shutdown_s!r} is neither seconds nor brutal nor infinity")
    if not isinstance(spec.shutdown_s, str) and spec.shutdown_s < 0:
        raise InvalidSpec(f"{name}.shutdown_s", "must not be negative")


def _can_be_carried_out(backoff: Backoff) -> bool:
    shortest_s = min(backoff.first_s, backoff.longest_s, backoff.healthy_s)
    return shortest_s >= 0 and 1 <= backoff.factor <= FACTOR_MAX and 0 <= backoff.jitter <= 1
