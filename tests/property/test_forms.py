"""The description's form of networks, names and devices is what is accepted as such."""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from viral_engine.domain import canonical
from viral_engine.domain.errors import Invalid
from viral_engine.domain.redaction.known_names import KNOWN_LENGTH_MAX, Known
from viral_engine.web.forms import ANY_DEVICE, DEVICE, NAME, Schema, network

near_no_device = st.builds(
    lambda before, word, after: f"{before}{word}{after}",
    st.sampled_from(["", " ", "\u3000", "x"]),
    st.sampled_from(["unknown", "UNKNOWN", "Null", "nOne", "undefined", "nil", "N/a", "n-a"]),
    st.sampled_from(["", " ", "\xa0", "\u200b"]),
)


def is_no_device(text: str) -> bool:
    return re.search(DEVICE["not"]["pattern"], text) is not None


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


@pytest.mark.parametrize("form", [ANY_DEVICE, DEVICE])
@given(data=st.data())
def test_a_text_of_the_form_of_a_device_is_one_and_any_other_one_is_refused(form: Schema, data: st.DataObject) -> None:
    inside = st.sampled_from(" \u3000\xa0\u200b\ufe0f\u2800\U000e0041\x85\x1fdé")
    text = data.draw(st.one_of(st.text(max_size=6), st.text(inside, max_size=6), near_no_device))
    try:
        found = canonical.device_id(text)
    except Invalid:
        has_form = False
    else:
        has_form = found is not None or form is ANY_DEVICE
    assert (re.search(form["pattern"], text) is not None and not ("not" in form and is_no_device(text))) is has_form


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
