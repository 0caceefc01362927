"""X-Forwarded-For is believed from trusted proxies, from right to left, as far as they vouch for one another."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from web_serving import serving

from viral_engine.web.client import client_address, parse_networks

TRUSTED = parse_networks(["10.0.0.0/8", "2001:db8:1::/48"])
PROXY = "10.0.0.1"


def told(peer: str | None, *values: str) -> str | None:
    headers = [(b"x-forwarded-for", value.encode("latin-1")) for value in values]
    return client_address(peer, [(b"host", b"x"), *headers, (b"forwarded", b"for=198.51.100.99")], TRUSTED)


@given(
    peer=st.one_of(st.ip_addresses(network="192.0.2.0/24"), st.ip_addresses(network="2001:db8:2::/48")),
    values=st.lists(st.text(st.characters(max_codepoint=255)), max_size=3),
)
def test_whatever_somebody_untrusted_sends_they_are_who_they_are(peer: object, values: list[str]) -> None:
    assert told(str(peer), *values) == str(peer)


@pytest.mark.parametrize(
    ("values", "address"),
    [
        (["192.0.2.7"], "192.0.2.7"),
        (["198.51.100.1, 192.0.2.7"], "192.0.2.7"),
        (["192.0.2.7, 10.0.0.2"], "192.0.2.7"),
        (["192.0.2.7", "10.0.0.2"], "192.0.2.7"),
        (["198.51.100.1, 192.0.2.7", "10.0.0.2, 10.0.0.3"], "192.0.2.7"),
        (["10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        ([" 192.0.2.7 ,\t10.0.0.2 "], "192.0.2.7"),
        (["2001:DB8:2:0::7"], "2001:db8:2::7"),
        (["192.0.2.7, 2001:db8:1::2"], "192.0.2.7"),
        (["::ffff:192.0.2.7"], "192.0.2.7"),
        (["192.0.2.7, ::ffff:10.0.0.2"], "192.0.2.7"),
    ],
)
def test_the_right_most_hop_that_no_proxy_vouches_for_is_the_client(values: list[str], address: str) -> None:
    assert told(PROXY, *values) == address


@pytest.mark.parametrize(
    "hop",
    [
        "unknown", "_hidden", "192.0.2.7:443", "[2001:db8:2::7]:443", "192.0.2.0/24", "192.0.2.256", "0300.0.2.7",
        "192.0.2", "3221225991", "192.0.2.7 192.0.2.8", "192.0.2.7;10.0.0.2", "fe80::1%eth0", "\xff", "x" * 60_000,
    ],
)  # fmt: skip
def test_a_hop_that_cannot_be_read_ends_the_walk_at_the_proxy_that_reported_it(hop: str) -> None:
    assert told(PROXY, hop) == PROXY
    assert told(PROXY, f"192.0.2.7, {hop}, 10.0.0.2") == "10.0.0.2"
    assert told(PROXY, f"{hop}, 192.0.2.7, 10.0.0.2") == "192.0.2.7"


@pytest.mark.parametrize("values", [[], [""], [" , ,"], [",10.0.0.2,"]])
def test_a_chain_without_a_client_is_a_proxy_s_own_request(values: list[str]) -> None:
    assert told(PROXY, *values) in {PROXY, "10.0.0.2"}


def test_over_a_unix_socket_there_is_no_peer_and_nothing_is_believed() -> None:
    assert told(None, "192.0.2.7") is None
    assert told("", "192.0.2.7") is None


def test_a_spoofed_header_opens_no_network_to_a_key_and_closes_none() -> None:
    spoofed = ["192.0.2.7", "192.0.2.7, 127.0.0.1", "127.0.0.1, 192.0.2.7", "nonsense", ""]
    with serving(settings={"server": {"trusted_proxies": ["10.0.0.0/8"]}}) as served:
        here = served.reader.add_key(["audit", "check"], networks=["127.0.0.0/8"])
        elsewhere = served.reader.add_key(["audit", "check"], networks=["192.0.2.0/24"])
        for value in spoofed:
            headers = {"X-Forwarded-For": value}
            for key, status in ((here, 200), (elsewhere, 403)):
                assert served.check(key=key, headers=headers).status == status
                assert served.request("GET", "/v1/keys", key=key, headers=headers).status == status
