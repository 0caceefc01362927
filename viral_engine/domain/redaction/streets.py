"""Street addresses: a house number, a name, a kind of street, and what follows of unit, town, state and ZIP code."""

from collections.abc import Iterator, Sequence

from viral_engine.domain.redaction.kinds import Finding, Kind
from viral_engine.domain.redaction.tokens import Token, is_capitalised, neighbour, text_of
from viral_engine.domain.redaction.towns import british_end

__all__ = ["beyond", "find_streets"]

NUMBER_LENGTH_MAX = 6
NAME_WORDS_MAX = 5
TOWN_WORDS_MAX = 3
ZIP_LENGTH = 5
UNIT_TOKENS_MAX = 2
"""A number and a letter: 4B."""
LOWER_CASE_WORDS_MAX = 2
SURE = frozenset({
    "street", "st", "avenue", "ave", "boulevard", "blvd", "road", "rd", "lane", "ln", "highway", "hwy", "parkway",
    "pkwy", "terrace", "ter", "crescent",
})  # fmt: skip
MAYBE = frozenset({
    "drive", "dr", "court", "ct", "way", "place", "pl", "circle", "cir", "square", "sq", "trail", "trl", "loop",
    "alley", "plaza", "row", "run", "path", "pike", "ridge", "crossing", "cove", "point", "hill", "pass", "walk",
    "park",
})  # fmt: skip
"""Kinds of streets that are words of geometry and of sentences too: believed with a capital only."""

STATES = frozenset(
    """
    al ak az ar ca co ct de fl ga hi id il in ia ks ky la me md ma mi mn ms mo mt ne nv nh nj nm ny nc nd oh ok or pa ri
    sc sd tn tx ut vt va wa wv wi wy dc
    """.split()  # noqa: SIM905  (words are read more easily than a list of them)
)
_NOT_NAMES = frozenset({
    "the", "a", "an", "of", "to", "in", "on", "at", "and", "or", "is", "are", "was", "were", "for", "from",
    "with", "down", "up", "by", "my", "our", "your", "his", "her", "their", "we", "i", "you", "he", "she", "they",
    "it", "this", "that", "per", "blocks", "block", "miles", "mile", "minutes", "hours", "days", "feet", "inch",
    "times", "unit", "perfect", "people", "cars", "houses", "students", "trees", "different", "way", "if", "then",
    "than", "as",
})  # fmt: skip
_UNITS = frozenset({"apt", "apartment", "unit", "suite", "ste", "floor", "fl", "room", "rm"})
_DIRECTIONS = frozenset({"north", "south", "east", "west", "n", "s", "e", "w", "ne", "nw", "se", "sw"})
_BEFORE_A_NUMBER = frozenset("=+*/^.,-<>×÷%$")  # noqa: RUF001  (a multiplication sign is meant)


def find_streets(tokens: Sequence[Token]) -> Iterator[Finding]:
    """Yields every street address and post-office box."""
    at = 0
    while at < len(tokens):
        token = tokens[at]
        last = None
        if token.kind == "d" and len(token.text) <= NUMBER_LENGTH_MAX:
            last = _street(tokens, at)
        elif token.word in {"po", "p", "post"}:
            last = _box(tokens, at)
        if last is None:
            at += 1
            continue
        last = beyond(tokens, last)
        yield Finding(Kind.ADDRESS, token.start, tokens[last].end, text_of(tokens, at, last))
        at = last + 1


def _street(tokens: Sequence[Token], number: int) -> int | None:
    """Returns the last token of the kind of street."""
    before = tokens[number - 1] if number > 0 else None
    if before is not None and (before.kind == "w" or before.text in _BEFORE_A_NUMBER):
        return None
    at = number + 1
    if at < len(tokens) and tokens[at].kind == "w" and len(tokens[at].text) == 1:
        at += 1
    words = 0
    capitals = 0
    while at + 1 < len(tokens) and tokens[at].kind == "s" and tokens[at].text.count("\n") == 0:
        at += 1
        token = tokens[at]
        if token.kind == "d":
            # An ordinal: 5th.
            if at + 1 >= len(tokens) or tokens[at + 1].word not in {"st", "nd", "rd", "th"}:
                return None
            at += 1
        elif token.kind != "w" or token.word in _NOT_NAMES - _DIRECTIONS:
            return None
        elif words > 0 and _is_kind(token, words, capitals):
            return at
        capitals += is_capitalised(token) or token.kind == "d" or token.word in _DIRECTIONS
        words += 1
        if words > NAME_WORDS_MAX:
            return None
        at += 1
        if at < len(tokens) and tokens[at].text == ".":
            at += 1
    return None


def _is_kind(token: Token, words: int, capitals: int) -> bool:
    if token.word in MAYBE:
        return is_capitalised(token) and capitals == words
    return token.word in SURE and (capitals == words or words <= LOWER_CASE_WORDS_MAX)


def _box(tokens: Sequence[Token], at: int) -> int | None:
    letters = ""
    for position in range(at, min(at + 12, len(tokens))):
        token = tokens[position]
        if token.kind == "d":
            return position if letters in {"pobox", "postofficebox"} else None
        if token.kind == "w":
            letters += token.word
        elif token.kind == "x":
            return None
    return None


def beyond(tokens: Sequence[Token], last: int) -> int:
    """Returns the last token of the address: over a dot, a unit, the town, the state, the ZIP code."""
    if last + 1 < len(tokens) and tokens[last + 1].text == "." and neighbour(tokens, last + 2, 1) is not None:
        following = neighbour(tokens, last + 2, 1)
        if following is not None and (following.text in {",", "#"} or following.word in _UNITS):
            last += 1
    last = _unit(tokens, last)
    return british_end(tokens, last) or _town(tokens, last)


def _skip(tokens: Sequence[Token], at: int) -> int:
    """Returns the next token that is neither a blank nor a comma, at most two on."""
    for _ in range(3):
        if at < len(tokens) and (tokens[at].kind == "s" or tokens[at].text == ","):
            at += 1
    return at


def _unit(tokens: Sequence[Token], last: int) -> int:
    at = _skip(tokens, last + 1)
    if at >= len(tokens) or (tokens[at].word not in _UNITS and tokens[at].text != "#"):
        return last
    at += 1
    for text in (".", " ", "#"):
        if at < len(tokens) and tokens[at].text == text:
            at += 1
    end = at
    for token in tokens[at : at + UNIT_TOKENS_MAX]:
        if token.kind != "d" and not (token.kind == "w" and len(token.text) == 1):
            break
        end += 1
    return end - 1 if end > at else last


def _town(tokens: Sequence[Token], last: int) -> int:
    at = _skip(tokens, last + 1)
    for _ in range(TOWN_WORDS_MAX + 1):
        if at >= len(tokens) or not is_capitalised(tokens[at]):
            break
        if tokens[at].text.isupper() and tokens[at].word in STATES:
            zip_at = _skip(tokens, at + 1)
            return _zip(tokens, zip_at) or at
        at = _skip(tokens, at + 1)
    return _zip(tokens, at) or last


def _zip(tokens: Sequence[Token], at: int) -> int | None:
    if at >= len(tokens) or tokens[at].kind != "d" or len(tokens[at].text) != ZIP_LENGTH:
        return None
    if at + 2 < len(tokens) and tokens[at + 1].text == "-" and tokens[at + 2].kind == "d":
        return at + 2
    return at
