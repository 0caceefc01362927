"""What a supervisor is told: frozen data that says which actors to run and how to treat their ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from viral_engine.runtime.spec_checks import check_child, check_children, check_dynamic, check_intensity, check_worker

if TYPE_CHECKING:
    import pykka

    from viral_engine.runtime.backoff import Backoff
    from viral_engine.runtime.decider import Decider
    from viral_engine.runtime.heartbeat import Heartbeat

RestartType = Literal["permanent", "transient", "temporary"]
Strategy = Literal["one_for_one", "one_for_all", "rest_for_one"]
AutoShutdown = Literal["never", "any_significant", "all_significant"]
Shutdown = float | Literal["brutal", "infinity"]
GiveUp = Literal["escalate", "suspend"]

_CHOICES = {"restart": RestartType, "on_give_up": GiveUp}

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

    __child_spec__: ClassVar = True

    def __post_init__(self) -> None:
        check_child(self, _CHOICES)
        check_worker(self)


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

    __child_spec__: ClassVar = True

    def __post_init__(self) -> None:
        check_child(self, {**_CHOICES, "auto_shutdown": AutoShutdown, "strategy": Strategy})
        check_intensity(self)
        check_children(self)


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

    __child_spec__: ClassVar = True

    def __post_init__(self) -> None:
        check_child(self, {**_CHOICES, "auto_shutdown": AutoShutdown})
        check_intensity(self)
        check_dynamic(self)


SupervisorSpec = Supervisor | DynamicSupervisor
ChildSpec = Worker | Supervisor | DynamicSupervisor
