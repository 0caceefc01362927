"""`POST /v1/actions/check` over a real socket: what goes in, what comes out, what is refused."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from web_serving import Answer, Served, TrustSafety, answer_of, serving

from viral_engine.messages.checks import CheckAction
from viral_engine.messages.refusals import Refused
from viral_engine.runtime.errors import DeadLetter


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving() as running:
        yield running


def test_a_check_is_answered_with_the_bytes_that_trust_safety_made(served: Served) -> None:
    answer = served.check({"user_id": 42, "action_type": "share"})
    asked = served.trust_safety.got[-1]
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.body == answer_of(asked, len(served.trust_safety.got))


def test_every_field_reaches_trust_safety_in_its_canonical_spelling(served: Served) -> None:
    answer = served.check(
        {
            "user_id": "007",
            "action_type": "share",
            "device_id": "null",
            "ip_address": "::ffff:192.0.2.1",
            "email": "A.Kid@Example.ORG",
            "phone": "+1 555 123-4567",
            "subject_id": 12,
            "data_class": "transcript",
            "recipient_class": "parent",
            "session_id": "s-1",
            "context": {"grade": 4},
            "occurred_at": "2026-01-02T03:04:05.678+01:00",
        }
    )
    asked = served.trust_safety.got[-1]
    assert answer.status == 200
    assert isinstance(asked, CheckAction)
    assert (asked.user_id, asked.device_id, asked.ip_address) == ("007", None, "192.0.2.1")
    assert (asked.email, asked.phone) == ("A.Kid@example.org", "+15551234567")
    assert (asked.subject_id, asked.data_class, asked.recipient_class) == ("12", "transcript", "parent")
    assert (asked.session_id, asked.has_context, asked.idempotency) == ("s-1", True, None)
    assert asked.occurred_ms == 1_767_319_445_678


def test_without_the_backfill_scope_occurred_at_is_refused_by_name(served: Served) -> None:
    key = served.reader.add_key(["check"])
    body = {"user_id": 1, "action_type": "general", "occurred_at": "2026-01-02T03:04:05Z"}
    answer = served.check(body, key=key)
    assert answer.error == (403, "insufficient_scope", "occurred_at")
    assert "backfill" in answer.json["message"]


@pytest.mark.parametrize("moment", ["2026-01-02T03:04:05", "yesterday", "2026-13-01T00:00:00Z"])
def test_a_time_that_is_none_is_refused(served: Served, moment: str) -> None:
    answer = served.check({"user_id": 1, "action_type": "general", "occurred_at": moment})
    assert answer.error == (422, "invalid", "occurred_at")


@pytest.mark.parametrize("moment", ["1960-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59"])
def test_a_time_when_nothing_can_have_happened_is_a_conflict(served: Served, moment: str) -> None:
    answer = served.check({"user_id": 1, "action_type": "general", "occurred_at": moment})
    assert answer.error == (409, "untimely", "occurred_at")


def test_an_import_may_be_as_far_ahead_as_clocks_are_apart_and_a_rehearsal_by_operators_a_year(served: Served) -> None:
    def ahead(key: str, **by: int) -> Answer:
        moment = (datetime.now(UTC) + timedelta(**by)).isoformat()
        return served.check({"user_id": 1, "action_type": "general", "occurred_at": moment}, key=key)

    importer = served.reader.add_key(["check", "backfill"])
    operator = served.reader.add_key(["check", "backfill", "operate"])
    assert ahead(importer, minutes=4).status == 200
    refused = ahead(importer, minutes=6)
    assert refused.error == (409, "untimely", "occurred_at")
    assert "5 minutes" in refused.json["message"]
    assert ahead(operator, days=365).status == 200
    assert ahead(operator, days=367).error == (409, "untimely", "occurred_at")


def test_a_refusal_of_trust_safety_keeps_its_status() -> None:
    refused = Refused("limit_reached", "there is no room", http_status=409)
    with serving(trust_safety=TrustSafety(answers={CheckAction: refused})) as served:
        assert served.check().error == (409, "limit_reached", None)


def test_a_request_id_is_repeated_when_it_is_safe_and_made_when_it_is_not(served: Served) -> None:
    assert served.check(headers={"X-Request-Id": "abc-1.2_3"}).headers["x-request-id"] == "abc-1.2_3"
    assert served.check(headers={"X-Request-Id": "a b"}).headers["x-request-id"] != "a b"
    ids = {served.check().headers["x-request-id"] for _ in range(3)}
    assert len(ids) == 3


@pytest.mark.parametrize("personal", ["07172634-10", "4155552671", "1.415.555.2671", "ve_abc_Zm9vYmFy"])
def test_a_request_id_that_the_log_would_hide_is_not_taken_and_the_one_answered_is_the_one_logged(
    capsys: pytest.CaptureFixture[str], personal: str
) -> None:
    with serving() as served:
        for path in ("/v1/actions/check", "/v1/users"):
            answer = served.request("POST", path, {"odd": 1}, headers={"X-Request-Id": personal})
            answered = answer.headers["x-request-id"]
            assert answer.status >= 400
            assert answered != personal
            assert answered in capsys.readouterr().out


def test_a_chunked_body_is_read_whole(served: Served) -> None:
    body = json.dumps({"user_id": 77, "action_type": "general"}).encode()
    with served.connect() as connection:
        head = f"POST /v1/actions/check HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {served.key}\r\n"
        connection.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
        for position in range(0, len(body), 7):
            part = body[position : position + 7]
            connection.sendall(b"%x\r\n%b\r\n" % (len(part), part))
        connection.sendall(b"0\r\n\r\n")
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200 ")
    assert served.trust_safety.got[-1].user_id == "77"


def test_a_client_that_leaves_in_the_middle_disturbs_nobody(served: Served) -> None:
    for sent in (
        b"POST /v1/actions/check HT",
        b"POST /v1/actions/check HTTP/1.1\r\nHost: x\r\nContent-Length: 50\r\n\r\n{",
    ):
        connection = served.connect()
        connection.sendall(sent)
        connection.close()
    assert served.check().status == 200


def test_another_method_on_the_checks_path_is_405(served: Served) -> None:
    answer = served.request("GET", "/v1/actions/check")
    assert answer.error == (405, "method_not_allowed", None)
    assert answer.headers["allow"] == "POST"


def test_a_fault_of_ours_is_a_500_that_tells_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    def odd(_message: object, _reply_to: object) -> Exception:
        return RuntimeError("secret detail")

    with serving(trust_safety=TrustSafety(answers={CheckAction: odd})) as served:
        answer = served.check(headers={"X-Request-Id": "find-me"})
    assert answer.error == (500, "internal", None)
    assert b"secret" not in answer.body
    logged = capsys.readouterr().out
    assert "find-me" in logged
    assert "secret detail" in logged


def test_a_dead_letter_is_refused_by_name_once_and_no_outage_policy_answers_for_it() -> None:
    asked: list[CheckAction] = []

    def refuse(message: CheckAction, reply_to: Any) -> DeadLetter:
        asked.append(message)
        return DeadLetter("/growth/trust_safety", message)

    with serving(trust_safety=TrustSafety(answers={CheckAction: refuse})) as served:
        # The outage policy of this action allows.
        for headers in ({}, {"Idempotency-Key": "once"}):
            answer = served.check({"user_id": 1, "action_type": "profile_view"}, headers=headers)
            assert answer.error == (422, "dead_letter", None)
            assert "retry-after" not in answer.headers
        assert len(asked) == 2
        assert served.spool.rows == []
