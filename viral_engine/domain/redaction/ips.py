"""IP addresses: IPv4 in four numbers, IPv6 in any spelling that the standard library reads."""

from collections.abc import Iterator, Sequence
from ipaddress import AddressValueError, IPv4Address, IPv6Address

from viral_engine.domain.redaction.kinds import Finding, Kind
from viral_engine.domain.redaction.tokens import Token, neighbour

__all__ = ["find_ips"]

IPV4_TOKENS = 7
IPV6_LENGTH_MAX = 45
IPV6_GROUPS_MIN = 3
IPV6_GROUP_LENGTH = 4
_NUMBERED = frozenset({
    "version", "v", "ver", "section", "sec", "chapter", "ch", "problem", "exercise", "question", "lesson", "unit",
    "part", "figure", "theorem", "release",
})  # fmt: skip
"""What is counted with four numbers and three dots, too."""


def find_ips(tokens: Sequence[Token]) -> Iterator[Finding]:
    """Yields every address."""
    yield from _find_ipv4(tokens)
    yield from _find_ipv6(tokens)


def _find_ipv4(tokens: Sequence[Token]) -> Iterator[Finding]:
    for at in range(len(tokens) - IPV4_TOKENS + 1):
        if tokens[at].kind != "d" or tokens[at + 1].text != "." or tokens[at + 3].text != ".":
            continue
        last = at + IPV4_TOKENS - 1
        pieces = tokens[at : last + 1]
        if any(token.kind != "d" if place % 2 == 0 else token.text != "." for place, token in enumerate(pieces)):
            continue
        if _goes_on(tokens, at - 1, -1) or _goes_on(tokens, last + 1, 1):
            continue
        before = neighbour(tokens, at - 1, -1)
        if before is not None and before.word in _NUMBERED and "\n" not in tokens[at - 1].text:
            continue
        if pieces[-1].end - pieces[0].start > IPV6_LENGTH_MAX:
            continue
        try:
            # Leading zeros make it ambiguous to a resolver, but no less an address to a reader.
            address = IPv4Address(".".join(token.text.lstrip("0") or "0" for token in pieces[::2]))
        except AddressValueError:
            continue
        yield Finding(Kind.IP, tokens[at].start, tokens[last].end, str(address))


def _goes_on(tokens: Sequence[Token], at: int, step: int) -> bool:
    """Tells whether more than four numbers stand in a row."""
    if not 0 <= at < len(tokens):
        return False
    if tokens[at].kind in "wd":
        return True
    beyond = at + step
    return tokens[at].text == "." and 0 <= beyond < len(tokens) and tokens[beyond].kind == "d"


def _find_ipv6(tokens: Sequence[Token]) -> Iterator[Finding]:
    at = 0
    while at < len(tokens):
        if not _may_be_ipv6(tokens[at]):
            at += 1
            continue
        first = at
        while at < len(tokens) and _may_be_ipv6(tokens[at]):
            at += 1
        last = at - 1
        while last > first and _is_closing(tokens, last):
            last -= 1
        if tokens[last].end - tokens[first].start > IPV6_LENGTH_MAX:
            continue
        address = _ipv6("".join(token.text for token in tokens[first : last + 1]))
        if address is not None:
            yield Finding(Kind.IP, tokens[first].start, tokens[last].end, address)


def _is_closing(tokens: Sequence[Token], last: int) -> bool:
    """Tells whether a sign ends the sentence rather than the address."""
    return tokens[last].text == "." or (tokens[last].text == ":" and tokens[last - 1].text != ":")


def _may_be_ipv6(token: Token) -> bool:
    return token.kind in "wd" or token.text in {":", "."}


def _ipv6(text: str) -> str | None:
    if text.count(":") < IPV6_GROUPS_MIN - 1:
        return None
    groups = [group for group in text.split(":") if group]
    # A slice of Python (`a[1::2]`) is no address.
    if len(groups) < IPV6_GROUPS_MIN and not any(len(group) == IPV6_GROUP_LENGTH for group in groups):
        return None
    if not any(character.isdecimal() for character in text):
        return None
    try:
        return str(IPv6Address(text))
    except AddressValueError:
        return None
