"""Those who mean harm: referral farms, scripts that hammer an action, lists of stolen passwords being tried."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field

from day_model import HOUR_MS, Day, Person
from day_people import adult

THROW_AWAY = ("mailinator.com", "guerrillamail.com", "yopmail.com", "temp-mail.org")
FRESH = ("quickpost-77.example", "studybox-mail.example", "learnmail-3.example")
DEVICE_NEWCOMERS_PLAIN = 2
ADDRESS_NEWCOMERS_PLAIN = 4
REFERRER_NEWCOMERS_PLAIN = 6
SAME_ACTION_PER_MINUTE_PLAIN = 10
SCRIPT_REQUESTS_PLAIN = 60
STUFFED_ACCOUNTS_PLAIN = 20


@dataclass(slots=True)
class Farm:
    """One operator's accounts, and what of it anybody could have seen by now."""

    day: Day
    operator: str
    domains: tuple[str, ...]
    opened: int = 0
    on_device: Counter[str] = field(default_factory=Counter)
    at_address: Counter[str] = field(default_factory=Counter)

    def expected(self, device: str, address: str) -> str:
        """`deny` once the operation has shown itself; the first requests look like anybody's."""
        shown = (
            self.on_device[device] > DEVICE_NEWCOMERS_PLAIN
            or self.at_address[address] > ADDRESS_NEWCOMERS_PLAIN
            or self.opened > REFERRER_NEWCOMERS_PLAIN
        )
        return "deny" if shown else "either"

    def open_account(self, at_ms: int, device: str, address: str, previous: str | None) -> tuple[str, int]:
        """One account: sign up through the own link, invite the next one, share the link for the reward."""
        day = self.day
        user = day.user()
        referrer = previous if previous is not None and day.random.random() < 0.25 else self.operator
        day.signal(user, "referrer_id", value=referrer)
        if day.random.random() < 0.3:
            day.signal(user, "email_verified")
        self.opened += 1
        self.on_device[device] += 1
        self.at_address[address] += 1
        expected, person = self.expected(device, address), Person(user, device, address)
        mail = day.email(user, day.random.choice(self.domains))
        day.ask(at_ms, person, "signup", "farm", expected, email=mail)
        for action in ("invite", "share"):
            at_ms += day.pause_ms(median_s=30, spread=0.4)
            day.ask(at_ms, person, action, "farm", expected)
        return user, at_ms


def farm(day: Day, accounts: int, devices: int, addresses: int, sittings: tuple[float, ...]) -> None:
    """One operator who opens accounts in sittings; a device is wiped (a new id) when it has served a while."""
    operator = adult(day)
    day.signal(operator, "email_verified")
    places = [day.address() for _ in range(addresses)]
    ids = [day.device() for _ in range(devices)]
    domains = (*day.random.sample(THROW_AWAY, 2), *day.random.sample(FRESH, 2))
    farm_seen = Farm(day, operator, domains)
    previous: str | None = None
    for number, start in enumerate(sittings):
        at_ms = day.local_ms(start)
        address = places[number % addresses]
        share = accounts * (number + 1) // len(sittings) - accounts * number // len(sittings)
        for _ in range(share):
            device = ids[farm_seen.opened * devices // accounts]
            if farm_seen.opened % 8 == 0:
                me = Person(operator, device, address)
                day.ask(at_ms, me, "invite", "farm", farm_seen.expected(device, address))
                at_ms += day.pause_ms(median_s=40)
            previous, at_ms = farm_seen.open_account(at_ms, device, address, previous)
            at_ms += day.pause_ms(median_s=75, spread=0.5, least_s=20)


def one_account_script(day: Day, action: str, requests: int, per_second: float, hour: float) -> None:
    """One account whose owner found the request in the browser's tools and put it into a loop."""
    person = Person(adult(day), day.device(), day.address())
    at_ms = day.local_ms(hour)
    for number in range(requests):
        expected = "deny" if number >= SAME_ACTION_PER_MINUTE_PLAIN else "either"
        day.ask(at_ms, person, action, "burst", expected)
        at_ms += int(1000 / per_second * day.random.uniform(0.5, 1.5))


def many_accounts_script(day: Day, action: str, *, accounts: int, rounds: int, per_second: float, hour: float) -> None:
    """A bought list of accounts driven in turn from one rented server, which has no device to show."""
    address = day.address()
    people = [Person(adult(day), None, address) for _ in range(accounts)]
    at_ms = day.local_ms(hour)
    for number in range(accounts * rounds):
        expected = "deny" if number >= SCRIPT_REQUESTS_PLAIN else "either"
        day.ask(at_ms, people[number % accounts], action, "burst", expected)
        at_ms += int(1000 / per_second * day.random.uniform(0.5, 1.5))


def stuffing(day: Day, addresses: int, attempts: int, hour: float) -> None:
    """Stolen passwords tried one account after the other; a third of the names are really users here."""
    known = [call["path"].rpartition("/")[2] for call in day.world if call["method"] == "PUT"]
    for number in range(addresses):
        address = day.address()
        at_ms = day.local_ms(hour) + number * HOUR_MS // 12
        recent: deque[int] = deque()
        for _ in range(attempts):
            user = day.random.choice(known) if day.random.random() < 0.33 else day.user()
            recent.append(at_ms)
            while at_ms - recent[0] > 60_000:
                recent.popleft()
            expected = "deny" if len(recent) > STUFFED_ACCOUNTS_PLAIN else "either"
            day.ask(at_ms, Person(user, None, address), "login", "stuffing", expected)
            at_ms += day.random.randint(300, 1_300)
