"""What the data folder promises: one owner, private secrets, odd paths, and refusals in one sentence."""

import ctypes
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from postgres_daemon import Daemon, wait_gone

from viral_engine.store.embedded.errors import (
    DataFolderInUse,
    DataFolderUnusable,
    DiskFull,
    OtherMajorVersion,
    PasswordFileDamaged,
    PasswordRefused,
)
from viral_engine.store.embedded.layout import SOCKET_NAME, SOCKET_PATH_BYTES_MAX, Layout, make_private_dir
from viral_engine.store.embedded.lock import FolderLock
from viral_engine.store.embedded.server import EmbeddedServer

MakeServer = Callable[[Path], EmbeddedServer]
ROOT = Path(__file__).resolve().parents[2]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_only_the_owner_reads_what_is_in_the_folder(data_dir: Path, make_server: MakeServer) -> None:
    server = make_server(data_dir)
    server.start()
    secrets = [data_dir / name for name in ("pg-password", "postgres.log", "keeper.lock")]
    assert mode(data_dir) == 0o711
    assert mode(data_dir / "pg") == 0o700
    assert mode(data_dir / "pg-socket") == 0o700
    assert [mode(path) for path in secrets] == [0o600] * 3
    assert {path.stat().st_uid for path in secrets} == {os.geteuid()}
    assert (data_dir / "pg").stat().st_uid == Path(f"/proc/{server.postmaster_pid}").stat().st_uid != 0


def test_nobody_gets_in_without_the_password_or_over_the_network(data_dir: Path, make_server: MakeServer) -> None:
    server = make_server(data_dir)
    server.start()
    with pytest.raises(psycopg.OperationalError, match="no password supplied"):
        psycopg.connect(server.conninfo, passfile="/dev/null")
    sockets = {str(path.readlink()) for path in Path(f"/proc/{server.postmaster_pid}/fd").iterdir()}
    tcp = [line.split()[9] for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()]
    assert sockets.isdisjoint(f"socket:[{inode}]" for inode in tcp)
    assert "password=''" in server.conninfo
    assert (data_dir / "pg-password").read_text().strip().rpartition(":")[2] not in server.conninfo


@pytest.mark.parametrize("statement", ["SELECT pg_read_file('/etc/passwd')", "COPY (SELECT 1) TO PROGRAM 'true'"])
def test_sql_of_the_program_reaches_no_file_and_no_program(
    data_dir: Path, make_server: MakeServer, statement: str
) -> None:
    server = make_server(data_dir)
    server.start()
    with psycopg.connect(server.conninfo) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(statement.encode())


@pytest.mark.parametrize("name", ['it\'s "odd", 100% \\ ü/d', f"{'long' * 38}/d"], ids=["odd", "150 bytes"])
def test_any_path_will_do(folder: Path, make_server: MakeServer, name: str) -> None:
    server = make_server(folder / name)
    server.start()
    with psycopg.connect(server.conninfo) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    socket_dir = Layout(folder / name).socket_dir
    assert len(os.fsencode(socket_dir / SOCKET_NAME)) <= SOCKET_PATH_BYTES_MAX
    assert mode(socket_dir) == 0o700
    server.stop()
    assert socket_dir.parent == folder / name or not socket_dir.exists()


def test_a_second_owner_is_refused_at_once_and_told_who_is_first(folder: Path) -> None:
    with FolderLock(folder / "d"), pytest.raises(DataFolderInUse, match=rf"process {os.getpid()}\).*--data-dir"):
        FolderLock(folder / "d").acquire()
    FolderLock(folder / "d").acquire()


def test_a_folder_that_was_given_up_has_no_owner(folder: Path) -> None:
    for _ in range(2):
        with FolderLock(folder / "d") as lock:
            lock.acquire()
            assert mode(folder / "d") == 0o711
            assert mode(folder / "d" / "lock") == 0o600


def test_kill_9_of_the_owner_frees_the_folder_although_its_child_lives(folder: Path) -> None:
    script = (
        "import os, sys; from pathlib import Path; from viral_engine.store.embedded.lock import FolderLock;"
        "FolderLock(Path(sys.argv[1])).acquire();"
        # posix_spawn, because subprocess closes what it finds open, and not everybody who starts a process does.
        "quiet = [(os.POSIX_SPAWN_OPEN, 1, '/dev/null', os.O_WRONLY, 0)];"
        "child = os.posix_spawnp('sleep', ['sleep', '60'], os.environ, file_actions=quiet);"
        "print(child, flush=True); os.kill(os.getpid(), 9)"
    )
    owner = subprocess.run([sys.executable, "-c", script, folder / "d"], stdout=subprocess.PIPE, check=False)
    child = int(owner.stdout)
    with FolderLock(folder / "d"):
        os.kill(child, signal.SIGKILL)
    assert wait_gone(child)


def test_a_server_on_a_folder_in_use_gives_up_in_one_sentence(
    data_dir: Path, make_server: MakeServer, make_daemon: Callable[..., Daemon]
) -> None:
    daemon = make_daemon(data_dir)
    postmaster = daemon.answer()["postmaster"]
    with pytest.raises(DataFolderInUse, match="is in use by another viral-engine"):
        make_server(data_dir).start(timeout_s=0.2)
    assert Path(f"/proc/{postmaster}").exists()


def test_a_folder_of_another_major_version_is_refused_unchanged(data_dir: Path, make_server: MakeServer) -> None:
    version_file = data_dir / "pg" / "PG_VERSION"
    ours = version_file.read_text()
    try:
        version_file.write_text("17\n")
        with pytest.raises(OtherMajorVersion, match=r"PostgreSQL 17 .* 18.*`viral-engine restore`.*pg_upgrade"):
            make_server(data_dir).start()
        assert version_file.read_text() == "17\n"
    finally:
        version_file.write_text(ours)


def test_a_folder_named_pg_that_is_no_database_is_left_alone(folder: Path, make_server: MakeServer) -> None:
    (folder / "d" / "pg").mkdir(parents=True)
    (folder / "d" / "pg" / "thesis.txt").write_text("years of work")
    with pytest.raises(DataFolderUnusable, match="no PostgreSQL database"):
        make_server(folder / "d").start()
    assert (folder / "d" / "pg" / "thesis.txt").read_text() == "years of work"


def test_a_folder_that_everybody_may_write_into_is_refused(folder: Path, make_server: MakeServer) -> None:
    folder.chmod(0o1777)
    with pytest.raises(DataFolderUnusable, match="everybody may write"):
        make_server(folder).start()
    assert mode(folder) == 0o1777


def test_a_folder_with_somebodys_files_keeps_its_permissions(folder: Path) -> None:
    (folder / "letter").write_text("dear")
    folder.chmod(0o700)
    with FolderLock(folder):
        assert mode(folder) == 0o700


@pytest.mark.parametrize("below", ["", "data", "some/data"])
def test_a_file_in_place_of_the_folder_or_above_it_is_named(folder: Path, make_server: MakeServer, below: str) -> None:
    (folder / "file").write_text("")
    with pytest.raises(DataFolderUnusable, match=rf"{folder}/file is no folder; .*--data-dir"):
        make_server(folder / "file" / below).start()


@pytest.mark.parametrize("below", ["data", "some/data"])
def test_a_folder_that_lies_where_the_user_may_not_look_is_named(folder: Path, below: str) -> None:
    """For serve and for doctor, whose sentences say what to do."""
    closed = folder / "closed"
    (closed / "some").mkdir(parents=True)
    folder.chmod(0o711)
    closed.chmod(0)
    program = (
        # The codec that an address needs lies where the other user may not look.
        "import encodings.idna, os, sys; sys.path[:0] = sys.argv[1:2]\n"
        "from viral_engine.cli.doctor import doctor\n"
        "from viral_engine.cli.main import run\n"
        "from viral_engine.actors.daemon import run as serve\n"
        "if os.geteuid() == 0: os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "codes = [serve(None, ['serve', '--data-dir', sys.argv[2]]), run(['doctor', '--data-dir', sys.argv[2]])]\n"
        "print(codes, flush=True)"
    )
    try:
        ran = subprocess.run(
            [sys.executable, "-c", program, str(ROOT), str(closed / below)],
            capture_output=True, text=True, check=False, cwd="/",
        )  # fmt: skip
    finally:
        closed.chmod(0o700)
    assert "Traceback" not in ran.stderr
    assert ran.stdout.endswith("[1, 1]\n"), ran
    assert f"{closed / below} cannot hold the database: permission denied; choose another with --data-dir" in ran.stderr
    assert f"{closed / below} can't be made: {closed} is not yours" in ran.stdout


def test_a_link_planted_in_place_of_the_socket_folder_is_refused(folder: Path) -> None:
    (folder / "mine").mkdir(mode=0o755)
    (folder / "link").symlink_to(folder / "mine")
    with pytest.raises(DataFolderUnusable):
        make_private_dir(folder / "link", os.geteuid(), os.getegid())
    assert mode(folder / "mine") == 0o755


def test_a_lost_password_file_is_replaced_and_the_new_password_works(data_dir: Path, make_server: MakeServer) -> None:
    password_file = data_dir / "pg-password"
    old = password_file.read_text()
    password_file.unlink()
    server = make_server(data_dir)
    server.start()
    with psycopg.connect(server.conninfo) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert password_file.read_text() != old
    assert mode(password_file) == 0o600


def test_a_wrong_password_is_named_and_nothing_is_left_running(data_dir: Path, make_server: MakeServer) -> None:
    password_file = data_dir / "pg-password"
    password_file.write_text("*:*:*:*:guess\n")
    server = make_server(data_dir)
    with pytest.raises(PasswordRefused, match="remove that file and start again"):
        server.start()
    assert not server.is_running()
    password_file.unlink()
    server.start()
    assert server.is_running()


@pytest.mark.parametrize("junk", [b"", b"junk\n", b"\xff\xfe\x00", b"*:*:*:viral_engine:half"])
def test_junk_in_the_password_file_is_told_by_the_files_name(
    data_dir: Path, make_server: MakeServer, junk: bytes
) -> None:
    password_file = data_dir / "pg-password"
    kept = password_file.read_bytes()
    password_file.write_bytes(junk)
    try:
        with pytest.raises(PasswordFileDamaged, match=rf"^{password_file} holds no password .* remove that file"):
            make_server(data_dir).start()
    finally:
        password_file.write_bytes(kept)


def test_a_password_file_that_others_may_read_is_named_and_nothing_is_left_running(
    data_dir: Path, make_server: MakeServer
) -> None:
    password_file = data_dir / "pg-password"
    password_file.chmod(0o644)
    server = make_server(data_dir)
    try:
        with pytest.raises(PasswordRefused, match=str(password_file)):
            server.start()
        assert not server.is_running()
    finally:
        password_file.chmod(0o600)


@pytest.fixture
def small_disk(folder: Path) -> Iterator[Path]:
    """A file system of 12 MB: less than a new database takes."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"tmpfs", os.fsencode(folder), b"tmpfs", 0, b"size=12m,mode=755"):
        pytest.skip("this process may not mount a file system")
    yield folder
    assert libc.umount(os.fsencode(folder)) == 0


def test_a_full_disk_is_named_and_freeing_some_is_enough(small_disk: Path, make_server: MakeServer) -> None:
    with pytest.raises(DiskFull, match=rf"no space left on the disk of {small_disk}"):
        make_server(small_disk / "d").start()
    assert not (small_disk / "d" / "pg").exists()
    assert not (small_disk / "d" / "pg.new").exists()
