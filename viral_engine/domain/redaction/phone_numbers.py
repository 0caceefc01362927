"""The one place that knows phonenumbers: whether digits are somebody's number."""

from functools import lru_cache

__all__ = ["HOME", "e164"]

HOME = "US"
ABROAD = ("GB", "CA", "AU", "IN", "DE", "FR", "MX", "ES")
"""Whose national spelling is known beside the home's, where a word says that a phone number follows."""


@lru_cache(maxsize=1024)
def e164(digits: str, region: str | None = HOME) -> str | None:
    """Returns the number as +CC..., None when no such number can have been given out.

    Args:
        digits: with a leading + when the country's code is a part of them.
        region: whose national spelling it is; None tries those of `ABROAD` too.
    """
    import phonenumbers  # noqa: PLC0415  (a twentieth of the start, and only a text with digits in it needs it)

    for one in (HOME, *ABROAD) if region is None else (region,):
        try:
            parsed = phonenumbers.parse(digits, one)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(parsed):
            return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    return None
