"""What breaks, and what must hold while it does: each test has a daemon of its own to break."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from outages import postmaster, stalled_postgres, stopped_postgres, wait_until_gone
from psycopg.conninfo import make_conninfo
from running_daemon import ROOT, RunningDaemon, retry_until

from viral_engine.store.embedded.server import EmbeddedServer


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
