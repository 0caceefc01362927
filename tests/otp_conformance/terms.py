"""Erlang terms as text, as Python values and as JSON.

An atom is a `str`, a tuple a `tuple`, a list a `list`, a map a `dict`; a `str` of several words such as `<a.1>` is what
the cases print for what has no text of its own.
"""

import re
from typing import Any

Term = Any

STACK = "<stack>"
"""What the cases print for a stack trace."""

_WORD = re.compile(r"\s*(#\{|=>|[{}\[\],]|'[^']*'|\"[^\"]*\"|<[^>]*>|-?\d+\.\d+|-?\d+|[\w@]+)")
_CLOSING = {"{": "}", "[": "]", "#{": "}"}


def parse(text: Term) -> Term:
    """Reads a term; what is no text, such as a number of the JSON, is one already.

    Raises:
        ValueError: the text is no term.
    """
    if not isinstance(text, str):
        return tuple(map(parse, text)) if isinstance(text, list) else text
    tokens = _WORD.findall(text)
    if "".join(tokens) != re.sub(r"\s", "", text) or not tokens:
        # Free text, which the cases use as if it were an atom.
        return text
    tokens.reverse()
    term = _read(tokens)
    if tokens:
        raise ValueError(f"{text!r} is more than one term")
    return term


def _read(tokens: list[str]) -> Term:
    word = tokens.pop()
    if word in _CLOSING:
        items = _read_items(tokens, _CLOSING[word])
        if word == "#{":
            return dict(zip(items[::2], items[1::2], strict=True))
        return tuple(items) if word == "{" else items
    if re.fullmatch(r"-?\d+", word):
        return int(word)
    if re.fullmatch(r"-?\d+\.\d+", word):
        return float(word)
    if word in ("true", "false"):
        return word == "true"
    return word.strip("'\"")


def _read_items(tokens: list[str], closing: str) -> list[Term]:
    items: list[Term] = []
    while tokens[-1] != closing:
        items.append(_read(tokens))
        if tokens[-1] in (",", "=>"):
            tokens.pop()
    tokens.pop()
    return items


def compact(term: Term) -> str:
    """Writes a term without blanks; the oracle's short form writes lists like tuples."""
    if isinstance(term, tuple | list):
        return "{" + ",".join(map(compact, term)) + "}"
    return str(term).lower() if isinstance(term, bool) else str(term)


def jsonable(term: Term) -> Any:
    """Turns tuples into the lists that JSON has."""
    if isinstance(term, tuple | list):
        return [jsonable(item) for item in term]
    if isinstance(term, dict):
        return {str(key): jsonable(value) for key, value in term.items()}
    return term
