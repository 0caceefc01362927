"""The description's form of networks and names is what is accepted as such."""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network, ip_network

from hypothesis import given
from hypothesis import strategies as st

from viral_engine.domain import canonical
from viral_engine.domain.redaction.known_names import KNOWN_LENGTH_MAX, Known
from viral_engine.web.forms import NAME, network

FORM = re.compile(network(8, 16)["pattern"])


def networks(bits: int, bits_min: int) -> st.SearchStrategy[IPv4Network | IPv6Network]:
    """Networks of any address and length."""
    return st.builds(
        lambda address, length: ip_network((address >> (bits - length) << (bits - length), length)),
        st.integers(2 ** (bits - 8), 2**bits - 1) if bits == 32 else st.integers(2**112, 2**bits - 1),
        st.integers(bits_min, bits),
    )


@given(st.from_regex(FORM, fullmatch=True))
def test_what_has_the_form_is_accepted(text: str) -> None:
    found = canonical.network(text)
    assert int(found.partition("/")[2]) >= (16 if ":" in found else 8)


@given(networks(32, 8))
def test_an_ipv4_network_has_the_form(one: IPv4Network | IPv6Network) -> None:
    assert FORM.search(str(one))


@given(networks(128, 16))
def test_an_ipv6_network_has_the_form_as_python_writes_it(one: IPv4Network | IPv6Network) -> None:
    # Unless a longer run of zeros than that at its end is the one that is left out.
    text = str(one)
    assert FORM.search(text) or not text.partition("/")[0].endswith("::")


def test_a_network_with_bits_of_a_host_or_of_a_continent_has_not() -> None:
    for text in ("10.0.0.1/8", "192.0.2.128/24", "2001:db8:1::/32", "10.0.0.0/7", "2001::/15", "256.0.0.0/8", "10/8"):
        assert not FORM.search(text)


@given(st.from_regex(re.compile(NAME["pattern"]), fullmatch=True))
def test_what_has_the_form_of_a_name_can_be_looked_for(name: str) -> None:
    Known([name[:KNOWN_LENGTH_MAX]] if re.search(NAME["pattern"], name[:KNOWN_LENGTH_MAX]) else [])
