"""US social security numbers by the ranges in which they were given out (SSA, since 2011: POMS RM 10201.035)."""

from collections.abc import Iterator, Sequence

from viral_engine.domain.redaction.digits import Group, digits_of, gap_core, is_glued, is_mathematics, lengths_of
from viral_engine.domain.redaction.kinds import Finding, Kind
from viral_engine.domain.redaction.tokens import Token, words_before

__all__ = ["find_ssns", "is_given_out"]

GROUPED = (3, 2, 4)
DIGITS = 9
CUES = frozenset({"ssn", "ssns", "social", "security", "ss"})
_FORMS = frozenset({GROUPED, (DIGITS,)})
_COUNTS = {lengths[0]: len(lengths) for lengths in _FORMS}
_NEVER_AREAS = frozenset({"000", "666"})


def is_given_out(digits: str) -> bool:
    """Tells whether nine digits lie in the ranges: area not 000, 666 or 900-999, group not 00, serial not 0000."""
    area, group, serial = digits[:3], digits[3:5], digits[5:]
    return area not in _NEVER_AREAS and area < "900" and group != "00" and serial != "0000"


def find_ssns(tokens: Sequence[Token], chains: Sequence[Sequence[Group]]) -> Iterator[Finding]:
    """Yields every number; nine digits in a row, and a spaced-out one in a calculation, only where a word says so."""
    for chain in chains:
        for at, group in enumerate(chain):
            # Told by its first group, most numbers need no closer look.
            count = _COUNTS.get(len(group.digits))
            if count is not None:
                groups = chain[at : at + count]
                if lengths_of(groups) in _FORMS and _is_meant(tokens, groups):
                    first, last = groups[0].first, groups[-1].last
                    yield Finding(Kind.SSN, tokens[first].start, tokens[last].end, digits_of(groups))


def _is_meant(tokens: Sequence[Token], groups: Sequence[Group]) -> bool:
    first, last = groups[0].first, groups[-1].last
    if not is_given_out(digits_of(groups)):
        return False
    if words_before(tokens, first, CUES):
        return True
    cores = {gap_core(group.gap) for group in groups[1:]}
    if len(groups) == 1 or len(cores) > 1:
        return False
    return cores == {"-"} or (
        cores <= {"", "."} and not is_mathematics(tokens, first, last) and not is_glued(tokens, first, last)
    )
