"""JSON bodies to messages: strict, with the field's path in every refusal."""

from __future__ import annotations

import json
import re
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import structs

from viral_engine.web.errors import ApiError, invalid, malformed
from viral_engine.web.words import wrong_syntax, wrong_value

T = TypeVar("T", bound=msgspec.Struct)

_KEY = re.compile(rb'"([^"\\]*)"\s*:')
_AT = re.compile(r"^(?P<what>.*?)(?: - at `(?P<key>key in )?\$(?P<path>[^`]*)`)?$", re.DOTALL)
_NAMED = re.compile(r"(?:unknown|required) field `([^`]*)`")
_NAME_LENGTH_MAX = 64
_FLOAT = "got `float`"
_EXACT_BELOW = 2**53
_encode = msgspec.json.Encoder().encode


class BodyDecoder(Generic[T]):
    """Decodes bodies of one type.

    A key that stands twice is refused, as two readers of such a text may disagree on what it says (RFC 8259,
    section 4); msgspec would take the last one.

    Args:
        body_type: a msgspec Struct with `forbid_unknown_fields`.
    """

    __slots__ = ("_decode", "_omits_none", "_type")

    def __init__(self, body_type: type[T]) -> None:
        self._type = body_type
        self._decode = msgspec.json.Decoder(body_type).decode
        self._omits_none = body_type.__struct_config__.omit_defaults and all(
            field.required or field.default is None for field in structs.fields(body_type)
        )

    def decode(self, body: bytes) -> T:
        """Returns the message.

        Raises:
            ApiError: 400 for what is no JSON text, 422 for what is not of the type.
        """
        try:
            value = self._decode(body)
        except msgspec.ValidationError as error:
            value = self._decode_again(body, str(error))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise _syntax(error, body) from None
        if self._omits_none and _has_single_keys(value, body):
            return value
        keys = _KEY.findall(body)
        # An escaped key could be the second spelling of another one: those bodies are looked at closely too.
        if len(keys) != len(set(keys)) or b"\\u" in body:
            _refuse_duplicates(body)
        return value

    def _decode_again(self, body: bytes, refusal: str) -> T:
        """Returns the message whose whole numbers are written as 42.0: JSON, and its Schema, know no other number.

        Raises:
            ApiError: 400 or 422, that was not what is wrong with it.
        """
        # The type's checks run while parsing, so what follows the wrong value was not looked at yet.
        try:
            plain = msgspec.json.decode(body)
            if _FLOAT not in refusal:
                raise _wrong(refusal, self._type)
            return msgspec.convert(_with_whole_numbers(plain), self._type)
        except msgspec.ValidationError as error:
            # Of the text alone it names no field, as the first refusal does.
            raise _wrong(str(error) if _FLOAT in refusal else refusal, self._type) from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise _syntax(error, body) from None


def _with_whole_numbers(value: Any) -> Any:
    """Returns a JSON value with 42.0 as 42; a larger one than a float can hold exactly stays what it is."""
    match value:
        case float() if value.is_integer() and abs(value) < _EXACT_BELOW:
            return int(value)
        case dict():
            return {key: _with_whole_numbers(item) for key, item in value.items()}
        case list():
            return [_with_whole_numbers(item) for item in value]
        case _:
            return value


def _has_single_keys(value: Any, body: bytes) -> bool:
    """Tells by counting quotes that no key stands twice; False when counting cannot tell.

    What is left out when absent is None, and None is left out when encoded: so without escapes the body has as many
    quotes as its value encoded again, unless a key stands twice or a null was written out. Cheaper than looking at
    the keys, which nearly every check is thereby spared.
    """
    return b"\\" not in body and body.count(b'"') == _encode(value).count(b'"')


def _wrong(text: str, body_type: type) -> ApiError:
    """Returns the 422 for a message of msgspec's, its path and its words turned into ours."""
    found = _AT.match(text)
    assert found is not None
    path = (found["path"] or "").lstrip(".")
    what = found["what"]
    named = _NAMED.search(what)
    if named is not None:
        name = named[1][:_NAME_LENGTH_MAX]
        path = f"{path}.{name}" if path else name
        what = "is not a known field" if "unknown" in what else "is missing"
        return invalid(path, f"{path} {what}")
    return invalid(path or None, f"{path or 'the body'} {wrong_value(what, body_type, path)}")


def _syntax(error: Exception, body: bytes) -> ApiError:
    if isinstance(error, RecursionError):
        return malformed("the JSON is nested too deeply")
    if isinstance(error, UnicodeDecodeError):
        return malformed("the body is not valid UTF-8")
    return malformed(wrong_syntax(str(error), body))


def _refuse_duplicates(body: bytes) -> None:
    try:
        json.loads(body, object_pairs_hook=_unique)
    except ValueError as error:
        raise malformed(str(error)[:200]) from None
    except RecursionError as error:
        raise _syntax(error, body) from None


def _unique(pairs: list[tuple[str, Any]]) -> None:
    seen = set()
    for name, _ in pairs:
        if name in seen:
            raise ValueError(f"the key {name[:_NAME_LENGTH_MAX]!a} stands twice")
        seen.add(name)
