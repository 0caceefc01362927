"""`/web`: the HTTP side as an actor. Its listening socket belongs to main(), so no restart refuses a connection."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from typing import Any

from viral_engine.messages.database import DatabaseReady, Invalidate
from viral_engine.runtime.exits import Exit
from viral_engine.runtime.loop_actor import LoopActor
from viral_engine.web.app import build_app
from viral_engine.web.context import WebContext
from viral_engine.web.server import STOP_LINGER_S, Server
from viral_engine.web.state import WebState

KEYS_INTERVAL_S = 0.5
"""A key revoked elsewhere is refused here within a second, even when no notice of it arrives."""


class ServerEnded(Exception):
    """uvicorn's task ended although nobody told it to."""


class _ReadKeys:
    """The actor's own timer: time to read the keys again."""


class Web(LoopActor):
    """Serves HTTP.

    Spec args: the `WebContext` and the listening socket.
    """

    async def init(self, context: WebContext, listener: socket.socket) -> None:
        """Accepts connections when it returns; needs no other part to be up."""
        state = self.kept.value if isinstance(self.kept.value, WebState) else WebState(context)
        self.kept.value = state
        self._web = state
        self._server = Server(build_app(context, state), context.settings)
        self.own(self)
        self._tasks: set[asyncio.Task[Any]] = set()
        copy = listener.dup()
        copy.settimeout(0)
        serving = asyncio.get_running_loop().create_task(self._server.serve(sockets=[copy]), name=f"{self.path}: serve")
        self._serving = serving
        up = asyncio.ensure_future(self._server.up.wait())
        await asyncio.wait({serving, up}, return_when=asyncio.FIRST_COMPLETED)
        up.cancel()
        if serving.done():
            copy.close()
            raise ServerEnded("uvicorn did not start") from serving.exception()
        serving.add_done_callback(self.tell_info)
        self.send_interval(KEYS_INTERVAL_S, _ReadKeys())
        self._read_keys()

    def handle_info(self, message: Any) -> None:
        """Reads the keys when their time has come."""
        match message:
            case _ReadKeys():
                self._read_keys()
            case asyncio.Task():
                raise ServerEnded("uvicorn ended by itself") from message.exception()
            case _:
                super().handle_info(message)

    def handle_cast(self, message: Any) -> None:
        """Reads the keys when somebody says that they changed or may have."""
        match message:
            case Invalidate("keys" | "all") | DatabaseReady():
                self._read_keys()
            case Invalidate():
                pass
            case _:
                super().handle_cast(message)

    async def terminate(self, exit_reason: Exit) -> None:
        """Serves out what is under way when the daemon stops; after a crash the next incarnation need not wait."""
        if not hasattr(self, "_serving"):
            return
        self._serving.remove_done_callback(self.tell_info)
        if exit_reason.is_clean:
            self._server.begin_stop(STOP_LINGER_S)
            await asyncio.wait({self._serving})
        else:
            self._server.begin_stop()

    def abort(self) -> None:
        """Lets the server of a killed incarnation accept nothing more; what it has accepted is answered."""
        self._serving.remove_done_callback(self.tell_info)
        self.system.loop.post(self._server.begin_stop)

    def inspect_state(self) -> Mapping[str, Any]:
        """Returns numbers of open connections and requests."""
        served = self._server.server_state
        return {
            "connections": len(served.connections),
            "requests_open": self._server.open_requests,
            "requests_total": served.total_requests,
            "hot_checks": self._server.hot_route.taken,
            "known_heads": self._server.hot_route.known_heads,
            "keys_loaded": self._web.keys.is_loaded,
        }

    def _read_keys(self) -> None:
        reading = asyncio.get_running_loop().create_task(self._web.keys.refresh(), name=f"{self.path}: keys")
        self._tasks.add(reading)
        reading.add_done_callback(self._tasks.discard)
