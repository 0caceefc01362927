"""The text of an attempt on the real daemon: looked at, decided on, and nowhere afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from running_daemon import RunningDaemon

ADDRESS = "zq-maya@example.org"
WHISPER = "zqdonttell: do not tell anybody"


@pytest.fixture(scope="module")
def people(shared_daemon: RunningDaemon) -> RunningDaemon:
    for user, person in (
        ("zq-tutor", {"persona": "tutor", "adulthood_attested": True}),
        ("zq-child", {"persona": "student", "date_of_birth": "2016-05-05"}),
        ("zq-grown-up", {"persona": "student", "date_of_birth": "1990-05-05"}),
    ):
        assert shared_daemon.request("PUT", f"/v1/users/{user}", person).status in {200, 201}
    return shared_daemon


def decided(daemon: RunningDaemon, user: str, content: str, **more: Any) -> tuple[str, list[str]]:
    body = {"user_id": user, "action_type": "invite", "content": content, "device_id": f"d-{user}"}
    answer = daemon.request("POST", "/v1/actions/check", {**body, "ip_address": "198.51.100.7", **more}).json
    return answer["decision"], answer["reasons"]


def test_a_child_shows_nobody_their_address_and_a_grown_up_may(people: RunningDaemon) -> None:
    assert decided(people, "zq-child", f"write to {ADDRESS}") == ("deny", ["content_pii"])
    assert decided(people, "zq-grown-up", f"write to {ADDRESS}") == ("allow", [])


def test_what_a_tutor_writes_to_a_child_in_secret_goes_to_a_person(people: RunningDaemon) -> None:
    assert decided(people, "zq-tutor", "x = 3/4 + 12") == ("allow", [])
    assert decided(people, "zq-tutor", WHISPER) == ("review", ["off_platform_contact"])
    assert decided(people, "zq-tutor", WHISPER, subject_id="zq-grown-up")[1] == ["not_authorized_for_subject"]
    assert "zq-tutor" in str(people.request("GET", "/v1/reviews?limit=200").json)


def test_a_decision_explains_by_kinds_and_the_text_is_nowhere(start_daemon: Callable[..., RunningDaemon]) -> None:
    daemon = start_daemon()
    body = {"user_id": "child", "action_type": "invite", "content": f"{ADDRESS} {WHISPER}"}
    answer = daemon.request("POST", "/v1/actions/check", body).json
    record = daemon.request("GET", f"/v1/decisions/{answer['decision_id']}").json
    assert record["facts"]["content_kinds"] == ["email"]
    assert record["facts"]["content_signals"] == ["secrecy"]
    assert daemon.cli("kill", "/growth/content", "--yes", "--reason", "a test").returncode == 0
    told = daemon.cli("inspect", "/growth/content", "--state").stdout + daemon.cli("history").stdout + daemon.stderr()
    assert ADDRESS not in told
    kept = [path.name for path in files(daemon.data_dir) if ADDRESS.encode() in path.read_bytes()]
    assert kept == []


def files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())
