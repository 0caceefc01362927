"""`rederive`: facts built again from what a daemon stored, compared, and decided on by another policy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from running_daemon import RunningDaemon


def test_the_facts_of_a_day_are_built_again_and_decided_on_by_a_file(
    start_daemon: Callable[..., RunningDaemon], tmp_path: Path
) -> None:
    daemon = start_daemon()
    for user in range(4):
        daemon.check(user, "general", ip_address="192.0.2.7")
    assert daemon.cli("blocks", "add", "user", "1", "--reason", "a test").returncode == 0
    assert daemon.check(1, "general")["reasons"] == ["user_blocked"]
    file = tmp_path / "strict.toml"
    source = daemon.cli("policy", "show", "--toml").stdout
    line = next(line for line in source.splitlines() if line.startswith("allow_flagged ="))
    file.write_text(source.replace(line, "allow_flagged = 1"))

    built = daemon.cli("rederive", "--since", "1h")
    assert (built.returncode, built.stdout.splitlines()[0]) == (
        0, "5 decisions, the facts of 5 built again as they were recorded",
    )  # fmt: skip
    assert "whose data a request is about is not kept" in built.stdout
    assert "5 decisions, 0 change" in built.stdout

    first = daemon.cli_json("rederive", "--limit", "4", "--policy", str(file))
    assert (first["built"], first["equal"], first["different"], first["ended_at_limit"]) == (4, 4, {}, True)
    assert {"part": "recipient", "why": "the request's recipient is not kept", "count": 4} in first["from_record"]
    assert {move["after"] for move in first["trial"]["moves"]} == {"allow_flagged"}

    assert daemon.request("GET", "/v1/history/decisions?since=2026-01-01T00:00:00Z&limit=1").json["next_after"]
    for query in ("", "?since=today", "?since=2026-01-01T00:00:00Z&after=1"):
        assert daemon.request("GET", f"/v1/history/decisions{query}").status == 422
    for query, status in (("source=keys", 422), ("source=blocks&before=1", 404), ("source=flags&before=x", 404)):
        assert daemon.request("GET", f"/v1/history/entries?since=2026-01-01T00:00:00Z&{query}").status == status
