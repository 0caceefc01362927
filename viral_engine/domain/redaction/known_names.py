"""Names that the caller knows (child, parents, tutor, school), in any case, with and without accents, in parts too."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from viral_engine.domain.errors import Invalid
from viral_engine.domain.redaction.fold import fold_text
from viral_engine.domain.redaction.kinds import Finding, Kind
from viral_engine.domain.redaction.tokens import Token, cut, is_capitalised
from viral_engine.domain.redaction.word_lists import NAMES_THAT_ARE_WORDS, NOT_NAMES, SMALL_WORDS

__all__ = ["KNOWN_LENGTH_MAX", "KNOWN_MAX", "Known"]

KNOWN_MAX = 50
KNOWN_LENGTH_MAX = 100
PART_LENGTH_MIN = 2
CAPITAL_LENGTH_MAX = 2
"""A part of a longer name that is not longer is found alone only with a capital: Bo, Ng, Li."""

PLURAL_LENGTH_MIN = 4

GAP_TOKENS_MAX = 3
_GAP = frozenset(" -._'")
_UNSPACED = "\u2e80"
"""From here on writing has no blanks between words: Chinese, Japanese, Korean."""


@dataclass(slots=True)
class _Node:
    next: dict[str, "_Node"] = field(default_factory=dict)
    key: str | None = None
    needs_capital: bool = False


class Known:
    """A dictionary of names.

    A whole name is found in any case; one that is an everyday word (Will, Grace, May), such a part of a longer name,
    a part of two letters, and a family in the plural (the Chens) only with a capital. What is said of one person in
    different ways has one key.

    Args:
        names: at most `KNOWN_MAX` of at most `KNOWN_LENGTH_MAX` characters.

    Raises:
        Invalid: too many, or one that is too long, or too short to be told from a variable.
    """

    def __init__(self, names: Sequence[str]) -> None:
        if len(names) > KNOWN_MAX:
            raise Invalid("known", f"may have {KNOWN_MAX} names at most")
        self._root = _Node()
        self._unspaced: list[tuple[str, str]] = []
        parts: dict[str, list[str]] = {}
        for position, name in enumerate(names):
            words = _words(name, f"known[{position}]")
            key = f"known:{' '.join(words)}"
            if any(word[0] >= _UNSPACED for word in words):
                self._unspaced.append(("".join(fold_text(name).split()), key))
            self._add(words, key)
            if len(words) > 1:
                self._add(["".join(words)], key)
                for word in {*words, *_pieces(name)}:
                    if _is_part(word):
                        parts.setdefault(word, []).append(key)
        # A family's name is nobody's alone.
        alone = {word: keys[0] if len(set(keys)) == 1 else f"part:{word}" for word, keys in parts.items()}
        for word, key in alone.items():
            # Most scripts of the world have no capitals.
            self._add([word], key, needs_capital=len(word) <= CAPITAL_LENGTH_MAX and word.upper() != word)
        # The last, so that no whole name is taken for somebody's plural.
        for word, key in alone.items():
            if len(word) >= PLURAL_LENGTH_MIN:
                self._add([f"{word}s"], key, needs_capital=True)

    def find(self, text: str, tokens: Sequence[Token]) -> Iterator[Finding]:
        """Yields every known name, the longest at each place."""
        for at, token in enumerate(tokens):
            if token.kind == "w":
                found = self._longest(tokens, at)
                if found is not None:
                    last, key = found
                    yield Finding(Kind.NAME, token.start, tokens[last].end, key)
        for name, key in self._unspaced:
            at = text.find(name)
            while at >= 0:
                yield Finding(Kind.NAME, at, at + len(name), key)
                at = text.find(name, at + len(name))

    def _add(self, words: Sequence[str], key: str, *, needs_capital: bool = False) -> None:
        node = self._root
        for word in words:
            node = node.next.setdefault(word, _Node())
        if node.key is None:
            node.key = key
            node.needs_capital = needs_capital or (len(words) == 1 and words[0] in NAMES_THAT_ARE_WORDS)

    def _longest(self, tokens: Sequence[Token], at: int) -> tuple[int, str] | None:
        node = self._root.next.get(tokens[at].word)
        best = None
        last = at
        while node is not None:
            if node.key is not None and (not node.needs_capital or is_capitalised(tokens[at])):
                best = last, node.key
            if not node.next:
                break
            following = _next_word(tokens, last)
            if following is None:
                break
            node = node.next.get(tokens[following].word)
            last = following
        return best


def _next_word(tokens: Sequence[Token], at: int) -> int | None:
    for position in range(at + 1, min(at + 2 + GAP_TOKENS_MAX, len(tokens))):
        token = tokens[position]
        if token.kind == "w":
            return position
        if token.kind != "s" and token.text not in _GAP:
            return None
    return None


def _is_part(word: str) -> bool:
    """Tells whether a part of a name says alone whose it is."""
    if word in SMALL_WORDS or len(word) < PART_LENGTH_MIN:
        return False
    return len(word) > CAPITAL_LENGTH_MAX or word not in NOT_NAMES


def _pieces(name: str) -> list[str]:
    """Returns what stands between the blanks of a name as it is typed in haste: `oneil`, `jeanluc`."""
    return ["".join(token.word for token in cut(fold_text(piece)) if token.kind == "w") for piece in name.split()]


def _words(name: str, path: str) -> list[str]:
    if len(name) > KNOWN_LENGTH_MAX:
        raise Invalid(path, f"may have {KNOWN_LENGTH_MAX} characters at most")
    words = [token.word for token in cut(fold_text(name)) if token.kind == "w"]
    letters = "".join(words)
    if len(letters) < 2 and letters < _UNSPACED:  # noqa: PLR2004 - a single letter is a variable
        raise Invalid(path, "must have two letters at least")
    return words
