"""One example of each body that is sent or answered, by the name of its type; a test holds them to the types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from viral_engine.domain.policy import DEFAULT_POLICY

_SHIPPED = DEFAULT_POLICY.version
_LOADED = _SHIPPED + 1
_ID = "01a2053f-4c00-7000-8000-000000000001"
_WHEN = "2027-01-31T00:00:00Z"
_CHECK = {"user_id": 42, "action_type": "share_personal_info", "device_id": "d-1", "ip_address": "192.0.2.7"}
_ANSWER = {
    "decision_id": _ID,
    "decision": "deny",
    "recorded": True,
    "reasons": ["parental_consent_required", "age_unknown"],
    "score": 0,
    "contributions": [],
    "policy": {"id": DEFAULT_POLICY.id, "version": _SHIPPED, "mode": "enforce"},
    "limits": {"limit": 10, "remaining": 9, "reset_s": 60.001, "retry_after_s": None},
    "consent": {"required": True, "scope": "third_party:other_users/contact", "basis": None, "state": "missing"},
    "shadow": [],
    "missing": [],
    "latency_ms": 0.4,
}
_RECORD = {
    **_ANSWER,
    "would_allow": [["consent"]],
    "review": {"case_id": _ID, "state": "open", "closed_at": None},
    "facts": {"schema": 1, "action": "share_personal_info", "now_ms": 1_780_000_000_000},
    "recorded_at": _WHEN,
    "occurred_at": _WHEN,
    "user_id": "42",
    "action_type": "share_personal_info",
    "device_id": "d-1",
    "ip_address": "192.0.2.7",
    "api_key_id": "k1",
    "backfill": False,
}
_FOR_USER = {
    "decision_id": _ID,
    "decision": "deny",
    "message": "A parent or guardian has to agree to this first.",
    "retry_after_s": None,
    "locale": "en",
}
_IN_NAME = {
    **_FOR_USER,
    "policy": _ANSWER["policy"],
    "consent": _ANSWER["consent"],
    "recorded_at": _WHEN,
    "occurred_at": _WHEN,
    "user_id": "42",
    "action_type": "share_personal_info",
    "device_id": None,
    "ip_address": None,
}
_CONSENT = {"scope": "service", "method": "signed_form", "guardian_id": "41", "policy_version": "3"}
_ENTRY = {"kind": "device", "value": "d-1", "reason": "stolen accounts", "author": "key:k1", "created_at": _WHEN}
_LABEL = {"kind": "user", "value": "42", "label": "on_watch", "reason": "two chargebacks", "expires_at": _WHEN}
_KEY = {
    "name": "web site", "scopes": ["check"], "networks": ["192.0.2.0/24"], "rate_per_minute": 6_000,
    "expires_at": _WHEN,
}  # fmt: skip
_STANDS = {"added": True, "extended": False, "reason": "stolen accounts", "expires_at": _WHEN}
_SWITCHED = {"since": _WHEN, "author": "key:k1", "reason": "fewer denials"}
_CASE = {
    "case_id": _ID, "queue": "review", "kind": "report", "state": "open", "subject_kind": "user",
    "subject_value": "42", "decision_id": None, "report_id": _ID, "block_id": None, "category": "harassment",
    "severity": "high", "reporter_id": "7", "content": "keeps writing after being asked to stop", "opened_at": _WHEN,
    "claimed_by": None, "claimed_at": None, "outcome": None, "closed_by": None, "closed_at": None, "note": None,
    "held_until": None,
}  # fmt: skip

EXAMPLES: Mapping[str, Any] = {
    "ErrorBody": {"error": "invalid", "message": "action_type is missing", "field": "action_type"},
    "ComplianceBody": {
        "error": "parental_consent_required",
        "message": "A parent or guardian has to agree to this first.",
        "compliance_required": True,
        "support_contact": "support@example.org",
    },
    "CheckRequest": _CHECK,
    "CheckAnswer": _ANSWER,
    "BulkItems": {"items": [_CHECK]},
    "BulkAnswers": {"answers": [_ANSWER]},
    "DecisionRecord": _RECORD,
    "DecisionRecords": {"decisions": [_RECORD], "next_before": None},
    "DecisionForUser": _FOR_USER,
    "DecisionInName": _IN_NAME,
    "DecisionsInName": {"decisions": [_IN_NAME], "next_before": None},
    "PastDecisions": {
        "decisions": [
            {
                "decision_id": _ID,
                "at_ms": 1_780_000_000_000,
                "occurred_ms": 1_780_000_000_000,
                "user_id": "42",
                "action_type": "share_personal_info",
                "decision": "deny",
                "reasons": ["parental_consent_required", "age_unknown"],
                "score": 0,
                "policy_version": 3,
                "device_id": "d-1",
                "ip_address": "192.0.2.7",
                "counted": True,
                "backfill": False,
                "facts": _RECORD["facts"],
                "profile": None,
                "changed_since": [],
            },
        ],
        "next_after": None,
    },
    "PastEntries": {
        "entries": [
            {
                "entry_id": _ID,
                "kind": "device",
                "value": "d-1",
                "begins_ms": 1_780_000_000_000,
                "expires_ms": None,
                "ends_ms": 1_780_000_060_000,
                "ended_as": None,
                "severity": None,
                "reporter_id": None,
                "risk": 0,
            },
        ],
        "next_before": None,
    },
    "AuditPage": {
        "entries": [
            {
                "id": "5f0e6a7c8d90b2b1",
                "at": _WHEN,
                "action": "blocks.add",
                "author": "key:k1",
                "subject_kind": "device",
                "subject_id": "d-1",
                "details": {"reason": "stolen accounts", "expires_at": None},
            },
        ],
        "next_before": None,
    },
    "RedactionBody": {"content": "Write to ann@example.org", "audience": "public"},
    "RedactionAnswer": {"content": "Write to [EMAIL_1]", "findings": {"email": 1}},
    "UserBody": {"persona": "student", "date_of_birth": "2015-05-05", "guardian_ids": [41], "tutor_ids": [7]},
    "UserStored": {"user_id": "42"},
    "UserView": {
        "user_id": "42",
        "persona": "student",
        "age_band": "under_13",
        "date_of_birth": "2015-05-05",
        "stated_on": None,
        "adulthood_attested": False,
        "guardian_ids": ["41"],
        "guardians_confirmed": ["41"],
        "tutor_ids": ["7"],
        "household_id": None,
        "school_id": None,
        "jurisdiction": "us-ca",
        "email": None,
        "phone": None,
        "referrer_id": None,
        "signals": {"email_verified": True},
        "consents": [
            {
                **_CONSENT,
                "consent_id": _ID,
                "granted_at": _WHEN,
                "expires_at": None,
                "withdrawn_at": None,
                "by_minor": False,
            }
        ],
        "created_at": _WHEN,
        "updated_at": _WHEN,
    },
    "DisclosurePage": {
        "disclosures": [
            {
                "disclosure_id": _ID,
                "at": _WHEN,
                "subject_id": "42",
                "record": "user",
                "record_id": None,
                "asked_by": "key:k1",
                "on_behalf_of": "41",
                "grounds": "guardian",
                "result": "granted",
                "reason": None,
                "request_id": "r1",
            }
        ],
        "next_before": None,
    },
    "SignalBody": {"signal": "email_verified", "value": True},
    "SignalStored": {"user_id": "42", "signal": "email_verified", "value": True},
    "ConsentBody": {
        **_CONSENT,
        "guardian_id": 41,
        "policy_version": 3,
        "evidence": {"document_ref": "form-17", "signed_on": "2026-10-01"},
    },
    "ConfirmBody": {"confirmed_by": 41},
    "ConsentStored": {"consent_id": _ID},
    "EntryBody": {"kind": "device", "value": "d-1", "reason": "the lab's tablet", "expires_at": _WHEN},
    "BlockBody": {"kind": "device", "value": "d-1", "reason": "stolen accounts", "expires_at": _WHEN},
    "WouldHitBody": {"kind": "device", "value": "d-1"},
    "WouldHit": {
        "kind": "device",
        "value": "d-1",
        "user_count": 2,
        "user_ids": ["42", "43"],
        "household_count": 1,
        "households": [["41"]],
        "school_count": 0,
        "school_ids": [],
        "looked_at": 12_345,
        "since": _WHEN,
        "complete": True,
    },
    "BlockStored": {"block_id": _ID, **_STANDS},
    "AllowStored": {"allow_id": _ID, **_STANDS},
    "Blocks": {"blocks": [{"block_id": _ID, **_ENTRY, "expires_at": None}], "next_before": None},
    "Allows": {"allows": [{"allow_id": _ID, **_ENTRY, "expires_at": None}], "next_before": None},
    "LabelBody": {**_LABEL, "value": 42},
    "LabelStored": {
        "label_id": _ID,
        "added": True,
        "extended": False,
        "reason": "two chargebacks",
        "expires_at": _WHEN,
    },
    "Labels": {
        "labels": [{"label_id": _ID, **_LABEL, "author": "key:k1", "created_at": _WHEN}],
        "next_before": None,
    },
    "KeyBody": _KEY,
    "KeyMade": {"key_id": "k1", "key": "ve_k1_...", **_KEY},
    "Keys": {"keys": [{"key_id": "k1", **_KEY, "created_at": _WHEN, "revoked_at": None}]},
    "PolicyBody": {"source": "[tiers]\ndeny = 8000\n", "reason": "fewer denials", "mode": "shadow"},
    "SwitchBody": {"reason": "too strict", "mode": "enforce", "version": _SHIPPED},
    "PolicyStands": {
        "mode": "enforce",
        "version": _LOADED,
        "shadow_ended": _LOADED,
        "before": _SHIPPED,
        "changes": ["tiers.deny 7000 -> 8000"],
        "change_count": 1,
    },
    "PolicyList": {
        "enforced": {"version": _LOADED, **_SWITCHED},
        "shadow": None,
        "versions": [
            {
                "version": _LOADED,
                "policy_id": "default",
                "shipped": False,
                "author": "key:k1",
                "reason": "fewer denials",
                "created_at": _WHEN,
            },
        ],
    },
    "PolicyWhole": {
        "version": _LOADED,
        "policy_id": "default",
        "shipped": False,
        "source": "[tiers]\ndeny = 8000\n",
        "toml": 'id = "default"\n',
        "body": {"schema": 1, "id": "default", "version": _LOADED},
    },
    "ShadowCounts": {
        "version": _LOADED,
        "since": _WHEN,
        "counts": [{"decision": "deny", "shadow": "review", "count": 12}],
    },
    "ReportBody": {
        "reporter_id": 7,
        "kind": "user",
        "value": 42,
        "category": "harassment",
        "severity": "high",
        "content": "keeps writing after being asked to stop",
    },
    "ReportStands": {"report_id": _ID, "is_new": True, "blocked": False, "blocked_until": None},
    "AppealBody": {"decision_id": _ID, "content": "I only have one account."},
    "CaseStands": {"case_id": _ID, "is_new": True},
    "Cases": {"cases": [_CASE], "next_after": None},
    "CaseView": _CASE,
    "Claimed": {"case_id": _ID, "claimed_by": "key:k1"},
    "CloseBody": {"outcome": "overturn", "note": "one family, one device"},
    "CaseClosed": {"case_id": _ID, "outcome": "overturn", "blocks_lifted": [_ID], "blocks_kept": []},
    "Health": {"status": "ok", "version": "1.0.0"},
    "Ready": {"ready": True, "reasons": [], "remarks": []},
}
