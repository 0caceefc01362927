"""The shipped day is what its program writes, and it is what its program says."""

import json
import subprocess
import sys
from collections import Counter, defaultdict
from datetime import datetime
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
NAMES = ("day.jsonl", "day.labels.jsonl", "day.world.jsonl")
CONSENT_ACTIONS = {"public_profile", "social_features", "share_personal_info", "data_export"}


def make(seed: int, folder: Path) -> Path:
    subprocess.run(
        [sys.executable, EXAMPLES / "make_day.py", "--seed", str(seed), "--out-dir", folder],
        check=True,
        capture_output=True,
        timeout=60,
    )
    return folder


@cache
def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The day of seed 2."""
    return make(2, tmp_path_factory.mktemp("other"))


def test_the_shipped_files_are_what_the_program_writes_for_seed_1(tmp_path: Path) -> None:
    make(1, tmp_path)
    for name in NAMES:
        assert (tmp_path / name).read_bytes() == (EXAMPLES / name).read_bytes(), name


def test_the_shipped_files_stay_small() -> None:
    assert sum((EXAMPLES / name).stat().st_size for name in NAMES) < 3_000_000


def test_a_day_has_ten_thousand_requests_in_order_within_one_day_of_utc(other: Path) -> None:
    for folder in (EXAMPLES, other):
        day = read(folder / "day.jsonl")
        times = [datetime.fromisoformat(request["occurred_at"]) for request in day]
        assert len(day) == 10_000
        assert all(before < after for before, after in pairwise(times))
        assert {request["occurred_at"][:10] for request in day} == {"2026-11-16"}
        assert {request["occurred_at"][-1] for request in day} == {"Z"}


def test_the_evening_in_new_york_is_the_busiest_time() -> None:
    hours = Counter((int(request["occurred_at"][11:13]) - 5) % 24 for request in read(EXAMPLES / "day.jsonl"))
    assert sum(hours[hour] for hour in range(16, 22)) > sum(hours[hour] for hour in range(6, 16))
    assert max(hours[hour] for hour in (0, 1, 2, 4, 5)) < 200


def test_every_line_has_one_label_and_no_request_carries_it() -> None:
    labels = read(EXAMPLES / "day.labels.jsonl")
    assert [label["line"] for label in labels] == list(range(1, 10_001))
    assert {label["expected"] for label in labels} == {"deny", "not_deny", "either"}
    fields = {field for request in read(EXAMPLES / "day.jsonl") for field in request}
    assert fields <= {"user_id", "action_type", "device_id", "ip_address", "email", "subject_id", "occurred_at"}


def test_every_group_is_there_in_numbers() -> None:
    found = Counter(label["label"] for label in read(EXAMPLES / "day.labels.jsonl"))
    few = {"not_own_child": 10, "minor_consent_withdrawn": 30, "family_unproven": 30, "age_unknown": 50}
    many = ("ordinary", "family", "school", "carrier", "tutor", "farm", "burst", "stuffing", "minor_with_consent")
    for label in (*few, *many):
        assert found[label] >= few.get(label, 150), label


def test_days_of_different_seeds_share_no_user_device_or_address(other: Path) -> None:
    for field in ("user_id", "device_id", "ip_address"):
        first, second = (
            {request[field] for request in read(folder / "day.jsonl") if field in request}
            for folder in (EXAMPLES, other)
        )
        assert first.isdisjoint(second), field


def test_families_and_pupils_do_nothing_that_their_guardians_did_not_agree_to() -> None:
    adults = {
        call["path"].rpartition("/")[2]
        for call in read(EXAMPLES / "day.world.jsonl")
        if call.get("body", {}).get("age_band") == "18_plus"
    }
    for request, label in zip(read(EXAMPLES / "day.jsonl"), read(EXAMPLES / "day.labels.jsonl"), strict=True):
        if label["label"] in {"family", "school"} and request["action_type"] in CONSENT_ACTIONS:
            assert request["user_id"] in adults


def test_nobody_else_uses_the_devices_and_addresses_of_a_farm() -> None:
    users: dict[str, set[str]] = defaultdict(set)
    for request, label in zip(read(EXAMPLES / "day.jsonl"), read(EXAMPLES / "day.labels.jsonl"), strict=True):
        for field in ("device_id", "ip_address"):
            users[request.get(field, "none")].add(label["label"])
    del users["none"]
    shared_with_farms = [labels for labels in users.values() if "farm" in labels and labels != {"farm"}]
    assert shared_with_farms == []


def test_a_consent_that_is_withdrawn_was_given_on_an_earlier_line() -> None:
    world = read(EXAMPLES / "day.world.jsonl")
    withdrawals = [(number, call) for number, call in enumerate(world, start=1) if "after_line" in call]
    assert len(withdrawals) == 20
    for number, call in withdrawals:
        given = world[call["after_line"] - 1]
        assert call["after_line"] < number
        assert call["path"].startswith(given["path"])
