"""Recorded facts as they are shown: not who reported, and to few which reports there were; they decide as before."""

import pytest

from viral_engine.domain.evaluate import evaluate
from viral_engine.domain.facts import Facts, Flag, FlagSeverity, ListKind, facts_from_dict, facts_to_dict
from viral_engine.domain.policy import DEFAULT_POLICY
from viral_engine.web.api.shown_facts import shown_facts

IDS = [f"01a2053f-4c00-7000-8000-00000000000{number}" for number in range(3)]
OF_AN_EARLIER_RELEASE = facts_to_dict(
    Facts(
        action="general",
        now_ms=1,
        flags=(
            Flag("fraud:1", ListKind.DEVICE, FlagSeverity.HIGH, "fraud", 2),
            *(
                Flag(one, ListKind.USER, FlagSeverity.HIGH, source, 0)
                for one, source in zip(IDS, ("b1946ac92492", "591785b79460", "b1946ac92492"), strict=True)
            ),
        ),
    )
)


@pytest.mark.parametrize("child_safety", [False, True])
def test_a_digest_of_who_reported_is_shown_to_nobody_and_what_is_shown_decides_the_same(*, child_safety: bool) -> None:
    shown = shown_facts(OF_AN_EARLIER_RELEASE, child_safety=child_safety)
    assert [flag[3] for flag in shown["flags"]] == ["fraud", "s1", "s2", "s1"]
    assert shown.keys() == OF_AN_EARLIER_RELEASE.keys()
    recorded, told = (evaluate(DEFAULT_POLICY, facts_from_dict(one)) for one in (OF_AN_EARLIER_RELEASE, shown))
    assert told == recorded


def test_which_reports_were_weighed_is_told_to_keys_of_child_safety_alone() -> None:
    ids = {told: [flag[0] for flag in shown_facts(OF_AN_EARLIER_RELEASE, child_safety=told)["flags"]]
           for told in (False, True)}  # fmt: skip
    assert ids == {False: ["fraud:1", "report:2", "report:3", "report:4"], True: ["fraud:1", *IDS]}


def test_facts_without_reports_are_shown_as_they_are() -> None:
    plain = {"schema": 1, "action": "general", "now_ms": 1}
    assert shown_facts(plain, child_safety=False) == plain
