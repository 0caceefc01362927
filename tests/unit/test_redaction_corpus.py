"""Figures on a corpus of our own: messages of a tutoring company with seeded details, as people write them."""

import random
from collections.abc import Callable

import phonenumbers

from viral_engine.domain.redaction.kinds import Kind
from viral_engine.domain.redaction.known_names import Known
from viral_engine.domain.redaction.redact import redact

TEXTS = 1500
PHONE_RECALL_MIN = 0.8
FALSE_HITS_MAX = 20
NAME_RECALL_MIN = 0.99

FRAMES = (
    "Hi, it's me. {} is how you reach us.",
    "{}",
    "can u help w/ 3/4 + 1.5 = 2.25? {} thx",
    "Please use {}, not the old one; x = 5 - 2.",
    "The answer is 42.\n{}\nSee you on 11/25/2026.",
    "({}) and then we did problem 7.",
    'He said "{}" twice.',
)
MATHEMATICS = (
    "Solve {a} + {b} = x and {a}/{b} - {c}.",
    "{a}-{b} is {c}, and {a},{b} is a pair.",
    "x = {a} - {b} * ({c} + 1)",
    "The sequence {a}, {b}, {c}, {a}, {b} goes on; what is term 100?",
    "{a}.{b} rounds to {a}; 1,{c},{c} does not.",
    "Read pages {a}-{b}, then do questions 1-{c} by 11/25/2026 at 4:30.",
    "{a}{b}{c} / 3 = ?",
    "Let f({a}) = {b}^{c}; is {a}:{b} the ratio?",
)
FIRST = (
    "Maya",
    "Jos\u00e9",
    "Aaliyah",
    "Zbigniew",
    "Li",
    "O'Brien",
    "Anne-Marie",
    "Nguy\u1ec5n",
    "Priya",
    "X\u00e6lan",
)
LAST = ("Chen", "Garc\u00eda", "van der Berg", "O'Neil", "Smith", "Okonkwo", "M\u00fcller", "Kowalski-Jones")
PHONE_FORMS = (
    "{0}-{1}-{2}", "({0}) {1}-{2}", "{0}.{1}.{2}", "{0} {1} {2}", "{0}{1}{2}", "+1 {0} {1} {2}", "1-{0}-{1}-{2}",
    "+1{0}{1}{2}", "({0}){1}-{2}", "{0}-{1}-{2} x12", "{0}/{1}-{2}", "001-{0}-{1}-{2}",
)  # fmt: skip
ABROAD = ("GB", "DE", "IN", "MX", "AU", "FR", "JP", "BR")


def recall(kind: Kind, make: Callable[[random.Random], str], texts: int = TEXTS) -> float:
    """Share of the seeded details of which nothing stands in the redacted text."""
    rng = random.Random(4711)  # noqa: S311  (texts, not secrets)
    found = 0
    for _ in range(texts):
        secret = make(rng)
        redacted = redact(rng.choice(FRAMES).replace("{}", secret))
        found += secret not in redacted.text and kind in redacted.counts
    return found / texts


def an_email(rng: random.Random) -> str:
    local = "".join(rng.choice("abcxyz0189") for _ in range(rng.randint(1, 12)))
    sign = rng.choice(("", ".k", "_k", "-k", "+tag", "%k"))
    at, dot = rng.choice(
        (("@", "."),) * 6 + ((" (at) ", " (dot) "), ("[at]", "[dot]"), (" at ", " dot "), ("\uff20", "."))
    )
    domain = dot.join(rng.choice((["gmail", "com"], ["mail", "school", "org"], ["x-y", "io"], ["uni3", "edu"])))
    return local + sign + at + domain


def an_ssn(rng: random.Random) -> str:
    area = rng.choice([n for n in range(1, 900) if n != 666])
    sign = rng.choice(("-", "-", " ", "\u2013"))
    return f"{area:03}{sign}{rng.randint(1, 99):02}{sign}{rng.randint(1, 9999):04}"


def a_phone(rng: random.Random) -> str:
    if rng.random() < 0.2:
        number = phonenumbers.example_number_for_type(rng.choice(ABROAD), phonenumbers.PhoneNumberType.MOBILE)
        assert number is not None
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    area, exchange = rng.choice(("415", "212", "512", "303", "617")), rng.randint(200, 999)
    return rng.choice(PHONE_FORMS).format(area, exchange, f"{rng.randint(0, 9999):04}")


def test_every_email_address_is_hidden() -> None:
    assert recall(Kind.EMAIL, an_email) == 1.0


def test_every_social_security_number_is_hidden() -> None:
    assert recall(Kind.SSN, an_ssn) == 1.0


def test_phone_numbers_are_hidden_with_few_exceptions() -> None:
    assert recall(Kind.PHONE, a_phone) >= PHONE_RECALL_MIN


def test_texts_of_mathematics_are_hardly_ever_touched() -> None:
    rng = random.Random(4712)  # noqa: S311  (texts, not secrets)
    hits = 0
    for _ in range(TEXTS):
        a, b, c = (rng.randint(0, 10 ** rng.randint(1, 4)) for _ in range(3))
        hits += bool(redact(rng.choice(MATHEMATICS).format(a=a, b=b, c=c)).counts)
    assert hits <= FALSE_HITS_MAX


def test_names_that_are_supplied_are_hidden_however_they_are_written() -> None:
    rng = random.Random(4713)  # noqa: S311  (texts, not secrets)
    spell = (
        str,
        str.upper,
        str.lower,
        str.casefold,
        lambda name: name.replace(" ", "  "),
        lambda name: name.replace(" ", "-"),
    )
    found = 0
    for _ in range(TEXTS):
        name = f"{rng.choice(FIRST)} {rng.choice(LAST)}"
        written = rng.choice(spell)(name)
        redacted = redact(rng.choice(FRAMES).replace("{}", written), Known([name]), guess=False)
        found += written not in redacted.text and Kind.NAME in redacted.counts
    assert found / TEXTS >= NAME_RECALL_MIN
