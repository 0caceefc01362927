"""A text cut into words, numbers, blanks and single signs: what every finder walks over.

The only file with a regular expression. Its alternatives begin with disjoint characters and repeat one class each, so
there is one way to match and nothing to go back to: the time is linear in the text.
"""

import re
from collections.abc import Collection, Sequence
from typing import NamedTuple

from viral_engine.domain.redaction.fold import BARRIER

__all__ = ["Token", "cut", "is_capitalised", "neighbour", "text_of", "words_before"]

_TOKEN = re.compile(r"(?P<w>[^\W\d_]+)|(?P<d>[0-9]+)|(?P<s>\s+)|(?P<p>.)", re.DOTALL)
CUE_TOKENS_MAX = 16
"""How far a word that says what follows may stand in front of it, blanks and signs included."""


class Token(NamedTuple):
    """One piece of the text.

    Attributes:
        kind: `w` a word, `d` digits, `s` blanks, `p` a single sign, `x` something hidden already.
        word: the text without case, of a word only.
    """

    kind: str
    text: str
    word: str
    start: int
    end: int


def cut(text: str) -> list[Token]:
    """Returns every token, in order, without gaps."""
    tokens = []
    for match in _TOKEN.finditer(text):
        kind, found = match.lastgroup or "p", match.group()
        if found == BARRIER:
            kind = "x"
        tokens.append(Token(kind, found, found.casefold() if kind == "w" else "", match.start(), match.end()))
    return tokens


def neighbour(tokens: Sequence[Token], at: int, step: int) -> Token | None:
    """Returns the next token from `at` on that is not blank, to the left (-1) or right (+1); None at either end."""
    if 0 <= at < len(tokens) and tokens[at].kind == "s":
        at += step
    return tokens[at] if 0 <= at < len(tokens) else None


def words_before(tokens: Sequence[Token], at: int, cues: Collection[str], tokens_max: int = CUE_TOKENS_MAX) -> bool:
    """Tells whether one of the cues stands within a few tokens in front of `at`, in the same clause."""
    for position in range(at - 1, max(-1, at - 1 - tokens_max), -1):
        token = tokens[position]
        if token.kind == "x" or token.text == ";":
            return False
        if token.word in cues:
            return True
    return False


def is_capitalised(token: Token) -> bool:
    """Tells whether it is a word that begins with a capital."""
    return token.kind == "w" and token.text[0].isupper()


def text_of(tokens: Sequence[Token], first: int, last: int) -> str:
    """Returns the text of some tokens, `last` included, in lower case: a key for what has no better one."""
    return "".join(token.text for token in tokens[first : last + 1]).casefold()
