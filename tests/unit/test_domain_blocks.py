"""The blocklist in memory: typed keys, expiry, networks, several rows of one key."""

import pytest

from viral_engine.domain.blocks import AllowList, BlockList, EntryList, ListRow
from viral_engine.domain.errors import Invalid
from viral_engine.domain.facts import ListHit, ListKind

USER, DEVICE, IP, NETWORK, DOMAIN = ListKind


def listed(*rows: ListRow) -> BlockList:
    blocks = BlockList()
    for row in rows:
        blocks.add(row)
    return blocks


def hits(blocks: EntryList, now_ms: int = 0, **names: str | None) -> list[tuple[ListKind, str]]:
    wanted: dict[str, str | None] = {"user": None, "device": None, "ip": None, "email_domain": None, **names}
    return [(hit.kind, hit.id) for hit in blocks.match(now_ms=now_ms, **wanted)]


def test_a_block_is_no_allow() -> None:
    assert not isinstance(BlockList(), AllowList)
    assert not isinstance(AllowList(), BlockList)


def test_a_key_is_found_by_its_own_kind_only() -> None:
    """Users, devices and addresses are no one set."""
    blocks = listed(ListRow("b1", USER, "42"))
    assert hits(blocks, user="42") == [(USER, "b1")]
    assert hits(blocks, device="42", ip="42", email_domain="42") == []


def test_everything_that_an_attempt_names_is_looked_up() -> None:
    """User, device, address, network and domain."""
    blocks = listed(
        ListRow("u", USER, "a"),
        ListRow("d", DEVICE, "b"),
        ListRow("i", IP, "192.0.2.1"),
        ListRow("n", NETWORK, "192.0.2.0/24", 10),
        ListRow("e", DOMAIN, "spam.example"),
    )
    found = hits(blocks, user="a", device="b", ip="192.0.2.1", email_domain="mail.spam.example")
    assert found == [(USER, "u"), (DEVICE, "d"), (IP, "i"), (NETWORK, "n"), (DOMAIN, "e")]
    assert hits(blocks, email_domain="notspam.example") == []


def test_the_nearest_network_comes_first_in_either_family() -> None:
    blocks = listed(
        ListRow("wide", NETWORK, "192.0.0.0/16", 10),
        ListRow("near", NETWORK, "192.0.2.0/24", 10),
        ListRow("six", NETWORK, "2001:db8::/32", 10),
        ListRow("all", NETWORK, "::/0", 10),
    )
    assert hits(blocks, ip="192.0.2.1") == [(NETWORK, "near"), (NETWORK, "wide")]
    assert hits(blocks, ip="2001:db8::1") == [(NETWORK, "six"), (NETWORK, "all")]
    assert hits(blocks, ip="203.0.113.1") == []
    assert blocks.remove("near")
    assert hits(blocks, ip="192.0.2.1") == [(NETWORK, "wide")]


def test_a_row_ends_at_its_instant_and_is_cleaned_up_later() -> None:
    blocks = listed(ListRow("b1", USER, "a", 1_000), ListRow("b2", USER, "b"))
    assert hits(blocks, 999, user="a") == [(USER, "b1")]
    assert hits(blocks, 1_000, user="a") == []
    assert blocks.expire(999, 10) == []
    assert blocks.expire(1_000, 10) == ["b1"]
    assert list(blocks) == ["b2"]


def test_of_several_rows_of_one_key_the_longest_lived_is_told() -> None:
    blocks = listed(
        ListRow("short", DEVICE, "d", 100), ListRow("long", DEVICE, "d", 500), ListRow("mid", DEVICE, "d", 300)
    )
    assert hits(blocks, device="d") == [(DEVICE, "long")]
    assert blocks.remove("long")
    assert hits(blocks, 299, device="d") == [(DEVICE, "mid")]
    assert not blocks.remove("long")


def test_a_row_put_in_again_takes_its_new_expiry() -> None:
    blocks = listed(ListRow("b", USER, "a", 100), ListRow("b", USER, "a", 500))
    assert len(blocks) == 1
    assert blocks.expire(200, 10) == []
    assert hits(blocks, 400, user="a") == [(USER, "b")]
    blocks.add(ListRow("b", DEVICE, "d"))
    assert hits(blocks, 400, user="a", device="d") == [(DEVICE, "b")]


def test_a_blocked_network_always_ends_and_an_allowed_one_need_not() -> None:
    endless = ListRow("n", NETWORK, "192.0.2.0/24")
    with pytest.raises(Invalid):
        BlockList().add(endless)
    allows = AllowList()
    allows.add(endless)
    assert allows.match(None, None, "192.0.2.7", None, 10**15) == (ListHit(NETWORK, "n"),)


def test_a_full_list_refuses_and_drops_nobody() -> None:
    blocks = BlockList(rows_max=2)
    blocks.add(ListRow("1", USER, "a"))
    blocks.add(ListRow("2", USER, "b"))
    with pytest.raises(Invalid):
        blocks.add(ListRow("3", USER, "c"))
    assert hits(blocks, user="a") == [(USER, "1")]
    blocks.add(ListRow("2", USER, "b", 100))
    assert len(blocks) == 2
