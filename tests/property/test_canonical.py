"""Laws of the canonical keys: one step is enough, and the standard library agrees."""

from collections.abc import Callable
from ipaddress import IPv6Address, IPv6Network, ip_address

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from viral_engine.domain import canonical
from viral_engine.domain.errors import Invalid

KEYS = [
    canonical.user_id,
    canonical.action_type,
    canonical.device_id,
    canonical.ip_address,
    canonical.network,
    canonical.email,
    canonical.phone,
]
texts = st.one_of(
    st.text(max_size=140),
    st.ip_addresses().map(str),
    st.ip_addresses(network="::ffff:0:0/96").map(str),
    st.emails(),
    st.from_regex(r"\+?[0-9 ().-]{6,20}", fullmatch=True),
)


@pytest.mark.parametrize("key", KEYS)
@given(value=st.one_of(texts, st.integers(), st.none(), st.binary(), st.booleans(), st.floats()))
def test_a_key_is_its_own_key_and_anything_else_is_refused_politely(
    key: Callable[[object], str | None], value: object
) -> None:
    try:
        once = key(value)
    except Invalid:
        return
    if once is not None:
        assert key(once) == once
        assert "\x00" not in once


@given(st.integers(-(10**30), 10**30))
def test_a_number_and_its_decimal_text_are_one_user(number: int) -> None:
    assert canonical.user_id(number) == canonical.user_id(str(number)) == str(number)


@given(st.integers(0, 2**128 - 1))
@example(0)
@example(1)
@example(0xC0000201)
@example(0x20010DB8_00000001_00000000_00000001)
def test_an_ipv6_address_is_spelled_as_the_standard_library_spells_it(number: int) -> None:
    address = IPv6Address(number)
    key = canonical.ip_address(address.exploded)
    assert key == str(address.ipv4_mapped or address)
    if address.ipv4_mapped is None:
        assert canonical.address_group(str(address)) == str(IPv6Network((number >> 64 << 64, 64)))


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_is_itself(address: object) -> None:
    assert canonical.ip_address(str(address)) == str(address) == canonical.address_group(str(address))


@given(st.from_regex(r"[0-9a-f:.%]{1,45}", fullmatch=True))
def test_exactly_what_the_standard_library_takes_for_an_address_is_one(text: str) -> None:
    try:
        expected = None if "%" in text else ip_address(text)
    except ValueError:
        expected = None
    if expected is None:
        with pytest.raises(Invalid):
            canonical.ip_address(text)
    else:
        assert canonical.ip_address(text) is not None
