"""Child safety over HTTP: keys without its scope neither see its cases nor what would tell that there is one."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

from running_daemon import RunningDaemon
from test_review_verbs import key, with_key

from viral_engine.cli.errors import ExitCode

VERDICT = {"outcome": "overturn", "note": "a mistake, as both parents say"}


def report(daemon: RunningDaemon, user: str, category: str, **more: Any) -> Any:
    body = {"reporter_id": "parent-3", "kind": "user", "value": user, "category": category, **more}
    answer = daemon.request("POST", "/v1/reports", body)
    assert answer.status == 201, answer.body
    return answer.json


def blocks(daemon: RunningDaemon, user: str, key: str) -> list[Any]:
    answer = daemon.request("GET", f"/v1/blocks?kind=user&value={user}", key=key)
    assert answer.status == 200, answer.body
    found: list[Any] = answer.json["blocks"]
    return found


def test_a_reviewer_undoes_no_block_of_child_safety_and_is_not_told_of_its_case(shared_daemon: RunningDaemon) -> None:
    daemon = shared_daemon
    reviewer, guardian = key(daemon, "review"), key(daemon, "review", "child_safety")
    taken = report(daemon, "tutor-21", "child_safety", severity="critical")
    refused = daemon.check("tutor-21", "general")
    assert refused["decision"] == "deny"
    said = {"decision_id": refused["decision_id"], "content": "not me"}
    appeal = f"/v1/reviews/{daemon.request('POST', '/v1/appeals', said).json['case_id']}"

    verdict = {"outcome": "overturn", "note": "talked to both parents, a mistake"}
    assert daemon.request("GET", appeal, key=reviewer).status == 404
    assert daemon.request("POST", f"{appeal}/claim", key=reviewer).status == 404
    assert daemon.request("POST", f"{appeal}/close", verdict, key=reviewer).status == 404
    [block] = blocks(daemon, "tutor-21", reviewer)
    by_hand = daemon.request("DELETE", f"/v1/blocks/{block['block_id']}", key=reviewer)
    assert (by_hand.status, by_hand.json["error"]) == (404, "not_found")
    assert daemon.check("tutor-21", "general")["decision"] == "deny"

    assert daemon.request("POST", f"{appeal}/claim", key=guardian).status == 200
    assert daemon.request("GET", appeal, key=guardian).status == 200
    closed = daemon.request("POST", f"{appeal}/close", verdict, key=guardian)
    assert (closed.status, closed.json["blocks_lifted"], closed.json["blocks_kept"]) == (200, [block["block_id"]], [])
    assert "user_blocked" not in daemon.check("tutor-21", "general")["reasons"]
    assert taken["blocked_until"] == block["expires_at"]


def test_a_reviewer_sees_no_difference_between_what_child_safety_and_what_others_blocked(
    shared_daemon: RunningDaemon,
) -> None:
    daemon = shared_daemon
    seen = []
    for user, category in (("tutor-22", "child_safety"), ("tutor-23", "spam")):
        taken = report(daemon, user, category, severity="critical")
        refused = daemon.check(user, "general")
        for scope in ("write", "review", "audit"):
            [block] = blocks(daemon, user, key(daemon, scope))
            assert (block["reason"], block["block_id"] == taken["report_id"]) == (
                "reported, until somebody has looked", False,
            )  # fmt: skip
        record = daemon.request("GET", f"/v1/decisions/{refused['decision_id']}", key=key(daemon, "review"))
        listed = daemon.request("GET", f"/v1/decisions?user_id={user}", key=key(daemon, "audit"))
        for text in (record.body, listed.body):
            assert taken["report_id"] not in text.decode()
            assert category not in text.decode()
        assert [flag[0] for flag in record.json["facts"]["flags"]] == ["report:1"]
        seen.append((record.json["reasons"], record.json["contributions"], record.json["facts"]["flags"][0][:3]))
        both = key(daemon, "review", "child_safety")
        whole = daemon.request("GET", f"/v1/decisions/{refused['decision_id']}", key=both)
        assert [flag[0] for flag in whole.json["facts"]["flags"]] == [taken["report_id"]]
    assert seen[0] == seen[1]


def entries(daemon: RunningDaemon, scopes: tuple[str, ...], query: str = "") -> list[Any]:
    """Oldest first, asked for in pages of two."""
    reader, found, before = key(daemon, *scopes), [], ""
    while True:
        answer = daemon.request("GET", f"/v1/audit?limit=2{query}{before}", key=reader)
        assert answer.status == 200, answer.body
        found += answer.json["entries"]
        if answer.json["next_before"] is None:
            return found[::-1]
        assert len(answer.json["entries"]) == 2
        before = f"&before={answer.json['next_before']}"


def test_the_audit_tells_of_child_safety_to_keys_of_its_scope_alone(shared_daemon: RunningDaemon) -> None:
    daemon = shared_daemon
    guardian = key(daemon, "review", "child_safety")
    subject = "&subject_kind=user&subject_id=tutor-24"
    case_ids = []
    for category in ("child_safety", "spam"):
        taken = report(daemon, "tutor-24", category, severity="critical")
        refused = daemon.check("tutor-24", "general")
        said = {"decision_id": refused["decision_id"], "content": "not me"}
        appeal = daemon.request("POST", "/v1/appeals", said).json["case_id"]
        for case_id in (taken["report_id"], appeal):
            path = f"/v1/reviews/{case_id}"
            for method, rest, body in (("POST", "/claim", None), ("GET", "", None), ("POST", "/close", VERDICT)):
                assert daemon.request(method, path + rest, body, key=guardian).status == 200
            case_ids.append(case_id)
        assert entries(daemon, ("audit",), subject) == []
    steps = ["report.add", "blocks.add", "appeal.add", "blocks.lift"]
    assert [one["action"] for one in entries(daemon, ("audit", "child_safety"), subject)] == [*steps, *steps]
    of_child_safety, whole = case_ids[:2], ["case.claim", "case.read", "case.close"]
    for case_id in case_ids:
        about = f"&subject_kind=case&subject_id={case_id}"
        assert entries(daemon, ("audit",), about) == []
        seen = [one["action"] for one in entries(daemon, ("audit", "child_safety"), about)]
        assert seen == [one for one in whole if case_id in of_child_safety or one != "case.read"]


def test_entries_of_the_audit_are_not_numbered(shared_daemon: RunningDaemon) -> None:
    daemon = shared_daemon
    for reason in ("one", "two", "three"):
        body = {
            "kind": "user",
            "value": "tutor-25",
            "reason": reason,
            "expires_at": f"20{30 + len(reason)}-01-01T00:00:00Z",
        }
        assert daemon.request("POST", "/v1/blocks", body).status in (200, 201)
    numbers = [int(one["id"], 16) for one in entries(daemon, ("audit",), "&subject_kind=user&subject_id=tutor-25")]
    assert len(numbers) == 3
    assert min(abs(one - other) for one, other in pairwise(numbers)) > 1_000_000


def test_a_case_of_child_safety_is_closed_by_whoever_claimed_and_read_it_and_says_why(
    shared_daemon: RunningDaemon, tmp_path: Path
) -> None:
    case_id = report(shared_daemon, "tutor-26", "child_safety")["report_id"]
    guardian = with_key(shared_daemon, tmp_path, "child_safety")

    def close(note: str = "talked to both parents") -> Any:
        return guardian.cli("reviews", "overturn", case_id, "--note", note)

    for verb, missing in (("claim", "claim it first"), ("show", "read it first")):
        refused = close()
        assert refused.returncode == ExitCode.WRONG_USE
        assert refused.stderr == (
            f"viral-engine: case {case_id} is of child safety: {missing}\n  viral-engine reviews {verb} {case_id}\n"
        )
        assert guardian.cli("reviews", verb, case_id).returncode == 0
    short = close("x")
    assert short.stderr == "viral-engine: note must have 20 characters at least to close a case of child safety\n"
    assert close().stdout == f"case {case_id} is closed: overturn\n"


def test_over_http_it_is_said_what_a_verdict_of_child_safety_lacks(shared_daemon: RunningDaemon) -> None:
    daemon = shared_daemon
    case_id = report(daemon, "tutor-27", "child_safety")["report_id"]
    path, ada, bob = f"/v1/reviews/{case_id}", *(key(daemon, "child_safety", "review") for _ in range(2))

    def refused(who: str, note: str = "talked to both parents") -> tuple[int, str, str, Any]:
        answer = daemon.request("POST", f"{path}/close", {"outcome": "uphold", "note": note}, key=who)
        return answer.status, answer.json["error"], answer.json["message"], answer.json["field"]

    which = f"case {case_id} is of child safety"
    assert refused(ada) == (409, "conflict", f"{which}: claim it first", None)
    assert daemon.request("POST", f"{path}/claim", key=ada).status == 200
    assert refused(ada) == (409, "conflict", f"{which}: read it first: GET {path}", None)
    claimed_by = daemon.request("GET", path, key=ada).json["claimed_by"]
    assert refused(bob) == (409, "conflict", f"somebody else is at case {case_id}: {claimed_by}", None)
    for note in ("x", "  "):
        assert (refused(ada, note)[0], refused(ada, note)[3]) == (422, "note")
    spam = report(daemon, "tutor-27", "spam")["report_id"]
    blank = daemon.request("POST", f"/v1/reviews/{spam}/close", {"outcome": "uphold", "note": " "}, key=bob)
    assert (blank.status, blank.json["field"]) == (422, "note")
    assert (
        daemon.request("POST", f"/v1/reviews/{spam}/close", {"outcome": "uphold", "note": "x"}, key=bob).status == 200
    )


def test_neither_the_reported_nor_a_guardian_nor_an_auditor_learns_who_looked_at_a_case_of_child_safety(
    shared_daemon: RunningDaemon,
) -> None:
    daemon = shared_daemon
    child = {"persona": "student", "date_of_birth": "2015-05-05", "guardian_ids": ["mum-31"], "jurisdiction": "us"}
    assert daemon.request("PUT", "/v1/users/kid-31", child).status == 201
    officer, auditor = key(daemon, "child_safety"), key(daemon, "audit")
    both = key(daemon, "audit", "child_safety")
    cases = {}
    for user in ("kid-31", "tutor-31"):
        cases[user] = report(daemon, user, "child_safety")["report_id"]
        report(daemon, user, "spam")
        assert daemon.request("GET", f"/v1/reviews/{cases[user]}", key=officer).status == 200
    assert daemon.request("GET", "/v1/reviews?queue=child_safety&limit=200", key=officer).status == 200
    assert daemon.request("GET", "/v1/reviews?limit=200", key=key(daemon, "review")).status == 200
    by_officer = f"key:{officer.split('_')[1]}"
    for user, asker, name in (
        ("tutor-31", auditor, None), ("tutor-31", auditor, "tutor-31"), ("tutor-31", both, "tutor-31"),
        ("kid-31", auditor, None), ("kid-31", auditor, "mum-31"), ("kid-31", both, "mum-31"),
    ):  # fmt: skip
        query = f"&on_behalf_of={name}" if name else ""
        told = daemon.request("GET", f"/v1/users/{user}/disclosures?limit=200{query}", key=asker)
        assert (told.status, by_officer in told.body.decode(), cases[user] in told.body.decode()) == (200, False, False)
        # The case of another report is told of as ever.
        assert [one["record"] for one in told.json["disclosures"] if one["record"] == "case"] == ["case"]
    whole = daemon.request("GET", "/v1/users/tutor-31/disclosures", key=both).json["disclosures"]
    seen = [(one["record"], one["record_id"]) for one in whole if one["asked_by"] == by_officer]
    assert seen == [("case", cases["tutor-31"])] * 2


def test_an_auditor_without_the_scope_finds_no_report_of_child_safety_in_what_happened(
    shared_daemon: RunningDaemon,
) -> None:
    daemon = shared_daemon
    # Of the whole past a page of 200 would be that of the tests before.
    since = f"since={datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}&limit=200"
    hidden, told = (report(daemon, "tutor-41", one)["report_id"] for one in ("child_safety", "spam"))
    daemon.check("tutor-41", "general")
    auditor, both = key(daemon, "audit"), key(daemon, "audit", "child_safety")
    for asker, expected in ((auditor, {told}), (both, {told, hidden})):
        reports = daemon.request("GET", f"/v1/history/entries?source=reports&{since}", key=asker).json["entries"]
        assert {one["entry_id"] for one in reports} & {told, hidden} == expected
        for source in ("blocks", "flags", "allows", "labels"):
            listed = daemon.request("GET", f"/v1/history/entries?source={source}&{since}", key=asker)
            assert (listed.status, hidden in listed.body.decode()) == (200, False)
        decisions = daemon.request("GET", f"/v1/history/decisions?{since}", key=asker).json["decisions"]
        [facts] = [one["facts"] for one in decisions if one["user_id"] == "tutor-41"]
        ids = [hidden, told] if asker == both else ["report:1", "report:2"]
        assert [(flag[0], flag[3]) for flag in facts["flags"]] == [(one, "s1") for one in ids]
