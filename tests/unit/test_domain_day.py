"""A made-up day put through the books and `evaluate` the way the actor does it: who is caught and who is left alone."""

from dataclasses import dataclass, field
from random import Random

import pytest

from viral_engine.domain.decision import Decision
from viral_engine.domain.distinct import DistinctUsers
from viral_engine.domain.duplicates import DAY_MS, SignupBook
from viral_engine.domain.evaluate import evaluate
from viral_engine.domain.facts import Facts, ListHit, ListKind, Referral, Velocity, WindowUse
from viral_engine.domain.outcome import Outcome
from viral_engine.domain.policy import DEFAULT_POLICY
from viral_engine.domain.windows import MovingWindows

MINUTE_MS = 60_000
REFUSED = {Outcome.DENY}


@dataclass
class Day:
    """The memory of one day, gathered and committed in the simplest way."""

    windows: dict[str, MovingWindows] = field(default_factory=dict)
    book: SignupBook = field(default_factory=lambda: SignupBook(10_000))
    device_users: DistinctUsers = field(default_factory=lambda: DistinctUsers(DAY_MS, 10_000))
    address_users: DistinctUsers = field(default_factory=lambda: DistinctUsers(MINUTE_MS, 10_000))
    address_signups: DistinctUsers = field(default_factory=lambda: DistinctUsers(DAY_MS, 10_000))
    refusals: MovingWindows = field(default_factory=lambda: MovingWindows(10 * MINUTE_MS, 10_000))
    referees: DistinctUsers = field(default_factory=lambda: DistinctUsers(DAY_MS, 10_000))

    def attempt(
        self,
        action: str,
        user: str,
        device: str,
        address: str,
        now_ms: int,
        *,
        referrer: str | None = None,
        allows: tuple[ListHit, ...] = (),
        household: frozenset[str] = frozenset(),
    ) -> Decision:
        keys = {"user_action": f"{user}/{action}", "user": user, "device": device, "address": address}
        limits = DEFAULT_POLICY.action(action).limits
        uses = []
        for limit in limits:
            table = self.windows.setdefault(limit.window, MovingWindows(limit.window_ms, 10_000))
            usage = table.test(keys[limit.key], limit.places, now_ms)
            uses.append(WindowUse(limit.window, usage.used, usage.reset_ms))
        brought = self.referees.others(f"{referrer}", user, now_ms, household) if referrer else 0
        decision = evaluate(
            DEFAULT_POLICY,
            Facts(
                action=action,
                now_ms=now_ms,
                windows=tuple(uses),
                allows=allows,
                signup=self.book.look(user, device, address, now_ms, household),
                velocity=Velocity(
                    user_refusals=self.refusals.test(f"u{user}", 99, now_ms).used,
                    device_refusals=self.refusals.test(f"d{device}", 99, now_ms).used,
                    address_refusals=self.refusals.test(f"a{address}", 99, now_ms).used,
                    device_users=self.device_users.others(device, user, now_ms, household),
                    address_users=self.address_users.others(address, user, now_ms, household),
                    address_signups=self.address_signups.others(address, user, now_ms, household),
                ),
                referral=Referral(same_household=referrer is not None, referees=brought, referees_sharing=brought),
            ),
        )
        for limit in limits:
            if limit.window in decision.places_taken:
                self.windows[limit.window].take(keys[limit.key], now_ms)
        if decision.books_signup:
            self.book.book(user, device, address, now_ms)
        if decision.outcome is Outcome.DENY:
            for key in (f"u{user}", f"d{device}", f"a{address}"):
                self.refusals.take(key, now_ms)
        self.device_users.add(device, user, now_ms)
        self.address_users.add(address, user, now_ms)
        if action == "signup":
            self.address_signups.add(address, user, now_ms)
        if referrer:
            self.referees.add(referrer, user, now_ms)
        return decision


@pytest.mark.parametrize("gap_ms", [1, 90_000])
def test_families_are_never_denied_with_a_verified_household_or_with_accounts_from_another_day(gap_ms: int) -> None:
    random, day, now_ms = Random(7), Day(), 1_000_000  # noqa: S311 - a repeatable day, no secret
    for family in range(100):
        members = [f"family{family}.{number}" for number in range(random.randint(2, 5))]
        verified = frozenset(members) if family % 2 else frozenset()
        if verified:
            for member in members:
                now_ms += gap_ms
                found = day.attempt("signup", member, f"d{family}", f"a{family}", now_ms, household=verified)
                assert found.outcome is Outcome.ALLOW
        for action in ("login", "general", "invite", "share"):
            for member in members:
                now_ms += gap_ms
                referrer = members[0] if member != members[0] else None
                found = day.attempt(
                    action, member, f"d{family}", f"a{family}", now_ms, referrer=referrer, household=verified
                )
                assert found.outcome is not Outcome.DENY, found


def test_no_pupil_behind_an_allowed_address_is_denied() -> None:
    day, school, now_ms = Day(), (ListHit(ListKind.NETWORK, "school"),), 1_000_000
    for action in ("signup", "login", "general", "share", "invite"):
        for pupil in range(300):
            now_ms += 20
            device = f"lab{pupil % 30}"
            found = day.attempt(action, f"p{pupil}", device, "school", now_ms, referrer="p0", allows=school)
            assert found.outcome in {Outcome.ALLOW, Outcome.ALLOW_FLAGGED, Outcome.CHALLENGE}, found


@pytest.mark.parametrize("one_device", [True, False])
def test_nine_tenths_of_a_referral_farms_attempts_are_denied(one_device: bool) -> None:  # noqa: FBT001 - both cases
    day, now_ms, denied, attempts = Day(), 1_000_000, 0, 0
    for account in range(60):
        for action in ("signup", "login", "share"):
            now_ms += 3_000
            device = "farm" if one_device else f"farm{account}"
            found = day.attempt(action, f"f{account}", device, "farm", now_ms, referrer="boss")
            attempts += 1
            denied += found.outcome in REFUSED
    assert denied / attempts >= 0.9


def test_nine_tenths_of_one_accounts_scripted_burst_are_denied() -> None:
    day = Day()
    found = [day.attempt("invite", "bot", "d", "a", 1_000_000 + 50 * number).outcome for number in range(200)]
    assert sum(outcome in REFUSED for outcome in found) / len(found) >= 0.9


def test_nine_tenths_of_a_burst_over_many_accounts_of_one_device_are_denied() -> None:
    day = Day()
    found = [
        day.attempt("invite", f"bot{number % 50}", "d", "a", 1_000_000 + 50 * number).outcome for number in range(500)
    ]
    assert sum(outcome in REFUSED for outcome in found) / len(found) >= 0.9
