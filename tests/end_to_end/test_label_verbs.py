"""Labels as operators use them: by the verbs, in a decision, in a rule of the policy's own, and after kill -9."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from running_daemon import RunningDaemon

RULE = """
[[rule]]
name = "watched"
why = "is on the watch list"
weight = 8000
when = { all = [{ fact = "labels", one_of = ["on_watch", "stolen_card"] }, { fact = "action", is = "invite" }] }
"""


def test_a_label_is_added_listed_and_removed_by_the_verbs(shared_daemon: RunningDaemon) -> None:
    daemon = shared_daemon
    named = ("user", "labelled-1", "on_watch")
    added = daemon.cli("labels", "add", *named, "--reason", "two chargebacks", "--for", "30d")
    again = daemon.cli("labels", "add", *named, "--reason", "other", "--for", "2h")
    label_id = added.stdout.split()[0]
    assert added.stdout.startswith(f"{label_id}  user labelled-1 is labelled on_watch, until 20")
    assert "user labelled-1 is labelled on_watch already, until" in again.stdout
    assert again.stdout.endswith("reason: two chargebacks\n")

    wanted = ("labels", "list", "--label", "on_watch", "--kind", "user", "--value", "labelled-1")
    heads, *rows = daemon.cli(*wanted).stdout.splitlines()
    assert heads.split() == ["ID", "KIND", "VALUE", "LABEL", "REASON", "AUTHOR", "CREATED", "EXPIRES"]
    assert [row.split()[:4] for row in rows] == [[label_id, *named]]
    record = daemon.cli_json("check", "labelled-1", "general")
    assert record["decision"] == "allow"
    assert "  labels      on_watch\n" in daemon.cli("why", record["decision_id"]).stdout

    assert daemon.cli("labels", "remove", label_id, "--reason", "paid").stdout == f"{label_id} is taken off\n"
    gone = daemon.cli("labels", "remove", label_id)
    assert gone.returncode == 4
    assert daemon.cli_json(*wanted) == {"labels": [], "next_before": None}


def test_what_the_verbs_refuse_names_what_is_wrong(shared_daemon: RunningDaemon) -> None:
    endless = shared_daemon.cli("labels", "add", "user", "1", "on_watch", "--reason", "x")
    assert (endless.returncode, "a label always ends" in endless.stderr) == (2, True)
    too_long = shared_daemon.cli("labels", "add", "user", "1", "on_watch", "--reason", "x", "--for", "401d")
    assert (too_long.returncode, "expires_at must lie within 400 days" in too_long.stderr) == (2, True)
    no_name = shared_daemon.cli("labels", "add", "user", "1", "On Watch", "--reason", "x", "--for", "1d")
    assert (no_name.returncode, "label must begin with a-z" in no_name.stderr) == (2, True)
    assert shared_daemon.cli("labels", "add", "dragon", "1", "fine", "--reason", "x", "--for", "1d").returncode == 2


def test_a_rule_on_a_label_decides_is_tried_first_and_outlives_kill_nine(
    start_daemon: Callable[..., RunningDaemon], tmp_path: Path
) -> None:
    daemon = start_daemon()
    file = tmp_path / "watched.toml"
    file.write_text(daemon.cli("policy", "show", "--toml").stdout + RULE)
    body = {
        "kind": "network", "value": "192.0.2.0/24", "label": "on_watch", "reason": "a ring",
        "expires_at": (datetime.now(UTC) + timedelta(days=7)).isoformat(),
    }  # fmt: skip
    label_id = daemon.request("POST", "/v1/labels", body).json["label_id"]
    attempt = {"device_id": "d-1", "ip_address": "192.0.2.7"}
    elsewhere = {"device_id": "d-2", "ip_address": "203.0.113.1"}
    assert daemon.check("ann", "invite", **attempt)["decision"] == "allow"
    assert daemon.check("bob", "invite", **elsewhere)["decision"] == "allow"

    tried = daemon.cli_json("policy", "test", str(file), "--since", "1h")
    assert tried["moves"] == [{"before": "allow", "after": "deny", "count": 1}]
    assert daemon.cli("policy", "load", str(file), "--reason", "a ring").returncode == 0
    denied = daemon.check("ann", "invite", **attempt)
    assert (denied["decision"], denied["reasons"]) == ("deny", ["fraud_detected"])
    assert [(term["rule"], term["weight"], term["why"]) for term in denied["contributions"]] == [
        ("watched", 8_000, "is on the watch list")
    ]
    assert daemon.check("ann", "general", **attempt)["decision"] == "allow"

    daemon.kill()
    daemon.start()
    again = daemon.check("ann", "invite", **attempt)
    assert again["decision"] == "deny"
    assert daemon.request("GET", f"/v1/decisions/{again['decision_id']}").json["facts"]["labels"] == ["on_watch"]
    assert daemon.request("DELETE", f"/v1/labels/{label_id}").status == 204
    assert daemon.check("ann", "invite", **attempt)["decision"] == "allow"
    compared = daemon.cli_json("reevaluate")
    assert (compared["different"], compared["left_out"]) == ([], 0)
    daemon.kill()
    daemon.start()
    assert daemon.check("ann", "invite", **attempt)["decision"] == "allow"
