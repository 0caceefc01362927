"""A system that writes down every attempt to start a child."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from viral_engine.runtime.errors import NameTaken
from viral_engine.runtime.exits import Ignore
from viral_engine.runtime.spec import Worker
from viral_engine.runtime.system import System

from .reasons import Failure
from .script import Script
from .workers import Stranger

if TYPE_CHECKING:
    from viral_engine.runtime.actor import Actor
    from viral_engine.runtime.clock import Clock
    from viral_engine.runtime.spec import ChildSpec

    from .book import Book
    from .specs import Specs


class WatchedSystem(System):
    """Runs the trees of the cases."""

    def __init__(self, clock: Clock, book: Book, specs: Specs) -> None:
        super().__init__(clock=clock)
        self._book = book
        self._specs = specs

    def incarnate(
        self, spec: ChildSpec, path: str, supervisor: Actor | None, args: tuple[Any, ...] | None = None
    ) -> Actor:
        """See `System`: this is where a supervisor calls a start function."""
        script = self._script(spec, path, args)
        attempt = self._book.attempt(script.child)
        script.begin(attempt)
        try:
            if not isinstance(spec, Worker):
                script.supervisor_function(self)
                # It is there before its children are, and they start before this returns.
                self._book.started(attempt)
            actor = super().incarnate(spec, path, supervisor, args)
        except Ignore:
            self._book.ignored(attempt)
            raise
        except (Failure, NameTaken) as failure:
            if supervisor is None or supervisor.end is None:
                shown = failure.shown if isinstance(failure, Failure) else "already_started"
                self._book.failed(attempt, shown)
            raise
        self._book.born(attempt, actor)
        return actor

    def _script(self, spec: ChildSpec, path: str, args: tuple[Any, ...] | None) -> Script:
        if isinstance(spec, Worker):
            script: Script = (spec.args if args is None else args)[-1]
            return script
        name = path.rpartition("/")[2] or spec.name
        # A dynamic supervisor puts a number behind a name that is taken.
        return self._specs.of_supervisor(spec.name if name.startswith(f"{spec.name}-") else name)

    def stranger(self) -> Actor:
        """Starts somebody who belongs to no supervisor."""
        spec = Worker(name="other", actor_class=Stranger)
        return super().incarnate(spec, f"/other-{self.next_number()}", None)
