"""Who dies, and what is left: daemon, keeper and postgres killed in every order that hurts."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from postgres_daemon import Daemon, wait_gone

from viral_engine.store.embedded.binaries import find_server
from viral_engine.store.embedded.run_as import choose
from viral_engine.store.embedded.server import EmbeddedServer

MakeServer = Callable[[Path], EmbeddedServer]
MakeDaemon = Callable[..., Daemon]


def start_daemon(make_daemon: MakeDaemon, data_dir: Path) -> tuple[Daemon, int, int]:
    daemon = make_daemon(data_dir)
    said = daemon.answer()
    return daemon, int(said["postmaster"]), int(said["keeper"])


def was_shut_down_cleanly(data_dir: Path) -> bool:
    control = subprocess.run(
        [find_server().program("pg_controldata"), str(data_dir / "pg")], capture_output=True, text=True, check=True
    )
    return "shut down\n" in control.stdout and not (data_dir / "pg" / "postmaster.pid").exists()


def test_kill_9_of_the_daemon_stops_postgres_cleanly(data_dir: Path, make_daemon: MakeDaemon) -> None:
    daemon, postmaster, keeper = start_daemon(make_daemon, data_dir)
    daemon.kill()
    assert wait_gone(postmaster)
    assert wait_gone(keeper)
    assert was_shut_down_cleanly(data_dir)


def test_a_start_right_after_kill_9_of_the_daemon_waits_for_its_keeper(
    data_dir: Path, make_daemon: MakeDaemon, make_server: MakeServer
) -> None:
    daemon, postmaster, keeper = start_daemon(make_daemon, data_dir)
    server = make_server(data_dir)
    daemon.kill()
    server.start()
    assert wait_gone(postmaster)
    assert wait_gone(keeper)
    assert server.postmaster_pid not in {None, postmaster}
    with psycopg.connect(server.conninfo) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_kill_9_of_postgres_is_seen_and_the_next_start_replaces_it(data_dir: Path, make_server: MakeServer) -> None:
    server = make_server(data_dir)
    server.start()
    first, keeper = server.postmaster_pid, server.keeper_pid
    assert first
    assert keeper
    with contextlib.closing(psycopg.connect(server.conninfo)) as client:
        client.execute("CREATE TABLE survivor AS SELECT 42 AS answer")
        client.commit()
        # Somebody at a long statement: it holds the shared memory of the dead server.
        backend = client.info.backend_pid
        client.pgconn.send_query(b"SELECT count(*) FROM generate_series(1, 1000000000)")
        os.kill(first, signal.SIGKILL)
        assert wait_gone(keeper)
        assert wait_gone(backend)
        assert not server.is_running()
    server.start()
    assert server.postmaster_pid not in {None, first}
    with psycopg.connect(server.conninfo) as connection:
        assert connection.execute("SELECT answer FROM survivor").fetchone() == (42,)


def test_kill_9_of_the_keeper_takes_postgres_along_and_the_next_start_replaces_both(
    data_dir: Path, make_server: MakeServer
) -> None:
    server = make_server(data_dir)
    server.start()
    postmaster, keeper = server.postmaster_pid, server.keeper_pid
    assert postmaster
    assert keeper
    os.kill(keeper, signal.SIGKILL)
    assert wait_gone(postmaster)
    assert was_shut_down_cleanly(data_dir)
    server.start()
    assert server.keeper_pid not in {None, keeper}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_to_the_whole_service_does_not_end_the_keeper(
    data_dir: Path, make_server: MakeServer, number: signal.Signals
) -> None:
    server = make_server(data_dir)
    server.start()
    keeper = server.keeper_pid
    assert keeper
    os.kill(keeper, number)
    with psycopg.connect(server.conninfo) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert server.keeper_pid == keeper


def test_a_crash_of_everything_at_once_does_not_block_the_next_start(
    data_dir: Path, make_daemon: MakeDaemon, make_server: MakeServer
) -> None:
    daemon, postmaster, keeper = start_daemon(make_daemon, data_dir)
    # Stopped first, so that none of them can tidy up after another.
    for pid in (postmaster, keeper):
        os.kill(pid, signal.SIGSTOP)
    for pid in (postmaster, keeper):
        os.kill(pid, signal.SIGKILL)
    daemon.kill()
    assert (data_dir / "pg" / "postmaster.pid").exists()
    server = make_server(data_dir)
    server.start()
    assert server.postmaster_pid


def test_a_pid_file_that_names_somebody_elses_process_does_not_block_the_start(
    data_dir: Path, make_server: MakeServer
) -> None:
    # A process of the same OS user: those of others postgres itself does not take for its own.
    user = choose(data_dir, data_dir / "pg")
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, user=user.uid if user.switches else None) as stranger:
        for file in (data_dir / "pg" / "postmaster.pid", data_dir / "pg-socket" / ".s.PGSQL.5432.lock"):
            file.write_text(f"{stranger.pid}\n{data_dir / 'pg'}\n0\n5432\n{data_dir}\n\n  12345  67890\n")
        server = make_server(data_dir)
        server.start()
        assert server.is_running()
        assert stranger.poll() is None


@pytest.mark.parametrize("left", [b"", b"\xff\x00 no number"], ids=["empty", "damaged"])
def test_a_pid_file_without_a_number_does_not_block_the_start(
    data_dir: Path, make_server: MakeServer, left: bytes
) -> None:
    (data_dir / "pg" / "postmaster.pid").write_bytes(left)
    server = make_server(data_dir)
    server.start()
    assert server.is_running()


@pytest.mark.parametrize("is_file_damaged", [False, True])
def test_a_postgres_without_a_keeper_is_stopped_cleanly_before_the_start(
    data_dir: Path, make_server: MakeServer, *, is_file_damaged: bool
) -> None:
    user = choose(data_dir, data_dir / "pg")
    command = [find_server().program("postgres"), "-D", str(data_dir / "pg"), "-c", "listen_addresses="]
    with subprocess.Popen(
        [*command, "-k", str(data_dir / "pg-socket")],
        user=user.uid if user.switches else None,
        group=user.gid if user.switches else None,
        stderr=subprocess.PIPE,
        cwd="/",
    ) as orphan:
        assert orphan.stderr is not None
        for line in orphan.stderr:
            if b"ready to accept" in line:
                break
        if is_file_damaged:
            (data_dir / "pg" / "postmaster.pid").write_bytes(b"")
        server = make_server(data_dir)
        server.start()
        assert orphan.wait() == 0
        assert b"database system is shut down" in orphan.stderr.read()
    assert server.postmaster_pid != orphan.pid


def test_kill_9_of_the_daemon_during_initdb_leaves_nothing_broken(
    folder: Path, make_daemon: MakeDaemon, make_server: MakeServer
) -> None:
    data_dir = folder / "d"
    daemon = make_daemon(data_dir)
    # Its own control file is the sign that initdb is in the middle of its work.
    while not (data_dir / "pg.new" / "data" / "global" / "pg_control").exists():
        assert daemon.process.poll() is None
        os.sched_yield()
    daemon.kill()
    assert not (data_dir / "pg").exists()
    server = make_server(data_dir)
    server.start()
    assert not (data_dir / "pg.new").exists()
    with psycopg.connect(server.conninfo) as connection:
        assert connection.execute("SELECT current_database()").fetchone() == ("viral_engine",)


def test_a_daemon_that_dies_while_it_waits_for_the_folder_takes_its_keeper_along(
    data_dir: Path, make_daemon: MakeDaemon, make_server: MakeServer
) -> None:
    server = make_server(data_dir)
    server.start()
    waiting = make_daemon(data_dir)
    keeper = None
    while keeper is None:
        with contextlib.suppress(ValueError):
            keeper = int(Path(f"/proc/{waiting.process.pid}/task/{waiting.process.pid}/children").read_text())
    waiting.kill()
    assert wait_gone(keeper)
    assert server.is_running()
