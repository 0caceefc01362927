"""Minors and what their guardians agreed to, people of unknown age, and those who look at other people's children."""

from __future__ import annotations

from day_model import Day, Person
from day_people import adult, child, home_addresses

SERVICE = ("message", "upload", "profile_update")
DISCLOSURES = {
    "public_profile": "third_party:public/profile",
    "social_features": "third_party:other_users/profile",
    "share_personal_info": "third_party:other_users/contact",
    "data_export": "export",
}


def _at_home(day: Day, user: str) -> Person:
    return Person(user, day.device(), home_addresses(day, 1)[0])


def with_consent(day: Day, count: int) -> None:
    """Children whose parent consented, by a payment or a signed form, to exactly what they do."""
    for _ in range(count):
        parent = adult(day)
        user = child(day, [parent], "under_13")
        day.consent(user, parent, "service", day.random.choice(("payment", "signed_form")))
        action, scope = day.random.choice(list(DISCLOSURES.items()))
        day.consent(user, parent, scope, "signed_form")
        day.visit(
            day.moment_ms(), _at_home(day, user), [day.random.choice(SERVICE), action, "general"], "minor_with_consent"
        )


def without_consent(day: Day, count: int) -> None:
    """Children and teenagers whom nobody allowed what they try; a child's message is collected too."""
    for _ in range(count):
        parent = adult(day)
        band = day.random.choice(("under_13", "under_13", "13_17"))
        user = child(day, [parent], band)
        choices = [*DISCLOSURES, *(SERVICE if band == "under_13" else ())]
        day.visit(day.moment_ms(), _at_home(day, user), day.random.sample(choices, 2), "minor_without_consent", "deny")


def withdrawn(day: Day, count: int) -> None:
    """Children whose parent agreed and later took it back."""
    for _ in range(count):
        parent = adult(day)
        user = child(day, [parent], "under_13")
        place = day.consent(user, parent, "service", "signed_form")
        day.withdraw(place)
        day.visit(
            day.moment_ms(), _at_home(day, user), day.random.sample(SERVICE, 2), "minor_consent_withdrawn", "deny"
        )


def weak_consent(day: Day, count: int) -> None:
    """Children whose parent answered an e-mail, which is enough to use the service but not to disclose."""
    for _ in range(count):
        parent = adult(day)
        user = child(day, [parent], "under_13")
        day.consent(user, parent, "service", "email_plus")
        person = _at_home(day, user)
        end_ms = day.visit(day.moment_ms(), person, ["message"], "minor_with_consent")
        day.visit(end_ms, person, ["public_profile"], "minor_without_consent", "deny")


def unknown_age(day: Day, count: int) -> None:
    """Users who never stated an age, half of them never heard of, on what only adults may do unasked."""
    for number in range(count):
        user = day.user()
        if number % 2:
            day.know(user, "student")
        day.visit(day.moment_ms(), _at_home(day, user), day.random.sample(list(DISCLOSURES), 2), "age_unknown", "deny")


def strangers(day: Day, count: int) -> None:
    """Adults who ask for the recap of a child that is not theirs."""
    for _ in range(count):
        other = child(day, [adult(day)], "under_13")
        person = _at_home(day, adult(day))
        at_ms = day.moment_ms()
        day.ask(at_ms, person, "login", "ordinary")
        day.ask(at_ms + day.pause_ms(), person, "recap_view", "not_own_child", "deny", subject_id=other)
