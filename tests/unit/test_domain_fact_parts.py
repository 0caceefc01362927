"""Facts taken apart: what differs is named, and what is taken is taken alone."""

from viral_engine.domain.ages import AgeBand
from viral_engine.domain.fact_parts import differing_parts, with_parts
from viral_engine.domain.facts import Facts, Flag, FlagSeverity, ListHit, ListKind, Referral, Velocity, WindowUse

NOTHING = Facts(action="general", now_ms=1)
FULL = NOTHING._replace(
    band=AgeBand.ADULT,
    blocks=(ListHit(ListKind.IP, "b1"), ListHit(ListKind.EMAIL_DOMAIN, "b2")),
    windows=(WindowUse("general", 1, 60_000),),
    velocity=Velocity(device_users=2, phone_users=3),
    referral=Referral(circle=True),
)


def test_equal_facts_differ_by_nothing() -> None:
    assert differing_parts(FULL, FULL._replace(band=AgeBand.ADULT)) == []


def test_each_part_that_differs_is_named_by_its_field_and_what_is_in_it() -> None:
    assert differing_parts(NOTHING, FULL) == [
        "band", "blocks.email_domain", "blocks.ip", "referral.circle", "velocity.device_users", "velocity.phone_users",
        "windows.general",
    ]  # fmt: skip
    assert differing_parts(FULL, FULL._replace(windows=(WindowUse("general", 2, 60_000),))) == ["windows.general"]


def test_reports_have_no_order() -> None:
    one, two = (Flag(name, ListKind.USER, FlagSeverity.LOW, "s", 0) for name in ("r1", "r2"))
    assert differing_parts(NOTHING._replace(flags=(one, two)), NOTHING._replace(flags=(two, one))) == []
    assert differing_parts(NOTHING._replace(flags=(one, two)), NOTHING._replace(flags=(one, one))) == ["flags"]


def test_who_reported_has_no_name_but_who_is_the_same_counts() -> None:
    def facts(*sources: str, backwards: bool = False) -> Facts:
        flags = [Flag(f"r{number}", ListKind.USER, FlagSeverity.LOW, one, 0) for number, one in enumerate(sources)]
        return NOTHING._replace(flags=tuple(reversed(flags) if backwards else flags))

    assert differing_parts(facts("s1", "s2", "s1"), facts("a0", "9f", "a0")) == []
    # In another order the ordinals are others.
    assert differing_parts(facts("s1", "s2", "s1"), facts("s2", "s1", "s2", backwards=True)) == []
    assert differing_parts(facts("s1", "s2", "s1"), facts("s1", "s2", "s2")) == ["flags"]


def test_named_parts_come_from_the_other_facts_and_no_others() -> None:
    made = with_parts(NOTHING, FULL, ["band", "blocks.email_domain", "velocity.phone_users"])
    assert made == NOTHING._replace(
        band=AgeBand.ADULT, blocks=(ListHit(ListKind.EMAIL_DOMAIN, "b2"),), velocity=Velocity(phone_users=3)
    )
    assert differing_parts(with_parts(NOTHING, FULL, differing_parts(NOTHING, FULL)[:-1]), FULL) == ["windows.general"]


def test_a_part_that_the_other_facts_do_not_have_goes() -> None:
    assert with_parts(FULL, NOTHING, ["blocks.email_domain"]).blocks == (ListHit(ListKind.IP, "b1"),)
