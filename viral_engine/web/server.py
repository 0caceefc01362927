"""uvicorn on the runtime's loop: stopped by us, never by a signal, and without losing a request."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, MutableMapping
from typing import Any

import uvicorn

from viral_engine.config import Settings
from viral_engine.web.accepting import Accepting
from viral_engine.web.app import Application
from viral_engine.web.protocol import Protocol
from viral_engine.web.refusing import App

DATE_INTERVAL_S = 1.0
POLL_S = 0.02
STOP_LINGER_S = 0.1
"""When the daemon stops: how long an idle connection is still listened to for a request that is on its way."""


class Server(uvicorn.Server):
    """One incarnation's server.

    It closes its copy of the listening socket only: new connections wait in the kernel's queue for the next
    incarnation. Open ones are served to the end of what they asked and told `Connection: close`.
    """

    def __init__(self, app: Application, settings: Settings) -> None:

        class ServerProtocol(Protocol):
            connections_max = settings.web.connections_max
            hot_route = app.hot

        self._protocol: type[Protocol] = ServerProtocol
        super().__init__(
            uvicorn.Config(
                app,
                interface="asgi3",
                http=ServerProtocol,
                ws="none",
                lifespan="off",
                log_config=None,
                log_level="warning",
                access_log=False,
                server_header=False,
                proxy_headers=False,
                backlog=settings.server.backlog,
                timeout_keep_alive=settings.web.keep_alive_s,
            )
        )
        self.hot_route = app.hot
        self.up = asyncio.Event()
        self._accepting: list[Accepting] = []
        self._stop = asyncio.Event()
        self._grace_s = settings.server.stop_grace_s
        self._linger_s = float(settings.web.keep_alive_s)

    def capture_signals(self) -> contextlib.AbstractContextManager[None]:  # type: ignore[override]  # a wider type
        """Leaves the signals to main()."""
        return contextlib.nullcontext()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begins to accept."""
        await super().startup([])
        self._accepting = [Accepting(listener, self._new_protocol) for listener in sockets or []]
        self.up.set()

    def _new_protocol(self) -> Protocol:
        return self._protocol(self.config, self.server_state, self.lifespan.state)

    async def main_loop(self) -> None:
        """Keeps the Date header right until it is told to stop."""
        while not self._stop.is_set():
            await self.on_tick(0)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), DATE_INTERVAL_S)

    def begin_stop(self, linger_s: float | None = None) -> None:
        """Stops accepting; on the loop only.

        Args:
            linger_s: how long idle connections may still bring a request, which is then answered and the last one;
                the whole keep-alive time when absent, for an incarnation that is replaced by another.
        """
        if not self._stop.is_set():
            self._linger_s = self._linger_s if linger_s is None else linger_s
            self._stop.set()

    @property
    def open_requests(self) -> int:
        """Requests that are not answered yet, those that wait behind another on their connection not counted."""
        return sum(isinstance(one, Protocol) and one.is_busy for one in self.server_state.connections)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Serves what is under way to its end, at most for the grace time, then cancels what is left."""
        for accepting in self._accepting:
            await accepting.close()
        for listener in sockets or []:
            listener.close()
        self._say_goodbye()
        await self._until_none(lambda: not self.server_state.connections, self._linger_s)
        for connection in list(self.server_state.connections):
            connection.shutdown()
        if not await self._until_none(self._is_idle, self._grace_s):
            for task in list(self.server_state.tasks):
                task.cancel()
            for connection in list(self.server_state.connections):
                assert isinstance(connection, Protocol)
                connection.give_up()
            await self._until_none(self._is_idle, STOP_LINGER_S)

    def _say_goodbye(self) -> None:
        """Makes each further answer the last one of its connection, so that no request meets a closed one."""
        goodbye = self.config.loaded_app = _closing(self.config.loaded_app)
        self._protocol.hot_route = None
        for connection in self.server_state.connections:
            assert isinstance(connection, Protocol)
            connection.app = goodbye
            connection.hot_route = None
            connection.make_answer_the_last()

    def _is_idle(self) -> bool:
        return not self.server_state.connections and not self.server_state.tasks

    @staticmethod
    async def _until_none(is_done: Callable[[], bool], timeout_s: float) -> bool:
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + timeout_s
        while not is_done():
            if loop.time() >= deadline_s:
                return False
            await asyncio.sleep(POLL_S)
        return True


def _closing(app: App) -> App:
    async def serve_last(scope: Any, receive: Any, send: Any) -> None:
        async def send_last(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), (b"connection", b"close")]
            await send(message)

        await app(scope, receive, send_last)

    return serve_last
