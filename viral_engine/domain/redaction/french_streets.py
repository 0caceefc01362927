"""Street addresses as written in French: the house number, the kind of street, a name, postcode and town."""

from collections.abc import Iterator, Sequence

from viral_engine.domain.redaction.kinds import Finding, Kind
from viral_engine.domain.redaction.tokens import Token, is_capitalised, text_of
from viral_engine.domain.redaction.towns import over_commas, postcode_and_town

__all__ = ["find_french_streets"]

NUMBER_LENGTH_MAX = 4
NAME_WORDS_MAX = 6
SURE = frozenset({"rue", "boulevard", "bd", "avenue", "quai", "impasse", "allee", "chemin", "faubourg"})
MAYBE = frozenset({"place", "cours", "square", "passage", "route", "villa"})
"""Words of English sentences and headings too (`Lesson 3 Place Value`): believed with `de` behind them."""

_PARTICLES = frozenset({"de", "du", "des", "d", "la", "le", "les", "l", "et"})
_OF = frozenset({"de", "du", "des", "d"})
_REPEATED = frozenset({"bis", "ter", "quater"})
_BEFORE_A_NUMBER = frozenset("=+*/^.-<>×÷%$")  # noqa: RUF001  (a multiplication sign is meant)


def find_french_streets(tokens: Sequence[Token]) -> Iterator[Finding]:
    """Yields every street address that begins with the house number and the kind of street."""
    at = 0
    while at < len(tokens):
        is_number = tokens[at].kind == "d" and len(tokens[at].text) <= NUMBER_LENGTH_MAX
        last = _address(tokens, at) if is_number else None
        if last is None:
            at += 1
            continue
        yield Finding(Kind.ADDRESS, tokens[at].start, tokens[last].end, text_of(tokens, at, last))
        at = last + 1


def _address(tokens: Sequence[Token], number: int) -> int | None:
    before = tokens[number - 1] if number > 0 else None
    if before is not None and (before.kind == "w" or before.text in _BEFORE_A_NUMBER):
        return None
    at = over_commas(tokens, number + 1)
    if at < len(tokens) and (tokens[at].word in _REPEATED or (at == number + 1 and len(tokens[at].word) == 1)):
        at = over_commas(tokens, at + 1)
    if at == number + 1 or at >= len(tokens) or tokens[at].word not in SURE | MAYBE:
        return None
    last = _name(tokens, at)
    return None if last is None else postcode_and_town(tokens, last)


def _name(tokens: Sequence[Token], kind: int) -> int | None:
    """Returns the last token of the name: words with a capital, or one word behind `de`, `du`, `des`, `d'`."""
    last = None
    is_of = False
    at = kind + 1
    for _ in range(NAME_WORDS_MAX):
        at = _over_a_joint(tokens, at)
        if at >= len(tokens) or tokens[at].kind != "w":
            break
        token = tokens[at]
        if token.word in _PARTICLES and (last is None or not is_capitalised(token)):
            is_of = is_of or (token.word in _OF and last is None)
        elif is_capitalised(token):
            last = at
        elif last is None and is_of:
            return at
        else:
            break
        at += 1
    return last if is_of or tokens[kind].word in SURE else None


def _over_a_joint(tokens: Sequence[Token], at: int) -> int:
    """Returns the position behind one blank, hyphen or apostrophe."""
    is_joint = at < len(tokens) and (tokens[at].text in {"-", "'"} or tokens[at].kind == "s")
    return at + 1 if is_joint and "\n" not in tokens[at].text else at
