"""What a text must look like, as JSON Schema: the description's side of `domain.canonical`, which decides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from viral_engine.domain.canonical import ID_LENGTH_MAX, INVISIBLE

Schema = Mapping[str, Any]

# Written with \x, as the text itself would stand in the page of the description.
_CONTROLS = r"\x00-\x1f\x7f-\x9f"
_NO_CONTROLS = f"^[^{_CONTROLS}]*$"
_VISIBLE = f"[^{_CONTROLS}{INVISIBLE}]"
_NO_CONTROLS_BUT_BREAKS = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]*$"
_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_GROUP = "[0-9A-Fa-f]{1,4}"
_HEX = "[0-9A-Fa-f]"
_LABEL = "[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"

# Letters of the scripts that names are written in: `\\p{L}` itself is not known to every reader of JSON Schema.
_LETTERS = (
    "A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02af\u0391-\u03a1\u03a3-\u03ce\u0400-\u0481\u048a-\u052f\u0531-\u0556"
    "\u0561-\u0586\u05d0-\u05ea\u0620-\u063f\u0641-\u064a\u0905-\u0939\u0985-\u098c\u0e01-\u0e30\u10d0-\u10fa\u1e00-\u1eff"
)
_SYLLABLES = (
    "\u3041-\u3096\u30a1-\u30fa\u3400-\u4dbf\u4e00-\u9ffc\ua000-\ua48c\uac00-\ud7a3\U00017000-\U000187f7"
    "\U00020000-\U0002a6dd\U0002a700-\U0002b734\U0002b740-\U0002b81d\U0002b820-\U0002cea1\U0002ceb0-\U0002ebe0"
    "\U00030000-\U0003134a"
)


def text(length_max: int = ID_LENGTH_MAX, length_min: int = 1) -> Schema:
    """Returns text without control characters."""
    return {"type": "string", "minLength": length_min, "maxLength": length_max, "pattern": _NO_CONTROLS}


def lines(length_max: int) -> Schema:
    """Returns text of any number of lines."""
    return {"type": "string", "minLength": 1, "maxLength": length_max, "pattern": _NO_CONTROLS_BUT_BREAKS}


def words(*of: str) -> Schema:
    """Returns one of a few words."""
    return {"type": "string", "enum": list(of)}


def _any_case(word: str) -> str:
    return "".join(f"[{letter}{letter.upper()}]" if letter.isalpha() else letter for letter in word)


ID: Schema = {"anyOf": [{"type": "integer"}, text()]}
# With its dashes or without any, as many readers of the format have it.
UUID: Schema = {
    "type": "string",
    "format": "uuid",
    "pattern": f"^{_HEX}{{8}}(?:(?:-{_HEX}{{4}}){{3}}-|{_HEX}{{12}}){_HEX}{{12}}$",
}
_NO_DEVICE = "|".join(map(_any_case, ("unknown", "null", "none", "undefined", "nil", "n/a")))
# The empty text and a blank one say that there is none.
ANY_DEVICE: Schema = {
    **text(length_min=0),
    "description": "No invisible characters such as U+200B; blanks at the ends are left off.",
    "pattern": f"^{_VISIBLE}*$",
}
DEVICE: Schema = {
    **text(),
    "description": "As in a check, and not a word that says that there is none, in any case.",
    "pattern": rf"^{_VISIBLE}*[^\s{_CONTROLS}{INVISIBLE}]{_VISIBLE}*$",
    "not": {"pattern": rf"^\s*(?:{_NO_DEVICE})\s*$"},
}
DATE: Schema = {"type": "string", "format": "date"}
INSTANT: Schema = {"type": "string", "format": "date-time"}
ADDRESS: Schema = {"anyOf": [{"type": "string", "format": "ipv4"}, {"type": "string", "format": "ipv6"}]}
EMAIL: Schema = {"type": "string", "format": "email", "maxLength": 320}
PHONE: Schema = {"type": "string", "maxLength": 40, "pattern": r"^\+?\(?[0-9](?:[ ()./-]*[0-9]){5,14}[ ()./-]*$"}
ACTION: Schema = {"type": "string", "pattern": "^[a-z][a-z0-9_.]{0,63}$"}
LABEL: Schema = {"type": "string", "pattern": "^[a-z][a-z0-9_]{0,31}$"}
DOMAIN: Schema = {"type": "string", "maxLength": 253, "pattern": rf"^(?:{_LABEL}\.)+{_LABEL}\.?$"}
NAME: Schema = {
    "type": "string",
    "description": "Two letters at least, or one that stands for a syllable or a word.",
    "pattern": rf"[{_SYLLABLES}]|[{_LETTERS}][\s\S]*[{_LETTERS}]",
}
LOCALE: Schema = {"type": "string", "pattern": "^[A-Za-z]{2,8}(?:-[A-Za-z0-9]{1,8}){0,4}$"}


def network(bits_min_4: int, bits_min_6: int) -> Schema:
    """Returns a network without host bits, no larger than it may be; an IPv6 one as usual, with `::` at its end."""
    return {
        "type": "string",
        "description": "A network such as 192.0.2.0/24 or 2001:db8::/32; bits of a host in it would be a slip.",
        "pattern": f"^(?:{'|'.join((*_fours(bits_min_4), *_sixes(bits_min_6)))})$",
    }


def _fours(bits_min: int) -> Iterator[str]:
    """Yields IPv4 by the octet in which the prefix ends: whole ones before it, zeros behind it."""
    for whole in range(4):
        ends = []
        for bits in range(max(bits_min - 8 * whole, 1), 9):
            octets = "|".join(str(octet) for octet in range(0, 256, 1 << (8 - bits)))
            ends.append(f"(?:{octets if bits < 8 else _OCTET}){'[.]0' * (3 - whole)}/{8 * whole + bits}")  # noqa: PLR2004
        if ends:
            yield f"(?:{_OCTET}[.]){{{whole}}}(?:{'|'.join(ends)})"


def _sixes(bits_min: int) -> Iterator[str]:
    """Yields IPv6 by the groups before `::`: all of the prefix, or all but the zeros of its last one."""
    for whole in range(8):
        ends = [f":/(?:{'|'.join(_lengths(max(bits_min, 16 * whole)))})"] if whole else []
        for bits in range(max(bits_min - 16 * whole, 1), 16) if whole < 7 else ():  # noqa: PLR2004 - of eight groups
            digits, rest = divmod(bits - 1, 4)
            last = "".join(f"{digit:x}" for digit in range(0, 16, 1 << (3 - rest)))
            ends.append(f"{_HEX}{{0,{digits}}}[{last}{last.upper()}]{'0' * (3 - digits)}::/{16 * whole + bits}")
        if ends:
            yield f"(?:{_GROUP}:){{{whole}}}(?:{'|'.join(ends)})"
    yield f"(?:{_GROUP}:){{7}}{_GROUP}/128"


def _lengths(low: int) -> Iterator[str]:
    """Yields the numbers from `low` to 128, by their tens."""
    for tens in range(low // 10, 13):
        first = low % 10 if tens == low // 10 else 0
        yield f"{tens}[{first}-{8 if tens == 12 else 9}]"  # noqa: PLR2004 - 120 to 128
