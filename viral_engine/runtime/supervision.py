"""The supervisor: starts its children in order, brings them back by its strategy, stops them in reverse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from viral_engine.runtime.children import Child
from viral_engine.runtime.errors import (
    ChildAlreadyPresent,
    ChildAlreadyStarted,
    ChildNotFound,
    ChildRestarting,
    ChildRunning,
    StartFailed,
)
from viral_engine.runtime.exits import Exit, FailedToStart, Stop
from viral_engine.runtime.guardian import Guardian
from viral_engine.runtime.operations import (
    ChildCount,
    DeleteChild,
    GetChildSpec,
    RestartChild,
    StartChild,
    Started,
    TerminateChild,
)
from viral_engine.runtime.spec import ChildSpec, Supervisor, Worker
from viral_engine.runtime.spec_checks import check_significant, check_spec
from viral_engine.runtime.strategies import plan_restart

if TYPE_CHECKING:
    from collections.abc import Sequence

    from viral_engine.runtime.incarnation import Incarnation


class SupervisorActor(Guardian):
    """Holds children in an order that restarts keep."""

    spec: Supervisor
    # A snapshot may look before the init has run.
    _children: tuple[Child, ...] = ()

    def init(self, spec: Supervisor) -> None:
        """Starts the children in order; when one fails, those before it are stopped again and the start fails."""
        self.spec = spec
        self._children = tuple(Child(child, self._child_path(child.name)) for child in spec.children)
        for child in self._children:
            try:
                started = self._start(child)
            except StartFailed as failure:
                self._stop_all()
                raise Stop(Exit("shutdown", FailedToStart(failure.path, failure.exit_reason))) from failure
            if started is None:
                self._ignored(child)

    @property
    def children(self) -> Sequence[Child]:
        """See `Parent`."""
        return self._children

    def _by_hand(self, message: Any) -> Any:
        match message:
            case StartChild(spec):
                return self._add(spec)
            case TerminateChild(child):
                return self._terminate(self._find(child) if isinstance(child, str) else self._running_as(child))
            case RestartChild(name):
                return self._start_by_hand(self._stopped(name))
            case DeleteChild(name):
                return self._delete(self._stopped(name))
            case GetChildSpec(name):
                return self._find(name).spec
            case _:
                return super()._by_hand(message)

    # Children.

    def _find(self, name: str) -> Child:
        for child in self._children:
            if child.spec.name == name:
                return child
        raise self._no_child(name)

    def _child_of(self, actor: Incarnation) -> Child | None:
        for child in self._children:
            if child.actor is actor:
                return child
        return None

    def _running_as(self, actor: Incarnation) -> Child:
        child = self._child_of(actor)
        if child is None:
            raise ChildNotFound(actor.path)
        return child

    def _knows(self, child: Child) -> bool:
        return child in self._children

    def _stopped(self, name: str) -> Child:
        child = self._find(name)
        match child.phase:
            case "running" | "starting":
                raise ChildRunning(child.path)
            case "restarting":
                raise ChildRestarting(child.path)
            case "stopped" | "given_up":
                return child

    def _add(self, spec: ChildSpec) -> Started | None:
        check_spec(spec)
        for known in self._children:
            if known.spec.name == spec.name:
                raise ChildAlreadyPresent(known.path) if known.actor is None else ChildAlreadyStarted(known.path)
        check_significant(self.spec, spec)
        child = Child(spec, self._child_path(spec.name))
        self._children = (*self._children, child)
        try:
            started = self._start(child)
        except StartFailed:
            self._forget(child)
            raise
        if started is None:
            self._ignored(child)
        return started

    def _terminate(self, child: Child) -> None:
        self._stop_child(child)
        self._finished(child)

    def _delete(self, child: Child) -> None:
        self._stop_child(child)
        self._forget(child)

    def _finished(self, child: Child) -> None:
        if child.spec.restart == "temporary":
            self._forget(child)

    def _forget(self, child: Child) -> None:
        self._children = tuple(known for known in self._children if known is not child)
        self._forget_name(child)

    def _count(self) -> ChildCount:
        workers = sum(isinstance(child.spec, Worker) for child in self._children)
        return ChildCount(
            specs=len(self._children),
            active=sum(child.actor is not None and child.actor.end is None for child in self._children),
            supervisors=len(self._children) - workers,
            workers=workers,
        )

    # Groups.

    def _clear_the_way(self, child: Child) -> None:
        plan = plan_restart(self.spec.strategy, [known.spec.name for known in self._children], child.spec.name)
        for name in plan.stop:
            self._terminate(self._find(name))

    def _bring_back(self, child: Child) -> None:
        # Once more: while a backoff ran its time somebody may have started a sibling by hand.
        self._clear_the_way(child)
        plan = plan_restart(self.spec.strategy, [known.spec.name for known in self._children], child.spec.name)
        for name in plan.start:
            member = self._find(name)
            if not self._start_again(member):
                return
            if member.actor is None:
                self._ignored(member)

    def _stop_all(self) -> None:
        for child in reversed(self._children):
            self._stop_child(child)
            if not self._is_static(child):
                self._forget_name(child)

    def _is_static(self, child: Child) -> bool:
        return any(child.spec is static for static in self.spec.children)
