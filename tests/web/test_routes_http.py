"""The other routes: what they ask the actors, what they answer, and the description of them all."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from openapi_spec_validator import validate
from web_serving import Served, answer_of, serving

from viral_engine import config
from viral_engine.domain.outcome import Outcome
from viral_engine.domain.reasons import Reason
from viral_engine.messages.access import AddEntry, BlockView, EntryStands, RemoveEntry
from viral_engine.messages.checks import CheckAction, CheckRequest
from viral_engine.messages.people import AddConsent, PutUser, SetSignal, UserView, WithdrawConsent
from viral_engine.messages.reading import (
    DecisionPage,
    DecisionView,
    NotRead,
    ReadDecision,
    ReadDecisions,
    ReadEntries,
    ReadUser,
)
from viral_engine.messages.refusals import not_found
from viral_engine.web.api.bulk import BulkItems
from viral_engine.web.context import Readiness
from viral_engine.web.decode import BodyDecoder
from viral_engine.web.examples import EXAMPLES
from viral_engine.web.table import route_table

PACKAGE = Path(config.__file__).parent

ID = "01920000-0000-7000-8000-000000000001"
NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving() as running:
        script = running.trust_safety.answers
        script[PutUser] = True
        script[SetSignal] = True
        script[AddConsent] = ID
        script[WithdrawConsent] = None
        script[AddEntry] = EntryStands(entry_id=ID, reason="spam", expires_at=None, is_new=True)
        script[RemoveEntry] = None
        yield running


def _view(decision: str, *reasons: str) -> DecisionView:
    action = CheckAction(user_id="1", action_type="share", api_key_id="k", received_s=0.0)
    answer = json.loads(answer_of(action)) | {"decision": decision, "reasons": list(reasons)}
    return DecisionView(
        decision_id=ID,
        recorded_at=NOW,
        occurred_at=NOW,
        user_id="1",
        action_type="share",
        decision=decision,
        reasons=list(reasons),
        score=0,
        policy_version=1,
        device_id="d",
        ip_address=None,
        api_key_id="k",
        backfill=False,
        answer=json.dumps(answer),
        facts='{"schema":1}',
    )


def _user(**fields: Any) -> UserView:
    values: dict[str, Any] = {
        "user_id": "a/b",
        "persona": "student",
        "age_band": "under_13",
        "date_of_birth": None,
        "stated_on": None,
        "adulthood_attested": False,
        "guardian_ids": [],
        "guardians_confirmed": [],
        "tutor_ids": [],
        "household_id": None,
        "school_id": None,
        "jurisdiction": None,
        "email": "a@example.org",
        "phone": "+15551234567",
        "referrer_id": None,
        "signals": {},
        "consents": [],
        "created_at": NOW,
        "updated_at": NOW,
    }
    return UserView(**values | fields)


def test_a_decision_is_shown_whole(served: Served) -> None:
    served.reader.answers[ReadDecision] = _view("deny", "rate_limited")
    shown = served.request("GET", f"/v1/decisions/{ID}")
    assert shown.status == 200
    assert (shown.json["decision"], shown.json["reasons"]) == ("deny", ["rate_limited"])
    assert (shown.json["facts"], shown.json["user_id"], shown.json["device_id"]) == ({"schema": 1}, "1", "d")
    assert shown.json["recorded_at"] == "2026-01-02T00:00:00Z"


@pytest.mark.parametrize(
    ("decision", "reasons", "told", "has_words"),
    [("deny", ["fraud_detected"], "deny", True), ("allow_flagged", ["device_flagged"], "allow", False)],
)
def test_to_an_end_user_it_never_says_by_what_they_were_noticed(
    served: Served, decision: str, reasons: list[str], told: str, *, has_words: bool
) -> None:
    served.reader.answers[ReadDecision] = _view(decision, *reasons)
    shown = served.request("GET", f"/v1/decisions/{ID}?as=user&locale=de-DE")
    assert shown.json.keys() == {"decision_id", "decision", "message", "retry_after_s", "locale"}
    assert shown.json["decision"] == told
    assert bool(shown.json["message"]) is has_words
    for word in (b"fraud", b"flag", b"score", b"device"):
        assert word not in shown.body


def test_what_is_not_there_is_404(served: Served) -> None:
    served.reader.answers |= {ReadDecision: None, ReadUser: None}
    assert served.request("GET", f"/v1/decisions/{ID}").error == (404, "not_found", None)
    assert served.request("GET", "/v1/users/7").error == (404, "not_found", None)


def test_a_page_of_decisions_is_asked_for_as_the_query_says(served: Served) -> None:
    served.reader.answers[ReadDecisions] = DecisionPage(decisions=[_view("allow")], next_before=ID)
    path = f"/v1/decisions?user_id=42&since=2026-01-01T00:00:00Z&reason=rate_limited&before={ID}&limit=7"
    shown = served.request("GET", path)
    asked = served.reader.got[-1]
    assert (len(shown.json["decisions"]), shown.json["next_before"]) == (1, ID)
    assert (asked.user_id, asked.reason, asked.before, asked.limit) == ("42", "rate_limited", ID, 7)
    assert asked.since == datetime(2026, 1, 1, tzinfo=UTC)


def test_a_user_is_put_with_canonical_values_under_a_percent_encoded_id(served: Served) -> None:
    body = {
        "persona": "student", "date_of_birth": "2015-05-05", "guardian_ids": [7, "g"], "tutor_ids": [8, "t"],
        "email": "a@EXAMPLE.org",
    }  # fmt: skip
    answer = served.request("PUT", "/v1/users/a%2Fb%20c", body)
    asked = served.trust_safety.got[-1]
    assert (answer.status, answer.json) == (201, {"user_id": "a/b c"})
    assert (asked.user_id, asked.body.guardian_ids, asked.body.email) == ("a/b c", ["7", "g"], "a@example.org")
    assert asked.body.tutor_ids == ["8", "t"]
    assert asked.author.startswith("key:")
    served.trust_safety.answers[PutUser] = False
    assert served.request("PUT", "/v1/users/7", body).status == 200


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"persona": "robot"}, "persona"),
        ({"date_of_birth": "2015-02-30"}, "date_of_birth"),
        ({"age_band": "under_13"}, "stated_on"),
        ({"stated_on": "2026-01-01"}, "stated_on"),
        ({"age_band": "under_13", "stated_on": "2020-01-01", "date_of_birth": "2015-01-01"}, "age_band"),
        ({"guardian_ids": list(range(21))}, "guardian_ids"),
        ({"guardian_ids": [1, ""]}, "guardian_ids[1]"),
        ({"tutor_ids": list(range(21))}, "tutor_ids"),
        ({"tutor_ids": [1, ""]}, "tutor_ids[1]"),
        ({"email": "x"}, "email"),
    ],
)
def test_a_user_that_cannot_be_is_refused(served: Served, fields: dict[str, Any], field: str) -> None:
    assert served.request("PUT", "/v1/users/1", {"persona": "student", **fields}).error == (422, "invalid", field)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"date_of_birth": "2999-01-01"}, "date_of_birth"),
        ({"date_of_birth": "1899-12-31"}, "date_of_birth"),
        ({"age_band": "under_13", "stated_on": "2999-01-01"}, "stated_on"),
        ({"age_band": "under_13", "stated_on": "1899-12-31"}, "stated_on"),
    ],
)
def test_a_date_that_the_clock_speaks_against_is_a_conflict(served: Served, fields: dict[str, Any], field: str) -> None:
    assert served.request("PUT", "/v1/users/1", {"persona": "student", **fields}).error == (409, "untimely", field)


def test_mail_and_phone_are_shown_to_keys_that_may_see_them_only(served: Served) -> None:
    served.reader.answers[ReadUser] = _user()
    narrow = served.reader.add_key(["write"])
    assert served.request("GET", "/v1/users/a%2Fb").json["email"] == "a@example.org"
    hidden = served.request("GET", "/v1/users/a%2Fb", key=narrow).json
    assert (hidden["user_id"], hidden["email"], hidden["phone"]) == ("a/b", None, None)


def test_signals_and_consents_reach_trust_safety(served: Served) -> None:
    signal = served.request("POST", "/v1/users/1/signals", {"signal": "email_verified", "value": True})
    assert (signal.status, signal.json) == (201, {"user_id": "1", "signal": "email_verified", "value": True})
    asked = {
        "scope": "service",
        "method": "payment",
        "guardian_id": 9,
        "evidence": {"payment_ref": "p", "notice_sent_at": "2026-10-01"},
        "policy_version": 3,
    }
    consent = served.request("POST", "/v1/users/1/consents", asked)
    assert (consent.status, consent.json) == (201, {"consent_id": ID})
    month = {**asked, "policy_version": "2026-01"}
    assert served.request("POST", "/v1/users/1/consents", month).error == (422, "invalid", "policy_version")
    assert served.trust_safety.got[-1].body.guardian_id == "9"
    assert served.request("DELETE", f"/v1/users/1/consents/{ID}").status == 204
    served.trust_safety.answers[WithdrawConsent] = not_found("the consent")
    assert served.request("DELETE", f"/v1/users/1/consents/{ID}").error == (404, "not_found", None)


@pytest.mark.parametrize(
    ("kind", "value", "kept"),
    [
        ("user", 42, "42"),
        ("device", "d-1", "d-1"),
        ("device", " d-1\u3000", "d-1"),
        ("ip", "2001:DB8:0::1", "2001:db8::1"),
        ("email_domain", "Example.ORG.", "example.org"),
    ],
)
def test_a_block_is_kept_under_its_canonical_value(served: Served, kind: str, value: Any, kept: str) -> None:
    answer = served.request("POST", "/v1/blocks", {"kind": kind, "value": value, "reason": "spam"})
    stored = {"block_id": ID, "added": True, "extended": False, "reason": "spam", "expires_at": None}
    assert (answer.status, answer.json) == (201, stored)
    assert served.trust_safety.got[-1].value == kept


@pytest.mark.parametrize("is_longer", [False, True])
def test_a_thing_that_stood_on_the_list_already_is_answered_200_with_its_entry_and_whether_it_is_longer_now(
    served: Served, monkeypatch: pytest.MonkeyPatch, *, is_longer: bool
) -> None:
    stands = EntryStands(entry_id=ID, reason="stolen", expires_at=NOW, is_new=False, is_longer=is_longer)
    monkeypatch.setitem(served.trust_safety.answers, AddEntry, stands)
    answer = served.request("POST", "/v1/allows", {"kind": "user", "value": 1, "reason": "spam"})
    assert answer.status == 200
    assert answer.json == {
        "allow_id": ID, "added": False, "extended": is_longer, "reason": "stolen",
        "expires_at": "2026-01-02T00:00:00Z",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"kind": "network", "value": "192.0.2.0/24"}, "expires_at"),
        ({"kind": "network", "value": "192.0.2.1/24"}, "value"),
        ({"kind": "device", "value": "null"}, "value"),
        ({"kind": "device", "value": 7}, "value"),
        ({"kind": "ip", "value": "x"}, "value"),
        ({"kind": "planet", "value": "x"}, "kind"),
        ({"kind": "user", "value": 1, "reason": ""}, "reason"),
        ({"kind": "user", "value": 1, "expires_at": "2999-01-01T00:00:00"}, "expires_at"),
    ],
)
def test_a_block_that_cannot_be_is_refused(served: Served, fields: dict[str, Any], field: str) -> None:
    assert served.request("POST", "/v1/blocks", {"reason": "spam", **fields}).error == (422, "invalid", field)


def test_a_block_that_has_ended_already_is_a_conflict(served: Served) -> None:
    for ended in ("2020-01-01T00:00:00Z", "2999-01-01T00:00:00Z"):
        block = {"kind": "user", "value": 1, "reason": "spam", "expires_at": ended}
        assert served.request("POST", "/v1/blocks", block).error == (409, "untimely", "expires_at")


@pytest.mark.parametrize(
    ("query", "values"),
    [
        ("value=Example.ORG", {"Example.ORG", "example.org"}),
        ("value=::ffff:192.0.2.1", {"::ffff:192.0.2.1", "192.0.2.1", "192.0.2.1/32"}),
        ("value=Example.ORG&kind=email_domain", {"example.org"}),
        ("value=nonsense&kind=ip", set()),
        ("value=%00", set()),
    ],
)
def test_a_list_is_searched_for_a_value_in_all_its_spellings_and_kinds(
    served: Served, query: str, values: set[str]
) -> None:
    served.reader.answers[ReadEntries] = []
    assert served.request("GET", f"/v1/blocks?{query}").json == {"blocks": [], "next_before": None}
    assert set(served.reader.got[-1].values) == values


def test_lists_are_shown_in_pages_and_entries_lifted(served: Served) -> None:
    block = BlockView(
        block_id=ID, kind="ip", value="192.0.2.1", reason="r", author="a", created_at=NOW, expires_at=None
    )
    served.reader.answers[ReadEntries] = [block]
    page = served.request("GET", "/v1/blocks?kind=ip&value=::ffff:192.0.2.1&limit=1").json
    assert (page["blocks"][0]["block_id"], page["next_before"]) == (ID, ID)
    assert served.reader.got[-1].values == ("192.0.2.1",)
    assert served.request("GET", "/v1/blocks?limit=2").json["next_before"] is None
    assert served.request("DELETE", f"/v1/blocks/{ID}?reason=mistake").status == 204
    assert (served.trust_safety.got[-1].list_name, served.trust_safety.got[-1].reason) == ("blocks", "mistake")
    allow = served.request("POST", "/v1/allows", {"kind": "network", "value": "192.0.2.0/24", "reason": "school"})
    assert (allow.status, allow.json["allow_id"]) == (201, ID)


def test_a_database_that_is_away_is_503_with_retry_after(served: Served) -> None:
    served.reader.answers[ReadUser] = NotRead("gone")
    answer = served.request("GET", "/v1/users/1")
    assert answer.error == (503, "unavailable", None)
    assert answer.headers["retry-after"] == "1"


def test_health_needs_no_key_and_readiness_names_what_is_not_well_but_no_internals(served: Served) -> None:
    assert served.request("GET", "/healthz", key=None).json == {"status": "ok", "version": "0.0.0"}
    assert served.check().status == 200
    assert served.request("GET", "/readyz", key=None).json == {"ready": True, "reasons": [], "remarks": []}
    with serving(readiness=Readiness({}, {"pager": "192.0.2.1:587 takes no page"})) as remarked:
        assert remarked.check().status == 200
        answer = remarked.request("GET", "/readyz", key=None)
        remarks = ["pager needs somebody to look at it"]
        assert (answer.status, answer.json) == (200, {"ready": True, "reasons": [], "remarks": remarks})
    away = Readiness(
        {"database": 'connection to server at "192.0.2.1", port 5432 failed', "/journal": "is reconnecting"}
    )
    with serving(readiness=away) as red:
        assert red.check().status == 200
        answer = red.request("GET", "/readyz", key=None)
        reasons = ["database is not well", "/journal is not well"]
        assert (answer.status, answer.json) == (503, {"ready": False, "reasons": reasons, "remarks": []})


def test_metrics_hold_ours_and_the_others(served: Served) -> None:
    served.check()
    text = served.request("GET", "/metrics").body.decode()
    assert "viral_engine_of_others 1" in text
    assert 'viral_engine_http_answers_total{route="/v1/actions/check",status="200"}' in text
    assert served.request("GET", "/metrics", key=None).status == 401


def test_the_description_is_valid_and_names_every_route(served: Served) -> None:
    document = served.request("GET", "/openapi.json", key=None).json
    validate(document)
    check = document["paths"]["/v1/actions/check"]["post"]
    assert document["openapi"] == "3.1.0"
    assert check["x-scopes"] == ["check"]
    assert "Idempotency-Key" in [parameter["name"] for parameter in check["parameters"]]
    assert {"/v1/users/{user_id}", "/v1/blocks", "/v1/keys/{key_id}", "/metrics"} <= document["paths"].keys()


def _described(served: Served) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    document = served.request("GET", "/openapi.json", key=None).json
    return document, [operation for methods in document["paths"].values() for operation in methods.values()]


def test_words_that_are_few_are_listed_in_the_description(served: Served) -> None:
    schemas = _described(served)[0]["components"]["schemas"]
    answer = schemas["CheckAnswer"]["properties"]
    assert answer["decision"]["enum"] == [outcome.value for outcome in Outcome]
    assert answer["reasons"]["items"]["enum"] == [reason.value for reason in Reason]
    assert {"$ref": "#/components/schemas/CheckRequest"} in schemas["BulkItems"]["properties"]["items"]["items"][
        "anyOf"
    ]


def test_the_description_holds_no_words_for_ourselves(served: Served) -> None:
    schemas = _described(served)[0]["components"]["schemas"]
    for schema in schemas.values():
        assert not re.search(r"Attributes:|canonical yet|undecoded|  ", schema.get("description", ""))
    assert schemas["CheckAnswer"]["properties"]["recorded"]["description"].startswith("false only")


def test_every_body_that_is_sent_or_answered_has_an_example_of_its_type() -> None:
    for route in route_table(config.load(), None):  # type: ignore[arg-type]  # nothing is served by it
        answers = [
            one for answer in route.answers.values() for one in (answer if isinstance(answer, tuple) else (answer,))
        ]
        for kind in filter(None, (route.body_type, route.described_body, *answers)):
            if kind is str:
                continue
            example = EXAMPLES[kind.__name__]
            decoded = msgspec.json.decode(msgspec.json.encode(example), type=kind)
            for item in decoded.items if kind is BulkItems else ():
                BodyDecoder(CheckRequest).decode(bytes(item))


def test_every_error_code_of_the_source_is_described(served: Served) -> None:
    source = "".join(
        path.read_text() for folder in ("web", "actors", "messages") for path in (PACKAGE / folder).rglob("*.py")
    )
    written = set(re.findall(r'(?:ApiError\(\s*\d{3},|Refused\()\s*"(\w+)"', source))
    document, operations = _described(served)
    described = set(document["components"]["schemas"]["ErrorBody"]["properties"]["error"]["enum"])
    assert {"invalid", "idempotency_conflict", "too_large", "limit_reached"} <= written <= described
    assert all("default" not in operation["responses"] for operation in operations)
    check = document["paths"]["/v1/actions/check"]["post"]["responses"]
    assert {"200", "400", "401", "403", "409", "413", "422", "431", "500", "503"} <= check.keys()
    assert "404" not in check


def test_the_page_of_the_description_asks_nobody_else_for_anything(served: Served) -> None:
    home = served.request("GET", "/", key=None)
    assert (home.status, home.headers["location"]) == (307, "/docs")
    page = served.request("GET", "/docs", key=None)
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert page.headers["x-content-type-options"] == "nosniff"
    assert b"POST /v1/actions/check" in page.body
    assert b"http://" not in page.body
    assert b"https://" not in page.body
    assert b"<script" not in page.body
    assert served.request("GET", "/docs/style.css", key=None).headers["content-type"].startswith("text/css")


@pytest.mark.parametrize(
    ("path", "allowed"),
    [("/v1/blocks", "GET, HEAD, POST"), ("/v1/users/42", "GET, HEAD, PUT"), ("/v1/policies/switch", "POST")],
)
def test_a_method_that_a_path_does_not_take_is_told_all_that_it_takes(served: Served, path: str, allowed: str) -> None:
    answer = served.request("PATCH", path)
    assert (answer.status, answer.headers["allow"], answer.json["error"]) == (405, allowed, "method_not_allowed")
