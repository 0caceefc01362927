"""What a decision makes of content: personal details in it, and the signs of an adult who draws a child away.

Neither is proof. Details of a child are refused, whoever writes them, as showing them is a disclosure (16 CFR 312.2);
signs go to a person, who reads what was meant.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from viral_engine.domain.ages import AgeBand
from viral_engine.domain.facts import Facts
from viral_engine.domain.outcome import Outcome
from viral_engine.domain.reasons import Reason

__all__ = [
    "CONTACT_KINDS",
    "CONTENT_RULES",
    "NO_CONTENT_RULES",
    "SECRET_KINDS",
    "ContentRules",
    "holds_contact",
    "spoken",
]

SECRET_KINDS = frozenset({"ssn", "card"})
"""What nobody should show to anybody."""

CONTACT_KINDS = frozenset({"email", "url", "phone", "address", "birthdate", "handle"})
"""By what somebody is found outside the platform."""


class ContentRules(NamedTuple):
    """What content leads to.

    Attributes:
        private: Contact details, by the age band of the person concerned.
        secret: Numbers of `SECRET_KINDS`, whosever.
        off_platform: An adult's contact details, or signs of contact outside, secrecy or a meeting, to a child.
        unseen: Content that could not be looked at in time.
    """

    private: Mapping[AgeBand, Outcome]
    secret: Outcome
    off_platform: Outcome
    unseen: Outcome


NO_CONTENT_RULES = ContentRules(
    private=dict.fromkeys(AgeBand, Outcome.ALLOW),
    secret=Outcome.ALLOW,
    off_platform=Outcome.ALLOW,
    unseen=Outcome.ALLOW,
)
CONTENT_RULES = ContentRules(
    private={
        AgeBand.UNKNOWN: Outcome.DENY,
        AgeBand.UNDER_13: Outcome.DENY,
        AgeBand.FROM_13_TO_17: Outcome.ALLOW_FLAGGED,
        AgeBand.ADULT: Outcome.ALLOW,
    },
    secret=Outcome.DENY,
    off_platform=Outcome.REVIEW,
    unseen=Outcome.REVIEW,
)


def holds_contact(facts: Facts) -> bool:
    """Whether the content holds contact details."""
    return not CONTACT_KINDS.isdisjoint(facts.content_kinds)


def spoken(rules: ContentRules, facts: Facts, *, disclosure_given: bool) -> Iterator[tuple[Reason, Outcome]]:
    """What the content says against the attempt.

    Args:
        rules: The policy's.
        facts: What is known.
        disclosure_given: A guardian agreed to the disclosure that this attempt is: then details may be shown.
    """
    contact = not CONTACT_KINDS.isdisjoint(facts.content_kinds)
    found = (
        (facts.content_unseen, Reason.CONTENT_UNSEEN, rules.unseen),
        (not SECRET_KINDS.isdisjoint(facts.content_kinds), Reason.CONTENT_PII, rules.secret),
        (contact and not disclosure_given, Reason.CONTENT_PII, rules.private[facts.band]),
        (
            facts.adult_to_child and (contact or bool(facts.content_signals)),
            Reason.OFF_PLATFORM_CONTACT,
            rules.off_platform,
        ),
    )
    return ((reason, outcome) for speaks, reason, outcome in found if speaks and outcome is not Outcome.ALLOW)
