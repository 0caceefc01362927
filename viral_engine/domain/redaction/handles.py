"""Names of accounts beside the network that they belong to: `my insta is @maya.c`, `add me on snapchat: mayac14`."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from viral_engine.domain.redaction.handle_words import (
    BEHIND,
    EVERYBODY,
    FILLERS,
    INVITES,
    INVITES_IN_ONE,
    INVITING,
    NETWORKS,
    NOUNS,
    OWNERS,
    PREPOSITIONS,
    QUALIFIERS,
    STATES,
    WITH_A_CUE,
)
from viral_engine.domain.redaction.kinds import Finding, Kind
from viral_engine.domain.redaction.tokens import Token, neighbour

__all__ = ["find_handles"]

HANDLE_TOKENS_MAX = 12
BETWEEN_TOKENS_MAX = 12
IN_FRONT_TOKENS_MAX = 12
WORD_LENGTH_MIN = 4
"""A word that is not written as only handles are."""

UNASKED_LENGTH_MIN = 5
"""A handle behind `Discord:` without anybody's `my`: shorter ones are variables (x_1) and versions."""

TAG_LENGTH = 4
"""The digits of maya#1234."""

_STATE_ENDINGS = ("ing", "ed", "ly")


class _Handle(NamedTuple):
    """A handle as written.

    Attributes:
        first: position of its first token, of the `@` where it has one.
        last: position of its last token.
        text: without the `@`, in lower case.
        has_at: whether an `@` stands in front.
        is_sure: whether it is written as no word is: with a digit, an underscore, a dot inside.
    """

    first: int
    last: int
    text: str
    has_at: bool
    is_sure: bool


def find_handles(tokens: Sequence[Token]) -> Iterator[Finding]:
    """Yields the handle behind each network that is named with a cue, or in front of it."""
    for at, token in enumerate(tokens):
        if token.word not in NETWORKS and token.word not in WITH_A_CUE:
            continue
        for handle in (_behind(tokens, at), _in_front(tokens, at)):
            if handle is not None:
                start, end = tokens[handle.first].start, tokens[handle.last].end
                yield Finding(Kind.HANDLE, start, end, handle.text)


def _behind(tokens: Sequence[Token], network: int) -> _Handle | None:
    """Returns the handle behind a network and what links them: `: `, ` is `, ` username: `."""
    is_asked = _is_somebodys(tokens, network)
    is_said = has_sign = False
    at = network + 1
    behind = min(len(tokens), network + 1 + BETWEEN_TOKENS_MAX)
    while at < behind:
        token = tokens[at]
        if token.text in {":", "="}:
            has_sign = True
        elif token.word in NOUNS or token.word in FILLERS:
            is_said = True
        elif token.kind != "s" and token.text not in {"-", ">", "'", '"', "("} and not (token.text == "," and is_asked):
            break
        at += 1
    handle = _handle(tokens, at)
    if handle is None:
        return None
    if handle.has_at:
        return handle
    if handle.is_sure:
        is_label = has_sign and tokens[network].word in NETWORKS and len(handle.text) >= UNASKED_LENGTH_MIN
        return handle if is_asked or is_label else None
    return handle if is_asked and (is_said or has_sign) and _is_no_state(tokens, handle) else None


def _is_no_state(tokens: Sequence[Token], handle: _Handle) -> bool:
    """Tells whether a plain word at the end of a clause is a handle rather than what is said of the account."""
    word = handle.text
    if len(word) < WORD_LENGTH_MIN or word in STATES or word.endswith(_STATE_ENDINGS):
        return False
    behind = neighbour(tokens, handle.last + 1, 1)
    return behind is None or behind.text in {".", ",", "!", "?", ";", ")", '"'} or behind.word in BEHIND


def _is_somebodys(tokens: Sequence[Token], network: int) -> bool:
    """Tells whether the words in front say whose account it is, or ask to be found there."""
    words = _words_in_front(tokens, network)
    while words and words[0] in QUALIFIERS:
        words = words[1:]
    if not words:
        return False
    if words[0] in OWNERS:
        return True
    if words[0] not in PREPOSITIONS:
        return False
    words = words[1:]
    while words and words[0] in OWNERS | {"up", "back"}:
        words = words[1:]
    if not words:
        return False
    if words[0] in INVITES_IN_ONE or (words[0] in NOUNS and not OWNERS.isdisjoint(words[1:3])):
        return True
    return words[0] in INVITING and len(words) > 1 and words[1] in INVITES


def _words_in_front(tokens: Sequence[Token], at: int) -> list[str]:
    """Returns the words in front, the nearest first, with nothing but blanks between."""
    words: list[str] = []
    for position in range(at - 1, max(-1, at - 1 - IN_FRONT_TOKENS_MAX), -1):
        if tokens[position].kind == "w":
            words.append(tokens[position].word)
        elif tokens[position].kind != "s":
            break
    return words


def _handle(tokens: Sequence[Token], at: int) -> _Handle | None:
    """Returns the handle that begins here: letters, digits and what joins them."""
    first = at
    has_at = at < len(tokens) and tokens[at].text == "@"
    at += has_at
    begin = at
    while at < len(tokens) and at < begin + HANDLE_TOKENS_MAX and _is_part(tokens, at, begin):
        at += 1
    if at == begin:
        return None
    if at + 1 < len(tokens) and tokens[at].text == "#" and _is_tag(tokens, at + 1):
        at += 2
    return _judged(tokens, first, begin, at, has_at=has_at)


def _is_part(tokens: Sequence[Token], at: int, begin: int) -> bool:
    token = tokens[at]
    if token.kind in "wd" or token.text == "_":
        return True
    is_inside = at > begin and at + 1 < len(tokens) and tokens[at + 1].kind in "wd"
    return token.text in {".", "-"} and is_inside


def _is_tag(tokens: Sequence[Token], at: int) -> bool:
    is_glued = at + 1 < len(tokens) and tokens[at + 1].kind in "wd"
    return tokens[at].kind == "d" and len(tokens[at].text) == TAG_LENGTH and not is_glued


def _judged(tokens: Sequence[Token], first: int, begin: int, behind: int, *, has_at: bool) -> _Handle | None:
    """Returns the handle of these tokens; none where it has no letters, begins like a number or calls everybody."""
    parts = tokens[begin:behind]
    text = "".join(token.text for token in parts).casefold()
    letters = sum(len(token.text) for token in parts if token.kind == "w")
    if letters == 0 or len(text) <= 2 or text in EVERYBODY or (parts[0].kind == "d" and not has_at):  # noqa: PLR2004
        return None
    is_sure = any(token.kind == "d" or token.text in {"_", "."} for token in parts)
    return _Handle(first, behind - 1, text, has_at, is_sure)


def _in_front(tokens: Sequence[Token], network: int) -> _Handle | None:
    """Returns the handle in `@maya.c on insta` and `I'm mayac14 on snap`."""
    on = network - 2
    if on < 2 or tokens[on].word not in PREPOSITIONS or tokens[on + 1].kind != "s" or tokens[on - 1].kind != "s":  # noqa: PLR2004
        return None
    behind = on - 1
    begin = behind
    while begin > max(0, behind - HANDLE_TOKENS_MAX) and (
        tokens[begin - 1].kind in "wd" or tokens[begin - 1].text in {"_", ".", "-", "#"}
    ):
        begin -= 1
    has_at = begin > 0 and tokens[begin - 1].text == "@"
    handle = _handle(tokens, begin - has_at)
    if handle is None or handle.last != behind - 1:
        return None
    words = _words_in_front(tokens, handle.first)
    is_asked = bool(words) and words[0] in INVITES | INVITES_IN_ONE | FILLERS
    return handle if has_at or (handle.is_sure and is_asked) else None
