"""What a start begins with: flags, settings, the data folder, and PostgreSQL on its way up.

It loads little, so that the database can start while the rest of the daemon is loaded, which takes about as long.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from viral_engine import config
from viral_engine.actors import address
from viral_engine.folders import data_folder
from viral_engine.store.embedded.errors import EmbeddedError
from viral_engine.store.embedded.lock import FolderLock
from viral_engine.store.embedded.server import EmbeddedServer


class NotStarted(Exception):
    """The daemon could not start; the message is one sentence for the operator."""


@dataclass(frozen=True, slots=True)
class Start:
    """What the daemon is made of.

    Attributes:
        lock: held: the data folder is ours alone.
        server: the embedded server, which may be starting already; None when the settings name another.
        dev: a daemon for trials (`--dev`).
    """

    settings: config.Settings
    lock: FolderLock
    server: EmbeddedServer | None
    dev: bool = False

    @property
    def data_dir(self) -> Path:
        """The data folder, absolute."""
        return self.lock.data_dir


_begun: list[Start] = []


def begin(arguments: list[str]) -> None:
    """Prepares ahead of `take`, and has PostgreSQL start meanwhile.

    What keeps it from being prepared is left for `take` to find again, and to whoever calls that to tell.
    """
    # Where it is installed structlog loads it, for a terminal that the daemon does not write to: a tenth of the start.
    sys.modules.setdefault("rich", None)  # type: ignore[arg-type]  # None is how Python spells "not to be found"
    with contextlib.suppress(NotStarted, config.ConfigError, EmbeddedError):
        start = _prepare(arguments)
        _begun.append(start)
        if start.server is not None:
            threading.Thread(target=_start, args=(start.server,), name="head start", daemon=True).start()


def take(arguments: list[str]) -> Start:
    """Returns what was begun, or prepares it now.

    Raises:
        NotStarted, ConfigError, EmbeddedError: with a sentence for the operator.
    """
    return _begun.pop() if _begun else _prepare(arguments)


def _prepare(arguments: list[str]) -> Start:
    flags = _parse(arguments)
    settings = config.load(flags.config, _overrides(flags))
    lock = FolderLock(data_folder(flags.data_dir))
    try:
        # Before anything is written: a start that can't serve leaves no half database behind.
        address.bound(settings.server.host, settings.server.port).close()
    except (OSError, UnicodeError) as error:
        _refuse_second(lock)
        raise NotStarted(address.why_not(settings.server.host, settings.server.port, error)) from error
    lock.acquire()
    server = None if settings.database.url else EmbeddedServer(lock.data_dir)
    return Start(settings, lock, server, dev=flags.dev)


def _refuse_second(lock: FolderLock) -> None:
    """Has a second daemon of one folder told of the first, which has the port too.

    Raises:
        DataFolderInUse: there is one.
    """
    if os.path.exists(lock.data_dir / "lock"):  # noqa: PTH110 - of os.path, which raises nowhere
        lock.acquire()
        lock.release()


def _start(server: EmbeddedServer) -> None:
    # The database actor starts it too: it finds it running, or meets the same error and tells it.
    with contextlib.suppress(EmbeddedError, OSError):
        server.start()


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="viral-engine", description="Runs the daemon.")
    parser.add_argument("verb", choices=["serve"])
    parser.add_argument("--data-dir")
    parser.add_argument("--host")
    parser.add_argument("--port", type=int)
    parser.add_argument("--database-url")
    parser.add_argument("--config", type=Path)
    parser.add_argument("--dev", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def _overrides(flags: argparse.Namespace) -> dict[str, dict[str, Any]]:
    server = {key: value for key, value in (("host", flags.host), ("port", flags.port)) if value is not None}
    database = {"url": flags.database_url} if flags.database_url is not None else {}
    return {"server": server, "database": database}
