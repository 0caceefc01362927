"""The dynamic supervisor: any number of children that come and go, each for itself, and are stopped all at once."""

from __future__ import annotations

import itertools
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from viral_engine.runtime.children import Child
from viral_engine.runtime.errors import (
    AddressedByIncarnation,
    CallTimeout,
    ChildAlreadyStarted,
    ChildLimitReached,
    ChildNotFound,
    InvalidSpec,
    StartFailed,
)
from viral_engine.runtime.exits import SHUTDOWN
from viral_engine.runtime.guardian import Guardian
from viral_engine.runtime.operations import (
    ChildCount,
    DeleteChild,
    GetChildSpec,
    RestartChild,
    StartChild,
    StartDynamic,
    Started,
    StartMany,
    TerminateChild,
)
from viral_engine.runtime.spec import ChildSpec, DynamicSupervisor, Worker
from viral_engine.runtime.spec_checks import check_significant, check_spec

if TYPE_CHECKING:
    from collections.abc import Sequence

    from viral_engine.runtime.incarnation import Incarnation


class DynamicSupervisorActor(Guardian):
    """Holds children by name, in start order of their current incarnations."""

    spec: DynamicSupervisor

    def init(self, spec: DynamicSupervisor) -> None:
        """Starts with no child."""
        self.spec = spec
        self._by_name: dict[str, Child] = {}
        self._numbers = itertools.count(1)

    @property
    def children(self) -> Sequence[Child]:
        """See `Parent`."""
        # One call without a callback into Python: no other thread can change the table meanwhile.
        return tuple(getattr(self, "_by_name", {}).values())

    def _by_hand(self, message: Any) -> Any:
        match message:
            case StartChild(spec):
                return self._start_new(self._of_spec(spec))
            case StartDynamic():
                return self._start_new(self._of_template(message))
            case StartMany(wanted):
                return self._start_many(wanted)
            case TerminateChild(child) if not isinstance(child, str):
                return self._terminate_incarnation(child)
            case TerminateChild(name) | RestartChild(name) | DeleteChild(name) | GetChildSpec(name):
                raise AddressedByIncarnation(self._child_path(str(name)))
            case _:
                return super()._by_hand(message)

    # Children.

    def _of_spec(self, spec: ChildSpec) -> Child:
        if self.spec.template is not None:
            raise InvalidSpec("spec", f"the children of {self.path} are made from its template")
        check_spec(spec)
        check_significant(self.spec, spec)
        name = spec.name
        while name in self._by_name:
            name = f"{spec.name}-{next(self._numbers)}"
        own_args = spec.args if isinstance(spec, Worker) else ()
        return self._new_child(spec, name, own_args)

    def _of_template(self, wanted: StartDynamic) -> Child:
        template, name = self.spec.template, wanted.name
        if template is None:
            raise InvalidSpec(self.spec.name, "has no template: start a child with a specification")
        if name is None:
            name = str(next(self._numbers))
            while name in self._by_name:
                name = str(next(self._numbers))
        elif not name or "/" in name:
            raise InvalidSpec("name", f"{name!r} must be a path segment")
        elif name in self._by_name:
            raise ChildAlreadyStarted(self._child_path(name))
        own_args = template.args if isinstance(template, Worker) else ()
        return self._new_child(template, name, (*own_args, *wanted.args))

    def _new_child(self, spec: ChildSpec, name: str, own_args: tuple[Any, ...]) -> Child:
        if len(self._by_name) >= self.spec.children_max:
            raise ChildLimitReached(self.path, self.spec.children_max)
        args = (*self.spec.extra_args, *own_args) if isinstance(spec, Worker) else None
        child = self._by_name[name] = Child(spec, self._child_path(name), args)
        return child

    def _find(self, name: str) -> Child:
        child = self._by_name.get(name)
        if child is None:
            raise self._no_child(name)
        return child

    def _child_of(self, actor: Incarnation) -> Child | None:
        child = self._by_name.get(actor.path.rpartition("/")[2])
        if child is None:
            return None
        last = child.actor if child.actor is not None else child.last_actor
        return child if last is actor else None

    def _knows(self, child: Child) -> bool:
        return self._by_name.get(child.name) is child

    def _finished(self, child: Child) -> None:
        """A child that ends for good is forgotten, whatever its restart type."""
        if self._knows(child):
            del self._by_name[child.name]
        self._forget_name(child)

    def _ignored(self, child: Child) -> None:
        self._finished(child)

    def _cycle(self, child: Child) -> Started | None:
        try:
            return super()._cycle(child)
        except StartFailed:
            self._finished(child)
            raise

    def _count(self) -> ChildCount:
        children = self.children
        workers = sum(isinstance(child.spec, Worker) for child in children)
        return ChildCount(
            specs=len(children) if self.spec.template is None else 1,
            active=sum(child.actor is not None and child.actor.end is None for child in children),
            supervisors=len(children) - workers,
            workers=workers,
        )

    def _in_order_of_display(self) -> Sequence[Child]:
        return self.children

    # Starts.

    def _start_new(self, child: Child) -> Started | None:
        try:
            started = self._start(child)
        except StartFailed:
            self._finished(child)
            raise
        if started is None:
            self._ignored(child)
        return started

    def _start_many(self, wanted: Sequence[StartDynamic]) -> tuple[Started | Exception | None, ...]:
        answers: list[Any] = []
        for one in wanted:
            try:
                child = self._of_template(one)
            except (InvalidSpec, ChildAlreadyStarted, ChildLimitReached) as error:
                answers.append(error)
                continue
            try:
                launched = self._launch(child)
            except StartFailed as error:
                self._finished(child)
                answers.append(error)
                continue
            if not launched:
                self._ignored(child)
            answers.append(child if launched else None)
        return tuple(self._booted_of(answer) if isinstance(answer, Child) else answer for answer in answers)

    def _booted_of(self, child: Child) -> Started | Exception | None:
        try:
            started = self._await_boot(child)
        except StartFailed as error:
            self._finished(child)
            return error
        if started is None:
            self._ignored(child)
        return started

    def _bring_back(self, child: Child) -> None:
        # Behind the others: which_children is in the order of incarnations.
        del self._by_name[child.name]
        self._by_name[child.name] = child
        if self._start_again(child) and child.actor is None:
            self._ignored(child)

    # Stops.

    def _terminate_incarnation(self, actor: Incarnation) -> None:
        child = self._child_of(actor)
        if child is not None:
            self._terminate(child)
        elif self.spec.template is None or actor.end is None:
            raise ChildNotFound(actor.path)

    def _terminate(self, child: Child) -> None:
        self._stop_child(child)
        self._finished(child)

    def _stop_all(self) -> None:
        """Asks all at once and kills each when its own time is up."""
        children = self.children
        began_s = self.system.clock.monotonic_s() + self._drain_left_s()
        for child in children:
            if child.actor is not None and child.spec.shutdown_s != "brutal":
                child.actor.order("shut_down", SHUTDOWN)
            elif child.actor is not None:
                child.actor.kill("stopped brutally by its supervisor")
        # Those with the least time first: nobody's time is up unnoticed while another one is waited for.
        for child in sorted(children, key=_patience_s):
            self._await_end(child, began_s)
        for child in children:
            self._forget_name(child)
        self._by_name = {}

    def _is_static(self, child: Child) -> bool:
        return False

    def _await_end(self, child: Child, began_s: float) -> None:
        actor, limit = child.actor, child.spec.shutdown_s
        if actor is None:
            return
        if not isinstance(limit, str):
            left_s = max(began_s + limit - self.system.clock.monotonic_s(), 0.0)
            with suppress(CallTimeout):
                actor.exited.get(timeout=left_s)
            self._kill_late(actor, limit)
        actor.exited.get()
        child.actor, child.phase = None, "stopped"


def _patience_s(child: Child) -> float:
    limit = child.spec.shutdown_s
    return float("inf") if limit == "infinity" else 0.0 if limit == "brutal" else float(limit)
