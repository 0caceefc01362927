"""Both placements for every test that asks for `placement`; tests of the runtime may leave no thread behind."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from viral_engine.runtime.loop_actor import LoopActor
from viral_engine.runtime.testing import PATIENCE_S
from viral_engine.runtime.thread_actor import ThreadActor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from viral_engine.runtime.actor import Actor


@pytest.fixture(autouse=True)
def no_thread_is_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """Joins what a test of the runtime started: a thread that does not end fails the test."""
    if request.path.parent.name != "runtime":
        yield
        return
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        thread.join(PATIENCE_S)
        assert not thread.is_alive(), f"{thread.name} is still running"


@pytest.fixture(params=[LoopActor, ThreadActor], ids=["loop", "thread"])
def placement(request: pytest.FixtureRequest) -> type[Actor]:
    """The base class of an actor, so that a promise is tested wherever actors live."""
    kind: type[Actor] = request.param
    return kind
