"""Our scan for phone numbers beside phonenumbers' own matcher, which backtracks and is therefore not used."""

import random

import phonenumbers
import pytest

from viral_engine.domain.redaction.digits import chains
from viral_engine.domain.redaction.phones import find_phones
from viral_engine.domain.redaction.tokens import cut

REGIONS = ("US", "GB", "DE", "FR", "IN", "AU", "BR", "MX", "JP", "NG")
FORMATS = (phonenumbers.PhoneNumberFormat.INTERNATIONAL, phonenumbers.PhoneNumberFormat.E164)
SENTENCES = (
    "Call {} after school.",
    "{} is mine, {} is hers",
    "Numbers: {}; {}.",
    "({}) or [{}]",
    "no number at all, only 1,234.56 and 2024-11-25",
    "see p. 415-420 and {}",
)


def ours(text: str) -> set[tuple[int, int]]:
    tokens = cut(text)
    return {(found.start, found.end) for found in find_phones(tokens, chains(tokens))}


def oracles(text: str) -> set[tuple[int, int]]:
    # The matcher takes an opening bracket for a part of the number.
    return {
        (match.end - len(match.raw_string.lstrip("([")), match.end)
        for match in phonenumbers.PhoneNumberMatcher(text, "US")
    }


def a_number(rng: random.Random) -> str:
    region = rng.choice(REGIONS)
    kind = rng.choice((phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE))
    number = phonenumbers.example_number_for_type(region, kind)
    assert number is not None
    if region == "US":
        area, exchange = rng.choice(("415", "212", "512", "617")), rng.randint(200, 999)
        rest = rng.randint(0, 9999)
        return rng.choice(
            (f"{area}-{exchange}-{rest:04}", f"({area}) {exchange}-{rest:04}", f"{area}{exchange}{rest:04}")
        )
    return phonenumbers.format_number(number, rng.choice(FORMATS))


def test_what_the_matcher_of_phonenumbers_finds_is_found() -> None:
    rng = random.Random(4714)  # noqa: S311  (texts, not secrets)
    for _ in range(600):
        text = rng.choice(SENTENCES)
        while "{}" in text:
            text = text.replace("{}", a_number(rng), 1)
        found = ours(text)
        missed = [
            text[start:end]
            for start, end in oracles(text)
            if not any(first <= start and end <= last for first, last in found)
        ]
        assert missed == [], text


def test_what_is_found_without_a_word_for_it_is_a_number_to_the_matcher_too() -> None:
    rng = random.Random(4715)  # noqa: S311  (texts, not secrets)
    for _ in range(300):
        text = f"We met. {a_number(rng)} It rained."
        assert len(ours(text)) == len(oracles(text)) == 1, text


@pytest.mark.parametrize("text", ["4155552671 / 3 = y", "x = 4155552671 + 1"])
def test_a_calculation_is_where_we_know_better(text: str) -> None:
    assert oracles(text) != set()
    assert ours(text) == set()
