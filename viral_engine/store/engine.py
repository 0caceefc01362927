"""How to reach the database: one handle that actors are given, with the synchronous pool and the journal's conninfo."""

import threading
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sqlalchemy import URL, Engine, create_engine

from viral_engine import config

__all__ = ["Database", "conninfo_of", "url_of"]

# A server whose machine is gone is noticed after this, not after the kernel's quarter of an hour.
_UNACKNOWLEDGED_MS_MAX = 10_000
# Plans made for the values at hand look at the partitions that can hold them; a plan for any value looks at all days.
_OPTIONS = "-c plan_cache_mode=force_custom_plan"


def conninfo_of(url: str) -> str:
    """A libpq connection string for a URL (`postgresql://`, `postgresql+psycopg://`) or a connection string.

    Raises:
        config.ConfigError: It is neither; the sentence does not repeat the value, which may hold a password.
    """
    scheme, separator, rest = url.partition("://")
    try:
        parts: dict[str, Any] = conninfo_to_dict(f"{scheme.partition('+')[0]}://{rest}" if separator else url)
        return make_conninfo(**parts)
    except psycopg.ProgrammingError:
        raise config.ConfigError("database.url is neither postgresql://user:password@host/name nor conninfo") from None


def url_of(conninfo: str) -> URL:
    """The same for SQLAlchemy's tools. What a URL has no place for, a socket's folder too, goes into its query."""
    parts = {name: str(value) for name, value in conninfo_to_dict(conninfo).items() if value is not None}
    named = {"username": "user", "password": "password", "database": "dbname"}
    given: dict[str, Any] = {ours: parts.pop(theirs) for ours, theirs in named.items() if theirs in parts}
    return URL.create("postgresql+psycopg", query=parts, **given)


class Database:
    """Where the database is and how it may be used; safe to share between threads.

    Making one connects to nothing, so no `init` waits for a server. Its `repr` holds no password.

    Attributes:
        conninfo: For psycopg, without limits of its own: migrations, LISTEN, backups.
        settings: Pool and time-outs.
        is_ready: Set by the database actor: reachable and migrated. Others do not try before.
    """

    __slots__ = ("_engine", "_lock", "conninfo", "is_ready", "settings")

    def __init__(self, url: str, settings: config.Database) -> None:
        self.conninfo = conninfo_of(url)
        self.settings = settings
        self.is_ready = False
        self._engine: Engine | None = None
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        parts = conninfo_to_dict(self.conninfo)
        return f"Database(host={parts.get('host')!r}, dbname={parts.get('dbname')!r})"

    @property
    def engine(self) -> Engine:
        """The pool of synchronous connections, made on first use. An exhausted pool raises after the connect time-out.

        Reads run in READ COMMITTED; each statement is ended by the server after `statement_timeout_ms`.
        """
        with self._lock:
            if self._engine is None:
                self._engine = create_engine(
                    "postgresql+psycopg://",
                    creator=self._connect,
                    pool_size=self.settings.pool_size,
                    max_overflow=0,
                    pool_timeout=self.settings.connect_timeout_s,
                    # A connection that died with the server is replaced before somebody's statement fails on it.
                    pool_pre_ping=True,
                )
            return self._engine

    @property
    def pool_conninfo(self) -> str:
        """What the pool connects with: time-outs included."""
        timeout = f"-c statement_timeout={self.settings.statement_timeout_ms}"
        return self._with_options("viral-engine", timeout, _OPTIONS)

    @property
    def async_conninfo(self) -> str:
        """For the journal's asynchronous psycopg connection: its deadlines are its own, so no statement_timeout."""
        return self._with_options("viral-engine journal")

    def dispose(self) -> None:
        """Close idle connections, those in use when they come back; the next use makes a new pool."""
        with self._lock:
            engine, self._engine = self._engine, None
        if engine is not None:
            engine.dispose()

    def _connect(self) -> psycopg.Connection[Any]:
        return psycopg.connect(self.pool_conninfo)

    def _with_options(self, application_name: str, *options: str) -> str:
        parts = conninfo_to_dict(self.conninfo)
        return make_conninfo(
            self.conninfo,
            application_name=application_name,
            connect_timeout=self.settings.connect_timeout_s,
            tcp_user_timeout=_UNACKNOWLEDGED_MS_MAX,
            options=" ".join(filter(None, (str(parts.get("options") or ""), *options))),
        )
