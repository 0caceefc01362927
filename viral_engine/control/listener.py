"""The operators' listening socket. It is main's, so that nobody is refused while the control actor restarts."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

SOCKET_NAME = "control.sock"
PATH_BYTES_MAX = 107
"""What `sun_path` holds beside its final NUL (unix(7))."""

BACKLOG = 64


@dataclass(frozen=True, slots=True)
class Listener:
    """A bound, listening socket.

    Attributes:
        path: where it is; `daemon.json` tells it to the CLI.
        private_folder: made for the socket when the data folder's path is too long.
    """

    socket: socket.socket
    path: str
    private_folder: str | None = None

    def close(self) -> None:
        """Closes the socket and removes its file, at the end of the daemon."""
        self.socket.close()
        with suppress(FileNotFoundError):
            Path(self.path).unlink()
        if self.private_folder is not None:
            shutil.rmtree(self.private_folder, ignore_errors=True)


def listen(data_dir: Path) -> Listener:
    """Binds `control.sock` in the data folder, or in a short private folder when that path is too long.

    A socket file that a dead daemon left is replaced: whoever calls this holds the lock of the data folder.

    Raises:
        OSError: the folder can't be written, or something that is no socket has the name.
    """
    path = data_dir / SOCKET_NAME
    private_folder = None
    if len(os.fsencode(path)) > PATH_BYTES_MAX:
        private_folder = _private_folder()
        path = Path(private_folder) / SOCKET_NAME
    with suppress(FileNotFoundError):
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise FileExistsError(f"{path} is in the way: it is no socket")
        path.unlink()
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        server.bind(str(path))
        # Between bind and listen every connection is refused: nobody gets in before the mode is right.
        path.chmod(0o600)
        server.listen(BACKLOG)
        server.settimeout(0.0)
    except OSError:
        server.close()
        raise
    return Listener(server, str(path), private_folder)


def _private_folder() -> str:
    """Makes a folder of mode 0700 in the first place whose path leaves room for the socket's name."""
    for parent in (os.environ.get("XDG_RUNTIME_DIR"), tempfile.gettempdir(), "/tmp"):  # noqa: S108  (0700, random name)
        if parent and len(os.fsencode(parent)) < PATH_BYTES_MAX - 40 and os.access(parent, os.W_OK):
            return tempfile.mkdtemp(prefix="viral-engine-", dir=parent)
    raise FileNotFoundError("no folder has a path that is short enough for a Unix socket; set TMPDIR to one")
