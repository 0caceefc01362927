"""E-mail addresses, plain and disguised: `a@b.com`, `a (at) b (dot) com`, `a at b dot com`, `a @ b . com`."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from viral_engine.domain.redaction.kinds import Finding, Kind
from viral_engine.domain.redaction.tokens import Token

__all__ = ["find_emails"]

LOCAL_ATOMS_MAX = 64
DOMAIN_ATOMS_MAX = 64
TOP_LENGTH_MIN = 2
IPV4_LABELS = 4
SPOKEN_TOPS = frozenset({
    "com", "org", "net", "edu", "gov", "io", "co", "us", "uk", "de", "fr", "info", "biz", "app", "dev", "me",
    "ca", "au", "in", "school", "k12", "mail", "email", "example", "test",
})  # fmt: skip
"""Top levels believed in where dots are spoken or spaced out; there a sentence could look like an address."""

_OPEN = frozenset("([{<")
_CLOSE = frozenset(")]}>")
_LOCAL_SIGNS = frozenset("._%+-'&*=/!#$^~`{|}?")
_WORDS = {"at": "@", "dot": ".", "period": ".", "point": "."}


class Atom(NamedTuple):
    """A token, or several that together say `@` or `.`.

    Attributes:
        is_loose: said by a bare word, or with blanks around it: believed only where the rest of the address says so.
    """

    text: str
    kind: str
    first: int
    last: int
    is_loose: bool = False


def find_emails(tokens: Sequence[Token]) -> Iterator[Finding]:
    """Yields every address."""
    if not any(token.text == "@" or token.word == "at" for token in tokens):
        return
    atoms = _atoms(tokens)
    for at, atom in enumerate(atoms):
        if atom.text != "@":
            continue
        first, behind = _local(atoms, at), _domain(atoms, at)
        if first is None or behind is None:
            continue
        key = "".join(one.text for one in atoms[first:behind]).casefold()
        yield Finding(Kind.EMAIL, tokens[atoms[first].first].start, tokens[atoms[behind - 1].last].end, key)


def _atoms(tokens: Sequence[Token]) -> list[Atom]:
    atoms = []
    at = 0
    while at < len(tokens):
        atom = _mark(tokens, at) or Atom(tokens[at].text, tokens[at].kind, at, at)
        atoms.append(atom)
        at = atom.last + 1
    return atoms


def _mark(tokens: Sequence[Token], at: int) -> Atom | None:
    """Returns the `@` or `.` that is said from this token on."""
    inner = at
    spaced = tokens[inner].kind == "s"
    inner += spaced
    bracketed = inner < len(tokens) and tokens[inner].text in _OPEN
    inner += bracketed
    if bracketed and inner < len(tokens) and tokens[inner].kind == "s":
        inner += 1
    if inner >= len(tokens):
        return None
    token = tokens[inner]
    text = _WORDS.get(token.word) or (token.text if token.text in {"@", "."} else None)
    if text is None or (not spaced and not bracketed):
        return None
    last = inner
    if bracketed:
        last += 1
        if last < len(tokens) and tokens[last].kind == "s":
            last += 1
        if last >= len(tokens) or tokens[last].text not in _CLOSE:
            return None
    is_word = token.kind == "w"
    if last + 1 < len(tokens) and tokens[last + 1].kind == "s":
        last += 1
    elif is_word and not bracketed:
        return None
    return Atom(text, "p", at, last, is_loose=not bracketed and (is_word or text == "."))


def _local(atoms: Sequence[Atom], at: int) -> int | None:
    """Returns where the part in front of the @ begins."""
    first = at
    for position in range(at - 1, max(-1, at - 1 - LOCAL_ATOMS_MAX), -1):
        atom = atoms[position]
        if atom.kind in "wd" or (atom.text in _LOCAL_SIGNS and not atom.is_loose):
            first = position
        elif not (atom.text == "." and position > 0 and atoms[position - 1].kind in "wd" and first == position + 1):
            break
    # What stands in front of an address in a sentence or a query is none of it.
    while first < at and atoms[first].kind == "p" and atoms[first].text not in {"_", "%", "+"}:
        first += 1
    return first if first < at else None


def _domain(atoms: Sequence[Atom], at: int) -> int | None:
    """Returns what stands behind the domain; None when there is none."""
    labels: list[str] = [""]
    behind = None
    is_loose = atoms[at].is_loose
    has_loose_dot = False
    for position in range(at + 1, min(len(atoms), at + 1 + DOMAIN_ATOMS_MAX)):
        atom = atoms[position]
        if atom.kind in "wd" or (atom.text in {"-", "_"} and labels[-1]):
            labels[-1] += atom.text
            if _is_whole(labels, loose=has_loose_dot or is_loose) and (not is_loose or has_loose_dot):
                behind = position + 1
        elif atom.text == "." and labels[-1]:
            if atom.is_loose and behind is not None and not has_loose_dot:
                # The address is whole, and a sentence begins.
                break
            has_loose_dot = has_loose_dot or atom.is_loose
            labels.append("")
        else:
            break
    return behind


def _is_whole(labels: Sequence[str], *, loose: bool) -> bool:
    if len(labels) == 1:
        return False
    top = labels[-1].casefold()
    if loose:
        return top in SPOKEN_TOPS
    has_letter = any(character.isalpha() for character in top)
    return (has_letter and len(top) >= TOP_LENGTH_MIN) or (len(labels) == IPV4_LABELS and "".join(labels).isdecimal())
