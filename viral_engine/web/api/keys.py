"""API keys: making, listing, revoking. The secret is answered once, at its making, and kept nowhere."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
from msgspec import structs

from viral_engine.domain import canonical
from viral_engine.domain.errors import Invalid
from viral_engine.messages.journal import Commit, RowsDiffer
from viral_engine.messages.keys import RATE_PER_MINUTE_MAX, KeyBody, KeyRecord, KeyView
from viral_engine.messages.reading import ReadKeys
from viral_engine.messages.refusals import Refused, not_found
from viral_engine.store.audit import audit_entry
from viral_engine.store.keys import LAST_OPERATOR_AT, create_key, revoke_key
from viral_engine.web.api.inputs import expiry, text
from viral_engine.web.auth import Grant
from viral_engine.web.client import lies_within, parse_networks
from viral_engine.web.errors import insufficient_scope
from viral_engine.web.keytext import new_key
from viral_engine.web.routes import Answer, Call

NETWORKS_MAX = 50


class KeyMade(msgspec.Struct, frozen=True, kw_only=True):
    """A new key; `key` is shown here and never again."""

    key_id: str
    key: str
    name: str
    scopes: list[str]
    networks: list[str]
    rate_per_minute: int | None
    expires_at: datetime | None


class Keys(msgspec.Struct, frozen=True):
    """Every key that is not revoked, oldest first."""

    keys: list[KeyView]


async def post_key(call: Call) -> Answer:
    """Makes a key. Nobody can make one that allows more than their own."""
    body: KeyBody = call.body
    assert call.grant is not None
    now_ms = call.state.context.system.clock.wall_ms()
    beyond = tuple(scope for scope in body.scopes if scope not in call.grant.scopes)
    if beyond:
        raise insufficient_scope(beyond, field="scopes")
    if not body.scopes:
        raise Invalid("scopes", "must name at least one")
    if len(body.networks) > NETWORKS_MAX:
        raise Invalid("networks", f"may have {NETWORKS_MAX} at most")
    if body.rate_per_minute is not None and not 1 <= body.rate_per_minute <= RATE_PER_MINUTE_MAX:
        raise Invalid("rate_per_minute", f"must be 1 to {RATE_PER_MINUTE_MAX}")
    networks = [canonical.network(net, f"networks[{position}]") for position, net in enumerate(body.networks)]
    expires_at = expiry(body.expires_at, now_ms)
    _refuse_beyond(call.grant, networks, body.rate_per_minute, expires_at)
    key_id, key_text = new_key()
    record = KeyRecord(
        key_id=key_id,
        name=text(body.name, "name"),
        scopes=sorted(set(body.scopes)),
        networks=networks,
        secret_mac=call.state.keys.mac_of(key_text),
        created_at=datetime.fromtimestamp(now_ms / 1000, UTC),
        expires_at=expires_at,
        revoked_at=None,
        rate_per_minute=body.rate_per_minute,
    )
    entry = audit_entry(
        "key.create",
        call.author,
        at_ms=now_ms,
        subject=("key", key_id),
        details={
            "name": record.name,
            "scopes": record.scopes,
            "networks": record.networks,
            "rate_per_minute": record.rate_per_minute,
        },
        request_id=call.request_id,
    )
    await call.commit(Commit((*create_key(record, author=call.author), entry)))
    await call.state.keys.refresh_again()
    made = KeyMade(
        key_id=key_id,
        key=key_text,
        name=record.name,
        scopes=record.scopes,
        networks=record.networks,
        rate_per_minute=record.rate_per_minute,
        expires_at=record.expires_at,
    )
    return Answer(201, made, headers=((b"cache-control", b"no-store"),))


def _refuse_beyond(own: Grant, networks: list[str], rate_per_minute: int | None, expires_at: datetime | None) -> None:
    """Passes conditions that are no wider than those of the key that asks.

    Raises:
        Refused: 403 beyond_own_key, with the field.
    """
    beyond = None
    if own.networks and not (networks and all(lies_within(one, own.networks) for one in parse_networks(networks))):
        beyond = "networks"
    elif own.rate_per_minute is not None and (rate_per_minute is None or rate_per_minute > own.rate_per_minute):
        beyond = "rate_per_minute"
    elif own.expires_s is not None and (expires_at is None or expires_at.timestamp() > own.expires_s):
        beyond = "expires_at"
    if beyond is not None:
        raise Refused(
            "beyond_own_key", f"{beyond} must be no wider than that of the key that asks", field=beyond, http_status=403
        )


async def _another_operator(call: Call, key_id: str) -> bool:
    """Tells whether somebody can still make keys when this one is gone."""
    now = datetime.fromtimestamp(call.state.context.system.clock.wall_ms() / 1000, UTC)
    records: list[KeyRecord] = await call.read(ReadKeys())
    lasting = {
        record.key_id
        for record in records
        if "operate" in record.scopes and (record.expires_at is None or record.expires_at > now)
    }
    return key_id not in lasting or len(lasting) > 1


def _last_operator() -> Refused:
    return Refused("last_operator_key", "this is the last key of scope operate: make another first", http_status=409)


async def list_keys(call: Call) -> Answer:
    """Shows the keys without their secrets."""
    records: list[KeyRecord] = await call.read(ReadKeys())
    views = []
    for record in records:
        fields = structs.asdict(record)
        del fields["secret_mac"]
        views.append(KeyView(**fields))
    return Answer(200, Keys(views))


async def delete_key(call: Call) -> Answer:
    """Ends a key for good: here with the answer, everywhere within a second. One that can make keys must remain.

    The asker's own is refused: who can end it has another one, and whoever runs on it would find out by a slip.
    """
    assert call.grant is not None
    key_id = text(call.path["key_id"], "key_id")
    if key_id == call.grant.key_id:
        if not await _another_operator(call, key_id):
            raise _last_operator()
        raise Refused("own_key", "a key can't revoke itself: ask with another one", http_status=409)
    now_ms = call.state.context.system.clock.wall_ms()
    entry = audit_entry("key.revoke", call.author, at_ms=now_ms, subject=("key", key_id), request_id=call.request_id)
    try:
        await call.commit(Commit((*revoke_key(key_id, at_ms=now_ms), entry)))
    except RowsDiffer as differing:
        raise (_last_operator() if differing.position == LAST_OPERATOR_AT else not_found("this key")) from None
    call.state.keys.forget(key_id)
    await call.state.keys.refresh_again()
    return Answer(204)
