"""What happened: who was started under which label, and the log in its short form."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .reasons import reason_of
from .terms import Term, compact

if TYPE_CHECKING:
    from viral_engine.runtime.actor import Actor
    from viral_engine.runtime.incarnation import Incarnation


@dataclass(eq=False)
class Attempt:
    """One try to start a child; `label` is its id and which attempt it was."""

    child: str
    number: int
    runs: bool = False

    @property
    def label(self) -> str:
        """Such as `a.1`."""
        return f"{self.child}.{self.number}"


class Book:
    """The log of a case and the labels in it, kept by any thread."""

    def __init__(self) -> None:
        self._entries: list[tuple[Attempt, str]] = []
        self._attempts: Counter[str] = Counter()
        self._actors: dict[str, Actor] = {}
        self._of_actor: dict[object, Attempt] = {}
        self._lock = threading.RLock()

    def attempt(self, child: str) -> Attempt:
        """Opens the next attempt to start a child."""
        with self._lock:
            self._attempts[child] += 1
            return Attempt(child, self._attempts[child])

    def started(self, attempt: Attempt) -> None:
        """Notes that it runs."""
        attempt.runs = True
        self._note(attempt, f"+{attempt.label}")

    def failed(self, attempt: Attempt, why: Term) -> None:
        """Notes that it did not start; a supervisor whose name turned out to be taken never was there."""
        with self._lock:
            self._entries = [entry for entry in self._entries if entry != (attempt, f"+{attempt.label}")]
            attempt.runs = False
            self._note(attempt, f"!{attempt.label}:{compact(why)}")

    def ignored(self, attempt: Attempt) -> None:
        """Notes that there is nothing to run."""
        self._note(attempt, f"~{attempt.label}")

    def born(self, attempt: Attempt, actor: Actor) -> None:
        """Notes which incarnation an attempt became, and follows it to its end."""
        with self._lock:
            self._actors[attempt.label] = actor
            self._of_actor[actor] = attempt
        actor.exited.on_settled(lambda: self._ended(actor))

    def _ended(self, actor: Incarnation) -> None:
        supervisor = actor.context.supervisor
        if supervisor is not None and supervisor.end is not None:
            # It was killed, and its children go with it: it was first, though its own words come last.
            self._ended(supervisor)
        with self._lock:
            attempt = self._of_actor.get(actor)
            if attempt is not None and attempt.runs and actor.end is not None:
                self.gone(attempt, reason_of(actor.end, self.label))

    def gone(self, attempt: Attempt, reason: Term) -> None:
        """Notes that what ran has ended."""
        attempt.runs = False
        self._note(attempt, f"-{attempt.label}:{compact(reason)}")

    def _note(self, attempt: Attempt, text: str) -> None:
        with self._lock:
            self._entries.append((attempt, text))

    def take(self) -> str:
        """Returns what was noted since the last time."""
        with self._lock:
            entries, self._entries = self._entries, []
        return " ".join(text for _, text in entries)

    def actor(self, target: str) -> Actor | None:
        """Returns an incarnation by its label, or the last one of a child by its id."""
        with self._lock:
            if target in self._actors:
                return self._actors[target]
            for number in range(self._attempts[target], 0, -1):
                if f"{target}.{number}" in self._actors:
                    return self._actors[f"{target}.{number}"]
        return None

    def label(self, actor: object) -> str:
        """Returns how an incarnation is printed, `<other>` for one that is none of the tree."""
        attempt = self._of_actor.get(actor)
        return "<other>" if attempt is None else f"<{attempt.label}>"
