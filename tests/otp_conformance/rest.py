"""When nothing more will happen in a tree until somebody speaks to it or time passes."""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING, Any

from viral_engine.runtime.reply import Reply
from viral_engine.runtime.testing import PATIENCE_S, NotSettled
from viral_engine.runtime.thread_actor import ThreadActor

if TYPE_CHECKING:
    from collections.abc import Callable

    from viral_engine.runtime.incarnation import Incarnation
    from viral_engine.runtime.system import System

    from .clock import CaseClock

LOOK_INTERVAL_S = 0.0002


class Driver:
    """Moves the time of one system, and only while everybody in it waits for that."""

    def __init__(self, system: System, clock: CaseClock) -> None:
        self.system = system
        self.clock = clock
        self._helpers: list[threading.Thread] = []

    def in_background(self, act: Callable[[], Any]) -> Reply[Any]:
        """Does something that may wait for time; the reply is what it returned or raised."""
        reply: Reply[Any] = Reply()

        def helper() -> None:
            try:
                reply.set(act())
            except Exception as error:  # noqa: BLE001  (whoever reads the reply gets it)
                reply.set_exception(error)

        thread = threading.Thread(target=helper, name="helper", daemon=True)
        self._helpers = [*(known for known in self._helpers if known.is_alive()), thread]
        thread.start()
        return reply

    def advance(self, seconds: float) -> None:
        """Lets time pass."""
        until_s = self.clock.now_s + seconds
        self.come_to_rest()
        while self.clock.fire_next(until_s):
            self.come_to_rest()

    def until(self, reply: Reply[Any], patience_s: float = math.inf) -> None:
        """Lets time pass until the reply is there, or nobody waits for time any more."""
        until_s = self.clock.now_s + patience_s
        self.come_to_rest()
        while not reply.is_settled and self.clock.fire_next(until_s):
            self.come_to_rest()

    def come_to_rest(self) -> None:
        """Waits until nobody works: twice in a row everybody was found idle, and nobody had been woken meanwhile.

        Once would not do: an actor that was found idle may be given what it waits for by one that is looked at later
        and has come to rest by then.

        Raises:
            NotSettled: somebody works all the time.
        """
        give_up_s = time.monotonic() + PATIENCE_S
        quiet = 0
        while quiet < 2:
            before = self._activity()
            busy = self._busy()
            quiet = quiet + 1 if not busy and self._activity() == before else 0
            if quiet == 0:
                if time.monotonic() > give_up_s:
                    raise NotSettled(f"{', '.join(busy)} did not come to rest")
                threading.Event().wait(LOOK_INTERVAL_S)

    def _activity(self) -> tuple[int, dict[Incarnation, int]]:
        return self.clock.wakes, {actor: actor.mailbox.accepted for actor in self.system.living.copy()}

    def _busy(self) -> list[str]:
        actors = [actor.path for actor in self.system.living.copy() if not self._is_idle(actor)]
        return actors + [thread.name for thread in self._helpers if thread.is_alive() and not self._waits(thread.ident)]

    def _is_idle(self, actor: Incarnation) -> bool:
        if not actor.mailbox._awake:
            return True
        if isinstance(actor, ThreadActor):
            return self._waits(actor.thread_ident)
        waits_for = getattr(actor, "waits_for", None)
        return waits_for is not None and not waits_for.is_settled

    def _waits(self, ident: int | None) -> bool:
        event = self.clock.blocked.get(ident or 0)
        return event is not None and not event.is_set()
