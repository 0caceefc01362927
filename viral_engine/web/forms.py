"""What a text must look like, as JSON Schema: the description's side of `domain.canonical`, which decides."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from viral_engine.domain.canonical import ID_LENGTH_MAX

Schema = Mapping[str, Any]

# Written with \x, as the text itself would stand in the page of the description.
_NO_CONTROLS = r"^[^\x00-\x1f\x7f-\x9f]*$"
_OCTET = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_GROUP = "[0-9A-Fa-f]{1,4}"
_HEX = "[0-9A-Fa-f]"
_LABEL = "[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"


def text(length_max: int = ID_LENGTH_MAX, length_min: int = 1) -> Schema:
    """Returns text without control characters."""
    return {"type": "string", "minLength": length_min, "maxLength": length_max, "pattern": _NO_CONTROLS}


def words(*of: str) -> Schema:
    """Returns one of a few words."""
    return {"type": "string", "enum": list(of)}


ID: Schema = {"anyOf": [{"type": "integer"}, text()]}
UUID: Schema = {"type": "string", "format": "uuid"}
DATE: Schema = {"type": "string", "format": "date"}
INSTANT: Schema = {"type": "string", "format": "date-time"}
ADDRESS: Schema = {"anyOf": [{"type": "string", "format": "ipv4"}, {"type": "string", "format": "ipv6"}]}
EMAIL: Schema = {"type": "string", "format": "email", "maxLength": 320}
PHONE: Schema = {"type": "string", "maxLength": 40, "pattern": r"^\+?\(?[0-9](?:[ ()./-]*[0-9]){5,14}[ ()./-]*$"}
ACTION: Schema = {"type": "string", "pattern": "^[a-z][a-z0-9_.]{0,63}$"}
DOMAIN: Schema = {"type": "string", "maxLength": 253, "pattern": rf"^(?:{_LABEL}\.)+{_LABEL}\.?$"}
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
    """Yields IPv6 by the group in which the prefix ends."""
    for whole in range(7):
        ends = []
        for bits in range(max(bits_min - 16 * whole, 1), 17):
            digits, rest = divmod(bits - 1, 4)
            last = "".join(f"{digit:x}" for digit in range(0, 16, 1 << (3 - rest)))
            ends.append(f"{_HEX}{{0,{digits}}}[{last}{last.upper()}]{'0' * (3 - digits)}::/{16 * whole + bits}")
        if ends:
            yield f"(?:{_GROUP}:){{{whole}}}(?:{'|'.join(ends)})"
    yield f"(?:{_GROUP}:){{7}}{_GROUP}/128"
