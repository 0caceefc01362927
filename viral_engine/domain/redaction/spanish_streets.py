"""Street addresses as written in Spanish: the kind of street, a name, the house number, a floor, postcode and town."""

from collections.abc import Iterator, Sequence

from viral_engine.domain.redaction.digits import is_mathematics
from viral_engine.domain.redaction.kinds import Finding, Kind
from viral_engine.domain.redaction.tokens import Token, is_capitalised, neighbour, text_of
from viral_engine.domain.redaction.towns import over_commas, postcode_and_town

__all__ = ["find_spanish_streets"]

NAME_WORDS_MAX = 6
LOWER_CASE_WORDS_MAX = 2
NUMBER_LENGTH_MAX = 4
FLOORS_MAX = 3
SURE = frozenset({"calle", "avenida", "avda", "callejon", "carretera", "ctra", "calzada"})
SHORT = frozenset({"av", "ave"})
"""Of averages and of birds too: believed with a capital in the name."""

MAYBE = frozenset({
    "plaza", "pza", "plza", "paseo", "pso", "carrera", "cra", "camino", "ronda", "travesia", "glorieta", "via",
    "rambla", "pasaje", "bulevar", "boulevard", "circuito", "privada", "cerrada",
})  # fmt: skip
"""Words of sentences too: believed with a capital, and a capital in the name."""

NUMBERED = SURE | MAYBE | SHORT | {"kr", "cl", "diagonal", "transversal"}
"""What may have a number for a name, with the distance from another such street: 7 # 12-34."""

_PARTICLES = frozenset({"de", "del", "la", "las", "los", "el", "y"})
_NOT_NAMES = frozenset({
    "es", "era", "son", "esta", "estan", "hay", "tiene", "tienen", "mide", "con", "en", "que", "a", "al", "por", "para",
    "un", "una", "se", "su", "mi", "tu", "donde", "cuando", "como", "hasta", "desde", "si", "no", "lado", "lados", "is",
    "has", "was", "of", "with", "the", "and", "numero", "principal", "siguiente", "larga", "ancha",
})  # fmt: skip
_NUMBER_MARKS = frozenset({"no", "n", "num", "numero", "nro", "#", "km"})
_FLOORS = frozenset({
    "piso", "puerta", "pta", "planta", "bajo", "bajos", "atico", "depto", "departamento", "dpto", "apto", "int",
    "interior", "esc", "escalera", "local", "casa", "bis", "izq", "izquierda", "dcha", "derecha", "entresuelo",
    "principal",
})  # fmt: skip
_BEFORE_A_KIND = frozenset("(,.:;!?\"'")
_BEHIND_A_NUMBER = _FLOORS | {
    "y",
    "e",
    "o",
    "en",
    "de",
    "con",
    "cerca",
    "al",
    "a",
    "frente",
    "junto",
    "pero",
    "que",
    "por",
    "para",
    "esquina",
    "entre",
    "si",
    "mi",
    "no",
    "es",
    "and",
    "in",
    "near",
}
_ORDINALS = frozenset({"o", "a", "er", "do", "ta"})
"""What becomes of the raised letters of `2º 1ª`."""


def find_spanish_streets(tokens: Sequence[Token]) -> Iterator[Finding]:
    """Yields every street address that begins with the kind of street."""
    at = 0
    while at < len(tokens):
        last = _address(tokens, at) if tokens[at].kind == "w" else None
        if last is None:
            at += 1
            continue
        yield Finding(Kind.ADDRESS, tokens[at].start, tokens[last].end, text_of(tokens, at, last))
        at = last + 1


def _address(tokens: Sequence[Token], at: int) -> int | None:
    name = _behind_the_kind(tokens, at)
    if name is None:
        return None
    kind = tokens[at]
    number = _grid(tokens, name)
    if number is None and (kind.word in SURE | SHORT | {"c"} or (kind.word in MAYBE and is_capitalised(kind))):
        number = _number_behind_a_name(tokens, name, needs_capital=kind.word in MAYBE | SHORT)
    return None if number is None else postcode_and_town(tokens, _floors(tokens, number))


def _behind_the_kind(tokens: Sequence[Token], at: int) -> int | None:
    """Returns where the name begins behind a kind of street: `Calle `, `Av. `, `C/`."""
    token = tokens[at]
    if token.word == "c":
        begin = at + 2 if at + 1 < len(tokens) and tokens[at + 1].text == "/" else None
        before = neighbour(tokens, at - 1, -1)
        if begin is None or (before is not None and before.kind in "dp" and before.text not in _BEFORE_A_KIND):
            return None
        return begin + 1 if begin < len(tokens) and tokens[begin].kind == "s" else begin
    if token.word not in NUMBERED:
        return None
    at += 1
    if at < len(tokens) and tokens[at].text == ".":
        at += 1
    return at + 1 if at < len(tokens) and _is_blank(tokens[at]) else None


def _is_blank(token: Token) -> bool:
    return token.kind == "s" and "\n" not in token.text


def _grid(tokens: Sequence[Token], at: int) -> int | None:
    """Returns the last token of `7 # 12-34`: a numbered street, the crossing one, the distance from it."""
    if at >= len(tokens) or tokens[at].kind != "d" or len(tokens[at].text) > NUMBER_LENGTH_MAX:
        return None
    at = _over_a_letter(tokens, at + 1)
    at = over_commas(tokens, at)
    if at >= len(tokens) or (tokens[at].word not in _NUMBER_MARKS - {"km"} and tokens[at].text != "#"):
        return None
    at += 1
    for text in (".", " "):
        if at < len(tokens) and tokens[at].text == text:
            at += 1
    if at >= len(tokens) or tokens[at].kind != "d":
        return None
    at = _over_a_letter(tokens, at + 1)
    for text in (" ", "-", " "):
        if at < len(tokens) and tokens[at].text == text:
            at += 1
    return at if at < len(tokens) and tokens[at].kind == "d" and tokens[at - 1].text in {"-", " "} else None


def _over_a_letter(tokens: Sequence[Token], at: int) -> int:
    return at + 1 if at < len(tokens) and tokens[at].kind == "w" and len(tokens[at].text) == 1 else at


def _number_behind_a_name(tokens: Sequence[Token], at: int, *, needs_capital: bool) -> int | None:
    """Returns the last token of the house number behind up to six words of a name."""
    words = capitals = 0
    if at + 2 < len(tokens) and tokens[at].kind == "d" and tokens[at + 2].word == "de":
        at += 2  # a day: 5 de Mayo
    for _ in range(NAME_WORDS_MAX):
        if at >= len(tokens) or tokens[at].kind != "w":
            break
        token = tokens[at]
        if token.word in _NUMBER_MARKS:
            break
        if token.word == "s" and at + 1 < len(tokens) and tokens[at + 1].text == "/":
            break
        if token.word in _NOT_NAMES and not (is_capitalised(token) and words == 0):
            break
        words += token.word not in _PARTICLES
        capitals += token.word not in _PARTICLES and is_capitalised(token)
        at += 1
        if at < len(tokens) and tokens[at].text in {".", "-", "'"} and at + 1 < len(tokens):
            at += 1
        if at < len(tokens) and _is_blank(tokens[at]):
            at += 1
    if words == 0 or (capitals < words and (needs_capital or capitals > 0 or words > LOWER_CASE_WORDS_MAX)):
        return None
    return _house_number(tokens, at, is_sure=capitals > 0 and not needs_capital)


def _house_number(tokens: Sequence[Token], at: int, *, is_sure: bool) -> int | None:
    """Returns the last token of a number that is no count of something: `15`, `, 15B`, `n.º 15`, `s/n`."""
    at = over_commas(tokens, at)
    if at + 2 < len(tokens) and tokens[at].word == "s" and (tokens[at + 1].text, tokens[at + 2].word) == ("/", "n"):
        return at + 2
    if at < len(tokens) and (tokens[at].word in _NUMBER_MARKS or tokens[at].text == "#"):
        is_sure = True
        at += 1
        for text in (".", "o", " "):
            if at < len(tokens) and tokens[at].text == text:
                at += 1
    if at >= len(tokens) or tokens[at].kind != "d" or len(tokens[at].text) > NUMBER_LENGTH_MAX:
        return None
    last = at
    if last + 1 < len(tokens) and tokens[last + 1].kind == "w":
        if len(tokens[last + 1].text) > 1:
            return None
        last += 1
    if is_mathematics(tokens, last, last):
        return None
    behind = over_commas(tokens, last + 1)
    is_count = behind == last + 2 and tokens[behind - 1].kind == "s" and _is_counted(tokens, behind)
    return last if is_sure or not is_count else None


def _is_counted(tokens: Sequence[Token], at: int) -> bool:
    """Tells whether the word behind a number is a thing of which there are so many."""
    return (
        at < len(tokens)
        and tokens[at].kind == "w"
        and not is_capitalised(tokens[at])
        and tokens[at].word not in _BEHIND_A_NUMBER
    )


def _floors(tokens: Sequence[Token], last: int) -> int:
    """Returns the last token over a floor and a door: `, 2º 1ª`, `, piso 3`, ` bis`, `, 3º izq`."""
    for _ in range(FLOORS_MAX):
        at = over_commas(tokens, last + 1)
        if at >= len(tokens) or at == last + 1:
            break
        token = tokens[at]
        following = tokens[at + 1] if at + 1 < len(tokens) else None
        if token.kind == "d" and following is not None and following.word in _ORDINALS and len(token.text) <= 2:  # noqa: PLR2004
            last = at + 1
        elif token.word in _FLOORS:
            last = _floors_number(tokens, at)
        else:
            break
    return last


def _floors_number(tokens: Sequence[Token], at: int) -> int:
    number = at + 1
    if number < len(tokens) and tokens[number].text == ".":
        number += 1
    if number < len(tokens) and _is_blank(tokens[number]):
        number += 1
    if number >= len(tokens):
        return at
    is_number = tokens[number].kind == "d" or (tokens[number].kind == "w" and len(tokens[number].text) == 1)
    if not is_number or len(tokens[number].text) > NUMBER_LENGTH_MAX:
        return at
    following = tokens[number + 1] if number + 1 < len(tokens) else None
    return number + 1 if following is not None and following.word in _ORDINALS else number
