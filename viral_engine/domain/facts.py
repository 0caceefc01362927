"""Everything a decision is made from, and nothing personal (ADR 0013).

Counts, flags, age bands, ages in days and opaque ids of the rows that were used: never an e-mail address, a phone
number, a name or content. Whoever gathers facts opens no other door to `evaluate`, so recorded facts evaluated again
give the same decision, bit for bit.

Parts that are the same for many checks of a user (`Trust`, consents, flags) are objects of their own, to be built once
and kept. They are named tuples rather than frozen dataclasses, which take ten times as long to build (measured: 1 us
against 11 for an ordinary check) on a path of 20,000 a second.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from viral_engine.domain.ages import AgeBand
from viral_engine.domain.consent import Consent, DataClass, RecipientClass
from viral_engine.domain.duplicates import SignupUse
from viral_engine.domain.errors import Invalid
from viral_engine.domain.plain import from_plain, to_plain

__all__ = [
    "NO_REFERRAL", "NO_TRUST", "QUIET", "SCHEMA", "UNNAMED_REPORT", "Facts", "Flag", "FlagSeverity", "ListHit",
    "ListKind", "Referral", "Relation", "Trust", "Velocity", "WindowUse", "facts_for_json", "facts_from_dict",
    "facts_to_dict", "source_ordinals",
]  # fmt: skip

SCHEMA = 1

UNNAMED_REPORT = "report:"
"""What the id of a report begins with where it is shown to somebody who is not told which one it is."""


class ListKind(StrEnum):
    """What a row of the blocklist or the allow-list names; kinds never match across."""

    USER = "user"
    DEVICE = "device"
    IP = "ip"
    NETWORK = "network"
    EMAIL_DOMAIN = "email_domain"


class Relation(StrEnum):
    """How the caller stands to the person whose data it is about."""

    SELF = "self"
    GUARDIAN = "guardian"
    TUTOR = "tutor"
    SCHOOL = "school"
    NONE = "none"


class FlagSeverity(StrEnum):
    """How much a report weighs before decay and caps."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"


class ListHit(NamedTuple):
    """A live row of a list that names something of this attempt; `id` is the row's."""

    kind: ListKind
    id: str


class WindowUse(NamedTuple):
    """What one limit's window held before this attempt.

    Attributes:
        window: The limit's name.
        used: Places held.
        reset_ms: From now until there is one place more, under the limit in force; 0 if none is held.
    """

    window: str
    used: int
    reset_ms: int


class Trust(NamedTuple):
    """What has been proved about the user; each can only lower a suspicion."""

    email_verified: bool = False
    phone_verified: bool = False
    payment_verified: bool = False


class Flag(NamedTuple):
    """A report about a thing of this attempt.

    Attributes:
        id: Of the row.
        kind: `user`, `device` or `ip`.
        source: Who reported, as an ordinal within this attempt: `s1`, `s2`; of what was observed about a device its
            type. One source is capped however often it reports.
        age_days: Whole days since, for the decay.
    """

    id: str
    kind: ListKind
    severity: FlagSeverity
    source: str
    age_days: int


def source_ordinals(sources: Iterable[str]) -> list[str]:
    """Each source by the order in which they first appear: `s1`, `s2`.

    That two reports have one source is all that decides; whoever a digest is of is found by trying everybody.
    """
    ordinals: dict[str, str] = {}
    return [ordinals.setdefault(source, f"s{len(ordinals) + 1}") for source in sources]


class Velocity(NamedTuple):
    """Counts from memory of what went on around this attempt, itself not counted.

    Members of the user's verified household are not counted as others.

    Attributes:
        user_refusals: Attempts of the user refused by a limit in the last 10 minutes.
        device_refusals: Attempts on the device refused by a limit or as duplicates in the last 10 minutes.
        address_refusals: The same from the address group.
        device_users: Distinct other users on the device in the last 24 hours.
        address_users: Distinct other users from the address group in the last 60 seconds.
        address_signups: Distinct other users who tried to sign up from the address group in the last 24 hours,
            refused or not.
        domain_signups: The same with an e-mail address of the same domain, where that is no public provider's.
        phone_users: Distinct other users who named the same phone number in the last 24 hours.
    """

    user_refusals: int = 0
    device_refusals: int = 0
    address_refusals: int = 0
    device_users: int = 0
    address_users: int = 0
    address_signups: int = 0
    domain_signups: int = 0
    phone_users: int = 0


class Referral(NamedTuple):
    """How the user stands to whoever referred them, and what else that referrer brought.

    Attributes:
        self_referral: The referrer is the same person by proof: same account, verified e-mail, phone or payment.
        same_household: The referrer was seen on the same device or address group and is no *verified* household
            member of the user.
        circle: The chain of referrers comes back to the user.
        referees: Others whom the referrer brought in the last 24 hours.
        referees_sharing: Those among them who share a device or an address group with the referrer or each other.
    """

    self_referral: bool = False
    same_household: bool = False
    circle: bool = False
    referees: int = 0
    referees_sharing: int = 0


NO_TRUST = Trust()
QUIET = Velocity()
NO_REFERRAL = Referral()
NO_SIGNUP = SignupUse()


class Facts(NamedTuple):
    """The input of `evaluate`, schema 1.

    Attributes:
        action: The action type as asked for, listed or not.
        now_ms: The instant of the decision, epoch milliseconds: max(wall clock, last seen).
        band: Age band of the person concerned on that day (`subject_id`'s if given, else the user's).
        relation: Of the caller to that person; `self` without a `subject_id`.
        jurisdiction: Lower-case code of a table of the matrix, empty if not known.
        data_class: As the request names it, None if it does not.
        recipient: The same.
        missing: Optional request fields that were absent and are looked for: `device_id`, `ip_address`, `email`.
        blocks: Live blocks that name the user, device, address, its networks or the e-mail's domain.
        allows: Live rows of the allow-list, the same way.
        windows: One per limit of the action that has a key here.
        signup: What the book of signups holds; only looked at for signups.
        email_disposable: The e-mail's domain hands out throw-away mailboxes.
        flags: Reports about the user, the device or the address.
        consents: Rows about the person concerned, of confirmed guardians.
        account_age_days: Whole days since the user was first put; None of a user who never was.
        has_school: The user belongs to a school.
        in_household: The user belongs to a verified household.
        household_members: Of it, the user included; 0 without one. Like the next only looked at for signups.
        household_new: Its children whose first consent is not older than 30 days.
        content_kinds: Kinds of personal details in the content, words of `redaction.kinds.Kind`.
        content_signals: Words of `content_signals.Signal`.
        content_unseen: There is content, and it could not be looked at.
        adult_to_child: A grown-up who is no guardian of theirs writes to a child, or does not tell to whom.
        labels: Names of the live labels on the user, the device, the address, its networks or the e-mail's domain;
            sorted, each once.
        schema: Version of this list of fields and of their defaults.
    """

    action: str
    now_ms: int
    band: AgeBand = AgeBand.UNKNOWN
    relation: Relation = Relation.SELF
    jurisdiction: str = ""
    data_class: DataClass | None = None
    recipient: RecipientClass | None = None
    missing: tuple[str, ...] = ()
    blocks: tuple[ListHit, ...] = ()
    allows: tuple[ListHit, ...] = ()
    windows: tuple[WindowUse, ...] = ()
    signup: SignupUse = NO_SIGNUP
    email_disposable: bool = False
    trust: Trust = NO_TRUST
    flags: tuple[Flag, ...] = ()
    velocity: Velocity = QUIET
    referral: Referral = NO_REFERRAL
    consents: tuple[Consent, ...] = ()
    account_age_days: int | None = None
    has_school: bool = False
    in_household: bool = False
    household_members: int = 0
    household_new: int = 0
    content_kinds: tuple[str, ...] = ()
    content_signals: tuple[str, ...] = ()
    content_unseen: bool = False
    adult_to_child: bool = False
    labels: tuple[str, ...] = ()
    schema: int = SCHEMA


_DEFAULTS = tuple(Facts._field_defaults.get(name, None) for name in Facts._fields)
_NESTED = tuple(
    (name, Facts._field_defaults[name]) for name in ("signup", "trust", "flags", "velocity", "referral", "consents")
)


def facts_to_dict(facts: Facts) -> dict[str, Any]:
    """Plain values for the record, without what equals its default, with the schema's number."""
    plain: dict[str, Any] = to_plain(facts)
    plain["schema"] = facts.schema
    return plain


def facts_for_json(facts: Facts) -> dict[str, Any]:
    """The same as `facts_to_dict` once a JSON encoder has written it, at half the price.

    Rows without defaults stay named tuples and words stay enums: an encoder writes those as lists and text by itself.
    """
    # A word, a number or an empty tuple that equals its default is the default's own object: most are sorted out here.
    plain: dict[str, Any] = {
        name: value
        for name, value, default in zip(Facts._fields, facts, _DEFAULTS, strict=True)
        if value is not default
    }
    for name, default in _NESTED:
        if name in plain:
            if plain[name] == default:
                del plain[name]
            else:
                plain[name] = to_plain(plain[name])
    plain["schema"] = facts.schema
    return plain


def facts_from_dict(plain: Mapping[str, Any]) -> Facts:
    """The facts of a record, equal to those that were written.

    Raises:
        Invalid: The schema is another one, or a field is unknown, missing or of another type.
    """
    if plain.get("schema") != SCHEMA:
        raise Invalid("facts.schema", f"must be {SCHEMA}")
    return from_plain(Facts, plain, "facts")
