"""A text as its reader sees it: tricks of Unicode undone, with the way back to the original's offsets."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from viral_engine.domain.redaction.kinds import Kind

__all__ = ["BARRIER", "Folded", "fold", "fold_text", "literal_placeholders"]

BARRIER = "\ufffc"
"""Stands for a stretch that is hidden already: nothing is found across it."""

EXPANSION_LENGTH_MAX = 4
"""A ligature that stands for more characters is left alone: a text of them would grow eighteenfold."""

NUMBER_LENGTH_MAX = 6

_LABELS = tuple(f"[{kind.label}_" for kind in Kind)
_LABEL_LENGTH_MAX = max(map(len, _LABELS))
# Blank or written on another character: whoever reads the text does not see them. The fillers are letters to Unicode.
# The vowel signs of Indian scripts stand beside their letter and would cut a word in two, so a name loses them too.
_MARKS = frozenset({"Mn", "Mc", "Me"})
_UNSEEN_CATEGORIES = _MARKS | {"Cf"}
_UNSEEN = frozenset("\u115f\u1160\u3164\uffa0\u2800\ufffc")
_ALIKE = {
    "\u3002": ".",  # the full stop of Chinese
    "\uff61": ".",  # its narrow form
    "\u2024": ".",  # one dot of an ellipsis
    "\u2212": "-",  # minus
    "\u2043": "-",  # the hyphen of a list
    "\u2019": "'",
    "\u2018": "'",
    "\u02bc": "'",
    "\u201c": '"',
    "\u201d": '"',
}


@dataclass(frozen=True, slots=True)
class Folded:
    """A folded text.

    Attributes:
        text: the folded text.
        starts: for each of its characters the offset in the original; None when both are the same.
        ends: the offset behind it.
    """

    text: str
    starts: Sequence[int] | None
    ends: Sequence[int] | None

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Returns the stretch of the original that a stretch of the folded text, not empty, stands for."""
        if self.starts is None or self.ends is None:
            return start, end
        return self.starts[start], self.ends[end - 1]


@lru_cache(maxsize=4096)
def _fold_character(character: str) -> str:
    """Returns what a character looks like: full-width and styled ones plain, digits of any script 0-9, no accents."""
    if character in _UNSEEN:
        return ""
    alike = _ALIKE.get(character)
    if alike is not None:
        return alike
    category = unicodedata.category(character)
    if category in _UNSEEN_CATEGORIES:
        return ""
    if category == "Nd":
        return str(unicodedata.digit(character))
    if category == "Pd":
        return "-"
    if category == "Zs":
        return " "
    apart = unicodedata.normalize("NFKD", character)
    plain = unicodedata.normalize(
        "NFKC", "".join(c for c in apart if unicodedata.category(c) not in _UNSEEN_CATEGORIES)
    )
    return plain if len(plain) <= EXPANSION_LENGTH_MAX else character


def fold_text(text: str) -> str:
    """Returns the folded text alone, for what is compared with one."""
    return text if text.isascii() else "".join(map(_fold_character, text))


def literal_placeholders(text: str) -> list[tuple[int, int, str]]:
    """Returns what looks like a placeholder before anything was replaced: (start, end, the text), in order."""
    found = []
    at = text.find("[")
    while at >= 0:
        for label in _LABELS:
            if text.startswith(label, at):
                first = last = at + len(label)
                while last - first <= NUMBER_LENGTH_MAX and text[last : last + 1] in set("0123456789"):
                    last += 1
                if first < last <= first + NUMBER_LENGTH_MAX and text[last : last + 1] == "]":
                    found.append((at, last + 1, text[at : last + 1]))
                break
        at = text.find("[", at + 1)
    return found


def fold(text: str, hidden: Sequence[tuple[int, int]] = ()) -> Folded:
    """Folds a text.

    Args:
        text: the original.
        hidden: stretches that become one `BARRIER` each, in order, apart from each other.
    """
    if not hidden and text.isascii():
        return Folded(text, None, None)
    parts: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    position = 0
    for hidden_start, hidden_end in (*hidden, (len(text), len(text))):
        for at in range(position, hidden_start):
            character = text[at]
            seen = character if character < "\x80" else _fold_character(character)
            if not seen and ends and ends[-1] == at and unicodedata.category(character) in _MARKS:
                ends[-1] = at + 1  # what is hidden is hidden with the marks on it
            for one in seen:
                parts.append(one)
                starts.append(at)
                ends.append(at + 1)
        if hidden_end > hidden_start:
            parts.append(BARRIER)
            starts.append(hidden_start)
            ends.append(hidden_end)
        position = hidden_end
    return Folded("".join(parts), starts, ends)
