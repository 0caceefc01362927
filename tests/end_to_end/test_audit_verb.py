"""The audit as people read it: what was done to somebody in order, narrowed, in pages."""

from __future__ import annotations

from typing import Any

import pytest
from running_daemon import RunningDaemon, retry_until


def test_a_block_its_appeal_and_its_lifting_are_in_the_audit_of_whom_they_concern(shared_daemon: RunningDaemon) -> None:
    daemon = shared_daemon
    block = daemon.cli_json("blocks", "add", "user", "audited", "--reason", "by mistake")["block_id"]
    decision = daemon.check("audited", "general")["decision_id"]
    case_id = daemon.cli_json("appeals", "add", decision, "--content", "that was not me")["case_id"]
    assert daemon.cli("reviews", "overturn", case_id, "--note", "another person").returncode == 0

    listed = daemon.cli_json("audit", "--subject", "user", "audited")
    told = [(one["action"], one["subject_kind"], one["subject_id"], one["details"]) for one in listed["entries"]]
    assert told[::-1] == [
        ("blocks.add", "user", "audited", {"reason": "by mistake", "block_id": block, "expires_at": None}),
        ("appeal.add", "user", "audited", {"case_id": case_id, "decision_id": decision}),
        ("blocks.lift", "user", "audited", {"block_id": block, "case": case_id}),
    ]
    assert listed["next_before"] is None
    closed = daemon.cli_json("audit", "--subject", "case", case_id)["entries"]
    assert [(one["action"], one["details"]) for one in closed] == [
        ("case.close", {"outcome": "overturn", "note": "another person"}),
    ]
    shown = daemon.cli("audit", "--subject", "user", "audited").stdout
    assert shown.split("\n")[0].split() == ["AT", "ACTION", "BY", "SUBJECT", "DETAILS"]
    assert [" ".join(line.split()[1:2] + line.split()[3:]) for line in shown.splitlines()[1:]] == [
        f"blocks.lift user audited case={case_id}, block_id={block}",
        f"appeal.add user audited case_id={case_id}, decision_id={decision}",
        f"blocks.add user audited reason=by mistake, block_id={block}",
    ]


def test_the_audit_is_read_in_pages_and_by_act_and_time(shared_daemon: RunningDaemon) -> None:
    daemon = shared_daemon
    for value in ("192.0.2.41", "192.0.2.41"):
        block = daemon.cli_json("blocks", "add", "ip", value, "--reason", "scraping")["block_id"]
        assert daemon.cli("blocks", "remove", block, "--reason", "gone").returncode == 0
    newest = daemon.cli("audit", "--subject", "ip", "::ffff:192.0.2.41", "--limit", "3")
    before = newest.stderr.removeprefix("there are more: --before ").strip()
    assert [line.split()[1] for line in newest.stdout.splitlines()[1:]] == ["blocks.lift", "blocks.add", "blocks.lift"]
    oldest = daemon.cli("audit", "--subject", "ip", "192.0.2.41", "--before", before)
    assert (len(oldest.stdout.splitlines()), oldest.stderr) == (2, "")
    lifted = daemon.cli_json("audit", "--action", "blocks.lift", "--since", "1h", "--subject", "ip", "192.0.2.41")
    assert [one["details"]["reason"] for one in lifted["entries"]] == ["gone", "gone"]


def test_who_made_a_key_and_what_operators_did_is_there_too(shared_daemon: RunningDaemon) -> None:
    made = shared_daemon.cli_json("keys", "create", "audited", "--scope", "check")["key_id"]
    [entry] = shared_daemon.cli_json("audit", "--subject", "key", made)["entries"]
    assert (entry["action"], entry["details"]["scopes"]) == ("key.create", ["check"])
    assert shared_daemon.cli("restart", "/reader", "--yes", "--reason", "a trial").returncode == 0
    asked = ("audit", "--subject", "actor", "/reader", "--action", "operator.restart")
    # The act does not wait for its entry.
    acts = retry_until(lambda: shared_daemon.cli_json(*asked)["entries"], bool)
    assert (acts[0]["author"][:4], acts[0]["details"]["reason"]) == ("uid:", "a trial")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("subject_kind=person&subject_id=1", "subject_kind"), ("subject_kind=key&subject_id=%00", "subject_id"),
        ("subject_kind=person", "subject_kind"),
        ("action=Blocks", "action"), ("action=a%00", "action"), ("since=yesterday", "since"),
        ("since=2026-01-01T00:00:00", "since"), ("before=7", "before"),
        ("limit=0", "limit"), ("limit=201", "limit"),
    ],
)  # fmt: skip
def test_a_bad_question_is_refused_with_the_field(shared_daemon: RunningDaemon, query: str, field: str) -> None:
    answer = shared_daemon.request("GET", f"/v1/audit?{query}")
    assert (answer.status, answer.json["field"]) == (422, field), answer.body


def test_a_page_that_nobody_was_told_of_is_not_there(shared_daemon: RunningDaemon) -> None:
    made_up = shared_daemon.request("GET", "/v1/audit?before=0123456789abcdef")
    assert (made_up.status, made_up.json["error"]) == (404, "not_found")


def test_the_audit_is_for_keys_of_its_scope(shared_daemon: RunningDaemon) -> None:
    key = shared_daemon.cli_json("keys", "create", "no-auditor", "--scope", "review", "--scope", "child_safety")["key"]
    assert shared_daemon.request("GET", "/v1/audit", key=key).status == 403
    assert shared_daemon.request("GET", "/v1/audit", key=None).status == 401


def test_an_id_alone_is_a_user_s_a_kind_alone_is_all_of_it_and_what_has_no_such_id_had_nothing_done_to_it(
    shared_daemon: RunningDaemon,
) -> None:
    daemon = shared_daemon
    block = daemon.cli_json("blocks", "add", "user", "4712", "--reason", "spam")["block_id"]

    def found(query: str) -> list[Any]:
        answer = daemon.request("GET", f"/v1/audit?{query}")
        assert answer.status == 200, answer.body
        entries: list[Any] = answer.json["entries"]
        return entries

    assert [one["details"]["block_id"] for one in found("subject_id=4712")] == [block]
    assert {one["subject_kind"] for one in found("subject_kind=user")} == {"user"}
    for nothing in ("subject_kind=ip&subject_id=300.1.1.1", "subject_kind=case&subject_id=7"):
        assert found(nothing) == []
