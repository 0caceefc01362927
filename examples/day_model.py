"""What the groups of a made-up day are written with: a clock of the company's day, ids, addresses, and the three lists.

The company sits in New York (five hours behind UTC in November), the file holds the UTC day of Monday, 2026-11-16: its
first hours are Sunday's late evening there. Addresses come from ranges that nobody owns (198.18.0.0/15 for
measurements, 2001:db8::/32 for documentation), ordinary mail domains end in `.example`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random
from typing import Any

DAY_START_MS = int(datetime(2026, 11, 16, tzinfo=UTC).timestamp() * 1000)
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
UTC_AHEAD_H = 5
ADDRESSES_PER_SEED = 4096
SEEDS_APART = 32
"""Seeds that differ by less than this share no address."""

HOME_HOURS = (2, 1, 0.5, 0.3, 0.3, 1, 3, 8, 6, 5, 5, 6, 7, 6, 8, 16, 26, 34, 42, 46, 38, 24, 12, 5)
"""How busy each local hour is for people at home on a school day; a Sunday evening is no different enough."""

MAIL_DOMAINS = ("mail.example", "post.example", "inbox.example", "family.example", "webmail.example")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who acts, with the device in the hand and the address it comes from."""

    user: str
    device: str | None
    address: str | None


@dataclass(frozen=True, slots=True)
class Request:
    """One check request with what is true about it."""

    at_ms: int
    body: dict[str, Any]
    label: str
    expected: str


@dataclass(slots=True)
class Day:
    """A day in the making.

    Attributes:
        requests: in any order; `make_day` sorts them.
        world: API calls that tell what the company knows before the day begins.
    """

    seed: int
    random: Random = field(init=False)
    requests: list[Request] = field(default_factory=list)
    world: list[dict[str, Any]] = field(default_factory=list)
    _users: int = 0
    _devices: int = 0
    _hosts: list[int] = field(init=False)
    _networks6: int = 0

    def __post_init__(self) -> None:
        self.random = Random(f"viral-engine day {self.seed}")
        # The first 256 hosts of the seed's range are kept for networks of known size.
        self._hosts = list(range(256, ADDRESSES_PER_SEED))
        self.random.shuffle(self._hosts)

    def user(self) -> str:
        """A user id that no other seed has."""
        self._users += 1
        return f"s{self.seed}-u{self._users:05d}"

    def device(self) -> str:
        """A device id that no other seed has."""
        self._devices += 1
        return f"s{self.seed}-d{self._devices:05d}"

    def host(self, number: int) -> str:
        """The IPv4 address of that number in the seed's range."""
        value = (198 << 24) + (18 << 16) + (self.seed % SEEDS_APART) * ADDRESSES_PER_SEED + number
        return ".".join(str(value >> shift & 255) for shift in (24, 16, 8, 0))

    def address(self) -> str:
        """A public IPv4 address of its own."""
        return self.host(self._hosts.pop())

    def network6(self) -> str:
        """The first half of an IPv6 /64 of its own."""
        self._networks6 += 1
        return f"2001:db8:{self.seed % 65536:x}:{self._networks6:x}"

    def address6(self, network: str) -> str:
        """A temporary address of one device in an IPv6 network, as systems make them up."""
        return f"{network}:{':'.join(f'{self.random.randrange(4096, 65536):x}' for _ in range(4))}"

    def email(self, user: str, domain: str | None = None) -> str:
        """A mailbox of a user."""
        return f"{user.replace('-', '.')}@{domain or self.random.choice(MAIL_DOMAINS)}"

    def local_ms(self, hour: float) -> int:
        """The instant at which it is that hour in the company's time zone, within the file's day."""
        return DAY_START_MS + int((hour + UTC_AHEAD_H) * HOUR_MS) % DAY_MS

    def moment_ms(self, hours: tuple[float, ...] = HOME_HOURS) -> int:
        """A random instant, as busy as the hours are."""
        hour = self.random.choices(range(24), hours)[0]
        return self.local_ms(hour + self.random.random())

    def pause_ms(self, median_s: float = 35, spread: float = 0.8, least_s: float = 4) -> int:
        """How long a person takes until the next act: log-normal, never faster than `least_s`."""
        return int(1000 * max(least_s, median_s * math.exp(self.random.gauss(0, spread))))

    def ask(self, at_ms: int, person: Person, action: str, label: str, expected: str = "not_deny", **more: Any) -> None:
        """Adds one request; what falls behind the end of the day is left out."""
        if at_ms >= DAY_START_MS + DAY_MS:
            return
        body: dict[str, Any] = {"user_id": person.user, "action_type": action}
        if person.device is not None:
            body["device_id"] = person.device
        if person.address is not None:
            body["ip_address"] = person.address
        self.requests.append(Request(at_ms, body | more, label, expected))

    def visit(self, at_ms: int, person: Person, actions: list[str], label: str, expected: str = "not_deny") -> int:
        """One sitting: the actions one after the other at a person's pace; returns when it ends."""
        for action in actions:
            self.ask(at_ms, person, action, label, expected)
            at_ms += self.pause_ms()
        return at_ms

    def know(self, user: str, persona: str, **fields: Any) -> None:
        """The company knows this user before the day begins."""
        body = {"persona": persona, **fields, "jurisdiction": "us"}
        self.world.append({"method": "PUT", "path": f"/v1/users/{user}", "body": body})

    def signal(self, user: str, signal: str, *, value: bool | str = True) -> None:
        """A fact about the user that another service of the company reported."""
        self.world.append(
            {"method": "POST", "path": f"/v1/users/{user}/signals", "body": {"signal": signal, "value": value}}
        )

    def consent(self, child: str, guardian: str, scope: str, method: str = "payment") -> int:
        """A guardian's consent given before the day begins; returns its place, for `withdraw`."""
        reference = f"{child}-{len(self.world)}"
        evidence = {
            "payment": {"payment_ref": reference, "notice_sent_at": "2025-09-01T15:00:00Z"},
            "signed_form": {"document_ref": reference, "signed_on": "2025-09-01"},
            "email_plus": {"message_ref": reference, "second_step": "2025-09-02", "revocation_notice": True},
        }[method]
        self.world.append(
            {
                "method": "POST",
                "path": f"/v1/users/{child}/consents",
                "body": {
                    "scope": scope,
                    "method": method,
                    "guardian_id": guardian,
                    "evidence": evidence,
                    "policy_version": "1",
                },
            }
        )
        return len(self.world) - 1

    def withdraw(self, place: int) -> None:
        """Takes back the consent at that place of the world; its id is known only once it was answered."""
        path = f"{self.world[place]['path']}/{{consent_id}}"
        self.world.append({"method": "DELETE", "path": path, "after_line": place + 1})
