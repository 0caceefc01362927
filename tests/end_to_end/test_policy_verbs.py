"""The policy as operators handle it: look, try on what was recorded, shadow, put in force, go back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from running_daemon import RunningDaemon

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


def test_a_threshold_is_changed_tried_shadowed_put_in_force_and_taken_back(
    start_daemon: Callable[..., RunningDaemon], tmp_path: Path
) -> None:
    daemon = start_daemon()
    for user in range(3):
        assert daemon.check(user, "general")["decision"] == "allow"
    file, bad = tmp_path / "strict.toml", tmp_path / "bad.toml"
    source = daemon.cli("policy", "show", "--toml").stdout
    for old, new in STRICT.items():
        assert old in source
        source = source.replace(old, new)
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
    assert daemon.cli_json("policy", "test", str(file))["moves"] == [{"before": "allow", "after": "deny", "count": 3}]

    bad.write_text(source.replace("deny = 1000", "deny = 10"))
    refused = daemon.cli("policy", "load", str(bad), "--reason", "a slip")
    assert (refused.returncode, refused.stderr.splitlines()[0]) == (
        2, "viral-engine: bad.toml, line 8: tiers.deny must be more than review, 300",
    )  # fmt: skip
    over_http = daemon.request("POST", "/v1/policies", {"source": bad.read_text(), "reason": "a slip"})
    assert (over_http.status, over_http.json["error"]) == (409, "bad_policy")
    assert "line 8: tiers.deny" in over_http.json["message"]
    assert daemon.check(9, "general")["policy"]["version"] == 5

    assert daemon.cli("policy", "shadow", str(file), "--reason", "on trial").returncode == 0
    assert daemon.check(10, "general")["decision"] == "allow"
    assert "1 would-be denials that were none" in daemon.cli("policy", "show", "shadow").stdout

    enforced = daemon.cli("policy", "enforce", "6", "--reason", "it is good")
    assert enforced.stdout == "version 6 decides from now on\nthe shadow of version 6 ended\n"
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
        ["6", "default", "key:" + daemon.key.split("_")[1]], ["5", "in", "force"], ["4", "default", "shipped"],
        ["3", "default", "shipped"], ["2", "default", "shipped"], ["1", "default", "shipped"],
    ]  # fmt: skip
    assert daemon.cli("policy", "rollback", "--reason", "once more").returncode == 4
    assert daemon.check(14, "general")["policy"]["version"] == 5
    assert daemon.cli("policy", "shadow", str(file), "--reason", "once more").returncode == 0
    ended, again = (daemon.cli("policy", "shadow", "--off", "--reason", "done").stdout for _ in range(2))
    assert (ended, again) == ("the shadow of version 7 ended; no policy is in shadow\n", "no policy was in shadow\n")
