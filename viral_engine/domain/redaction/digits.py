"""Numbers in groups: digits that belong together, spelled-out ones included."""

from collections.abc import Sequence
from typing import NamedTuple

from viral_engine.domain.redaction.tokens import Token

__all__ = ["Group", "chains", "digits_of", "gap_core", "is_glued", "is_mathematics", "lengths_of"]

GAP_TOKENS_MAX = 4
GAP_LENGTH_MAX = 5
_GAP_SIGNS = frozenset("-.()/~,")
_WORDS = {
    "zero": "0", "oh": "0", "o": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6",
    "seven": "7", "eight": "8", "nine": "9",
}  # fmt: skip
_TIMES = {"double": 2, "triple": 3}
_OPERATORS = frozenset("=^×÷%√≤≥≠$€£¥")  # noqa: RUF001  (a multiplication sign is meant)
_SIGNS = frozenset("+-/*<>·")
"""Operators only between operands: they are list marks, dashes, bold type and the ends of tags too."""


class Group(NamedTuple):
    """Digits without anything between them.

    Attributes:
        first: position of its first token.
        last: position of its last token.
        gap: what stands between it and the group before; empty for the first of a chain.
    """

    digits: str
    first: int
    last: int
    gap: str
    is_spelled: bool


def chains(tokens: Sequence[Token]) -> list[list[Group]]:
    """Returns every run of groups with nothing but blanks and separators between them."""
    found: list[list[Group]] = []
    chain: list[Group] = []
    at = 0
    while at < len(tokens):
        group = _group(tokens, at)
        if group is None:
            at += 1
            continue
        gap = _gap(tokens, chain[-1].last + 1, at) if chain else None
        if gap is None or ("," in gap and not group.is_spelled):
            chain = [group]
            found.append(chain)
        else:
            chain.append(group._replace(gap=gap))
        at = group.last + 1
    return found


def _group(tokens: Sequence[Token], at: int) -> Group | None:
    token = tokens[at]
    if token.kind == "d":
        return Group(token.text, at, at, "", is_spelled=False)
    digit = _WORDS.get(token.word)
    if digit is not None:
        return Group(digit, at, at, "", is_spelled=True)
    times = _TIMES.get(token.word)
    if times is not None and at + 2 < len(tokens) and tokens[at + 1].kind == "s":
        digit = _WORDS.get(tokens[at + 2].word) or (tokens[at + 2].text if len(tokens[at + 2].text) == 1 else "")
        if digit.isdecimal():
            return Group(digit * times, at, at + 2, "", is_spelled=True)
    return None


def _gap(tokens: Sequence[Token], first: int, behind: int) -> str | None:
    """Returns what stands between two groups; None when it separates them."""
    if behind - first > GAP_TOKENS_MAX:
        return None
    gap = ""
    for position in range(first, behind):
        token = tokens[position]
        is_blank = token.kind == "s" and "\n" not in token.text
        if (not is_blank and token.text not in _GAP_SIGNS) or len(gap) + len(token.text) > GAP_LENGTH_MAX:
            return None
        gap += token.text
    return gap


def digits_of(groups: Sequence[Group]) -> str:
    """Returns all digits in one."""
    return "".join(group.digits for group in groups)


def lengths_of(groups: Sequence[Group]) -> tuple[int, ...]:
    """Returns how many digits each group has."""
    return tuple(len(group.digits) for group in groups)


def gap_core(gap: str) -> str:
    """Returns the signs of a gap without its blanks; a spaced-out hyphen keeps them: it may be a minus."""
    core = "".join(gap.split())
    return " - " if core == "-" and gap[0].isspace() else core


def is_glued(tokens: Sequence[Token], first: int, last: int) -> bool:
    """Tells whether the digits are a part of something longer: `x4155552671`, `0.4155552671`, `4155552671kg`."""
    before = tokens[first - 1] if first > 0 else None
    behind = tokens[last + 1] if last + 1 < len(tokens) else None
    if before is not None and (before.kind == "w" or (before.text == "_" and _is_joint(tokens, first - 2))):
        return True
    if before is not None and before.text == "." and first > 1 and tokens[first - 2].kind == "d":
        return True
    if behind is not None and behind.text == "." and last + 2 < len(tokens) and tokens[last + 2].kind == "d":
        return True
    return behind is not None and (behind.kind == "w" or (behind.text == "_" and _is_joint(tokens, last + 2)))


def _is_joint(tokens: Sequence[Token], beyond: int) -> bool:
    """Tells whether an underscore joins the digits to something: alone it is slanted type."""
    return 0 <= beyond < len(tokens) and tokens[beyond].kind in "wd"


def is_mathematics(tokens: Sequence[Token], first: int, last: int) -> bool:
    """Tells whether an operator stands beside the number in its line: then it is counted with rather than called."""
    return _is_operand(tokens, first - 1, -1, ")") or _is_operand(tokens, last + 1, 1, "(")


def _is_operand(tokens: Sequence[Token], at: int, step: int, bracket: str) -> bool:
    """Tells whether what stands in this direction makes the number a part of a calculation."""
    at = _over_blank(tokens, at, step)
    if not 0 <= at < len(tokens):
        return False
    if tokens[at].text not in _SIGNS:
        return tokens[at].text in _OPERATORS
    beyond = _over_blank(tokens, at + step, step)
    if not 0 <= beyond < len(tokens):
        return False
    operand = tokens[beyond]
    if tokens[at].text == ">" and beyond > 0 and tokens[beyond - 1].text in {"<", "/"}:
        return False  # of a tag: <b>
    return operand.kind == "d" or operand.text == bracket or len(operand.word) == 1


def _over_blank(tokens: Sequence[Token], at: int, step: int) -> int:
    """Returns the next position that is not blank; a new line is the end of a calculation."""
    is_blank = 0 <= at < len(tokens) and tokens[at].kind == "s" and "\n" not in tokens[at].text
    return at + step if is_blank else at
