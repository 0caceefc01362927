"""A further guardian is confirmed by the verb, and consents from then on."""

from __future__ import annotations

from running_daemon import RunningDaemon

FORM = {"document_ref": "form-1", "signed_on": "2026-10-01"}


def test_a_further_guardian_consents_once_another_one_confirmed_them(shared_daemon: RunningDaemon) -> None:
    daemon = shared_daemon
    born = {"persona": "student", "date_of_birth": "2015-05-05"}
    for guardians in (["mum-g"], ["mum-g", "dad-g"]):
        assert daemon.request("PUT", "/v1/users/kid-g", {**born, "guardian_ids": guardians}).status in (200, 201)
    consent = {
        "scope": "service", "method": "signed_form", "guardian_id": "dad-g", "policy_version": 1, "evidence": FORM,
    }  # fmt: skip
    refused = daemon.request("POST", "/v1/users/kid-g/consents", consent)
    assert (refused.status, refused.json["field"]) == (409, "guardian_id")
    stranger = daemon.cli("users", "confirm-guardian", "kid-g", "dad-g", "--by", "a-stranger")
    assert (stranger.returncode, "may not confirm" in stranger.stderr) == (2, True)
    assert daemon.cli("users", "confirm-guardian", "kid-g", "dad-g", "--by", "mum-g").returncode == 0
    assert daemon.request("POST", "/v1/users/kid-g/consents", consent).status == 201
