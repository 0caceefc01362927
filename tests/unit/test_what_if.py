"""What a death would bring, from data alone."""

from __future__ import annotations

from typing import Any

import pytest

from viral_engine.runtime.backoff import Backoff
from viral_engine.runtime.loop_actor import LoopActor
from viral_engine.runtime.spec import DynamicSupervisor, Supervisor, Worker
from viral_engine.runtime.standing import Standing
from viral_engine.runtime.what_if import Count, Step, WhatIf, what_if


def worker(path: str, **options: Any) -> Standing:
    phase = options.pop("phase", "running")
    own = options.pop("own_restarts_s", ())
    spec = Worker(name=path.rpartition("/")[2], actor_class=LoopActor, **options)
    return Standing(path, spec, phase=phase, own_restarts_s=own)


def supervisor(path: str, *children: Standing, **options: Any) -> Standing:
    restarts_s = options.pop("restarts_s", ())
    name = path.rpartition("/")[2] or "root"
    specs: Any = tuple(child.spec for child in children)
    return Standing(path, Supervisor(name=name, children=specs, **options), restarts_s=restarts_s, children=children)


def told(answer: WhatIf) -> list[str]:
    return [f"{step.verb} {step.path}" for step in answer.steps]


def test_one_for_one_brings_back_the_one_that_died_and_counts_it() -> None:
    root = supervisor("/", worker("/a"), worker("/b"), restarts_s=(-1.0, -99.0))
    answer = what_if(root, "/a")
    assert told(answer) == ["dies /a", "starts /a"]
    assert answer.counts == (Count("/", 2, 3, 5.0),)
    assert not answer.ends_root


@pytest.mark.parametrize(
    ("strategy", "stopped", "started"),
    [("rest_for_one", ["/c"], ["/b", "/c"]), ("one_for_all", ["/c", "/a"], ["/a", "/b", "/c"])],
)
def test_a_group_is_stopped_in_reverse_and_started_in_order(strategy: Any, stopped: Any, started: Any) -> None:
    root = supervisor("/", worker("/a"), worker("/b"), worker("/c"), strategy=strategy)
    expected = ["dies /b", *(f"stops {path}" for path in stopped), *(f"starts {path}" for path in started)]
    assert told(what_if(root, "/b")) == expected


def test_a_group_starts_who_was_stopped_by_hand_and_forgets_who_is_temporary() -> None:
    children = (worker("/a", phase="stopped"), worker("/b", restart="temporary"), worker("/c"))
    root = supervisor("/", *children, strategy="one_for_all")
    assert told(what_if(root, "/c")) == ["dies /c", "stops /b", "starts /a", "starts /c"]


def test_a_supervisor_takes_its_children_along_and_comes_back_with_the_static_ones() -> None:
    below = supervisor("/s", worker("/s/a"), worker("/s/b"))
    added = Standing("/s", below.spec, children=(*below.children, worker("/s/by_hand")))
    answer = what_if(supervisor("/", added), "/s")
    assert told(answer) == [
        *("ends /s/by_hand", "ends /s/b", "ends /s/a", "dies /s"),
        *("starts /s/a", "starts /s/b", "starts /s"),
    ]


def test_one_restart_too_many_escalates_and_the_root_gives_up_in_its_turn() -> None:
    below = supervisor("/s", worker("/s/a"), worker("/s/b"), restarts_max=0)
    answer = what_if(supervisor("/", worker("/x"), below, restarts_max=0), "/s/a")
    assert told(answer) == ["dies /s/a", "stops /s/b", "gives_up /s", "stops /x", "gives_up /"]
    assert [(count.path, count.is_exhausted) for count in answer.counts] == [("/s", True), ("/", True)]
    assert answer.ends_root


@pytest.mark.parametrize("restart", ["transient", "temporary"])
def test_a_supervisor_that_gives_up_ends_with_shutdown_which_only_a_permanent_one_is_restarted_after(
    restart: Any,
) -> None:
    below = supervisor("/s", worker("/s/a"), restarts_max=0, restart=restart)
    answer = what_if(supervisor("/", below), "/s/a")
    assert answer.steps[-1] == Step("stays_down", "/s", f"it is {restart}")
    assert not answer.ends_root


def test_a_temporary_child_stays_down_and_is_not_counted() -> None:
    answer = what_if(supervisor("/", worker("/a", restart="temporary"), strategy="one_for_all"), "/a")
    assert (told(answer), answer.counts) == (["dies /a", "stays_down /a"], ())


@pytest.mark.parametrize(("rule", "ends"), [("never", False), ("any_significant", True), ("all_significant", False)])
def test_a_significant_child_that_stays_down_may_end_its_supervisor(rule: Any, *, ends: bool) -> None:
    significant = {"restart": "temporary", "significant": rule != "never"}
    children = (worker("/s/a", **significant), worker("/s/b", **significant))
    answer = what_if(supervisor("/", supervisor("/s", *children, auto_shutdown=rule)), "/s/a")
    assert ("shuts_down /s" in told(answer)) is ends
    assert ("starts /s" in told(answer)) is ends


def test_a_child_that_may_give_up_alone_counts_for_itself_and_rests() -> None:
    alone = worker("/a", on_give_up="suspend", own_restarts_s=(-1.0, -2.0, -3.0))
    answer = what_if(supervisor("/", alone, worker("/b")), "/a")
    assert told(answer) == ["dies /a", "rests /a"]
    assert answer.counts == (Count("/a", 4, 3, 5.0),)


def test_a_backoff_is_a_wait_between_the_stops_and_the_starts() -> None:
    root = supervisor("/", worker("/a", backoff=Backoff(first_s=0.5)), worker("/b"), strategy="one_for_all")
    answer = what_if(root, "/a")
    assert told(answer) == ["dies /a", "stops /b", "waits /a", "starts /a", "starts /b"]
    assert answer.steps[2].why == "about 0.5 s, its backoff"


def test_a_child_of_a_dynamic_supervisor_comes_back_alone() -> None:
    spec = DynamicSupervisor(name="d", template=Worker(name="x", actor_class=LoopActor))
    child = Standing("/d/1", Worker(name="x", actor_class=LoopActor))
    root = supervisor("/", Standing("/d", spec, children=(child, Standing("/d/2", child.spec))))
    assert told(what_if(root, "/d/1")) == ["dies /d/1", "starts /d/1"]
    assert told(what_if(root, "/d")) == ["ends /d/2", "ends /d/1", "dies /d", "starts /d"]


def test_the_root_takes_everything_along() -> None:
    answer = what_if(supervisor("/", worker("/a")), "/")
    assert (told(answer), answer.ends_root) == (["ends /a", "dies /"], True)


@pytest.mark.parametrize("path", ["/nobody", "/a", "/a/b"])
def test_who_is_not_there_or_does_not_run_cannot_die(path: str) -> None:
    with pytest.raises(LookupError, match=path):
        what_if(supervisor("/", worker("/a", phase="given_up")), path)
