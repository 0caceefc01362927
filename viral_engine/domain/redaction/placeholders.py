"""Placeholders, and the way back from them, which stays in this process."""

from collections.abc import Iterable, Sequence
from typing import NoReturn

from viral_engine.domain.redaction.fold import literal_placeholders
from viral_engine.domain.redaction.kinds import Finding

__all__ = ["Placeholders", "replace"]


class Placeholders:
    """What every placeholder of one text stands for: to put the originals back into an answer about it.

    It can be neither pickled nor printed: whoever holds it can read what was hidden.

    Args:
        spellings: for each placeholder what it replaced, in order; a thing may be spelled in several ways.
    """

    __slots__ = ("_spellings",)

    def __init__(self, spellings: dict[str, list[str]]) -> None:
        self._spellings = spellings

    def __len__(self) -> int:
        return len(self._spellings)

    def __repr__(self) -> str:
        return f"<{len(self)} placeholders>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("placeholders stay in the process that made them")

    def restore(self, text: str) -> str:
        """Returns a text with the originals in the place of the placeholders.

        The redacted text itself comes back exactly. A text that has a placeholder more or less often, as the answer of
        a model may, gets the first spelling everywhere. Placeholders that are not ours are left alone.
        """
        places = [place for place in literal_placeholders(text) if place[2] in self._spellings]
        seen: dict[str, int] = {}
        for _, _, placeholder in places:
            seen[placeholder] = seen.get(placeholder, 0) + 1
        used: dict[str, int] = {}
        parts: list[str] = []
        position = 0
        for start, end, placeholder in places:
            spellings = self._spellings[placeholder]
            nth = used.get(placeholder, 0)
            used[placeholder] = nth + 1
            parts += (text[position:start], spellings[nth if seen[placeholder] == len(spellings) else 0])
            position = end
        return "".join((*parts, text[position:]))


def replace(text: str, findings: Sequence[Finding], taken: Iterable[str]) -> tuple[str, Placeholders]:
    """Returns the text with placeholders, numbered as they come; the same key has the same one.

    Args:
        text: the original.
        findings: in order, apart from each other.
        taken: placeholders that stand in the original; their numbers are passed over.
    """
    strangers = set(taken)
    numbers: dict[str, int] = {}
    placeholders: dict[tuple[str, str], str] = {}
    spellings: dict[str, list[str]] = {}
    parts: list[str] = []
    position = 0
    for kind, start, end, key in findings:
        placeholder = placeholders.get((kind, key))
        while placeholder is None:
            numbers[kind] = numbers.get(kind, 0) + 1
            candidate = f"[{kind.label}_{numbers[kind]}]"
            if candidate not in strangers:
                placeholder = placeholders[kind, key] = candidate
        spellings.setdefault(placeholder, []).append(text[start:end])
        parts += (text[position:start], placeholder)
        position = end
    return "".join((*parts, text[position:])), Placeholders(spellings)
