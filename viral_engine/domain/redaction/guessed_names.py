"""Names that nobody supplied: by what stands in front of them, and by a list of first names; for who may be a child."""

from collections.abc import Iterator, Sequence

from viral_engine.domain.redaction.kinds import Finding, Kind
from viral_engine.domain.redaction.tokens import Token, is_capitalised
from viral_engine.domain.redaction.word_lists import FIRST_NAMES, NAMES_THAT_ARE_WORDS, NOT_NAMES

__all__ = ["guess_names"]

WORDS_MAX = 3
_SURE_CUES = (("name", "is"), ("name", "s"), ("names",), ("named",), ("call", "me"), ("nickname", "is"))
"""Behind these a name needs no capital."""

_CUES = (
    ("i", "am"), ("i", "m"), ("im",), ("this", "is"), ("it", "s"), ("hi",), ("hello",), ("hey",), ("dear",),
    ("thanks",), ("love",), ("regards",), ("sincerely",), ("friend",), ("brother",), ("sister",), ("cousin",),
    ("teacher",), ("tutor",), ("mom",), ("dad",), ("mother",), ("father",), ("classmate",), ("mr",), ("mrs",),
    ("ms",), ("miss",), ("dr",), ("prof",), ("professor",), ("coach",), ("principal",), ("aunt",), ("uncle",),
    ("grandma",), ("grandpa",),
)  # fmt: skip
_ENDS = {cue[-1] for cue in (*_SURE_CUES, *_CUES)}
_BETWEEN = frozenset(" ,.:'-")


def guess_names(tokens: Sequence[Token]) -> Iterator[Finding]:
    """Yields what is likely a name; a guess, so it errs to both sides."""
    at = 0
    while at < len(tokens):
        token = tokens[at]
        last = _name_from(tokens, at) if token.kind == "w" else None
        if last is None:
            at += 1
            continue
        words = " ".join(one.word for one in tokens[at : last + 1] if one.kind == "w")
        yield Finding(Kind.NAME, token.start, tokens[last].end, f"guess:{words}")
        at = last + 1


def _name_from(tokens: Sequence[Token], at: int) -> int | None:
    """Returns the last token of the name that begins here."""
    token = tokens[at]
    if len(token.text) < 2 or (token.word in NOT_NAMES and token.word not in FIRST_NAMES):  # noqa: PLR2004 - a variable
        return None
    if is_capitalised(token):
        if token.word in FIRST_NAMES and token.word not in NAMES_THAT_ARE_WORDS:
            return _with_surname(tokens, at)
        if token.word in NAMES_THAT_ARE_WORDS and _with_surname(tokens, at) > at and not _begins_sentence(tokens, at):
            return _with_surname(tokens, at)
        if _is_behind(tokens, at, _CUES) or _is_behind(tokens, at, _SURE_CUES):
            return _with_surname(tokens, at)
        return None
    return at if _is_behind(tokens, at, _SURE_CUES) and token.text.isalpha() else None


def _begins_sentence(tokens: Sequence[Token], at: int) -> bool:
    for position in range(at - 1, max(-1, at - 3), -1):
        if tokens[position].kind == "w" or tokens[position].text == ",":
            return False
        if tokens[position].text in ".!?":
            return True
    return at == 0


def _with_surname(tokens: Sequence[Token], at: int) -> int:
    last = at
    for _ in range(WORDS_MAX - 1):
        following = last + 1
        if following + 1 < len(tokens) and tokens[following].text in {" ", "-"} and _is_surname(tokens[following + 1]):
            last = following + 1
        else:
            break
    return last


def _is_surname(token: Token) -> bool:
    return is_capitalised(token) and token.word not in NOT_NAMES


def _is_behind(tokens: Sequence[Token], at: int, cues: Sequence[Sequence[str]]) -> bool:
    """Tells whether one of these stands in front, with nothing but blanks and small signs between."""
    words: list[str] = []
    for position in range(at - 1, max(-1, at - 8), -1):
        token = tokens[position]
        if token.kind == "w":
            words.insert(0, token.word)
            if len(words) == 1 and token.word not in _ENDS:
                return False
            if len(words) == 2:  # noqa: PLR2004 - no cue is longer
                break
        elif token.kind != "s" and token.text not in _BETWEEN:
            break
    return any(tuple(words[-len(cue) :]) == tuple(cue) for cue in cues)
