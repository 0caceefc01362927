"""A check that ends whoever decides it: after three times it is refused, told of, and forgiven when it is mended."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from running_daemon import Answer, RunningDaemon, retry_until

SECRETS = {
    "user_id": "user-of-the-check", "subject_id": "subject-of-the-check", "device_id": "device-of-the-check",
    "ip_address": "192.0.2.147", "email": "kid-of-the-check@example.org", "phone": "+14155550147",
    "content": "meet Robin behind the gymnasium", "session_id": "poison-session",
}  # fmt: skip
BODY = {"action_type": "general", **SECRETS}
TELLING = {*SECRETS.values(), "kid-of-the-check", "Robin", "gymnasium", "behind the"}
SAFETY = "/growth/trust_safety"


def ask(daemon: RunningDaemon) -> Answer:
    return daemon.request("POST", "/v1/actions/check", BODY)


def crashes(daemon: RunningDaemon) -> list[dict[str, Any]]:
    return [entry for entry in daemon.cli_json("history", SAFETY) if entry["kind"] == "crash"]


def poisoned(start_daemon: Callable[..., RunningDaemon]) -> RunningDaemon:
    daemon = start_daemon(program=Path(__file__).with_name("broken_daemon.py"))
    before = retry_until(lambda: ask(daemon), lambda answer: answer.status != 503)
    assert (before.status, before.json["error"]) == (422, "dead_letter")
    return daemon


def test_a_check_that_ends_trust_safety_three_times_is_refused_listed_and_forgiven_and_nobody_is_told_of(
    start_daemon: Callable[..., RunningDaemon],
) -> None:
    daemon = poisoned(start_daemon)

    # The others are served, and so is the refusal, without one more crash.
    retry_until(
        lambda: daemon.request("POST", "/v1/actions/check", {"user_id": 2, "action_type": "general"}).status,
        lambda status: status == 200,
    )
    assert [ask(daemon).status for _ in range(3)] == [422] * 3
    assert len(crashes(daemon)) == 3

    listed = retry_until(lambda: daemon.cli_json("dead-letters", "list"), lambda data: data["letters"])
    [letter] = listed["letters"]
    assert (letter["path"], letter["error"], listed["source"], listed["waiting"]) == (SAFETY, "KeyError", "database", 0)
    assert listed["refused_now"] == {SAFETY: 1}
    assert "dead_letter" in [entry["kind"] for entry in daemon.cli_json("history", SAFETY)]

    assert told_of_somebody(daemon) == []

    forgiven = daemon.cli_json("dead-letters", "forgive", SAFETY, "--reason", "mended")
    assert (forgiven["done"], forgiven["letters"]) == ("forgiven", 1)
    retry_until(lambda: ask(daemon), lambda answer: answer.status == 503)
    retry_until(lambda: len(crashes(daemon)), lambda count: count == 4)


def told_of_somebody(daemon: RunningDaemon) -> list[tuple[str, str]]:
    """Whatever an operator could read, with what it should not say."""
    return [(where, secret) for where, text in readable(daemon) for secret in sorted(TELLING) if secret in text]


def readable(daemon: RunningDaemon) -> Iterator[tuple[str, str]]:
    for file in ("history.jsonl", "log.jsonl"):
        yield file, (daemon.data_dir / file).read_text()
    yield "stderr", daemon.stderr()
    for verb in (
        ("history", "--traceback", "--all"),
        ("inspect", SAFETY, "--state"),
        ("ps",),
        ("tree", "-o", "wide"),
        ("dead-letters", "list"),
        ("dead-letters", "list", "--json"),
        ("health",),
    ):
        done = daemon.cli(*verb)
        yield " ".join(verb), done.stdout + done.stderr


def test_a_trace_of_real_checks_shows_what_they_are_and_of_nobody(shared_daemon: RunningDaemon) -> None:
    harmless = {**BODY, "session_id": "some-session"}
    with shared_daemon.cli_started("trace", SAFETY, "-n", "1", "--match", "CheckAction", "--json") as tracing:
        while tracing.poll() is None:
            assert shared_daemon.request("POST", "/v1/actions/check", harmless).status == 200
        assert tracing.stdout is not None
        told = tracing.stdout.read()
    [message] = json.loads(told)["data"]["messages"]
    assert (message["message_type"], message["kind"]) == ("CheckAction", "call")
    assert "action_type='general'" in message["message"]
    assert [secret for secret in (*TELLING, "some-session") if secret in told] == []
