"""Decisions in the shape PostgreSQL takes them fastest: rows of a binary COPY, packed by hand.

That takes half of what the driver's own binary adaptation takes, not counting the objects that the driver needs (UUID,
datetime, address). The format is documented with COPY: a count of fields, then each one's length and its bytes in the
type's send form.
"""

from datetime import UTC, datetime, timedelta
from socket import AF_INET, AF_INET6, inet_pton
from struct import Struct
from struct import error as StructError  # noqa: N812 - its own name says nothing
from uuid import UUID

from msgspec.structs import astuple

from viral_engine.messages.journal import DecisionRow, Statement
from viral_engine.store.storable import refuse_unstorable

__all__ = ["COPY_DECISIONS", "COPY_HEADER", "COPY_TRAILER", "check_decision", "insert_decision", "pack_decision"]

# What repeats from row to row stands together, so that it is packed once and looked up after that.
_COLUMNS = (
    "id, occurred_at, score, user_id, device_id, ip_address, action_type, decision, reasons, policy_version,"
    " api_key_id, counted, backfill, answer, facts"
)
COPY_DECISIONS = f"COPY decisions ({_COLUMNS}) FROM STDIN (FORMAT binary)"
COPY_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
COPY_TRAILER = b"\xff\xff"

_OWN_ORDER = ", ".join(DecisionRow.__struct_fields__).replace("decision_id", "id").replace("occurred_ms", "occurred_at")
_PLACES = ", ".join({"ip_address": "%s::inet", "reasons": "%s::text[]"}.get(n, "%s") for n in _OWN_ORDER.split(", "))
# A row of the spool is what the caller was told; the one it may replace was decided, then answered otherwise.
_INSERT = (
    f"INSERT INTO decisions ({_OWN_ORDER}) VALUES ({_PLACES}) ON CONFLICT (id) DO UPDATE SET"  # noqa: S608 - constants
    " decision = excluded.decision, reasons = excluded.reasons, answer = excluded.answer, facts = excluded.facts"
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS_TO_2000 = 946_684_800_000
# The last instant that datetime can hold; PostgreSQL holds later ones, which then could not be read back.
_MS_MAX = 253_402_300_799_999
_INT4 = range(-(2**31), 2**31)
_NULL = b"\xff\xff\xff\xff"
_TEXT_OID = 25
# Field count, length and value of id, of occurred_at, of score, and the length of user_id.
_head = Struct("!hi16siqiii").pack
_length = Struct("!i").pack
_array = Struct("!iiiii").pack
_REPEATED_MAX = 4096
_Repeated = tuple[str, str, tuple[str, ...], int, str, bool, bool]
_repeated: dict[_Repeated, bytes] = {}


def pack_decision(row: DecisionRow) -> bytes:
    """One row for `COPY_DECISIONS`, between `COPY_HEADER` and `COPY_TRAILER`.

    Whether `answer` and `facts` are UTF-8 and JSON is left to the database: our own encoder wrote them.

    Raises:
        ValueError: The database cannot hold the row; names the column, as `check_decision` does.
    """
    (
        decision_id, occurred_ms, user_id, action_type, decision, reasons, score, policy_version,
        device_id, ip_address, api_key_id, counted, backfill, answer, facts,
    ) = astuple(row)  # fmt: skip
    key = (action_type, decision, reasons, policy_version, api_key_id, counted, backfill)
    try:
        repeated = _repeated.get(key) or _pack_repeated(key)
        user = user_id.encode()
        device = b"" if device_id is None else device_id.encode()
        # `0 in` is one memchr; b"\0" in these would cost ten times that.
        if (
            0 in user or 0 in device or 0 in answer or 0 in facts
            or len(decision_id) != 16 or not 0 <= occurred_ms <= _MS_MAX  # noqa: PLR2004 - a uuid's bytes
        ):  # fmt: skip
            raise ValueError("a column cannot be stored")  # noqa: TRY301 - told apart below, where time is no concern
        return b"".join(
            (
                _head(15, 16, decision_id, 8, (occurred_ms - _MS_TO_2000) * 1000, 4, score, len(user)),
                user,
                _NULL if device_id is None else _length(len(device)),
                device,
                _NULL if ip_address is None else _inet(ip_address),
                repeated,
                _length(len(answer)),
                answer,
                _length(len(facts)),
                facts,
            )
        )
    except (ValueError, OSError, StructError):
        check_decision(row)
        raise


def _inet(address: str) -> bytes:
    """Family (2 is IPv4, 3 is IPv6), bits, not a cidr, and the address."""
    if ":" in address:
        return b"\0\0\0\x14\x03\x80\0\x10" + inet_pton(AF_INET6, address)
    return b"\0\0\0\x08\x02\x20\0\x04" + inet_pton(AF_INET, address)


def _text(value: str) -> bytes:
    refuse_unstorable(value, "the column")
    encoded = value.encode()
    return _length(len(encoded)) + encoded


def _pack_repeated(key: _Repeated) -> bytes:
    action_type, decision, reasons, policy_version, api_key_id, counted, backfill = key
    # One dimension from index 1, no NULLs; an empty array has no dimension.
    listed = _array(1, 0, _TEXT_OID, len(reasons), 1) if reasons else _array(0, 0, _TEXT_OID, 0, 0)[:12]
    listed += b"".join(map(_text, reasons))
    packed = b"".join(
        (
            _text(action_type),
            _text(decision),
            _length(len(listed)) + listed,
            _length(4) + _length(policy_version),
            _text(api_key_id),
            b"\0\0\0\x01\x01" if counted else b"\0\0\0\x01\0",
            b"\0\0\0\x01\x01" if backfill else b"\0\0\0\x01\0",
        )
    )
    if len(_repeated) >= _REPEATED_MAX:
        # Callers choose the action's name: whoever sends ever new ones makes us pack them, not keep them.
        _repeated.clear()
    _repeated[key] = packed
    return packed


def check_decision(row: DecisionRow) -> None:
    """Pass a row that the database can hold; whether its JSON is JSON is left to the database.

    Raises:
        ValueError: Naming the first column that it cannot.
    """
    if len(row.decision_id) != 16:  # noqa: PLR2004 - a uuid's bytes
        raise ValueError("id must have 16 bytes")
    if not 0 <= row.occurred_ms <= _MS_MAX:
        raise ValueError("occurred_at must lie between the years 1970 and 9999")
    for name in ("user_id", "action_type", "decision", "device_id", "api_key_id"):
        refuse_unstorable(getattr(row, name) or "", name)
    for reason in row.reasons:
        refuse_unstorable(reason, "reasons")
    for name, number in (("score", row.score), ("policy_version", row.policy_version)):
        if number not in _INT4:
            raise ValueError(f"{name} must fit into 32 bits")
    if row.ip_address is not None:
        try:
            _inet(row.ip_address)
        except (OSError, ValueError):
            raise ValueError("ip_address must be an IPv4 or IPv6 address") from None
    for name, document in (("answer", row.answer), ("facts", row.facts)):
        try:
            refuse_unstorable(document.decode(), name)
        except UnicodeDecodeError:
            raise ValueError(f"{name} must be UTF-8") from None


def insert_decision(row: DecisionRow) -> Statement:
    """The same row as a statement that does nothing if it is there already: for what the spool held back.

    Raises:
        ValueError: As `check_decision`.
    """
    check_decision(row)
    values = list(astuple(row))
    values[0] = UUID(bytes=row.decision_id)
    values[1] = _EPOCH + timedelta(milliseconds=row.occurred_ms)
    values[5] = list(row.reasons)
    values[13:] = row.answer.decode(), row.facts.decode()
    return Statement(_INSERT, tuple(values))
