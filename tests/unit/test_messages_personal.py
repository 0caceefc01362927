"""Every field of a message that is about a person is marked, so that no recorder, trace or dead letter shows it."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator

import msgspec
import pytest

from viral_engine import messages
from viral_engine.actors.growth.trust_safety.held import ProfileRead
from viral_engine.messages.checks import CheckAction
from viral_engine.messages.content import Content
from viral_engine.messages.journal import Commit, DecisionRow, RecordDecision, Statement
from viral_engine.messages.people import ConsentBody, PutUser, UserBody
from viral_engine.messages.redaction import Redact, RedactionAnswer
from viral_engine.runtime.flight_recorder import HIDDEN, describe

PERSONAL = {
    "user_id", "subject_id", "device_id", "ip_address", "email", "email_domain", "phone", "content", "context",
    "session_id", "name", "date_of_birth", "age_band", "stated_on", "guardian_id", "guardian_ids", "tutor_ids",
    "household_id", "household_members", "school_id", "referrer_id", "evidence", "value", "signals", "consents",
    "answer", "facts", "parameters", "statements", "reply", "items", "attempts", "signups", "blocks", "allows",
    "device_flags", "decisions", "networks", "secret_mac", "key", "known",
}  # fmt: skip
SECRETS = (
    "u-4711", "s-4712", "d-4713", "192.0.2.47", "kid@example.org", "+14155550147", "meet me at the park", "lesson-47",
    "Robin",
)  # fmt: skip


def structs() -> Iterator[type[msgspec.Struct]]:
    for module in pkgutil.iter_modules(messages.__path__):
        for found in vars(importlib.import_module(f"viral_engine.messages.{module.name}")).values():
            if isinstance(found, type) and issubclass(found, msgspec.Struct) and found is not msgspec.Struct:
                yield found


def test_every_field_about_a_person_is_marked() -> None:
    unmarked = [
        f"{struct.__name__}.{field}"
        for struct in structs()
        for field in struct.__struct_fields__
        if field in PERSONAL and field not in getattr(struct, "__personal_fields__", ())
    ]
    assert unmarked == []


def test_a_mark_names_a_field_that_there_is() -> None:
    strangers = [
        f"{struct.__name__}.{field}"
        for struct in structs()
        for field in getattr(struct, "__personal_fields__", ())
        if field not in struct.__struct_fields__
    ]
    assert strangers == []


def a_check() -> CheckAction:
    user, subject, device, ip, email, phone, content, session, _ = SECRETS
    return CheckAction(
        user_id=user, action_type="share_personal_info", device_id=device, ip_address=ip, email=email, phone=phone,
        content=Content(text=content), subject_id=subject, session_id=session, api_key_id="k1", received_s=1.0,
    )  # fmt: skip


def a_record() -> RecordDecision:
    user, _, device, ip, *_ = SECRETS
    row = DecisionRow(
        decision_id=b"0" * 16, occurred_ms=1, user_id=user, action_type="general", decision="allow", reasons=(),
        score=0, policy_version=1, device_id=device, ip_address=ip, api_key_id="k1", counted=True, backfill=False,
        answer=SECRETS[4].encode(), facts=SECRETS[6].encode(),
    )  # fmt: skip
    return RecordDecision(row=row, reply=SECRETS, statements=(Statement("SELECT %s", SECRETS),))


@pytest.mark.parametrize(
    "message",
    [
        a_check(),
        a_record(),
        Commit((Statement("SELECT %s", SECRETS),)),
        PutUser(user_id=SECRETS[0], body=UserBody(persona="parent", email=SECRETS[4], phone=SECRETS[5]), author="k1"),
        ConsentBody(scope="x", method="y", guardian_id=SECRETS[0], evidence={"name": SECRETS[8]}, policy_version=1),
        ProfileRead(SECRETS[0]),
        Redact(content=SECRETS[6], known=(SECRETS[8],), guess=True),
        RedactionAnswer(content=SECRETS[6], findings={"email": 1}),
    ],
    ids=lambda message: type(message).__name__,
)
def test_a_message_in_words_says_what_it_is_and_nothing_of_anybody(message: object) -> None:
    words = describe(message)

    assert words.startswith(f"{type(message).__name__}(")
    assert HIDDEN in words
    assert [secret for secret in SECRETS if secret in words] == []


def test_what_helps_to_find_the_fault_stays() -> None:
    assert "action_type='share_personal_info'" in describe(a_check())
