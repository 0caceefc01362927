"""`viral-engine replay`, run as the program it is, against a peer that loses answers and restarts."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from replay_stand_in import StandIn, stand_in

PROGRAM = Path(sys.executable).with_name("viral-engine")
START = datetime(2031, 5, 5, 10, tzinfo=UTC)


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


def test_answers_that_died_with_the_daemon_are_found_among_its_records(files: Files) -> None:
    files.peer.lose_answers = 1
    files.peer.forget = True
    data = files.data(files.day([f"u{number}" for number in range(9)]))
    assert (data["answered"], data["recovered"]) == (9, 4)
    assert len(files.peer.decided) == 9


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
