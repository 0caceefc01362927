"""The actor behind the operators' socket."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from viral_engine.control.context import ControlContext
from viral_engine.control.server import Server
from viral_engine.control.service import Service
from viral_engine.runtime.exits import Exit
from viral_engine.runtime.thread_actor import ThreadActor

GRACE_S = 0.5
"""Requests that are being answered get so long when the actor ends in an orderly way."""


@dataclass(frozen=True, slots=True)
class AcceptingFailed:
    """The accepting thread ended: without it nobody is heard any more."""

    error: BaseException


class Control(ThreadActor):
    """Owns the threads that serve operators.

    Requests are answered in these threads and not in this actor's: it could be suspended or killed by the very
    request, and a slow answer must not hold up the next operator. The listening socket is main's, so a restart
    refuses nobody: whoever connects meanwhile waits in the backlog.
    """

    def init(self, context: ControlContext) -> None:
        """See `Actor`."""
        if self.kept.value is None:
            self.kept.value = {}
        service = Service(self.system, context, self.path, self.kept.value)
        self._listener = context.listener
        self._server = Server(
            context.listener.socket, service.serve, lambda error: self.tell_info(AcceptingFailed(error))
        )
        self.own(self._server)
        self._server.start()

    def handle_info(self, message: Any) -> None:
        """See `Actor`."""
        match message:
            case AcceptingFailed(error):
                raise error
            case _:
                super().handle_info(message)

    def terminate(self, exit_reason: Exit) -> None:
        """See `Actor`."""
        self._server.stop(GRACE_S)

    def inspect_state(self) -> Mapping[str, Any]:
        """See `Actor`."""
        return {
            "socket": self._listener.path,
            "open_connections": self._server.open_connections,
            "served": self._server.served,
            "refused": self._server.refused,
        }
