"""What hangs is noticed, replaced where it can be, and shown with where it hangs."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from running_daemon import RunningDaemon, retry_until

from supervisor import TREE
from viral_engine.runtime.spec import ChildSpec, Supervisor, Worker

CLOCK = "/jobs/clock"


def hang(daemon: RunningDaemon, path: str, seconds: float) -> None:
    done = daemon.cli("hang", path, "--for", f"{seconds:.0f}s")
    assert done.returncode == 0, done.stderr


def test_an_actor_that_hangs_is_replaced_and_its_thread_is_shown_with_where_it_hangs(
    start_daemon: Callable[..., RunningDaemon],
) -> None:
    daemon = start_daemon(flags=("--dev",))
    hang(daemon, CLOCK, 600.0)

    data = retry_until(lambda: daemon.cli_json("ps"), lambda data: data["abandoned"])

    [one] = data["abandoned"]
    assert (one["path"], one["incarnation"], one["message"]) == (CLOCK, 1, "Hang")
    assert "control/hang.py" in one["stack"]
    now = retry_until(lambda: daemon.cli_json("inspect", CLOCK), lambda node: node["state"] == "running")
    assert (now["incarnation"], now["restarts"]) == (2, 1)
    table = daemon.cli("ps").stdout
    assert f"{CLOCK} #1 was killed, its thread hangs in Hang for " in table
    assert "threading.Event().wait(seconds)" in table
    looked = daemon.cli("inspect", CLOCK, "--stack").stdout
    assert looked.count("_actor_loop") == 2
    assert "control/hang.py" in looked
    [entry] = daemon.cli_json("history", CLOCK)
    assert entry["reason"] == "killed: it gave no sign of life for 5 heartbeats"
    assert f"1 threads hang in killed actors, the last one in {CLOCK}" in daemon.cli("health").stdout
    assert b"viral_engine_abandoned_threads 1.0\n" in daemon.request("GET", "/metrics").body
    # It hangs in the daemon's way of stopping as little.
    assert daemon.stop() == 0


def test_a_loop_that_is_blocked_is_shown_with_where_it_is(start_daemon: Callable[..., RunningDaemon]) -> None:
    daemon = start_daemon(flags=("--dev",))
    hang(daemon, "/web", 9.0)

    health = retry_until(lambda: daemon.cli("health", "--timeout", "1"), lambda done: "event loop" in done.stdout)

    assert health.returncode == 1
    assert "the event loop has not turned for " in health.stdout
    [entry] = daemon.cli_json("history", "--all")
    assert (entry["kind"], entry["path"]) == ("loop_blocked", "loop")
    assert "control/hang.py" in entry["traceback"]
    retry_until(lambda: daemon.request("GET", "/readyz", key=None).status, lambda status: status == 200)
    # A beat that could not be asked for while the loop hung is nobody's fault.
    assert {node["incarnation"] for node in daemon.cli_json("ps")["actors"]} == {1}
    told = [json.loads(line) for line in (daemon.data_dir / "log.jsonl").read_text().splitlines()]
    assert any(line["event"] == "loop blocked" and "control/hang.py" in line["stack"] for line in told)
    assert any(line["event"] == "loop turns again" for line in told)


def test_without_dev_nothing_is_made_to_hang(shared_daemon: RunningDaemon) -> None:
    refused = shared_daemon.cli("hang", CLOCK, "--for", "1s")
    assert (refused.returncode, "serve --dev" in refused.stderr) == (5, True)


def test_nobody_who_waits_for_postgresql_is_ended_for_it() -> None:
    def with_heartbeat(spec: ChildSpec, path: str = "") -> dict[str, Any]:
        if isinstance(spec, Supervisor):
            found: dict[str, Any] = {}
            for child in spec.children:
                found |= with_heartbeat(child, f"{path}/{child.name}")
            return found
        assert isinstance(spec, Worker)
        return {path: spec.heartbeat} if spec.heartbeat is not None else {}

    assert sorted(with_heartbeat(TREE)) == ["/control", CLOCK]
