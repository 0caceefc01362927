"""The blocklist as operators use it: whom an entry would hit, and what adding again did."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from running_daemon import RunningDaemon


def put(daemon: RunningDaemon, user: str, **fields: Any) -> None:
    body = {"persona": "student", "jurisdiction": "us", "date_of_birth": "2015-05-05", **fields}
    assert daemon.request("PUT", f"/v1/users/{user}", body).status in (200, 201)


def test_a_dry_run_says_whom_a_block_would_hit_and_blocks_nobody(shared_daemon: RunningDaemon) -> None:
    daemon = shared_daemon
    put(daemon, "kid-b1", school_id="s-b1", guardian_ids=["mum-b1"], email="kid@b1.example.org")
    consent = {
        "scope": "service", "method": "signed_form", "guardian_id": "mum-b1", "policy_version": 1,
        "evidence": {"document_ref": "f-1", "signed_on": "2026-10-01"},
    }  # fmt: skip
    assert daemon.request("POST", "/v1/users/kid-b1/consents", consent).status == 201
    for user in ("kid-b1", "mum-b1"):
        daemon.check(user, "general", device_id="d-b1", ip_address="198.51.100.77")

    said = daemon.cli("blocks", "add", "device", "d-b1", "--reason", "stolen", "--dry-run")
    first, basis, blank, *rows = said.stdout.splitlines()
    assert (said.returncode, blank) == (0, "")
    assert first == "device d-b1 would hit 2 users, 1 verified household, 1 school; nothing is blocked"
    assert basis.startswith("found in ")
    assert [row.split() for row in rows] == [
        ["HIT", "ID"], ["user", "kid-b1"], ["user", "mum-b1"], ["household", "of", "mum-b1"], ["school", "s-b1"],
    ]  # fmt: skip
    named = (
        ("ip", "198.51.100.77"),
        ("network", "198.51.100.64/28"),
        ("email_domain", "B1.example.org"),
        ("user", "known-to-nobody"),
    )
    for kind, value in named:
        found = daemon.request("POST", "/v1/blocks/would-hit", {"kind": kind, "value": value}).json
        assert found["user_count"] == {"email_domain": 1, "user": 0}.get(kind, 2), found
    nobody = daemon.cli("blocks", "add", "user", "nobody-b1", "--reason", "x", "--dry-run").stdout.splitlines()
    assert nobody[0] == "user nobody-b1 would hit 0 users, 0 verified households, 0 schools; nothing is blocked"

    assert daemon.request("GET", "/v1/blocks?value=d-b1").json["blocks"] == []
    assert daemon.check("kid-b1", "general", device_id="d-b1")["decision"] == "allow"


def test_a_dry_run_of_what_cannot_be_blocked_is_refused(shared_daemon: RunningDaemon) -> None:
    refused = shared_daemon.cli("blocks", "add", "ip", "300.1.1.1", "--reason", "x", "--dry-run")
    assert (refused.returncode, "value must be" in refused.stderr) == (2, True)
    key = shared_daemon.cli_json("keys", "create", "only-checks", "--scope", "check")["key"]
    body = {"kind": "device", "value": "d-b1"}
    answer = shared_daemon.request("POST", "/v1/blocks/would-hit", body, key=key)
    assert (answer.status, answer.json["error"]) == (403, "insufficient_scope")


@pytest.mark.parametrize(("verb", "named"), [("blocks", ()), ("allows", ()), ("labels", ("on_watch",))])
def test_adding_again_says_whether_it_made_the_entry_longer(
    shared_daemon: RunningDaemon, verb: str, named: tuple[str, ...]
) -> None:
    def add(until: str, reason: str) -> str:
        said = shared_daemon.cli(verb, "add", "device", "d-b2", *named, "--reason", reason, "--expires-at", until)
        assert said.returncode == 0, said.stderr
        return said.stdout.partition("  ")[2]

    first, later, earlier = ((datetime.now(UTC) + timedelta(days=days)).replace(microsecond=0) for days in (9, 10, 1))
    soon, end = (moment.isoformat().replace("+00:00", "Z") for moment in (first, later))
    is_labelled = " is labelled on_watch" if named else ""
    assert add(first.isoformat(), "one") == f"device d-b2{is_labelled or ' is on the list'}, until {soon}\n"
    assert (
        add(later.isoformat(), "two") == f"device d-b2{is_labelled or ' stays on the list'} longer now, until {end}\n"
    )
    assert (
        add(earlier.isoformat(), "three")
        == f"device d-b2{is_labelled or ' stands'} already, until {end}, reason: two\n"
    )
