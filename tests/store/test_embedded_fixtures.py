"""The database fixtures that all tests stand on."""

import psycopg
import pytest
from postgres import fresh_database

from viral_engine.store.embedded.server import EmbeddedServer


@pytest.mark.parametrize("turn", [1, 2])
def test_every_test_gets_an_empty_database(database: str, turn: int) -> None:
    with psycopg.connect(database) as connection:
        assert connection.execute("SELECT to_regclass('left_over')").fetchone() == (None,)
        connection.execute("CREATE TABLE left_over (id int)")


def test_a_database_can_be_copied_from_a_template(postgres_server: EmbeddedServer) -> None:
    with fresh_database(postgres_server) as template:
        with psycopg.connect(template) as connection:
            connection.execute("CREATE TABLE migrated (id int)")
            name = connection.info.dbname
        with fresh_database(postgres_server, template=name) as copy, psycopg.connect(copy) as connection:
            assert connection.execute("SELECT count(*) FROM migrated").fetchone() == (0,)
