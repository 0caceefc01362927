"""What PostgreSQL's text cannot hold: the NUL character, and surrogates without their other half."""

__all__ = ["refuse_unstorable"]


def refuse_unstorable(value: str, what: str) -> None:
    """Pass text that PostgreSQL can hold.

    Args:
        value: Any text.
        what: What the error calls it, such as the column's name; the text itself is not repeated.

    Raises:
        ValueError: The text holds a NUL character or a lone surrogate.
    """
    if "\0" in value:
        raise ValueError(f"{what} must not contain the NUL character")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ValueError(f"{what} must not contain lone surrogates") from None
