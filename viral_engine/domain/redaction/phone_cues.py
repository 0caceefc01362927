"""Words that say whose number follows, in English and Spanish, and how sure they are of it.

"My phone number is" and "call me at" leave no doubt. "My number is" is said of a number that somebody thought of too,
"the number is" most of all: then the form, or what is said behind, has to tell.
"""

from collections.abc import Sequence
from enum import Enum

from viral_engine.domain.redaction.tokens import Token, neighbour

__all__ = ["Cue", "asks_to_call", "counts_with", "cue_in_front", "reasons_about"]

IN_FRONT_TOKENS_MAX = 20
BEHIND_TOKENS_MAX = 12
FILLERS_MAX = 5
_SIGNS = frozenset(":(+='\"*_->#&@")
_LINKS = frozenset({"is", "s", "are", "es", "son"})
_NUMBERS = frozenset({"number", "numbers", "num", "no", "nr", "digits", "numero", "#"})
_PHONES = frozenset({
    "phone", "telephone", "cellphone", "tel", "whatsapp", "wasap", "wsp", "landline", "telefono", "tlf", "tfno",
})  # fmt: skip
_THINGS = frozenset({"cell", "mobile", "movil", "celular", "cel", "fijo", "home", "work"})
"""Phones only where somebody says that it is theirs: a cell is a part of a body too."""

_OWNERS = frozenset({"my", "our", "his", "her", "their", "your", "mi", "mis", "nuestro", "su", "tu"})
_ADJECTIVES = frozenset({
    "new", "old", "real", "own", "personal", "other", "second", "private", "nuevo", "otro", "parents",
    "mom", "dad", "mum", "moms", "dads", "s", "de",
})  # fmt: skip
_GIVES = frozenset({"here", "heres", "save", "add", "take", "guarda", "apunta", "anota", "toma", "ten"})
_ASKS = frozenset({
    "call", "text", "reach", "ring", "phone", "dial", "message", "msg", "txt", "contact", "whatsapp", "sms", "hit",
    "buzz", "get",
})  # fmt: skip
_ASKED = frozenset({"me", "us"})
_ASKS_IN_ONE = frozenset({
    "llamame", "llameme", "llamenme", "llamanos", "llamarme", "escribeme", "escribame", "escribenos", "escribirme",
    "hablame", "hablarme", "marcame", "marcarme", "contactame", "contactarme", "mandame", "enviame", "texteame",
    "localizame", "localizarme", "whatsappeame", "wasapeame",
})  # fmt: skip
_FILLERS = frozenset({
    "at", "on", "up", "back", "via", "using", "this", "my", "number", "cell", "phone", "mobile", "whatsapp", "al", "a",
    "el", "en", "por", "este", "mi", "numero", "un", "una", "mensaje", "mensajito", "sms", "wasap", "telefono", "movil",
    "celular", "now", "ya",
})  # fmt: skip
_COUNTING = frozenset({
    "divided", "times", "plus", "minus", "multiplied", "squared", "cubed", "over", "mod", "modulo", "dividido", "entre",
    "por", "mas", "menos", "equals",
})  # fmt: skip
_REASONING = frozenset({"because", "since", "has", "is", "if", "porque", "pues", "ya", "tiene", "es", "si"})


class Cue(Enum):
    """How sure the words in front of a number are that somebody is called there."""

    SURE = "sure"
    OWN = "own"
    ANY = "any"


def cue_in_front(tokens: Sequence[Token], at: int) -> Cue | None:
    """Returns what the words directly in front of a number say, with nothing but blanks and small signs between."""
    words = _words_in_front(tokens, at)
    if _asks(words):
        return Cue.SURE
    is_linked = bool(words) and words[0] in _LINKS
    words = words[is_linked:]
    if not words:
        return None
    if words[0] in _PHONES:
        return Cue.SURE
    if words[0] in _THINGS:
        return Cue.SURE if _is_owned(words[1:]) else None
    if words[0] not in _NUMBERS:
        return None
    words = words[1:]
    if words and (words[0] in _PHONES or (words[0] in _THINGS and _is_owned(words[1:]))):
        return Cue.SURE
    if not _is_owned(words):
        return Cue.ANY if is_linked else None
    return Cue.SURE if not _GIVES.isdisjoint(words) else Cue.OWN


def asks_to_call(tokens: Sequence[Token], last: int) -> bool:
    """Tells whether it is asked for a call or a message soon behind a number: `..., text me`."""
    asked = ""
    for token in tokens[last + 1 : last + 1 + BEHIND_TOKENS_MAX]:
        if token.kind in "dx" or token.text in {";", "?"}:
            return False
        if token.word in _ASKS_IN_ONE or (token.word in _ASKED and asked in _ASKS):
            return True
        if token.kind == "w":
            asked = token.word
    return False


def counts_with(tokens: Sequence[Token], last: int) -> bool:
    """Tells whether the word behind a number counts with it: `... divided by 7`."""
    return _word_behind(tokens, last) in _COUNTING


def reasons_about(tokens: Sequence[Token], last: int) -> bool:
    """Tells whether the word behind a number says why or what it is: `... because 7 divides it`."""
    return _word_behind(tokens, last) in _REASONING


def _word_behind(tokens: Sequence[Token], last: int) -> str:
    """Returns the word directly behind, or behind one blank; empty where there is none."""
    behind = neighbour(tokens, last + 1, 1)
    return "" if behind is None else behind.word


def _words_in_front(tokens: Sequence[Token], at: int) -> list[str]:
    """Returns the words in front, the nearest first, up to the end of the clause before."""
    words: list[str] = []
    for position in range(at - 1, max(-1, at - 1 - IN_FRONT_TOKENS_MAX), -1):
        token = tokens[position]
        if token.kind == "w":
            words.append(token.word)
        elif token.text == "#":
            words.append("#")
        elif token.kind in "dx" or (token.kind == "p" and token.text not in _SIGNS):
            break
    return words


def _asks(words: Sequence[str]) -> bool:
    """Tells whether the words, the nearest first, ask for a call: `call me at`, `llamame al`."""
    at = 0
    while at < len(words) and at < FILLERS_MAX and words[at] in _FILLERS:
        at += 1
    if at >= len(words):
        return False
    if words[at] in _ASKS_IN_ONE:
        return True
    return words[at] in _ASKED and at + 1 < len(words) and words[at + 1] in _ASKS


def _is_owned(words: Sequence[str]) -> bool:
    """Tells whether the thing behind these words, the nearest first, is said to be somebody's."""
    for word in words[:FILLERS_MAX]:
        if word in _OWNERS:
            return True
        if word not in _ADJECTIVES:
            return False
    return False
