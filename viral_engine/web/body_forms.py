"""What bodies must be beyond their types, as JSON Schema: what the handlers check, so that a caller can check it too.

Times are described by their form alone: what the clock says of one is answered with 409 `untimely`, as no schema can
tell it. Nothing is validated by this; `tests/end_to_end/test_schemathesis.py` holds it to what is accepted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from viral_engine.domain.consent import (
    EVIDENCE,
    EVIDENCE_DATES,
    POLICY_VERSION_MAX,
    ConsentMethod,
    DataClass,
    Purpose,
    RecipientClass,
    may_disclose,
)
from viral_engine.domain.policy_file import SOURCE_LENGTH_MAX
from viral_engine.domain.redaction.known_names import KNOWN_LENGTH_MAX, KNOWN_MAX
from viral_engine.domain.reports import TEXT_LENGTH_MAX
from viral_engine.messages.keys import RATE_PER_MINUTE_MAX
from viral_engine.messages.people import ATTESTED
from viral_engine.web.actions import TEXT_BYTES_MAX
from viral_engine.web.api.access import NETWORK_BITS_MIN_4, NETWORK_BITS_MIN_6
from viral_engine.web.api.inputs import REASON_LENGTH_MAX
from viral_engine.web.api.keys import NETWORKS_MAX
from viral_engine.web.api.policies import VERSION_MAX
from viral_engine.web.api.users import GUARDIANS_MAX, JURISDICTION_LENGTH_MAX, TUTORS_MAX
from viral_engine.web.forms import (
    ACTION,
    ADDRESS,
    ANY_DEVICE,
    DATE,
    DEVICE,
    DOMAIN,
    EMAIL,
    ID,
    INSTANT,
    LABEL,
    NAME,
    PHONE,
    UUID,
    Schema,
    lines,
    network,
    text,
    words,
)

_NO_NUL = r"^[^\x00]*$"
_NULL: Schema = {"type": "null"}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _where(field: str, is_one_of: Iterable[str], fields: Mapping[str, Schema], needed: tuple[str, ...] = ()) -> Schema:
    """Returns the form of a body in which a field is one of some words."""
    return {"properties": {field: words(*is_one_of), **fields}, "required": [field, *needed]}


SHARED: Mapping[str, Schema] = {
    "Network": network(NETWORK_BITS_MIN_4, NETWORK_BITS_MIN_6),
}
"""Forms that stand in several bodies."""

_EVIDENCE: Schema = {
    "type": "object",
    "propertyNames": {"pattern": _NO_NUL},
    "additionalProperties": {
        "anyOf": [{"type": ["number", "boolean", "null"]}, {"type": "string", "pattern": _NO_NUL}]
    },
}

_VALUES: tuple[Schema, ...] = (
    _where("kind", ["user"], {"value": ID}),
    _where("kind", ["device"], {"value": DEVICE}),
    _where("kind", ["ip"], {"value": ADDRESS}),
)
_LISTED: tuple[Schema, ...] = (*_VALUES, _where("kind", ["email_domain"], {"value": DOMAIN}))
_NETWORK: Mapping[str, Schema] = {"value": _ref("Network")}
_ANY_VALUE: Schema = {"anyOf": [{"type": "integer"}, text(DOMAIN["maxLength"])]}
_ENTRY: Mapping[str, Schema] = {"value": _ANY_VALUE, "reason": text(REASON_LENGTH_MAX), "expires_at": INSTANT}

_DATA = "|".join(DataClass)
_OWN = f"(?:{'|'.join(purpose for purpose in Purpose if purpose is not Purpose.THIRD_PARTY)})"
_DISCLOSURE = f"{Purpose.THIRD_PARTY}:(?:{'|'.join(RecipientClass)})"
_SHOWN: Schema = {
    "description": "Shows something: not null, false or blank.",
    # Blanks are what Unicode calls so and the signs that separate files, groups, records and units.
    "anyOf": [
        {"const": True},
        {"type": "number"},
        {"type": "string", "pattern": r"[^\s\x00-\x1f\x85]"},
    ],
}
_WHEN: Schema = {"anyOf": [DATE, INSTANT]}


def _scope(*heads: str) -> Schema:
    """Returns the consent scopes that begin with one of some purposes and recipients."""
    return {"type": "string", "pattern": f"^(?:{'|'.join(heads)})(?:/(?:{_DATA}))?$"}


def _by_method(method: ConsentMethod) -> Schema:
    """Returns the form of a consent by a method: the record of it, and what it covers."""
    fields = {field: _WHEN if field in EVIDENCE_DATES else _SHOWN for field in EVIDENCE[method]}
    shown = {"type": "object", "properties": fields, "required": list(fields)}
    covers = {} if may_disclose(method) else {"scope": _scope(_OWN)}
    return _where("method", [method], {"evidence": shown, **covers})


_AGES: tuple[Schema, ...] = (
    {"properties": {"age_band": _NULL, "stated_on": _NULL}},
    {
        "properties": {"date_of_birth": _NULL, "age_band": {"type": "string"}, "stated_on": DATE},
        "required": ["age_band", "stated_on"],
    },
)
_ATTESTING: tuple[Schema, ...] = ({"persona": words(*ATTESTED)}, {"adulthood_attested": {"const": False}})
_USERS: tuple[Schema, ...] = tuple(
    {**age, "properties": {**age["properties"], **attesting}} for age in _AGES for attesting in _ATTESTING
)

FIELDS: Mapping[str, Mapping[str, Schema]] = {
    "CheckRequest": {
        "user_id": ID,
        "action_type": ACTION,
        "device_id": ANY_DEVICE,
        "ip_address": ADDRESS,
        "email": EMAIL,
        "phone": PHONE,
        "content": {"type": "string", "maxLength": TEXT_BYTES_MAX, "pattern": _NO_NUL},
        "subject_id": ID,
        "data_class": words(*DataClass),
        "recipient_class": words(*RecipientClass),
        "session_id": text(),
        "occurred_at": INSTANT,
    },
    "RedactionBody": {
        "content": {"type": "string", "pattern": _NO_NUL},
        "subject_id": ID,
        "known": {
            "type": "array",
            "maxItems": KNOWN_MAX,
            "items": {**NAME, "maxLength": KNOWN_LENGTH_MAX},
        },
    },
    "UserBody": {
        "date_of_birth": DATE,
        "stated_on": DATE,
        "guardian_ids": {"type": "array", "maxItems": GUARDIANS_MAX, "items": ID},
        "tutor_ids": {"type": "array", "maxItems": TUTORS_MAX, "items": ID},
        "household_id": text(),
        "school_id": text(),
        "jurisdiction": text(JURISDICTION_LENGTH_MAX),
        "email": EMAIL,
        "phone": PHONE,
        "referrer_id": ID,
    },
    "SignalBody": {"signal": words("email_verified", "phone_verified", "payment_verified", "referrer_id")},
    "ConsentBody": {
        "scope": _scope(_OWN, _DISCLOSURE),
        "method": words(*ConsentMethod),
        "guardian_id": ID,
        "evidence": _EVIDENCE,
        "policy_version": {
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": POLICY_VERSION_MAX},
                {"type": "string", "maxLength": len(str(POLICY_VERSION_MAX)), "pattern": "^0*[1-9][0-9]*$"},
            ]
        },
        "expires_at": INSTANT,
    },
    "ConfirmBody": {"confirmed_by": ID},
    "EntryBody": _ENTRY,
    "BlockBody": _ENTRY,
    "WouldHitBody": {"value": _ANY_VALUE},
    "LabelBody": {**_ENTRY, "label": LABEL},
    "KeyBody": {
        "name": text(),
        "scopes": {"minItems": 1},
        "expires_at": INSTANT,
        "networks": {"type": "array", "maxItems": NETWORKS_MAX, "items": _ref("Network")},
        "rate_per_minute": {"type": "integer", "minimum": 1, "maximum": RATE_PER_MINUTE_MAX},
    },
    "PolicyBody": {"source": {"type": "string", "maxLength": SOURCE_LENGTH_MAX}, "reason": text(REASON_LENGTH_MAX)},
    "SwitchBody": {
        "reason": text(REASON_LENGTH_MAX),
        "version": {"type": "integer", "minimum": 1, "maximum": VERSION_MAX},
    },
    "ReportBody": {"reporter_id": ID, "value": ID, "content": lines(TEXT_LENGTH_MAX)},
    "AppealBody": {"decision_id": UUID, "content": lines(TEXT_LENGTH_MAX)},
    "CloseBody": {"note": text(REASON_LENGTH_MAX)},
}
"""By the name of the body's type and its field; null is added where the type has it."""

EITHER: Mapping[str, tuple[Schema, ...]] = {
    "UserBody": _USERS,
    "SignalBody": (
        _where("signal", ["referrer_id"], {"value": ID}),
        _where("signal", ["email_verified", "phone_verified", "payment_verified"], {"value": {"type": "boolean"}}),
    ),
    "ConsentBody": tuple(map(_by_method, ConsentMethod)),
    "EntryBody": (*_LISTED, _where("kind", ["network"], _NETWORK)),
    "BlockBody": (*_LISTED, _where("kind", ["network"], {**_NETWORK, "expires_at": INSTANT}, ("expires_at",))),
    "LabelBody": (*_LISTED, _where("kind", ["network"], _NETWORK)),
    "WouldHitBody": (*_LISTED, _where("kind", ["network"], _NETWORK)),
    "ReportBody": _VALUES,
}
"""The forms of bodies whose fields hang together: one of them fits."""


def constrain(name: str, component: dict[str, Any]) -> None:
    """Adds to a type's schema what its fields must be."""
    for field, form in FIELDS.get(name, {}).items():
        of_type = component["properties"][field]
        about = {key: of_type[key] for key in ("default", "description") if key in of_type}
        if _NULL in of_type.get("anyOf", ()):
            form = {"anyOf": [*form.get("anyOf", (form,)), _NULL]}  # noqa: PLW2901 - the same form, and null
        elif "items" not in form and "items" in of_type:
            form = {**of_type, **form}  # noqa: PLW2901 - the type knows what a list holds
        component["properties"][field] = {**form, **about}
    if name in EITHER:
        component["anyOf"] = list(EITHER[name])
