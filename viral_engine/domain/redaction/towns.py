"""What follows an address: a British postcode behind a town, five figures and a town, a town that many texts name."""

from collections.abc import Sequence

from viral_engine.domain.redaction.tokens import Token, is_capitalised

__all__ = ["british_end", "over_commas", "postcode_and_town"]

POSTCODE_LENGTH = 5
TOWN_WORDS_MAX = 6
AREA_LENGTH_MAX = 2
DISTRICT_LENGTH_MAX = 2
TOWNS = frozenset({
    "madrid", "barcelona", "valencia", "sevilla", "zaragoza", "malaga", "bilbao", "alicante", "murcia", "granada",
    "cdmx", "guadalajara", "monterrey", "puebla", "tijuana", "bogota", "medellin", "cali", "lima", "quito",
    "caracas", "montevideo", "paris", "lyon", "marseille", "toulouse", "nice", "lille", "bordeaux", "geneve",
    "bruxelles", "montreal",
})  # fmt: skip
"""Hidden behind an address without a postcode too."""

_COUNTRIES = frozenset({"espana", "spain", "mexico", "colombia", "argentina", "peru", "chile", "france", "belgique"})
_PARTICLES = frozenset({"de", "del", "la", "las", "los", "el", "le", "les", "en", "sur", "sous"})


def over_commas(tokens: Sequence[Token], at: int) -> int:
    """Returns the next token that is neither a blank nor a comma, at most three on."""
    for _ in range(3):
        if at < len(tokens) and (tokens[at].kind == "s" or tokens[at].text == ","):
            at += 1
    return at


def postcode_and_town(tokens: Sequence[Token], last: int) -> int:
    """Returns the last token of `28014 Madrid` or `Madrid` behind an address; `last` where there is neither."""
    at = over_commas(tokens, last + 1)
    if at < len(tokens) and tokens[at].kind == "d" and len(tokens[at].text) == POSTCODE_LENGTH:
        return _town(tokens, at)
    return at if at < len(tokens) and at > last + 1 and tokens[at].word in TOWNS else last


def _town(tokens: Sequence[Token], postcode: int) -> int:
    last = postcode
    at = postcode + 1
    for _ in range(TOWN_WORDS_MAX):
        at = _over_a_joint(tokens, at)
        if at >= len(tokens) or tokens[at].kind != "w":
            break
        if is_capitalised(tokens[at]) or tokens[at].word in TOWNS:
            last = at
        elif tokens[at].word not in _PARTICLES:
            break
        at += 1
    return last


def _over_a_joint(tokens: Sequence[Token], at: int) -> int:
    """Returns the position behind one blank or hyphen, or behind a comma and a blank before a country."""
    if at + 2 < len(tokens) and tokens[at].text == "," and tokens[at + 2].word in _COUNTRIES:
        return at + 2
    is_joint = at < len(tokens) and (tokens[at].text == "-" or tokens[at].kind == "s")
    return at + 1 if is_joint and "\n" not in tokens[at].text else at


def british_end(tokens: Sequence[Token], last: int) -> int | None:
    """Returns the last token of a British postcode behind an address and up to six words of a town."""
    at = over_commas(tokens, last + 1)
    for _ in range(TOWN_WORDS_MAX + 1):
        if at >= len(tokens) or tokens[at].kind != "w":
            return None
        end = _british_postcode(tokens, at)
        if end is not None:
            return end
        at = over_commas(tokens, at + 1)
    return None


def _british_postcode(tokens: Sequence[Token], at: int) -> int | None:
    """Returns the last token of one or two letters, a figure or two or a figure and a letter, a figure, two letters."""
    if len(tokens[at].text) > AREA_LENGTH_MAX or at + 1 >= len(tokens) or tokens[at + 1].kind != "d":
        return None
    district = tokens[at + 1].text
    at += 2
    if len(district) > DISTRICT_LENGTH_MAX or at >= len(tokens):
        return None
    if tokens[at].kind == "w" and len(tokens[at].text) == 1:
        at += 1
    if at < len(tokens) and tokens[at].text == " ":
        at += 1
    if at + 1 >= len(tokens) or tokens[at].kind != "d" or len(tokens[at].text) != 1:
        return None
    unit = tokens[at + 1]
    return at + 1 if unit.kind == "w" and len(unit.text) == AREA_LENGTH_MAX else None
