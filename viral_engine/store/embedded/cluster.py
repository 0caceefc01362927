"""Makes the database when there is none, and refuses the one of another major version; works through the keeper."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from viral_engine.store.embedded.binaries import Server
from viral_engine.store.embedded.errors import DataFolderUnusable, DiskFull, InitdbFailed, OtherMajorVersion
from viral_engine.store.embedded.keeper_client import KeeperClient
from viral_engine.store.embedded.layout import Layout, make_private_dir, sync_folder
from viral_engine.store.embedded.password import ADMIN_USER, DATABASE_USER, ensure_password
from viral_engine.store.embedded.run_as import RunAs

_LOG_TAIL_LINES = 5
_LOG_TAIL_BYTES = 4096
_NO_SPACE = "No space left on device"


@dataclass(frozen=True, slots=True)
class ClusterMaker:
    """What it takes to make or mend a database; `deadline_s` is monotonic."""

    layout: Layout
    keeper: KeeperClient
    server: Server
    user: RunAs
    deadline_s: float

    def ensure(self) -> None:
        """Leave D/pg whole and of our version, with the password in the file being the one it knows.

        Raises:
            OtherMajorVersion: another PostgreSQL wrote it.
            DataFolderUnusable: D/pg holds something else.
            InitdbFailed: there was none, and it could not be made.
            DiskFull: because there was no space.
        """
        found = written_version(self.layout.cluster)
        if found is not None and found != self.server.major:
            raise OtherMajorVersion(self.layout.cluster, found, self.server.major)
        password, is_new_password = ensure_password(self.layout.password_file)
        if found is None:
            self._create(password)
        elif is_new_password:
            self._set_password(password)

    def _create(self, password: str) -> None:
        """Initdb in a side folder, then one rename: whatever ends in between, D/pg is whole or absent."""
        layout, user = self.layout, self.user
        shutil.rmtree(layout.side, ignore_errors=True)
        make_private_dir(layout.side, user.uid, user.gid)
        password_file = layout.side / "password"
        descriptor = os.open(password_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            if user.switches:
                os.fchown(file.fileno(), user.uid, user.gid)
            file.write(password)
        finished = layout.side / "data"
        argv = [
            *(self.server.program("initdb"), "--pgdata", str(finished), "--username", ADMIN_USER),
            *("--pwfile", str(password_file), "--auth", "scram-sha-256", "--data-checksums", "--no-instructions"),
            # The builtin provider sorts the same on every machine: a new C library cannot break an index.
            *("--encoding", "UTF8", "--locale", "C", "--locale-provider", "builtin", "--builtin-locale", "C.UTF-8"),
        ]
        log_from_bytes = log_size_bytes(layout.log_file)
        status = self.keeper.run(user.order(argv), self.deadline_s, doing="creating the database")
        if status != 0:
            tail = log_tail(layout.log_file, log_from_bytes)
            shutil.rmtree(layout.side, ignore_errors=True)
            if says_disk_full(tail):
                raise DiskFull(layout.data_dir, status, tail)
            raise InitdbFailed(layout.data_dir, tail)
        finished.rename(layout.cluster)
        sync_folder(layout.data_dir)
        shutil.rmtree(layout.side)

    def _set_password(self, password: str) -> None:
        """The file was lost, the folder is ours: set a new password while nobody else can connect."""
        layout = self.layout
        argv = [self.server.program("postgres"), "--single", "-D", str(layout.cluster), "postgres"]
        statements = [f"ALTER ROLE {role} PASSWORD '{password}'\n" for role in (ADMIN_USER, DATABASE_USER)]
        order = {**self.user.order(argv), "stdin": "".join(statements)}
        log_from_bytes = log_size_bytes(layout.log_file)
        if self.keeper.run(order, self.deadline_s, doing="setting a new password") != 0:
            layout.password_file.unlink()
            raise InitdbFailed(layout.data_dir, log_tail(layout.log_file, log_from_bytes))


def written_version(cluster: Path) -> str | None:
    """The major version that wrote `cluster`; None when there is nothing yet.

    Raises:
        DataFolderUnusable: there is something, and it is no database.
    """
    try:
        return (cluster / "PG_VERSION").read_text(encoding="ascii").strip()
    except FileNotFoundError:
        if cluster.is_dir() and any(cluster.iterdir()):
            raise DataFolderUnusable(cluster, "it is not empty and no PostgreSQL database") from None
        return None


def log_tail(log_file: Path, from_bytes: int = 0) -> str:
    """The last lines of the log written since `from_bytes`, in one line."""
    try:
        with log_file.open("rb") as file:
            size_bytes = file.seek(0, os.SEEK_END)
            # Rotated in between: everything in the file is newer than the mark.
            start_bytes = from_bytes if from_bytes <= size_bytes else 0
            file.seek(max(start_bytes, size_bytes - _LOG_TAIL_BYTES))
            lines = file.read().decode(errors="replace").strip().splitlines()
    except OSError:
        lines = []
    return " / ".join(line.strip() for line in lines[-_LOG_TAIL_LINES:] if line.strip()) or "(nothing was logged)"


def log_size_bytes(log_file: Path) -> int:
    """Where the log ends now."""
    try:
        return log_file.stat().st_size
    except FileNotFoundError:
        return 0


def says_disk_full(tail: str) -> bool:
    """Whether the log names ENOSPC."""
    return _NO_SPACE in tail
