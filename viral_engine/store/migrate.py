"""Bringing the schema to the packaged revision: at every start, by whichever daemon comes first."""

from sqlalchemy import Connection, text

from viral_engine.folders import root_folder
from viral_engine.store.engine import Database

__all__ = ["DatabaseTooNew", "migrate", "packaged_revisions", "stored_revision"]

# Any number will do as long as nobody else's program takes it: "viral" in ASCII.
_LOCK_KEY = 0x766972616C
# A migration of another daemon may take its time; one that hangs must not hold this start for ever.
_LOCK_TIMEOUT = "300s"


class DatabaseTooNew(Exception):
    """The database's schema was written by a newer version of this program, or by another program.

    Attributes:
        stored: The revision found in the database.
        packaged: The newest one this version knows.
    """

    def __init__(self, stored: str, packaged: str) -> None:
        self.stored = stored
        self.packaged = packaged
        super().__init__(
            f"the database's schema is at revision {stored}, but this viral-engine knows no further than {packaged}: "
            "start the version that wrote it, or a newer one"
        )


def packaged_revisions() -> tuple[str, ...]:
    """The revisions that come with the program, oldest first.

    Read off the file names (`0001_first.py`), because importing alembic costs a start 150 ms that hardly any needs.
    """
    folder = root_folder() / "migrations" / "versions"
    return tuple(sorted(file.name.partition("_")[0] for file in folder.glob("[0-9]*_*.py")))


def stored_revision(connection: Connection) -> str | None:
    """The database's revision, None for a database without our schema."""
    # Not to_regclass: a backend remembers that a name was unknown, also after it waited for whoever made the table.
    exists = "SELECT 1 FROM pg_tables WHERE schemaname = current_schema() AND tablename = 'alembic_version'"
    if connection.scalar(text(exists)) is None:
        return None
    found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found


def migrate(database: Database) -> bool:
    """Bring the schema to the newest packaged revision; whether there was anything to do.

    One transaction: after a crash in the middle nothing has happened. Daemons that start together wait for the one
    that came first and then find nothing left to do.

    Raises:
        DatabaseTooNew: The database is ahead of this program.
        sqlalchemy.exc.OperationalError: It cannot be reached, or the lock was not had in five minutes.
    """
    known = packaged_revisions()
    with database.engine.connect() as connection:
        if _is_current(connection, known):
            return False
        connection.rollback()
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("SELECT set_config('lock_timeout', :limit, true)"), {"limit": _LOCK_TIMEOUT})
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})
        if _is_current(connection, known):
            return False
        _upgrade(connection)
        connection.commit()
        return True


def _is_current(connection: Connection, known: tuple[str, ...]) -> bool:
    stored = stored_revision(connection)
    if stored is not None and stored not in known:
        raise DatabaseTooNew(stored, known[-1])
    return stored == known[-1]


def _upgrade(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415 - loaded only by the start that migrates
    from alembic.config import Config  # noqa: PLC0415

    settings = Config()
    # A percent sign in the path is not one of alembic's placeholders.
    settings.set_main_option("script_location", str(root_folder() / "migrations").replace("%", "%%"))
    settings.set_main_option("path_separator", "os")
    settings.attributes["connection"] = connection
    command.upgrade(settings, "head")
