"""Versions of the policy on a real database: taken in, in shadow, gone back from, and there again after any end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
from data_actors import outcome, until
from test_trust_safety import Engine, engine

from viral_engine.domain.policy import DEFAULT_POLICY, policy_to_dict
from viral_engine.domain.policy_file import policy_of
from viral_engine.messages.database import Invalidate
from viral_engine.messages.policies import LoadPolicy, PolicyStands, SwitchPolicy
from viral_engine.messages.refusals import Refused
from viral_engine.store.engine import Database

SHIPPED = DEFAULT_POLICY.version
STRICT = "[tiers]\nallow_flagged = 100\nchallenge = 200\nreview = 300\ndeny = 1000\n"
FOUR = "[limits.user_action]\nattempts = 4\n"
LONG = "[limits.user_action]\nattempts = 4\nseconds = 600\n"


@pytest.fixture
def running(store: Database, tmp_path: Path) -> Iterator[Engine]:
    with engine(store, tmp_path) as made:
        yield made


def load(on: Engine, source: str, mode: Any = "enforce") -> Any:
    policy = policy_of(source)
    body = msgspec.json.encode(policy_to_dict(policy)).decode()
    wanted = LoadPolicy(policy_id=policy.id, source=source, body=body, mode=mode, author="ada", reason="test")
    return outcome(on.ask(wanted))


def switch(on: Engine, version: int | None = None, mode: Any = "enforce") -> Any:
    return outcome(on.ask(SwitchPolicy(mode=mode, version=version, author="ada", reason="test")))


def answer(on: Engine, user: str = "1") -> Any:
    return msgspec.json.decode(outcome(on.check(user)).answer)


def decided(on: Engine, user: str = "1") -> tuple[str, int]:
    found = answer(on, user)
    return found["decision"], found["policy"]["version"]


def test_a_loaded_policy_decides_from_its_answer_on(running: Engine) -> None:
    assert decided(running) == ("allow", DEFAULT_POLICY.version)
    assert load(running, STRICT) == PolicyStands(mode="enforce", version=SHIPPED + 1, before=SHIPPED)
    assert decided(running) == ("deny", DEFAULT_POLICY.version + 1)


def test_a_policy_in_shadow_changes_no_answer_and_is_recorded_beside_it(running: Engine) -> None:
    before = answer(running)
    assert load(running, STRICT, "shadow").version == SHIPPED + 1
    beside = answer(running)
    told = ("decision", "reasons", "score", "contributions", "policy", "consent")
    assert [beside[name] for name in told] == [before[name] for name in told]
    assert beside["shadow"] == [
        {
            "policy": {"id": "default", "version": SHIPPED + 1, "mode": "shadow"},
            "decision": "deny",
            "reasons": ["fraud_detected"],
            "score": 1_000,
        }
    ]
    assert switch(running, None, "shadow") == PolicyStands(
        mode="shadow", version=None, shadow_ended=SHIPPED + 1, before=SHIPPED
    )
    assert answer(running)["shadow"] == []


def test_an_answer_names_the_version_that_was_in_force_before(running: Engine) -> None:
    assert [load(running, STRICT).before, load(running, FOUR, "shadow").before] == [SHIPPED, SHIPPED + 1]
    assert [switch(running, SHIPPED + 2).before, switch(running).before] == [SHIPPED + 1, SHIPPED + 2]
    assert switch(running, SHIPPED + 1).before == SHIPPED + 1


def in_force_and_in_shadow(on: Engine) -> tuple[int, int | None]:
    state = on.state
    return state["policy"]["version"], None if state["shadow"] is None else state["shadow"]["version"]


def test_going_back_again_goes_further_back_until_nothing_is_left(running: Engine) -> None:
    assert [load(running, source).version for source in (STRICT, FOUR)] == [SHIPPED + 1, SHIPPED + 2]
    assert [switch(running).version for _ in range(2)] == [SHIPPED + 1, SHIPPED]
    assert decided(running) == ("allow", SHIPPED)
    refused = switch(running)
    assert isinstance(refused, Refused)
    assert (refused.code, refused.message) == (
        "not_found", "nothing was put in force before the version that decides, so there is nothing to go back to",
    )  # fmt: skip
    assert decided(running) == ("allow", SHIPPED)


def test_what_was_gone_back_from_comes_back_by_its_number_alone(running: Engine) -> None:
    load(running, STRICT)
    switch(running)
    assert load(running, FOUR).version == SHIPPED + 2
    assert switch(running).version == SHIPPED
    assert switch(running, SHIPPED + 1).version == SHIPPED + 1
    assert switch(running).version == SHIPPED


def test_going_back_by_a_number_leaves_behind_what_came_after_it(running: Engine) -> None:
    for source in (STRICT, FOUR, LONG):
        load(running, source)
    assert switch(running, SHIPPED + 1).version == SHIPPED + 1
    assert switch(running).version == SHIPPED
    assert switch(running, SHIPPED + 3).version == SHIPPED + 3
    assert switch(running).version == SHIPPED


def test_what_is_put_in_force_is_in_its_own_shadow_no_longer_and_never_again(
    running: Engine, store: Database, tmp_path: Path
) -> None:
    load(running, STRICT, "shadow")
    assert switch(running, SHIPPED + 1) == PolicyStands(
        mode="enforce", version=SHIPPED + 1, shadow_ended=SHIPPED + 1, before=SHIPPED
    )
    assert in_force_and_in_shadow(running) == (SHIPPED + 1, None)
    running.kill()
    until(lambda: running.state["loaded"])
    assert in_force_and_in_shadow(running) == (SHIPPED + 1, None)
    assert load(running, FOUR).shadow_ended is None
    assert in_force_and_in_shadow(running) == (SHIPPED + 2, None)
    for version in (SHIPPED + 1, SHIPPED):
        switch(running)
        assert in_force_and_in_shadow(running) == (version, None)
    with engine(store, tmp_path / "again") as fresh:
        assert in_force_and_in_shadow(fresh) == (SHIPPED, None)


def test_going_back_to_what_is_in_shadow_ends_its_shadow_and_leaves_another_alone(
    running: Engine, store: Database, tmp_path: Path
) -> None:
    load(running, STRICT)
    load(running, FOUR)
    switch(running, SHIPPED + 1, "shadow")
    assert load(running, LONG).shadow_ended is None
    assert in_force_and_in_shadow(running) == (SHIPPED + 3, SHIPPED + 1)
    assert switch(running).shadow_ended is None
    assert switch(running).shadow_ended == SHIPPED + 1
    with engine(store, tmp_path / "again") as fresh:
        assert in_force_and_in_shadow(running) == in_force_and_in_shadow(fresh) == (SHIPPED + 1, None)


def test_a_version_left_in_its_own_shadow_by_an_earlier_release_does_not_stay_there(
    running: Engine, store: Database, tmp_path: Path
) -> None:
    load(running, STRICT)
    switch(running, SHIPPED + 1, "shadow")
    assert load(running, FOUR).shadow_ended == SHIPPED + 1
    with engine(store, tmp_path / "again") as fresh:
        assert in_force_and_in_shadow(running) == in_force_and_in_shadow(fresh) == (SHIPPED + 2, None)


def test_the_end_of_a_shadow_says_which_one_it_was(running: Engine) -> None:
    assert switch(running, None, "shadow").shadow_ended is None
    load(running, STRICT, "shadow")
    assert load(running, FOUR, "shadow") == PolicyStands(
        mode="shadow", version=SHIPPED + 2, shadow_ended=SHIPPED + 1, before=SHIPPED
    )
    assert switch(running, None, "shadow").shadow_ended == SHIPPED + 2
    assert switch(running, None, "shadow").shadow_ended is None


@pytest.mark.parametrize("version", [None, 77])
def test_going_back_to_nothing_is_refused(running: Engine, version: int | None) -> None:
    refused = switch(running, version)
    assert isinstance(refused, Refused)
    assert (refused.code, decided(running)) == ("not_found", ("allow", SHIPPED))


def test_what_stands_is_there_again_after_a_crash_and_after_a_new_start(
    running: Engine, store: Database, tmp_path: Path
) -> None:
    load(running, STRICT)
    load(running, FOUR, "shadow")
    running.kill()
    until(lambda: running.state["loaded"])
    assert (decided(running), answer(running)["shadow"][0]["policy"]["version"]) == (("deny", SHIPPED + 1), SHIPPED + 2)
    with engine(store, tmp_path / "again") as fresh:
        assert (decided(fresh), answer(fresh)["shadow"][0]["policy"]["version"]) == (("deny", SHIPPED + 1), SHIPPED + 2)


def test_another_node_takes_over_what_was_put_in_force(running: Engine, store: Database, tmp_path: Path) -> None:
    with engine(store, tmp_path / "other") as other:
        load(running, STRICT)
        other.system.cast("/growth/trust_safety", Invalidate("policies"))
        until(lambda: other.state["policy"]["version"] == SHIPPED + 1)
        assert decided(other) == ("deny", SHIPPED + 1)


def test_a_lowered_limit_counts_what_was_counted_before(running: Engine) -> None:
    for _ in range(5):
        assert decided(running)[0] == "allow"
    load(running, FOUR)
    assert answer(running)["reasons"] == ["rate_limited"]


def test_a_longer_window_frees_nobody(running: Engine) -> None:
    for _ in range(5):
        assert decided(running)[0] == "allow"
    load(running, LONG)
    refused = answer(running)
    assert refused["reasons"] == ["rate_limited"]
    assert refused["limits"]["retry_after_s"] > 60


def test_every_switch_is_in_the_audit_with_its_author_and_reason(running: Engine) -> None:
    load(running, STRICT)
    switch(running)
    with psycopg.connect(running.database.conninfo) as connection:
        rows = connection.execute("SELECT act, author, details ->> 'reason' FROM audit ORDER BY id").fetchall()
    assert rows == [("policy.load", "ada", "test"), ("policy.switch", "ada", "test")]


def test_a_stored_policy_that_can_t_be_read_keeps_everything_undecided_and_says_so(
    store: Database, tmp_path: Path
) -> None:
    with engine(store, tmp_path) as running:
        load(running, STRICT)
        with psycopg.connect(store.conninfo, autocommit=True) as connection:
            connection.execute("UPDATE policies SET body = '{\"schema\": 99}'")
        running.system.cast("/growth/trust_safety", Invalidate("policies"))
        until(lambda: running.actor.status is not None)
        assert running.actor.status == ("the policy in force can't be read by this release: policy.schema: must be 1")
