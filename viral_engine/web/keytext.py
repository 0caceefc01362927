"""The text of an API key: `ve_<id>_<secret>`, 12 characters of id, 43 of secret, 6 of checksum, all base62."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import zlib

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ID_LENGTH = 12
_SECRET_BYTES = 32
_SECRET_LENGTH = 43
_CHECKSUM_LENGTH = 6
_TEXT = re.compile(
    rf"ve_([0-9A-Za-z]{{{_ID_LENGTH}}})_([0-9A-Za-z]{{{_SECRET_LENGTH}}})([0-9A-Za-z]{{{_CHECKSUM_LENGTH}}})"
)


def new_key() -> tuple[str, str]:
    """Returns a new key's id and its whole text, which nothing but the caller's screen may keep."""
    key_id = "".join(secrets.choice(_DIGITS) for _ in range(_ID_LENGTH))
    secret = _base62(int.from_bytes(secrets.token_bytes(_SECRET_BYTES), "big"), _SECRET_LENGTH)
    return key_id, f"ve_{key_id}_{secret}{_checksum(key_id, secret)}"


def key_id_of(text: str) -> str | None:
    """Returns the id in a key's text; None when it is no key or was copied wrongly."""
    found = _TEXT.fullmatch(text)
    if found is None or found[3] != _checksum(found[1], found[2]):
        return None
    return found[1]


def mac_of(instance_key: bytes, text: str) -> bytes:
    """Returns what is stored of a key: the HMAC-SHA256 of its whole text under the instance's key."""
    return hmac.new(instance_key, text.encode(), hashlib.sha256).digest()


def _checksum(key_id: str, secret: str) -> str:
    return _base62(zlib.crc32(f"{key_id}_{secret}".encode()), _CHECKSUM_LENGTH)


def _base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, 62)
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits))
