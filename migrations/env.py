"""How alembic reaches the database: over the connection of `store.migrate`, else over VIRAL_ENGINE_DATABASE__URL."""

from alembic import context
from sqlalchemy import Connection

from viral_engine import config
from viral_engine.store.engine import Database
from viral_engine.store.partitions import is_partition
from viral_engine.store.tables import metadata


def _include_name(name: str | None, kind: str, _parents: object) -> bool:
    # Partitions come and go with the days: no revision knows them.
    return kind != "table" or name is None or not is_partition(name)


def _run(connection: Connection) -> None:
    context.configure(connection=connection, target_metadata=metadata, include_name=_include_name)
    with context.begin_transaction():
        context.run_migrations()


_given = context.config.attributes.get("connection")
if _given is not None:
    _run(_given)
else:
    _settings = config.load().database
    _database = Database(_settings.url, _settings)
    with _database.engine.begin() as _connection:
        _run(_connection)
    _database.dispose()
