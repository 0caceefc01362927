"""The listening sockets: they belong to the process, so that callers wait in their backlogs while an actor restarts."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

from viral_engine.actors import address
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
    try:
        http = address.bound(host, port)
        http.listen(settings.backlog)
    except (OSError, UnicodeError) as error:
        raise NotStarted(address.why_not(host, port, error)) from error
    try:
        control = listener.listen(data_dir)
    except OSError as error:
        http.close()
        raise NotStarted(f"the operators' socket can't be made: {error}") from error
    return Sockets(http, control, f"http://{f'[{host}]' if ':' in host else host}:{http.getsockname()[1]}")
