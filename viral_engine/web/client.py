"""Whose address a request came from, when proxies stand between."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from viral_engine.domain import canonical
from viral_engine.domain.errors import Invalid

Network = IPv4Network | IPv6Network


def parse_networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Returns networks of their texts.

    Raises:
        Invalid: one is no network.
    """
    return tuple(ip_network(canonical.network(text, "networks")) for text in texts)


def lies_in(address: str, networks: tuple[Network, ...]) -> bool:
    """Tells whether a canonical address lies in one of the networks."""
    parsed = ip_address(address)
    return any(parsed.version == network.version and parsed in network for network in networks)


def lies_within(inner: Network, networks: tuple[Network, ...]) -> bool:
    """Tells whether all of a network lies in one of the networks."""
    return any(
        (isinstance(outer, IPv4Network) and isinstance(inner, IPv4Network) and inner.subnet_of(outer))
        or (isinstance(outer, IPv6Network) and isinstance(inner, IPv6Network) and inner.subnet_of(outer))
        for outer in networks
    )  # fmt: skip


def client_address(
    peer: str | None, headers: Iterable[tuple[bytes, bytes]], trusted: tuple[Network, ...]
) -> str | None:
    """Returns the right-most hop that no trusted proxy vouches for, as X-Forwarded-For is written from left to right.

    Whatever stands further left was sent by that hop itself and proves nothing. A hop that can't be read ends the
    walk at the proxy that reported it.

    Args:
        peer: address of the connection; None on a Unix socket.
        headers: names in lower case.
        trusted: networks of proxies whose header is believed.
    """
    try:
        address = canonical.ip_address(peer)
    except Invalid:
        return None
    if address is None or not lies_in(address, trusted):
        return address
    values = [value for name, value in headers if name == b"x-forwarded-for"]
    for hop in reversed(b",".join(values).decode("latin-1").split(",")):
        try:
            address = canonical.ip_address(hop.strip()) or address
        except Invalid:
            return address
        if not lies_in(address, trusted):
            return address
    return address
