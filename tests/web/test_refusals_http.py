"""Refusals that a host may hand on: the status, the code for its program, the words for its user, whom to write to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from test_routes_http import ID, _view
from web_serving import Served, serving

from viral_engine.domain.reasons import REASONS, Reason
from viral_engine.domain.verdicts import words_of
from viral_engine.messages.reading import ReadDecision
from viral_engine.web.compliance import CODES, OTHER, refusal
from viral_engine.web.error_codes import HANDED_ON

CONTACT = "support@example.org"
PATH = f"/v1/decisions/{ID}?as=refusal"


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving(settings={"web": {"support_contact": CONTACT}}) as running:
        yield running


def limited(retry_after_s: float | None) -> Any:
    view = _view("deny", "rate_limited")
    limits = {"limit": 10, "remaining": 0, "reset_s": 60.0, "retry_after_s": retry_after_s}
    return type(view)(
        **{name: getattr(view, name) for name in view.__struct_fields__}
        | {"answer": json.dumps(json.loads(view.answer) | {"limits": limits})}
    )


@pytest.mark.parametrize(
    ("decision", "reasons", "code", "required"),
    [
        ("deny", ["user_blocked", "rate_limited"], "user_blocked", False),
        ("deny", ["device_blocked"], "device_blocked", False),
        ("deny", ["fraud_detected", "device_flagged"], "fraud_detected", False),
        ("deny", ["parental_consent_required", "age_unknown"], "parental_consent_required", True),
        ("deny", ["consent_withdrawn"], "consent_withdrawn", True),
        ("deny", ["not_authorized_for_subject"], "not_authorized_for_subject", True),
        ("deny", ["ferpa_restricted"], "compliance_check_failed", True),
        ("deny", ["ip_blocked"], "compliance_check_failed", False),
        ("review", ["household_grew"], "compliance_check_failed", False),
        ("challenge", ["fraud_suspected"], "compliance_check_failed", False),
        ("deny", [], "compliance_check_failed", False),
    ],
)
def test_a_refused_decision_is_403_with_its_code_and_words_for_the_user(
    served: Served, decision: str, reasons: list[str], code: str, *, required: bool
) -> None:
    served.reader.answers[ReadDecision] = _view(decision, *reasons)
    answer = served.request("GET", PATH)
    assert answer.status == 403
    words = words_of(decision, [Reason(reason) for reason in reasons or ["degraded"]]).en
    assert answer.json == {
        "error": code, "message": words, "compliance_required": required, "support_contact": CONTACT,
    }  # fmt: skip
    assert "retry-after" not in answer.headers


@pytest.mark.parametrize(("wait_s", "told"), [(31.2, "32"), (0.004, "1"), (0.0, "1"), (None, "1")])
def test_a_full_limit_is_429_with_whole_seconds_and_never_none(served: Served, wait_s: float | None, told: str) -> None:
    served.reader.answers[ReadDecision] = limited(wait_s)
    answer = served.request("GET", PATH)
    assert (answer.status, answer.json["error"], answer.headers["retry-after"]) == (429, "rate_limited", told)


def test_words_of_a_refusal_are_in_the_language_that_is_asked_for(served: Served) -> None:
    served.reader.answers[ReadDecision] = _view("deny", "consent_withdrawn")
    spanish = served.request("GET", f"{PATH}&locale=es-MX").json["message"]
    assert spanish == REASONS[Reason.CONSENT_WITHDRAWN].to_user.es
    assert served.request("GET", f"{PATH}&locale=de").json["message"] == REASONS[Reason.CONSENT_WITHDRAWN].to_user.en


def test_what_was_allowed_is_no_refusal(served: Served) -> None:
    served.reader.answers[ReadDecision] = _view("allow_flagged", "device_flagged")
    answer = served.request("GET", PATH)
    assert (answer.status, answer.json["decision"], answer.json["message"]) == (200, "allow", None)
    assert served.request("GET", f"/v1/decisions/{ID}?as=word").error == (422, "invalid", "as")


def test_a_setting_that_is_empty_names_no_contact() -> None:
    assert json.loads(refusal(Reason.USER_BLOCKED, "").body())["support_contact"] is None


@pytest.mark.parametrize("reason", [*Reason])
@pytest.mark.parametrize("locale", ["en", "es"])
def test_the_words_never_say_how_somebody_was_noticed(reason: Reason, locale: str) -> None:
    message = json.loads(refusal(reason, CONTACT, locale=locale).body())["message"].lower()
    for word in ("fraud", "block", "flag", "score", "device", "address", "report", "fraude", "bloque", "dispositivo"):
        assert word not in message


def test_every_code_that_is_handed_on_is_described_with_its_body(served: Served) -> None:
    document = served.request("GET", "/openapi.json", key=None).json
    schemas = document["components"]["schemas"]
    assert set(schemas["ComplianceBody"]["properties"]["error"]["enum"]) == {*CODES.values(), OTHER} == HANDED_ON
    answers = document["paths"]["/v1/decisions/{decision_id}"]["get"]["responses"]
    for status in ("403", "429"):
        assert "#/components/schemas/ComplianceBody" in json.dumps(answers[status]["content"])
    for code in HANDED_ON:
        assert f"`{code}`" in answers["403"]["description"] + answers["429"]["description"]
    user = document["paths"]["/v1/users/{user_id}"]["get"]["responses"]["403"]
    assert "`not_authorized_for_subject`" in user["description"]
    assert "`fraud_detected`" not in user["description"]


def test_no_key_is_401_and_names_how_to_send_one(served: Served) -> None:
    answer = served.request("GET", PATH, key=None)
    assert answer.error == (401, "authentication_required", None)
    assert answer.headers["www-authenticate"] == "Bearer"
