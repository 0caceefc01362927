"""What is found, and how a finding looks."""

from enum import StrEnum
from typing import NamedTuple

__all__ = ["Finding", "Kind"]


class Kind(StrEnum):
    """Kinds of findings, the surest first: of two that overlap and are equally long, the earlier kind names both."""

    EMAIL = "email"
    URL = "url"
    CARD = "card"
    SSN = "ssn"
    PHONE = "phone"
    IP = "ip"
    ADDRESS = "address"
    BIRTHDATE = "birthdate"
    HANDLE = "handle"
    SCHOOL = "school"
    NAME = "name"

    @property
    def label(self) -> str:
        """What its placeholders are called: `EMAIL` of `[EMAIL_1]`."""
        return self.name


class Finding(NamedTuple):
    """A stretch of text that identifies somebody.

    Attributes:
        start: offset of its first character.
        end: offset behind its last one.
        key: the thing itself, however it is spelled; the same key gets the same placeholder.
    """

    kind: Kind
    start: int
    end: int
    key: str
