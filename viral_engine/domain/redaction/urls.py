"""URLs that identify somebody: with an account, a query, a number, a profile page. Others stay: they are sources."""

from collections.abc import Iterator, Sequence

from viral_engine.domain.redaction.kinds import Finding, Kind
from viral_engine.domain.redaction.tokens import Token

__all__ = ["find_urls"]

DIGITS_IN_A_ROW_MIN = 4
MIXED_LENGTH_MIN = 8
TOKENS_MIN = 3
"""A scheme, a colon and something; a host, a dot and something."""

PROFILES = (
    "instagram.com/", "facebook.com/", "fb.com/", "tiktok.com/", "snapchat.com/", "twitter.com/", "x.com/",
    "linkedin.com/", "discord.gg/", "discord.com/", "t.me/", "wa.me/", "youtube.com/", "github.com/",
    "reddit.com/u", "zoom.us/", "pinterest.com/", "twitch.tv/", "roblox.com/users", "linktr.ee/", "onlyfans.com/",
    "venmo.com/", "cash.app/", "paypal.me/", "docs.google.com/", "drive.google.com/", "calendly.com/",
    "meet.google.com/",
)  # fmt: skip
"""Sites whose pages belong to a person each, or let one in."""

_SCHEMES = ("http", "https", "ftp", "mailto", "tel", "sms")
_CLOSING = frozenset(".,;:!?'\")]}>")
_ENDS = frozenset("<>\"'`{}|\\^")


def find_urls(tokens: Sequence[Token]) -> Iterator[Finding]:
    """Yields every URL that identifies, from its scheme to the next blank."""
    at = 0
    while at < len(tokens):
        if tokens[at].kind in "sx" or tokens[at].text in _ENDS:
            at += 1
            continue
        first = at
        while at < len(tokens) and tokens[at].kind not in "sx" and tokens[at].text not in _ENDS:
            at += 1
        found = _in_piece(tokens, first, at)
        if found is not None:
            yield found


def _in_piece(tokens: Sequence[Token], first: int, behind: int) -> Finding | None:
    """Returns the URL in what stands between two blanks."""
    if behind - first < TOKENS_MIN:
        return None
    begin = _begin(tokens, first, behind)
    while behind > first and tokens[behind - 1].text in _CLOSING:
        behind -= 1
    if behind <= first:
        return None
    if begin is None:
        text = "".join(token.text for token in tokens[first:behind]).casefold()
        if not any(profile in text for profile in PROFILES):
            return None
        begin = first
        while begin < behind and tokens[begin].kind == "p":
            begin += 1
    if begin >= behind:
        return None
    text = "".join(token.text for token in tokens[begin:behind])
    if not _identifies(text):
        return None
    return Finding(Kind.URL, tokens[begin].start, tokens[behind - 1].end, text)


def _begin(tokens: Sequence[Token], first: int, behind: int) -> int | None:
    for at in range(first, behind):
        token = tokens[at]
        if token.word == "www" and at + 1 < behind and tokens[at + 1].text == ".":
            return at
        if token.word in _SCHEMES and at + 1 < behind and tokens[at + 1].text == ":":
            return at
    return None


def _identifies(url: str) -> bool:
    scheme, _, rest = url.partition(":")
    if scheme.casefold() in {"mailto", "tel", "sms"}:
        return len(rest) > 0
    lower = url.casefold()
    rest = lower.partition("://")[2] or lower
    host, slash, path = rest.partition("/")
    if "@" in host or "?" in rest or "#" in rest:
        return True
    for profile in PROFILES:
        name, _, beginning = profile.partition("/")
        if (host == name or host.endswith("." + name)) and slash and path.startswith(beginning) and path != beginning:
            return True
    return any(_is_identifier(segment) for segment in path.split("/"))


def _is_identifier(segment: str) -> bool:
    if segment[:1] in {"@", "~"} or "=" in segment:
        return True
    in_a_row = longest = 0
    for character in segment:
        in_a_row = in_a_row + 1 if character.isdecimal() else 0
        longest = max(longest, in_a_row)
    if longest >= DIGITS_IN_A_ROW_MIN:
        return True
    return longest > 0 and len(segment) >= MIXED_LENGTH_MIN and "-" not in segment
