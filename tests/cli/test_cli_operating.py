"""The verbs that need only the socket, run as processes against a real tree."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from operated_tree import COMMAND, ROOT, Operated, environment, operate, run_unread, viral_engine

from viral_engine.runtime.events import ActorEnded
from viral_engine.runtime.operations import TerminateChild
from viral_engine.runtime.testing import Gate


@pytest.fixture
def operated(tmp_path: Path) -> Iterator[Operated]:
    """A tree of its own for each test."""
    with operate(tmp_path) as tree:
        yield tree


def test_a_kill_is_one_entry_of_the_history_with_path_reason_and_time(operated: Operated) -> None:
    killed = viral_engine("kill", "/growth/probe", "--yes", "--reason", "a trial", "--data-dir", operated.data_dir)
    told = viral_engine("history", "/growth/probe", "--since", "1h", "--json", "--data-dir", operated.data_dir)

    assert (killed.code, killed.out, killed.err) == (0, "/growth/probe killed (incarnation 1)\n", "")
    [entry] = told.data
    assert (entry["path"], entry["reason"], entry["kind"]) == ("/growth/probe", "killed: a trial", "killed")
    assert entry["time"].endswith("Z")


def test_the_history_is_read_without_a_daemon(tmp_path: Path) -> None:
    with operate(tmp_path) as tree:
        tree.ask("kill", path="/growth/probe", yes=True, reason="a trial")
        tree.log.wait_for(ActorEnded)

    told = viral_engine("history", VIRAL_ENGINE_DATA_DIR=str(tmp_path))

    assert told.code == 0
    assert told.out.count("\n") == 1
    assert "  killed  /growth/probe  killed: a trial  (up " in told.out


def test_the_tree_is_drawn_with_strategies_and_allowed_restarts(operated: Operated) -> None:
    drawn = viral_engine("tree", "--data-dir", operated.data_dir)

    header, empty, *lines = drawn.out.splitlines()
    assert header.startswith("viral-engine 1.2.3 · up ")
    assert "5 actors: 5 running · 0 restarts" in header
    assert empty == ""
    assert lines == [
        "/                     ● running  one_for_one 0/20 in 60s",
        "├── control           ● running",
        "└── growth            ● running  one_for_one 0/5 in 60s",
        "    ├── trust_safety  ● running",
        "    └── probe         ● running",
    ]


def test_a_locale_without_utf8_gets_ascii(operated: Operated) -> None:
    drawn = viral_engine("tree", "growth", "--data-dir", operated.data_dir, LC_ALL="C")

    assert drawn.out.isascii()
    assert "|-- trust_safety  * running" in drawn.out


def test_ps_shows_what_does_not_run_first(operated: Operated) -> None:
    operated.ask("suspend", path="/growth/probe")

    shown = viral_engine("ps", "--data-dir", operated.data_dir)
    names = viral_engine("ps", "/growth/*", "-o", "name", "--data-dir", operated.data_dir)
    by_state = viral_engine("ps", "--state", "suspended", "--json", "--data-dir", operated.data_dir)

    header, first, *_ = shown.out.splitlines()
    assert header.split() == ["PATH", "STATE", "DEPTH", "OLDEST", "MSG/S", "RESTARTS", "LAST-RESTART", "UP"]
    assert first.startswith("/growth/probe         ‖ suspended")
    assert names.out.split() == ["/growth/probe", "/growth/trust_safety"]
    assert [row["path"] for row in by_state.data["actors"]] == ["/growth/probe"]


def test_inspect_says_first_why_an_actor_does_not_run(operated: Operated) -> None:
    viral_engine("suspend", "/growth/probe", "--yes", "--reason", "to look", "--data-dir", operated.data_dir)

    seen = viral_engine("inspect", "growth/probe", "--state", "--stack", "--data-dir", operated.data_dir)

    assert seen.out.startswith(
        f"/growth/probe is suspended by hand (uid {os.geteuid()}: to look): 0 messages wait;"
        " `resume /growth/probe` lets it go on.\n"
    )
    assert "its own state\n  it shows nothing\n" in seen.out
    assert "_actor_loop" in seen.out


def test_the_verbs_work_while_the_event_loop_hangs(operated: Operated) -> None:
    gate = Gate()
    operated.system.loop.post(gate.pass_through)
    gate.wait_for_arrival()
    try:
        assert viral_engine("tree", "--data-dir", operated.data_dir).code == 0
        assert viral_engine("kill", "/growth/probe", "--yes", "--data-dir", operated.data_dir).code == 0
    finally:
        gate.open()


def test_stop_restart_resume_and_kill_of_control_all_answer(operated: Operated) -> None:
    def done(*arguments: str) -> str:
        ran = viral_engine(*arguments, "--json", "--data-dir", operated.data_dir)
        answer: str = ran.data["done"]
        return answer

    assert done("stop", "/growth/probe", "--yes") == "stopped"
    assert done("restart", "/growth/probe", "--yes") == "restarted"
    assert done("suspend", "/growth/probe", "--yes") == "suspended"
    assert done("resume", "/growth/probe") == "resumed"
    assert done("kill", "/control", "--yes") == "killed"
    assert done("restart", "/control", "--yes") == "restarted"


def test_health_is_not_well_when_nobody_answers_over_http(operated: Operated) -> None:
    health = viral_engine("health", "--json", "--data-dir", operated.data_dir)

    assert health.code == 1
    assert health.data["troubles"] == []
    assert health.data["ok"] is False
    assert health.data["http"]["error"] == "nobody listens at http://127.0.0.1:9"


@pytest.mark.parametrize(
    ("arguments", "code", "word"),
    [
        (("inspect", "/growth/trust_safty"), 4, "no_such_actor"),
        (("kill", "/growth/probe"), 2, "wrong_use"),
        (("kill", "/", "--yes"), 2, "not_possible"),
        (("suspend", "/growth/probe"), 2, "wrong_use"),
        (("restart", "/growth/probe"), 2, "wrong_use"),
        (("stop", "/control", "--yes"), 2, "not_possible"),
        (("history", "--since", "soon"), 2, "wrong_use"),
        (("tre",), 2, "wrong_use"),
        (("check", "1", "share"), 5, "no_key"),
    ],
)
def test_an_error_is_one_document_on_standard_error(
    operated: Operated, arguments: tuple[str, ...], code: int, word: str
) -> None:
    ran = viral_engine(*arguments, "--json", VIRAL_ENGINE_DATA_DIR=str(operated.data_dir))

    assert (ran.code, ran.error["code"]) == (code, word)
    assert ran.error["hint"]


def test_without_a_daemon_every_verb_says_so_and_how_to_start_one(tmp_path: Path) -> None:
    for verb in (("tree",), ("ps",), ("health",), ("kill", "/x", "--yes"), ("history",), ("why", "1")):
        ran = viral_engine(*verb, "--data-dir", tmp_path / "none")

        assert (verb, ran.code, ran.out) == (verb, 3, "")
        assert "viral-engine serve --data-dir" in ran.err


def test_an_act_that_nobody_confirmed_is_not_done(operated: Operated) -> None:
    for verb in ("restart", "stop", "kill", "suspend"):
        ran = viral_engine(verb, "/growth/probe", "--data-dir", operated.data_dir)
        assert (verb, ran.code, "say it again with --yes" in ran.err) == (verb, 2, True)
    assert (operated.audited, operated.incarnation("/growth/probe")) == ([], 1)


def test_a_socket_that_was_named_and_where_nobody_listens_is_named(operated: Operated) -> None:
    ran = viral_engine("tree", "--socket", "/nope", "--json", "--data-dir", operated.data_dir)
    assert (ran.code, ran.error["message"]) == (3, "no daemon listens at /nope")
    assert "--socket" in ran.error["hint"]


def test_a_daemon_that_hangs_is_told_from_one_that_is_not_there(operated: Operated) -> None:
    operated.system.call("/", TerminateChild("control")).get()

    ran = viral_engine("tree", "--timeout", "0.2", "--json", "--data-dir", operated.data_dir)

    assert (ran.code, ran.error["code"]) == (6, "no_answer")


def test_a_reader_that_has_enough_is_no_error(operated: Operated) -> None:
    assert run_unread([*COMMAND, "tree", "--data-dir", str(operated.data_dir)]) == (0, b"")
    assert run_unread([*COMMAND, "--help"]) == (0, b"")


def test_colours_come_when_they_are_forced_and_not_into_a_pipe(operated: Operated) -> None:
    folder = str(operated.data_dir)

    assert "\x1b[" not in viral_engine("tree", "--data-dir", folder).out
    assert "\x1b[" in viral_engine("tree", "--data-dir", folder, FORCE_COLOR="1").out
    assert "\x1b[" not in viral_engine("tree", "--data-dir", folder, FORCE_COLOR="1", NO_COLOR="1").out
    assert "\x1b[" in viral_engine("tree", "--data-dir", folder, "--color", "always", NO_COLOR="1").out


def test_the_command_line_loads_nothing_of_the_daemon() -> None:
    program = (
        "import sys, importlib; import viral_engine.cli.main as m;"
        "[importlib.import_module('viral_engine.cli.' + v.partition(':')[0]) for v in m.VERBS.values()];"
        "heavy = {'pykka', 'sqlalchemy', 'psycopg', 'starlette', 'uvicorn', 'rich', 'structlog', 'alembic'};"
        "print(sorted(heavy & set(sys.modules)))"
    )

    ran = subprocess.run([COMMAND[0], "-c", program], env=environment(), capture_output=True, check=True, timeout=30)

    assert ran.stdout == b"[]\n"


def test_check_config_says_which_setting_is_wrong(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("[server]\nprot = 1\n")

    wrong = viral_engine("check-config", "--config", file, "--json")
    right = viral_engine("check-config", "--json", VIRAL_ENGINE_DATABASE__URL="postgresql://me:secret@db/x")

    assert wrong.code == 1
    assert "there is no setting server.prot" in wrong.data["problem"]
    assert right.code == 0
    assert right.data["settings"]["database"]["url"] == "postgresql://me:…@db/x"


def test_a_list_in_a_variable_goes_by_commas_and_is_told_to() -> None:
    right = viral_engine("check-config", "--json", VIRAL_ENGINE_SERVER__TRUSTED_PROXIES="10.0.0.0/8, 192.0.2.1",
                         VIRAL_ENGINE_KEY_FILE="/a/key")  # fmt: skip
    wrong = viral_engine("check-config", "--json", VIRAL_ENGINE_PAGER__RECIPIENTS='["a@example.org"]')

    assert right.data["settings"]["server"]["trusted_proxies"] == ["10.0.0.0/8", "192.0.2.1"]
    assert wrong.code == 1
    assert "VIRAL_ENGINE_PAGER__RECIPIENTS: '[\"a@example.org\"]' is no list by commas" in wrong.data["problem"]


def test_doctor_names_what_keeps_the_daemon_from_running(tmp_path: Path) -> None:
    open_folder = tmp_path / "open"
    open_folder.mkdir(mode=0o700)
    open_folder.chmod(0o777)
    url = "postgresql://me:secret@127.0.0.1:9/x"

    ran = viral_engine("doctor", "--json", "--data-dir", open_folder, "--database-url", url, "--port", "0")

    findings = {finding["name"]: finding for finding in ran.data["findings"]}
    assert ran.code == 1
    assert [name for name, finding in findings.items() if not finding["ok"]] == ["data folder", "database"]
    assert findings["database"]["detail"].startswith("postgresql://me:…@127.0.0.1:9/x: ")
    assert "secret" not in ran.out


def test_doctor_is_content_with_a_fresh_folder(tmp_path: Path) -> None:
    ran = viral_engine("doctor", "--data-dir", tmp_path / "new", "--port", "0")

    assert ran.code == 0, ran.out
    assert f"{tmp_path / 'new'} will be made in {tmp_path}" in ran.out


def test_serve_becomes_the_daemon_with_the_same_flags() -> None:
    ran = viral_engine("serve", "--config", "/nowhere.toml", "--port", "0", "--data-dir", "/nowhere")

    assert ran.code == 1
    assert "/nowhere.toml can't be read" in ran.err


def test_help_names_every_verb() -> None:
    told = viral_engine("--help").out

    verbs = json.loads(
        subprocess.check_output(
            [COMMAND[0], "-c", "import json, viral_engine.cli.main as m; print(json.dumps(list(m.VERBS)))"],
            env=environment(),
        )
    )
    assert [verb for verb in verbs if f"\n  {verb} " not in told] == []
    assert (ROOT / "viral_engine" / "cli").is_dir()
