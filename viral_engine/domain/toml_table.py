"""Strict reading of TOML tables: every key must be asked for, every value is checked, every refusal has its path."""

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, TypeVar

from viral_engine.domain.errors import Invalid
from viral_engine.domain.toml_lines import joined

__all__ = ["COUNT_MAX", "Table", "list_of", "word_of"]

NUMBER_MAX = 100_000
COUNT_MAX = 1_000_000
"""Of what is counted, not weighed."""

TEXT_LENGTH_MAX = 200

E = TypeVar("E", bound=StrEnum)


class Table:
    """A TOML table of which every key must be asked for."""

    def __init__(self, plain: Any, path: str) -> None:
        if not isinstance(plain, Mapping):
            raise Invalid(path, "must be a table")
        self._plain = plain
        self._asked: set[str] = set()
        self.path = path

    def at(self, name: str) -> str:
        """The path of one of its keys."""
        return joined(self.path, name)

    def get(self, name: str) -> Any:
        """The value of a key, None if it is not there."""
        self._asked.add(name)
        return self._plain.get(name)

    def table(self, name: str) -> "Table | None":
        """A table in it."""
        value = self.get(name)
        return None if value is None else Table(value, self.at(name))

    def tables(self, pattern: re.Pattern[str]) -> Iterator[tuple[str, "Table"]]:
        """Every table in it that was not asked for yet, by name."""
        for name, value in self._plain.items():
            if name not in self._asked:
                if not pattern.fullmatch(name):
                    raise Invalid(self.at(name), f"must be named like {pattern.pattern}")
                self._asked.add(name)
                yield name, Table(value, self.at(name))

    def number(self, name: str, default: int, *, low: int = 0, high: int = NUMBER_MAX) -> int:
        """A whole number within bounds."""
        value = self.get(name)
        if value is None:
            return default
        if type(value) is not int:
            raise Invalid(self.at(name), "must be a whole number")
        if not low <= value <= high:
            raise Invalid(self.at(name), f"must be {low:,} to {high:,}")
        return value

    def flag(self, name: str, *, default: bool) -> bool:
        """True or false."""
        value = self.get(name)
        if value is None:
            return default
        if type(value) is not bool:
            raise Invalid(self.at(name), "must be true or false")
        return value

    def text(self, name: str, default: str, length_max: int = TEXT_LENGTH_MAX) -> str:
        """A text of one line."""
        value = self.get(name)
        if value is None:
            return default
        if not isinstance(value, str) or not value.strip() or len(value) > length_max or not value.isprintable():
            raise Invalid(self.at(name), f"must be a text of one line, 1 to {length_max} characters")
        return value

    def word(self, name: str, words: type[E], default: E) -> E:
        """One word of an enum."""
        value = self.get(name)
        return default if value is None else word_of(value, words, self.at(name))

    def words(self, name: str, words: type[E], default: tuple[E, ...]) -> tuple[E, ...]:
        """Some words of an enum."""
        value = self.get(name)
        if value is None:
            return default
        return tuple(word_of(item, words, self.at(name)) for item in list_of(value, self.at(name)))

    def names(self, name: str) -> list[str] | None:
        """A list of texts."""
        value = self.get(name)
        if value is None:
            return None
        found = list_of(value, self.at(name))
        if not all(isinstance(item, str) for item in found):
            raise Invalid(self.at(name), "must be a list of texts")
        return found

    def end(self) -> None:
        """Refuse what nobody asked for."""
        for name in self._plain:
            if name not in self._asked:
                raise Invalid(self.at(name), "is not known here")


def list_of(value: Any, path: str) -> list[Any]:
    """A list.

    Raises:
        Invalid: It is none.
    """
    if not isinstance(value, list):
        raise Invalid(path, "must be a list")
    return value


def word_of(value: Any, words: type[E], path: str) -> E:
    """One word of an enum.

    Raises:
        Invalid: It is none of them.
    """
    try:
        return words(value)
    except ValueError:
        raise Invalid(path, f"must be one of {', '.join(words)}") from None
