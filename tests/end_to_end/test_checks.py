"""The action check as a caller meets it, on a real daemon with its own PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from running_daemon import RunningDaemon

TWELVE_YEARS = timedelta(days=12 * 366)


def twelve_year_old(daemon: RunningDaemon, user: str, guardian: str) -> None:
    """Puts a child with a guardian."""
    born = date.today() - TWELVE_YEARS  # noqa: DTZ011  (a day more or less changes nothing)
    body = {"persona": "student", "date_of_birth": born.isoformat(), "guardian_ids": [guardian], "jurisdiction": "us"}
    assert daemon.request("PUT", f"/v1/users/{user}", body).status == 201


def consent(daemon: RunningDaemon, user: str, guardian: str, **fields: Any) -> str:
    """Records a consent; returns its id."""
    body = {
        "scope": "third_party:other_users/contact",
        "method": "signed_form",
        "guardian_id": guardian,
        "evidence": {"document_ref": "form-17", "signed_on": "2026-10-01"},
        "policy_version": "1",
        **fields,
    }
    answer = daemon.request("POST", f"/v1/users/{user}/consents", body)
    assert answer.status == 201, answer.body
    identifier: str = answer.json["consent_id"]
    return identifier


def test_a_user_the_engine_never_heard_of_is_a_fact_and_no_error(shared_daemon: RunningDaemon) -> None:
    answer = shared_daemon.check("stranger-1", "general", device_id="d-1", ip_address="192.0.2.7")
    assert answer["decision"] == "allow"
    assert answer["recorded"] is True
    assert answer["reasons"] == []


def test_a_number_and_the_same_number_in_text_are_one_user(shared_daemon: RunningDaemon) -> None:
    for user in (4_711, "4711") * 5:
        shared_daemon.check(user, "general")
    assert shared_daemon.check(4_711, "general")["reasons"] == ["rate_limited"]


def test_the_eleventh_attempt_within_a_minute_is_denied_and_says_when_to_come_back(
    shared_daemon: RunningDaemon,
) -> None:
    answers = [shared_daemon.check("eager", "invite") for _ in range(11)]
    assert [answer["decision"] for answer in answers[:10]] == ["allow"] * 10
    assert [answer["limits"]["remaining"] for answer in answers[:10]] == list(range(9, -1, -1))
    assert answers[10]["decision"] == "deny"
    assert answers[10]["reasons"] == ["rate_limited"]
    assert answers[10]["limits"]["retry_after_s"] > 0


def test_contributions_sum_to_the_score(shared_daemon: RunningDaemon) -> None:
    answer = shared_daemon.check("shady", "signup", email="x@mailinator.com")
    assert answer["score"] == sum(term["weight"] for term in answer["contributions"])
    assert answer["score"] > 0


def test_a_block_denies_at_once_and_lifting_it_frees_at_once(shared_daemon: RunningDaemon) -> None:
    body = {"kind": "device", "value": "d-bad", "reason": "stolen accounts"}
    added = shared_daemon.request("POST", "/v1/blocks", body)
    assert added.status == 201
    block_id = added.json["block_id"]
    denied = shared_daemon.check("anybody", "general", device_id="d-bad")
    assert (denied["decision"], denied["reasons"]) == ("deny", ["device_blocked"])
    listed = shared_daemon.request("GET", "/v1/blocks?kind=device&value=d-bad").json["blocks"]
    assert [block["block_id"] for block in listed] == [block_id]
    assert shared_daemon.request("DELETE", f"/v1/blocks/{block_id}").status in (200, 204)
    assert shared_daemon.check("anybody", "general", device_id="d-bad")["decision"] == "allow"
    assert shared_daemon.request("DELETE", f"/v1/blocks/{block_id}").status == 404


def test_the_same_text_of_another_kind_is_not_blocked(shared_daemon: RunningDaemon) -> None:
    shared_daemon.request("POST", "/v1/blocks", {"kind": "user", "value": "77", "reason": "x"})
    assert shared_daemon.check("somebody", "general", device_id="77")["decision"] == "allow"
    assert shared_daemon.check(77, "general")["reasons"] == ["user_blocked"]


@pytest.mark.parametrize("action", ["share_personal_info", "public_profile", "social_features", "data_export"])
def test_an_unknown_age_is_treated_as_under_thirteen(shared_daemon: RunningDaemon, action: str) -> None:
    answer = shared_daemon.check(f"ageless-{action}", action)
    assert answer["decision"] == "deny"
    assert set(answer["reasons"]) == {"parental_consent_required", "age_unknown"}


def test_a_child_may_share_with_a_signed_form_and_not_a_moment_after_its_withdrawal(
    shared_daemon: RunningDaemon,
) -> None:
    twelve_year_old(shared_daemon, "child-1", "parent-1")
    before = shared_daemon.check("child-1", "share_personal_info")
    assert (before["decision"], before["consent"]["state"]) == ("deny", "missing")
    consent_id = consent(shared_daemon, "child-1", "parent-1")
    given = shared_daemon.check("child-1", "share_personal_info")
    assert (given["decision"], given["consent"]["state"], given["consent"]["basis"]) == ("allow", "given", consent_id)
    withdrawn = shared_daemon.request("DELETE", f"/v1/users/child-1/consents/{consent_id}")
    assert withdrawn.status in (200, 204)
    after = shared_daemon.check("child-1", "share_personal_info")
    assert (after["decision"], after["reasons"]) == ("deny", ["consent_withdrawn"])


def test_what_a_guardian_has_withdrawn_stays_so_when_they_are_named_no_more(shared_daemon: RunningDaemon) -> None:
    twelve_year_old(shared_daemon, "child-40", "dad-40")
    both = {"persona": "student", "date_of_birth": "2014-03-04", "guardian_ids": ["dad-40", "mum-40"]}
    assert shared_daemon.request("PUT", "/v1/users/child-40", both).status == 200
    path = "/v1/users/child-40/guardians/mum-40/confirm"
    assert shared_daemon.request("POST", path, {"confirmed_by": "dad-40"}).status == 204
    consent(shared_daemon, "child-40", "dad-40")
    hers = consent(shared_daemon, "child-40", "mum-40")
    assert shared_daemon.check("child-40", "share_personal_info")["decision"] == "allow"
    assert shared_daemon.request("DELETE", f"/v1/users/child-40/consents/{hers}").status in (200, 204)
    assert shared_daemon.request("PUT", "/v1/users/child-40", {**both, "guardian_ids": ["dad-40"]}).status == 200
    after = shared_daemon.check("child-40", "share_personal_info")
    assert (after["decision"], after["consent"]["state"]) == ("deny", "withdrawn")
    again = consent(shared_daemon, "child-40", "dad-40")
    given = shared_daemon.check("child-40", "share_personal_info")
    assert (given["decision"], given["consent"]["basis"]) == ("allow", again)


def test_a_consent_by_email_plus_covers_the_service_and_is_refused_for_a_disclosure(
    shared_daemon: RunningDaemon,
) -> None:
    twelve_year_old(shared_daemon, "child-2", "parent-2")
    evidence = {"message_ref": "m-1", "second_step": "2026-10-02", "revocation_notice": True}
    body = {"method": "email_plus", "guardian_id": "parent-2", "evidence": evidence, "policy_version": 1}
    consent(shared_daemon, "child-2", "parent-2", scope="service", method="email_plus", evidence=evidence)
    disclosure = {**body, "scope": "third_party:other_users/contact"}
    refused = shared_daemon.request("POST", "/v1/users/child-2/consents", disclosure)
    assert (refused.status, refused.json["field"]) == (422, "method")
    assert "email_plus never covers a disclosure" in refused.json["message"]
    answer = shared_daemon.check("child-2", "share_personal_info")
    assert (answer["decision"], answer["consent"]["state"]) == ("deny", "missing")


def test_a_consent_whose_evidence_lacks_a_field_or_a_date_is_refused_with_its_name(
    shared_daemon: RunningDaemon,
) -> None:
    twelve_year_old(shared_daemon, "child-20", "parent-20")
    body = {"scope": "service", "method": "signed_form", "guardian_id": "parent-20", "policy_version": 1}
    for evidence, field in (
        ({}, "evidence.document_ref"),
        ({"document_ref": "form-1"}, "evidence.signed_on"),
        ({"document_ref": " ", "signed_on": "2026-10-01"}, "evidence.document_ref"),
        ({"document_ref": "form-1", "signed_on": "yesterday"}, "evidence.signed_on"),
        ("form-1", "evidence"),
    ):
        answer = shared_daemon.request("POST", "/v1/users/child-20/consents", {**body, "evidence": evidence})
        assert (answer.status, answer.json["field"]) == (422, field)


def test_only_a_confirmed_guardian_can_consent(shared_daemon: RunningDaemon) -> None:
    twelve_year_old(shared_daemon, "child-3", "parent-3")
    body = {
        "scope": "service",
        "method": "signed_form",
        "guardian_id": "stranger",
        "evidence": {"document_ref": "form-1", "signed_on": "2026-10-01"},
        "policy_version": 1,
    }
    answer = shared_daemon.request("POST", "/v1/users/child-3/consents", body)
    assert (answer.status, answer.json["error"], answer.json["field"]) == (409, "no_guardian", "guardian_id")


def test_who_is_known_to_be_a_minor_becomes_nobodys_guardian_and_consents_to_nothing(
    shared_daemon: RunningDaemon,
) -> None:
    twelve_year_old(shared_daemon, "child-30", "parent-30")
    twelve_year_old(shared_daemon, "brother-30", "parent-30")
    body = {"persona": "student", "date_of_birth": "2015-03-04", "guardian_ids": ["parent-30", "brother-30"]}
    refused = shared_daemon.request("PUT", "/v1/users/child-30", body)
    assert (refused.status, refused.json["error"], refused.json["field"]) == (409, "no_guardian", "guardian_ids[1]")
    assert refused.json["message"] == "brother-30 is known to be under 18, and a minor is nobody's guardian"
    assert shared_daemon.request("GET", "/v1/users/child-30").json["guardian_ids"] == ["parent-30"]

    # Nobody knew it when it was written into the list: then it is found at the consent, and at the confirmation.
    body["guardian_ids"] = ["parent-30", "uncle-30"]
    assert shared_daemon.request("PUT", "/v1/users/child-30", body).status == 200
    stated = {"persona": "student", "age_band": "13_17", "stated_on": "2026-01-01"}
    assert shared_daemon.request("PUT", "/v1/users/uncle-30", stated).status == 201
    path = "/v1/users/child-30/guardians/uncle-30/confirm"
    consented = {
        "scope": "service", "method": "signed_form", "guardian_id": "uncle-30", "policy_version": 1,
        "evidence": {"document_ref": "form-1", "signed_on": "2026-10-01"},
    }  # fmt: skip
    for answer in (
        shared_daemon.request("POST", path, {"confirmed_by": "parent-30"}),
        shared_daemon.request("POST", "/v1/users/child-30/consents", consented),
    ):
        assert (answer.status, answer.json["error"], answer.json["field"]) == (409, "no_guardian", "guardian_id")
        assert answer.json["message"].startswith("uncle-30 is known to be under 18")
    # Unknown again, the company vouches.
    assert shared_daemon.request("PUT", "/v1/users/uncle-30", {"persona": "parent"}).status == 200
    assert shared_daemon.request("POST", path, {"confirmed_by": "parent-30"}).status == 204
    assert shared_daemon.request("POST", "/v1/users/child-30/consents", consented).status == 201


def test_a_consent_stops_counting_at_once_when_its_giver_turns_out_to_be_a_minor(shared_daemon: RunningDaemon) -> None:
    twelve_year_old(shared_daemon, "child-31", "sister-31")
    consent(shared_daemon, "child-31", "sister-31")
    assert shared_daemon.check("child-31", "share_personal_info")["decision"] == "allow"
    stated = {"persona": "student", "age_band": "13_17", "stated_on": "2026-01-01"}
    assert shared_daemon.request("PUT", "/v1/users/sister-31", stated).status == 201
    after = shared_daemon.check("child-31", "share_personal_info")
    assert (after["decision"], after["consent"]["state"]) == ("deny", "missing")
    assert [one["by_minor"] for one in shared_daemon.request("GET", "/v1/users/child-31").json["consents"]] == [True]
    # The parent is heard although the sister was first.
    given = consent(shared_daemon, "child-31", "parent-31")
    assert shared_daemon.check("child-31", "share_personal_info")["consent"]["basis"] == given


def test_a_guardian_of_one_s_own_guardian_is_refused(shared_daemon: RunningDaemon) -> None:
    twelve_year_old(shared_daemon, "child-52", "parent-52")
    body = {"persona": "parent", "guardian_ids": ["child-53", "child-52"]}
    path = "/v1/users/parent-52"
    minor = shared_daemon.request("PUT", path, body)
    assert (minor.status, minor.json["field"]) == (409, "guardian_ids[1]")
    twelve_year_old(shared_daemon, "friend-52", "other-52")
    body = {"persona": "student", "guardian_ids": ["friend-53"]}
    assert shared_daemon.request("PUT", "/v1/users/unknown-52", body).status == 201
    circle = shared_daemon.request("PUT", "/v1/users/friend-53", {"persona": "student", "guardian_ids": ["unknown-52"]})
    assert (circle.status, circle.json["error"], circle.json["field"]) == (409, "no_guardian", "guardian_ids[0]")
    assert circle.json["message"] == (
        "unknown-52 has friend-53 as a guardian, and nobody is their own guardian's guardian"
    )


def test_nobody_attests_that_a_student_is_of_age(shared_daemon: RunningDaemon) -> None:
    body = {"persona": "student", "adulthood_attested": True}
    refused = shared_daemon.request("PUT", "/v1/users/grown-50", body)
    assert (refused.status, refused.json["error"], refused.json["field"]) == (422, "invalid", "adulthood_attested")
    assert shared_daemon.request("PUT", "/v1/users/tutor-50", {**body, "persona": "tutor"}).status == 201
    assert shared_daemon.check("tutor-50", "share_personal_info")["decision"] == "allow"


def test_evidence_of_a_day_to_come_proves_nothing(shared_daemon: RunningDaemon) -> None:
    twelve_year_old(shared_daemon, "child-51", "parent-51")
    body = {
        "scope": "service", "method": "signed_form", "guardian_id": "parent-51", "policy_version": 1,
        "evidence": {"document_ref": "form-1", "signed_on": "2099-01-01"},
    }  # fmt: skip
    refused = shared_daemon.request("POST", "/v1/users/child-51/consents", body)
    assert (refused.status, refused.json["error"]) == (409, "untimely")
    assert (refused.json["field"], refused.json["message"]) == (
        "evidence.signed_on", "evidence.signed_on must not lie in the future",
    )  # fmt: skip


def test_an_adult_needs_nobodys_consent(shared_daemon: RunningDaemon) -> None:
    body = {"persona": "parent", "date_of_birth": "1980-05-05"}
    assert shared_daemon.request("PUT", "/v1/users/adult-1", body).status == 201
    assert shared_daemon.request("PUT", "/v1/users/adult-1", body).status == 200
    assert shared_daemon.check("adult-1", "share_personal_info")["decision"] == "allow"


def test_a_parent_acts_for_their_own_child_and_nobody_elses(shared_daemon: RunningDaemon) -> None:
    twelve_year_old(shared_daemon, "child-4", "parent-4")
    assert shared_daemon.check("parent-4", "recap_view", subject_id="child-4")["decision"] == "allow"
    other = shared_daemon.check("parent-5", "recap_view", subject_id="child-4")
    assert other["reasons"] == ["not_authorized_for_subject"]


def test_what_was_answered_is_what_was_recorded(shared_daemon: RunningDaemon) -> None:
    answer = shared_daemon.check("recorded-1", "general", device_id="d-9", ip_address="2001:db8::1")
    found = shared_daemon.request("GET", f"/v1/decisions/{answer['decision_id']}")
    assert found.status == 200
    assert {key: found.json[key] for key in answer} == answer
    assert found.json["facts"]["action"] == "general"
    listed = shared_daemon.request("GET", "/v1/decisions?user_id=recorded-1").json["decisions"]
    assert [entry["decision_id"] for entry in listed] == [answer["decision_id"]]


def test_imported_events_do_not_go_backwards_and_leave_todays_limits_alone(
    start_daemon: Callable[..., RunningDaemon],
) -> None:
    daemon = start_daemon()
    at = datetime(2020, 1, 1, 12, tzinfo=UTC)
    daemon.check("past", "general", occurred_at=at.isoformat())
    earlier = {"user_id": "past", "action_type": "general", "occurred_at": (at - timedelta(hours=1)).isoformat()}
    answer = daemon.request("POST", "/v1/actions/check", earlier)
    assert (answer.status, answer.json["error"], answer.json["field"]) == (409, "untimely", "occurred_at")
    assert answer.json["message"].endswith("2020-01-01T12:00:00.000Z")
    # Ten more of the past leave today's limit alone.
    for second in range(10):
        daemon.check("two-lives", "login", occurred_at=(at + timedelta(seconds=second)).isoformat())
    assert daemon.check("two-lives", "login")["limits"]["remaining"] == 9


def test_the_last_key_that_can_make_keys_can_not_be_revoked(start_daemon: Callable[..., RunningDaemon]) -> None:
    daemon = start_daemon()
    own_id = daemon.key.split("_")[1]
    refused = daemon.request("DELETE", f"/v1/keys/{own_id}")
    assert (refused.status, refused.json["error"]) == (409, "last_operator_key")
    made = daemon.request("POST", "/v1/keys", {"name": "second", "scopes": ["operate"]}).json
    itself = daemon.request("DELETE", f"/v1/keys/{own_id}")
    assert (itself.status, itself.json["error"]) == (409, "own_key")
    assert daemon.request("DELETE", f"/v1/keys/{own_id}", key=made["key"]).status in (200, 204)
    assert daemon.request("GET", "/v1/keys").status == 401


def test_two_operators_who_revoke_each_other_at_the_same_time_do_not_both_go(
    start_daemon: Callable[..., RunningDaemon],
) -> None:
    daemon = start_daemon()
    for number in range(5):
        made = daemon.request("POST", "/v1/keys", {"name": f"second {number}", "scopes": ["operate"]}).json
        pair = ((daemon.key, made["key_id"]), (made["key"], daemon.key.split("_")[1]))
        with ThreadPoolExecutor(2) as both:
            told = list(both.map(lambda one: daemon.request("DELETE", f"/v1/keys/{one[1]}", key=one[0]), pair))
        # Whoever came so late that their own key was revoked before is told that.
        assert sorted(one.status for one in told) in ([204, 409], [204, 401])
        assert all(one.json["error"] == "last_operator_key" for one in told if one.status == 409)
        if told[1].status == 204:
            return
