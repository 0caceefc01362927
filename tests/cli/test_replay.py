"""`viral-engine replay`, run as the program it is, against a peer that loses answers and restarts."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from replay_stand_in import StandIn, stand_in
from running_daemon import RunningDaemon

from viral_engine.store.embedded.server import EmbeddedServer

PROGRAM = Path(sys.executable).with_name("viral-engine")
START = datetime(2031, 5, 5, 10, tzinfo=UTC)
SOON = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(days=30)
"""For the real daemon, which lets an operator's key go a year ahead."""


@pytest.fixture
def peer() -> Iterator[StandIn]:
    with stand_in() as running:
        yield running


@dataclass
class Files:
    folder: Path
    peer: StandIn

    def write(self, name: str, documents: list[dict[str, Any]]) -> Path:
        path = self.folder / name
        path.write_text("".join(json.dumps(document) + "\n" for document in documents), encoding="utf-8")
        return path

    def day(self, users: list[str]) -> Path:
        return self.write(
            "day.jsonl",
            [
                {
                    "user_id": user,
                    "action_type": "login",
                    "occurred_at": (START + timedelta(seconds=number)).isoformat().replace("+00:00", "Z"),
                }
                for number, user in enumerate(users)
            ],
        )

    def replay(self, *arguments: object, key: str = "ve_key_secret") -> subprocess.CompletedProcess[str]:
        key_file = self.folder / "key"
        key_file.write_text(f"a word before {key}\n", encoding="utf-8")
        command = [PROGRAM, "replay", "--url", self.peer.url, "--key-file", key_file, "--batch", "4", *arguments]
        return subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=60, check=False)

    def data(self, *arguments: object) -> dict[str, Any]:
        ran = self.replay("--json", *arguments)
        assert ran.returncode == 0, ran.stderr
        document = json.loads(ran.stdout)
        assert document["schema"] == 1
        assert datetime.fromisoformat(document["at"]).tzinfo is not None
        assert ran.stderr == ""
        found: dict[str, Any] = document["data"]
        return found


@pytest.fixture
def files(tmp_path: Path, peer: StandIn) -> Files:
    return Files(tmp_path, peer)


def test_every_line_is_answered_once_and_in_order(files: Files) -> None:
    users = [f"u{number}" for number in range(11)]
    data = files.data(files.day(users))
    assert [item["user_id"] for item in files.peer.decided] == users
    assert (data["answered"], data["recorded"], data["lines"]) == (11, 11, 11)
    assert data["decisions"] == {"allow": 11}
    assert data["latency_ms"] == {"p50": 0.25, "p90": 0.25, "p99": 0.25, "max": 0.25}


def test_decisions_are_held_against_labels(files: Files) -> None:
    day = files.day(["bad1", "good1", "bad2", "bad3", "good2"])
    truth = [("farm", "either"), ("farm", "deny"), ("farm", "deny"), ("family", "not_deny"), ("school", "not_deny")]
    labels = files.write(
        "labels",
        [{"line": line, "label": label, "expected": told} for line, (label, told) in enumerate(truth, start=1)],
    )
    labelled = files.data(day, "--labels", labels)["labels"]
    assert labelled["table"] == {"family": {"deny": 1}, "farm": {"allow": 1, "deny": 2}, "school": {"allow": 1}}
    assert labelled["recall"]["farm"] == {
        "requests": 3,
        "caught": 2,
        "denied": 2,
        "caught_share": 0.6667,
        "knowable": 2,
        "knowable_caught": 1,
        "knowable_denied": 1,
    }
    assert labelled["false_denials"] == {"family": 1, "school": 0}
    assert labelled["missed"] == {"farm": 1}


def test_text_for_people_holds_the_same_numbers(files: Files) -> None:
    ran = files.replay(files.day(["bad", "good"]))
    assert ran.returncode == 0
    assert "answered   2 of 2" in ran.stdout
    assert "decisions  deny 1  allow 1" in ran.stdout
    assert "reasons    rate_limited 1" in ran.stdout


def test_a_lost_answer_is_asked_for_again_under_the_same_key(files: Files) -> None:
    files.peer.lose_answers = 2
    data = files.data(files.day([f"u{number}" for number in range(9)]))
    assert (data["answered"], data["retries"], data["recovered"]) == (9, 2, 0)
    assert len(files.peer.decided) == 9


def test_after_a_daemon_died_nothing_is_decided_twice_and_nothing_is_lost(files: Files) -> None:
    files.peer.data_dir = files.folder
    files.peer.write_daemon_file()
    (files.folder / "api-key").write_text("key: ve_key_secret\n", encoding="utf-8")
    files.peer.lose_answers = 1
    files.peer.forget = True
    day = files.day([f"u{number}" for number in range(9)])
    command = [PROGRAM, "replay", "--json", "--batch", "4", "--data-dir", files.folder, day]
    ran = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr
    data = json.loads(ran.stdout)["data"]
    assert (data["answered"], data["recovered"]) == (9, 4)
    assert [item["user_id"] for item in files.peer.decided] == [f"u{number}" for number in range(9)]


def test_from_elsewhere_answers_that_died_with_the_daemon_are_found_among_its_records(files: Files) -> None:
    files.peer.lose_answers = 1
    files.peer.forget = True
    data = files.data(files.day([f"u{number}" for number in range(9)]))
    assert (data["answered"], data["recovered"]) == (9, 3)
    assert [item["user_id"] for item in files.peer.decided] == [
        "u0",
        "u1",
        "u2",
        "u3",
        "u4",
        "u4",
        "u5",
        "u6",
        "u7",
        "u8",
    ]


def test_a_busy_daemon_is_asked_again(files: Files) -> None:
    files.peer.busy = 2
    data = files.data(files.day(["u1", "u2"]))
    assert (data["answered"], data["retries"]) == (2, 2)


def test_single_lines_that_could_not_be_recorded_are_sent_again(files: Files) -> None:
    files.peer.broken_lines = 2
    data = files.data(files.day([f"u{number}" for number in range(5)]))
    assert data["answered"] == 5
    assert [item["user_id"] for item in files.peer.decided] == [f"u{number}" for number in range(5)]


def test_a_day_sent_twice_leaves_two_clear_days_between_both(files: Files) -> None:
    day = files.day(["u1", "u2"])
    assert files.data(day)["shift_days"] == 0
    assert files.data(day)["shift_days"] == 3
    assert [item["occurred_at"][:10] for item in files.peer.decided] == ["2031-05-05"] * 2 + ["2031-05-08"] * 2


def test_a_day_without_a_world_says_so(files: Files) -> None:
    day = files.day(["u1"])
    assert "world      nothing told first" in files.replay(day).stdout
    files.write("day.world.jsonl", [{"method": "PUT", "path": "/v1/users/u1", "body": {"persona": "student"}}])
    assert "world      1 calls told first" in files.replay(day).stdout


def test_the_world_beside_the_file_is_told_first_and_the_day_begins_after_it(files: Files) -> None:
    past = {"user_id": "u1", "action_type": "login", "occurred_at": "2024-02-28T10:00:00Z"}
    day = files.write("day.jsonl", [past])
    files.write(
        "day.world.jsonl",
        [
            {"method": "PUT", "path": "/v1/users/u1", "body": {"persona": "student"}},
            {"method": "POST", "path": "/v1/users/u1/consents", "body": {"scope": "service"}},
            {"method": "DELETE", "path": "/v1/users/u1/consents/{consent_id}", "after_line": 2},
        ],
    )
    before = datetime.now(UTC)
    data = files.data(day, "--connections", "1")
    assert data["world_calls"] == 3
    assert files.peer.calls == [
        ("PUT", "/v1/users/u1", {"persona": "student"}),
        ("POST", "/v1/users/u1/consents", {"scope": "service"}),
        ("DELETE", "/v1/users/u1/consents/consent-2", None),
    ]
    moved = datetime.fromisoformat(files.peer.decided[0]["occurred_at"])
    assert before < moved < before + timedelta(days=2)
    assert (moved.hour, moved.minute) == (10, 0)


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ('{"user_id":"u","occurred_at":"2031-05-05T10:00:00Z"}\nnonsense\n', "line 2: is not a JSON object"),
        (
            '{"occurred_at":"2031-05-05T10:00:01Z"}\n{"occurred_at":"2031-05-05T10:00:00Z"}\n',
            "line 2: occurred_at goes backwards",
        ),
        ('{"occurred_at":"2031-05-05T10:00:00"}\n', "line 1: occurred_at is not a time"),
        ("", "is empty"),
    ],
)
def test_a_file_that_cannot_be_replayed_is_refused_before_anything_is_sent(files: Files, lines: str, told: str) -> None:
    day = files.folder / "day.jsonl"
    day.write_text(lines, encoding="utf-8")
    ran = files.replay(day)
    assert ran.returncode == 2
    assert told in ran.stderr
    assert ran.stdout == ""
    assert files.peer.batches == 0


def test_a_key_that_is_not_accepted_ends_the_replay_in_one_sentence(files: Files) -> None:
    ran = files.replay("--json", files.day(["u1"]), key="another")
    assert ran.returncode == 1
    assert ran.stdout == ""
    error = json.loads(ran.stderr)["error"]
    assert (error["code"], error["message"]) == ("refused", "the daemon answers 401 authentication_required: no key")


def test_without_a_daemon_the_exit_code_says_so(files: Files, tmp_path: Path) -> None:
    command = [str(PROGRAM), "replay", str(files.day(["u1"])), "--data-dir", str(tmp_path / "nothing")]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 3
    assert "no daemon is running" in ran.stderr


def busy_day(requests: int) -> list[dict[str, Any]]:
    """Old and new users in turn, so that some are in the daemon's memory and others have to be read first."""
    users = [number % 7 if number % 3 else 100 + number for number in range(requests)]
    return [
        {
            "user_id": f"replayed-{user}",
            "action_type": "profile_view",
            "occurred_at": (SOON + timedelta(seconds=7 * number)).isoformat().replace("+00:00", "Z"),
        }
        for number, user in enumerate(users)
    ]


def test_the_real_daemon_answers_and_records_every_line_also_the_second_time(
    tmp_path: Path, shared_daemon: RunningDaemon
) -> None:
    day = tmp_path / "day.jsonl"
    day.write_text("".join(json.dumps(line) + "\n" for line in busy_day(300)), encoding="utf-8")
    for _ in range(2):
        data = shared_daemon.cli_json("replay", str(day))
        assert data["failures"] == []
        assert (data["answered"], data["recorded"]) == (300, 300)
    page = shared_daemon.request("GET", "/v1/decisions?user_id=replayed-1&limit=200").json
    assert len(page["decisions"]) == 2 * sum(line["user_id"] == "replayed-1" for line in busy_day(300))


def test_a_daemon_killed_in_the_middle_loses_no_line_and_decides_none_twice(
    tmp_path: Path, start_daemon: Callable[..., RunningDaemon]
) -> None:
    daemon = start_daemon()
    day = tmp_path / "day.jsonl"
    lines = busy_day(1500)
    day.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    command = [PROGRAM, "replay", "--json", "--batch", "100", "--data-dir", daemon.data_dir, day]
    running = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not daemon.request("GET", f"/v1/decisions?user_id={lines[30]['user_id']}").json["decisions"]:
        assert running.poll() is None, running.communicate()
    daemon.kill()
    daemon.start()
    answer, errors = running.communicate(timeout=100)
    assert running.returncode == 0, errors
    data = json.loads(answer)["data"]
    assert (data["answered"], data["recorded"], data["failures"]) == (1500, 1500, [])
    assert data["retries"] > 0
    conninfo = EmbeddedServer(daemon.data_dir).conninfo
    with psycopg.connect(conninfo) as connection:
        counted = connection.execute("SELECT count(*), count(DISTINCT occurred_at) FROM decisions").fetchone()
    assert counted == (1500, 1500)
