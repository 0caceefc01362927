"""Decisions as they were recorded, under every version of the shipped policy: evaluated again, they are bit-equal.

`tests/data/make_decisions.py` adds the decisions of a version that is new; what an older one decided never changes.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from viral_engine.domain.decision import decision_to_dict
from viral_engine.domain.evaluate import evaluate
from viral_engine.domain.facts import facts_from_dict
from viral_engine.domain.outcome import Outcome
from viral_engine.domain.policy import SHIPPED
from viral_engine.domain.reasons import Reason

FILE = Path(__file__).parents[1] / "data" / "decisions.jsonl.gz"
DAY = Path(__file__).parents[2] / "examples" / "day.jsonl"


def lines() -> list[dict[str, Any]]:
    return [json.loads(line) for line in gzip.decompress(FILE.read_bytes()).splitlines()]


@pytest.mark.parametrize("version", sorted(SHIPPED))
def test_what_a_version_decided_it_decides_again(version: int) -> None:
    recorded = lines()
    assert len(recorded) >= 1_000
    for line in recorded:
        again = decision_to_dict(evaluate(SHIPPED[version], facts_from_dict(line["facts"])))
        assert json.loads(json.dumps(again)) == line["decided"][str(version)]


def test_every_outcome_and_every_reason_that_facts_lead_to_is_among_them() -> None:
    decided = [one for line in lines() for one in line["decided"].values()]
    assert {one["outcome"] for one in decided} == {outcome.value for outcome in Outcome}
    # `degraded` is told by the edge while nothing can be recorded: no facts lead to it.
    assert {reason for one in decided for reason in one["reasons"]} == set(Reason) - {Reason.DEGRADED}


def test_the_shipped_day_is_among_them_with_every_action_that_it_has() -> None:
    of_the_day = [line for line in lines() if line.get("of") == "day"]
    asked = {json.loads(line)["action_type"] for line in DAY.read_text().splitlines()}
    assert {line["facts"]["action"] for line in of_the_day} == asked
    assert {one["outcome"] for line in of_the_day for one in line["decided"].values()} == set(Outcome)


def test_among_them_are_allowed_domains_which_lift_nothing_up_to_version_5_and_what_speaks_of_them_since() -> None:
    lifted: set[str] = set()
    for line in lines():
        old, new = ({rule for rule, *_ in line["decided"][version]["contributions"]} for version in ("5", "6"))
        lifted |= old - new
        assert old == new or "email_domain" in {kind for kind, _ in line["facts"].get("allows", [])}
    assert {"domain_signups", "email_disposable"} <= lifted
    assert not lifted & {"device_users", "address_users", "phone_users", "address_signups", "user_refusals"}


def test_among_them_are_consents_that_a_lifted_withdrawal_revived_up_to_version_4_and_not_since() -> None:
    states = {
        tuple(line["decided"][version]["consent"]["state"] for version in ("4", "5"))
        for line in lines()
        if line["decided"]["4"]["consent"] != line["decided"]["5"]["consent"]
    }
    # Another consent is relied on, or none; what is told may also be nearer to the point.
    given = {("given", after) for after in ("given", "expired", "method_insufficient", "withdrawn")}
    assert states == given | {("expired", "method_insufficient")}
