"""A policy as a file: written out whole and read again, refused with its line, and what its own rules do."""

from __future__ import annotations

import json

import pytest

from viral_engine.domain.facts import Facts, Trust, Velocity
from viral_engine.domain.limits import WindowKey
from viral_engine.domain.matrix import STRICTEST, ActionClass, Need
from viral_engine.domain.policy import DEFAULT_POLICY, SHIPPED, policy_from_dict, policy_to_dict
from viral_engine.domain.policy_file import BadPolicy, policy_of
from viral_engine.domain.policy_text import policy_text
from viral_engine.domain.score import contributions_of
from viral_engine.domain.toml_lines import line_of

RULE = """
[[rule]]
name = "new_and_busy"
why = "new, and refused {n} times"
weight = 400
when = { all = [
  { fact = "velocity.user_refusals", at_least = 2 },
  { not = { fact = "account_age_days", at_least = 7 } },
  { fact = "action", one_of = ["invite", "share"] },
] }
each = "velocity.user_refusals"
free = 1
cap = 1500
fades = { fact = "account_age_days", days = 10 }
"""


def terms(source: str, **known: object) -> list[tuple[str, int]]:
    policy = policy_of(source)
    facts = Facts(now_ms=1, **known)  # type: ignore[arg-type]  # a test names its fields
    quiet = contributions_of(policy.weights, facts, unlisted=False, signup=False)
    found = contributions_of(policy.weights, facts, unlisted=False, signup=False, rules=policy.rules)
    return [(term.rule, term.weight) for term in found if term not in quiet]


@pytest.mark.parametrize("policy", SHIPPED.values(), ids=lambda policy: str(policy.version))
def test_a_shipped_policy_written_out_is_read_as_itself(policy: object) -> None:
    assert policy_of(policy_text(policy), policy.version) == policy  # type: ignore[arg-type, attr-defined]


def test_what_a_file_leaves_out_is_as_shipped() -> None:
    assert policy_of("[tiers]\ndeny = 7000\n", DEFAULT_POLICY.version) == DEFAULT_POLICY


@pytest.mark.parametrize("source", ["", "\n# all of it is a comment\n", "[tiers]\n", "id = 'mine'\n", "rule = []\n"])
def test_a_file_that_says_nothing_is_refused_for_it_would_bring_back_the_shipped_policy(source: str) -> None:
    with pytest.raises(BadPolicy) as refused:
        policy_of(source)
    assert str(refused.value) == (
        f"says nothing: it would put the shipped policy in force; `policy enforce {DEFAULT_POLICY.version}` does that"
    )


def test_a_file_may_say_what_is_so_anyway_and_a_new_table_alone_says_something() -> None:
    assert policy_of("[tiers]\ndeny = 7000\n").weights == DEFAULT_POLICY.weights
    assert "ask.tutor" in policy_of("[actions.'ask.tutor']\n").actions


def test_a_changed_policy_survives_the_file_and_the_database() -> None:
    source = """
        [tiers]
        deny = 8000
        [limits.user_action]
        attempts = 4
        [limits.nightly]
        whose = "device"
        attempts = 2
        seconds = 300
        [actions."ask.tutor"]
        class = "collect"
        limits = ["nightly", "user_action"]
        [matrix.de.collect]
        18_plus = "consent"
        [score.velocity.device_users]
        each = 900
    """
    policy = policy_of(source + RULE, 7)
    assert policy_of(policy_text(policy), 7) == policy
    assert policy_from_dict(json.loads(json.dumps(policy_to_dict(policy)))) == policy
    new = policy.actions["ask.tutor"]
    assert [(limit.window, limit.key, limit.places, limit.window_ms) for limit in new.limits] == [
        ("nightly", WindowKey.DEVICE, 2, 300_000), ("user_action", WindowKey.USER_ACTION, 4, 60_000),
    ]  # fmt: skip
    # A limit belongs to every action that names it.
    assert policy.actions["general"].limits[0].places == 4
    assert policy.weights.velocity["device_users"].version == 2
    strictest = DEFAULT_POLICY.matrix[STRICTEST]
    assert policy.matrix["de"] == {
        **strictest,
        ActionClass.COLLECT: {**strictest[ActionClass.COLLECT], list(strictest[ActionClass.COLLECT])[-1]: Need.CONSENT},
    }


@pytest.mark.parametrize(
    ("line", "path", "source"),
    [
        (2, "tiers.deny", "[tiers]\ndeny = 100\n"),
        (1, "surprise", "surprise = 1\n"),
        (3, "", "id = 'x'\n\n[tiers\n"),
        (3, "actions.share.limits", "[actions.share]\nsignup = false\nlimits = ['nope']\n"),
        (1, "actions.Share", "[actions.Share]\n"),
        (2, "actions.share.outage", "[actions.share]\noutage = 'later'\n"),
        (4, "score.velocity.device_users.each", "# a comment\n[score.velocity.device_users]\n\neach = -4\n"),
        (2, "score.velocity.device_users.each", "[score.velocity]\ndevice_users = { each = 1.5 }\n"),
        (2, "score.referral.self_referral.each", "[score.referral]\nself_referral = { each = 1 }\n"),
        (2, "limits.user_action.attempts", "[limits.user_action]\nattempts = 0\n"),
        (2, "limits.user_action.seconds", "[limits.user_action]\nseconds = 86400\n"),
        (1, "limits.mine.attempts", "[limits.mine]\n"),
        (2, "matrix.us.collect.under_13", "[matrix.us.collect]\nunder_13 = 'maybe'\n"),
        (3, "matrix.us.disclose.under_13", "[matrix.us.disclose]\n13_17 = 'none'\nunder_13 = 'none'\n"),
        (2, "matrix.us.record_share.unknown", "[matrix.us.record_share]\nunknown = 'consent'\n"),
        (2, "signup.device_others_max", "[signup]\ndevice_others_max = true\n"),
        (
            4,
            "rule[0].when",
            "[[rule]]\nname = 'a'\nweight = 1\nwhen = { fact = 'velocity.user_refusals', at_most = 3 }\n",
        ),
        (4, "rule[0].when", "[[rule]]\nname = 'a'\nweight = 1\nwhen = { fact = 'trust.email_verified', is = true }\n"),
        (
            4,
            "rule[0].when",
            "[[rule]]\nname = 'a'\nweight = 1\nwhen = { not = { fact = 'email_disposable', is = true } }\n",
        ),
        (4, "rule[0].when.fact", "[[rule]]\nname = 'a'\nweight = 1\nwhen = { fact = 'shoe_size', at_least = 3 }\n"),
        (4, "rule[0].when", "[[rule]]\nname = 'a'\nweight = 1\nwhen = { fact = 'age_band', one_of = ['old'] }\n"),
        (4, "rule[0].when", "[[rule]]\nname = 'a'\nweight = 1\nwhen = { fact = 'allowed' }\n"),
        (2, "rule[0].name", "[[rule]]\nname = 'circle'\nweight = 1\nwhen = { fact = 'no_device_id', is = true }\n"),
        (1, "rule[0].weight", "[[rule]]\nname = 'a'\nwhen = { fact = 'no_device_id', is = true }\n"),
        (6, "rule[1].weight", RULE.strip().split("each")[0].split("when")[0] + "x = 1\n[[rule]]\nweight = 0\n"),
    ],
)
def test_a_file_that_cannot_work_is_refused_with_its_line(line: int, path: str, source: str) -> None:
    with pytest.raises(BadPolicy) as refused:
        policy_of(source)
    if path != "rule[1].weight":
        assert (refused.value.path, refused.value.line) == (path, line)
    assert refused.value.reason
    assert str(refused.value).startswith(f"line {refused.value.line}: ")


def test_a_file_of_any_nesting_is_refused_and_never_ends_the_reader() -> None:
    deep = "{ not = " * 200 + "{ fact = 'no_device_id', is = true }" + " }" * 200
    for source in ("a = " + "[" * 30_000, f"[[rule]]\nname = 'a'\nweight = 1\nwhen = {deep}\n", "x" * 70_000):
        with pytest.raises(BadPolicy):
            policy_of(source)


def test_a_rule_weighs_by_its_count_and_its_fade_and_its_cap_are_terms_of_their_own() -> None:
    busy = Velocity(user_refusals=6)
    assert terms(RULE, action="share", velocity=busy, account_age_days=5) == [
        ("new_and_busy", 2_000), ("new_and_busy_fade", -1_000),
    ]  # fmt: skip
    # Whoever never was put has no age: they are new.
    assert terms(RULE, action="share", velocity=busy) == [("new_and_busy", 2_000), ("new_and_busy_cap", -500)]


@pytest.mark.parametrize(
    "known",
    [
        {"action": "login", "velocity": Velocity(user_refusals=6)},
        {"action": "share", "velocity": Velocity(user_refusals=1)},
        {"action": "share", "velocity": Velocity(user_refusals=6), "account_age_days": 7},
    ],
)
def test_a_rule_whose_condition_does_not_hold_says_nothing(known: dict[str, object]) -> None:
    assert terms(RULE, **known) == []


def test_proofs_take_off_what_a_rule_of_the_policy_s_own_added() -> None:
    source = "[[rule]]\nname = 'a'\nweight = 600\nwhen = { fact = 'has_school', is = false }\n"
    policy = policy_of(source)
    facts = Facts(action="general", now_ms=1, trust=Trust(email_verified=True))
    found = contributions_of(policy.weights, facts, unlisted=False, signup=False, rules=policy.rules)
    assert [(term.rule, term.weight) for term in found] == [("a", 600), ("email_verified", -500)]


def test_lines_are_found_in_every_spelling_of_a_key() -> None:
    source = '[a.b] # here\nc = 1\n[ "d.e" ]\nf.g = 2\n[[r]]\nx = 1\n[[r]]\n[r.sub]\ny = { z = [1,\n 2] }\n'
    places = ("a.b", "a.b.c", "d.e.f.g", "r", "r[0].x", "r[1]", "r[1].sub.y", "r[1].sub.y.z[1]", "nowhere")
    assert [line_of(source, path) for path in places] == [1, 2, 4, 5, 6, 7, 9, 9, 0]


def test_a_key_of_thousands_of_parts_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(BadPolicy, match="line 2: must have at most 200 dots"):
        policy_of("id = 'x'\na" + ".a" * 29_000 + " = 1")


def test_a_number_of_thousands_of_digits_is_no_toml() -> None:
    with pytest.raises(BadPolicy, match="is no TOML"):
        policy_of("[tiers]\ndeny = " + "9" * 5_000)


def test_a_file_that_breaks_off_is_refused_with_its_last_line() -> None:
    with pytest.raises(BadPolicy, match="line 2: is no TOML"):
        policy_of("id = 'x'\ny = [")
