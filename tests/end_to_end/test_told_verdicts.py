"""What a person said of a decision, as the host, the operator and the user learn of it."""

from __future__ import annotations

from typing import Any

import pytest
from running_daemon import RunningDaemon
from test_review_verbs import key

from viral_engine.domain.verdicts import HELD_UPHELD, OVERTURNED

NOTE = "talked to both parents"


def held(daemon: RunningDaemon, user: str) -> str:
    """The id of a decision `review` about the user."""
    for reporter in "123":
        report = {"reporter_id": reporter, "kind": "user", "value": user, "category": "abuse", "severity": "critical"}
        assert daemon.request("POST", "/v1/reports", report, key=key(daemon, "write")).status == 201
    told = daemon.check(user, "general", device_id=f"d-{user}", ip_address="192.0.2.61")
    assert (told["decision"], "review" in told) == ("review", False)
    return str(told["decision_id"])


def close(daemon: RunningDaemon, case_id: str, verdict: str, name: str) -> None:
    path, said = f"/v1/reviews/{case_id}", {"outcome": verdict, "note": NOTE}
    for method, route, body in (("POST", f"{path}/claim", None), ("GET", path, None), ("POST", f"{path}/close", said)):
        answer = daemon.request(method, route, body, key=name)
        assert answer.status == 200, answer.body


def shown(daemon: RunningDaemon, decision_id: str, query: str = "", **by: Any) -> Any:
    answer = daemon.request("GET", f"/v1/decisions/{decision_id}{query}", **by)
    assert answer.status == 200, answer.body
    return answer.json


@pytest.mark.parametrize(
    ("verdict", "state", "words"), [("uphold", "upheld", HELD_UPHELD), ("overturn", "overturned", OVERTURNED)]
)
def test_the_host_the_operator_and_the_user_learn_what_a_person_said(
    shared_daemon: RunningDaemon, verdict: str, state: str, words: Any
) -> None:
    daemon = shared_daemon
    decision_id = held(daemon, f"user-61-{verdict}")
    waits = shown(daemon, decision_id)["review"]
    assert (waits["state"], waits["closed_at"]) == ("open", None)
    line = f"review   waits for a person: viral-engine reviews show {waits['case_id']}\n"
    assert line in daemon.cli("why", decision_id).stdout
    assert shown(daemon, decision_id, "?as=user")["message"].startswith("We need to check this first.")
    refused = daemon.request("GET", f"/v1/decisions/{decision_id}?as=refusal")
    assert (refused.status, refused.json["message"][:27]) == (403, "We need to check this first")

    close(daemon, waits["case_id"], verdict, key(daemon, "review"))
    looked = shown(daemon, decision_id, key=key(daemon, "audit"))["review"]
    assert (looked["case_id"], looked["state"]) == (waits["case_id"], state)
    line = f"review   a person has looked: {state} at {looked['closed_at']}\n"
    assert line in daemon.cli("why", decision_id).stdout
    for locale in ("en", "es"):
        told = shown(daemon, decision_id, f"?as=user&locale={locale}")
        assert told.keys() == {"decision_id", "decision", "message", "retry_after_s", "locale"}
        assert told["message"] == getattr(words, locale)
    refused = daemon.request("GET", f"/v1/decisions/{decision_id}?as=refusal")
    assert refused.status == (403 if verdict == "uphold" else 200)
    assert refused.json["message"] == words.en
    again = daemon.request("POST", "/v1/appeals", {"decision_id": decision_id, "content": "and again"})
    assert again.status == (201 if verdict == "uphold" else 409)


def test_to_keys_without_its_scope_no_decision_tells_of_an_appeal_of_child_safety(
    shared_daemon: RunningDaemon,
) -> None:
    daemon = shared_daemon
    guardian = key(daemon, "review", "child_safety")
    others = [key(daemon, "review"), key(daemon, "audit"), key(daemon, "review", "audit", "write")]
    report = {
        "reporter_id": "p",
        "kind": "user",
        "value": "tutor-62",
        "category": "child_safety",
        "severity": "critical",
    }
    assert daemon.request("POST", "/v1/reports", report).status == 201
    decision_id = daemon.check("tutor-62", "general")["decision_id"]
    before = [[daemon.request("GET", f"/v1/decisions/{decision_id}{query}", key=one).body for query in ("", "?as=user")]
              for one in others]  # fmt: skip
    said = {"decision_id": decision_id, "content": "not me"}
    case_id = daemon.request("POST", "/v1/appeals", said).json["case_id"]
    assert shown(daemon, decision_id, key=guardian)["review"]["case_id"] == case_id
    close(daemon, case_id, "overturn", guardian)
    assert shown(daemon, decision_id, key=guardian)["review"]["state"] == "overturned"
    assert shown(daemon, decision_id, "?as=user", key=guardian)["message"] == OVERTURNED.en
    after = [[daemon.request("GET", f"/v1/decisions/{decision_id}{query}", key=one).body for query in ("", "?as=user")]
             for one in others]  # fmt: skip
    assert before == after
    assert daemon.request("POST", "/v1/appeals", said, key=guardian).status == 409
    assert daemon.request("POST", "/v1/appeals", said, key=others[2]).status == 201


def test_a_page_in_a_user_s_name_tells_of_the_verdict_as_one_decision_does(shared_daemon: RunningDaemon) -> None:
    daemon = shared_daemon
    decision_id = held(daemon, "user-63")
    close(daemon, shown(daemon, decision_id)["review"]["case_id"], "overturn", key(daemon, "review"))
    page = daemon.request("GET", "/v1/decisions?user_id=user-63&on_behalf_of=user-63")
    assert page.status == 200, page.body
    assert page.json["decisions"] == [shown(daemon, decision_id, "?on_behalf_of=user-63")]
    assert page.json["decisions"][0]["message"] == OVERTURNED.en
