"""What says `@` or `.` in an address: the signs, words for them, and how pages and links write them."""

from collections.abc import Sequence
from typing import NamedTuple

from viral_engine.domain.redaction.tokens import Token

__all__ = ["Atom", "atoms_of", "may_hold_marks"]

BRACKETS_MAX = 2
_OPEN = frozenset("([{<")
_CLOSE = frozenset(")]}>")
_FLANKS = frozenset("-_*|\"'~/\\+=")
_WORDS = {"at": "@", "arroba": "@", "dot": ".", "period": ".", "point": ".", "punto": ".", "punkt": ".", "ponto": "."}
_ENCODED = {
    ("&", "#", "64", ";"): "@", ("&", "#", "x", "40", ";"): "@", ("&", "commat", ";"): "@", ("%", "40"): "@",
    ("&", "#", "46", ";"): ".", ("&", "#", "x", "2", "e", ";"): ".", ("&", "period", ";"): ".",
}  # fmt: skip
_AT_SIGNS = frozenset({"@", "commat", "64", "40"})


class Atom(NamedTuple):
    """A token, or several that together say `@` or `.`.

    Attributes:
        is_loose: said by a bare word, or with blanks around it: believed only where the rest of the address says so.
        word: the word that said it, in lower case.
    """

    text: str
    kind: str
    first: int
    last: int
    is_loose: bool = False
    word: str = ""


def may_hold_marks(tokens: Sequence[Token]) -> bool:
    """Tells whether anything here may say `@`."""
    return any(token.text in _AT_SIGNS or _WORDS.get(token.word) == "@" for token in tokens)


def atoms_of(tokens: Sequence[Token]) -> list[Atom]:
    """Returns the tokens with whatever says a mark as one."""
    atoms = []
    at = 0
    while at < len(tokens):
        token = tokens[at]
        # Words and digits say nothing alone: what does begins with a blank or a sign.
        mark = None if token.kind in "wd" else _encoded(tokens, at) or _flanked(tokens, at) or _spaced(tokens, at)
        atom = mark or Atom(token.text, token.kind, at, at)
        atoms.append(atom)
        at = atom.last + 1
    return atoms


def _encoded(tokens: Sequence[Token], at: int) -> Atom | None:
    """Returns the mark that a page or a link spells: `&#64;`, `%40`."""
    if tokens[at].text not in "&%":
        return None
    for spelling, text in _ENCODED.items():
        if tuple(token.text.casefold() for token in tokens[at : at + len(spelling)]) == spelling:
            return Atom(text, "p", at, at + len(spelling) - 1)
    return None


def _flanked(tokens: Sequence[Token], at: int) -> Atom | None:
    """Returns the mark of a word between two equal signs: `-at-`, `*dot*`, `|at|`, blanks around it included."""
    inner = at + (tokens[at].kind == "s")
    if inner + 2 >= len(tokens) or tokens[inner].text not in _FLANKS or tokens[inner + 2].text != tokens[inner].text:
        return None
    word = tokens[inner + 1].word
    text = _WORDS.get(word)
    if text is None:
        return None
    return Atom(text, "p", at, _over_blank(tokens, inner + 2), is_loose=True, word=word)


def _spaced(tokens: Sequence[Token], at: int) -> Atom | None:
    """Returns the mark in brackets or between blanks, or the `@` that only a blank follows."""
    inner = at
    spaced = tokens[inner].kind == "s"
    inner += spaced
    opened = 0
    while opened < BRACKETS_MAX and inner < len(tokens) and tokens[inner].text in _OPEN:
        opened += 1
        inner += 1
    if opened and inner < len(tokens) and tokens[inner].kind == "s":
        inner += 1
    if inner >= len(tokens):
        return None
    token = tokens[inner]
    text = _WORDS.get(token.word) or (token.text if token.text in {"@", "."} else None)
    if text is None:
        return None
    if not spaced and not opened:
        behind = _over_blank(tokens, at)
        before = tokens[at - 1] if at > 0 else token
        is_cut = token.text == "@" and behind > at and (before.kind in "wd" or before.text == "_")
        return Atom(text, "p", at, behind) if is_cut else None
    last = _closed(tokens, inner, opened)
    if last is None:
        return None
    is_word = token.kind == "w"
    behind = _over_blank(tokens, last)
    if behind == last and is_word and not opened:
        return None
    return Atom(text, "p", at, behind, is_loose=not opened and (is_word or text == "."), word=token.word)


def _closed(tokens: Sequence[Token], inner: int, opened: int) -> int | None:
    """Returns the token that closes the last bracket; None where one stays open."""
    last = inner
    for _ in range(opened):
        last += 1
        if last < len(tokens) and tokens[last].kind == "s":
            last += 1
        if last >= len(tokens) or tokens[last].text not in _CLOSE:
            return None
    return last


def _over_blank(tokens: Sequence[Token], at: int) -> int:
    """Returns the blank behind a token, the token itself where there is none."""
    return at + 1 if at + 1 < len(tokens) and tokens[at + 1].kind == "s" else at
