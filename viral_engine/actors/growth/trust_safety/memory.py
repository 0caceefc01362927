"""What trust_safety holds of the recent past: windows, books and counters of one timeline.

There are two timelines: what happens now, and what is imported with a past time. They never mix, so that a replay of
last week neither frees nor refuses anybody today.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from viral_engine.domain.canonical import address_group
from viral_engine.domain.distinct import DistinctUsers
from viral_engine.domain.duplicates import DAY_MS, SignupBook, SignupUse
from viral_engine.domain.facts import NO_REFERRAL, QUIET, Referral, Velocity, WindowUse
from viral_engine.domain.limits import WindowKey
from viral_engine.domain.mail_providers import PUBLIC_PROVIDERS
from viral_engine.domain.reasons import Reason
from viral_engine.domain.referrals import ReferralBook
from viral_engine.domain.windows import ANY_GROUP, MovingWindows

if TYPE_CHECKING:
    from collections.abc import Iterable

    from viral_engine.actors.growth.trust_safety.profiles import Profile, Profiles
    from viral_engine.config import TrustSafety
    from viral_engine.domain.actions import Action
    from viral_engine.domain.decision import Decision
    from viral_engine.domain.limits import Limit
    from viral_engine.messages.checks import CheckAction

    KeyedWindow = tuple[Limit, MovingWindows, str]
    """A limit of an action, its table, and the key under which a request is counted there."""

REFUSALS_WINDOW_MS = 600_000
REFUSALS_COUNTED_MAX = 64
CROWD_WINDOW_MS = 60_000
PRESENCE_STEP_MS = 5_000
"""Somebody seen at the same place again so soon is not noted again: counts of a minute lose 5 s of sharpness."""

PRESENCES_NOTED_MAX = 100_000
CIRCLE_HOPS_MAX = 8
CLEAN_UP_BUDGET = 20_000
"""Rows that one clean-up may drop from each structure: some milliseconds of the loop."""

_USER_ACTION, _DEVICE, _ADDRESS = WindowKey.USER_ACTION, WindowKey.DEVICE, WindowKey.ADDRESS
_new = tuple.__new__
_LIMIT_REASONS = frozenset({Reason.RATE_LIMITED, Reason.DUPLICATE_SHARE, Reason.DUPLICATE_SIGNUP})


class Timeline:
    """The recent past as the checks see it; all times are milliseconds that never run backwards."""

    def __init__(self, settings: TrustSafety) -> None:
        self.last_ms = 0
        self._keys_max = settings.window_keys_max
        self._windows: dict[str, MovingWindows] = {}
        self._signups = SignupBook(settings.signups_max)
        self._referrals = ReferralBook(settings.signups_max)
        self._user_refusals = self._refusals()
        self._device_refusals = self._refusals()
        self._address_refusals = self._refusals()
        self._device_users = DistinctUsers(DAY_MS, self._keys_max)
        self._address_users = DistinctUsers(CROWD_WINDOW_MS, self._keys_max)
        self._address_people = DistinctUsers(DAY_MS, self._keys_max)
        self._address_signups = DistinctUsers(DAY_MS, self._keys_max)
        self._domain_signups = DistinctUsers(DAY_MS, self._keys_max)
        self._phone_users = DistinctUsers(DAY_MS, self._keys_max)
        self._noted: dict[str, tuple[str | None, str | None, int]] = {}

    def sizes(self) -> dict[str, int]:
        """Returns how much is held, for operators."""
        return {
            **{f"window_{name}": len(window) for name, window in self._windows.items()},
            "device_users": len(self._device_users),
            "address_users": len(self._address_users),
            "referrers": len(self._referrals),
        }

    def advance(self, now_ms: int) -> int:
        """Moves time on and returns it: the latest instant ever seen."""
        self.last_ms = max(self.last_ms, now_ms)
        return self.last_ms

    def adopt(self, limits: Iterable[Limit]) -> None:
        """Gives windows the lengths of another policy; what is counted in them stays counted."""
        for limit in limits:
            window = self._windows.get(limit.window)
            if window is not None and window.window_ms != limit.window_ms:
                self._windows[limit.window] = window.respanned(limit.window_ms)

    def keyed(self, action: Action, request: CheckAction, group: str | None) -> list[KeyedWindow]:
        """Returns the limits of the action that have a key in this request."""
        found = []
        for limit in action.limits:
            kind = limit.key
            if kind is _USER_ACTION:
                # No canonical id holds a control character, so no two pairs share a key.
                key: str | None = f"{request.user_id}\0{request.action_type}"
            elif kind is _DEVICE:
                key = request.device_id
            else:
                key = group if kind is _ADDRESS else request.user_id
            if key is not None:
                window = self._windows.get(limit.window)
                found.append((limit, self._new_window(limit) if window is None else window, key))
        return found

    @staticmethod
    def look(keyed: list[KeyedWindow], group: str | None, now_ms: int) -> tuple[WindowUse, ...]:
        """Looks at windows; takes no place in them."""
        coarse = group or ANY_GROUP
        uses = []
        for limit, window, key in keyed:
            used, reset_ms = window.look(key, limit.places, now_ms, coarse)
            # A named tuple without the frame of its constructor.
            uses.append(_new(WindowUse, (limit.window, used, reset_ms)))
        return tuple(uses)

    def signup(self, request: CheckAction, group: str | None, profile: Profile, now_ms: int) -> SignupUse:
        """Looks into the book of signups."""
        return self._signups.look(request.user_id, request.device_id, group, now_ms, profile.household)

    def velocity(
        self, request: CheckAction, group: str | None, domain: str | None, profile: Profile, now_ms: int
    ) -> Velocity:
        """Counts what went on around the user, the device, the address, the e-mail's domain and the phone."""
        user, device, household = request.user_id, request.device_id, profile.household
        user_refusals = self._user_refusals.used(user, now_ms)
        device_refusals = device_users = address_refusals = address_users = address_signups = 0
        if device is not None:
            device_refusals = self._device_refusals.used(device, now_ms)
            device_users = self._device_users.others(device, user, now_ms, household)
        if group is not None:
            address_refusals = self._address_refusals.used(group, now_ms)
            address_users = self._address_users.others(group, user, now_ms, household)
            address_signups = self._address_signups.others(group, user, now_ms, household)
        counts = (
            user_refusals,
            device_refusals,
            address_refusals,
            device_users,
            address_users,
            address_signups,
            0 if domain is None else self._domain_signups.others(domain, user, now_ms, household),
            0 if request.phone is None else self._phone_users.others(request.phone, user, now_ms, household),
        )
        return Velocity(*counts) if any(counts) else QUIET

    def referral(
        self, request: CheckAction, group: str | None, profile: Profile, profiles: Profiles, now_ms: int
    ) -> Referral:
        """Tells how the user stands to whoever referred them."""
        referrer = profile.referrer
        if referrer is None:
            return NO_REFERRAL
        user, device = request.user_id, request.device_id
        use = self._referrals.look(referrer, user, device, group, now_ms)
        seen_here = (device is not None and _saw(self._device_users, device, referrer, now_ms)) or (
            group is not None and _saw(self._address_people, group, referrer, now_ms)
        )
        return Referral(
            self_referral=referrer == user,
            same_household=seen_here and referrer not in profile.household,
            circle=_leads_back(user, referrer, profiles),
            referees=use.referees,
            referees_sharing=use.sharing,
        )

    def commit(
        self,
        request: CheckAction,
        group: str | None,
        domain: str | None,
        profile: Profile,
        keyed: list[KeyedWindow],
        decision: Decision,
        now_ms: int,
        *,
        signup: bool,
    ) -> None:
        """Counts the attempt: at once, and not given back when its record fails."""
        taken, coarse = decision.places_taken, group or ANY_GROUP
        for limit, window, key in keyed:
            if limit.window in taken:
                window.take(key, now_ms, coarse)
        self._note_presence(request.user_id, request.device_id, group, now_ms)
        if request.phone is not None:
            self._phone_users.add(request.phone, request.user_id, now_ms)
        if decision.reasons and not _LIMIT_REASONS.isdisjoint(decision.reasons):
            self._note_refusal(request.user_id, request.device_id, group, now_ms)
        if signup:
            if group is not None:
                self._address_signups.add(group, request.user_id, now_ms)
            if decision.books_signup:
                self._signups.book(request.user_id, request.device_id, group, now_ms)
            if domain is not None and domain not in PUBLIC_PROVIDERS:
                self._domain_signups.add(domain, request.user_id, now_ms)
            if profile.referrer is not None:
                self._referrals.book(profile.referrer, request.user_id, request.device_id, group, now_ms)

    def restore_attempt(
        self,
        action: Action,
        request: CheckAction,
        reasons: Iterable[str],
        at_ms: int,
        *,
        counted: bool,
    ) -> None:
        """Counts a recorded attempt again after a start; given in order of time.

        An attempt that one limit refused and another counted is counted in both: a window may then close later than
        it did, never earlier.
        """
        group = None if request.ip_address is None else address_group(request.ip_address)
        self.advance(at_ms)
        if counted:
            for _limit, window, key in self.keyed(action, request, group):
                window.restore(key, at_ms, group or ANY_GROUP)
        self._note_presence(request.user_id, request.device_id, group, at_ms)
        if not _LIMIT_REASONS.isdisjoint(reasons):
            self._note_refusal(request.user_id, request.device_id, group, at_ms)
        if action.signup and group is not None:
            self._address_signups.add(group, request.user_id, at_ms)

    def restore_signup(
        self, user: str, device: str | None, ip: str | None, at_ms: int, referrer: str | None = None
    ) -> None:
        """Books a recorded signup again after a start."""
        group = None if ip is None else address_group(ip)
        self.advance(at_ms)
        self._signups.book(user, device, group, at_ms)
        if group is not None:
            self._address_signups.add(group, user, at_ms)
            self._address_people.add(group, user, at_ms)
        if device is not None:
            self._device_users.add(device, user, at_ms)
        if referrer is not None:
            self._referrals.book(referrer, user, device, group, at_ms)

    def clean_up(self, now_ms: int) -> int:
        """Drops what has expired, a bounded amount at a time; returns how many rows."""
        dropped = sum(window.expire(now_ms, CLEAN_UP_BUDGET) for window in self._windows.values())
        for table in (
            self._user_refusals,
            self._device_refusals,
            self._address_refusals,
            self._device_users,
            self._address_users,
            self._address_people,
            self._address_signups,
            self._domain_signups,
            self._phone_users,
            self._signups,
            self._referrals,
        ):
            dropped += table.expire(now_ms, CLEAN_UP_BUDGET)
        return dropped

    def _refusals(self) -> MovingWindows:
        return MovingWindows(REFUSALS_WINDOW_MS, self._keys_max, REFUSALS_COUNTED_MAX)

    def _new_window(self, limit: Limit) -> MovingWindows:
        window = self._windows[limit.window] = MovingWindows(limit.window_ms, self._keys_max)
        return window

    def _note_presence(self, user: str, device: str | None, group: str | None, now_ms: int) -> None:
        noted = self._noted.get(user)
        if noted is not None and noted[0] == device and noted[1] == group and now_ms - noted[2] < PRESENCE_STEP_MS:
            return
        if len(self._noted) >= PRESENCES_NOTED_MAX:
            self._noted.clear()
        self._noted[user] = (device, group, now_ms)
        if device is not None:
            self._device_users.add(device, user, now_ms)
        if group is not None:
            self._address_users.add(group, user, now_ms)
            self._address_people.add(group, user, now_ms)

    def _note_refusal(self, user: str, device: str | None, group: str | None, now_ms: int) -> None:
        self._user_refusals.take(user, now_ms)
        if device is not None:
            self._device_refusals.take(device, now_ms)
        if group is not None:
            self._address_refusals.take(group, now_ms)


def _saw(table: DistinctUsers, key: str, user: str, now_ms: int) -> bool:
    """Tells whether one user was seen at a key: nobody is called by the empty name."""
    return table.others(key, "", now_ms) > table.others(key, "", now_ms, (user,))


def _leads_back(user: str, referrer: str, profiles: Profiles) -> bool:
    """Follows the referrers that are in memory, a few hops far."""
    for _ in range(CIRCLE_HOPS_MAX):
        profile = profiles.get(referrer)
        if profile is None or profile.referrer is None:
            return False
        if profile.referrer == user:
            return True
        referrer = profile.referrer
    return False
