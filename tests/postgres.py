"""Fixtures: one real PostgreSQL per test session, one fresh empty database per test."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo
from quick_folders import quick_folder

from viral_engine.store.embedded.server import EmbeddedServer

_numbers = count(1)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[EmbeddedServer]:
    """A running server of our own making; its folder is short, and gone afterwards."""
    folder = quick_folder("ve-")
    server = EmbeddedServer(folder / "d")
    try:
        server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder)


@pytest.fixture
def database(postgres_server: EmbeddedServer) -> Iterator[str]:
    """Conninfo of a fresh empty database, dropped after the test with whoever is still connected."""
    with fresh_database(postgres_server) as conninfo:
        yield conninfo


@contextmanager
def fresh_database(server: EmbeddedServer, template: str = "template0") -> Iterator[str]:
    """Conninfo of a copy of the database `template`; a migrated one, say, that nobody is connected to."""
    name = sql.Identifier(f"test_{next(_numbers)}")
    with psycopg.connect(server.conninfo, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(name, sql.Identifier(template)))
    try:
        yield make_conninfo(server.conninfo, dbname=name.as_string().strip('"'))
    finally:
        with psycopg.connect(server.conninfo, autocommit=True) as connection:
            # Not WITH (FORCE): that may not end an autovacuum, which a plain DROP does by itself.
            connection.execute(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE datname = %s AND backend_type = 'client backend'",
                [name.as_string().strip('"')],
            )
            connection.execute(sql.SQL("DROP DATABASE {}").format(name))
