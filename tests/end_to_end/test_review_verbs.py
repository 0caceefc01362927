"""Reports, appeals and verdicts as people make them: over HTTP, by the verbs, with keys that may and may not."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from mail_server import MailServer
from running_daemon import RunningDaemon, retry_until

from viral_engine.cli.main import run
from viral_engine.domain.reasons import REASONS, Reason


def key(daemon: RunningDaemon, *scopes: str) -> str:
    arguments = [part for scope in scopes for part in ("--scope", scope)]
    return str(daemon.cli_json("keys", "create", "-".join(scopes), *arguments)["key"])


def with_key(daemon: RunningDaemon, folder: Path, *scopes: str) -> RunningDaemon:
    """The same daemon for somebody whose key has these scopes alone."""
    shutil.copy(daemon.data_dir / "daemon.json", folder)
    (folder / "api-key").write_text(key(daemon, *scopes))
    return replace(daemon, data_dir=folder)


def test_a_block_is_appealed_and_overturned_and_the_user_is_let_in(shared_daemon: RunningDaemon) -> None:
    daemon = shared_daemon
    assert daemon.cli("blocks", "add", "user", "appealing", "--reason", "by mistake").returncode == 0
    refused = daemon.check("appealing", "general")
    assert refused["decision"] == "deny"
    appeal = daemon.cli_json("appeals", "add", refused["decision_id"], "--content", "that was not me")
    listed = daemon.cli("reviews", "list", "--kind", "appeal").stdout
    assert (appeal["case_id"] in listed, "user appealing" in listed) == (True, True)
    shown = daemon.cli("reviews", "show", appeal["case_id"]).stdout
    assert "that was not me" in shown
    meaning = REASONS[Reason.USER_BLOCKED].meaning
    assert shown.endswith(
        f"\n\nit was decided: deny\n  user_blocked  {meaning}\n  all of it: viral-engine why {refused['decision_id']}\n"
    )
    assert "all of it" not in daemon.cli("reviews", "show", appeal["case_id"], "--json").stdout
    assert daemon.cli("reviews", "claim", appeal["case_id"]).returncode == 0
    closed = daemon.cli("reviews", "overturn", appeal["case_id"], "--note", "another person")
    assert (closed.returncode, "is lifted" in closed.stdout) == (0, True)
    assert daemon.check("appealing", "general")["decision"] == "allow"
    again = daemon.cli("reviews", "uphold", appeal["case_id"], "--note", "or not")
    assert f"case {appeal['case_id']} is closed: overturn\n" in again.stderr


def test_a_refused_verdict_tells_whether_the_case_is_closed_or_somebody_else_is_at_it(
    shared_daemon: RunningDaemon,
) -> None:
    daemon = shared_daemon
    ada, bob = key(daemon, "review"), key(daemon, "review")
    report = {"reporter_id": "ann", "kind": "user", "value": "claimed", "category": "spam"}
    case_id = daemon.request("POST", "/v1/reports", report).json["report_id"]
    path, verdict = f"/v1/reviews/{case_id}", {"outcome": "uphold", "note": "true"}
    claimed = daemon.request("POST", f"{path}/claim", key=ada).json["claimed_by"]
    for refused in (
        daemon.request("POST", f"{path}/claim", key=bob), daemon.request("POST", f"{path}/close", verdict, key=bob),
    ):  # fmt: skip
        assert (refused.status, refused.json["error"]) == (409, "conflict")
        assert refused.json["message"] == f"somebody else is at case {case_id}: {claimed}"
    assert daemon.request("POST", f"{path}/close", verdict, key=ada).status == 200
    for name in (ada, bob):
        refused = daemon.request("POST", f"{path}/close", verdict, key=name)
        assert (refused.status, refused.json["message"]) == (409, f"case {case_id} is closed: uphold")


def test_who_may_not_read_decisions_is_told_how_to_learn_what_was_decided(
    shared_daemon: RunningDaemon, tmp_path: Path
) -> None:
    daemon = shared_daemon
    report = ("reports", "add", "user", "tutor-8", "--reporter", "parent-8", "--severity", "critical")
    assert daemon.cli(*report, "--category", "child_safety").returncode == 0
    decision_id = daemon.check("tutor-8", "general")["decision_id"]
    appeal = daemon.cli_json("appeals", "add", decision_id, "--content", "not me")
    told = with_key(daemon, tmp_path, "child_safety").cli("reviews", "show", appeal["case_id"])
    assert told.stdout.endswith(
        f"\n\nwhat was decided, for a key that may read decisions: viral-engine why {decision_id}\n"
    )


def test_a_report_that_blocks_says_until_when_at_the_latest(shared_daemon: RunningDaemon) -> None:
    daemon = shared_daemon
    rest = ("--reporter", "ann", "--category", "abuse", "--severity", "critical")
    told = daemon.cli("reports", "add", "user", "loud", *rest).stdout
    [block] = daemon.request("GET", "/v1/blocks?kind=user&value=loud").json["blocks"]
    words = "user loud is blocked until somebody has looked, at the latest until"
    assert told.endswith(f", {words} {block['expires_at']}\n")
    assert daemon.cli("blocks", "add", "user", "gone", "--reason", "stolen").returncode == 0
    told = daemon.cli("reports", "add", "user", "gone", *rest).stdout
    assert told.endswith(", user gone is blocked without an end, as before\n")


def test_an_overturn_says_which_blocks_stay(shared_daemon: RunningDaemon, tmp_path: Path) -> None:
    daemon = shared_daemon
    report = ("reports", "add", "user", "tutor-7", "--reporter", "parent-7", "--severity", "critical", "--category")
    assert daemon.cli(*report, "abuse").returncode == 0
    decision_id = daemon.check("tutor-7", "general")["decision_id"]
    appeal = daemon.cli_json("appeals", "add", decision_id, "--content", "not me")["case_id"]
    assert daemon.cli(*report, "child_safety").returncode == 0
    [block] = daemon.request("GET", "/v1/blocks?kind=user&value=tutor-7").json["blocks"]
    told = with_key(daemon, tmp_path, "review").cli("reviews", "overturn", appeal, "--note", "another person")
    assert told.stdout == (
        f"case {appeal} is closed: overturn\n  block {block['block_id']} stays: it is not yours to lift\n"
    )
    assert daemon.check("tutor-7", "general")["decision"] == "deny"


def test_the_help_says_where_what_was_reported_and_appealed_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    for verb, kind in (("reports", "report"), ("appeals", "appeal")):
        assert run([verb, "--help"]) == 0
        assert f"reviews list --kind {kind}" in " ".join(capsys.readouterr().out.split())


def test_who_lists_cases_is_told_of_the_queue_that_is_not_listed(shared_daemon: RunningDaemon) -> None:
    hint = "cases of child safety have a queue of their own: --queue child_safety\n"
    assert hint in shared_daemon.cli("reviews", "list").stderr
    for more in (("--json",), ("--queue", "review"), ("--queue", "child_safety")):
        assert hint not in shared_daemon.cli("reviews", "list", *more).stderr


def test_a_report_of_child_safety_is_said_to_be_in_the_queue_of_its_own_and_on_its_way_to_who_is_on_duty(
    shared_daemon: RunningDaemon,
) -> None:
    report = ("reports", "add", "user", "tutor-10", "--reporter", "parent-9", "--category")
    first, again = (shared_daemon.cli(*report, "child_safety").stdout for _ in range(2))
    report_id = first.split()[1]
    assert first == (
        f"report {report_id} is taken\n"
        "  it went into the queue child_safety; whoever is on duty is told at once, if a mail server is set up: see"
        " `viral-engine health`\n"
    )
    assert again == f"report {report_id} was taken before\n  it went into the queue child_safety\n"
    assert len(shared_daemon.cli(*report, "spam").stdout.splitlines()) == 1


def test_a_report_of_child_safety_pages_and_only_who_may_reads_it_and_that_is_logged(
    start_daemon: Callable[..., RunningDaemon],
) -> None:
    daemon = start_daemon()
    words = "asked the child to meet at the gymnasium"
    taken = daemon.cli_json(
        "reports", "add", "user", "tutor-9", "--reporter", "parent-1", "--category", "child_safety", "--content", words
    )  # fmt: skip
    told = [json.loads(line) for line in (daemon.data_dir / "log.jsonl").read_text().splitlines()]
    assert [line["level"] for line in told if line["event"] == "child_safety_report"] == ["critical"]
    assert words not in (daemon.data_dir / "log.jsonl").read_text()

    path = f"/v1/reviews/{taken['report_id']}"
    reviewer, guardian = key(daemon, "review"), key(daemon, "child_safety")
    assert daemon.request("GET", path, key=reviewer).status == 404
    assert daemon.request("GET", "/v1/reviews?queue=child_safety", key=reviewer).status == 403
    assert daemon.request("POST", f"{path}/close", {"outcome": "overturn", "note": "x"}, key=reviewer).status == 404
    listed = daemon.request("GET", "/v1/reviews?queue=child_safety", key=guardian)
    assert [(one["case_id"], one["content"]) for one in listed.json["cases"]] == [(taken["report_id"], None)]
    read = daemon.request("GET", path, key=guardian)
    assert (read.status, read.json["content"], read.json["held_until"] is not None) == (200, words, True)


def test_bad_reports_are_refused_with_the_field_and_nothing_is_kept(shared_daemon: RunningDaemon) -> None:
    good = {"reporter_id": 1, "kind": "user", "value": "whoever", "category": "spam"}
    for field, value in (
        ("category", "gossip"), ("severity", "deadly"), ("kind", "email_domain"), ("value", ""), ("reporter_id", "\0"),
        ("content", "x" * 4_001), ("content", ""), ("surprise", 1),
    ):  # fmt: skip
        answer = shared_daemon.request("POST", "/v1/reports", {**good, field: value})
        assert (answer.status, answer.json["field"]) == (422, field), answer.body
    ip = shared_daemon.request("POST", "/v1/reports", {**good, "kind": "ip", "value": "300.1.1.1"})
    assert (ip.status, ip.json["field"]) == (422, "value")
    for body in ({"decision_id": "x", "content": "y"}, {"decision_id": "x"}):
        assert shared_daemon.request("POST", "/v1/appeals", body).status == 422


def test_a_report_of_child_safety_is_mailed_at_once_while_everybody_is_told_of_a_mail_server_that_is_away(
    start_daemon: Callable[..., RunningDaemon],
) -> None:
    with MailServer() as mail:
        daemon = start_daemon(
            VIRAL_ENGINE_PAGER__HOST="127.0.0.1", VIRAL_ENGINE_PAGER__PORT=str(mail.port),
            VIRAL_ENGINE_PAGER__SECURITY="none", VIRAL_ENGINE_PAGER__SENDER="pager@example.org",
            VIRAL_ENGINE_PAGER__RECIPIENTS="ada@example.org,bob@example.org", VIRAL_ENGINE_JOBS__PAGES_S="1",
        )  # fmt: skip
        assert daemon.cli_json("health")["readiness"]["remarks"] == []
        first = report_of_child_safety(daemon, "parent-1")
        [page] = mail.wait_for(1)
        assert page["subject"] == f"Child safety: case {first} is new"
        mail.stop()
        second = report_of_child_safety(daemon, "parent-2")
        [remark] = retry_until(lambda: daemon.cli_json("health")["readiness"]["remarks"], lambda told: len(told) == 1)
        assert "takes no page: Connection refused" in remark
        ready = daemon.request("GET", "/readyz", key=None)
        assert (ready.status, ready.json["remarks"]) == (200, ["pager needs somebody to look at it"])
        figures = daemon.request("GET", "/metrics").body.decode()
        for figure in ('condition{part="pager",ready="yes"} 1.0', "child_safety_waiting 2.0", 'accepted"} 1.0'):
            assert figure in figures
        # Killed all at once, it knows what waits from the database alone.
        daemon.kill()
        mail.start()
        daemon.start()
        assert mail.wait_for(2)[1]["subject"] == f"Child safety: case {second} is new"


def test_without_a_mail_server_it_is_said_that_nobody_is_paged_and_all_is_well_otherwise(
    shared_daemon: RunningDaemon,
) -> None:
    done = shared_daemon.cli("health")
    assert (done.returncode, "look at pager: nobody is paged for child safety" in done.stdout) == (0, True)
    told = [json.loads(line) for line in (shared_daemon.data_dir / "log.jsonl").read_text().splitlines()]
    assert next(line["level"] for line in told if line.get("part") == "pager") == "warning"


def report_of_child_safety(daemon: RunningDaemon, reporter: str) -> str:
    """The case's id."""
    taken = daemon.cli_json(
        "reports", "add", "user", "tutor-9", "--reporter", reporter, "--category", "child_safety", "--content", "x"
    )  # fmt: skip
    return str(taken["report_id"])
