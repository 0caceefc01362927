"""The listening sockets: they belong to the process, so that callers wait in their backlogs while an actor restarts."""

from __future__ import annotations

import errno
import os
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from viral_engine.actors.start import NotStarted
from viral_engine.control import listener

if TYPE_CHECKING:
    from pathlib import Path

    from viral_engine import config


@dataclass(frozen=True, slots=True)
class Sockets:
    """Both of them, bound and listening.

    Attributes:
        url: of the HTTP side.
    """

    http: socket.socket
    control: listener.Listener
    url: str

    def refuse(self) -> None:
        """Has new callers refused at once: nobody will come to answer those who would wait. From any thread.

        The actor that serves has a copy of its own and closes it when it stops.
        """
        self.http.close()

    def close(self) -> None:
        """Closes both."""
        self.refuse()
        self.control.close()


def bind(settings: config.Server, data_dir: Path) -> Sockets:
    """Binds both.

    Raises:
        NotStarted: an address is taken or not ours.
    """
    host, port = settings.host, settings.port
    is_v6 = ":" in host
    family = socket.AF_INET6 if is_v6 else socket.AF_INET
    try:
        # For its word on a wrong name: binding has none.
        socket.getaddrinfo(host or None, port, family)
        http = socket.create_server((host, port), family=family, backlog=settings.backlog)
    except (OSError, UnicodeError) as error:
        raise NotStarted(_why_not(host, port, error)) from error
    try:
        control = listener.listen(data_dir)
    except OSError as error:
        http.close()
        raise NotStarted(f"the operators' socket can't be made: {error}") from error
    return Sockets(http, control, f"http://{f'[{host}]' if is_v6 else host}:{http.getsockname()[1]}")


def _why_not(host: str, port: int, error: OSError | UnicodeError) -> str:
    """Returns what is wrong with an address, and which option chooses another."""
    if isinstance(error, UnicodeError):
        return f"--host {host} is no address: {error}"
    if isinstance(error, socket.gaierror):
        return f"--host {host} is no address of this machine: {(error.strerror or str(error)).lower()}"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"--host {host} is no address of this machine: choose one that it has, or 0.0.0.0 for all of them"
    why = os.strerror(error.errno) if error.errno else str(error)
    return f"{host}:{port} can't be listened on: {why}; choose another with --port (make serve PORT=...)"
