"""`POST /v1/actions/check/bulk`: many checks in one request, each decided and recorded by itself."""

from __future__ import annotations

import asyncio
import hashlib
import re
from typing import Annotated, Any

import msgspec
from msgspec import structs

from viral_engine.domain.errors import Invalid
from viral_engine.messages.checks import CheckAnswer, CheckRequest
from viral_engine.messages.once import ItemClaim
from viral_engine.messages.reading import IdempotentRow, NotRead, ReadIdempotent
from viral_engine.runtime.errors import CallError
from viral_engine.web.check import Checker
from viral_engine.web.decode import BodyDecoder
from viral_engine.web.errors import ErrorBody, as_api_error, internal, malformed
from viral_engine.web.routes import Answer, Call, Handler

_FIRST_KEY = re.compile(rb'\s*{\s*("(?:[^"\\]|\\.)*")')

CHUNK = 50
"""Checks under way at once: enough for a full batch of the journal, too few to hold up single checks."""


# msgspec describes no union of two untagged Structs.
_EITHER = {"anyOf": [{"$ref": f"#/components/schemas/{kind.__name__}"} for kind in (CheckAnswer, ErrorBody)]}


_CHECK = {
    "anyOf": [
        {"$ref": f"#/components/schemas/{CheckRequest.__name__}"},
        {"description": "Anything else: it is answered with its error, in its place."},
    ]
}


class BulkItems(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of `POST /v1/actions/check/bulk`: each item is the body of a check, and decided by itself."""

    # Undecoded, so that a bad one sinks nobody.
    items: Annotated[
        list[Annotated[msgspec.Raw, msgspec.Meta(extra_json_schema=_CHECK)]],
        msgspec.Meta(extra_json_schema={"minItems": 1}),
    ]


class BulkAnswers(msgspec.Struct, frozen=True):
    """One answer per item, in the order of the items."""

    answers: list[Annotated[Any, msgspec.Meta(extra_json_schema=_EITHER)]]


def bulk(checker: Checker, items_max: int) -> Handler:
    """Returns the handler."""
    # Not through the route's body type: duplicate keys are looked for item by item there, not in megabytes at once.
    decode = msgspec.json.Decoder(BulkItems).decode
    refuse = BodyDecoder(BulkItems).decode

    async def post_bulk(call: Call) -> Answer:
        try:
            items = decode(call.body).items
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            items = refuse(call.body).items  # raises, with the words of every other route
        if not _has_one_key(call.body, items):
            raise malformed("the key 'items' stands twice")
        if not 1 <= len(items) <= items_max:
            raise Invalid("items", f"must have 1 to {items_max} items")
        assert call.grant is not None
        call.state.keys.count_items(call.grant, len(items))
        parts: list[bytes] = []
        is_final = True
        for start in range(0, len(items), CHUNK):
            chunk = range(start, min(start + CHUNK, len(items)))
            answers = await asyncio.gather(*(_one_once(checker, call, items[place], place) for place in chunk))
            parts += [body for body, _ in answers]
            is_final = is_final and all(final for _, final in answers)
        return Answer(200, b'{"answers":[' + b",".join(parts) + b"]}", is_final=is_final)

    return post_bulk


def _has_one_key(body: bytes, items: list[msgspec.Raw]) -> bool:
    """Tells whether the text holds its items and nothing beside them but the one key before them.

    No other key is known, so a text that holds more says `items` twice, of which msgspec took the last.
    """
    key = _FIRST_KEY.match(body)
    assert key is not None
    around = len(key[1]) + len(":{[]}") + max(len(items) - 1, 0)
    return _solid_bytes(body) == around + sum(map(_solid_bytes, map(bytes, items)))


def _solid_bytes(text: bytes) -> int:
    return len(text.translate(None, b" \t\r\n"))


async def _one_once(checker: Checker, call: Call, raw: msgspec.Raw, place: int) -> tuple[bytes, bool]:
    """Returns an item's answer, of a repeated request the one that was recorded with the item, and whether it is final.

    Each item is committed by itself: a request that broke off has decided some of them.
    """
    if call.claim is None:
        return await _one(checker, call, raw, None)
    digest = hashlib.sha256(b"%b item %d %b" % (call.claim.digest, place, raw)).digest()
    try:
        row: IdempotentRow | None = await call.read(ReadIdempotent(digest))
    except (CallError, NotRead) as error:
        return _error_body(call, error)
    if row is not None and row.answer is not None:
        return row.answer, True
    return await _one(checker, call, raw, ItemClaim(digest, call.state.context.boot_id))


async def _one(checker: Checker, call: Call, raw: msgspec.Raw, claim: ItemClaim | None) -> tuple[bytes, bool]:
    """Returns an item's answer and whether it is final."""
    assert call.grant is not None
    try:
        action = checker.action_of(bytes(raw), call.grant, call.state.context.system.clock.monotonic_s())
        answered = await checker.decide(structs.replace(action, idempotency=claim))
    except Exception as error:  # noqa: BLE001  (one bad item sinks nobody)
        return _error_body(call, error)
    return answered.body, answered.is_final


def _error_body(call: Call, error: Exception) -> tuple[bytes, bool]:
    known = as_api_error(error)
    if known is None:
        call.state.traffic.failed("check_bulk", call.request_id.encode(), error)
        known = internal()
    return known.body(), known.status < 500  # noqa: PLR2004 - server errors
