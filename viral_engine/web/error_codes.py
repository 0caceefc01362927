"""Every error code there is, by status: what a client may branch on, and which routes can answer it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from viral_engine.web import compliance
from viral_engine.web.disclosing import ON_BEHALF_OF
from viral_engine.web.routes import Route

CODES: Mapping[int, Mapping[str, str]] = {
    400: {
        "malformed_request": "This is not a valid HTTP request.",
        "malformed_json": "The body is no JSON, or a key stands twice in it.",
    },
    401: {"authentication_required": "No API key, or none that is valid."},
    403: {
        "insufficient_scope": "The API key lacks the scope.",
        "network_not_allowed": "The API key may not be used from this network.",
        "beyond_own_key": "A key can't make one of wider networks, a higher rate or a later end than its own.",
        "host_only": "A page about everybody, or by a reason, is for the host itself, in nobody's name.",
        "not_authorized_for_subject": "The user of `on_behalf_of` has no confirmed relation to the person.",
        "user_blocked": "The user is blocked.",
        "device_blocked": "The device is blocked.",
        "fraud_detected": "The score reached the threshold.",
        "parental_consent_required": "No consent covers it.",
        "consent_withdrawn": "The consent that it needs was withdrawn.",
        "compliance_check_failed": "It was refused, or held for a look, for another reason.",
    },
    404: {"not_found": "There is no such thing, or no such path."},
    405: {"method_not_allowed": "The path does not take this method."},
    408: {"request_timeout": "The request did not arrive in time."},
    409: {
        "conflict": "Somebody else changed this at the same time.",
        "idempotency_conflict": "The Idempotency-Key was used with another body.",
        "untimely": "A time is well-formed and can't be: it has passed, has not come, or lies before what was reached.",
        "no_guardian": "Somebody is a minor or no guardian of the user who counts, or may not say who is one.",
        "no_tutor": "A user is named as their own tutor.",
        "bad_policy": "The file is no policy, or one that can't work; the message names the line.",
        "limit_reached": "The list holds as many entries as it may.",
        "last_operator_key": "The last key of scope operate can't be revoked.",
        "own_key": "A key can't revoke itself.",
    },
    413: {"too_large": "The body is larger than this route takes."},
    422: {
        "invalid": "A field can't be what it is; nothing was recorded.",
        "dead_letter": "This request broke its handler three times in a row and is refused until that is mended.",
        "not_redacted": "The content could not be redacted in time.",
    },
    429: {
        "quota_exceeded": "A reporter has sent as many reports today as are taken; Retry-After says when more are.",
        "rate_limited": "A limit is full; Retry-After says when it lets go.",
        "key_rate_exceeded": "The API key asks more often than it may; Retry-After says when it may again.",
    },
    431: {"headers_too_large": "The request line and the headers are too large."},
    500: {"internal": "A fault of ours; the request id names it in the log."},
    501: {"not_implemented": "Of transfer codings only chunked is understood."},
    503: {
        "unavailable": "A part that is needed is away right now; Retry-After says when to ask again.",
        "outcome_unknown": "The change may or may not have been made.",
        "idempotency_in_progress": "Another request with this Idempotency-Key is still under way.",
    },
}

ALL = tuple(code for codes in CODES.values() for code in codes)
HANDED_ON = frozenset({*compliance.CODES.values(), compliance.OTHER})
"""Codes of refusals that a host may hand on to its user: their body is a `ComplianceBody`."""


def _changes(route: Route) -> bool:
    asks = "/actions/" in route.path or route.name == "would_hit"
    return route.method != "GET" and route.handler is not None and not asks


def _always(_route: Route) -> bool:
    return True


def _names_a_thing(route: Route) -> bool:
    """Whether the path names something that must be there: a user may be one that was never heard of."""
    about_a_user = route.path.startswith("/v1/users/")
    return "{" in route.path and (route.method in {"GET", "DELETE"} or not about_a_user)


def _body_of(route: Route) -> str:
    return getattr(route.body_type, "__name__", "")


def _never(_route: Route) -> bool:
    return False


def _tells_a_refusal(route: Route) -> bool:
    return route.path == "/v1/decisions/{decision_id}"


_NAMING = frozenset({"/v1/appeals", "/v1/policies/switch", "/v1/audit", "/v1/history/entries"})
"""Whose body or query names something that may not be there."""

_TIMED = frozenset({"UserBody", "ConsentBody", "EntryBody", "BlockBody", "LabelBody", "KeyBody", "CheckRequest"})
"""Bodies that hold a time that is compared with the clock."""

_FAMILY = frozenset({"UserBody", "ConsentBody", "ConfirmBody"})
"""Bodies that name guardians."""

_FILLING = frozenset({"/v1/blocks", "/v1/allows", "/v1/labels", "/v1/reports", "/v1/policies"})
"""What adds to something that may be full."""

_WHERE: Mapping[str, Callable[[Route], bool]] = {
    "malformed_json": lambda route: bool(route.body_bytes_max),
    "authentication_required": lambda route: bool(route.scopes),
    "insufficient_scope": lambda route: bool(route.scopes),
    "beyond_own_key": lambda route: _body_of(route) == "KeyBody",
    "key_rate_exceeded": lambda route: bool(route.scopes),
    "network_not_allowed": lambda route: bool(route.scopes),
    "not_authorized_for_subject": lambda route: ON_BEHALF_OF in route.query,
    "user_blocked": lambda route: ON_BEHALF_OF in route.query,
    **dict.fromkeys(
        (
            "device_blocked",
            "fraud_detected",
            "parental_consent_required",
            "consent_withdrawn",
            "compliance_check_failed",
            "rate_limited",
        ),
        _tells_a_refusal,
    ),
    "not_found": lambda route: route.path in _NAMING or _names_a_thing(route),
    # Of the path and the connection, whatever the route.
    "method_not_allowed": _never,
    "not_implemented": _never,
    "request_timeout": lambda route: bool(route.body_bytes_max),
    "conflict": _changes,
    "idempotency_conflict": lambda route: route.once,
    "untimely": lambda route: _body_of(route) in _TIMED,
    "no_guardian": lambda route: _body_of(route) in _FAMILY,
    "no_tutor": lambda route: _body_of(route) == "UserBody",
    "bad_policy": lambda route: _body_of(route) == "PolicyBody",
    "limit_reached": lambda route: route.method == "POST" and route.path in _FILLING,
    "quota_exceeded": lambda route: route.path == "/v1/reports",
    "last_operator_key": lambda route: route.method == "DELETE" and route.path.startswith("/v1/keys/"),
    "host_only": lambda route: route.name == "list_decisions",
    "own_key": lambda route: route.method == "DELETE" and route.path.startswith("/v1/keys/"),
    "too_large": lambda route: bool(route.body_bytes_max),
    "invalid": lambda route: bool(route.scopes),
    "dead_letter": lambda route: bool(route.scopes) and route.method != "GET",
    "not_redacted": lambda route: route.path == "/v1/redactions",
    "unavailable": lambda route: bool(route.scopes),
    "outcome_unknown": _changes,
    "idempotency_in_progress": lambda route: route.once,
}


def errors_of(route: Route) -> dict[int, dict[str, str]]:
    """Returns the errors that a route can answer: by status, each code with its meaning."""
    found = {
        status: {code: about for code, about in codes.items() if _WHERE.get(code, _always)(route)}
        for status, codes in CODES.items()
    }
    return {status: codes for status, codes in found.items() if codes}
