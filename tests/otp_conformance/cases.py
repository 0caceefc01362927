"""One case from its start to its end."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from viral_engine.runtime.errors import InvalidSpec, NameTaken, StartFailed
from viral_engine.runtime.exits import Ignore
from viral_engine.runtime.testing import NotSettled

from .book import Book
from .clock import CaseClock
from .events import Asked, Events
from .reasons import Failure, reason_of
from .rest import Driver
from .script import Stage
from .specs import Refused, Specs
from .terms import Term, jsonable, parse
from .watched_system import WatchedSystem
from .workers import placements

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .specs import Raw

SETTLE_MS = 45
"""What the oracle waits after an event that does not say how long."""

_WITHOUT = {
    "link": "actors have no links: a supervisor or a monitor hears of an end",
    "unlink_parent": "a child can't get away from its supervisor",
}


def run(case: Raw, placement: str) -> Raw:
    """Runs a case and returns what happened, or why it can't be run."""
    why = out_of_scope(case)
    if why is not None:
        return {"id": case["id"], "skipped": why}
    return Run(case, placement).whole()


def out_of_scope(case: Raw) -> str | None:
    """Returns what the runtime does not have and this case is about."""
    for part in _parts([case["tree"], case["events"]]):
        if part.get("op") in _WITHOUT:
            return _WITHOUT[part["op"]]
        if part.get("impl") == "raw":
            return "no actor can ignore the end of its supervisor"
    return None


def _parts(part: Any) -> Iterator[Raw]:
    if isinstance(part, list):
        for item in part:
            yield from _parts(item)
    if isinstance(part, dict):
        yield part
        yield from _parts(list(part.values()))


class Run:
    """A case with a system of its own.

    Args:
        case: what is to be done; what is expected is not looked at.
        placement: where the workers live.
    """

    def __init__(self, case: Raw, placement: str) -> None:
        self._case = case
        self._book = Book()
        aligned = any(part.get("op") == "align" for part in _parts(case["events"]))
        self._clock = CaseClock(whole_seconds=aligned)
        self._stage = Stage(self._book, self._clock)
        self._specs = Specs(self._stage, placements[placement], case.get("workers") or {})
        self._system = WatchedSystem(self._clock, self._book, self._specs)
        self._driver = Driver(self._system, self._clock)
        self._events = Events(self._system, self._driver, self._book, self._specs)

    def whole(self) -> Raw:
        """Starts the tree, carries out the events, and ends whatever is left."""
        steps: list[str] = []
        rets: list[Term] = []
        seen: Raw = {"id": self._case["id"], "steps": steps, "rets": rets}
        try:
            for event in (None, *self._case["events"]):
                ret = self._start() if event is None else self._events.perform(event)
                self._settle(event or {})
                steps.append(self._book.take())
                rets.append(jsonable(ret))
        except Exception as error:  # noqa: BLE001  (the other cases are to be run all the same)
            seen["error"] = f"{type(error).__name__}: {error}"
        root = self._system.root
        seen["alive"] = root is not None and root.end is None
        with suppress(NotSettled):
            self._end()
        return seen

    def _settle(self, event: Raw) -> None:
        # Without a settle nobody waits for time, but whoever works comes to an end: that takes none.
        self._driver.advance((event.get("settle", SETTLE_MS) or 0) / 1_000)

    def _start(self) -> Term:
        tree = self._case["tree"]
        first = tree.get("start", ["ok"])[0]
        garbage = first.get("init_return") if isinstance(first, dict) else None
        try:
            spec: Any = self._specs.root(tree) if garbage is None else parse(garbage)
        except Refused as refused:
            return self._refused(tree, refused.reason)

        def of_error(error: Exception) -> Term:
            match error:
                case StartFailed():
                    return ("error", reason_of(error.exit_reason, self._book.label))
                case InvalidSpec():
                    self._book.failed(self._book.attempt(tree["id"]), parse(garbage))
                    return ("error", ("bad_return", ("oracle", "init", parse(garbage))))
                case Failure():
                    return ("error", error.reason)
                case NameTaken():
                    return ("error", ("already_started", self._book.label(error.holder)))
                case Ignore():
                    return "ignore"
                case _:
                    raise error

        starting = self._driver.in_background(lambda: self._system.start(spec))
        self._driver.until(starting)
        return Asked(starting, lambda root: ("ok", self._book.label(root)), of_error).ret()

    def _refused(self, tree: Raw, reason: Term) -> Term:
        """What OTP finds out in the supervisor's process, the runtime knows before there is one."""
        attempt = self._book.attempt(tree["id"])
        self._book.started(attempt)
        self._book.gone(attempt, reason)
        return ("error", reason)

    def _end(self) -> None:
        self._stage.over.set(None)
        if self._system.loop.ident is None:
            # The tree was refused; a loop that never ran can't be closed.
            self._system.loop.start()
        stopping = self._driver.in_background(self._system.stop)
        self._driver.until(stopping)
        self._events.end()
        # Threads that were abandoned in the middle of a pause end with it.
        while self._clock.fire_next():
            pass
