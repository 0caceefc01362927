"""`daemon.json` in the data folder: how the CLI finds a running daemon."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import msgspec

DAEMON_FILE = "daemon.json"


class DaemonInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What a daemon says about itself.

    Attributes:
        url: where its HTTP side listens.
        socket: the operators' socket; not always in the data folder, whose path may be too long for one.
        started_ms: milliseconds since 1970.
    """

    pid: int
    url: str
    socket: str
    started_ms: int
    version: str


def write(data_dir: Path, info: DaemonInfo) -> None:
    """Replaces the file in one step, so that no reader ever finds half of it."""
    target = data_dir / DAEMON_FILE
    beside = target.with_name(f"{DAEMON_FILE}.new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.encode(info) + b"\n")
    try:
        beside.replace(target)
    except OSError as error:
        raise OSError(f"{target} can't be written: {error.strerror}") from error


def read(data_dir: Path) -> DaemonInfo | None:
    """Returns what the last daemon wrote, None when there is nothing to read. It may have died since.

    Raises:
        PermissionError: the folder or the file belongs to somebody else.
    """
    try:
        return msgspec.json.decode((data_dir / DAEMON_FILE).read_bytes(), type=DaemonInfo)
    except (FileNotFoundError, NotADirectoryError, msgspec.MsgspecError):
        return None


def remove(data_dir: Path) -> None:
    """Removes it at an orderly end; what is no file of ours was told of at the start."""
    with suppress(IsADirectoryError, PermissionError):
        (data_dir / DAEMON_FILE).unlink(missing_ok=True)
