"""Whatever is wrong with a policy's file, the refusal says at which of its lines."""

from __future__ import annotations

import re

import pytest

from viral_engine.domain.policy import DEFAULT_POLICY
from viral_engine.domain.policy_file import ACTIONS_MAX, LIMITS_MAX, RULES_MAX, BadPolicy, policy_of
from viral_engine.domain.policy_text import policy_text
from viral_engine.domain.rules import PARTS_MAX

RULE = "[[rule]]\nname = 'a'\nweight = 1\n"
HOLDS = "{ fact = 'no_device_id', is = true }"
DEEP = "{ not = " * 10 + HOLDS + " }" * 10
BEYOND_READING = "{ not = " * 20 + HOLDS + " }" * 20


def tables(name: str, count: int, holding: str = "") -> str:
    return "".join(f"[{name}.new_{number}]\n{holding}" for number in range(count))


BROKEN = [
    # What is no TOML.
    (2, "is no TOML", "id = 'x'\nid = 'y'\n"),
    (2, "is no TOML", "[tiers]\ndeny = \n"),
    (1, "is no TOML", "x = [\n"),
    (2, "is no TOML", f"[tiers]\ndeny = {'9' * 5_000}\n"),
    (2, "is nested too deep", "[tiers]\na = " + "[" * 30_000),
    (3, "dots in a line", "[tiers]\ndeny = 8000\na" + ".a" * 300 + " = 1\n"),
    (3, "at most 60,000 characters", "# x\n" + "#" * 50_000 + "\n" + "#" * 10_000 + "\n# y\n"),
    # What nobody asks for, and what is named wrongly.
    (1, "weights is not known here", "[weights.velocity.device_users]\neach = 1\n"),
    (2, "weights is not known here", "id = 'x'\nweights.trust_cap = 1\n"),
    (3, "score.velocity.users is not known here", "[score.velocity]\n\n[score.velocity.users]\neach = 1\n"),
    (2, "tiers.denied is not known here", "[tiers]\ndenied = 1\n"),
    (2, "content.private.14 is not known here", "[content.private]\n14 = 'deny'\n"),
    (1, '"" is not known here', "'' = 1\n"),
    (2, "tiers.a b is not known here", "[tiers]\n'a b' = 1\n"),
    (2, "tiers.é is not known here", '[tiers]\n"\\u00e9" = 1\n'),
    (2, "tiers.denied is not known here", "# a\u2028b\ntiers.denied = 1\n"),
    (2, "must be named like", "[limits]\nBad = {}\n"),
    (2, "matrix.us.collects must be one of", "[matrix.us.collect]\n[matrix.us.collects]\n"),
    (1, "id must be like", "id = 'X'\n"),
    (2, "rule[0].name must be like", "[[rule]]\nname = 'A'\nweight = 1\nwhen = {}\n"),
    # What is of another kind.
    (1, "tiers must be a table", "tiers = 3\n"),
    (1, "tiers must be a table", "[[tiers]]\n"),
    (1, "rule must be a list", "[rule]\n"),
    (1, "rule[0] must be a table", "rule = [1]\n"),
    (2, "must be a whole number", "[tiers]\ndeny = 1.5\n"),
    (2, "must be 1 to 100,000", "[tiers]\ndeny = 0\n"),
    (2, "must be true or false", "[consent]\nwithdrawal_ends_older = 1\n"),
    (1, "must be a text of one line", "id = ''\n"),
    (2, "must be one of", "[content]\nsecret = 'never'\n"),
    (2, "must be a list", "[allow_lifts]\nuser = 'device'\n"),
    (2, "must be one of", "[allow_lifts]\nuser = ['planet']\n"),
    (2, "must be a list of texts", "[unlisted]\nlimits = [1]\n"),
    # What is missing is told at its table.
    (1, "limits.mine.attempts is missing", "[limits.mine]\nseconds = 5\n"),
    (5, "rule[1].when is missing", RULE + f"when = {HOLDS}\n[[rule]]\nname = 'b'\nweight = 2\n"),
    (1, "rule[0].name is missing", f"[[rule]]\nweight = 1\nwhen = {HOLDS}\n"),
    # What can't work together.
    (2, "limits.mine.reason must be rate_limited or",
     "[limits.mine]\nreason = 'fraud_detected'\nattempts = 1\n"),
    (2, "names a limit that is not there", "[unlisted]\nlimits = ['nope']\n"),
    (2, "tiers.challenge is 9,000 and must be below tiers.review, 5,500 as shipped", "[tiers]\nchallenge = 9000\n"),
    (2, "tiers.review is 3,000 and must be above tiers.challenge, 4,000 as shipped", "[tiers]\nreview = 3000\n"),
    (3, "tiers.review is 8,000 and must be above tiers.challenge, 9,000",
     "[tiers]\nchallenge = 9000\nreview = 8000\ndeny = 9900\n"),
    (2, "tiers.challenge is 9,000 and must be below tiers.review, 5,500",
     "[tiers]\nchallenge = 9000\nreview = 5500\n"),
    (2, "score.referral.same_household.each is 5,000 and must be at most score.referral.self_referral.each, 4,000 as s",
     "[score.referral.same_household]\neach = 5000\n"),
    (3, "score.referral.self_referral.each is 1 and must be at least score.referral.same_household.each, 2,000 as s",
     "[score.referral]\nreferees = {}\nself_referral = { each = 1 }\n"),
    # What is too many of: the one too much is told.
    (87, "limits.new_43 is one more than the 50", tables("limits", LIMITS_MAX, "attempts = 1\n")),
    (480, "actions.new_479 is one more than the 500", tables("actions", ACTIONS_MAX)),
    (301, "rule[100] is one more than the 100", "[[rule]]\n\n\n" * (RULES_MAX + 1)),
    # What a rule can't do.
    (6, "rule[1].name is the name of another rule", (RULE + f"when = {HOLDS}\n") * 2),
    (4, "rule[0].when must be a table", RULE + "when = 1\n"),
    (4, "must have `fact`", RULE + "when = {}\n"),
    (4, "must compare the fact", RULE + "when = { fact = 'action' }\n"),
    (4, "rule[0].when.all must be a list", RULE + "when = { all = 1 }\n"),
    (4, "must hold at least one condition", RULE + "when = { any = [] }\n"),
    (4, "rule[0].when.is is not known here", RULE + f"when = {{ all = [{HOLDS}], is = 1 }}\n"),
    (4, "is no known fact", RULE + "when = { fact = 'shoe_size', at_least = 3 }\n"),
    (4, "compare it by is", RULE + "when = { fact = 'allowed', at_least = 3 }\n"),
    (4, "would lower the score", RULE + "when = { fact = 'reports', at_most = 3 }\n"),
    (4, "it speaks for the user", RULE + "when = { fact = 'allowed', is = true }\n"),
    (4, "must be at most 8 deep", RULE + f"when = {DEEP}\n"),
    (4, "is nested too deep", RULE + f"when = {BEYOND_READING}\n"),
    (4, "must have at most 32 parts", RULE + f"when = {{ any = [{', '.join([HOLDS] * PARTS_MAX)}] }}\n"),
    (5, "must count something suspicious", RULE + f"when = {HOLDS}\neach = 'account_age_days'\n"),
    (5, "needs `each`", RULE + f"when = {HOLDS}\nfree = 1\n"),
    (5, "rule[0].fades.days must be 1", RULE + f"when = {HOLDS}\nfades = {{ fact = 'account_age_days', days = 0 }}\n"),
    (6, "rule[0].fades.fact must be a number that speaks", RULE + f"when = {HOLDS}\n[rule.fades]\nfact = 'reports'\n"),
    (6, "rule[0].fades.hours is not known here", RULE + f"when = {HOLDS}\n[rule.fades]\nhours = 1\n"),
    (7, "rule[0].when.all[1] must have `fact`",
     RULE + "[[rule.when.all]]\nfact = 'no_device_id'\nis = true\n[[rule.when.all]]\n"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "words", "source"), BROKEN, ids=range(len(BROKEN)))
def test_a_refusal_names_the_line_that_is_to_blame_and_why(line: int, words: str, source: str) -> None:
    with pytest.raises(BadPolicy) as refused:
        policy_of(source)
    assert (refused.value.line, words in str(refused.value)) == (line, True), str(refused.value)


@pytest.mark.parametrize(("first", "wrong"), [(0, "-1"), (1, "'nope'"), (2, "{ nope = 1 }")])
def test_a_wrong_value_anywhere_in_a_whole_file_is_refused_at_its_own_line(first: int, wrong: str) -> None:
    lines = policy_text(DEFAULT_POLICY).splitlines()
    keys = [index for index, line in enumerate(lines) if " = " in line and not line.startswith("id = ")]
    assert len(keys) > 300
    for index in keys[first::15]:
        broken = [*lines]
        broken[index] = re.sub(r" = .*", f" = {wrong}", lines[index])
        with pytest.raises(BadPolicy) as refused:
            policy_of("\n".join(broken))
        assert refused.value.line == index + 1, broken[index]
