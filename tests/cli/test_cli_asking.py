"""The verbs that go over HTTP, run as processes against a real daemon."""

import json
import re
from pathlib import Path

import pytest
from operated_tree import COMMAND, Ran, run_unread, viral_engine
from running_daemon import RunningDaemon

from viral_engine.domain.consent import EVIDENCE, DataClass, Purpose, RecipientClass

FORM = '{"document_ref": "f-1", "signed_on": "2026-10-01"}'


@pytest.fixture
def daemon(shared_daemon: RunningDaemon) -> RunningDaemon:
    """The daemon of the session; the tests here use users of their own."""
    return shared_daemon


def run(daemon: RunningDaemon, *arguments: str) -> Ran:
    return viral_engine(*arguments, "--data-dir", daemon.data_dir)


def test_a_check_exits_one_when_the_answer_is_deny(daemon: RunningDaemon) -> None:
    added = run(daemon, "blocks", "add", "user", "cli-1", "--reason", "a trial", "--for", "2h", "--json")
    denied = run(daemon, "check", "cli-1", "share", "--device", "cli-d", "--json")
    lifted = run(daemon, "blocks", "remove", added.data["block_id"], "--reason", "it was one")
    again = run(daemon, "blocks", "remove", added.data["block_id"], "--json")
    allowed = run(daemon, "check", "cli-1", "share", "--device", "cli-d", "--ip", "192.0.2.7")

    assert (denied.code, denied.data["decision"]) == (1, "deny")
    assert (lifted.code, again.code, again.error["code"]) == (0, 4, "not_found")
    assert allowed.code == 0
    assert allowed.out.startswith("allow  ")


def test_why_explains_a_decision_with_words_and_a_sum(daemon: RunningDaemon) -> None:
    run(daemon, "blocks", "add", "user", "cli-2", "--reason", "a trial")
    answer = run(daemon, "check", "cli-2", "share", "--json").data

    told = run(daemon, "why", answer["decision_id"])
    record = run(daemon, "why", answer["decision_id"], "--json").data

    assert told.code == 0
    assert told.out.startswith(f"deny  {answer['decision_id']}\n  user_blocked  A live block names this user.\n")
    terms = [line.split()[0] for line in told.out.split("\n\n")[1].splitlines()]
    *weights, score = map(int, terms)
    assert sum(weights) == score == answer["score"]
    assert "  action      share\n  decided at  20" in told.out
    assert "schema" not in told.out
    assert record["decision_id"] == answer["decision_id"]
    assert record["facts"]["action"] == "share"


def test_recorded_decisions_are_found_by_user_and_by_reason(daemon: RunningDaemon) -> None:
    refused = daemon.check("somebody-to-find", "share_personal_info")["decision_id"]
    daemon.check("somebody-to-find", "login")
    listed = daemon.cli("decisions", "--user", "somebody-to-find")
    assert [line.split()[3] for line in listed.stdout.splitlines()[1:]] == ["login", "share_personal_info"]
    found = daemon.cli_json("decisions", "--reason", "age_unknown", "--since", "1h")
    assert refused in [one["decision_id"] for one in found["decisions"]]
    assert daemon.cli("decisions", "--reason", "no_such_reason").returncode == 2


def test_a_block_that_stands_already_is_shown_as_it_stands(daemon: RunningDaemon) -> None:
    endless = [
        run(daemon, "blocks", "add", "device", "cli-d3", "--reason", reason, *span).out
        for reason, span in (("stolen", ()), ("other", ("--for", "2h")))
    ]
    brief = [
        run(
            daemon,
            "allows",
            "add",
            "device",
            "cli-d4",
            "--reason",
            "ours",
            "--expires-at",
            f"2099-0{month}-01T00:00:00Z",
        )
        for month in (2, 1)
    ]
    assert endless[0].endswith("device cli-d3 is on the list, without end\n")
    assert endless[1].endswith("device cli-d3 stands already, without end, reason: stolen\n")
    assert brief[1].out.endswith("device cli-d4 stands already, until 2099-02-01T00:00:00Z, reason: ours\n")


def test_what_the_daemon_refuses_is_told_in_its_own_words(daemon: RunningDaemon) -> None:
    bad_action = run(daemon, "check", "1", "BAD", "--json")
    bad_context = run(daemon, "check", "1", "share", "--context", "[]", "--json")
    unknown = run(daemon, "why", "01890000-0000-7000-8000-000000000000", "--json")

    assert (bad_action.code, "action_type" in bad_action.error["message"]) == (2, True)
    assert (bad_context.code, bad_context.error["code"]) == (2, "wrong_use")
    assert (unknown.code, unknown.error["code"]) == (4, "not_found")


def test_users_are_set_shown_and_imported_line_by_line(daemon: RunningDaemon, tmp_path: Path) -> None:
    file = tmp_path / "users.jsonl"
    file.write_text(
        json.dumps({"user_id": "cli/3", "persona": "parent"})
        + '\nnonsense\n{"persona": "tutor"}\n\n'
        + json.dumps({"user_id": "cli-4", "persona": "dragon"})
        + '\n{"user_id": "caf\udce9"}',
        errors="surrogateescape",
    )

    imported = run(daemon, "users", "import", str(file), "--json")
    run(daemon, "users", "set", "cli-3", "--persona", "student", "--age-band", "13_17", "--stated-on", "2026-01-01",
        "--guardian", "cli/3", "--tutor", "cli-t", "--tutor", "cli-u")  # fmt: skip
    signalled = run(daemon, "users", "signal", "cli-3", "email_verified")
    shown = run(daemon, "users", "show", "cli-3", "--json").data
    referred = [run(daemon, "users", "signal", "cli-3", "referrer_id", who).out for who in ("ann", "eve")]

    assert referred == [
        "referrer_id = ann is recorded for cli-3\n",
        "referrer_id of cli-3 stays ann: the first report counts\n",
    ]
    assert signalled.out == "email_verified = true is recorded for cli-3\n"
    assert (imported.code, imported.data["imported"]) == (1, 1)
    assert [failure["line"] for failure in imported.data["failures"]] == [2, 3, 5, 6]
    assert run(daemon, "users", "show", "cli/3", "--json").data["persona"] == "parent"
    assert (shown["age_band"], shown["guardian_ids"]) == ("13_17", ["cli/3"])
    assert shown["tutor_ids"] == ["cli-t", "cli-u"]
    assert shown["signals"] != {}


def test_of_a_user_nobody_put_what_is_known_is_shown(daemon: RunningDaemon) -> None:
    unheard = run(daemon, "users", "show", "cli-60", "--json")
    run(daemon, "users", "signal", "cli-60", "email_verified")
    shown = run(daemon, "users", "show", "cli-60")
    assert (unheard.code, unheard.error["code"]) == (4, "not_found")
    assert shown.code == 0
    assert "email_verified  yes" in shown.out


def test_consents_are_listed_after_they_are_withdrawn(daemon: RunningDaemon) -> None:
    run(daemon, "users", "set", "cli-5", "--persona", "student", "--age-band", "under_13", "--stated-on", "2026-01-01")
    added = run(daemon, "consents", "add", "cli-5", "--scope", "service", "--method", "signed_form", "--guardian",
                "cli-6", "--policy-version", "1", "--evidence", FORM, "--json")  # fmt: skip
    assert added.code == 0, added.err
    assert added.data.keys() == {"consent_id"}
    consent_id = added.data["consent_id"]
    refused = run(daemon, "consents", "add", "cli-5", "--scope", "service", "--method", "signed_form", "--guardian",
                  "cli-6", "--policy-version", "2026-01", "--evidence", FORM, "--json")  # fmt: skip
    assert (refused.code, "--policy-version" in refused.error["message"]) == (2, True)

    withdrawn = run(daemon, "consents", "withdraw", "cli-5", consent_id, "--yes")
    [consent] = run(daemon, "consents", "list", "cli-5", "--json").data["consents"]

    assert withdrawn.out == f"{consent_id} is withdrawn\n"
    assert consent["consent_id"] == consent_id
    assert consent["withdrawn_at"] is not None


def test_a_recorded_consent_is_told_with_whom_it_is_about_and_how_it_was_given(daemon: RunningDaemon) -> None:
    run(daemon, "users", "set", "cli-7", "--persona", "student", "--age-band", "under_13", "--stated-on", "2026-01-01")
    told = run(daemon, "consents", "add", "cli-7", "--scope", "service/contact", "--method", "signed_form",
               "--guardian", "cli-6", "--policy-version", "1", "--evidence", FORM)  # fmt: skip
    [consent] = run(daemon, "consents", "list", "cli-7", "--json").data["consents"]
    consent_id = consent["consent_id"]
    assert told.out == f"consent {consent_id} about cli-7 is recorded: service/contact by signed_form\n", told.err


def test_the_list_of_consents_marks_one_by_a_guardian_who_was_a_minor(daemon: RunningDaemon) -> None:
    run(daemon, "users", "set", "cli-8", "--persona", "student", "--age-band", "under_13", "--stated-on", "2026-01-01")
    run(daemon, "consents", "add", "cli-8", "--scope", "service", "--method", "signed_form",
        "--guardian", "cli-9", "--policy-version", "1", "--evidence", FORM)  # fmt: skip
    assert "(a minor then)" not in run(daemon, "consents", "list", "cli-8").out
    run(daemon, "users", "set", "cli-9", "--persona", "student", "--age-band", "13_17", "--stated-on", "2026-01-01")
    assert "cli-9 (a minor then)" in run(daemon, "consents", "list", "cli-8").out


def test_the_help_of_consents_names_the_words_of_scopes_and_the_evidence_of_each_method() -> None:
    told = viral_engine("consents", "add", "--help").out
    for method, names in EVIDENCE.items():
        assert re.search(rf"^ *{method} +{' '.join(names)}$", told, re.MULTILINE), method
    for word in (*Purpose, *RecipientClass, *DataClass):
        assert str(word) in told


def test_labels_are_spoken_of_as_labels_and_blocks_as_entries_of_a_list() -> None:
    verbs = ("list", "add", "remove")
    of_labels = [viral_engine("labels", *verb, "--help").out for verb in ((), *((verb,) for verb in verbs))]
    of_blocks = "".join(viral_engine("blocks", verb, "--help").out for verb in verbs)
    assert [re.findall(r"(?i)\bentry|\bentries|\blists\b|\ba list\b|lift", told) for told in of_labels] == [[]] * 4
    assert ("List live labels" in of_labels[1], "LABEL_ID" in of_labels[3]) == (True, True)
    assert ("List live entries" in of_blocks, "ENTRY_ID" in of_blocks, "a list once" in of_blocks) == (True, True, True)


@pytest.mark.parametrize("verb", [("blocks", "add"), ("consents", "add"), ("keys", "create")])
def test_the_help_tells_of_a_moment_to_end_before_it_tells_of_a_span(verb: tuple[str, str]) -> None:
    told = viral_engine(*verb, "--help").out
    before, _, after = told.partition("--for 2h")
    assert "--expires-at TIME" in before
    assert re.match(r"\s+Ends this long from now: 90s, 30m, 2h, 7d\.", after)


def test_a_key_is_shown_once_and_refused_after_its_revocation(daemon: RunningDaemon) -> None:
    created = run(daemon, "keys", "create", "cli trial", "--scope", "check", "--for", "1h")
    secret = created.out.strip()
    key_id = secret.split("_")[1]

    listed = run(daemon, "keys", "list")
    revoked = run(daemon, "keys", "revoke", key_id, "--yes")
    answer = daemon.request("POST", "/v1/actions/check", {"user_id": 1, "action_type": "share"}, key=secret)

    assert secret.startswith("ve_")
    assert key_id in listed.out
    assert secret not in listed.out
    assert (revoked.code, answer.status) == (0, 401)


def test_a_key_with_a_rate_is_refused_beyond_it_and_listed_with_it(daemon: RunningDaemon) -> None:
    made = run(daemon, "keys", "create", "slow", "--scope", "check", "--rate-per-minute", "1", "--json")
    key = made.data
    check = ("POST", "/v1/actions/check", {"user_id": 1, "action_type": "share"})
    assert key["rate_per_minute"] == 1
    assert [daemon.request(*check, key=key["key"]).status for _ in range(2)] == [200, 429]
    [line] = [line for line in run(daemon, "keys", "list").out.splitlines() if key["key_id"] in line]
    assert line.split()[3:5] == ["-", "1"]


def test_a_wrong_key_file_is_not_allowed(daemon: RunningDaemon, tmp_path: Path) -> None:
    (tmp_path / "daemon.json").write_bytes((daemon.data_dir / "daemon.json").read_bytes())
    (tmp_path / "api-key").write_text("the key is\nve_abc_wrong\n")

    ran = viral_engine("check", "1", "share", "--json", "--data-dir", tmp_path)

    assert ran.code == 5
    assert ran.error["hint"]


def test_a_revoked_key_is_listed_no_more(daemon: RunningDaemon) -> None:
    key_id = run(daemon, "keys", "create", "short of life", "--scope", "check", "--json").data["key_id"]
    header, *rows = run(daemon, "keys", "list").out.splitlines()
    run(daemon, "keys", "revoke", key_id, "--yes")
    assert header.split()[-2:] == ["CREATED", "EXPIRES"]
    assert key_id in "".join(rows)
    assert key_id not in run(daemon, "keys", "list").out


def test_reviewers_with_keys_of_their_own_are_persons_of_their_own(daemon: RunningDaemon, tmp_path: Path) -> None:
    reported = run(daemon, "reports", "add", "user", "cli-70", "--reporter", "cli-71", "--category", "spam")
    assert reported.code == 0, reported.err
    [case] = [one for one in run(daemon, "reviews", "list", "--json").data["cases"] if one["subject_value"] == "cli-70"]
    key = run(daemon, "keys", "create", "ann", "--scope", "review", "--json").data
    file = tmp_path / "my-key"
    file.write_text(f"the key of Ann\n{key['key']}\n")

    claimed = run(daemon, "reviews", "claim", case["case_id"], "--key-file", str(file), "--json")
    of_the_operator = run(daemon, "reviews", "claim", case["case_id"], "--json")
    by_variable = viral_engine("keys", "list", "--json", "--data-dir", daemon.data_dir, VIRAL_ENGINE_KEY_FILE=str(file))

    assert claimed.data["claimed_by"] == f"key:{key['key_id']}"
    assert (of_the_operator.code, f"key:{key['key_id']}" in of_the_operator.error["message"]) == (2, True)
    assert (by_variable.code, by_variable.error["code"]) == (5, "insufficient_scope")


@pytest.mark.parametrize("content", [None, b"\n", b"\xff"])
def test_a_key_file_that_holds_no_key_is_named(daemon: RunningDaemon, tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "my-key"
    if content is not None:
        file.write_bytes(content)
    ran = run(daemon, "keys", "list", "--key-file", str(file), "--json")
    assert (ran.code, ran.error["code"]) == (5, "no_key")
    assert str(file) in ran.error["message"]
    assert "--key-file" in ran.error["hint"]


def test_a_deny_that_nobody_reads_is_a_deny(daemon: RunningDaemon) -> None:
    run(daemon, "blocks", "add", "user", "cli-72", "--reason", "a trial")
    for form in ((), ("--json",)):
        command = [*COMMAND, "check", "cli-72", "share", "--data-dir", str(daemon.data_dir), *form]
        assert run_unread(command) == (1, b"")


def test_an_unconfirmed_guardian_and_an_attested_adult_are_told(daemon: RunningDaemon) -> None:
    born = ("--persona", "student", "--date-of-birth", "2015-05-05")
    run(daemon, "users", "set", "cli-73", *born, "--guardian", "cli-74")
    run(daemon, "users", "set", "cli-73", *born, "--guardian", "cli-74", "--guardian", "cli-75")
    run(daemon, "users", "set", "cli-74", "--persona", "parent", "--adulthood-attested")

    child, parent = (run(daemon, "users", "show", who).out for who in ("cli-73", "cli-74"))

    assert re.search(r"^guardians +cli-74, cli-75 \(not confirmed\)$", child, re.MULTILINE)
    assert re.search(r"^age_band +unknown \(an adult as attested\)$", parent, re.MULTILINE)
    assert "attested)" not in child


def test_health_is_well_when_everything_is(daemon: RunningDaemon) -> None:
    health = run(daemon, "health", "--json")

    assert (health.code, health.data["ok"], health.data["http"]["status"]) == (0, True, 200)


def test_doctor_looks_at_the_port_of_the_folders_daemon_unless_another_is_named(daemon: RunningDaemon) -> None:
    port = daemon.url.rsplit(":", 1)[1]

    def of_port(*arguments: str) -> tuple[bool, str]:
        findings = {
            finding["name"]: finding for finding in run(daemon, "doctor", "--json", *arguments).data["findings"]
        }
        return findings["port"]["ok"], findings["port"]["detail"]

    taken = f"127.0.0.1:{port} is taken by the daemon of this folder, pid {daemon.process.pid}"
    assert of_port() == (True, taken)
    assert of_port("--port", port) == (True, taken)
    assert of_port("--port", "0") == (True, "127.0.0.1:0 is free")


@pytest.mark.parametrize(
    "arguments",
    [
        ("blocks", "add", "user", "1", "--reason", "x", "--for", "1h", "--expires-at", "2027-01-31T00:00:00Z"),
        ("blocks", "add", "user", "1", "--reason", "x", "--expires-at", "2027-01-31T00:00:00"),
        ("blocks", "add", "user", "1", "--reason", "x", "--expires-at", "tomorrow"),
        ("blocks", "add", "dragon", "1", "--reason", "x"),
        ("keys", "create", "x", "--scope", "everything"),
        ("keys", "revoke", "x"),
        ("consents", "withdraw", "1", "x"),
        ("check", "1", "share", "--context", "[" * 100_000),
        # Bytes that are no UTF-8, as Python hands them to a program.
        ("why", "caf\udce9"),
        ("check", "1", "share", "--content", "caf\udce9"),
        ("users", "show", "caf\udce9"),
        ("check-config", "--config", "/caf\udce9"),
        ("serve", "--host", "caf\udce9"),
        ("caf\udce9",),
    ],
)
def test_arguments_that_make_no_sense_send_nothing(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    ran = viral_engine(*arguments, "--json", "--data-dir", tmp_path)

    assert (ran.code, ran.error["code"]) == (2, "wrong_use")


@pytest.mark.parametrize("given", ["2027-01-31", "2027-01-31T12:30"])
def test_the_moment_that_is_proposed_for_one_without_a_zone_is_accepted(tmp_path: Path, given: str) -> None:
    add = ("blocks", "add", "user", "1", "--reason", "x", "--data-dir", tmp_path, "--json", "--expires-at")
    hint = viral_engine(*add, given).error["hint"]
    proposed = hint.removeprefix("for instance ")
    # Its moment is understood: what is missing then is the daemon.
    assert (proposed[:10], viral_engine(*add, proposed).code) == ("2027-01-31", 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("policy", "enforce", "v1"), "value for 'VERSION': must be a whole number, 1 or more, not 'v1'"),
        (("serve", "--port", "http"), "value for '--port': must be a whole number from 0 to 65535, not 'http'"),
        (("serve", "--port", "65536"), "value for '--port': must be a whole number from 0 to 65535, not 65536"),
        (("tree", "--timeout", "x"), "value for '--timeout': must be a number from 0.1 to 600, not 'x'"),
        (("tree", "--color", "is not"), "value for '--color': must be one of auto, always, never, not 'is not'"),
        (("users", "set", "1"), "Missing option '--persona': must be one of student, parent, tutor, staff"),
        (("users", "show"), "Missing argument 'USER'"),
        (("history", "--since", "soon"), "value for '--since': 'soon' is no span of time such as 90s, 30m, 1h or 2d"),
    ],
)  # fmt: skip
def test_a_wrong_argument_is_told_what_it_must_be_in_one_line(arguments: tuple[str, ...], message: str) -> None:
    ran = viral_engine(*arguments)
    told, hint = ran.err.splitlines()
    assert (ran.code, told.removeprefix("viral-engine: ").removeprefix("Invalid ")) == (2, message)
    assert hint.endswith(" --help`")


@pytest.mark.parametrize(
    ("arguments", "better"),
    [
        (("--data-dir", "D", "tree"), "`viral-engine tree --data-dir ...`"),
        (("policy", "--since", "1h", "test", "f"), "`viral-engine policy test --since ...`"),
        (("--data-dir", "D"), "`viral-engine VERB --data-dir ...`"),
    ],
)
def test_an_option_before_the_verb_is_told_to_go_behind_it(arguments: tuple[str, ...], better: str) -> None:
    ran = viral_engine(*arguments)
    assert ran.code == 2
    assert f"options go behind the verb: {better}" in ran.err


def test_a_data_folder_whose_name_is_no_utf8_is_told_in_one_sentence(tmp_path: Path) -> None:
    ran = viral_engine("tree", "--json", VIRAL_ENGINE_DATA_DIR=str(tmp_path / "caf\udce9"))

    assert (ran.code, ran.error["code"]) == (2, "wrong_use")
    assert "caf\\xe9' is not valid UTF-8" in ran.error["message"]
