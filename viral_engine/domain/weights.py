"""The numbers of the fraud score, as data, with the arithmetic that chose them.

Thousandths of a point; 7,000 is the threshold. What the numbers have to tell apart:

* A family of five on one device and one address shows each member at most 4 other users, 4 other signups, and, if the
  parent referred them, `same_household` and 4 referees that share. So every such ramp is free up to 4, and what is
  left, `same_household` 2,000, is `allow_flagged`. Even wrongly held for one person and in a circle the family stays
  at 4,000 + 2,500, under the threshold.
* A farm on one device: the sixth account brings 2,500, the eighth 7,500. On one address and one referrer: with 8
  referees sharing 4 x 1,500, velocity 3 x 700 and household 2,000 pass 7,500. A verified e-mail each (-500) leaves
  7,000, still denied. Signups themselves end sooner, by the duplicate rule.
* A script that runs many accounts from one address without a device in common: users of the last minute beyond 10 cap
  at 5,000 (a carrier's or a dormitory's shared address reaches that, a challenge at worst); what a script also does
  and a crowd does not is to run into limits: refusals from the address bring the other 2,500.
* A school behind an allow-listed address: every rule of what is shared is lifted; a pupil's own refusals cap at 3,000.
* One reporter caps at 3,000, all reports together at 6,000: it takes several, and something else besides.
* Nothing known at all (no device, no address) is 1,000 and is allowed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from viral_engine.domain.facts import FlagSeverity, ListKind
from viral_engine.domain.outcome import Outcome

__all__ = ["WEIGHTS", "WEIGHTS_TO_3", "WEIGHTS_TO_5", "FlagWeights", "Ramp", "Tier", "Weights"]


@dataclass(frozen=True, slots=True)
class Ramp:
    """A weight per unit beyond `free` units, capped.

    Attributes:
        each: Thousandths per unit.
        why: What one reads in a decision; `{n}` is the count.
        free: Units that weigh nothing.
        cap: Most that the rule adds.
        lifted_by: Kinds of the allow-list that lift the rule: it counts what users of such a thing share.
        version: Grows when the rule's numbers do; what lifts it is none.
    """

    each: int
    why: str
    free: int = 0
    cap: int = 10_000
    lifted_by: tuple[ListKind, ...] = ()
    version: int = 1


@dataclass(frozen=True, slots=True)
class FlagWeights:
    """Reports: weight by severity, gone after `decay_days` in a straight line, capped per source and in all."""

    severities: Mapping[FlagSeverity, int]
    decay_days: int = 90
    source_cap: int = 3_000
    cap: int = 6_000
    version: int = 1


@dataclass(frozen=True, slots=True)
class Tier:
    """The outcome from this score on."""

    score: int
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Weights:
    """All numbers of the score.

    Attributes:
        velocity: Ramps over the fields of `Velocity`, by field name.
        referral: Ramps over the fields of `Referral`, a flag being 1; a self-referral is not counted as household too.
        referral_cap: Most that all referral rules add.
        missing: Weight of an absent request field, by field name.
        trust: What a proof takes off, by field name of `Trust`; positive numbers.
        trust_cap: Most that proofs take off; never below a score of 0.
        tiers: Ascending; below the first the outcome is allow.
    """

    velocity: Mapping[str, Ramp]
    referral: Mapping[str, Ramp]
    referral_cap: int
    missing: Mapping[str, int]
    trust: Mapping[str, int]
    trust_cap: int
    flags: FlagWeights
    email_disposable: Ramp
    unknown_action: Ramp
    signups_unknown: Ramp
    tiers: tuple[Tier, ...]


# Machines of a school's lab are shared too, so its network lifts what their users have in common.
_BY_USER = (ListKind.USER,)
# Whoever vouches for a domain vouches for what its boxes have in common.
_BY_DOMAIN = (ListKind.USER, ListKind.EMAIL_DOMAIN)
_BY_ADDRESS = (ListKind.USER, ListKind.IP, ListKind.NETWORK)
_BY_DEVICE = (*_BY_ADDRESS, ListKind.DEVICE)

WEIGHTS = Weights(
    velocity={
        "user_refusals": Ramp(300, "{n} attempts of the user ran into a limit in 10 minutes", 0, 3_000, _BY_USER),
        "device_refusals": Ramp(200, "{n} attempts on the device were refused in 10 minutes", 4, 3_000, _BY_DEVICE),
        "address_refusals": Ramp(
            100, "{n} attempts from the address were refused in 10 minutes", 10, 2_500, _BY_ADDRESS
        ),
        "device_users": Ramp(2_500, "{n} other users on the device in a day", 4, 7_500, _BY_DEVICE),
        "address_users": Ramp(250, "{n} other users from the address in a minute", 10, 5_000, _BY_ADDRESS),
        "address_signups": Ramp(1_000, "{n} others tried to sign up from the address in a day", 4, 4_000, _BY_ADDRESS),
        # A club or a school may have a domain of its own; a farm has one too.
        "domain_signups": Ramp(
            250, "{n} others tried to sign up with the e-mail's domain in a day", 9, 2_500, _BY_DOMAIN
        ),
        "phone_users": Ramp(1_500, "{n} other users named the phone number in a day", 1, 4_500, _BY_USER),
    },
    referral={
        "self_referral": Ramp(4_000, "the referrer is the same person"),
        "same_household": Ramp(2_000, "the referrer shares the device or the address", lifted_by=_BY_ADDRESS),
        "circle": Ramp(2_500, "the referrals lead back to the user"),
        "referees": Ramp(700, "the referrer brought {n} others in a day", 5, 5_000),
        "referees_sharing": Ramp(
            1_500, "{n} of the referrer's others share a device or address", 4, 6_000, _BY_ADDRESS
        ),
    },
    referral_cap=7_500,
    missing={"device_id": 500, "ip_address": 500},
    trust={"email_verified": 500, "phone_verified": 1_000, "payment_verified": 1_500},
    trust_cap=2_500,
    flags=FlagWeights(
        {
            FlagSeverity.LOW: 500,
            FlagSeverity.MEDIUM: 1_500,
            FlagSeverity.HIGH: 3_000,
            FlagSeverity.CRITICAL: 4_500,
        }
    ),
    email_disposable=Ramp(
        2_500, "the e-mail's domain hands out throw-away mailboxes", lifted_by=(ListKind.EMAIL_DOMAIN,)
    ),
    unknown_action=Ramp(1_000, "the catalogue has no such action"),
    signups_unknown=Ramp(1_500, "the book of signups was full"),
    # One honest oddity is 2,000 at most and is only noted; two make a person prove something; a human looks before
    # the threshold refuses.
    tiers=(
        Tier(2_000, Outcome.ALLOW_FLAGGED),
        Tier(4_000, Outcome.CHALLENGE),
        Tier(5_500, Outcome.REVIEW),
        Tier(7_000, Outcome.DENY),
    ),
)

WEIGHTS_TO_5 = replace(
    WEIGHTS,
    velocity={
        name: replace(ramp, lifted_by=_BY_USER) if name == "domain_signups" else ramp
        for name, ramp in WEIGHTS.velocity.items()
    },
    email_disposable=replace(WEIGHTS.email_disposable, lifted_by=()),
)
"""Those of the shipped policy's first five versions, in which an allow of a domain lifts nothing."""

# Silenced, and as a file says it that silences them.
_SINCE_4 = frozenset({"domain_signups", "phone_users"})
WEIGHTS_TO_3 = replace(
    WEIGHTS_TO_5,
    velocity={
        name: replace(ramp, each=0, version=2) if name in _SINCE_4 else ramp
        for name, ramp in WEIGHTS_TO_5.velocity.items()
    },
)
"""Those of the shipped policy's first three versions."""
