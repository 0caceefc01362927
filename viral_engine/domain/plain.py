"""Frozen dataclasses and named tuples to plain JSON values and back: exact and strict, without what equals its default.

A named tuple without any default is written as a list, everything else with fields as an object.
Leaving defaults out keeps a recorded row small (an ordinary check: some 100 bytes). So a default is part of its schema
version and never changes within one. Reading also takes the full form that a general encoder writes.
"""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import Enum
from functools import lru_cache
from operator import attrgetter
from types import NoneType, UnionType
from typing import Any, NamedTuple, TypeVar, Union, get_args, get_origin, get_type_hints

from viral_engine.domain.errors import Invalid

__all__ = ["from_plain", "to_plain"]

T = TypeVar("T")


class _Field(NamedTuple):
    name: str
    default: Any


_AS_IS = frozenset({int, str, bool, NoneType})


@lru_cache(maxsize=64)
def _fields(cls: Any) -> tuple[_Field, ...]:
    """Fields with their defaults, MISSING where there is none."""
    if is_dataclass(cls):
        return tuple(_Field(field.name, field.default) for field in fields(cls))
    return tuple(_Field(name, cls._field_defaults.get(name, MISSING)) for name in cls._fields)


def to_plain(value: Any) -> Any:
    """Lists, dicts, text, numbers and None, ready for JSON."""
    kind: Any = type(value)
    return value if kind in _AS_IS else _writer(kind)(value)


@lru_cache(maxsize=64)
def _writer(kind: Any) -> Callable[[Any], Any]:
    if issubclass(kind, Enum):
        return lambda value: value.value
    if issubclass(kind, Mapping):
        return lambda value: {to_plain(key): to_plain(item) for key, item in value.items()}
    if is_dataclass(kind) or getattr(kind, "_field_defaults", None):
        return _record_writer(kind)
    return _write_list


def _write_list(value: Any) -> list[Any]:
    return [to_plain(item) for item in value]


def _record_writer(kind: Any) -> Callable[[Any], Any]:
    wanted = _fields(kind)
    names = tuple(field.name for field in wanted)
    defaults = tuple(field.default for field in wanted)
    # A named tuple is its values already; of a dataclass they have to be fetched.
    values_of = attrgetter(*names, "__class__") if is_dataclass(kind) else tuple

    def write(value: Any) -> dict[str, Any]:
        plain = {}
        for name, item, default in zip(names, values_of(value), defaults, strict=False):
            if item is default:
                continue
            item_kind: Any = type(item)
            if item_kind in _AS_IS:
                if item != default:
                    plain[name] = item
            elif item != default:
                plain[name] = _writer(item_kind)(item)
        return plain

    return write


def from_plain(cls: type[T], plain: Any, path: str) -> T:
    """The value of that type: a dataclass or a named tuple.

    Raises:
        Invalid: A field is unknown, missing or of another type; `path` and the field's name say which.
    """
    reader: Callable[[Any, str], T] = _reader(cls)  # type: ignore[arg-type] # every type is hashable
    return reader(plain, path)


@lru_cache(maxsize=256)
def _reader(hint: Any) -> Callable[[Any, str], Any]:
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return _optional(_reader(next(arg for arg in args if arg is not NoneType)))
    if origin is tuple:
        return _tuple(args[0])
    if origin is not None and issubclass(origin, Mapping):
        return _mapping(_reader(args[0]), _reader(args[1]))
    if is_dataclass(hint) or getattr(hint, "_field_defaults", None):
        return _record(hint)
    if hasattr(hint, "_fields"):
        return _row(hint)
    if issubclass(hint, Enum):
        return _enum(hint)
    return _exact(hint)


def _optional(read: Callable[[Any, str], Any]) -> Callable[[Any, str], Any]:
    return lambda plain, path: None if plain is None else read(plain, path)


def _tuple(hint: Any) -> Callable[[Any, str], Any]:
    def read_all(plain: Any, path: str) -> tuple[Any, ...]:
        if not isinstance(plain, (list, tuple)):
            raise Invalid(path, "must be a list")
        # Not before: a type may hold more of itself.
        read = _reader(hint)
        return tuple(read(item, f"{path}[{index}]") for index, item in enumerate(plain))

    return read_all


def _mapping(read_key: Callable[[Any, str], Any], read: Callable[[Any, str], Any]) -> Callable[[Any, str], Any]:
    def read_all(plain: Any, path: str) -> dict[Any, Any]:
        if not isinstance(plain, Mapping):
            raise Invalid(path, "must be an object")
        return {read_key(key, path): read(item, f"{path}.{key}") for key, item in plain.items()}

    return read_all


def _enum(cls: type[Enum]) -> Callable[[Any, str], Any]:
    def read(plain: Any, path: str) -> Enum:
        try:
            return cls(plain)
        except ValueError:
            raise Invalid(path, f"must be one of {', '.join(str(member.value) for member in cls)}") from None

    return read


def _exact(cls: type) -> Callable[[Any, str], Any]:
    def read(plain: Any, path: str) -> Any:
        # Not isinstance: True is an int to Python, and no count.
        if type(plain) is not cls:
            raise Invalid(path, f"must be of type {cls.__name__}")
        return plain

    return read


def _record(cls: Any) -> Callable[[Any, str], Any]:
    hints = get_type_hints(cls)
    readers = {name: _reader(hints[name]) for name, _ in _fields(cls)}
    needed = [name for name, default in _fields(cls) if default is MISSING]

    def read(plain: Any, path: str) -> Any:
        if not isinstance(plain, Mapping):
            raise Invalid(path, "must be an object")
        for name in needed:
            if name not in plain:
                raise Invalid(f"{path}.{name}", "is missing")
        values = {}
        for name, item in plain.items():
            reader = readers.get(name)
            if reader is None:
                raise Invalid(f"{path}.{name}", "is not known")
            values[name] = reader(item, f"{path}.{name}")
        return cls(**values)

    return read


def _row(cls: Any) -> Callable[[Any, str], Any]:
    hints = get_type_hints(cls)
    readers = [_reader(hints[name]) for name in cls._fields]

    def read(plain: Any, path: str) -> Any:
        if not isinstance(plain, (list, tuple)) or len(plain) != len(readers):
            raise Invalid(path, f"must be a list of {len(readers)}")
        items = zip(readers, plain, cls._fields, strict=True)
        return cls(*(reader(item, f"{path}.{name}") for reader, item, name in items))

    return read
