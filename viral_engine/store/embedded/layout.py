"""Where everything of the embedded database lies, given the data folder, and how its folders are made."""

import hashlib
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from viral_engine.folders import is_text
from viral_engine.store.embedded.errors import DataFolderUnusable

# sockaddr_un holds 108 bytes with the closing NUL (unix(7)); postgres adds this file name to the folder.
SOCKET_PATH_BYTES_MAX = 107
# Others may pass through to what is theirs, and list nothing.
DATA_DIR_MODE = 0o711
SOCKET_NAME = ".s.PGSQL.5432"
# libpq reads a comma in `host` as a list; postgres reads these in unix_socket_directories as punctuation.
_SOCKET_FOLDER_FORBIDDEN = set(",\"'\\")


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths of one data folder; `data_dir` is absolute and free of symbolic links."""

    data_dir: Path

    @property
    def cluster(self) -> Path:
        """The database itself, 0700, of the OS user that runs postgres."""
        return self.data_dir / "pg"

    @property
    def side(self) -> Path:
        """Where initdb works; the finished cluster is renamed into place."""
        return self.data_dir / "pg.new"

    @property
    def password_file(self) -> Path:
        """In libpq's passfile form, 0600, of the OS user that runs the daemon."""
        return self.data_dir / "pg-password"

    @property
    def keeper_lock(self) -> Path:
        """Held by the keeper until its postgres is gone."""
        return self.data_dir / "keeper.lock"

    @property
    def log_file(self) -> Path:
        """What postgres and initdb say; rotated by the keeper."""
        return self.data_dir / "postgres.log"

    @property
    def socket_dir(self) -> Path:
        """0700, of the OS user that runs postgres; inside the data folder when the kernel's path limit allows."""
        inside = self.data_dir / "pg-socket"
        size_bytes = len(os.fsencode(inside / SOCKET_NAME))
        if size_bytes <= SOCKET_PATH_BYTES_MAX and inside_is_plain(str(inside)):
            return inside
        digest = hashlib.sha256(os.fsencode(self.data_dir)).hexdigest()[:16]
        return private_runtime_dir() / f"viral-engine-{digest}"


def inside_is_plain(path: str) -> bool:
    """Whether both libpq and postgres take the path for one folder."""
    return _SOCKET_FOLDER_FORBIDDEN.isdisjoint(path) and path.isprintable()


def private_runtime_dir() -> Path:
    """A short folder for sockets: the plain user's own if there is a usable one, else /tmp.

    Root keeps to /tmp: its postgres is another user, who cannot enter root's own runtime folder.
    """
    own = Path(os.environ.get("XDG_RUNTIME_DIR", ""))
    is_short = len(os.fsencode(own)) < SOCKET_PATH_BYTES_MAX // 2
    if os.geteuid() != 0 and own.is_absolute() and own.is_dir() and is_short and inside_is_plain(str(own)):
        return own
    return Path("/tmp")  # noqa: S108 - the entry made in it is private and checked by make_private_dir


def prepare_data_dir(data_dir: Path) -> None:
    """Make the folder with DATA_DIR_MODE.

    A folder that holds somebody's files already keeps its permissions: it could be a home, or worse.

    Raises:
        DataFolderUnusable: it cannot be made, is no folder, or anybody may write into it.
    """
    if not is_text(str(data_dir)):
        raise DataFolderUnusable(data_dir, "its name is not valid UTF-8")
    try:
        data_dir.parent.mkdir(parents=True, exist_ok=True)
        data_dir.mkdir(mode=DATA_DIR_MODE, exist_ok=True)
        found = data_dir.stat()
        if found.st_mode & stat.S_IWOTH:
            raise DataFolderUnusable(data_dir, "everybody may write into it")
        if stat.S_IMODE(found.st_mode) != DATA_DIR_MODE and is_ours(data_dir):
            data_dir.chmod(DATA_DIR_MODE)
    except OSError as error:
        for place in (*reversed(data_dir.parents), data_dir):
            # Of os.path, which answers no where we may not look; Path's own raise there.
            if os.path.exists(place) and not os.path.isdir(place):  # noqa: PTH110, PTH112
                raise DataFolderUnusable(data_dir, f"{place} is no folder") from error
        raise DataFolderUnusable(data_dir, (error.strerror or str(error)).lower()) from error


def is_ours(data_dir: Path) -> bool:
    """Whether the folder is empty or was made by us: then, and only then, its permissions are ours to set."""
    names = {entry.name for entry in data_dir.iterdir()}
    return not names or bool(names & {"lock", "keeper.lock"})


def make_private_dir(folder: Path, uid: int, gid: int) -> None:
    """Make `folder` 0700 and owned by `uid`, and trust an existing one only if nobody else could have made it.

    Raises:
        DataFolderUnusable: what is there is a link, a file, or somebody else's.
    """
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            owner_uid = os.fstat(descriptor).st_uid
            if owner_uid not in {uid, os.geteuid()}:
                raise DataFolderUnusable(folder, f"it belongs to the OS user with the number {owner_uid}")
            os.fchmod(descriptor, 0o700)
            if owner_uid != uid:
                os.fchown(descriptor, uid, gid)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise DataFolderUnusable(folder, (error.strerror or str(error)).lower()) from error


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` survive a loss of power."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
