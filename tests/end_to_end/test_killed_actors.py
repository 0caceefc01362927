"""Any actor may be killed at any moment, under load."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from load import Load
from outages import postmaster
from running_daemon import RunningDaemon, retry_until

# Each with a daemon of its own, in which no path stands above another one, and fewer than the root gives up at.
GROUPS = (
    ("/growth/trust_safety", "/growth/redaction", "/jobs/clock", "/reader", "/journal"),
    ("/growth/content", "/growth/pager", "/web", "/database", "/control"),
    ("/growth", "/jobs"),
)


@pytest.mark.parametrize("paths", GROUPS, ids=" ".join)
def test_killing_any_actor_under_load_leaves_no_request_without_an_answer(
    start_daemon: Callable[..., RunningDaemon], paths: tuple[str, ...]
) -> None:
    daemon = start_daemon()
    before = postmaster(daemon)
    with Load(daemon) as load:
        for path in paths:
            load.wait_for_more(50)
            done = daemon.cli("kill", path, "--yes", "--reason", f"test of {path}")
            assert done.returncode == 0, done.stderr
            load.wait_for_more(50)
            retry_until(lambda: daemon.request("GET", "/readyz", key=None).status, lambda status: status == 200)
        load.wait_for_more(50)
    assert load.faults == []
    assert {status for status, _ in load.answers} <= {200, 503}
    assert postmaster(daemon) == before
    for path in paths:
        entries = daemon.cli_json("history", path)
        assert [entry["reason"] for entry in entries if entry["path"] == path] == [f"killed: test of {path}"]
    acknowledged = [body["decision_id"] for status, body in load.answers if status == 200 and body["recorded"]]
    sample = acknowledged[:: max(len(acknowledged) // 50, 1)]
    assert {daemon.request("GET", f"/v1/decisions/{one}").status for one in sample} == {200}


def test_every_node_of_the_running_tree_is_killed_here(shared_daemon: RunningDaemon) -> None:
    nodes = set(shared_daemon.cli("tree", "-o", "name").stdout.split())
    assert nodes - {"/"} == {path for paths in GROUPS for path in paths}
