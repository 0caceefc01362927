"""The address of the HTTP side: bound before anything is written, and what is wrong with one that can't be.

Loads little, because a start begins with it.
"""

from __future__ import annotations

import errno
import os
import socket


def bound(host: str, port: int) -> socket.socket:
    """Returns a socket that is bound there and does not listen yet: until it does, callers are refused at once.

    Raises:
        OSError, UnicodeError: `why_not` puts them into words.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # For its word on a wrong name: binding has none.
    socket.getaddrinfo(host or None, port, family)
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        # Connections of the daemon before, which the kernel still remembers, take nobody's place.
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        made.bind((host, port))
    except BaseException:
        made.close()
        raise
    return made


def why_not(host: str, port: int, error: OSError | UnicodeError) -> str:
    """Returns what is wrong with an address, and which option chooses another."""
    if isinstance(error, UnicodeError):
        return f"--host {host} is no address: {error}"
    if isinstance(error, socket.gaierror):
        return f"--host {host} is no address of this machine: {(error.strerror or str(error)).lower()}"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"--host {host} is no address of this machine: choose one that it has, or 0.0.0.0 for all of them"
    why = os.strerror(error.errno) if error.errno else str(error)
    return f"{host}:{port} can't be listened on: {why}; choose another with --port (make serve PORT=...)"
