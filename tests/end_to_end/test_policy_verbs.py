"""The policy as operators handle it: look, try on what was recorded, shadow, put in force, go back."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

from running_daemon import ROOT, RunningDaemon

from viral_engine.domain.policy import DEFAULT_POLICY

SHIPPED = DEFAULT_POLICY.version

STRICT = {"allow_flagged = 2000": "allow_flagged = 100", "challenge = 4000": "challenge = 200",
          "review = 5500": "review = 300", "deny = 7000": "deny = 1000"}  # fmt: skip


def test_where_nothing_was_put_in_force_before_it_is_said_that_there_is_nothing_to_go_back_to(
    start_daemon: Callable[..., RunningDaemon],
) -> None:
    daemon = start_daemon()
    refused = daemon.cli("policy", "rollback", "--reason", "too strict")
    assert (refused.returncode, refused.stderr.splitlines()) == (
        4,
        [
            "viral-engine: nothing was put in force before the version that decides, so there is nothing to go back to",
            "  name a version by --to VERSION; `viral-engine policy list` shows them",
        ],
    )
    unknown = daemon.cli("policy", "rollback", "--to", "99", "--reason", "too strict")
    assert (unknown.returncode, unknown.stderr.splitlines()) == (
        4,
        [
            "viral-engine: policy version 99 does not exist",
            "  `viral-engine policy list` shows those that do",
        ],
    )


def strict_file(daemon: RunningDaemon) -> str:
    """The policy in force, with lower tiers."""
    source = daemon.cli("policy", "show", "--toml").stdout
    for old, new in STRICT.items():
        assert old in source
        source = source.replace(old, new)
    return source


def test_a_threshold_is_changed_tried_shadowed_put_in_force_and_taken_back(
    start_daemon: Callable[..., RunningDaemon], tmp_path: Path
) -> None:
    daemon = start_daemon()
    for user in range(3):
        assert daemon.check(user, "general")["decision"] == "allow"
    file, bad = tmp_path / "strict.toml", tmp_path / "bad.toml"
    source = strict_file(daemon)
    file.write_text(source)

    tried = daemon.cli("policy", "test", str(file), "--since", "1h")
    assert (tried.returncode, tried.stdout.splitlines()[0]) == (
        0, "3 decisions, 3 change (100.0%, 95 % in 43.8% to 100.0%)",
    )  # fmt: skip
    assert "fraud_detected" in tried.stdout
    assert " more: " not in tried.stdout
    one = daemon.cli("policy", "test", str(file), "--since", "1h", "--examples", "1")
    assert one.stdout.splitlines()[-1] == "2 more: --examples 3"
    # Both of one spelling, which is that of the policy's file.
    assert tried.stdout.count("1000 -> 1000\n") == len(tried.stdout.split("SCORE\n")[1].splitlines()) == 3
    assert tried.stdout.count("  tier deny from 1,000, was 7,000; +fraud_detected  1000 -> 1000\n") == 3
    asked = sorted(line.split()[1:3] for line in tried.stdout.splitlines()[-3:])
    assert asked == [["0", "general"], ["1", "general"], ["2", "general"]]
    told = daemon.cli_json("policy", "test", str(file))
    assert (told["causes"], told["changes"][0]["why"]) == (
        {"tier deny": 3}, ["tier deny from 1,000, was 7,000", "+fraud_detected"],
    )  # fmt: skip
    assert told["moves"] == [{"before": "allow", "after": "deny", "count": 3}]

    bad.write_text(source.replace("deny = 1000", "deny = 10"))
    refused = daemon.cli("policy", "load", str(bad), "--reason", "a slip")
    assert (refused.returncode, refused.stderr.splitlines()[0]) == (
        2, "viral-engine: bad.toml, line 8: tiers.deny is 10 and must be above tiers.review, 300",
    )  # fmt: skip
    over_http = daemon.request("POST", "/v1/policies", {"source": bad.read_text(), "reason": "a slip"})
    assert (over_http.status, over_http.json["error"]) == (409, "bad_policy")
    assert "line 8: tiers.deny" in over_http.json["message"]
    assert daemon.check(9, "general")["policy"]["version"] == SHIPPED

    assert daemon.cli("policy", "shadow", str(file), "--reason", "on trial").returncode == 0
    assert daemon.check(10, "general")["decision"] == "allow"
    assert "1 would-be denials that were none" in daemon.cli("policy", "show", "shadow").stdout

    enforced = daemon.cli("policy", "enforce", str(SHIPPED + 1), "--reason", "it is good")
    assert enforced.stdout.splitlines() == [
        f"version {SHIPPED + 1} decides from now on", f"the shadow of version {SHIPPED + 1} ended",
        f"otherwise than in version {SHIPPED}:",
        "  tiers.allow_flagged 2000 -> 100", "  tiers.challenge 4000 -> 200", "  tiers.review 5500 -> 300",
        "  tiers.deny 7000 -> 1000",
    ]  # fmt: skip
    assert daemon.check(11, "general")["decision"] == "deny"
    daemon.kill()
    daemon.start()
    assert daemon.check(12, "general")["decision"] == "deny"
    assert daemon.cli("policy", "rollback", "--reason", "it was not").returncode == 0
    assert daemon.check(13, "general")["decision"] == "allow"

    again = daemon.cli_json("reevaluate")
    assert (again["compared"], again["different"], again["left_out"]) == (8, [], 0)
    stands = [line.split()[:3] for line in daemon.cli("policy", "list").stdout.splitlines()[1:]]
    assert stands == [
        [str(SHIPPED + 1), "default", "key:" + daemon.key.split("_")[1]], [str(SHIPPED), "in", "force"],
        *([str(version), "default", "shipped"] for version in range(SHIPPED - 1, 0, -1)),
    ]  # fmt: skip
    assert daemon.cli("policy", "rollback", "--reason", "once more").returncode == 4
    assert daemon.check(14, "general")["policy"]["version"] == SHIPPED
    assert daemon.cli("policy", "shadow", str(file), "--reason", "once more").returncode == 0
    ended, again = (daemon.cli("policy", "shadow", "--off", "--reason", "done").stdout for _ in range(2))
    assert ended == f"the shadow of version {SHIPPED + 2} ended; no policy is in shadow\n"
    assert again == "no policy was in shadow\n"


def test_a_file_that_changes_nothing_or_much_is_told_as_such(
    start_daemon: Callable[..., RunningDaemon], tmp_path: Path
) -> None:
    daemon = start_daemon()
    empty, much = tmp_path / "empty.toml", tmp_path / "much.toml"
    empty.write_text("[tiers]\n")
    puts = "it would put the shipped policy in force"
    refused = daemon.cli("policy", "load", str(empty), "--reason", "cut off")
    assert (refused.returncode, refused.stderr.splitlines()[0]) == (
        2, f"viral-engine: empty.toml, says nothing: {puts}; `policy enforce {SHIPPED}` does that",
    )  # fmt: skip
    over_http = daemon.request("POST", "/v1/policies", {"source": "", "reason": "cut off"})
    assert (over_http.status, over_http.json["error"]) == (409, "bad_policy")

    much.write_text("".join(f"[actions.new_{number}]\n" for number in range(45)))
    loaded = daemon.cli("policy", "load", str(much), "--reason", "new ones").stdout.splitlines()
    assert (len(loaded), loaded[-1]) == (23, "  and 250 more")
    again = daemon.request("POST", "/v1/policies", {"source": much.read_text(), "reason": "once more"}).json
    assert (again["before"], again["changes"], again["change_count"]) == (SHIPPED + 1, [], 0)
    same = daemon.cli("policy", "enforce", str(SHIPPED + 2), "--reason", "the same").stdout.splitlines()
    assert same[1:] == [f"it has nothing otherwise than version {SHIPPED + 2}"]
    back = daemon.cli_json("policy", "enforce", str(SHIPPED), "--reason", "none of it")
    assert (len(back["changes"]), back["change_count"]) == (200, 270)
    assert back["changes"][0] == 'actions.new_0.class "operate" removed'


def test_the_commands_of_the_page_do_what_it_says_in_the_order_in_which_it_prints_them(
    start_daemon: Callable[..., RunningDaemon], tmp_path: Path
) -> None:
    daemon = start_daemon()
    daemon.check(1, "general")
    page = (ROOT / "docs" / "policy.md").read_text()
    said = []
    for line in page.split("## Changing it\n")[1].split("\n## ")[0].splitlines():
        if line.startswith("    viral-engine "):
            words = [str(tmp_path / word) if word == "mine.toml" else word for word in shlex.split(line)[1:]]
            command, to = (words[:-2], Path(words[-1])) if ">" in words else (words, None)
            done = daemon.cli(*command)
            assert done.returncode == 0, (line, done.stderr)
            said.append(done.stdout.splitlines()[0])
            if to is not None:
                to.write_text(done.stdout)
    assert said[-2:] == [f"version {SHIPPED + 1} decides from now on", f"version {SHIPPED} decides from now on"]
    assert f"the newest shipped version, {SHIPPED}: the first one, as here, is version {SHIPPED + 1}," in page
    assert f"`rollback` brings version {SHIPPED} back" in page
