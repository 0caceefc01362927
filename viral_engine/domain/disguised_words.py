"""Words as a reader takes them, however they were written to get past a search: figures, look-alikes, s p a c e s.

Only for finding phrases: what comes out is no text to be shown, and a word may be read in more than one way.
"""

import re
from collections.abc import Iterator, Mapping

__all__ = ["readings", "spelled_out"]

SPELLED_OUT_MIN = 5
"""So many single letters one after the other are a word that was spelled out, not the names of variables."""

_WORD = re.compile(r"[^\W_]+")
_RUN = re.compile(r"[\w@$!|]+")
_LETTER = re.compile(r"[^\W\d_]")
_FIGURE = re.compile(r"[0134578@$!|]")

# Accented letters, then those of Cyrillic and of Greek that look like Latin ones.
_PLAIN = str.maketrans(
    "\xe1\xe9\xed\xf3\xfa\xfc\xf1"
    "\u0430\u0501\u0435\u04bb\u0456\u0458\u04cf\u043a\u043c\u043e\u0440\u0455\u0442\u051d\u0445\u0443\u0441"
    "\u03b1\u03b5\u03b9\u03ba\u03bd\u03bf\u03c1\u03c4\u03c5\u03c7",
    "aeiouunadehijlkmopstwxycaeiknoptux",
)
# A one is an i to some and an l to others.
_FIGURES = tuple(str.maketrans("034578@$1!|", f"oeastbas{3 * one}") for one in "il")


def readings(text: str) -> Iterator[list[str]]:
    """Yields the words of a text as they stand, and as they may be meant where that is something else.

    Args:
        text: Folded and in lower case.
    """
    plain = text.replace("'", "").replace("\u2019", "").translate(_PLAIN)
    yield _WORD.findall(plain)
    if _FIGURE.search(plain):
        for figures in _FIGURES:
            yield _WORD.findall(_RUN.sub(lambda run: _read(run[0], figures), plain))  # noqa: B023  (used at once)


def spelled_out(text: str) -> Iterator[str]:
    """Yields what is spelled by single characters that stand one behind the other, in each reading.

    Args:
        text: Folded and in lower case.
    """
    letters = ""
    for word in (*next(readings(text)), ""):
        if len(word) == 1:
            letters += word
            continue
        if len(letters) >= SPELLED_OUT_MIN:
            yield from map("".join, readings(letters))
        letters = ""


def _read(run: str, figures: Mapping[int, str | int]) -> str:
    """Takes figures for letters in what holds letters too; a number stays one."""
    return run.translate(figures) if _LETTER.search(run) else run
