"""US social security numbers by the ranges in which they were given out (SSA, since 2011: POMS RM 10201.035)."""

from collections.abc import Iterator, Sequence

from viral_engine.domain.redaction.digits import Group, digits_of, gap_core, is_glued, is_mathematics, lengths_of
from viral_engine.domain.redaction.kinds import Finding, Kind
from viral_engine.domain.redaction.tokens import CUE_TOKENS_MAX, Token, words_before

__all__ = ["find_ssns", "is_given_out"]

GROUPED = (3, 2, 4)
DIGITS = 9
CUES = frozenset({"ssn", "ssns", "social", "security", "ss", "soc"})
SURE_CUES = frozenset({"ssn", "ssns", "security"})
"""Behind these nine digits are one in any groups, and in front of these in one row."""

_FORMS = frozenset({GROUPED, (DIGITS,)})
_COUNTS = {lengths[0]: len(lengths) for lengths in _FORMS}
_QUIET_GAPS = (frozenset({""}), frozenset({"."}), frozenset({"", "-"}))
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
            groups = chain[at : at + count] if count is not None else ()
            if lengths_of(groups) not in _FORMS or not _is_meant(tokens, groups):
                # A chain holds no cue itself, so far into it none is near.
                is_near = group.first - chain[0].first < CUE_TOKENS_MAX
                groups = _in_any_groups(tokens, chain, at) if is_near else ()
            if groups:
                first, last = groups[0].first, groups[-1].last
                yield Finding(Kind.SSN, tokens[first].start, tokens[last].end, digits_of(groups))


def _is_meant(tokens: Sequence[Token], groups: Sequence[Group]) -> bool:
    first, last = groups[0].first, groups[-1].last
    if not is_given_out(digits_of(groups)):
        return False
    if words_before(tokens, first, CUES) or (len(groups) == 1 and _words_behind(tokens, last)):
        return True
    cores = {gap_core(group.gap) for group in groups[1:]}
    if len(groups) == 1:
        return False
    return cores == {"-"} or (
        cores in _QUIET_GAPS and not is_mathematics(tokens, first, last) and not is_glued(tokens, first, last)
    )


def _words_behind(tokens: Sequence[Token], last: int) -> bool:
    """Tells whether a sure word follows within the clause: `123456789 is my ssn`."""
    for token in tokens[last + 1 : last + 1 + CUE_TOKENS_MAX // 2]:
        if token.kind in "dx" or token.text in ".;":
            return False
        if token.word in SURE_CUES:
            return True
    return False


def _in_any_groups(tokens: Sequence[Token], chain: Sequence[Group], at: int) -> Sequence[Group]:
    """Returns the nine digits behind a sure word, however they are grouped or spelled; nothing where there are none."""
    count = 0
    for behind in range(at + 1, min(at + DIGITS, len(chain)) + 1):
        count += len(chain[behind - 1].digits)
        if count >= DIGITS:
            groups = chain[at:behind]
            is_one = count == DIGITS and is_given_out(digits_of(groups))
            return groups if is_one and words_before(tokens, chain[at].first, SURE_CUES) else ()
    return ()
