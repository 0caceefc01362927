"""Why a decision came out as it did: the codes, their rank, and what each may tell whom.

Codes are stable: hosts branch on them. `docs/reasons.md` lists the same, and a test compares the two.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

__all__ = ["RANK", "REASONS", "Reason", "ReasonText", "UserWords", "ranked"]


class Reason(StrEnum):
    """A reason code, in the order in which several are ranked."""

    USER_BLOCKED = "user_blocked"
    DEVICE_BLOCKED = "device_blocked"
    IP_BLOCKED = "ip_blocked"
    EMAIL_DOMAIN_BLOCKED = "email_domain_blocked"
    RATE_LIMITED = "rate_limited"
    DUPLICATE_SIGNUP = "duplicate_signup"
    DUPLICATE_SHARE = "duplicate_share"
    FRAUD_DETECTED = "fraud_detected"
    FRAUD_SUSPECTED = "fraud_suspected"
    HOUSEHOLD_GREW = "household_grew"
    DEVICE_FLAGGED = "device_flagged"
    NOT_AUTHORIZED_FOR_SUBJECT = "not_authorized_for_subject"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    PARENTAL_CONSENT_REQUIRED = "parental_consent_required"
    AGE_UNKNOWN = "age_unknown"
    FERPA_RESTRICTED = "ferpa_restricted"
    CONTENT_PII = "content_pii"
    OFF_PLATFORM_CONTACT = "off_platform_contact"
    CONTENT_UNSEEN = "content_unseen"
    UNKNOWN_ACTION = "unknown_action"
    DEGRADED = "degraded"


class UserWords(NamedTuple):
    """The same words in each language that there is."""

    en: str
    es: str


@dataclass(frozen=True, slots=True)
class ReasonText:
    """What a reason means.

    Attributes:
        meaning: One line for operators and integrators.
        to_user: Words fit for an end user; they never say by what the user was noticed.
    """

    meaning: str
    to_user: UserWords


_NOT_NOW = UserWords(
    "This is not possible right now. Please contact support if you think this is a mistake.",
    "Esto no es posible en este momento. Escribe a soporte si crees que es un error.",
)
_CHECKING = UserWords(
    "We need to check this first. Please contact support if it takes long.",
    "Primero tenemos que revisarlo. Escribe a soporte si tarda demasiado.",
)
_PARENT = UserWords(
    "A parent or guardian has to agree to this first.",
    "Primero tiene que aceptarlo tu madre, tu padre o quien te tutela.",
)

REASONS: dict[Reason, ReasonText] = {
    Reason.USER_BLOCKED: ReasonText("A live block names this user.", _NOT_NOW),
    Reason.DEVICE_BLOCKED: ReasonText("A live block names this device.", _NOT_NOW),
    Reason.IP_BLOCKED: ReasonText("A live block names this address or a network it lies in.", _NOT_NOW),
    Reason.EMAIL_DOMAIN_BLOCKED: ReasonText("A live block names the e-mail's domain or one above it.", _NOT_NOW),
    Reason.RATE_LIMITED: ReasonText(
        "A moving window of the user, the device or the address is full; `limits` names the longest wait.",
        UserWords(
            "That was a lot in a short time. Please wait a moment and try again.",
            "Han sido muchos intentos en poco tiempo. Espera un momento y vuelve a probar.",
        ),
    ),
    Reason.DUPLICATE_SIGNUP: ReasonText(
        "Others signed up on this device or from this address within 24 hours, beyond the allowance.",
        UserWords(
            "We could not create this account. If you already have one, please sign in.",
            "No hemos podido crear esta cuenta. Si ya tienes una, inicia sesión.",
        ),
    ),
    Reason.DUPLICATE_SHARE: ReasonText(
        "This user has shared as often as is allowed within five minutes.",
        UserWords(
            "You have shared this recently. Please try again in a few minutes.",
            "Lo has compartido hace poco. Vuelve a probar dentro de unos minutos.",
        ),
    ),
    Reason.FRAUD_DETECTED: ReasonText("The score reached the threshold; `contributions` list its parts.", _NOT_NOW),
    Reason.FRAUD_SUSPECTED: ReasonText("The score reached a tier below the threshold.", _CHECKING),
    Reason.HOUSEHOLD_GREW: ReasonText(
        "The verified household has more members, or more new ones, than a family's sign-ups go through with unseen.",
        _CHECKING,
    ),
    Reason.DEVICE_FLAGGED: ReasonText("Reports about the device, after decay and caps, add to the score.", _CHECKING),
    Reason.NOT_AUTHORIZED_FOR_SUBJECT: ReasonText(
        "The data is about somebody with whom the caller has no confirmed relation.",
        UserWords(
            "You do not have access to this.",
            "No tienes acceso a esto.",
        ),
    ),
    Reason.CONSENT_WITHDRAWN: ReasonText("A guardian has withdrawn the consent this needs.", _PARENT),
    Reason.PARENTAL_CONSENT_REQUIRED: ReasonText("No live consent covers the scope in `consent`.", _PARENT),
    Reason.AGE_UNKNOWN: ReasonText(
        "The age of the person concerned is not known, so they are protected like a child.",
        UserWords(
            "Please complete the profile first.",
            "Completa antes el perfil.",
        ),
    ),
    Reason.FERPA_RESTRICTED: ReasonText(
        "An education record of a minor may leave only by a consent that names the record (34 CFR 99.30).",
        _PARENT,
    ),
    Reason.CONTENT_PII: ReasonText(
        "The content holds personal information.",
        UserWords(
            "Please leave personal details out of the text.",
            "Quita del texto los datos personales.",
        ),
    ),
    Reason.OFF_PLATFORM_CONTACT: ReasonText(
        "The content asks a minor for contact outside the platform, for secrecy or for a meeting.",
        _CHECKING,
    ),
    Reason.CONTENT_UNSEEN: ReasonText("The content could not be looked at in time.", _CHECKING),
    Reason.UNKNOWN_ACTION: ReasonText("The catalogue has no such action: its strictest row was applied.", _NOT_NOW),
    Reason.DEGRADED: ReasonText(
        "The decision could not be recorded in time; the action's outage policy answered.",
        UserWords(
            "This is not possible right now. Please try again later.",
            "Esto no es posible en este momento. Vuelve a probar más tarde.",
        ),
    ),
}

RANK: dict[Reason, int] = {reason: rank for rank, reason in enumerate(Reason)}


def ranked(reasons: set[Reason]) -> tuple[Reason, ...]:
    """Reasons by rank: what an operator acts on first stands first."""
    return tuple(sorted(reasons, key=RANK.__getitem__))
