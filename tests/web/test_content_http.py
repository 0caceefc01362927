"""The text of a check is looked at on its way and gets no further; a failure to look is a fact."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from web_serving import Served, serving

from viral_engine.actors.growth.content.actor import ContentActor
from viral_engine.messages.content import Content, LookAt
from viral_engine.runtime.spec import Worker

WORKER = Worker(name="content", actor_class=ContentActor)
PATH = "/growth/content"


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving(growth=(WORKER,)) as running:
        yield running


def actor(served: Served) -> ContentActor:
    found = served.system.registry.whereis(PATH)
    assert isinstance(found, ContentActor)
    return found


def seen(served: Served, content: str, path: str = "/v1/actions/check", **more: str) -> Content | None:
    body = {"user_id": 1, "action_type": "message", "content": content}
    answer = served.request("POST", path, body if path.endswith("check") else {"items": [body]}, headers=more)
    assert answer.status == 200
    asked: Content | None = served.trust_safety.got[-1].content
    return asked


@pytest.mark.parametrize("path", ["/v1/actions/check", "/v1/actions/check/bulk"])
def test_what_is_in_a_text_comes_to_the_decision_and_the_text_does_not(served: Served, path: str) -> None:
    text = "Don't tell anybody: write to maya@example.org or call 415-555-0132"
    assert seen(served, text, path) == Content(kinds=("email", "phone"), signals=("secrecy",), is_seen=True)


def test_a_check_with_an_idempotency_key_is_looked_at_too(served: Served) -> None:
    found = seen(served, "my card: 4111 1111 1111 1111", **{"Idempotency-Key": "k-content"})
    assert found == Content(kinds=("card",), is_seen=True)


def test_the_process_is_killed_when_it_hangs_and_the_text_stays_unseen(served: Served) -> None:
    assert seen(served, "x") == Content(is_seen=True)
    hung = actor(served).inspect_state()["worker_pid"]
    os.kill(hung, signal.SIGSTOP)
    assert seen(served, "x") == Content()
    assert seen(served, "x") == Content(is_seen=True)
    with pytest.raises(ProcessLookupError):
        os.kill(hung, 0)


def test_a_text_whose_process_dies_is_looked_at_by_the_next_one(served: Served) -> None:
    assert seen(served, "x") == Content(is_seen=True)
    os.kill(actor(served).inspect_state()["worker_pid"], signal.SIGKILL)
    assert seen(served, "x") == Content(is_seen=True)


def test_whoever_checks_while_the_actor_is_killed_is_answered(served: Served) -> None:
    found: list[Content | None] = []
    asking = threading.Thread(target=lambda: found.extend(seen(served, "a@example.org") for _ in range(30)))
    asking.start()
    for _ in range(3):
        back = threading.Event()
        actor(served).kill("a test")
        if served.system.registry.when_registered(PATH, back.set):
            assert back.wait(20)
    asking.join()
    assert len(found) == 30
    assert set(found) == {Content(kinds=("email",), is_seen=True)}


def test_nobody_waits_behind_all_that_somebody_else_sends(served: Served) -> None:
    assert seen(served, "x") == Content(is_seen=True)
    stopped = actor(served).inspect_state()["worker_pid"]
    os.kill(stopped, signal.SIGSTOP)
    answered: list[str] = []
    done = threading.Event()

    class Waits:
        def __init__(self, name: str) -> None:
            self._name = name

        def set(self, value: Any = None) -> None:
            answered.append(self._name)
            if len(answered) == 12:
                done.set()

        def set_exception(self, exc_info: Any = None) -> None:
            self.set(exc_info)

    for number in range(11):
        actor(served)._aside.submit(LookAt("x", "loud"), Waits(f"loud {number}"))
    actor(served)._aside.submit(LookAt("x", "quiet"), Waits("quiet"))
    os.kill(stopped, signal.SIGCONT)
    assert done.wait(20)
    assert "quiet" in answered[:3]
