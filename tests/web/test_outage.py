"""What a check is answered while its decision cannot be recorded: the action's policy, spooled before it is told."""

import json
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs
from web_serving import TrustSafety, answer_of, serving

from viral_engine.messages.checks import CheckAction
from viral_engine.messages.journal import DecisionRow, NotRecorded, RecordDecision
from viral_engine.messages.reading import NotRead

SHORT = {"web": {"call_timeout_s": 0.2}}


def _row(action: CheckAction, decision: str) -> DecisionRow:
    answer = json.loads(answer_of(action))
    answer["decision"] = decision
    reasons = ("user_blocked",) if decision == "deny" else ()
    answer["reasons"] = list(reasons)
    return DecisionRow(
        decision_id=bytes(16),
        occurred_ms=1,
        user_id=action.user_id,
        action_type=action.action_type,
        decision=decision,
        reasons=reasons,
        score=0,
        policy_version=1,
        device_id=None,
        ip_address=None,
        api_key_id=action.api_key_id,
        counted=True,
        backfill=False,
        answer=json.dumps(answer).encode(),
        facts=b"{}",
    )


def _not_recorded(decision: str) -> TrustSafety:
    def answer(action: CheckAction, _reply_to: Any) -> Exception:
        return NotRecorded("the database is away", RecordDecision(row=_row(action, decision), reply=None))

    return TrustSafety(answers={CheckAction: answer})


def test_by_default_a_decision_that_is_not_recorded_is_503_and_not_spooled() -> None:
    with serving(trust_safety=_not_recorded("allow")) as served:
        answer = served.check({"user_id": 1, "action_type": "share"})
        assert answer.error == (503, "unavailable", None)
        assert answer.headers["retry-after"] == "1"
        assert served.spool.rows == []


def test_a_profile_that_can_not_be_read_is_called_that_and_the_part_is_in_the_log_only() -> None:
    script = TrustSafety(answers={CheckAction: lambda _action, _reply_to: NotRead("no actor is running at /reader")})
    with serving(trust_safety=script) as served, capture_logs() as logged:
        answer = served.check({"user_id": 1, "action_type": "share"})
        login = served.check({"user_id": 1, "action_type": "login"})
    assert answer.error == (503, "unavailable", None)
    assert "what is known of this user can't be read" in answer.json["message"]
    assert b"recorded" not in answer.body
    assert b"reader" not in answer.body
    (line,) = [line for line in logged if line["event"] == "profile_not_read"]
    assert (line["part"], line["why"]) == ("/reader", "no actor is running at /reader")
    assert (login.json["decision"], login.json["reasons"]) == ("allow", ["degraded"])


@pytest.mark.parametrize(
    ("action_type", "decided", "told", "reasons"),
    [
        ("login", "allow", "allow", ["degraded"]),
        ("login", "deny", "deny", ["user_blocked", "degraded"]),
        ("data_export", "allow", "deny", ["degraded"]),
        ("not_listed", "allow", "deny", ["degraded"]),
    ],
)
def test_other_policies_answer_degraded_and_spool_what_they_answered(
    action_type: str, decided: str, told: str, reasons: list[str]
) -> None:
    with serving(trust_safety=_not_recorded(decided)) as served:
        answer = served.check({"user_id": 1, "action_type": action_type})
        assert answer.status == 200
        assert (answer.json["decision"], answer.json["recorded"], answer.json["reasons"]) == (told, False, reasons)
        (row,) = served.spool.rows
        assert (row.decision, list(row.reasons), row.answer) == (told, reasons, answer.body)


def test_a_check_that_nobody_could_decide_has_a_record_of_its_own() -> None:
    with serving(with_trust_safety=False, settings=SHORT) as served:
        answer = served.check({"user_id": 5, "action_type": "login", "device_id": "d"})
        assert (answer.status, answer.json["decision"], answer.json["recorded"]) == (200, "allow", False)
        (row,) = served.spool.rows
        assert (row.user_id, row.action_type, row.device_id, row.counted) == ("5", "login", "d", False)
        assert msgspec.json.decode(row.facts)["action"] == "login"
        assert answer.json["decision_id"].replace("-", "") == row.decision_id.hex()


def test_an_actor_that_never_answers_is_given_up_after_the_calls_time() -> None:
    def never(_action: Any, _reply_to: Any) -> Exception:
        return NotRecorded("stalled")

    with serving(trust_safety=TrustSafety(answers={CheckAction: never}), settings=SHORT) as served:
        assert served.check({"user_id": 5, "action_type": "share"}).error == (503, "unavailable", None)


def test_when_nothing_can_be_spooled_the_answer_is_503() -> None:
    with serving(trust_safety=_not_recorded("allow")) as served:
        served.spool.failure = OSError("No space left on device")
        answer = served.check({"user_id": 1, "action_type": "login"})
        assert answer.error == (503, "unavailable", None)
        assert b"space" not in answer.body


def test_a_flood_of_answers_that_a_full_disk_refuses_is_no_flood_of_log_lines() -> None:
    items = [{"user_id": 1, "action_type": "login"}] * 1_000
    with serving(trust_safety=_not_recorded("allow")) as served, capture_logs() as logged:
        served.spool.failure = OSError("No space left on device")
        answer = served.request("POST", "/v1/actions/check/bulk", {"items": items})
    assert {item["error"] for item in answer.json["answers"]} == {"unavailable"}
    lines = [line for line in logged if line["event"] == "spool_failed"]
    assert 0 < len(lines) < len(items)


def test_a_bulk_request_follows_the_policy_item_by_item() -> None:
    items = [{"user_id": 1, "action_type": "login"}, {"user_id": 1, "action_type": "share"}]
    with serving(trust_safety=_not_recorded("allow")) as served:
        answer = served.request("POST", "/v1/actions/check/bulk", {"items": items})
        first, second = answer.json["answers"]
        assert (first["decision"], first["recorded"]) == ("allow", False)
        assert second["error"] == "unavailable"
        assert len(served.spool.rows) == 1
