"""Writes a believable day of a tutoring company: what was asked, what the company knew, and what was true.

    python examples/make_day.py --seed 1 --out-dir examples

`day.jsonl` holds exactly 10,000 bodies of `POST /v1/actions/check` in order of time, `day.world.jsonl` the API calls by
which the company tells what it knew before, `day.labels.jsonl` what each line really is, which no daemon ever sees.
The same seed writes the same bytes; ids, devices and addresses of seeds up to 31 apart are disjoint, so that several
days can be replayed into one daemon.

The day is history: it is what happened at a company that refused nobody. So a farm's account whose signup would have
been refused goes on to invite, and a script does not slow down when it should have been stopped.

Who is in it, and what an honest judge may ask for: `expected` is `deny`, `not_deny`, or `either` where nobody can know.

* ordinary, tutor: adults at home, a few requests in the evening (tutors: from school's end), at a person's pace. Some
  sign up, some came through a friend's link, one parent brings seven others in a day. Never to be denied.
* family: two to five people at one address who share devices. Parents look at their own child's recap. Some open the
  accounts of two or three siblings in one evening on one tablet, after the parent has paid and consented, for without
  consent a child's account must not be opened at all. Some homes sign up twice in an evening with nothing proved, each
  on their own phone. Never to be denied.
* family_unproven: the same, both on one laptop and with nothing proved: in two requests nobody can tell them from a
  farm's first two accounts. They are honest, so they stand as `not_deny` with a label of their own: a price to be seen.
* school: 300 pupils behind one public address and an IPv6 network, both on the allow-list; laptops from carts that go
  round; logins within minutes after a bell; two classes sign up in their first lesson. Never to be denied. Whoever is
  under 13 there sends no content, because nobody consented to it.
* carrier: strangers whom a mobile network puts behind six addresses, 45 behind each. Never to be denied.
* minor_with_consent: does what a guardian agreed to by a method that suffices. minor_without_consent,
  minor_consent_withdrawn and age_unknown: do what needs such a consent; to be denied. An answered e-mail carries the
  service but no disclosure, so the same child may stand in both.
* not_own_child: an adult asks for the recap of somebody else's child; to be denied.
* farm: one operator opens accounts through the own link for the reward. Each signs up, invites and shares, a few
  minutes apart, in sittings, on a handful of devices that are wiped now and then and from a few addresses, with
  throw-away or freshly bought mail domains; a quarter is chained to the account before. A large one, and a small one at
  a kitchen table with one phone. Links are opened the evening before, so the referrer is known. Anybody could see it,
  and it is to be denied, from the third account of the day on a device, the fifth at an address, or the seventh of the
  operator.
* burst: scripts. One account in a loop at some requests a second: no person does the same thing an eleventh time within
  a minute. Bought accounts driven in turn from one server: plain after 60 requests within seconds.
* stuffing: stolen passwords tried from a few addresses, one or two logins a second; plain from the 21st account within
  a minute at one address. A third of the names are users here, and those are not at fault.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import day_fraud
import day_minors
import day_people
from day_model import Day, Request

REQUESTS = 10_000


def make(seed: int) -> Day:
    """The whole day of a seed, in order of time, no two requests at the same millisecond."""
    day = Day(seed)
    day_people.families(day, 480)
    day_people.sibling_signups(day, 60)
    day_people.first_evening(day, 40, shared=False)
    day_people.first_evening(day, 12, shared=True)
    day_people.tutors(day, 90)
    day_people.school(day)
    day_people.carriers(day)
    day_people.friends(day)
    day_minors.with_consent(day, 60)
    day_minors.without_consent(day, 50)
    day_minors.withdrawn(day, 20)
    day_minors.weak_consent(day, 15)
    day_minors.unknown_age(day, 30)
    day_minors.strangers(day, 12)
    day_fraud.farm(day, 130, devices=9, addresses=3, sittings=(9.5, 13.0, 17.2, 20.5))
    day_fraud.farm(day, 14, devices=1, addresses=1, sittings=(18.4,))
    day_fraud.one_account_script(day, "message", 300, per_second=4, hour=16.3)
    day_fraud.one_account_script(day, "share", 160, per_second=2, hour=18.75)
    day_fraud.many_accounts_script(day, "invite", accounts=30, rounds=15, per_second=25, hour=17.6)
    day_fraud.stuffing(day, addresses=4, attempts=100, hour=3.2)
    day_people.ordinary(day, REQUESTS)
    day.requests = _in_order(day.requests)
    return day


def _in_order(requests: list[Request]) -> list[Request]:
    ordered: list[Request] = []
    last_ms = 0
    for request in sorted(requests, key=lambda request: request.at_ms):
        last_ms = max(request.at_ms, last_ms + 1)
        ordered.append(Request(last_ms, request.body, request.label, request.expected))
    return ordered


def write(day: Day, folder: Path) -> None:
    """Writes the three files of a day into an existing folder."""
    lines = ({**request.body, "occurred_at": _rfc3339(request.at_ms)} for request in day.requests)
    labels = (
        {"line": number, "label": request.label, "expected": request.expected}
        for number, request in enumerate(day.requests, start=1)
    )
    for name, documents in (("day.jsonl", lines), ("day.labels.jsonl", labels), ("day.world.jsonl", iter(day.world))):
        text = "".join(f"{_compact(document)}\n" for document in documents)
        (folder / name).write_text(text, encoding="utf-8", newline="\n")


def _compact(document: dict[str, Any]) -> str:
    return json.dumps(document, separators=(",", ":"))


def _rfc3339(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def main() -> None:
    """Makes the day that the command line asks for and says what is in it."""
    parser = argparse.ArgumentParser(description="Write a made-up day of a tutoring company.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out-dir", type=Path, default=Path(__file__).parent)
    arguments = parser.parse_args()
    day = make(arguments.seed)
    arguments.out_dir.mkdir(parents=True, exist_ok=True)
    write(day, arguments.out_dir)
    counts = Counter((request.label, request.expected) for request in day.requests)
    for (label, expected), count in sorted(counts.items()):
        print(f"{label:24} {expected:9} {count:6}")  # noqa: T201 - a script's answer
    print(f"{len(day.world)} calls tell what was known before")  # noqa: T201 - a script's answer


if __name__ == "__main__":
    main()
