"""Fixtures: a database with our schema, migrated once per session and copied for each test."""

from collections.abc import Iterator

import pytest
from postgres import fresh_database
from psycopg.conninfo import conninfo_to_dict

from viral_engine import config
from viral_engine.store.embedded.server import EmbeddedServer
from viral_engine.store.engine import Database
from viral_engine.store.migrate import migrate


@pytest.fixture(scope="session")
def migrated_template(postgres_server: EmbeddedServer) -> Iterator[str]:
    """Name of a migrated database that nobody is connected to."""
    with fresh_database(postgres_server) as conninfo:
        template = Database(conninfo, config.load().database)
        migrate(template)
        template.dispose()
        yield str(conninfo_to_dict(conninfo)["dbname"])


@pytest.fixture
def migrated_database(postgres_server: EmbeddedServer, migrated_template: str) -> Iterator[str]:
    """Conninfo of a fresh database with our schema and no rows, dropped after the test."""
    with fresh_database(postgres_server, template=migrated_template) as conninfo:
        yield conninfo


@pytest.fixture
def store(migrated_database: str) -> Iterator[Database]:
    """The same as the handle that actors are given."""
    handle = Database(migrated_database, config.load().database)
    yield handle
    handle.dispose()
