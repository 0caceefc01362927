"""Refusals that a host may hand on to its user as they are: which status, which words, and whom to write to.

`error` is for the host's program. `message` is all that the user may read; it never says by what they were noticed.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from viral_engine.domain.reasons import REASONS, Reason, UserWords
from viral_engine.web.errors import ApiError
from viral_engine.web.quotas import whole_seconds

OTHER = "compliance_check_failed"
CODES: Mapping[Reason, str] = {
    reason: reason.value
    for reason in (
        Reason.USER_BLOCKED,
        Reason.DEVICE_BLOCKED,
        Reason.FRAUD_DETECTED,
        Reason.NOT_AUTHORIZED_FOR_SUBJECT,
        Reason.CONSENT_WITHDRAWN,
        Reason.PARENTAL_CONSENT_REQUIRED,
        Reason.RATE_LIMITED,
    )
}
"""Reasons that are told apart; every other one is `compliance_check_failed`."""

_REQUIRED = frozenset(
    {
        Reason.NOT_AUTHORIZED_FOR_SUBJECT,
        Reason.CONSENT_WITHDRAWN,
        Reason.PARENTAL_CONSENT_REQUIRED,
        Reason.AGE_UNKNOWN,
        Reason.FERPA_RESTRICTED,
    }
)
"""Reasons that end when what the law asks for is there: a consent, an age, a relation."""


class ComplianceBody(msgspec.Struct, frozen=True, kw_only=True):
    """A refusal that may be handed on to the user.

    Attributes:
        error: for programs.
        message: words for the user.
        compliance_required: whether a consent, an age or a relation is what is missing.
        support_contact: the setting `web.support_contact`; null when it is empty.
    """

    error: str
    message: str
    compliance_required: bool
    support_contact: str | None


class ComplianceRefusal(ApiError):
    """A refusal with a `ComplianceBody`."""

    def __init__(self, status: int, body: ComplianceBody, *, headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
        super().__init__(status, body.error, body.message, headers=headers)
        self._body = body

    def body(self) -> bytes:
        """Returns the JSON body."""
        return msgspec.json.encode(self._body)


def refusal(
    reason: Reason,
    support_contact: str,
    *,
    locale: str = "en",
    message: str | None = None,
    retry_after_s: float | None = None,
) -> ComplianceRefusal:
    """Returns the refusal for a reason: 429 with Retry-After for a rate limit, 403 for every other one.

    Args:
        reason: the weightiest.
        support_contact: empty for none.
        locale: one that there are words in.
        message: other words for the user than those of the reason.
        retry_after_s: when a rate limit lets go.
    """
    words: UserWords = REASONS[reason].to_user
    body = ComplianceBody(
        error=CODES.get(reason, OTHER),
        message=getattr(words, locale) if message is None else message,
        compliance_required=reason in _REQUIRED,
        support_contact=support_contact or None,
    )
    if reason is not Reason.RATE_LIMITED:
        return ComplianceRefusal(403, body)
    return ComplianceRefusal(429, body, headers=((b"retry-after", b"%d" % whole_seconds(retry_after_s)),))
