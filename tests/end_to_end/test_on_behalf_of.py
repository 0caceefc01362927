"""Who may see a person's record, on a real daemon: whom the host asks for, what they are shown, what the log says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from running_daemon import Answer, RunningDaemon

BORN = "2015-05-05"


def put(daemon: RunningDaemon, user: str, **fields: Any) -> None:
    body = {"persona": "student", "jurisdiction": "us", **fields}
    assert daemon.request("PUT", f"/v1/users/{user}", body).status in (200, 201)


def log(daemon: RunningDaemon, user: str) -> list[tuple[Any, ...]]:
    """The log about somebody, oldest first, without its own readings."""
    answer = daemon.request("GET", f"/v1/users/{user}/disclosures?limit=200")
    assert answer.status == 200, answer.body
    names = ("record", "on_behalf_of", "grounds", "result", "reason")
    rows = [tuple(one[name] for name in names) for one in reversed(answer.json["disclosures"])]
    return [row for row in rows if row[0] != "disclosures"]


def refused(answer: Answer, code: str) -> None:
    """Checks a refusal that may be handed on to the user."""
    assert answer.status == 403, answer.body
    body = answer.json
    assert body.keys() == {"error", "message", "compliance_required", "support_contact"}
    assert (body["error"], body["support_contact"]) == (code, None)


def test_a_parent_sees_their_own_child_s_record_and_nobody_else_s(shared_daemon: RunningDaemon) -> None:
    daemon = shared_daemon
    put(daemon, "kid-d1", date_of_birth=BORN, guardian_ids=["mum-d1"])
    put(daemon, "kid-d2", date_of_birth=BORN, guardian_ids=["mum-d2"])
    own = daemon.request("GET", "/v1/users/kid-d1?on_behalf_of=mum-d1")
    assert (own.status, own.json["user_id"]) == (200, "kid-d1")
    for path in ("/v1/users/kid-d2", "/v1/users/mum-d2", "/v1/users/kid-d2/disclosures", "/v1/users/nobody-d"):
        other = daemon.request("GET", f"{path}?on_behalf_of=mum-d1")
        refused(other, "not_authorized_for_subject")
        assert other.json["compliance_required"] is True
        assert b"kid" not in other.body
    assert log(daemon, "kid-d1") == [("user", "mum-d1", "guardian", "granted", None)]
    assert log(daemon, "kid-d2") == [("user", "mum-d1", "none", "refused", "not_authorized_for_subject")]


def test_a_guardian_who_is_not_confirmed_and_a_grown_child_s_guardian_are_refused(shared_daemon: RunningDaemon) -> None:
    daemon = shared_daemon
    for guardians in (["mum-d3"], ["mum-d3", "new-d3"]):
        put(daemon, "kid-d3", date_of_birth=BORN, guardian_ids=guardians)
    put(daemon, "grown-d3", date_of_birth="2000-01-01", guardian_ids=["mum-d3"])
    refused(daemon.request("GET", "/v1/users/kid-d3?on_behalf_of=new-d3"), "not_authorized_for_subject")
    refused(daemon.request("GET", "/v1/users/grown-d3?on_behalf_of=mum-d3"), "not_authorized_for_subject")
    assert daemon.request("GET", "/v1/users/grown-d3?on_behalf_of=grown-d3").status == 200
    assert [row[3] for row in log(daemon, "grown-d3")] == ["refused", "granted"]


def test_a_guardian_does_not_see_from_where_and_with_what_the_child_acted(shared_daemon: RunningDaemon) -> None:
    daemon = shared_daemon
    put(daemon, "kid-d4", date_of_birth=BORN, guardian_ids=["mum-d4", "dad-d4"])
    decided = daemon.check("kid-d4", "general", device_id="dads-tablet", ip_address="198.51.100.44")
    whole = f"/v1/decisions/{decided['decision_id']}"
    for path in (whole, "/v1/decisions?user_id=kid-d4", f"{whole}?as=user", "/v1/users/kid-d4"):
        shown = daemon.request("GET", f"{path}{'&' if '?' in path else '?'}on_behalf_of=mum-d4")
        assert shown.status == 200, shown.body
        assert b"dads-tablet" not in shown.body
        assert b"198.51.100.44" not in shown.body
    for mine in ("", "?on_behalf_of=kid-d4"):
        assert daemon.request("GET", f"{whole}{mine}").json["device_id"] == "dads-tablet"
    records = [(row[0], row[1]) for row in log(daemon, "kid-d4")]
    assert records == [
        ("decision", "mum-d4"), ("decisions", "mum-d4"), ("decision", "mum-d4"), ("user", "mum-d4"),
        ("decision", None), ("decision", "kid-d4"),
    ]  # fmt: skip


INTERNALS = {"reasons", "score", "contributions", "limits", "shadow", "facts", "missing", "would_allow", "api_key_id"}


def test_whoever_a_decision_is_shown_to_reads_words_and_not_by_what_somebody_was_noticed(
    shared_daemon: RunningDaemon,
) -> None:
    daemon = shared_daemon
    put(daemon, "kid-d9", date_of_birth=BORN, guardian_ids=["mum-d9"], school_id="s-d9")
    put(daemon, "teacher-d9", persona="staff", school_id="s-d9")
    label = {
        "kind": "user", "value": "kid-d9", "label": "thief_d9", "reason": "x",
        "expires_at": (datetime.now(UTC) + timedelta(days=7)).isoformat(),
    }  # fmt: skip
    assert daemon.request("POST", "/v1/labels", label).status == 201
    assert daemon.request("POST", "/v1/blocks", {"kind": "device", "value": "d-d9", "reason": "x"}).status == 201
    decided = daemon.check("kid-d9", "public_profile", device_id="d-d9", ip_address="198.51.100.49")
    assert "device_blocked" in decided["reasons"]
    whole = f"/v1/decisions/{decided['decision_id']}"
    host, words = (daemon.request("GET", f"{whole}{query}").json for query in ("", "?as=user&locale=es"))
    assert host.keys() >= INTERNALS
    for asker in ("kid-d9", "mum-d9", "teacher-d9"):
        one = daemon.request("GET", f"{whole}?on_behalf_of={asker}&locale=es")
        page = daemon.request("GET", f"/v1/decisions?user_id=kid-d9&on_behalf_of={asker}&locale=es")
        assert page.json == {"decisions": [one.json], "next_before": None}
        is_own = asker == "kid-d9"
        place = {name: host[name] if is_own else None for name in ("device_id", "ip_address")}
        about = ("policy", "consent", "recorded_at", "occurred_at", "user_id", "action_type")
        assert one.json == {**words, **{name: host[name] for name in about}, **place}
        for internal in (b"thief_d9", b"blocked", b"velocity", *(f'"{name}":'.encode() for name in INTERNALS)):
            assert internal not in one.body


def test_a_user_does_not_learn_reasons_by_asking_for_decisions_of_a_reason(shared_daemon: RunningDaemon) -> None:
    daemon = shared_daemon
    put(daemon, "kid-d10", date_of_birth=BORN, guardian_ids=["mum-d10"])
    daemon.check("kid-d10", "public_profile")
    path = "/v1/decisions?user_id=kid-d10&reason=parental_consent_required"
    assert len(daemon.request("GET", path).json["decisions"]) == 1
    answer = daemon.request("GET", f"{path}&on_behalf_of=mum-d10")
    assert (answer.status, answer.json["error"], answer.json["field"]) == (403, "host_only", "reason")
    bad = daemon.request("GET", "/v1/decisions?user_id=kid-d10&locale=!")
    assert (bad.status, bad.json["field"]) == (422, "locale")


def test_staff_see_the_records_of_their_own_school_until_they_are_blocked(shared_daemon: RunningDaemon) -> None:
    daemon = shared_daemon
    put(daemon, "kid-d5", date_of_birth=BORN, school_id="s-d5")
    put(daemon, "teacher-d5", persona="staff", school_id="s-d5")
    put(daemon, "other-d5", persona="staff", school_id="another")
    path = "/v1/users/kid-d5?on_behalf_of="
    assert daemon.request("GET", f"{path}teacher-d5").status == 200
    refused(daemon.request("GET", f"{path}other-d5"), "not_authorized_for_subject")
    block = {"kind": "user", "value": "teacher-d5", "reason": "spam"}
    assert daemon.request("POST", "/v1/blocks", block).status == 201
    blocked = daemon.request("GET", f"{path}teacher-d5")
    refused(blocked, "user_blocked")
    assert blocked.json["compliance_required"] is False
    assert not any(word in blocked.body.split(b'"message"')[1] for word in (b"block", b"spam"))
    assert [row[2:] for row in log(daemon, "kid-d5")] == [
        ("school", "granted", None), ("none", "refused", "not_authorized_for_subject"),
        ("school", "refused", "user_blocked"),
    ]  # fmt: skip


def test_what_the_host_reads_for_itself_is_logged_of_minors_and_of_whoever_may_be_one(
    shared_daemon: RunningDaemon,
) -> None:
    daemon = shared_daemon
    put(daemon, "kid-d6", date_of_birth=BORN)
    put(daemon, "unknown-d6")
    put(daemon, "grown-d6", date_of_birth="2000-01-01")
    for user in ("kid-d6", "unknown-d6", "grown-d6"):
        daemon.check(user, "general")
        assert daemon.request("GET", f"/v1/users/{user}").status == 200
    assert daemon.request("GET", "/v1/decisions?limit=3").status == 200
    both = [("user", None, "host", "granted", None), ("decisions", None, "host", "granted", None)]
    assert (log(daemon, "kid-d6"), log(daemon, "unknown-d6"), log(daemon, "grown-d6")) == (both, both, [])


def test_a_case_about_a_minor_is_logged_when_it_is_read(shared_daemon: RunningDaemon) -> None:
    daemon = shared_daemon
    put(daemon, "kid-d7", date_of_birth=BORN)
    body = {"reporter_id": "r-d7", "kind": "user", "value": "kid-d7", "category": "spam"}
    case_id = daemon.request("POST", "/v1/reports", body).json["report_id"]
    assert daemon.request("GET", f"/v1/reviews/{case_id}").status == 200
    assert log(daemon, "kid-d7") == [("case", None, "host", "granted", None)]
    page = daemon.request("GET", "/v1/users/kid-d7/disclosures").json["disclosures"]
    assert [one["record_id"] for one in page] == [None, case_id]


def test_looking_at_the_log_is_in_the_log_and_needs_the_scope_for_it(shared_daemon: RunningDaemon) -> None:
    daemon = shared_daemon
    put(daemon, "kid-d8", date_of_birth=BORN, guardian_ids=["mum-d8"])
    key = daemon.cli_json("keys", "create", "a-writer", "--scope", "write", "--scope", "review")["key"]
    path = "/v1/users/kid-d8/disclosures"
    assert daemon.request("GET", path, key=key).json["error"] == "insufficient_scope"
    assert daemon.request("GET", f"{path}?on_behalf_of=mum-d8").json == {"disclosures": [], "next_before": None}
    refusal = daemon.check("kid-d8", "public_profile")
    listed = daemon.cli("users", "disclosures", "kid-d8", "--since", "1h", "--limit", "1")
    assert (listed.returncode, refusal["decision_id"] in listed.stdout) == (0, True)
    assert "there are more: --before" in listed.stderr
    told = daemon.cli_json("users", "disclosures", "kid-d8")["disclosures"]
    assert [(one["record"], one["on_behalf_of"], one["grounds"]) for one in told] == [
        ("disclosures", None, "host"), ("action", "kid-d8", "self"), ("disclosures", "mum-d8", "guardian"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/v1/users/kid/disclosures?limit=201", "limit"),
        ("/v1/users/kid/disclosures?since=yesterday", "since"),
        ("/v1/users/kid/disclosures?before=x", "before"),
        ("/v1/users/kid?on_behalf_of=", "on_behalf_of"),
        ("/v1/reviews?on_behalf_of=mum", "on_behalf_of"),
    ],
)
def test_what_cannot_be_asked_is_refused_with_its_field(shared_daemon: RunningDaemon, path: str, field: str) -> None:
    answer = shared_daemon.request("GET", path)
    assert (answer.status, answer.json["error"], answer.json["field"]) == (422, "invalid", field)


def test_a_page_about_everybody_is_for_the_host_alone(shared_daemon: RunningDaemon) -> None:
    answer = shared_daemon.request("GET", "/v1/decisions?on_behalf_of=mum")
    assert (answer.status, answer.json["error"], answer.json["field"]) == (403, "host_only", "on_behalf_of")
