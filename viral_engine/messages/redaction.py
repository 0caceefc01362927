"""Redaction: what comes in over the wire, what the actor gets, what goes out. None of it is ever stored."""

from __future__ import annotations

from msgspec import Struct

from viral_engine.domain.redaction.audiences import Audience
from viral_engine.runtime.flight_recorder import personal


@personal("content", "subject_id", "known")
class RedactionBody(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """Body of `POST /v1/redactions`.

    Attributes:
        subject_id: whose text it is or whom it is about; without it, and for an unknown one, a child's protection.
        known: names to hide wherever they stand: the child's, the parents', the tutor's, the school's.
    """

    content: str
    audience: Audience
    subject_id: int | str | None = None
    known: list[str] | None = None


@personal("content", "known")
class Redact(Struct, frozen=True, kw_only=True, tag=True, gc=False):
    """Asks `/growth/redaction` for a `RedactionAnswer`.

    Attributes:
        guess: whether names that nobody supplied are looked for.
    """

    content: str
    known: tuple[str, ...]
    guess: bool


@personal("content")
class RedactionAnswer(Struct, frozen=True, kw_only=True, gc=False):
    """A redacted text.

    Attributes:
        content: with placeholders such as `[EMAIL_1]`; the same thing has the same one within the text.
        findings: how often something of each kind was found; kinds without a finding are left out.
    """

    content: str
    findings: dict[str, int]
