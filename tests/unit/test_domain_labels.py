"""Labels in memory and in a policy's own rules: live names, each once, and rules that ask for them."""

import json

import pytest

from viral_engine.domain.blocks import LabelList, ListRow
from viral_engine.domain.errors import Invalid
from viral_engine.domain.evaluate import evaluate
from viral_engine.domain.facts import Facts, ListKind, facts_for_json, facts_from_dict, facts_to_dict
from viral_engine.domain.policy import DEFAULT_POLICY
from viral_engine.domain.policy_file import BadPolicy, policy_of
from viral_engine.domain.policy_text import policy_text

USER, DEVICE, IP, NETWORK, DOMAIN = ListKind
RULE = "[[rule]]\nname = 'watched'\nweight = 8000\nwhen = {{ fact = 'labels', {} }}\n"


def listed(*rows: tuple[ListKind, str, str, int]) -> LabelList:
    labels = LabelList()
    for number, (kind, key, label, expires_ms) in enumerate(rows):
        labels.add(ListRow(str(number), kind, key, expires_ms, label))
    return labels


def of(labels: LabelList, now_ms: int = 0, **names: str) -> tuple[str, ...]:
    wanted: dict[str, str | None] = {"user": None, "device": None, "ip": None, "email_domain": None, **names}
    return labels.of(now_ms=now_ms, **wanted)


def test_everything_that_an_attempt_names_is_looked_at_and_each_label_is_told_once_in_order() -> None:
    labels = listed(
        (USER, "a", "on_watch", 10), (USER, "a", "beta", 10), (DEVICE, "b", "on_watch", 10),
        (IP, "192.0.2.1", "vpn", 10), (NETWORK, "192.0.2.0/24", "school_lab", 10), (NETWORK, "192.0.0.0/16", "isp", 10),
        (DOMAIN, "mail.example.org", "partner", 10), (DOMAIN, "example.org", "customer", 10),
        (USER, "other", "never", 10),
    )  # fmt: skip
    told = of(labels, user="a", device="b", ip="192.0.2.1", email_domain="mail.example.org")
    assert told == ("beta", "customer", "isp", "on_watch", "partner", "school_lab", "vpn")
    assert of(labels, device="a", ip="203.0.113.1", email_domain="other.org") == ()


def test_a_label_ends_at_its_instant_and_the_others_of_the_thing_stay() -> None:
    labels = listed((USER, "a", "brief", 1_000), (USER, "a", "lasting", 2_000))
    assert of(labels, 999, user="a") == ("brief", "lasting")
    assert of(labels, 1_000, user="a") == ("lasting",)
    assert labels.expire(1_000, 10) == ["0"]
    assert labels.names == {"1": "lasting"}
    assert labels.remove("1")
    assert (labels.names, of(labels, user="a")) == ({}, ())


def test_a_label_that_is_put_in_again_is_one_label() -> None:
    labels = listed((USER, "a", "brief", 1_000))
    labels.add(ListRow("0", USER, "a", 5_000, "brief"))
    assert (len(labels), of(labels, 4_999, user="a")) == (1, ("brief",))


def test_a_label_without_name_or_without_end_is_refused_and_leaves_nothing() -> None:
    labels = LabelList(1)
    for row, field in ((ListRow("x", USER, "a", 1_000), "label"), (ListRow("x", USER, "a", None, "l"), "expires_at")):
        with pytest.raises(Invalid) as refused:
            labels.add(row)
        assert refused.value.field == field
    labels.add(ListRow("x", USER, "a", 1_000, "l"))
    with pytest.raises(Invalid):
        labels.add(ListRow("y", USER, "a", 1_000, "m"))
    assert labels.names == {"x": "l"}


def test_facts_recorded_before_there_were_labels_read_the_same() -> None:
    old = {"schema": 1, "action": "share", "now_ms": 7, "has_school": True}
    assert facts_from_dict(old) == Facts(action="share", now_ms=7, has_school=True)
    assert facts_to_dict(facts_from_dict(old)) == old
    labelled = Facts(action="share", now_ms=7, labels=("a", "b"))
    assert facts_from_dict(json.loads(json.dumps(facts_for_json(labelled)))) == labelled


@pytest.mark.parametrize(
    ("asks", "labels", "decision"),
    [
        ("is = 'on_watch'", ("beta", "on_watch"), "deny"),
        ("is = 'on_watch'", ("beta",), "allow"),
        ("one_of = ['vpn', 'on_watch']", ("on_watch",), "deny"),
        ("one_of = ['vpn', 'on_watch']", ("beta", "on", "watch"), "allow"),
        ("one_of = ['vpn', 'on_watch']", (), "allow"),
    ],
)
def test_a_rule_holds_where_any_of_the_labels_is_among_its_words(
    asks: str, labels: tuple[str, ...], decision: str
) -> None:
    facts = Facts(action="general", now_ms=1, labels=labels)
    policy = policy_of(RULE.format(asks), 9)
    assert evaluate(policy, facts).outcome.value == decision
    assert evaluate(DEFAULT_POLICY, facts).outcome.value == "allow"
    assert policy_of(policy_text(policy), 9) == policy


def test_a_rule_may_ask_that_a_label_is_not_there() -> None:
    source = "[[rule]]\nname = 'strange'\nweight = 8000\nwhen = { not = { fact = 'labels', is = 'known' } }\n"
    labelled = Facts(action="general", now_ms=1, labels=("known",))
    outcomes = [evaluate(policy_of(source), facts).outcome.value for facts in (labelled, labelled._replace(labels=()))]
    assert outcomes == ["allow", "deny"]


@pytest.mark.parametrize(
    ("asks", "why"),
    [
        ("is = 'On Watch'", "a-z"),
        ("one_of = ['fine', '9th']", "a-z"),
        ("is = true", "is a set of words: compare it by is or one_of"),
        ("at_least = 2", "is a set of words: compare it by is or one_of"),
    ],
)
def test_a_rule_that_asks_for_what_can_be_no_label_is_refused_with_its_line(asks: str, why: str) -> None:
    with pytest.raises(BadPolicy, match=why) as refused:
        policy_of(RULE.format(asks))
    assert (refused.value.path, refused.value.line) == ("rule[0].when", 4)
