"""The pure parts of the output: when there is colour, how things are aligned, what a terminal must not get."""

from typing import Any

import pytest

from viral_engine.cli import decisions, inspect_actor, keys, policy, ps, tree
from viral_engine.cli.facts import told_facts
from viral_engine.cli.layout import age, clean, fields, table, width
from viral_engine.cli.style import ColorChoice, Style, choose

PLAIN = Style(color=False, unicode=True)
ASCII = Style(color=False, unicode=False)


@pytest.mark.parametrize(
    ("choice", "environment", "is_terminal", "color"),
    [
        ("auto", {"TERM": "xterm"}, True, True),
        ("auto", {"TERM": "xterm"}, False, False),
        ("auto", {"TERM": "dumb"}, True, False),
        ("auto", {}, True, False),
        ("auto", {"TERM": "xterm", "NO_COLOR": "1"}, True, False),
        ("auto", {"TERM": "xterm", "NO_COLOR": ""}, True, True),
        ("auto", {"FORCE_COLOR": "1"}, False, True),
        ("always", {"NO_COLOR": "1"}, False, True),
        ("never", {"FORCE_COLOR": "1", "TERM": "xterm"}, True, False),
    ],
)
def test_colour_follows_the_flag_then_the_environment_then_the_terminal(
    choice: ColorChoice, environment: dict[str, str], *, is_terminal: bool, color: bool
) -> None:
    assert choose(choice, environment, "utf-8", is_terminal=is_terminal).color is color


@pytest.mark.parametrize(
    ("environment", "encoding", "unicode"),
    [
        ({"LANG": "de_DE.UTF-8"}, "utf-8", True),
        ({"LC_ALL": "C", "LANG": "de_DE.UTF-8"}, "utf-8", False),
        ({"LC_CTYPE": "C.utf8"}, "utf-8", True),
        ({"LANG": "de_DE.UTF-8"}, "iso-8859-1", False),
        ({}, "utf-8", False),
    ],
)
def test_glyphs_are_ascii_unless_locale_and_output_are_utf8(
    environment: dict[str, str], encoding: str, *, unicode: bool
) -> None:
    assert choose("auto", environment, encoding, is_terminal=True).unicode is unicode


def test_what_others_wrote_cannot_steer_the_terminal() -> None:
    assert clean("a\x1b[31mred\x07 \u202eback\n") == "a\ufffd[31mred\ufffd \ufffdback\n"


def test_tables_are_aligned_by_what_is_seen() -> None:
    lines = table(("NAME", "N>"), [["\x1b[32mgreen\x1b[0m", "5"], ["日本", "10"]])

    assert [width(line) for line in lines] == [width("NAME    N"), width("green   5"), width("NAME   10")]
    assert table(("A", "B>"), [["x", "1"]], headers=False) == ["x  1"]


def test_nested_fields_stand_below_their_name() -> None:
    assert fields({"a": 1, "longer": None, "in": {"b": True}, "many": [{"c": []}]}) == [
        "a       1",
        "longer  -",
        "in",
        "  b  yes",
        "many",
        "  1",
        "    c  -",
    ]


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(None, "-"), (0.04, "0.0s"), (9.94, "9.9s"), (10, "10s"), (61, "1m01s"), (3_600, "1h00m"), (200_000, "2d07h")],
)
def test_spans_are_told_in_their_two_largest_units(seconds: float | None, told: str) -> None:
    assert age(seconds) == told


def node(path: str, **changes: Any) -> dict[str, Any]:
    return {
        "path": path, "kind": "worker", "actor_class": "Probe", "placement": "thread", "state": "running",
        "status": None, "incarnation": 1, "depth": 0, "capacity": 10_000, "oldest_age_s": None, "refused": 0,
        "handled": 7, "current_message": None, "busy_s": None, "recent": [], "restarts": 0, "last_exit": None,
        "up_s": 65.0, "intensity": None, "children": [], "messages_per_s": None, **changes,
    }  # fmt: skip


INTENSITY = {"strategy": "one_for_one", "restarts_used": 1, "restarts_max": 5, "window_s": 60.0}


def test_the_tree_in_ascii_with_everything_that_can_be_wrong() -> None:
    children = [
        node("/a", state="given_up", restarts=3),
        node("/b", state="suspended", depth=2, oldest_age_s=12.0, status="warming"),
    ]
    totals = {"actors": 3, "states": {"given_up": 1, "running": 1, "suspended": 1}, "restarts": 3, "waiting": 2,
              "threads": 9, "abandoned_threads": 1}  # fmt: skip
    data = {
        "daemon": {"version": "1.2.3", "up_s": 65.0},
        "totals": totals,
        "root": node("/", kind="supervisor", intensity=INTENSITY, children=children),
    }

    header, *lines = tree.text(data, ASCII)

    assert header == (
        "viral-engine 1.2.3 | up 1m05s | 3 actors: 1 given up, 1 running, 1 suspended | 3 restarts"
        " | 2 messages waiting | 9 threads | 1 hang"
    )
    assert lines == [
        "",
        "/      * running  one_for_one 1/5 in 60s",
        "|-- a  x given up  3 restarts",
        "`-- b  = suspended  warming  2 waiting, oldest 12s",
    ]


def test_ps_leaves_out_what_was_not_measured_and_sorts_trouble_first() -> None:
    last = {"reason": "ValueError: \x1b no", "at_ms": 1_000}
    rows = [node("/a"), node("/b", depth=3, oldest_age_s=1.0), node("/c", state="stopped", up_s=None, last_exit=last)]

    assert [row["path"] for row in sorted(rows, key=ps.trouble_first)] == ["/c", "/b", "/a"]
    assert ps.cells(rows[2], PLAIN, now_s=11.0) == [
        "/c", "○ stopped", "0", "-", "-", "0", "10s ago: ValueError: \ufffd no", "-",
    ]  # fmt: skip


def test_inspect_names_a_state_that_could_not_be_had() -> None:
    data = node("/a", why="/a is running.", state_of_actor=None, state_error="/a gave no answer within 5 s")

    lines = inspect_actor.text(data, ASCII)

    assert lines[0] == "/a is running."
    assert lines[-2:] == ["its own state", "  /a gave no answer within 5 s"]


def test_a_sum_that_is_off_is_said_to_be() -> None:
    terms = [{"rule": "device_flagged", "version": 3, "weight": 2_000, "why": "two reports"}]

    assert decisions.arithmetic(terms, 2_000)[-1] == "  2000  score"
    assert decisions.arithmetic(terms, 2_500)[-1] == "  2500  score              the terms sum to 2000"


def test_scores_and_weights_are_spelled_as_the_policys_file_spells_them() -> None:
    terms = [
        {"rule": "watched", "version": 1, "weight": 12_000, "why": "is on the list"},
        {"rule": "watched_cap", "version": 1, "weight": -8_000, "why": "no more than 4000"},
    ]

    assert decisions.arithmetic(terms, 4_000)[1:] == [
        "  12000  watched v1      is on the list",
        "  -8000  watched_cap v1  no more than 4000",
        "   4000  score",
    ]


def test_facts_are_told_in_words_with_times_and_units() -> None:
    facts = {
        "action": "signup",
        "now_ms": 1_795_667_108_821,
        "band": "under_13",
        "blocks": [["device", "b-1"]],
        "windows": [["device", 4, 58_944], ["user_action", 0, 0]],
        "trust": {"email_verified": True},
        "signup": {"device_others": 2, "known": False},
        "flags": [["f-1", "user", "high", "a120", 1]],
        "velocity": {"device_users": 4},
        "referral": {"same_household": True, "referees": 3},
        "consents": [
            {"id": "c-1", "scope": "service", "guardian": "mum", "granted_ms": 1_795_667_108_821,
             "expires_ms": 1_795_667_109_000},
        ],
        "account_age_days": 30,
        "labels": ["on_watch", "new"],
        "schema": 1,
    }  # fmt: skip

    assert told_facts(facts) == [
        "  action       signup",
        "  decided at   2026-11-26T04:25:08.821Z",
        "  age band     under_13",
        "  blocks",
        "    1  device, id b-1",
        "  trust",
        "    email verified  yes",
        "  signup",
        "    device others  2",
        "    known          no",
        "  flags",
        "    1  user, high, source a120, age 1 day, id f-1",
        "  velocity",
        "    device users  4",
        "  referral",
        "    same household  yes",
        "    referees        3",
        "  consents",
        "    1  service, guardian mum, granted 2026-11-26T04:25:08.821Z, ends 2026-11-26T04:25:09.000Z, id c-1",
        "  account age  30 days",
        "  labels       on_watch, new",
        "  windows",
        "    device       4 taken  one more in 58.944 s",
        "    user_action  0 taken",
    ]


def test_facts_of_a_newer_daemon_are_shown_all_the_same() -> None:
    facts = {"brand_new": [["a", 1], {"waits_ms": 2_500}], "flags": [["f-1", "user", "high", "a120", 0, "more"]]}

    assert told_facts(facts) == [
        "  brand new",
        "    1  1 a, 2 1",
        "    2  waits 2.5 s",
        "  flags",
        "    1  user, high, source a120, age 0 days, 6 more, id f-1",
    ]
    assert told_facts({"schema": 1}) == []


def test_a_reason_of_a_newer_daemon_is_shown_all_the_same() -> None:
    assert decisions.reasons(["rate_limited", "brand_new"])[1] == "  brand_new     not known to this version"


def test_a_key_whose_end_is_past_is_told_to_have_expired() -> None:
    assert [keys.end(at) for at in ("2020-01-31T00:00:00Z", "2999-01-31T00:00:00Z", None)] == [
        "2020-01-31T00:00:00Z (expired)",
        "2999-01-31T00:00:00Z",
        "-",
    ]


@pytest.mark.parametrize(
    ("changed", "shown", "told"),
    [
        (12, 10, ["2 more: --examples 12"]),
        (12, 12, []),
        (0, 10, []),
        (1_200, 10, ["1,190 more: --examples 1000"]),
        (1_200, 1_000, ["200 more"]),
    ],
)
def test_changed_decisions_that_are_not_shown_are_counted(changed: int, shown: int, told: list[str]) -> None:
    assert policy.more(changed, shown) == told
