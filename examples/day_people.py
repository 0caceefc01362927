"""The people of the made-up day who mean no harm; see `make_day` for why each group does what it does."""

from __future__ import annotations

from day_model import HOUR_MS, Day, Person

CHILD_ACTIONS = ["general", "profile_view", "general", "general", "invite"]
PARENT_ACTIONS = ["profile_view", "general", "message", "invite", "share", "profile_update", "data_export"]
TUTOR_ACTIONS = ["profile_view", "message", "general", "upload", "profile_update", "transcript_view"]
TUTOR_HOURS = (0, 0, 0, 0, 0, 0, 1, 4, 6, 5, 5, 6, 6, 6, 10, 22, 30, 34, 36, 32, 24, 10, 3, 1)
BELLS = (8.1, 9.0, 9.9, 10.8, 12.3, 13.2, 14.1)
PUPILS = 300
CLASS_SIZE = 25
CARRIER_ADDRESSES = 6
CARRIER_PEOPLE = 45


def adult(day: Day, persona: str = "parent", **fields: object) -> str:
    """An adult whom the company knows."""
    user = day.user()
    day.know(user, persona, age_band="18_plus", stated_on="2025-01-10", adulthood_attested=True, **fields)
    return user


def child(day: Day, guardians: list[str], band: str, **fields: object) -> str:
    """A child whom the company knows, with its guardians."""
    user = day.user()
    day.know(user, "student", age_band=band, stated_on="2025-09-01", guardian_ids=guardians, **fields)
    return user


def adult_acts(day: Day, most: int = 4) -> list[str]:
    """What an adult does in one sitting; phones stay logged in, and a link is shared once, not five times."""
    login = ["login"] if day.random.random() < 0.4 else []
    return [*login, *day.random.sample(PARENT_ACTIONS, day.random.randint(1, most))]


def home_addresses(day: Day, count: int) -> list[str]:
    """The addresses that the devices of one home come from: one IPv4 address, or temporary ones in one IPv6 network."""
    if day.random.random() < 0.6:
        return [day.address()] * count
    network = day.network6()
    return [day.address6(network) for _ in range(count)]


def families(day: Day, count: int) -> None:
    """Two to five at one address who share devices; often only some of them act on one day."""
    for number in range(count):
        size = day.random.choices((2, 3, 4, 5), (30, 36, 24, 10))[0]
        devices = [day.device() for _ in range(day.random.randint(1, max(1, size - 1)))]
        addresses = home_addresses(day, len(devices))
        household = f"s{day.seed}-h{number:04d}"
        parents = [adult(day, household_id=household)]
        if size > 2 and day.random.random() < 0.4:
            parents.append(adult(day, household_id=household))
        paid = day.random.random() < 0.6
        if paid:
            day.signal(parents[0], "payment_verified")
        children: list[str] = []
        for _ in range(day.random.randint(1, size - len(parents))):
            band = day.random.choice(("under_13", "13_17"))
            children.append(child(day, parents, band, household_id=household))
        for user in (*parents, *children):
            # The youngest share the family's tablet, everybody else takes what lies nearest.
            place = 0 if user in children else day.random.randrange(len(devices))
            person = Person(user, devices[place], addresses[place])
            if user in children:
                acts = ["login", *day.random.sample(CHILD_ACTIONS, day.random.randint(1, 2))]
                day.visit(day.moment_ms(), person, acts, "family")
            elif day.random.random() < 0.4:
                end_ms = day.visit(day.moment_ms(), person, adult_acts(day, 2), "family")
                day.ask(end_ms, person, "recap_view", "family", subject_id=children[0])


def sibling_signups(day: Day, count: int) -> None:
    """A parent who has paid and consented opens the children's accounts one evening on the family's tablet."""
    for number in range(count):
        household = f"s{day.seed}-n{number:04d}"
        parent = adult(day, household_id=household)
        day.signal(parent, "payment_verified")
        device, address = day.device(), home_addresses(day, 1)[0]
        at_ms = day.moment_ms()
        day.ask(at_ms, Person(parent, device, address), "login", "family")
        for _ in range(day.random.choices((2, 3), (4, 1))[0]):
            at_ms += day.pause_ms(median_s=240, least_s=60)
            user = child(day, [parent], day.random.choice(("under_13", "13_17")), household_id=household)
            day.consent(user, parent, "service")
            person = Person(user, device, address)
            day.ask(at_ms, person, "signup", "family", email=day.email(user))
            at_ms = day.visit(at_ms + day.pause_ms(), person, ["general", "profile_update"], "family")


def first_evening(day: Day, count: int, *, shared: bool) -> None:
    """Two of a home sign up the same evening with nothing proved: each on their own phone, or both on one laptop."""
    label = "family_unproven" if shared else "family"
    for _ in range(count):
        devices = [day.device()] * 2 if shared else [day.device(), day.device()]
        addresses = home_addresses(day, 2)
        at_ms = day.moment_ms()
        first = None
        for device, address in zip(devices, addresses, strict=True):
            user = day.user()
            if first is not None and day.random.random() < 0.5:
                day.signal(user, "referrer_id", value=first)
            first = first or user
            person = Person(user, device, address)
            day.ask(at_ms, person, "signup", label, email=day.email(user))
            at_ms = day.visit(at_ms + day.pause_ms(), person, ["general", "profile_view"], label)
            at_ms += day.pause_ms(median_s=600, least_s=90)


def tutors(day: Day, count: int) -> None:
    """Adults at work, each from home; busy when school is out."""
    for _ in range(count):
        user = adult(day, "tutor")
        person = Person(user, day.device(), home_addresses(day, 1)[0])
        for _ in range(day.random.randint(1, 2)):
            acts = ["login", *day.random.sample(TUTOR_ACTIONS, day.random.randint(2, 4))]
            if day.random.random() < 0.1:
                acts.append("public_profile")
            day.visit(day.moment_ms(TUTOR_HOURS), person, acts, "tutor")


def school(day: Day) -> None:
    """Three hundred pupils behind one public address, on carts of shared laptops, in lessons that begin with a bell."""
    gate = day.host(17)
    network6 = f"2001:db8:{day.seed % 65536:x}:ff00"
    for value in (f"{day.host(16)}/28", f"{network6}::/64"):
        entry = {"kind": "network", "value": value, "reason": "public addresses of a school under contract"}
        day.world.append({"method": "POST", "path": "/v1/allows", "body": entry})
    carts = [[day.device() for _ in range(CLASS_SIZE)] for _ in range(4)]
    pupils: list[tuple[str, bool]] = []
    for number in range(PUPILS):
        young = number < PUPILS // 3
        user = day.user()
        # The roster is imported before anybody's first lesson.
        day.know(user, "student", age_band="under_13" if young else "13_17", stated_on="2025-09-01")
        pupils.append((user, young))
    classes = [pupils[first : first + CLASS_SIZE] for first in range(0, PUPILS, CLASS_SIZE)]
    for number, members in enumerate(classes):
        bells = day.random.sample(BELLS, 2)
        if number in (5, 11):
            _first_lesson(day, members, carts[number % 4], gate, min(bells))
            bells = [max(bells)]
        for bell in bells:
            for place, (user, young) in enumerate(members):
                if day.random.random() < 0.12:
                    continue
                address = gate if day.random.random() < 0.9 else day.address6(network6)
                person = Person(user, carts[number % 4][place], address)
                acts = ["general", "profile_view", "general"] + ([] if young else ["message", "upload"])
                start_ms = day.local_ms(bell) + day.pause_ms(median_s=70, least_s=5)
                day.visit(start_ms, person, ["login", *day.random.sample(acts, 2)], "school")


def _first_lesson(day: Day, members: list[tuple[str, bool]], cart: list[str], gate: str, bell: float) -> None:
    for place, (user, _young) in enumerate(members):
        person = Person(user, cart[place], gate)
        at_ms = day.local_ms(bell) + day.pause_ms(median_s=240, least_s=30)
        day.ask(at_ms, person, "signup", "school", email=day.email(user, "pupils.school.example"))
        day.visit(at_ms + day.pause_ms(), person, ["general", "profile_view"], "school")


def carriers(day: Day) -> None:
    """Strangers on their phones whom a mobile network puts behind the same few addresses."""
    for _ in range(CARRIER_ADDRESSES):
        address = day.address()
        for _ in range(CARRIER_PEOPLE):
            at_ms = day.moment_ms()
            if day.random.random() < 0.03:
                user = day.user()
                person = Person(user, day.device(), address)
                day.ask(at_ms, person, "signup", "carrier", email=day.email(user))
                day.visit(at_ms + day.pause_ms(), person, ["general", "profile_view"], "carrier")
            else:
                day.visit(at_ms, Person(adult(day), day.device(), address), adult_acts(day, 3), "carrier")


def friends(day: Day) -> None:
    """Newcomers whom a user brought: most bring one, one parent tells seven others at the school gate."""
    for brought in (*([1] * 30), 2, 2, 3, 7):
        referrer = adult(day)
        host = Person(referrer, day.device(), home_addresses(day, 1)[0])
        at_ms = day.moment_ms()
        day.visit(at_ms, host, ["login", "invite", "share"], "ordinary")
        for _ in range(brought):
            user = day.user()
            day.signal(user, "referrer_id", value=referrer)
            person = Person(user, day.device(), home_addresses(day, 1)[0])
            joins_ms = at_ms + day.random.randint(HOUR_MS // 6, 6 * HOUR_MS)
            day.ask(joins_ms, person, "signup", "ordinary", email=day.email(user))
            day.visit(joins_ms + day.pause_ms(), person, ["general", "invite"], "ordinary")


def ordinary(day: Day, until: int) -> None:
    """Homes of one or two with a device each, as many as it takes until the day has `until` requests."""
    assert len(day.requests) < until, "the other groups leave no room for ordinary people"
    while len(day.requests) < until:
        if day.random.random() < 0.04:
            user = day.user()
            person = Person(user, day.device(), home_addresses(day, 1)[0])
            at_ms = day.moment_ms()
            day.ask(at_ms, person, "signup", "ordinary", email=day.email(user))
            day.visit(at_ms + day.pause_ms(), person, ["general", "profile_view"], "ordinary")
            continue
        members = day.random.choice((1, 1, 2))
        for address in home_addresses(day, members):
            # Some browsers keep no device id.
            device = None if day.random.random() < 0.03 else day.device()
            day.visit(day.moment_ms(), Person(adult(day), device, address), adult_acts(day, 2), "ordinary")
    del day.requests[until:]
