"""Phone numbers by the words directly in front of them: digits that have the form of none, or of a difference."""

from collections.abc import Iterator, Sequence

from viral_engine.domain.redaction.digits import Group, digits_of, gap_core, is_glued, is_mathematics, lengths_of
from viral_engine.domain.redaction.phone_cues import Cue, asks_to_call, counts_with, cue_in_front, reasons_about
from viral_engine.domain.redaction.phone_numbers import HOME, e164
from viral_engine.domain.redaction.tokens import Token

__all__ = ["introduced"]

DIGITS = range(7, 13)
GROUPS_MAX = 12
LOCAL = (3, 4)
"""Written 555-1234."""

REGIONS = (HOME, "ES", "MX", "CO", "AR")
TRUNK_REGIONS = ("GB", "FR", "AU")
"""Believed with the 0 in front only: without it nearly any digits of that length are a number."""

_GAPS = frozenset({"", "-", ".", ")", "/"})
_YEARS = ("19", "20")
_BYTES = 4


def introduced(tokens: Sequence[Token], chain: Sequence[Group]) -> tuple[int, str] | None:
    """Returns the group behind the number that begins a chain, and its key, where the words in front say so.

    Further into a chain there are no words in front.
    """
    cue = cue_in_front(tokens, chain[0].first)
    if cue is None:
        return None
    for groups in _windows(chain):
        first, last = groups[0].first, groups[-1].last
        if is_glued(tokens, first, last) or _is_something_else(groups):
            continue
        if cue is Cue.SURE or _is_meant(tokens, groups, cue):
            digits = digits_of(groups)
            return len(groups), _number(digits) or digits
    return None


def _windows(chain: Sequence[Group]) -> Iterator[Sequence[Group]]:
    """Yields how far the number may go: the longest of one separator first, for a time or a count may follow."""
    uniform: list[Sequence[Group]] = []
    mixed: list[Sequence[Group]] = []
    gaps: set[str] = set()
    count = 0
    for behind, group in enumerate(chain[:GROUPS_MAX], 1):
        core = gap_core(group.gap)
        count += len(group.digits)
        if core not in _GAPS or count not in range(DIGITS.stop):
            break
        if behind > 1:
            gaps.add(core)
        if count in DIGITS:
            (uniform if len(gaps) <= 1 else mixed).append(chain[:behind])
    yield from reversed(uniform)
    yield from reversed(mixed)


def _is_something_else(groups: Sequence[Group]) -> bool:
    """Tells whether the digits are a date, an IP address or a decimal fraction."""
    lengths = lengths_of(groups)
    dots = all(group.gap == "." for group in groups[1:])
    if len(groups) == 2 and dots:  # noqa: PLR2004 - a whole and its parts
        return lengths != LOCAL
    if len(groups) == _BYTES and dots:
        return max(lengths) < _BYTES
    if len(groups) != 3:  # noqa: PLR2004 - a day, a month, a year
        return False
    year = max(groups, key=lambda one: len(one.digits))
    return sorted(lengths)[1] <= 2 and len(year.digits) == 4 and year.digits.startswith(_YEARS)  # noqa: PLR2004


def _is_meant(tokens: Sequence[Token], groups: Sequence[Group], cue: Cue) -> bool:
    """Tells whether somebody's number is one to call rather than one to count with."""
    first, last = groups[0].first, groups[-1].last
    if is_mathematics(tokens, first, last) or counts_with(tokens, last):
        return False
    if asks_to_call(tokens, last):
        return True
    if cue is Cue.ANY:
        return False
    if lengths_of(groups) == LOCAL or any(group.is_spelled for group in groups):
        return True
    return not reasons_about(tokens, last) and _number(digits_of(groups)) is not None


def _number(digits: str) -> str | None:
    regions = TRUNK_REGIONS if digits.startswith("0") else REGIONS
    return next((number for region in regions if (number := e164(digits, region)) is not None), None)
