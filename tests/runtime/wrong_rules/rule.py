"""A deliberate wrong rule, as data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Edit:
    """One change of the source.

    Attributes:
        file: below `viral_engine/runtime`.
        old: the source text, which must be there exactly once.
        new: what stands there instead.
    """

    file: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class WrongRule:
    """A rule that the runtime could have by mistake.

    Attributes:
        number: what docs/semantics.md calls it; 1 to 20 are the rules that ports of OTP get wrong.
        sentence: the rule as its victim would tell it.
        test: `file::name` below tests/runtime; the name may carry one parameter set in brackets.
        edits: the changes that bring the rule in.
    """

    number: int
    sentence: str
    test: str
    edits: tuple[Edit, ...]


def wrong(number: int, sentence: str, test: str, *edits: tuple[str, str, str]) -> WrongRule:
    """Returns a wrong rule; an edit is file, old text, new text."""
    return WrongRule(number, sentence, test, tuple(Edit(*edit) for edit in edits))
