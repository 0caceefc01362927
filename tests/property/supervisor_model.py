"""What a supervisor should do, in a hundred lines: OTP's rules for a quiet tree, without any actor."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

WINDOW_S = 5


@dataclass
class Model:
    """A supervisor that its own supervisor always brings back; `kind` is a strategy or `dynamic`."""

    kind: str
    restarts_max: int
    static: dict[str, str]  # Restart types of those it starts with.
    types: dict[str, str] = field(default_factory=dict)
    phases: dict[str, str] = field(default_factory=dict)  # In the supervisor's order.
    added: set[str] = field(default_factory=set)
    starts: dict[str, int] = field(default_factory=dict)
    outcomes: dict[str, list[str]] = field(default_factory=dict)  # Of the next inits: `fail` or `ignore`.
    restarts_s: list[int] = field(default_factory=list)
    queue: deque[tuple[str, str, int, bool]] = field(default_factory=deque)
    lives: int = 0
    now_s: int = 0

    def begin(self) -> None:
        """Starts anew with the static children; one that fails takes those before it along, and all is tried again."""
        while True:
            self.lives += 1
            for name in self.added:
                self.starts.pop(name, None)
            self.added, self.restarts_s, self.queue = set(), [], deque()
            self.types, self.phases = dict(self.static), dict.fromkeys(self.static, "stopped")
            if all(self.start(name) for name in self.static):
                return

    def start(self, name: str) -> bool:
        """One start; False when its init failed."""
        self.starts[name] = self.starts.get(name, 0) + 1
        outcome = self.outcomes[name].pop(0) if self.outcomes.get(name) else "run"
        self.phases[name] = "running" if outcome == "run" else "stopped"
        if outcome == "ignore":
            self.finish(name)
        return outcome != "fail"

    def finish(self, name: str) -> bool:
        """An end that brings nobody back."""
        self.phases[name] = "stopped"
        return (self.types[name] == "temporary" or self.kind == "dynamic") and self.drop(name)

    def drop(self, name: str) -> bool:
        del self.phases[name], self.types[name], self.starts[name]
        self.added.discard(name)
        return False

    def add(self, name: str, restart: str) -> bool:
        self.types[name], self.phases[name] = restart, "stopped"
        self.added.add(name)
        return self.start(name) or self.drop(name)

    def cycle(self, name: str) -> bool:
        return self.start(name) or self.finish(name)

    def end(self, name: str, *, crashed: bool) -> None:
        """An incarnation ends; the supervisor hears of it in `settle`."""
        self.queue.append(("ended", name, self.starts[name], crashed))

    def settle(self) -> None:
        while self.queue:
            what, name, number, crashed = self.queue.popleft()
            expected = "running" if what == "ended" else "restarting"
            if self.phases.get(name) != expected or self.starts[name] != number:
                continue
            kept_down = self.types[name] == "temporary" or (self.types[name] == "transient" and not crashed)
            if what == "ended" and kept_down:
                self.finish(name)
            else:
                self.restart(name)

    def restart(self, name: str) -> None:
        self.restarts_s.append(self.now_s)
        if sum(self.now_s - at_s <= WINDOW_S for at_s in self.restarts_s) > self.restarts_max:
            self.begin()
            return
        if self.kind == "dynamic":
            self.phases[name] = self.phases.pop(name)
        order = list(self.phases)
        groups = {"rest_for_one": order[order.index(name) :], "one_for_all": order}
        group = groups.get(self.kind, [name])
        for member in set(group) - {name}:
            self.finish(member)
        for member in [member for member in group if member in self.phases]:
            if not self.start(member):
                self.phases[member] = "restarting"
                self.queue.append(("retry", member, self.starts[member], True))
                return
