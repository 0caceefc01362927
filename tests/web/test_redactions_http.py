"""`POST /v1/redactions` on the running HTTP side, with the real actor and its real process for large texts."""

import os
import signal
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from structlog.testing import capture_logs
from web_serving import Served, serving

from viral_engine.actors.growth.redaction import actor as redaction
from viral_engine.actors.growth.redaction.actor import IN_THREAD_BYTES_MAX, Redaction
from viral_engine.messages.people import UserView
from viral_engine.messages.reading import NotRead, ReadUser
from viral_engine.runtime.spec import Worker
from viral_engine.texts import worker_process
from viral_engine.web.api.redactions import BODY_BYTES_MAX

PATH = "/v1/redactions"
HIDDEN = "kid@example.com"
LARGE = "x " * IN_THREAD_BYTES_MAX
WORKER = Worker(name="redaction", actor_class=Redaction)


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving(growth=(WORKER,)) as running:
        yield running


def actor(served: Served) -> Redaction:
    found = served.system.registry.whereis("/growth/redaction")
    assert isinstance(found, Redaction)
    return found


def a_user(age_band: str) -> UserView:
    now = datetime.now(UTC)
    return UserView(
        user_id="u", persona="parent", age_band=age_band, date_of_birth=None, stated_on=None, adulthood_attested=False,
        guardian_ids=[], guardians_confirmed=[], tutor_ids=[], household_id=None, school_id=None, jurisdiction=None,
        email=None, phone=None, referrer_id=None, signals={}, consents=[], created_at=now, updated_at=now,
    )  # fmt: skip


def test_a_text_comes_back_with_placeholders_and_counts(served: Served) -> None:
    body = {"content": f"I am Maya Chen, {HIDDEN}, {HIDDEN}", "audience": "public", "known": ["Maya Chen"]}
    answer = served.request("POST", PATH, body)
    assert (answer.status, answer.json) == (
        200,
        {"content": "I am [NAME_1], [EMAIL_1], [EMAIL_1]", "findings": {"email": 2, "name": 1}},
    )


def test_a_large_text_is_redacted_in_a_process_of_its_own(served: Served) -> None:
    for _ in range(2):
        answer = served.request("POST", PATH, {"content": LARGE + HIDDEN, "audience": "public"})
        assert answer.json == {"content": f"{LARGE}[EMAIL_1]", "findings": {"email": 1}}
    worker = actor(served).inspect_state()["worker_pid"]
    assert worker not in {None, os.getpid()}


@pytest.mark.parametrize(
    ("body", "status", "code", "field"),
    [
        ({"audience": "public"}, 422, "invalid", "content"),
        ({"content": "x"}, 422, "invalid", "audience"),
        ({"content": "x", "audience": "everybody"}, 422, "invalid", "audience"),
        ({"content": 5, "audience": "public"}, 422, "invalid", "content"),
        ({"content": "x\0", "audience": "public"}, 422, "invalid", "content"),
        ({"content": "x", "audience": "public", "user_age": 30}, 422, "invalid", "user_age"),
        ({"content": "x", "audience": "public", "subject_id": ""}, 422, "invalid", "subject_id"),
        ({"content": "x", "audience": "public", "known": ["Maya", "x"]}, 422, "invalid", "known[1]"),
        ({"content": "x", "audience": "public", "known": ["Maya", 7]}, 422, "invalid", "known[1]"),
        ({"content": "x", "audience": "public", "known": ["Maya"] * 51}, 422, "invalid", "known"),
        (b'{"content": "x", "content": "y", "audience": "public"}', 400, "malformed_json", None),
        (b'{"content": "' + b"x" * BODY_BYTES_MAX + b'", "audience": "public"}', 413, "too_large", None),
    ],
)
def test_what_is_no_request_is_refused_with_the_fields_path(
    served: Served, body: object, status: int, code: str, field: str | None
) -> None:
    assert served.request("POST", PATH, body).error == (status, code, field)


def test_the_largest_body_is_taken(served: Served) -> None:
    start, end = b'{"audience": "public", "content": "', b'"}'
    body = start + b"x" * (BODY_BYTES_MAX - len(start) - len(end)) + end
    assert served.request("POST", PATH, body).status == 200
    assert served.request("POST", PATH, body + b" ").status == 413


def test_it_needs_a_key_of_scope_check(served: Served) -> None:
    body = {"content": "x", "audience": "public"}
    with serving(growth=(WORKER,)) as fresh:
        narrow = fresh.reader.add_key(["write", "audit"])
        fresh.kill_web()
        assert fresh.request("POST", PATH, body, key=narrow).error == (403, "insufficient_scope", None)
    assert served.request("POST", PATH, body, key=None).error[:2] == (401, "authentication_required")


@pytest.mark.parametrize(
    ("subject", "audience", "content"),
    [
        (a_user("18_plus"), "tutor", "Hi Sophia"),
        (a_user("18_plus"), "public", "Hi [NAME_1]"),
        (a_user("13_17"), "tutor", "Hi [NAME_1]"),
        (a_user("unknown"), "tutor", "Hi [NAME_1]"),
        (None, "tutor", "Hi [NAME_1]"),
        (NotRead("away"), "tutor", "Hi [NAME_1]"),
    ],
)
def test_the_age_comes_from_the_record_and_who_may_be_a_child_is_protected(
    served: Served, subject: object, audience: str, content: str
) -> None:
    served.reader.answers[ReadUser] = subject
    answer = served.request("POST", PATH, {"content": "Hi Sophia", "audience": audience, "subject_id": 7})
    assert answer.json["content"] == content
    assert served.reader.got[-1] == ReadUser("7")


def test_a_process_that_hangs_is_killed_and_the_next_text_gets_another(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = {"content": LARGE + HIDDEN, "audience": "public"}
    assert served.request("POST", PATH, body).status == 200
    hung = actor(served).inspect_state()["worker_pid"]
    os.kill(hung, signal.SIGSTOP)
    with monkeypatch.context() as patched:
        patched.setattr(actor(served).large, "_work_s_max", 0.2)
        assert served.request("POST", PATH, body).error == (422, "not_redacted", "content")
    state = actor(served).inspect_state()
    assert (state["workers_killed"], state["worker_pid"]) == (1, None)
    with pytest.raises(ProcessLookupError):
        os.kill(hung, 0)
    assert served.request("POST", PATH, body).status == 200


def test_a_text_whose_process_dies_is_redacted_by_the_next_one(served: Served) -> None:
    body = {"content": LARGE + HIDDEN, "audience": "public"}
    first = served.request("POST", PATH, body)
    died = actor(served).inspect_state()["worker_pid"]
    os.kill(died, signal.SIGKILL)
    again = served.request("POST", PATH, body)
    assert (again.status, again.json) == (200, first.json)
    assert actor(served).inspect_state()["worker_pid"] != died


def test_small_texts_pass_large_ones_and_beyond_the_limit_large_ones_are_refused(served: Served) -> None:
    body = {"content": LARGE + HIDDEN, "audience": "public"}
    assert served.request("POST", PATH, body).status == 200
    stopped = actor(served).inspect_state()["worker_pid"]
    os.kill(stopped, signal.SIGSTOP)
    statuses: list[int] = []
    asked = [
        threading.Thread(target=lambda: statuses.append(served.request("POST", PATH, body).status))
        for _ in range(redaction.LARGE_WAITING_MAX + 2)
    ]
    for thread in asked:
        thread.start()
    # One is being worked on, as many as may wait do, and one is too many: its refusal comes while the others wait.
    while not statuses:
        assert served.request("POST", PATH, {"content": HIDDEN, "audience": "public"}).status == 200
    assert statuses == [503]
    os.kill(stopped, signal.SIGCONT)
    for thread in asked:
        thread.join()
    assert sorted(statuses) == [200] * (redaction.LARGE_WAITING_MAX + 1) + [503]


def test_a_killed_actor_takes_its_process_along_and_its_successor_answers() -> None:
    with serving(growth=(WORKER,)) as served:
        body = {"content": LARGE + HIDDEN, "audience": "public"}
        assert served.request("POST", PATH, body).status == 200
        before = actor(served)
        worker = before.inspect_state()["worker_pid"]
        back = threading.Event()
        before.kill("a test")
        assert served.system.registry.when_registered("/growth/redaction", back.set)
        assert back.wait(20)
        before.large.close()
        with pytest.raises(ProcessLookupError):
            os.kill(worker, 0)
        assert served.request("POST", PATH, body).status == 200


def test_the_process_knows_nothing_of_the_daemons_environment(served: Served) -> None:
    assert not [name for name in worker_process._ENVIRONMENT if name.startswith("VIRAL_ENGINE_")]
    served.request("POST", PATH, {"content": LARGE, "audience": "public"})
    environment = Path(f"/proc/{actor(served).inspect_state()['worker_pid']}/environ").read_bytes()
    assert b"VIRAL_ENGINE_" not in environment


def test_nothing_of_a_text_is_logged(served: Served) -> None:
    with capture_logs() as logged:
        for content in (HIDDEN, LARGE + HIDDEN, HIDDEN + "\0"):
            served.request("POST", PATH, {"content": content, "audience": "public", "known": ["Zuzanna"]})
    assert [entry for entry in logged if HIDDEN in str(entry) or "Zuzanna" in str(entry)] == []
