"""Addresses without a kind of street, behind words that say that somebody lives there: `I live at 22 Maple`."""

from collections.abc import Iterator, Sequence

from viral_engine.domain.redaction.kinds import Finding, Kind
from viral_engine.domain.redaction.streets import beyond
from viral_engine.domain.redaction.tokens import Token, is_capitalised, neighbour, text_of
from viral_engine.domain.redaction.towns import over_commas, postcode_and_town

__all__ = ["find_said_addresses"]

NUMBER_LENGTH_MAX = 5
NAME_WORDS_MAX = 4
CUE_WORDS = 3
CUES = frozenset({
    ("i", "live", "at"), ("we", "live", "at"), ("he", "lives", "at"), ("she", "lives", "at"), ("they", "live", "at"),
    ("my", "address", "is"), ("our", "address", "is"), ("my", "address", "s"), ("home", "address", "is"),
    ("mi", "direccion", "es"), ("nuestra", "direccion", "es"), ("su", "direccion", "es"), ("mi", "domicilio", "es"),
    ("j", "habite", "au"), ("habite", "au", "numero"), ("mon", "adresse", "est"),
    ("yo", "vivo", "en"), ("vivo", "en"), ("vivimos", "en"), ("vive", "en"), ("my", "address"), ("mi", "direccion"),
})  # fmt: skip
_ENDS = {cue[-1] for cue in CUES}
_PARTICLES = frozenset({"de", "del", "la", "las", "los", "el"})
_MEASURES = frozenset({
    "degrees", "degree", "meters", "metres", "miles", "feet", "percent", "km", "kilometers", "north", "south", "east",
    "west", "am", "pm", "and", "or", "of", "with", "in", "on", "grados", "metros", "o", "y", "a", "minutes", "minutos",
    "hours", "blocks",
})  # fmt: skip
_BEHIND_A_NAME = frozenset({"and", "with", "near", "in", "so", "but", "if", "y", "con", "cerca", "en", "pero"})
_BETWEEN = frozenset({":", ",", "'"})


def find_said_addresses(tokens: Sequence[Token]) -> Iterator[Finding]:
    """Yields a number and a name, in either order, behind words that say whose address follows."""
    for at, token in enumerate(tokens):
        if token.word not in _ENDS or not _is_cue(tokens, at):
            continue
        first = at + 1
        while first < len(tokens) and first < at + CUE_WORDS and (_is_gap(tokens[first])):
            first += 1
        last = _number_first(tokens, first) or _name_first(tokens, first)
        if last is not None:
            yield Finding(Kind.ADDRESS, tokens[first].start, tokens[last].end, text_of(tokens, first, last))


def _is_gap(token: Token) -> bool:
    return token.kind == "s" or token.text in _BETWEEN


def _is_cue(tokens: Sequence[Token], at: int) -> bool:
    """Tells whether the words up to this one are a cue, with nothing but blanks and apostrophes between."""
    words: list[str] = []
    for position in range(at, max(-1, at - 2 * CUE_WORDS), -1):
        token = tokens[position]
        if token.kind == "w":
            words.insert(0, token.word)
            if tuple(words) in CUES:
                return True
            if len(words) == CUE_WORDS:
                return False
        elif token.kind != "s" and token.text != "'":
            return False
    return False


def _number_first(tokens: Sequence[Token], at: int) -> int | None:
    """Returns the last token of `22 Maple` and what follows of unit, town and postcode."""
    if at >= len(tokens) or not _is_number(tokens[at]):
        return None
    at += 1
    if at < len(tokens) and tokens[at].kind == "w" and len(tokens[at].text) == 1:
        at += 1
    if at >= len(tokens) or tokens[at].text != " ":
        return None
    last = None
    for word in range(NAME_WORDS_MAX):
        if at + 1 >= len(tokens) or tokens[at].text != " ":
            break
        token = tokens[at + 1]
        if not is_capitalised(token) and (word > 0 or not _is_name_in_lower_case(tokens, at + 1)):
            break
        last = at + 1
        at += 2
    return None if last is None else beyond(tokens, last)


def _is_name_in_lower_case(tokens: Sequence[Token], at: int) -> bool:
    """Tells whether a word that ends the clause is a name rather than a measure."""
    token = tokens[at]
    if token.kind != "w" or token.word in _MEASURES:
        return False
    behind = neighbour(tokens, at + 1, 1)
    return behind is None or behind.text in {".", ",", "!", ";"} or behind.word in _BEHIND_A_NAME


def _name_first(tokens: Sequence[Token], at: int) -> int | None:
    """Returns the last token of `Mayor 15`, unless so many of something are there."""
    begin = at
    words = 0
    while at < len(tokens) and at < begin + 2 * NAME_WORDS_MAX:
        token = tokens[at]
        if token.kind == "w" and (is_capitalised(token) or token.word in _PARTICLES):
            words += is_capitalised(token)
        elif token.text != " ":
            break
        at += 1
    at = over_commas(tokens, at)
    if words == 0 or at >= len(tokens) or not _is_number(tokens[at]) or tokens[at - 1].kind not in "sp":
        return None
    behind = over_commas(tokens, at + 1)
    is_count = behind == at + 2 and tokens[at + 1].kind == "s" and tokens[behind : behind + 1] != []
    if at + 1 < len(tokens) and (tokens[at + 1].kind == "w" or (is_count and tokens[behind].kind == "w")):
        return None
    return postcode_and_town(tokens, at)


def _is_number(token: Token) -> bool:
    return token.kind == "d" and len(token.text) <= NUMBER_LENGTH_MAX
