"""One spelling per thing: the keys under which users, devices, addresses and domains are compared.

Everything here either returns the canonical text or raises `Invalid`; nothing is guessed. Kinds are told apart by the
tables that hold them, never by the text: a user "42" and a device "42" are two things.
"""

import re
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_network
from socket import AF_INET6, inet_ntop, inet_pton

from viral_engine.domain.errors import Invalid

__all__ = [
    "action_type", "address_group", "device_id", "email", "email_domain", "host", "ip_address", "label", "network",
    "optional_text", "phone", "user_id",
]  # fmt: skip

ID_LENGTH_MAX = 128
# An integer id is no longer than a text id may be.
_ID_INT_MAX = 10**ID_LENGTH_MAX - 1
_ID_INT_MIN = 1 - 10 ** (ID_LENGTH_MAX - 1)
_ACTION = re.compile(r"[a-z][a-z0-9_.]{0,63}")
_IPV4 = re.compile(r"(?:(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])(?:\.(?!$)|$)){4}", re.ASCII)
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
# Inside a class of a regular expression: format characters (Cf), and what else a screen shows nothing or a gap for.
INVISIBLE = (
    r"\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    r"\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\U000110bd\U000110cd\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_INVISIBLE = re.compile(f"[{INVISIBLE}]")
_NO_DEVICE = frozenset({"", "unknown", "null", "none", "undefined", "nil", "n/a"})
_LOCAL = re.compile(r"[^\s@\x00-\x1f\x7f-\x9f\"(),:;<>\[\]\\\ud800-\udfff]{1,64}")
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_LABEL_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
# 6 to 15 digits (E.164), each one with what may stand before it: there is one way to match.
_PHONE = re.compile(r"\+?\(?[0-9](?:[ ()./-]*[0-9]){5,14}[ ()./-]*")
# Dialled for a plus sign in most countries, and in North America.
_ABROAD = re.compile(r"(?:00|011)(?=[1-9][0-9]{5})")
_DOMAIN_LENGTH_MAX = 253
_EMAIL_LENGTH_MAX = 320
_MAPPED = bytes(10) + b"\xff\xff"
_ZEROS = bytes(10)
_LOW_ZEROS = bytes(8)


def _text(value: object, field: str, length_max: int = ID_LENGTH_MAX) -> str:
    if type(value) is not str:
        raise Invalid(field, "must be text")
    if not 0 < len(value) <= length_max:
        raise Invalid(field, f"must have 1 to {length_max} characters")
    # Nearly every id is printable ASCII, which two C calls tell; the search is for the others.
    if not (value.isascii() and value.isprintable()) and _UNPRINTABLE.search(value):
        raise Invalid(field, "must not contain control characters or lone surrogates")
    return value


def user_id(value: object, field: str = "user_id") -> str:
    """The user's key: an int and the same number in decimal text are one user, any other text is itself.

    "042" and "+42" are texts and other users than 42. An int beyond 128 digits is refused before it is ever written
    out, which takes quadratic time and which Python itself refuses at 4,300 digits. A bool is not a number here.

    Raises:
        Invalid: Neither an int nor text of 1 to 128 characters without control characters.
    """
    if type(value) is str:
        return _text(value, field)
    if type(value) is not int:
        raise Invalid(field, "must be text or a whole number")
    if not _ID_INT_MIN <= value <= _ID_INT_MAX:
        raise Invalid(field, f"must have 1 to {ID_LENGTH_MAX} characters")
    return str(value)


def action_type(value: object, field: str = "action_type") -> str:
    """An action's name as the catalogue spells it.

    Raises:
        Invalid: Not `[a-z][a-z0-9_.]{0,63}`.
    """
    if type(value) is not str or _ACTION.fullmatch(value) is None:
        raise Invalid(field, "must begin with a-z and have up to 64 of a-z, 0-9, underscore and dot")
    return value


def label(value: object, field: str = "label") -> str:
    """A label's name.

    Raises:
        Invalid: Not `[a-z][a-z0-9_]{0,31}`.
    """
    if type(value) is not str or _LABEL_NAME.fullmatch(value) is None:
        raise Invalid(field, "must begin with a-z and have up to 32 of a-z, 0-9 and underscore")
    return value


def device_id(value: object, field: str = "device_id") -> str | None:
    """The device's key without blanks at its ends, None where there is none.

    What nobody sees would make the same device another one, past its block. Clients that know no device send the empty
    text or a word that says so ("unknown", "null", "none", "undefined", "nil", "n/a", in any case): were those a
    device, all such clients would share it, its limits and its block.

    Raises:
        Invalid: Not text of at most 128 characters without control characters and invisible ones.
    """
    if value is None or value == "":
        return None
    # As `_text`, without a call: this is on the way of every check.
    if type(value) is str and len(value) <= ID_LENGTH_MAX and value.isascii() and value.isprintable():
        text = value.strip()
    else:
        text = _visible(value, field).strip()
    return None if len(text) <= 9 and text.lower() in _NO_DEVICE else text  # noqa: PLR2004 - "undefined" has 9


def _visible(value: object, field: str) -> str:
    text = _text(value, field)
    if _INVISIBLE.search(text):
        raise Invalid(field, "must not contain invisible characters")
    return text


def optional_text(value: object, field: str, length_max: int = ID_LENGTH_MAX) -> str | None:
    """Text without control characters, or None.

    Raises:
        Invalid: Anything else.
    """
    return None if value is None else _text(value, field, length_max)


def ip_address(value: object, field: str = "ip_address") -> str | None:
    """The address in its shortest spelling; an IPv4 address mapped into IPv6 becomes IPv4. None stays None.

    Raises:
        Invalid: No address, or one with a zone id, which has a meaning on one machine only.
    """
    if value is None:
        return None
    if type(value) is not str or not 0 < len(value) <= 45:  # noqa: PLR2004 - the longest spelling of an IPv6 address
        raise Invalid(field, "must be an IPv4 or IPv6 address")
    if ":" not in value:
        if _IPV4.fullmatch(value) is None:
            raise Invalid(field, "must be an IPv4 or IPv6 address")
        return value
    if "%" in value:
        raise Invalid(field, "must not have a zone id")
    try:
        packed = inet_pton(AF_INET6, value)
    except (OSError, ValueError):
        raise Invalid(field, "must be an IPv4 or IPv6 address") from None
    if packed[:12] == _MAPPED:
        return str(IPv4Address(packed[12:]))
    return _ipv6_text(packed)


def address_group(ip: str) -> str:
    """Whom an address stands for: itself for IPv4, its /64 for IPv6, where one customer holds at least that much.

    Args:
        ip: An address as `ip_address` returns it.
    """
    if ":" not in ip:
        return ip
    return f"{_ipv6_text(inet_pton(AF_INET6, ip)[:8] + _LOW_ZEROS)}/64"


def _ipv6_text(packed: bytes) -> str:
    # The C library takes a tenth of the time of ipaddress and spells the same (a property test), but for the old forms
    # that begin with zeros: there some platforms write the end as IPv4.
    return str(IPv6Address(packed)) if packed[:10] == _ZEROS else inet_ntop(AF_INET6, packed)


def network(value: object, field: str = "network") -> str:
    """A network as `address/length`, an IPv4 network mapped into IPv6 as IPv4.

    Raises:
        Invalid: No network, or one with host bits set: that is a typing error more often than a wish.
    """
    text = _text(value, field, length_max=49)
    if "%" in text:
        raise Invalid(field, "must not have a zone id")
    try:
        parsed = ip_network(text)
    except ValueError:
        raise Invalid(field, "must be a network such as 192.0.2.0/24, without host bits") from None
    if isinstance(parsed, IPv6Network):
        mapped = parsed.network_address.ipv4_mapped
        if mapped is not None and parsed.prefixlen >= 96:  # noqa: PLR2004 - ::ffff:0:0/96 is IPv4 whole
            return f"{mapped}/{parsed.prefixlen - 96}"
    return str(parsed)


def host(value: object, field: str) -> str:
    """A domain name in lower-case ASCII (IDNA), without a closing dot.

    Raises:
        Invalid: No domain name with at least two labels.
    """
    text = _text(value, field, _DOMAIN_LENGTH_MAX).rstrip(".").lower()
    if not text.isascii():
        try:
            text = text.encode("idna").decode("ascii")
        except UnicodeError:
            raise Invalid(field, "must have a valid domain") from None
    labels = text.split(".")
    if len(labels) < 2 or not all(map(_LABEL.fullmatch, labels)):  # noqa: PLR2004 - a name and a top level
        raise Invalid(field, "must have a valid domain")
    return text


def email(value: object, field: str = "email") -> str | None:
    """An address with its domain in lower-case ASCII; None stays None.

    The part before the @ keeps its case: RFC 5321 leaves it to the receiver.

    Raises:
        Invalid: Not `local@domain` in the unquoted form.
    """
    if value is None:
        return None
    local, at, domain = _text(value, field, _EMAIL_LENGTH_MAX).strip().rpartition("@")
    if not at or _LOCAL.fullmatch(local) is None or local[0] == "." or local[-1] == "." or ".." in local:
        raise Invalid(field, "must be an e-mail address")
    return f"{local}@{host(domain, field)}"


def email_domain(address: str) -> str:
    """The domain of an address as `email` returns it."""
    return address[address.rfind("@") + 1 :]


def phone(value: object, field: str = "phone") -> str | None:
    """A number as plus sign and digits; None stays None. Only its form is looked at, not whether it exists.

    `00` and `011` are the plus sign; ten digits from 2 on, and eleven from 1 on, are a number of North America. Of any
    other one without a plus sign the country is not known: it stays without.

    Raises:
        Invalid: Not 6 to 15 digits (E.164) with the usual separators.
    """
    if value is None:
        return None
    text = _text(value, field, 40).strip()
    if _PHONE.fullmatch(text) is None:
        raise Invalid(field, "must be a phone number")
    digits = "".join(filter(str.isdigit, text))
    if text[0] == "+":
        return f"+{digits}"
    if abroad := _ABROAD.match(digits):
        return f"+{digits[abroad.end() :]}"
    if len(digits) == 10 and digits[0] >= "2":  # noqa: PLR2004 - of North America, without its country's digit
        return f"+1{digits}"
    return f"+{digits}" if len(digits) == 11 and digits[0] == "1" else digits  # noqa: PLR2004 - and with it
