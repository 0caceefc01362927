"""What trust_safety knows of users: profiles in memory, the least recently used one out first."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from viral_engine.domain.ages import AgeBand, band_from_birth_date, band_from_statement
from viral_engine.domain.consent import Consent, ConsentMethod
from viral_engine.domain.errors import Invalid
from viral_engine.domain.facts import NO_TRUST, Trust
from viral_engine.messages.people import ATTESTED

if TYPE_CHECKING:
    from viral_engine.messages.reading import ConsentView, ProfileRow

_NUMBER = re.compile(r"\d{1,9}")


@dataclass(slots=True, frozen=True, kw_only=True)
class Profile:
    """A user, reduced to what decides, with the parts of `Facts` that stay the same built once."""

    user_id: str
    persona: str | None = None
    born_on: date | None = None
    stated_band: AgeBand | None = None
    stated_on: date | None = None
    attested_adult: bool = False
    guardians: frozenset[str] = frozenset()
    tutors: frozenset[str] = frozenset()
    household: frozenset[str] = frozenset()
    household_size: int = 0
    household_joined_ms: tuple[int, ...] = ()
    school_id: str | None = None
    jurisdiction: str = ""
    email_domain: str | None = None
    referrer: str | None = None
    created_ms: int | None = None
    trust: Trust = NO_TRUST
    consents: tuple[Consent, ...] = ()

    def band(self, now_ms: int, *, for_own_act: bool) -> AgeBand:
        """Tells the age band on the day of `now_ms`.

        Args:
            now_ms: milliseconds since 1970.
            for_own_act: whether the user acts for themselves: an adulthood that the company attests counts for a
                tutor's or parent's own acts only.
        """
        if self.born_on is None and (self.stated_band is None or self.stated_on is None):
            return AgeBand.ADULT if self.attested_adult and for_own_act else AgeBand.UNKNOWN
        today = datetime.fromtimestamp(now_ms / 1_000, UTC).date()
        if self.born_on is not None:
            try:
                return band_from_birth_date(self.born_on, today)
            except Invalid:
                # Imported events may lie before the birth as recorded: nothing is certain then.
                return AgeBand.UNKNOWN
        assert self.stated_band is not None
        assert self.stated_on is not None
        return band_from_statement(self.stated_band, self.stated_on, today)


def unknown_user(user_id: str) -> Profile:
    """Returns the profile of somebody the engine never heard of: a fact, not an error."""
    return Profile(user_id=user_id)


def profile_of(row: ProfileRow) -> Profile:
    """Builds a profile from a stored row."""
    signals = {name: value for name, (value, _first_ms) in row.signals.items()}
    trust = Trust(
        email_verified=signals.get("email_verified") is True,
        phone_verified=signals.get("phone_verified") is True,
        payment_verified=signals.get("payment_verified") is True,
    )
    guardians = frozenset(row.guardian_ids)
    return Profile(
        user_id=row.user_id,
        persona=row.persona,
        born_on=date.fromisoformat(row.date_of_birth) if row.date_of_birth else None,
        stated_band=AgeBand(row.age_band) if row.age_band else None,
        stated_on=date.fromisoformat(row.stated_on) if row.stated_on else None,
        # A row of before this was refused may say it of a student.
        attested_adult=row.adulthood_attested and row.persona in ATTESTED,
        guardians=guardians,
        tutors=frozenset(row.tutor_ids),
        household=frozenset(row.household_members),
        household_size=row.household_size,
        household_joined_ms=tuple(row.household_joined_ms),
        school_id=row.school_id,
        jurisdiction=(row.jurisdiction or "").lower(),
        email_domain=row.email_domain,
        referrer=row.referrer_id,
        created_ms=row.created_ms,
        trust=trust if trust != NO_TRUST else NO_TRUST,
        consents=tuple(
            consent_of(view) if _counts(view, guardians) else _void(consent_of(view))
            for view in row.consents
            if _counts(view, guardians) or view.withdrawn_at is not None
        ),
    )


def _counts(view: ConsentView, guardians: frozenset[str]) -> bool:
    """Whether who gave a consent is a guardian, and was of age then as far as is known."""
    return view.guardian_id in guardians and not view.by_minor


def _void(consent: Consent) -> Consent:
    """Returns a consent that gave nothing, and is withdrawn all the same.

    Leaving a name out of the list must not bring back what that guardian has stopped.
    """
    return replace(consent, expires_ms=consent.granted_ms)


def consent_of(view: ConsentView) -> Consent:
    """Reduces a stored consent to what decides."""
    return Consent(
        id=view.consent_id,
        scope=view.scope,
        method=ConsentMethod(view.method),
        guardian=view.guardian_id,
        granted_ms=_ms(view.granted_at),
        policy_version=version_number(view.policy_version),
        expires_ms=None if view.expires_at is None else _ms(view.expires_at),
        withdrawn_ms=None if view.withdrawn_at is None else _ms(view.withdrawn_at),
    )


def version_number(text: str) -> int:
    """Returns the first number in a version's name, by which versions are compared; 0 where there is none."""
    found = _NUMBER.search(text)
    return int(found.group()) if found else 0


def _ms(instant: datetime) -> int:
    return round(instant.timestamp() * 1_000)


class Profiles:
    """Profiles by user id.

    Args:
        users_max: how many are held; one more pushes out the one that was used least recently.
    """

    def __init__(self, users_max: int) -> None:
        self._users_max = users_max
        self._profiles: dict[str, Profile] = {}

    def __len__(self) -> int:
        return len(self._profiles)

    def get(self, user_id: str) -> Profile | None:
        """Returns the profile if it is in memory."""
        profile = self._profiles.get(user_id)
        if profile is not None and len(self._profiles) * 4 > self._users_max * 3:
            # The order only matters near the bound; moving an entry costs two hash operations.
            del self._profiles[user_id]
            self._profiles[user_id] = profile
        return profile

    def put(self, profile: Profile) -> None:
        """Keeps a profile."""
        self._profiles.pop(profile.user_id, None)
        self._profiles[profile.user_id] = profile
        if len(self._profiles) > self._users_max:
            del self._profiles[next(iter(self._profiles))]

    def drop(self, user_id: str) -> frozenset[str]:
        """Forgets one user, and everybody of their household: what made them one may have changed; returns whom."""
        profile = self._profiles.get(user_id)
        concerned = {user_id} if profile is None else {user_id, *profile.household, *profile.guardians}
        for member in concerned:
            self._profiles.pop(member, None)
        return frozenset(concerned)

    def clear(self) -> None:
        """Forgets everybody."""
        self._profiles.clear()
