"""Names of schools: a proper name before a kind of school, `University of ...`, and numbered ones (P.S. 118)."""

from collections.abc import Iterator, Sequence

from viral_engine.domain.redaction.kinds import Finding, Kind
from viral_engine.domain.redaction.tokens import Token, is_capitalised, text_of

__all__ = ["find_schools"]

NAME_WORDS_MAX = 5
NUMBER_LENGTH_MAX = 3
KINDS = frozenset({"school", "academy", "college", "university", "elementary", "preschool", "kindergarten", "isd"})
LEVELS = frozenset({
    "high", "middle", "elementary", "primary", "secondary", "junior", "senior", "prep", "preparatory", "grammar",
    "charter", "magnet", "public", "private", "day", "boarding", "montessori", "nursery", "community", "catholic",
})  # fmt: skip
ALONE = frozenset({"high", "middle", "elementary", "prep"})
"""What names a school without the word: Lincoln High."""

_NO_NAMES = frozenset({
    "the", "my", "our", "your", "his", "her", "their", "a", "an", "in", "at", "from", "for", "to", "i", "we",
    "after", "before", "and", "or", "is", "was", "old", "new", "this", "that", "which", "every", "any", "some",
    "no", "if", "when", "law", "medical", "business", "summer", "sunday", "art", "music", "khan", "codecademy",
    "homeschool", "back", "go", "does", "do", "did", "hello", "hi", "grade", "first", "dear", "with", "of",
})  # fmt: skip
"""What begins a sentence or a course, and the teaching sites that everybody uses."""


def find_schools(tokens: Sequence[Token]) -> Iterator[Finding]:
    """Yields every name of a school."""
    for at, token in enumerate(tokens):
        if token.kind != "w":
            continue
        last = _kind(tokens, at)
        if last is not None:
            first = _first(tokens, at)
            if first is not None:
                yield _finding(tokens, first, last)
        if token.word in {"university", "academy", "college", "school"}:
            last = _of(tokens, at)
            if last is not None:
                yield _finding(tokens, at, last)
        if token.word in {"ps", "p", "is", "ms"} and token.text.isupper():
            last = _number(tokens, at)
            if last is not None:
                yield _finding(tokens, at, last)


def _finding(tokens: Sequence[Token], first: int, last: int) -> Finding:
    return Finding(Kind.SCHOOL, tokens[first].start, tokens[last].end, text_of(tokens, first, last))


def _next_word(tokens: Sequence[Token], at: int) -> int | None:
    """Returns the word behind one blank."""
    if at + 2 < len(tokens) and tokens[at + 1].kind == "s" and tokens[at + 2].kind == "w":
        return at + 2
    return None


def _kind(tokens: Sequence[Token], at: int) -> int | None:
    """Returns the last word of a kind of school that begins here: `High School`, `Academy`, `High`."""
    token = tokens[at]
    if token.word in KINDS and token.word not in LEVELS:
        return at
    if token.word not in LEVELS:
        return None
    last = at
    for _ in range(3):
        following = _next_word(tokens, last)
        if following is None or tokens[following].word not in KINDS | LEVELS:
            break
        last = following
        if tokens[last].word in KINDS - LEVELS:
            return last
    return last if tokens[last].word in ALONE and is_capitalised(tokens[last]) and last == at else None


def _first(tokens: Sequence[Token], at: int) -> int | None:
    """Returns the first word of the proper name in front of a kind of school."""
    first = None
    position = at
    for _ in range(NAME_WORDS_MAX):
        before = position - 1
        if before < 1 or tokens[before].kind != "s" or "\n" in tokens[before].text:
            break
        before -= 1
        # The dot of an abbreviation: St. Mary, Martin L. King.
        if tokens[before].text == "." and before > 0 and tokens[before - 1].text.istitle():
            before -= 1
        if before >= 2 and tokens[before].word == "s" and tokens[before - 1].text == "'":  # noqa: PLR2004 - St. Mary's
            before -= 2
        if not is_capitalised(tokens[before]) or tokens[before].word in _NO_NAMES:
            break
        first = position = before
    if first is None or all(token.word in LEVELS for token in tokens[first:at] if token.kind == "w"):
        return None
    return first


def _of(tokens: Sequence[Token], at: int) -> int | None:
    if not is_capitalised(tokens[at]):
        return None
    of = _next_word(tokens, at)
    if of is None or tokens[of].word != "of":
        return None
    last = None
    position = of
    for _ in range(NAME_WORDS_MAX):
        following = _next_word(tokens, position)
        if following is None or not is_capitalised(tokens[following]):
            break
        last = position = following
    return last


def _number(tokens: Sequence[Token], at: int) -> int | None:
    if tokens[at].word == "p":
        if (
            at + 3 >= len(tokens)
            or tokens[at + 1].text != "."
            or tokens[at + 2].text != "S"
            or tokens[at + 3].text != "."
        ):
            return None
        at += 3
    if (
        at + 2 < len(tokens)
        and tokens[at + 1].text == " "
        and tokens[at + 2].kind == "d"
        and len(tokens[at + 2].text) <= NUMBER_LENGTH_MAX
    ):
        return at + 2
    return None
