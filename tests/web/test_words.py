"""What is wrong with a body is told with its field and in words of the API, never in those of a library."""

from __future__ import annotations

from typing import Any

import pytest

from viral_engine.domain.redaction.audiences import Audience
from viral_engine.messages.access import EntryBody
from viral_engine.messages.checks import CheckRequest
from viral_engine.messages.keys import KeyBody
from viral_engine.messages.people import ConsentBody, SignalBody, UserBody
from viral_engine.messages.redaction import RedactionBody
from viral_engine.messages.reviews import ReportBody
from viral_engine.web.decode import BodyDecoder
from viral_engine.web.errors import ApiError

CONSENT = b'{"scope": "a", "method": "b", "guardian_id": 1, "policy_version": 1, '


def refusal(body_type: Any, body: bytes) -> ApiError:
    with pytest.raises(ApiError) as caught:
        BodyDecoder(body_type).decode(body)
    return caught.value


@pytest.mark.parametrize(
    ("body_type", "body", "field", "message"),
    [
        (CheckRequest, b'{"user_id": 1.5, "action_type": "x"}', "user_id", "user_id must be a whole number or text"),
        (CheckRequest, b"[]", None, "the body must be an object"),
        (CheckRequest, b'{"user_id": 1}', "action_type", "action_type is missing"),
        (CheckRequest, b'{"user_id": 1, "x": 1}', "x", "x is not a known field"),
        (CheckRequest, b'{"user_id": 1e999}', "user_id", "user_id is too large a number"),
        (CheckRequest, b'{"user_id": 1, "context": []}', "context", "context must be an object or null"),
        (UserBody, b'{"persona": "x"}', "persona", "persona must be one of parent, staff, student, tutor"),
        (UserBody, b'{"guardian_ids": [1.5]}', "guardian_ids[0]", "guardian_ids[0] must be a whole number or text"),
        (UserBody, b'{"guardian_ids": {}}', "guardian_ids", "guardian_ids must be a list"),
        (UserBody, b'{"age_band": "old"}', "age_band", "age_band must be one of 13_17, 18_plus, under_13, unknown"),
        (UserBody, b'{"stated_on": "x"}', "stated_on", "stated_on must be a date, such as 2027-01-31"),
        (
            SignalBody,
            b'{"signal": "x", "value": null}',
            "value",
            "value must be true or false or a whole number or text",
        ),
        (
            ConsentBody,
            CONSENT + b'"evidence": {}, "expires_at": "soon"}',
            "expires_at",
            "expires_at must be a time of RFC 3339 with its offset, such as 2027-01-31T00:00:00Z",
        ),
        (ConsentBody, CONSENT + b'"evidence": "x"}', "evidence", "evidence must be an object"),
        (EntryBody, b'{"kind": "x"}', "kind", "kind must be one of device, email_domain, ip, network, user"),
        (
            RedactionBody,
            b'{"content": "x", "audience": "everybody"}',
            "audience",
            f"audience must be one of {', '.join(sorted(Audience))}",
        ),
        (ReportBody, b'{"severity": "deadly"}', "severity", "severity must be one of critical, high, low, medium"),
    ],
)
def test_a_wrong_value_is_named_with_what_it_must_be(
    body_type: Any, body: bytes, field: str | None, message: str
) -> None:
    error = refusal(body_type, body)
    assert (error.status, error.code, error.field, error.message) == (422, "invalid", field, message)


def test_a_whole_number_may_be_written_as_json_has_it() -> None:
    decode = BodyDecoder(CheckRequest).decode
    assert decode(b'{"user_id": 42.0, "action_type": "x", "subject_id": 4.2e1}') == CheckRequest(
        user_id=42, action_type="x", subject_id=42
    )
    assert decode(b'{"user_id": 42.0, "action_type": "x", "context": {"a": [1.5, 1.0]}}').context == {"a": [1.5, 1]}
    # Beyond this a float is not sure to be the number that was written: it could be another user.
    assert refusal(CheckRequest, b'{"user_id": 9007199254740993.0, "action_type": "x"}').field == "user_id"
    assert refusal(CheckRequest, b'{"user_id": 1.0, "action_type": "x", "user_id": 2}').code == "malformed_json"
    assert refusal(CheckRequest, b'{"user_id": 1.0, "action_type": "x"} x').code == "malformed_json"


def test_the_words_of_a_list_are_named_too() -> None:
    error = refusal(KeyBody, b'{"name": "a", "scopes": ["check", "all"]}')
    assert error.field == "scopes[1]"
    assert "child_safety" in error.message
    assert "all" not in error.message.split()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "the body is empty: a JSON object is needed"),
        (b'{"user_id": 1', "the body is no JSON: it ends too early"),
        (b'{"user_id": "\\ud800"}', "the body is no JSON: a text holds one half of a surrogate pair"),
        (b"{user_id: 1}", "the body is no JSON: object keys must be strings (byte 1)"),
    ],
)
def test_what_is_no_json_is_told_with_its_place(body: bytes, message: str) -> None:
    error = refusal(CheckRequest, body)
    assert (error.status, error.code, error.message) == (400, "malformed_json", message)
