"""What a supervisor is told: frozen data that says which actors to run and how to treat their ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from viral_engine.runtime.errors import InvalidSpec

if TYPE_CHECKING:
    import pykka

RestartType = Literal["permanent", "transient", "temporary"]
Strategy = Literal["one_for_one", "one_for_all", "rest_for_one"]
AutoShutdown = Literal["never", "any_significant", "all_significant"]
Shutdown = float | Literal["brutal", "infinity"]
GiveUp = Literal["escalate", "suspend"]

MAILBOX_CAPACITY = 10_000
"""Messages a mailbox holds unless its spec says otherwise: seconds of work for every actor of the tree."""

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

    def __post_init__(self) -> None:
        _check_name(self.name)
        _check_child(self.name, self.restart, self.shutdown_s, significant=self.significant)
        if self.mailbox_capacity < 1:
            raise InvalidSpec(f"{self.name}.mailbox_capacity", "must be at least 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Supervisor:
    """A supervisor and its children, started in order and stopped in reverse.

    Attributes:
        restarts_max: restarts allowed within the window over all children together; one more ends the
            supervisor. 0 is legal: the first crash escalates.
        restarts_window_s: the sliding window in seconds.
        auto_shutdown: whether significant children's ends end the supervisor.
    """

    name: str
    children: tuple[Worker | Supervisor, ...] = ()
    strategy: Strategy = "one_for_one"
    restarts_max: int = 3
    restarts_window_s: float = 5.0
    auto_shutdown: AutoShutdown = "never"
    restart: RestartType = "permanent"
    shutdown_s: Shutdown = "infinity"
    significant: bool = False
    on_give_up: GiveUp = "escalate"

    def __post_init__(self) -> None:
        _check_name(self.name)
        _check_child(self.name, self.restart, self.shutdown_s, significant=self.significant)
        if self.strategy not in get_args(Strategy):
            raise InvalidSpec(f"{self.name}.strategy", f"{self.strategy!r} is no strategy")
        if self.auto_shutdown not in get_args(AutoShutdown):
            raise InvalidSpec(f"{self.name}.auto_shutdown", f"{self.auto_shutdown!r} is none of its values")
        if self.restarts_max < 0:
            raise InvalidSpec(f"{self.name}.restarts_max", "must not be negative")
        if self.restarts_window_s <= 0:
            raise InvalidSpec(f"{self.name}.restarts_window_s", "must be positive")
        names = [child.name for child in self.children]
        for name in names:
            if names.count(name) > 1:
                raise InvalidSpec(f"{self.name}.children", f"two children are called {name}")
        if self.auto_shutdown == "never" and any(child.significant for child in self.children):
            raise InvalidSpec(f"{self.name}.auto_shutdown", "a significant child needs any_ or all_significant")


ChildSpec = Worker | Supervisor


def _check_name(name: str) -> None:
    if not name or "/" in name:
        raise InvalidSpec("name", f"{name!r} must be a path segment")


def _check_child(name: str, restart: RestartType, shutdown_s: Shutdown, *, significant: bool) -> None:
    if restart not in get_args(RestartType):
        raise InvalidSpec(f"{name}.restart", f"{restart!r} is no restart type")
    if significant and restart == "permanent":
        raise InvalidSpec(f"{name}.significant", "a permanent child never ends unrestarted")
    if isinstance(shutdown_s, str) and shutdown_s not in ("brutal", "infinity"):
        raise InvalidSpec(f"{name}.shutdown_s", f"{shutdown_s!r} is neither seconds nor brutal nor infinity")
    if not isinstance(shutdown_s, str) and shutdown_s < 0:
        raise InvalidSpec(f"{name}.shutdown_s", "must not be negative")
