"""For trials with `serve --dev` only: has an actor hang, so that one can see what becomes of it."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from viral_engine.runtime.hooks import Hooks

if TYPE_CHECKING:
    from viral_engine.runtime.actor import Actor

HANG_S_MAX = 600.0


@dataclass(frozen=True, slots=True)
class Hang:
    """A message whose handler takes so long."""

    seconds: float


def hang(actor: Actor, seconds: float) -> None:
    """Has the actor hang in its next message for so long; on the loop everybody hangs with it."""
    name = "_handle" if type(actor).handle_batch is Hooks.handle_batch else "handle_batch"
    before = vars(actor).get(name)
    handler = getattr(actor, name)

    def handle(given: Any, *rest: Any) -> Any:
        envelopes = given if isinstance(given, list) else [given]
        others = [envelope for envelope in envelopes if not isinstance(envelope.message, Hang)]
        if len(others) == len(envelopes):
            return handler(given, *rest)
        # Once is enough; whatever stood before the handler of its class stands there again.
        vars(actor).pop(name, None) if before is None else vars(actor).update({name: before})
        threading.Event().wait(seconds)
        return handler(others, *rest) if others else None

    vars(actor)[name] = handle
    actor.tell_info(Hang(seconds))
