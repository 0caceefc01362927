"""The blocklist, the allow-list and labels in memory: typed keys, row ids, expiry, and networks without a scan.

A key is found by its kind only: the user "42" and the device "42" never meet. Several rows may name the
same key; the one that lives longest is reported. Rows are tuples of text and numbers, which the garbage
collector does not follow.
"""

from collections.abc import Iterator
from heapq import heappop, heappush
from ipaddress import ip_network
from socket import AF_INET, AF_INET6, inet_pton
from typing import NamedTuple

from viral_engine.domain.errors import Invalid
from viral_engine.domain.facts import ListHit, ListKind

__all__ = ["AllowList", "BlockList", "EntryList", "LabelList", "ListRow"]

# Later than any expiry: what a row without one lives until.
NEVER_MS = 1 << 62
_Rows = tuple[tuple[str, int], ...]
_Table = dict[str | int, _Rows]
_BITS = {4: 32, 6: 128}


class ListRow(NamedTuple):
    """One row of a list.

    Attributes:
        id: Of the row in the database.
        kind: What `key` names.
        key: Canonical (`canonical.py`): user, device, address, network or e-mail domain.
        expires_ms: When it ends, epoch milliseconds; None never.
        label: What a row of the labels calls the thing; empty on the other lists.
    """

    id: str
    kind: ListKind
    key: str
    expires_ms: int | None = None
    label: str = ""


class EntryList:
    """Rows by typed key: what the blocklist, the allow-list and the labels all are.

    At `rows_max` a further row is refused with `Invalid`: the caller answers so and stores nothing. No row is dropped
    for another.
    """

    __slots__ = ("_by_id", "_exact", "_expiries", "_lengths", "_networks", "_rows_max")

    def __init__(self, rows_max: int = 1_000_000) -> None:
        self._rows_max = rows_max
        self._by_id: dict[str, tuple[ListKind, str]] = {}
        self._exact: dict[ListKind, _Table] = {kind: {} for kind in ListKind if kind is not ListKind.NETWORK}
        # By IP version and prefix length, then by network bits: as many look-ups as there are lengths in use.
        self._networks: dict[tuple[int, int], _Table] = {}
        self._lengths: dict[int, tuple[tuple[int, _Table], ...]] = {}
        self._expiries: list[tuple[int, str]] = []

    def __len__(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_id)

    def names_any(self, kind: ListKind) -> bool:
        """Whether a row names a thing of this kind, networks left out."""
        return bool(self._exact.get(kind))

    def add(self, row: ListRow) -> None:
        """Add a row, or put it in the place of the row with its id.

        Raises:
            Invalid: The list is full, or a network never ends although it must.
        """
        self._check(row)
        self.remove(row.id)
        if len(self._by_id) >= self._rows_max:
            raise Invalid("key", f"cannot be added: the list holds its {self._rows_max} rows")
        expires_ms = NEVER_MS if row.expires_ms is None else row.expires_ms
        table, key = self._table(row.kind, row.key)
        table[key] = tuple(sorted((*table.get(key, ()), (row.id, expires_ms)), key=_longest_first))
        self._by_id[row.id] = (row.kind, row.key)
        if row.expires_ms is not None:
            heappush(self._expiries, (expires_ms, row.id))

    def remove(self, row_id: str) -> bool:
        """Remove a row; False if there is none of that id."""
        named = self._by_id.pop(row_id, None)
        if named is None:
            return False
        table, key = self._table(*named)
        rest = tuple(row for row in table[key] if row[0] != row_id)
        if rest:
            table[key] = rest
        else:
            del table[key]
            if named[0] is ListKind.NETWORK and not table:
                self._networks = {place: rows for place, rows in self._networks.items() if rows}
                self._index_lengths()
        return True

    def match(
        self, user: str | None, device: str | None, ip: str | None, email_domain: str | None, now_ms: int
    ) -> tuple[ListHit, ...]:
        """The live rows that name something of an attempt, at most one per kind and per network length."""
        if not self._by_id:
            return ()
        hits: list[ListHit] = []
        exact = self._exact
        for kind, key in ((ListKind.USER, user), (ListKind.DEVICE, device), (ListKind.IP, ip)):
            if key is not None:
                rows = exact[kind].get(key)
                if rows is not None:
                    _hit(hits, kind, rows, now_ms)
        if ip is not None and self._lengths:
            for rows in self._networks_of(ip):
                _hit(hits, ListKind.NETWORK, rows, now_ms)
        domains = exact[ListKind.EMAIL_DOMAIN]
        while email_domain and domains:
            rows = domains.get(email_domain)
            if rows is not None:
                _hit(hits, ListKind.EMAIL_DOMAIN, rows, now_ms)
                break
            email_domain = email_domain.partition(".")[2]
        return tuple(hits)

    def expire(self, now_ms: int, budget: int) -> list[str]:
        """Remove up to `budget` rows that have ended; returns their ids. They have not matched since they ended."""
        ended: list[str] = []
        expiries = self._expiries
        while expiries and expiries[0][0] <= now_ms and budget > 0:
            budget -= 1
            expires_ms, row_id = heappop(expiries)
            named = self._by_id.get(row_id)
            if named is None:
                continue
            table, key = self._table(*named)
            # An id that was put in again has another expiry by now.
            if (row_id, expires_ms) in table[key]:
                self.remove(row_id)
                ended.append(row_id)
        return ended

    def _check(self, row: ListRow) -> None:
        """Refuse a row that this kind of list does not take."""

    def _table(self, kind: ListKind, key: str) -> tuple[_Table, str | int]:
        if kind is not ListKind.NETWORK:
            return self._exact[kind], key
        parsed = ip_network(key)
        place = (parsed.version, parsed.prefixlen)
        table = self._networks.get(place)
        if table is None:
            table = self._networks[place] = {}
            self._index_lengths()
        return table, int(parsed.network_address) >> (parsed.max_prefixlen - parsed.prefixlen)

    def _index_lengths(self) -> None:
        """Longest prefix first, so that the nearest network is reported first."""
        lengths: dict[int, list[tuple[int, _Table]]] = {}
        for (version, length), table in sorted(self._networks.items(), key=lambda item: -item[0][1]):
            lengths.setdefault(version, []).append((_BITS[version] - length, table))
        self._lengths = {version: tuple(tables) for version, tables in lengths.items()}

    def _networks_of(self, ip: str) -> Iterator[_Rows]:
        """The rows of each network that holds an address, the nearest first."""
        version = 6 if ":" in ip else 4
        tables = self._lengths.get(version)
        if tables is None:
            return
        bits = int.from_bytes(inet_pton(AF_INET6 if version == 6 else AF_INET, ip), "big")  # noqa: PLR2004 - IPv6
        for shift, table in tables:
            rows = table.get(bits >> shift)
            if rows is not None:
                yield rows


class AllowList(EntryList):
    """Who and what is spared limits; it takes every row."""

    __slots__ = ()


class BlockList(EntryList):
    """Who and what is refused: a block on a network always ends, because whoever holds an address changes."""

    __slots__ = ()

    def _check(self, row: ListRow) -> None:
        if row.kind is ListKind.NETWORK and row.expires_ms is None:
            raise Invalid("expires_at", "is required: a block on a network always ends")


class LabelList(EntryList):
    """What users, devices, addresses, networks and domains are called; every label ends.

    Attributes:
        names: Each row's label, by its id: empty when there is no label, which is all that an ordinary check looks at.
    """

    __slots__ = ("names",)

    def __init__(self, rows_max: int = 1_000_000) -> None:
        super().__init__(rows_max)
        self.names: dict[str, str] = {}

    def add(self, row: ListRow) -> None:
        """See `EntryList`."""
        super().add(row)
        self.names[row.id] = row.label

    def remove(self, row_id: str) -> bool:
        """See `EntryList`."""
        self.names.pop(row_id, None)
        return super().remove(row_id)

    def of(
        self, user: str | None, device: str | None, ip: str | None, email_domain: str | None, now_ms: int
    ) -> tuple[str, ...]:
        """The live labels of everything that an attempt names, of all its networks and parent domains; each once."""
        names = self.names
        found = {
            names[row_id]
            for rows in self._all_rows(user, device, ip, email_domain)
            for row_id, expires_ms in rows
            if now_ms < expires_ms
        }
        return tuple(sorted(found))

    def _all_rows(
        self, user: str | None, device: str | None, ip: str | None, email_domain: str | None
    ) -> Iterator[_Rows]:
        for kind, key in ((ListKind.USER, user), (ListKind.DEVICE, device), (ListKind.IP, ip)):
            if key is not None:
                yield self._exact[kind].get(key, ())
        if ip is not None:
            yield from self._networks_of(ip)
        domains = self._exact[ListKind.EMAIL_DOMAIN]
        while email_domain and domains:
            yield domains.get(email_domain, ())
            email_domain = email_domain.partition(".")[2]

    def _check(self, row: ListRow) -> None:
        if not row.label:
            raise Invalid("label", "is required")
        if row.expires_ms is None:
            raise Invalid("expires_at", "is required: a label always ends")


def _longest_first(row: tuple[str, int]) -> tuple[int, str]:
    return -row[1], row[0]


def _hit(hits: list[ListHit], kind: ListKind, rows: _Rows, now_ms: int) -> None:
    row_id, expires_ms = rows[0]
    if now_ms < expires_ms:
        hits.append(ListHit(kind, row_id))
