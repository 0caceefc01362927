"""What a text holds that a decision should know of: personal details, and the signs of an adult who draws a child away.

Kinds and signs only; the text itself is dropped by whoever looked at it. Phrases of several words are found word by
word over each reading of the folded text, in one pass.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

from viral_engine.domain.content_phrases import PHRASES, Signal
from viral_engine.domain.disguised_words import readings, spelled_out
from viral_engine.domain.redaction.fold import fold_text
from viral_engine.domain.redaction.kinds import Kind
from viral_engine.domain.redaction.redact import kinds_in

__all__ = ["look_at", "signals_in"]


JOINED_LENGTH_MIN = 6
"""Shorter ones are found by chance among the letters of a formula."""

_END = ""


def _tree(phrases: Mapping[Signal, Iterable[str]]) -> dict[str, dict[str, object]]:
    """The phrases as words that follow each other; under `_END` stands what a phrase is a sign of."""
    root: dict[str, dict[str, object]] = {}
    for signal, phrase in chain.from_iterable(((signal, one) for one in some) for signal, some in phrases.items()):
        node: dict[str, object] = root  # type: ignore[assignment]  # its own kind, all the way down
        for word in phrase.split():
            node = node.setdefault(word, {})  # type: ignore[assignment]
        node[_END] = signal
    return root


_TREE = _tree(PHRASES)
_JOINED = tuple(
    (joined, signal)
    for signal, phrases in PHRASES.items()
    for joined in {phrase.replace(" ", "") for phrase in phrases}
    if len(joined) >= JOINED_LENGTH_MIN
)


def signals_in(text: str) -> tuple[Signal, ...]:
    """The signs in a text, each once, in the order of `Signal`; in time linear in its length."""
    found: set[object] = set()
    plain = fold_text(text).casefold()
    for words in readings(plain):
        found |= _phrases_in(words)
    for letters in spelled_out(plain):
        found |= {signal for joined, signal in _JOINED if joined in letters}
    return tuple(signal for signal in Signal if signal in found)


def _phrases_in(words: Sequence[str]) -> set[object]:
    found: set[object] = set()
    for at, word in enumerate(words):
        node: object = _TREE.get(word)
        ahead = at + 1
        while isinstance(node, dict):
            if _END in node:
                found.add(node[_END])
            node = node.get(words[ahead]) if ahead < len(words) else None
            ahead += 1
    return found


def look_at(text: str) -> tuple[tuple[Kind, ...], tuple[Signal, ...]]:
    """The kinds of personal details in a text, and the signs."""
    return kinds_in(text), signals_in(text)
