"""Starting, adopting and stopping the embedded server."""

import os
import threading
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from viral_engine.store.embedded.errors import ServerDied
from viral_engine.store.embedded.keeper import BoundedLog
from viral_engine.store.embedded.server import EmbeddedServer, EmbeddedSettings

type_of_make = Callable[[Path], EmbeddedServer]


def ask(server: EmbeddedServer, query: str) -> object:
    with psycopg.connect(server.conninfo) as connection:
        row = connection.execute(query.encode()).fetchone()
        return row[0] if row else None


def test_the_first_start_makes_a_database_with_checksums_and_an_order_of_its_own(
    folder: Path, make_server: type_of_make
) -> None:
    server = make_server(folder / "new" / "d")
    conninfo_before = server.conninfo
    server.start()
    assert server.conninfo == conninfo_before
    assert ask(server, "SHOW data_checksums") == "on"
    assert ask(server, "SHOW server_encoding") == "UTF8"
    assert ask(server, "SHOW fsync") == "on"
    assert ask(server, "SHOW statement_timeout") == "0"
    provider = "SELECT datlocprovider::text || datlocale FROM pg_database WHERE datname = current_database()"
    assert ask(server, provider) == "bC.UTF-8"
    assert not (folder / "new" / "d" / "pg.new").exists()


def test_what_was_committed_is_there_after_a_stop_and_a_start(data_dir: Path, make_server: type_of_make) -> None:
    server = make_server(data_dir)
    server.start()
    with psycopg.connect(server.conninfo) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    server.stop()
    assert not server.is_running()
    assert server.postmaster_pid is None
    server.start()
    assert ask(server, "SELECT answer FROM kept") == 42


def test_a_start_adopts_the_server_that_runs(data_dir: Path, make_server: type_of_make) -> None:
    server = make_server(data_dir)
    server.start()
    pids = (server.postmaster_pid, server.keeper_pid)
    server.start()
    assert (server.postmaster_pid, server.keeper_pid) == pids
    assert (data_dir / "pg" / "postmaster.pid").read_text().splitlines()[0] == str(server.postmaster_pid)


def test_threads_that_start_it_at_once_get_one_server_which_outlives_them(
    data_dir: Path, make_server: type_of_make
) -> None:
    server = make_server(data_dir)
    pids: list[int | None] = []

    def start() -> None:
        server.start()
        pids.append(server.postmaster_pid)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert pids == [server.postmaster_pid] * 4
    assert ask(server, "SELECT 1") == 1


def test_stopping_what_is_stopped_is_fine(folder: Path, make_server: type_of_make) -> None:
    server = make_server(folder / "d")
    server.stop()
    assert not server.is_running()


def test_a_stop_does_not_wait_for_clients(data_dir: Path, make_server: type_of_make) -> None:
    server = make_server(data_dir)
    server.start()
    with psycopg.connect(server.conninfo) as connection:
        connection.execute("SELECT 1")
        server.stop()
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")


def test_ctrl_c_in_the_terminal_does_not_reach_keeper_or_postgres(data_dir: Path, make_server: type_of_make) -> None:
    server = make_server(data_dir)
    server.start()
    assert server.keeper_pid
    assert server.postmaster_pid
    assert os.getsid(0) not in {os.getsid(server.keeper_pid), os.getsid(server.postmaster_pid)}


def test_variables_meant_for_another_server_change_nothing(
    data_dir: Path, make_server: type_of_make, monkeypatch: pytest.MonkeyPatch
) -> None:
    foreign = {
        "PGPASSWORD": "wrong",
        "PGHOSTADDR": "127.0.0.1",
        "PGPORT": "1",
        "PGUSER": "nobody",
        "PGDATA": "/nowhere",
        "PGOPTIONS": "-c statement_timeout=1",
        "PGSSLMODE": "verify-full",
        "PGCHANNELBINDING": "require",
        "PGTARGETSESSIONATTRS": "standby",
        "PGREQUIREAUTH": "none",
        "PGCLIENTENCODING": "LATIN1",
    }
    for name, value in foreign.items():
        monkeypatch.setenv(name, value)
    server = make_server(data_dir)
    server.start()
    assert ask(server, "SHOW statement_timeout") == "0"
    assert server.postmaster_pid
    environment = Path(f"/proc/{server.postmaster_pid}/environ").read_bytes()
    assert b"PGPASSWORD" not in environment


def test_a_server_that_cannot_start_says_postgres_own_last_words(data_dir: Path) -> None:
    server = EmbeddedServer(data_dir, EmbeddedSettings(shared_buffers_mib=10_000_000_000))
    with pytest.raises(ServerDied, match="shared_buffers"):
        server.start()
    assert not server.is_running()


def test_the_log_stays_within_its_limit(tmp_path: Path) -> None:
    log = BoundedLog(str(tmp_path / "log"), size_bytes_max=100, files_max=3)
    for number in range(50):
        log.write(b"%02d a line of twenty..\n" % number)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["log", "log.1", "log.2"]
    assert all(path.stat().st_size <= 100 for path in tmp_path.iterdir())
    assert (tmp_path / "log").read_bytes().endswith(b"49 a line of twenty..\n")


@pytest.mark.parametrize("files_max", [1, 2])
def test_a_line_longer_than_the_limit_is_kept_whole(tmp_path: Path, files_max: int) -> None:
    log = BoundedLog(str(tmp_path / "log"), size_bytes_max=10, files_max=files_max)
    for line in (b"first, and far too long\n", b"second, and far too long\n"):
        log.write(line)
    assert (tmp_path / "log").read_bytes() == b"second, and far too long\n"
    assert len(list(tmp_path.iterdir())) == files_max


def test_personal_values_do_not_reach_the_log(data_dir: Path, make_server: type_of_make) -> None:
    server = make_server(data_dir)
    server.start()
    with psycopg.connect(server.conninfo, autocommit=True) as connection:
        connection.execute("CREATE TABLE people (email text PRIMARY KEY)")
        connection.execute("INSERT INTO people VALUES ('ada@example.org')")
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("INSERT INTO people VALUES ('ada@example.org')")
    server.stop()
    log = (data_dir / "postgres.log").read_text()
    assert "duplicate key" in log
    assert "ada@example.org" not in log
