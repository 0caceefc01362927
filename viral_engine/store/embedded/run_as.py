"""As which OS user postgres runs: PostgreSQL refuses root, so root's daemon lends it a lesser one."""

import os
import pwd
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from viral_engine.store.embedded.errors import DataFolderUnusable, FolderNotTraversable, RunAsRefused

CANDIDATES = ("viral-engine", "postgres", "nobody")
_CAP_DAC_READ_SEARCH = 2  # capabilities(7): pass through folders and read files whatever their permissions
_PROBE_TIMEOUT_S = 10.0
# Nothing of the daemon's environment reaches postgres: PG* variables, LD_*, locale and secrets stay out.
CLEAN_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C", "LANG": "C", "TZ": "UTC"}


@dataclass(frozen=True, slots=True)
class RunAs:
    """An OS user; `switches` when it is not the daemon's own, `passes_all` when it gets CAP_DAC_READ_SEARCH."""

    name: str
    uid: int
    gid: int
    switches: bool
    passes_all: bool = False

    def order(self, argv: Sequence[str]) -> dict[str, object]:
        """The part of an order to the keeper that says what to run and as whom."""
        command = list(argv)
        uid: int | None = self.uid if self.switches else None
        gid: int | None = self.gid if self.switches else None
        if self.passes_all:
            # setpriv does the change of user: ambient capabilities do not survive one that is done before.
            identity = ["--reuid", str(self.uid), "--regid", str(self.gid), "--clear-groups", "--pdeathsig", "INT"]
            grants = ["--inh-caps", "+dac_read_search", "--ambient-caps", "+dac_read_search"]
            command = [_setpriv() or "setpriv", *identity, *grants, "--", *argv]
            uid = gid = None
        return {"argv": command, "env": CLEAN_ENVIRONMENT, "uid": uid, "gid": gid}


def choose(data_dir: Path, cluster: Path) -> RunAs:
    """The user for this folder: who owns the database, if there is one, else the first of CANDIDATES.

    Raises:
        RunAsRefused: root has nobody to run it as.
        DataFolderUnusable: a plain user met a database that is not theirs.
        FolderNotTraversable: the user cannot reach the folder, and the capability to do so is not to be had.
    """
    owner_uid = cluster.stat().st_uid if cluster.exists() else None
    own_uid = os.geteuid()
    if own_uid != 0:
        if owner_uid not in {None, own_uid}:
            raise DataFolderUnusable(cluster, f"it belongs to {_user_name(owner_uid)!r}, not to you")
        return RunAs(_user_name(own_uid), own_uid, os.getegid(), switches=False)
    chosen = _candidate() if owner_uid in {None, 0} else _account(owner_uid)
    blocked = first_blocked([*reversed(data_dir.parents), data_dir], chosen)
    if blocked is None:
        return chosen
    if not _may_grant_passage():
        raise FolderNotTraversable(blocked, chosen.name)
    return replace(chosen, passes_all=True)


def first_blocked(paths: Sequence[Path], user: RunAs, *, mode: str = "x") -> Path | None:
    """The first of `paths` that `user` may not pass through (or read, with mode "r"), asked of the kernel itself.

    Raises:
        RunAsRefused: this process may not become that user.
    """
    script = f'for p; do [ -{mode} "$p" ] || {{ printf %s "$p"; exit; }}; done'
    try:
        probe = subprocess.run(  # noqa: S603 - the paths are arguments, not part of the script
            ["/bin/sh", "-c", script, "sh", *map(str, paths)],
            user=user.uid if user.switches else None,
            group=user.gid if user.switches else None,
            extra_groups=[] if user.switches else None,
            env=CLEAN_ENVIRONMENT,
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
            timeout=_PROBE_TIMEOUT_S,
        )
    except PermissionError as error:
        raise RunAsRefused(f"this process may not switch to the OS user {user.name!r}") from error
    return Path(os.fsdecode(probe.stdout)) if probe.stdout else None


def _candidate() -> RunAs:
    for name in CANDIDATES:
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        if found.pw_uid != 0:
            return RunAs(name, found.pw_uid, found.pw_gid, switches=True)
    raise RunAsRefused(f"there is no OS user named {', '.join(CANDIDATES[:-1])} or {CANDIDATES[-1]}")


def _account(uid: int) -> RunAs:
    try:
        found = pwd.getpwuid(uid)
    except KeyError:
        return RunAs(str(uid), uid, uid, switches=True)
    return RunAs(found.pw_name, uid, found.pw_gid, switches=True)


def _user_name(uid: int | None) -> str:
    try:
        return pwd.getpwuid(uid).pw_name if uid is not None else ""
    except KeyError:
        return str(uid)


def _setpriv() -> str | None:
    return shutil.which("setpriv", path=CLEAN_ENVIRONMENT["PATH"] + ":/usr/sbin:/sbin")


def _may_grant_passage() -> bool:
    """Whether this process holds CAP_DAC_READ_SEARCH and setpriv is there to hand it on."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    sets = dict(line.split(":", 1) for line in status.splitlines() if line.startswith("Cap"))
    held = all(int(sets.get(name, "0"), 16) >> _CAP_DAC_READ_SEARCH & 1 for name in ("CapPrm", "CapBnd"))
    return held and _setpriv() is not None
