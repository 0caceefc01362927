"""Payment cards: digits in a card's form whose check digit is right (ISO/IEC 7812-1, Luhn)."""

from collections.abc import Iterator, Sequence

from viral_engine.domain.redaction.digits import Group, digits_of, gap_core, is_glued, lengths_of
from viral_engine.domain.redaction.kinds import Finding, Kind
from viral_engine.domain.redaction.tokens import Token

__all__ = ["find_cards", "is_luhn"]

BARE_LENGTHS = range(13, 20)
GROUPED = frozenset({(4, 4, 4, 4), (4, 6, 5), (4, 6, 4), (4, 4, 4, 4, 3), (4, 4, 4, 1), (4, 5, 6), (6, 13), (4, 4, 5)})
GROUPS_MAX = 5
_FIRST_LENGTHS = frozenset({*BARE_LENGTHS, *(lengths[0] for lengths in GROUPED)})
_INDUSTRIES = frozenset("23456")
"""First digits of cards for payment: travel, banks, merchandising."""

_TEN = 10


def is_luhn(digits: str) -> bool:
    """Tells whether the last digit is the check digit of the others."""
    total = 0
    for position, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + position % 2)
        total += value - 9 if value >= _TEN else value
    return total % _TEN == 0


def find_cards(tokens: Sequence[Token], chains: Sequence[Sequence[Group]]) -> Iterator[Finding]:
    """Yields every number of a card, in groups or in one."""
    for chain in chains:
        for at, group in enumerate(chain):
            # Told by its first group, most numbers need no closer look.
            if len(group.digits) not in _FIRST_LENGTHS:
                continue
            for count in range(GROUPS_MAX, 0, -1):
                groups = chain[at : at + count]
                if len(groups) == count and _is_card(tokens, groups):
                    first, last = groups[0].first, groups[-1].last
                    yield Finding(Kind.CARD, tokens[first].start, tokens[last].end, digits_of(groups))
                    break


def _is_card(tokens: Sequence[Token], groups: Sequence[Group]) -> bool:
    lengths = lengths_of(groups)
    if lengths not in GROUPED and not (len(lengths) == 1 and lengths[0] in BARE_LENGTHS):
        return False
    if len(groups) == 1 and is_glued(tokens, groups[0].first, groups[0].last):
        return False
    if len({gap_core(group.gap) for group in groups[1:]} - {"", "-", "."}) > 0:
        return False
    digits = digits_of(groups)
    return digits[0] in _INDUSTRIES and is_luhn(digits)
