"""Reports, appeals and verdicts as people make them: over HTTP, by the verbs, with keys that may and may not."""

from __future__ import annotations

import json
from collections.abc import Callable

from running_daemon import RunningDaemon


def key(daemon: RunningDaemon, *scopes: str) -> str:
    arguments = [part for scope in scopes for part in ("--scope", scope)]
    return str(daemon.cli_json("keys", "create", "-".join(scopes), *arguments)["key"])


def test_a_block_is_appealed_and_overturned_and_the_user_is_let_in(shared_daemon: RunningDaemon) -> None:
    daemon = shared_daemon
    assert daemon.cli("blocks", "add", "user", "appealing", "--reason", "by mistake").returncode == 0
    refused = daemon.check("appealing", "general")
    assert refused["decision"] == "deny"
    appeal = daemon.cli_json("appeals", "add", refused["decision_id"], "--content", "that was not me")
    listed = daemon.cli("reviews", "list", "--kind", "appeal").stdout
    assert (appeal["case_id"] in listed, "user appealing" in listed) == (True, True)
    assert "that was not me" in daemon.cli("reviews", "show", appeal["case_id"]).stdout
    assert daemon.cli("reviews", "claim", appeal["case_id"]).returncode == 0
    closed = daemon.cli("reviews", "overturn", appeal["case_id"], "--note", "another person")
    assert (closed.returncode, "is lifted" in closed.stdout) == (0, True)
    assert daemon.check("appealing", "general")["decision"] == "allow"
    again = daemon.cli("reviews", "uphold", appeal["case_id"], "--note", "or not")
    assert "is closed, or somebody else is at it" in again.stderr


def test_a_report_of_child_safety_pages_and_only_who_may_reads_it_and_that_is_logged(
    start_daemon: Callable[..., RunningDaemon],
) -> None:
    daemon = start_daemon()
    words = "asked the child to meet at the gymnasium"
    taken = daemon.cli_json(
        "reports", "add", "user", "tutor-9", "--reporter", "parent-1", "--category", "child_safety", "--content", words
    )  # fmt: skip
    told = [json.loads(line) for line in (daemon.data_dir / "log.jsonl").read_text().splitlines()]
    assert [line["level"] for line in told if line["event"] == "child_safety_report"] == ["critical"]
    assert words not in (daemon.data_dir / "log.jsonl").read_text()

    path = f"/v1/reviews/{taken['report_id']}"
    reviewer, guardian = key(daemon, "review"), key(daemon, "child_safety")
    assert daemon.request("GET", path, key=reviewer).status == 404
    assert daemon.request("GET", "/v1/reviews?queue=child_safety", key=reviewer).status == 403
    assert daemon.request("POST", f"{path}/close", {"outcome": "overturn", "note": "x"}, key=reviewer).status == 404
    listed = daemon.request("GET", "/v1/reviews?queue=child_safety", key=guardian)
    assert [(one["case_id"], one["content"]) for one in listed.json["cases"]] == [(taken["report_id"], None)]
    read = daemon.request("GET", path, key=guardian)
    assert (read.status, read.json["content"], read.json["held_until"] is not None) == (200, words, True)


def test_bad_reports_are_refused_with_the_field_and_nothing_is_kept(shared_daemon: RunningDaemon) -> None:
    good = {"reporter_id": 1, "kind": "user", "value": "whoever", "category": "spam"}
    for field, value in (
        ("category", "gossip"), ("severity", "deadly"), ("kind", "email_domain"), ("value", ""), ("reporter_id", "\0"),
        ("content", "x" * 4_001), ("content", ""), ("surprise", 1),
    ):  # fmt: skip
        answer = shared_daemon.request("POST", "/v1/reports", {**good, field: value})
        assert (answer.status, answer.json["field"]) == (422, field), answer.body
    ip = shared_daemon.request("POST", "/v1/reports", {**good, "kind": "ip", "value": "300.1.1.1"})
    assert (ip.status, ip.json["field"]) == (422, "value")
    for body in ({"decision_id": "x", "content": "y"}, {"decision_id": "x"}):
        assert shared_daemon.request("POST", "/v1/appeals", body).status == 422
