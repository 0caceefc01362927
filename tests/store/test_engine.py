"""The handle on the database: how it is given, what it allows, what it keeps to itself."""

import threading

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sqlalchemy import create_engine, exc, text

from viral_engine import config
from viral_engine.store.engine import Database, conninfo_of, url_of

SETTINGS = config.Database(url="", pool_size=2, connect_timeout_s=1, statement_timeout_ms=200, partitions_ahead_days=7)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ada:s%20cret@db.example:5433/viral?application_name=x",
        "postgres://ada:s%20cret@db.example:5433/viral?application_name=x",
        "postgresql+psycopg://ada:s%20cret@db.example:5433/viral?application_name=x",
        "host=db.example port=5433 user=ada password='s cret' dbname=viral application_name=x",
    ],
)
def test_a_url_and_a_conninfo_name_the_same_database(url: str) -> None:
    found = conninfo_to_dict(conninfo_of(url))
    assert found == {
        "host": "db.example", "port": "5433", "user": "ada", "password": "s cret", "dbname": "viral",
        "application_name": "x",
    }  # fmt: skip


@pytest.mark.parametrize(
    "url", ["mysql://ada:hunter2@host/db", "hunter2", "postgresql://host/db?hunter2=1", "host='hunter2"]
)
def test_what_is_neither_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(config.ConfigError, match=r"database\.url is neither") as refused:
        conninfo_of(url)
    assert "hunter2" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_url_for_sqlalchemy_reaches_the_same_database(database: str) -> None:
    engine = create_engine(url_of(database))
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT current_database()")) == conninfo_to_dict(database)["dbname"]
    engine.dispose()


def test_the_password_is_not_in_the_repr() -> None:
    assert "hunter2" not in repr(Database("postgresql://ada:hunter2@host/db", SETTINGS))


def test_making_a_handle_connects_to_nothing() -> None:
    handle = Database("host=/nonexistent", SETTINGS)
    assert not handle.is_ready
    with pytest.raises(exc.OperationalError):
        handle.engine.connect()
    handle.dispose()


def test_a_statement_is_ended_after_its_time(database: str) -> None:
    handle = Database(database, SETTINGS)
    with handle.engine.connect() as connection, pytest.raises(exc.OperationalError, match="statement timeout"):
        connection.execute(text("SELECT pg_sleep_for('60s')"))
    handle.dispose()


def test_options_of_the_conninfo_are_kept(database: str) -> None:
    handle = Database(make_conninfo(database, options="-c geqo=off"), SETTINGS)
    with handle.engine.connect() as connection:
        assert connection.scalar(text("SHOW geqo")) == "off"
        assert connection.scalar(text("SHOW plan_cache_mode")) == "force_custom_plan"
        assert connection.scalar(text("SHOW statement_timeout")) == "200ms"
        assert connection.scalar(text("SHOW application_name")) == "viral-engine"
    with psycopg.connect(handle.async_conninfo) as connection:
        assert connection.execute("SHOW statement_timeout").fetchone() == ("0",)
        assert connection.execute("SHOW geqo").fetchone() == ("off",)
    handle.dispose()


def test_the_pool_has_a_limit_and_says_so(database: str) -> None:
    handle = Database(database, SETTINGS)
    with handle.engine.connect(), handle.engine.connect(), pytest.raises(exc.TimeoutError, match="limit"):
        handle.engine.connect()
    handle.dispose()


def test_a_connection_that_the_server_ended_is_replaced(database: str) -> None:
    handle = Database(database, SETTINGS)
    with handle.engine.connect() as connection:
        pid = connection.scalar(text("SELECT pg_backend_pid()"))
    with psycopg.connect(database, autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    with handle.engine.connect() as connection:
        assert connection.scalar(text("SELECT 1")) == 1
    handle.dispose()


def test_threads_share_one_pool_and_a_disposed_one_is_made_anew(database: str) -> None:
    handle = Database(database, SETTINGS)
    barrier, engines = threading.Barrier(4), []

    def use() -> None:
        barrier.wait()
        engines.append(handle.engine)

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(map(id, engines))) == 1
    handle.dispose()
    assert handle.engine is not engines[0]
    handle.dispose()
