"""Dates of birth: a date beside a word that says so. Any other date is homework."""

from collections.abc import Iterator, Sequence

from viral_engine.domain.redaction.kinds import Finding, Kind
from viral_engine.domain.redaction.tokens import Token, text_of, words_before

__all__ = ["find_birth_dates"]

CUES = frozenset({"born", "birthday", "birthdate", "dob", "birth", "bday", "birthdays"})
BEHIND_TOKENS_MAX = 12
YEAR_LENGTHS = frozenset({2, 4})
DAY_MAX = 31
MONTH_MAX = 12
MONTHS = frozenset({
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december", "jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec",
})  # fmt: skip
_SEPARATORS = frozenset("/-.")
_ORDINALS = frozenset({"st", "nd", "rd", "th"})


def find_birth_dates(tokens: Sequence[Token]) -> Iterator[Finding]:
    """Yields every date that is said to be somebody's birthday."""
    at = 0
    while at < len(tokens):
        last = _date(tokens, at)
        if last is None:
            at += 1
            continue
        if _is_birth(tokens, at, last):
            yield Finding(Kind.BIRTHDATE, tokens[at].start, tokens[last].end, text_of(tokens, at, last))
        at = last + 1


def _is_birth(tokens: Sequence[Token], first: int, last: int) -> bool:
    if words_before(tokens, first, CUES):
        return True
    for token in tokens[last + 1 : last + 1 + BEHIND_TOKENS_MAX]:
        if token.text in {".", ";", "\n"} or token.kind == "x":
            return False
        if token.word in CUES:
            return True
    return False


def _date(tokens: Sequence[Token], at: int) -> int | None:
    """Returns the last token of the date that begins here."""
    token = tokens[at]
    if at > 0 and (tokens[at - 1].kind in "wd" or tokens[at - 1].text in _SEPARATORS):
        return None
    if token.word in MONTHS:
        return _month_first(tokens, at)
    if token.kind != "d":
        return None
    return _in_figures(tokens, at) or _day_first(tokens, at)


def _in_figures(tokens: Sequence[Token], at: int) -> int | None:
    if at + 4 >= len(tokens):
        return None
    first, one, second, two, third = tokens[at : at + 5]
    if one.text not in _SEPARATORS or one.text != two.text or {first.kind, second.kind, third.kind} != {"d"}:
        return None
    if len(first.text) == 4:  # noqa: PLR2004 - a year
        is_date = _is_day(second) and _is_day(third)
    else:
        is_date = _is_day(first) and _is_day(second) and len(third.text) in YEAR_LENGTHS
    return at + 4 if is_date else None


def _is_day(token: Token) -> bool:
    return token.kind == "d" and len(token.text) <= 2 and 1 <= int(token.text) <= DAY_MAX  # noqa: PLR2004 - digits


def _blank(tokens: Sequence[Token], at: int) -> int:
    """Returns the position behind up to one comma, dot or `of` and the blanks around it."""
    for _ in range(4):
        if at < len(tokens) and (
            tokens[at].kind == "s" or tokens[at].text in {",", "."} or tokens[at].word in {"of", "the"}
        ):
            at += 1
    return at


def _day(tokens: Sequence[Token], at: int) -> int | None:
    """Returns the last token of a day of the month."""
    if at >= len(tokens) or not _is_day(tokens[at]):
        return None
    return at + 1 if at + 1 < len(tokens) and tokens[at + 1].word in _ORDINALS else at


def _with_year(tokens: Sequence[Token], last: int) -> int:
    at = _blank(tokens, last + 1)
    has_year = at < len(tokens) and tokens[at].kind == "d" and len(tokens[at].text) == 4  # noqa: PLR2004 - a year
    return at if has_year else last


def _month_first(tokens: Sequence[Token], at: int) -> int | None:
    day = _day(tokens, _blank(tokens, at + 1))
    if day is not None:
        return _with_year(tokens, day)
    year = _with_year(tokens, at)
    return year if year > at else None


def _day_first(tokens: Sequence[Token], at: int) -> int | None:
    day = _day(tokens, at)
    if day is None:
        return None
    month = _blank(tokens, day + 1)
    return _with_year(tokens, month) if month < len(tokens) and tokens[month].word in MONTHS else None
