"""E-mail addresses, plain and disguised: `a@b.com`, `a (at) b (dot) com`, `a at b dot com`, `a-at-b-dot-com`."""

from collections.abc import Iterator, Sequence

from viral_engine.domain.redaction.email_marks import Atom, atoms_of, may_hold_marks
from viral_engine.domain.redaction.kinds import Finding, Kind
from viral_engine.domain.redaction.tokens import Token

__all__ = ["find_emails"]

LOCAL_ATOMS_MAX = 64
DOMAIN_ATOMS_MAX = 64
QUOTED_ATOMS_MAX = 16
TOP_LENGTH_MIN = 2
IPV4_LABELS = 4
SPOKEN_TOPS = frozenset(
    """
    com org net edu gov mil io uk de fr ca au eu ru es mx ar cl br pe ve ec cr gt pr jp kr cn tw hk sg my ph th vn lk
    pk bd ng ke gh za eg ma ae il tr gr ua pl cz sk hu ro bg hr rs si lt lv ee fi se dk nl lu ch li pt ie nz tv gg xyz
    biz k12
    """.split()  # noqa: SIM905  (words are read more easily than a list of them)
)
"""Top levels believed in where dots are spoken or spaced out; there a sentence could look like an address."""

TOPS_THAT_ARE_WORDS = frozenset(
    """
    info app dev me us in co school mail email example test ai online club academy family live site store world cloud
    page link art fun work today one at be is it no to so am as do la id
    """.split()  # noqa: SIM905  (the same)
)
"""Believed behind `dot` only, and never behind `the dot`: people say `at this point in time`."""

_POINTING = frozenset(
    """
    a an the this that these those one some any each every which what no my your his her our their its another same
    first second third last next other
    """.split()  # noqa: SIM905  (the same)
)
_MAILBOXES = frozenset(
    """
    gmail googlemail yahoo ymail hotmail outlook icloud aol msn gmx proton protonmail comcast verizon
    """.split()  # noqa: SIM905  (the same)
)
"""Domains at which one has an address and no page to look at."""

_LOCAL_SIGNS = frozenset("._%+-'&*=/!#$^~`{|}?")
_LOCAL_JOINTS = frozenset("._+-")


def find_emails(tokens: Sequence[Token]) -> Iterator[Finding]:
    """Yields every address."""
    if not may_hold_marks(tokens):
        return
    atoms = atoms_of(tokens)
    for at, atom in enumerate(atoms):
        if atom.text != "@":
            continue
        first = _local(atoms, at)
        behind = None if first is None else _domain(atoms, at, is_account=_is_account(atoms[first:at]))
        if first is None or behind is None or _is_product(tokens, atoms[first:behind]):
            continue
        key = "".join(one.text for one in atoms[first:behind]).casefold()
        yield Finding(Kind.EMAIL, tokens[atoms[first].first].start, tokens[atoms[behind - 1].last].end, key)


def _local(atoms: Sequence[Atom], at: int) -> int | None:
    """Returns where the part in front of the @ begins."""
    if at > 0 and atoms[at - 1].text == '"':
        return _quoted(atoms, at)
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


def _quoted(atoms: Sequence[Atom], at: int) -> int | None:
    """Returns where the quotation in front of the @ begins: `"anna b"@example.com`."""
    for position in range(at - 2, max(-1, at - 2 - QUOTED_ATOMS_MAX), -1):
        if atoms[position].text == '"':
            return position
    return None


def _is_product(tokens: Sequence[Token], found: Sequence[Atom]) -> bool:
    """Tells whether two matrices are multiplied, as in `A @ B.shape`."""
    left, mark, top = found[0], found[1], found[-1].text.casefold()
    if len(left.text) > 1 or mark.text != "@" or top in SPOKEN_TOPS or top in TOPS_THAT_ARE_WORDS:
        return False
    return [token.kind for token in tokens[mark.first : mark.last + 1]] == ["s", "p", "s"]


def _is_account(local: Sequence[Atom]) -> bool:
    """Tells whether what stands in front of an `at` is more than a word: `anna.b`, `anna2012`."""
    kinds = {atom.kind for atom in local}
    ends_well = bool(local) and local[-1].kind in "wd"
    return ends_well and "w" in kinds and ("d" in kinds or any(atom.text in _LOCAL_JOINTS for atom in local))


def _domain(atoms: Sequence[Atom], at: int, *, is_account: bool) -> int | None:
    """Returns what stands behind the domain; None when there is none."""
    labels: list[str] = [""]
    behind = None
    is_loose = atoms[at].is_loose
    said: set[str] = set()
    for position in range(at + 1, min(len(atoms), at + 1 + DOMAIN_ATOMS_MAX)):
        atom = atoms[position]
        if atom.kind in "wd" or (atom.text in {"-", "_"} and labels[-1]):
            labels[-1] += atom.text
            is_whole = _is_said(labels, said) if said else _is_written(labels)
            is_believed = said or not is_loose or is_account or not _MAILBOXES.isdisjoint(map(str.casefold, labels))
            if is_whole and is_believed:
                behind = position + 1
        elif atom.text == "." and labels[-1]:
            if atom.is_loose and not atom.word and behind is not None and not said:
                # The address is whole, and a sentence begins.
                break
            if atom.is_loose:
                said.add(atom.word)
            labels.append("")
        else:
            break
    return behind


def _is_said(labels: Sequence[str], said: set[str]) -> bool:
    """Tells whether a domain with spoken or spaced-out dots is whole."""
    top = labels[-1].casefold()
    if top in TOPS_THAT_ARE_WORDS:
        return said <= {"", "dot"} and labels[0].casefold() not in _POINTING
    return top in SPOKEN_TOPS


def _is_written(labels: Sequence[str]) -> bool:
    if len(labels) == 1:
        return False
    top = labels[-1]
    has_letter = any(character.isalpha() for character in top)
    return (has_letter and len(top) >= TOP_LENGTH_MIN) or (len(labels) == IPV4_LABELS and "".join(labels).isdecimal())
