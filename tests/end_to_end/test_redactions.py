"""Redaction on the real daemon: what was found is nowhere afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from running_daemon import RunningDaemon

HIDDEN = ("zq-kid@example.org", "415-555-2671", "Zuzanna Okonkwo", "123-45-6789")
PATH = "/v1/redactions"
LARGE = "3/4 + 1.5 = 2.25; " * 2_000


def files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def test_a_text_is_redacted_large_or_small_and_nothing_of_it_is_anywhere_afterwards(
    start_daemon: Callable[..., RunningDaemon],
) -> None:
    daemon = start_daemon()
    text = "; ".join(HIDDEN)
    for before in ("", LARGE):
        body = {"content": before + text, "audience": "tutor", "subject_id": "zq-child", "known": [HIDDEN[2]]}
        answer = daemon.request("POST", PATH, body)
        assert answer.status == 200
        assert answer.json == {
            "content": f"{before}[EMAIL_1]; [PHONE_1]; [NAME_1]; [SSN_1]",
            "findings": {"email": 1, "name": 1, "phone": 1, "ssn": 1},
        }
    refused = {"content": f"{text}\0", "audience": "tutor"}
    assert daemon.request("POST", PATH, refused).status == 422
    shown = daemon.cli("inspect", "/growth/redaction", "--state").stdout
    assert daemon.cli("kill", "/growth/redaction", "--yes").returncode == 0
    told = shown + daemon.cli("history").stdout + daemon.stderr()
    assert daemon.stop() == 0
    assert [secret for secret in HIDDEN if secret in told] == []
    kept = [
        (path.name, secret)
        for path in files(daemon.data_dir)
        for secret in HIDDEN
        if secret.encode() in path.read_bytes()
    ]
    assert kept == []


def test_a_killed_daemon_leaves_no_process_for_large_texts(start_daemon: Callable[..., RunningDaemon]) -> None:
    daemon = start_daemon()
    assert daemon.request("POST", PATH, {"content": LARGE, "audience": "public"}).status == 200
    # With the process it is given a socket, whose end tells that the daemon is gone.
    children = Path(f"/proc/{daemon.process.pid}/task")
    pids = [
        int(pid) for task in children.iterdir() for pid in (task / "children").read_text().split()
        if b"texts.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]  # fmt: skip
    [worker] = pids
    daemon.kill()
    while Path(f"/proc/{worker}").exists() and _state(worker) != "Z":
        # Ends by itself: the process reads the end of its socket.
        pass


def _state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "Z"
