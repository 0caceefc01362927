"""The embedded PostgreSQL as the rest of the program sees it: start, stop, and where to connect.

main() makes one `EmbeddedServer` per data folder and hands it to the `database` actor. It outlives the actor: a new
incarnation calls `start` again and finds the server running, its connections and its postmaster unharmed.
"""

import contextlib
import errno
import threading
import time
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from viral_engine.store.embedded import orphan
from viral_engine.store.embedded.binaries import find_server, reachable_server
from viral_engine.store.embedded.cluster import ClusterMaker, log_size_bytes, log_tail, says_disk_full
from viral_engine.store.embedded.errors import (
    DataFolderInUse,
    DataFolderUnusable,
    DiskFull,
    PasswordRefused,
    ServerDied,
    StartTimedOut,
    StopTimedOut,
)
from viral_engine.store.embedded.keeper_client import KeeperClient
from viral_engine.store.embedded.layout import Layout, make_private_dir, prepare_data_dir
from viral_engine.store.embedded.password import ADMIN_USER, DATABASE_USER, ensure_password
from viral_engine.store.embedded.run_as import choose
from viral_engine.store.embedded.settings import EmbeddedSettings, option_arguments, server_options

__all__ = ["EmbeddedServer", "EmbeddedSettings"]

DATABASE = "viral_engine"
_MAINTENANCE_DATABASE = "postgres"
_WAIT_S_MIN = 0.005
_WAIT_S_MAX = 0.1
_CONNECT_TIMEOUT_S = 5
# Postmaster killed, a worker of it still at its statement: gone within a moment, and worth another try.
_MEMORY_IN_USE = "is still in use"


class EmbeddedServer:
    """PostgreSQL on one data folder, safe to use from any thread.

    It ends with the process however that ends: by kill -9 too, and without any help from this object.
    """

    def __init__(self, data_dir: Path, settings: EmbeddedSettings = EmbeddedSettings()) -> None:  # noqa: B008 - frozen
        self._layout = Layout(data_dir.resolve())
        self._settings = settings
        self._keeper: KeeperClient | None = None
        self._is_ready = False
        self._log_from_bytes = 0
        # Held by start and stop; is_running and the properties never wait for it.
        self._lock = threading.Lock()

    @property
    def data_dir(self) -> Path:
        """Absolute, free of symbolic links."""
        return self._layout.data_dir

    @property
    def conninfo(self) -> str:
        """For psycopg, psql and pg_dump; known before the first start. The password is named by file, not contained."""
        return self._conninfo(DATABASE, DATABASE_USER)

    @property
    def postmaster_pid(self) -> int | None:
        """OS process number while `is_running`, else None."""
        keeper = self._keeper
        return keeper.postmaster_pid if keeper is not None and keeper.is_serving() else None

    @property
    def keeper_pid(self) -> int | None:
        """OS process number of the keeper while `is_running`, else None."""
        keeper = self._keeper
        return keeper.pid if keeper is not None and keeper.is_serving() else None

    def is_running(self) -> bool:
        """Whether postgres lives under our keeper; costs one system call."""
        return self.postmaster_pid is not None

    def start(self, timeout_s: float = 60) -> None:
        """Have the server running and ready for connections; returns at once if it is.

        Waits for the keeper of a daemon that has just been killed, and replaces a postgres that has died.

        Raises:
            EmbeddedError: one of errors.py; nothing keeps running except after StartTimedOut.
        """
        deadline_s = time.monotonic() + timeout_s
        with self._lock:
            wait_s = _WAIT_S_MIN
            while True:
                try:
                    if not self.is_running():
                        self._launch(deadline_s, timeout_s)
                    if not self._is_ready:
                        self._await_ready(deadline_s, timeout_s)
                except ServerDied as error:
                    if _MEMORY_IN_USE not in error.log_tail or time.monotonic() > deadline_s:
                        raise
                    time.sleep(wait_s)
                    wait_s = min(wait_s * 2, _WAIT_S_MAX)
                else:
                    return

    def stop(self, timeout_s: float = 30) -> None:
        """Shut down cleanly: clients are disconnected, a checkpoint is written; nothing happens if it is stopped.

        Raises:
            StopTimedOut: it is still stopping; it will end by itself.
        """
        with self._lock:
            self._discard_keeper(timeout_s)
            if self._layout.socket_dir.parent != self._layout.data_dir:
                with contextlib.suppress(OSError):
                    self._layout.socket_dir.rmdir()

    def _discard_keeper(self, timeout_s: float) -> None:
        self._is_ready = False
        if self._keeper is not None:
            if not self._keeper.stop(timeout_s):
                raise StopTimedOut(timeout_s)
            self._keeper = None

    def _launch(self, deadline_s: float, timeout_s: float) -> None:
        self._discard_keeper(max(0.0, deadline_s - time.monotonic()))
        prepare_data_dir(self.data_dir)
        try:
            keeper = KeeperClient(self._layout, self._settings)
            try:
                self._serve(keeper, deadline_s)
            except BaseException:
                keeper.stop(self._settings.stop_fast_timeout_s)
                raise
        except TimeoutError as error:
            raise StartTimedOut(timeout_s, "making it ready to start took longer, and was broken off") from error
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise DiskFull(self.data_dir, None, str(error)) from error
            raise DataFolderUnusable(self.data_dir, str(error)) from error
        self._keeper = keeper

    def _serve(self, keeper: KeeperClient, deadline_s: float) -> None:
        """Everything between an empty folder and a living postmaster, alone in the folder."""
        layout, settings = self._layout, self._settings
        try:
            keeper.expect("locked", deadline_s, doing="waiting for the folder")
        except TimeoutError:
            raise DataFolderInUse(self.data_dir) from None
        server = find_server()
        user = choose(self.data_dir, layout.cluster)
        server = reachable_server(server, self.data_dir, user)
        orphan.clear_the_way(
            layout,
            fast_timeout_s=settings.stop_fast_timeout_s,
            immediate_timeout_s=settings.stop_immediate_timeout_s,
        )
        make_private_dir(layout.socket_dir, user.uid, user.gid)
        ClusterMaker(layout, keeper, server, user, deadline_s).ensure()
        self._log_from_bytes = log_size_bytes(layout.log_file)
        options = option_arguments(server_options(settings, layout.socket_dir))
        order = user.order([server.program("postgres"), "-D", str(layout.cluster), *options])
        limits = {"fast_s": settings.stop_fast_timeout_s, "immediate_s": settings.stop_immediate_timeout_s}
        keeper.serve({**order, **limits}, deadline_s)

    def _await_ready(self, deadline_s: float, timeout_s: float) -> None:
        """Connect until it works; that is the only proof of being ready."""
        wait_s = _WAIT_S_MIN
        while True:
            try:
                self._ensure_database()
            except psycopg.OperationalError as error:
                self._raise_if_hopeless(error)
                if time.monotonic() + wait_s > deadline_s:
                    reason = f"it is left running and may be recovering; its answer was: {str(error).strip()}"
                    raise StartTimedOut(timeout_s, reason) from error
            else:
                self._is_ready = True
                return
            time.sleep(wait_s)
            wait_s = min(wait_s * 2, _WAIT_S_MAX)

    def _raise_if_hopeless(self, error: psycopg.OperationalError) -> None:
        """End the waiting when postgres has ended, or will never let us in."""
        keeper = self._keeper
        if keeper is not None and not keeper.is_serving():
            status = keeper.exit_status()
            # The keeper's last act is writing what postgres said last.
            self._discard_keeper(self._settings.stop_fast_timeout_s)
            tail = log_tail(self._layout.log_file, self._log_from_bytes)
            if says_disk_full(tail):
                raise DiskFull(self.data_dir, status, tail) from error
            raise ServerDied(status, tail) from error
        if isinstance(error, psycopg.errors.DiskFull):
            self._discard_keeper(self._settings.stop_fast_timeout_s)
            raise DiskFull(self.data_dir, None, str(error)) from error
        # No password: libpq takes none out of a file that others may read, or that names other users.
        if "authentication failed" in str(error) or "no password supplied" in str(error):
            self._discard_keeper(self._settings.stop_fast_timeout_s)
            raise PasswordRefused(self._layout.password_file) from error

    def _ensure_database(self) -> None:
        """Our own user and database, made at the first start or after a first start that was broken off."""
        owner, name = sql.Identifier(DATABASE_USER), sql.Identifier(DATABASE)
        with psycopg.connect(self._conninfo(_MAINTENANCE_DATABASE, ADMIN_USER), autocommit=True) as admin:
            if admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                return
            if not admin.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [DATABASE_USER]).fetchone():
                password = sql.Literal(ensure_password(self._layout.password_file)[0])
                # CREATEDB for the tests and for a restore beside the original, pg_monitor for the dashboard.
                grants = sql.SQL("CREATE ROLE {} LOGIN CREATEDB IN ROLE pg_monitor PASSWORD {}")
                admin.execute(grants.format(owner, password))
            admin.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(name, owner))

    def _conninfo(self, database: str, user: str) -> str:
        return make_conninfo(
            host=str(self._layout.socket_dir),
            port=5432,
            user=user,
            passfile=str(self._layout.password_file),
            dbname=database,
            connect_timeout=_CONNECT_TIMEOUT_S,
            # Said although it is nothing new: else PGPASSWORD, PGHOSTADDR, PGOPTIONS and their like in the daemon's
            # environment, meant for another server, would be taken for this one.
            password="",
            hostaddr="",
            options="",
            client_encoding="UTF8",
            sslmode="disable",
            gssencmode="disable",
            channel_binding="disable",
            require_auth="scram-sha-256",
            target_session_attrs="any",
        )
