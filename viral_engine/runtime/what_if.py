"""What a death would bring: who goes down, who comes back, who gives up. Pure: nothing is touched, nobody is asked.

Every start is taken to succeed, and the death to be a kill: a crash may be treated otherwise by `Worker.decider`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from viral_engine.runtime import backoff
from viral_engine.runtime.exits import KILLED, SHUTDOWN, Exit
from viral_engine.runtime.intensity import admit_restart
from viral_engine.runtime.spec import DynamicSupervisor, Supervisor
from viral_engine.runtime.standing import Standing
from viral_engine.runtime.strategies import GroupRestart, ends_supervisor, needs_restart, plan_restart

if TYPE_CHECKING:
    from collections.abc import Iterator

    from viral_engine.runtime.spec import ChildSpec

ROOT = "/"

StepVerb = Literal["ends", "dies", "stays_down", "rests", "stops", "gives_up", "shuts_down", "waits", "starts"]


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that would happen.

    Attributes:
        verb: `ends` with its supervisor or `dies`; then `stays_down`, `rests` (gives up alone), or its supervisor
            `gives_up`, `shuts_down` or brings it back: `stops` siblings, `waits`, `starts`.
        why: a few words, where the verb does not say it.
    """

    verb: StepVerb
    path: str
    why: str | None = None


@dataclass(frozen=True, slots=True)
class Count:
    """A restart that would be counted, and how many of the allowed ones would then be used up."""

    path: str
    used: int
    restarts_max: int
    window_s: float

    @property
    def is_exhausted(self) -> bool:
        """Whether it is one too many."""
        return self.used > self.restarts_max


@dataclass(frozen=True, slots=True)
class WhatIf:
    """What would follow a death.

    Attributes:
        steps: in order; a supervisor is up after its children and down after them.
        counts: the supervisors that count it, the nearest first; more than one means that it escalates.
        ends_root: whether nothing would be left.
    """

    path: str
    steps: tuple[Step, ...]
    counts: tuple[Count, ...]
    ends_root: bool


def what_if(root: Standing, path: str) -> WhatIf:
    """Tells what would follow if the actor at `path` were killed now.

    Raises:
        LookupError: there is no such node, or it has no incarnation that could die.
    """
    *above, node = _chain(root, path)
    if not node.lives:
        raise LookupError(f"{path} is {node.phase.replace('_', ' ')}")
    story = _Story()
    story.end_below(node, "ends")
    story.tell("dies", node)
    ended, exit_reason = node, KILLED
    for supervisor in reversed(above):
        if not story.react(supervisor, ended, exit_reason):
            return WhatIf(path, tuple(story.steps), tuple(story.counts), ends_root=False)
        ended, exit_reason = supervisor, SHUTDOWN
    return WhatIf(path, tuple(story.steps), tuple(story.counts), ends_root=True)


@dataclass(slots=True)
class _Story:
    steps: list[Step] = field(default_factory=list)
    counts: list[Count] = field(default_factory=list)

    def tell(self, verb: StepVerb, node: Standing, why: str | None = None) -> None:
        self.steps.append(Step(verb, node.path, why))

    def end_below(self, node: Standing, verb: StepVerb, *, but: Standing | None = None) -> None:
        """The children of a node end in reverse start order, one subtree after the other."""
        for child in reversed(node.children):
            if child is not but:
                self.end(child, verb)

    def end(self, node: Standing, verb: StepVerb) -> None:
        if node.lives:
            self.end_below(node, verb)
            self.tell(verb, node)

    def react(self, supervisor: Standing, ended: Standing, exit_reason: Exit) -> bool:
        """What a supervisor does about the end of a child; True when it ends itself, with `shutdown`."""
        spec = ended.spec
        if not needs_restart(spec.restart, exit_reason):
            self.tell("stays_down", ended, f"it is {spec.restart}")
            return self.shuts_down(supervisor, ended)
        if spec.on_give_up == "suspend":
            if not self.count(supervisor, ended, ended.own_restarts_s):
                self.tell("rests", ended, "more restarts than its supervisor allows")
                return False
        elif not self.count(supervisor, supervisor, supervisor.restarts_s):
            self.end_below(supervisor, "stops", but=ended)
            self.tell("gives_up", supervisor, "more restarts than it allows")
            return True
        self.bring_back(supervisor, ended)
        return False

    def shuts_down(self, supervisor: Standing, ended: Standing) -> bool:
        others = [child for child in supervisor.children if child is not ended and child.spec.significant]
        alive = any(child.phase != "stopped" for child in others)
        rule = _supervises(supervisor).auto_shutdown
        if not ends_supervisor(rule, significant=ended.spec.significant, other_significant_alive=alive):
            return False
        self.end_below(supervisor, "stops", but=ended)
        self.tell("shuts_down", supervisor, f"{rule} of its children ended".replace("_", " "))
        return True

    def count(self, supervisor: Standing, counted: Standing, restarts_s: tuple[float, ...]) -> bool:
        spec = _supervises(supervisor)
        restarts_max, window_s = spec.restarts_max, spec.restarts_window_s
        admitted, counting_s = admit_restart(restarts_s, 0.0, restarts_max=restarts_max, window_s=window_s)
        self.counts.append(Count(counted.path, len(counting_s), restarts_max, window_s))
        return admitted

    def bring_back(self, supervisor: Standing, ended: Standing) -> None:
        known = {child.name: child for child in supervisor.children}
        plan = _plan(supervisor, list(known), ended.name)
        for name in plan.stop:
            self.end(known[name], "stops")
        if ended.spec.backoff is not None:
            wait_s = backoff.delay_s(ended.spec.backoff, ended.failures, 0.5)
            self.tell("waits", ended, f"about {wait_s:g} s, its backoff")
        for name in plan.start:
            # Whoever is stopped and temporary is forgotten.
            if known[name].spec.restart != "temporary":
                self.steps += (Step("starts", path) for path in _started(known[name].spec, known[name].path))


def _plan(supervisor: Standing, names: list[str], failed: str) -> GroupRestart:
    spec = _supervises(supervisor)
    return plan_restart(spec.strategy if isinstance(spec, Supervisor) else "one_for_one", names, failed)


def _started(spec: ChildSpec, path: str) -> Iterator[str]:
    """A fresh supervisor has its static children only."""
    if isinstance(spec, Supervisor):
        for child in spec.children:
            yield from _started(child, f"{path}/{child.name}")
    yield path


def _supervises(node: Standing) -> Supervisor | DynamicSupervisor:
    assert isinstance(node.spec, Supervisor | DynamicSupervisor)
    return node.spec


def _chain(root: Standing, path: str) -> list[Standing]:
    """The nodes from the root down to `path`."""
    chain = [root]
    for name in filter(None, path.split("/")):
        found = next((child for child in chain[-1].children if child.name == name), None)
        if found is None:
            raise LookupError(f"there is no actor at {path}")
        chain.append(found)
    return chain
