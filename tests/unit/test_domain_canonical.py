"""Canonical keys: what is one and the same, and what is refused."""

import unicodedata

import pytest

from viral_engine.domain import canonical
from viral_engine.domain.errors import Invalid


@pytest.mark.parametrize(
    ("given", "key"), [("42", "42"), (42, "42"), (0, "0"), (-7, "-7"), ("042", "042"), ("+42", "+42")]
)
def test_a_number_and_its_decimal_text_are_one_user_and_other_texts_are_themselves(given: object, key: str) -> None:
    assert canonical.user_id(given) == key


@pytest.mark.parametrize(
    "given",
    [
        "",
        "x" * 129,
        "a\x00b",
        "a\nb",
        "a\x7f",
        "a\x85b",
        "a\ud800",
        None,
        True,
        4.0,
        ["42"],
        10**128,
        -(10**127),
        10**4000,
    ],
)
def test_what_cannot_be_a_user_is_refused(given: object) -> None:
    with pytest.raises(Invalid) as caught:
        canonical.user_id(given)
    assert caught.value.field == "user_id"


def test_the_longest_ids_pass() -> None:
    assert canonical.user_id("é" * 128) == "é" * 128
    assert canonical.user_id(10**128 - 1) == "9" * 128
    assert len(canonical.user_id(1 - 10**127)) == 128


@pytest.mark.parametrize(
    "given", [None, "", " ", "\u2003\u3000", "unknown", "Unknown", " NULL ", "none", "undefined", "nil", "n/a"]
)
def test_a_word_for_no_device_is_no_device(given: str | None) -> None:
    """All clients that send "unknown" would share one device and its block."""
    assert canonical.device_id(given) is None


def test_a_device_is_its_exact_text_without_blanks_at_its_ends() -> None:
    assert canonical.device_id("Unknown-7") == "Unknown-7"
    assert canonical.device_id("  d 1 ") == canonical.device_id("\u3000d 1\xa0") == "d 1"
    assert canonical.device_id("Gerät-é") == "Gerät-é"
    assert canonical.device_id("d" * 128) == "d" * 128
    for beyond in ("d" * 129, "é" * 129):
        with pytest.raises(Invalid):
            canonical.device_id(beyond)
    with pytest.raises(Invalid):
        canonical.device_id("a\x00")
    with pytest.raises(Invalid):
        canonical.device_id(42)


def test_what_nobody_sees_makes_no_other_device_of_one() -> None:
    unseen = [character for character in map(chr, range(0x110000)) if unicodedata.category(character) == "Cf"]
    for character in (*unseen, *"\u2800\u3164\u115f\u1160\uffa0\u034f\ufe0f"):
        for given in (f"d{character}1", f"{character}d1", f"d1{character}", character):
            with pytest.raises(Invalid, match="invisible") as caught:
                canonical.device_id(given)
            assert caught.value.field == "device_id"


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::FFFF:c000:201", "192.0.2.1"),
        ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
        ("2001:db8:0:1:0:0:0:1", "2001:db8:0:1::1"),
        ("::1", "::1"),
        ("::", "::"),
        ("::192.0.2.1", "::c000:201"),
        (None, None),
    ],
)
def test_one_address_has_one_spelling(given: str | None, key: str | None) -> None:
    """Of IPv6 and of IPv4 written as IPv6 too."""
    assert canonical.ip_address(given) == key


@pytest.mark.parametrize(
    "given",
    [
        "",
        "localhost",
        "192.0.2",
        "192.0.2.1.",
        "192.0.2.256",
        "192.0.2.01",
        "192.0.2.1 ",
        "fe80::1%eth0",
        "1::2::3",
        "::\x00",
        3232235777,
        "٣.1.1.1",
    ],
)
def test_what_is_no_address_is_refused(given: object) -> None:
    with pytest.raises(Invalid):
        canonical.ip_address(given)


def test_an_ipv4_address_stands_for_itself_and_an_ipv6_address_for_its_64() -> None:
    assert canonical.address_group("192.0.2.1") == "192.0.2.1"
    assert canonical.address_group("2001:db8:1:2:3:4:5:6") == "2001:db8:1:2::/64"
    assert canonical.address_group("2001:db8:1:2::9") == "2001:db8:1:2::/64"
    assert canonical.address_group("::1") == "::/64"


def test_networks_are_canonical_and_host_bits_are_a_typing_error() -> None:
    assert canonical.network("192.0.2.0/24") == "192.0.2.0/24"
    assert canonical.network("192.0.2.7") == "192.0.2.7/32"
    assert canonical.network("2001:DB8::/32") == "2001:db8::/32"
    assert canonical.network("::ffff:192.0.2.0/120") == "192.0.2.0/24"
    for wrong in ("192.0.2.1/24", "192.0.2.0/33", "fe80::%1/64", "school", ""):
        with pytest.raises(Invalid):
            canonical.network(wrong)


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ("Anna@Example.COM", "Anna@example.com"),
        ("a@bücher.example", "a@xn--bcher-kva.example"),
        (" a@b.example. ", "a@b.example"),
        (None, None),
    ],
)
def test_an_e_mail_address_has_its_domain_in_lower_case_ascii(given: str | None, key: str | None) -> None:
    assert canonical.email(given) == key
    if key is not None:
        assert canonical.email_domain(key) == key.partition("@")[2]


@pytest.mark.parametrize(
    "given",
    [
        "",
        "a",
        "@b.example",
        "a@",
        "a@b",
        "a@b..example",
        "a b@c.example",
        "a@-b.example",
        "a\x00@b.example",
        "a@b@c.example",
        ".a@b.example",
        7,
    ],
)
def test_what_is_no_e_mail_address_is_refused(given: object) -> None:
    with pytest.raises(Invalid):
        canonical.email(given)


def test_a_phone_number_is_its_digits() -> None:
    assert canonical.phone("+1 (555) 123-4567") == "+15551234567"
    assert canonical.phone("(0161) 496-0000") == "01614960000"
    assert canonical.phone("0161.496.0000") == "01614960000"
    assert canonical.phone(None) is None
    for wrong in ("12345", "1" * 16, "call me", "+1 555 ٣٣٣ 4444", "555\x001234567"):
        with pytest.raises(Invalid):
            canonical.phone(wrong)


@pytest.mark.parametrize(
    "given",
    [
        "+1 415 555-0142", "1 (415) 555-0142", "14155550142", "(415) 555-0142", "415.555.0142", "001 415 555 0142",
        "011 1 415 555 0142",
    ],
)  # fmt: skip
def test_a_number_of_north_america_is_one_however_it_is_dialled(given: str) -> None:
    assert canonical.phone(given) == "+14155550142"


@pytest.mark.parametrize(
    ("given", "key"),
    [
        ("0044 161 496 0000", "+441614960000"),
        ("011 44 161 496 0000", "+441614960000"),
        ("+4155501420", "+4155501420"),
        # Of which country, or whether abroad at all, is not told.
        ("0161 496 0000", "01614960000"),
        ("161 496 0000", "1614960000"),
        ("24155550142", "24155550142"),
        ("415 5550", "4155550"),
        ("00 12345", "0012345"),
        ("000 123456", "000123456"),
        ("011 0123456", "0110123456"),
    ],
)
def test_a_number_of_elsewhere_is_its_digits_with_the_plus_sign_that_was_dialled(given: str, key: str) -> None:
    assert canonical.phone(given) == key == canonical.phone(key)


@pytest.mark.parametrize("given", ["", "A", "9a", "a-b", "a" * 65, "a\n", None, 7])
def test_what_is_no_action_type_is_refused(given: object) -> None:
    with pytest.raises(Invalid):
        canonical.action_type(given)


def test_an_action_type_may_have_64_characters() -> None:
    assert canonical.action_type("a" * 64) == "a" * 64
    assert canonical.action_type("quiz.finished_2") == "quiz.finished_2"
