"""What breaks, and what must hold while it does: each test has a daemon of its own to break."""

from __future__ import annotations

import http.client
import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Self

import pytest
from psycopg.conninfo import make_conninfo
from running_daemon import ROOT, RunningDaemon, retry_until

from viral_engine.control import client
from viral_engine.control.protocol import Request
from viral_engine.store.embedded.server import EmbeddedServer

WORKERS = 8
PATHS = (
    "/control",
    "/database",
    "/journal",
    "/reader",
    "/growth/trust_safety",
    "/growth/content",
    "/growth/redaction",
    "/growth/pager",
    "/growth",
    "/jobs/clock",
    "/jobs",
    "/web",
)


class Load:
    """Callers who ask one check after the other, each on a kept connection, until they are told to stop."""

    def __init__(self, daemon: RunningDaemon) -> None:
        self.answers: list[tuple[int, dict[str, Any]]] = []
        self.faults: list[BaseException] = []
        self._daemon = daemon
        self._key = daemon.key
        self._stop = threading.Event()
        self._progress = threading.Condition()
        self._threads = [threading.Thread(target=self._ask, args=(number,)) for number in range(WORKERS)]

    def _ask(self, number: int) -> None:
        connection = self._daemon.connection()
        asked = 0
        while not self._stop.is_set():
            asked += 1
            body = json.dumps({"user_id": f"load-{number}-{asked}", "action_type": "general"})
            try:
                connection.request("POST", "/v1/actions/check", body, {"Authorization": f"Bearer {self._key}"})
                response = connection.getresponse()
                answer = (response.status, json.loads(response.read()))
            except http.client.RemoteDisconnected:
                # A server that is replaced closes an idle connection; a client sends such a request again.
                connection.close()
                continue
            except BaseException as fault:  # noqa: BLE001  (whatever reaches the caller is what the test is about)
                self.faults.append(fault)
                return
            with self._progress:
                self.answers.append(answer)
                self._progress.notify_all()
        connection.close()

    def wait_for_more(self, count: int) -> None:
        """Waits until so many more answers have come, or somebody met a fault."""
        with self._progress:
            target = len(self.answers) + count
            assert self._progress.wait_for(lambda: len(self.answers) >= target or self.faults, 60), "no more answers"

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)


@contextmanager
def stopped_postgres(daemon: RunningDaemon) -> Iterator[int]:
    """Kills the postmaster with -9 and yields its pid."""
    pid = postmaster(daemon)
    os.kill(pid, signal.SIGKILL)
    yield pid


@contextmanager
def stalled_postgres(daemon: RunningDaemon) -> Iterator[None]:
    """Stops the server's processes, every one, and lets them go on afterwards."""
    pid = postmaster(daemon)
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    everyone = [pid, *map(int, children)]
    for one in everyone:
        os.kill(one, signal.SIGSTOP)
    try:
        yield
    finally:
        for one in everyone:
            os.kill(one, signal.SIGCONT)


def postmaster(daemon: RunningDaemon) -> int:
    """The pid of the embedded server."""
    pid: int = daemon.cli_json("inspect", "/database", "--state")["state_of_actor"]["postmaster_pid"]
    return pid


def wait_until_gone(pid: int) -> bool:
    """Whether a process ends within a bounded time; waits on the process itself."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], 30)[0])
    finally:
        os.close(descriptor)


@pytest.mark.parametrize("path", PATHS)
def test_killing_any_actor_under_load_leaves_no_request_without_an_answer(
    start_daemon: Callable[..., RunningDaemon], path: str
) -> None:
    daemon = start_daemon()
    before = postmaster(daemon)
    with Load(daemon) as load:
        load.wait_for_more(50)
        done = daemon.cli("kill", path, "--yes", "--reason", f"test of {path}")
        assert done.returncode == 0, done.stderr
        load.wait_for_more(50)
        retry_until(lambda: daemon.request("GET", "/readyz", key=None).status, lambda status: status == 200)
        load.wait_for_more(50)
    assert load.faults == []
    assert {status for status, _ in load.answers} <= {200, 503}
    assert postmaster(daemon) == before
    entries = daemon.cli_json("history", path)
    assert [entry["reason"] for entry in entries if entry["path"] == path] == [f"killed: test of {path}"]
    acknowledged = [body["decision_id"] for status, body in load.answers if status == 200 and body["recorded"]]
    sample = acknowledged[:: max(len(acknowledged) // 50, 1)]
    assert {daemon.request("GET", f"/v1/decisions/{one}").status for one in sample} == {200}


def test_why_the_database_is_away_is_told_once_to_operators_and_in_the_log_and_to_nobody_else(
    start_daemon: Callable[..., RunningDaemon],
) -> None:
    daemon = start_daemon()
    control_file = daemon.data_dir / "pg" / "global" / "pg_control"
    control_file.rename(daemon.data_dir / "aside")
    with stopped_postgres(daemon):
        health = retry_until(lambda: daemon.cli("health"), lambda done: "pg_control" in done.stdout)
        ready = daemon.request("GET", "/readyz", key=None)
    assert {"database is not well", "/database is not well"} <= set(ready.json["reasons"])
    assert str(daemon.data_dir).encode() not in ready.body
    assert len(re.findall(r"/database is reconnecting|/database: ", health.stdout)) == 1
    told = [json.loads(line) for line in (daemon.data_dir / "log.jsonl").read_text().splitlines()]
    whys = [line["why"] for line in told if line["event"] == "part not well" and line["part"] == "database"]
    assert any("pg_control" in why for why in whys)
    (daemon.data_dir / "aside").rename(control_file)
    retry_until(lambda: daemon.request("GET", "/readyz", key=None).status, lambda status: status == 200)


def test_killed_postgres_is_answered_by_the_outage_policy_and_comes_back_by_itself(
    start_daemon: Callable[..., RunningDaemon],
) -> None:
    daemon = start_daemon()
    daemon.check("u-1", "general")
    with stopped_postgres(daemon):
        refused = retry_until(
            lambda: daemon.request("POST", "/v1/actions/check", {"user_id": "u-1", "action_type": "profile_view"}),
            lambda answer: answer.status == 200,
        )
    assert refused.json["decision"] == "allow"
    degraded = refused.json if not refused.json["recorded"] else None
    # Until its end is noticed the daemon is still ready, and a check may be the one that notices.
    recorded = retry_until(
        lambda: daemon.request("POST", "/v1/actions/check", {"user_id": "u-2", "action_type": "general"}),
        lambda answer: answer.status == 200,
    )
    assert recorded.json["recorded"] is True
    assert daemon.process.poll() is None
    if degraded is not None:
        found = retry_until(
            lambda: daemon.request("GET", f"/v1/decisions/{degraded['decision_id']}").status,
            lambda status: status == 200,
        )
        assert found == 200


def test_while_postgres_is_stalled_callers_are_answered_and_a_killed_trust_safety_comes_back_warming(
    start_daemon: Callable[..., RunningDaemon],
) -> None:
    daemon = start_daemon()
    daemon.check("u-1", "general")
    with stalled_postgres(daemon):
        refused = daemon.request("POST", "/v1/actions/check", {"user_id": "u-1", "action_type": "general"})
        assert (refused.status, refused.json["error"]) == (503, "unavailable")
        closed = daemon.request("POST", "/v1/actions/check", {"user_id": "u-1", "action_type": "data_export"})
        assert (closed.status, closed.json["decision"], closed.json["recorded"]) == (200, "deny", False)
        ready = retry_until(lambda: daemon.cli("health"), lambda done: done.returncode == 1)
        assert "has been handling" in ready.stdout or "reconnecting" in ready.stdout
        daemon.cli("kill", "/growth/trust_safety", "--yes", "--reason", "test")
        node = retry_until(
            lambda: daemon.cli_json("inspect", "/growth/trust_safety"), lambda data: data["state"] == "running"
        )
        assert node["status"] == "warming"
    retry_until(lambda: daemon.request("GET", "/readyz", key=None).status, lambda status: status == 200)
    assert daemon.check("u-1", "general")["recorded"] is True
    found = retry_until(
        lambda: daemon.request("GET", f"/v1/decisions/{closed.json['decision_id']}").status,
        lambda status: status == 200,
    )
    assert found == 200


def test_blocks_and_recent_limits_hold_after_kill_9_and_no_postgres_is_left(
    start_daemon: Callable[..., RunningDaemon],
) -> None:
    daemon = start_daemon()
    for _ in range(10):
        daemon.check("busy", "invite")
    body = {"kind": "user", "value": "banned", "reason": "test"}
    assert daemon.request("POST", "/v1/blocks", body).status == 201
    pid = postmaster(daemon)
    daemon.kill()
    assert wait_until_gone(pid)
    daemon.start()
    assert daemon.check("banned", "general")["reasons"] == ["user_blocked"]
    assert daemon.check("busy", "invite")["reasons"] == ["rate_limited"]


def test_a_second_daemon_on_the_same_folder_says_so_in_one_sentence(start_daemon: Callable[..., RunningDaemon]) -> None:
    daemon = start_daemon()
    done = subprocess.run(
        [sys.executable, str(ROOT / "supervisor.py"), "serve", "--data-dir", str(daemon.data_dir), "--port", "0"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert str(daemon.data_dir) in done.stderr


def test_what_is_no_spool_is_told_in_one_sentence_and_only_a_file_in_its_place_ends_the_start(
    start_daemon: Callable[..., RunningDaemon],
) -> None:
    daemon = start_daemon()
    daemon.stop()
    spool = daemon.data_dir / "spool"
    (spool / "mine.spool").mkdir()
    daemon.start()
    assert daemon.stop() == 0
    assert len([line for line in daemon.stderr().splitlines() if "mine.spool" in line]) == 1
    shutil.rmtree(spool)
    spool.write_text("")
    with pytest.raises(AssertionError, match=rf"the spool {spool} can't be used: .*"):
        daemon.start()
    assert "Traceback" not in daemon.stderr()


@pytest.mark.parametrize("host", ["203.0.113.9", "host.invalid", "a..b", "2001:db8::9"])
def test_a_host_that_is_no_address_of_this_machine_is_named_in_one_sentence(tmp_path: Path, host: str) -> None:
    data_dir = str(tmp_path / "d")
    done = subprocess.run(
        [sys.executable, str(ROOT / "supervisor.py"), "serve", "--data-dir", data_dir, "--port", "0", "--host", host],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith(f"viral-engine: --host {host} is no address")


def test_a_database_url_that_was_never_right_ends_the_start_with_one_sentence(
    start_daemon: Callable[..., RunningDaemon], postgres_server: EmbeddedServer
) -> None:
    wrong = make_conninfo(postgres_server.conninfo, dbname="nobody_made_this")
    with pytest.raises(AssertionError, match=r'the configured database can.t be used: .*"nobody_made_this"'):
        start_daemon(VIRAL_ENGINE_DATABASE__URL=wrong)


def test_sigterm_ends_with_0_and_answers_what_it_has(start_daemon: Callable[..., RunningDaemon]) -> None:
    daemon = start_daemon()
    pid = postmaster(daemon)
    with Load(daemon) as load:
        load.wait_for_more(50)
        daemon.process.send_signal(signal.SIGTERM)
        assert daemon.process.wait(30) == 0
    assert all(isinstance(fault, ConnectionRefusedError | ConnectionResetError) for fault in load.faults)
    assert wait_until_gone(pid)


@contextmanager
def under_way(daemon: RunningDaemon, line: str, body: Any = None) -> Iterator[socket.socket]:
    """A connection with a request under way."""
    sent = json.dumps(body) if body is not None else ""
    head = f"{line} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {daemon.key}\r\nContent-Length: {len(sent)}\r\n\r\n"
    with socket.create_connection(address(daemon)) as connection:
        connection.sendall(f"{head}{sent}".encode())
        yield connection


def address(daemon: RunningDaemon) -> tuple[str, int]:
    """Where it listens."""
    connection = daemon.connection()
    return connection.host, connection.port


def test_sigterm_under_load_ends_with_0_before_docker_would_kill_although_postgres_is_frozen(
    start_daemon: Callable[..., RunningDaemon],
) -> None:
    daemon = start_daemon()
    with Load(daemon) as load:
        load.wait_for_more(50)
        # Nobody knows this user: the answer waits for the reader, which hangs for longer than a stop may take.
        with stalled_postgres(daemon), under_way(daemon, "GET /v1/users/nobody-knows") as reading:
            daemon.process.send_signal(signal.SIGTERM)
            assert daemon.process.wait(10) == 0
            assert reading.recv(65_536).startswith(b"HTTP/1.1 503 ")


def is_refused(where: tuple[str, int]) -> bool:
    """Whether a new caller is turned away at once."""
    try:
        socket.create_connection(where, 30).close()
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:
        pass
    return False


def terminate(daemon: RunningDaemon) -> None:
    """Ends it by a signal."""
    daemon.process.send_signal(signal.SIGTERM)


def exhaust_the_root(daemon: RunningDaemon) -> None:
    """Kills children of the root until it gives up."""
    path = json.loads((daemon.data_dir / "daemon.json").read_text())["socket"]

    def is_up(child: str) -> bool:
        node: dict[str, Any] = client.ask(path, Request(verb="inspect", path=child), 30)
        return bool(node["state"] == "running")

    for child in ("/jobs", "/control", "/reader", "/jobs"):
        retry_until(partial(is_up, child), bool)
        client.ask(path, Request(verb="kill", path=child, yes=True, force=True), 30)


@pytest.mark.parametrize(("end", "code"), [(terminate, 0), (exhaust_the_root, 70)])
def test_new_callers_are_refused_while_a_stop_serves_those_it_has(
    start_daemon: Callable[..., RunningDaemon], end: Callable[[RunningDaemon], None], code: int
) -> None:
    daemon = start_daemon()
    daemon.check("open", "general")
    check = {"user_id": "open", "action_type": "general"}
    with stalled_postgres(daemon), under_way(daemon, "POST /v1/actions/check", check) as waiting:
        where = address(daemon)
        end(daemon)
        while not is_refused(where):
            # Ends by itself: with a refusal, or with the answer that must not come first.
            assert select.select([waiting], [], [], 0)[0] == []
        assert daemon.process.wait(30) == code
        assert waiting.recv(65_536).startswith(b"HTTP/1.1 503 ")


def test_sigterm_in_the_first_moment_of_the_program_that_serve_becomes_ends_with_0(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "viral_engine.cli.main", "serve", "--data-dir", str(tmp_path / "d"), "--port", "0"],
        stderr=subprocess.PIPE,
        cwd=ROOT,
    )
    while b"supervisor.py" not in Path(f"/proc/{process.pid}/cmdline").read_bytes():
        # Ends by itself: it becomes the daemon, or ends.
        assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=30)
    assert (process.returncode, said) == (0, b"")


@pytest.mark.parametrize("seen", ["lock", "keeper.lock", "pg-password", "pg/base", "instance-key", "daemon.json"])
def test_sigterm_in_the_middle_of_a_first_start_ends_with_0_and_the_next_start_is_clean(
    tmp_path: Path, seen: str
) -> None:
    daemon = RunningDaemon(tmp_path / "d")
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "supervisor.py"), "serve", "--data-dir", str(daemon.data_dir), "--port", "0"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    while not (daemon.data_dir / seen).exists():
        # Ends by itself: with the file, or with the process.
        assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 0, said
    # Once the tree is up, an actor that waits for the server may be cut off, and the log says so.
    assert b"Traceback" not in said
    daemon.start()
    try:
        assert daemon.check("after", "general")["recorded"] is True
    finally:
        assert daemon.stop() == 0


def test_a_disk_below_its_minimum_turns_readyz_red_and_the_outage_policy_answers(
    start_daemon: Callable[..., RunningDaemon],
) -> None:
    daemon = start_daemon(VIRAL_ENGINE_DISK__CHECK_INTERVAL_S="0")
    daemon.stop()
    daemon.environment["VIRAL_ENGINE_DISK__FREE_BYTES_MIN"] = str(1 << 60)
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "supervisor.py"), "serve", "--data-dir", str(daemon.data_dir), "--port", "0"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **daemon.environment},
    )
    try:
        retry_until(lambda: daemon.cli("health"), lambda done: done.returncode == 1)
        daemon.url = json.loads((daemon.data_dir / "daemon.json").read_text())["url"]
        ready = retry_until(
            lambda: daemon.request("GET", "/readyz", key=None),
            lambda answer: len(answer.json["reasons"]) == 1,
        )
        assert (ready.status, ready.json["reasons"]) == (503, ["disk is not well"])
        [reason] = daemon.cli_json("health")["readiness"]["reasons"]
        assert "MiB" in reason
        body = {"user_id": "u", "action_type": "general"}
        refused = daemon.request("POST", "/v1/actions/check", body)
        assert (refused.status, refused.json["error"]) == (503, "unavailable")
        assert int(refused.headers["retry-after"]) >= 1
    finally:
        process.terminate()
        process.wait(30)


def test_a_thousand_requests_with_one_key_are_one_decision(start_daemon: Callable[..., RunningDaemon]) -> None:
    daemon = start_daemon()
    key = daemon.key
    body = json.dumps({"user_id": "once", "action_type": "general"})
    bodies: list[bytes] = []
    lock = threading.Lock()

    def ask() -> None:
        connection = daemon.connection()
        for _ in range(50):
            connection.request(
                "POST", "/v1/actions/check", body, {"Authorization": f"Bearer {key}", "Idempotency-Key": "k-1"}
            )
            answer = connection.getresponse().read()
            with lock:
                bodies.append(answer)
        connection.close()

    threads = [threading.Thread(target=ask) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(bodies) == 1_000
    assert len(set(bodies)) == 1
    assert len(daemon.request("GET", "/v1/decisions?user_id=once").json["decisions"]) == 1
    other = daemon.request(
        "POST",
        "/v1/actions/check",
        {"user_id": "other", "action_type": "general"},
        headers={"Idempotency-Key": "k-1"},
    )
    assert (other.status, other.json["error"]) == (409, "idempotency_conflict")
