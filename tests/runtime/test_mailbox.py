"""A mailbox closes atomically: what is put into it is handed to the closer or refused, never forgotten."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from viral_engine.runtime.errors import ActorExited, MailboxFull
from viral_engine.runtime.exits import KILLED
from viral_engine.runtime.mailbox import Envelope, Mailbox
from viral_engine.runtime.reply import Reply


def mailbox(capacity: int = 10, wake: Any = lambda: None) -> Mailbox:
    return Mailbox("/a", capacity, wake)


def test_a_closed_mailbox_refuses_and_tells_who_waits() -> None:
    box = mailbox()
    box.close(KILLED)
    reply: Reply[Any] = Reply()
    box.put(Envelope("call", reply, "call"))
    with pytest.raises(ActorExited) as ended:
        reply.get()
    assert (ended.value.exit_reason, ended.value.begun) == (KILLED, False)
    with pytest.raises(ActorExited):
        box.put(Envelope("cast"))
    assert box.put_order("order") is False
    assert (box.depth, len(box.orders)) == (0, 0)


def test_a_full_mailbox_still_takes_what_the_runtime_says() -> None:
    box = mailbox(capacity=1)
    box.put(Envelope(1))
    with pytest.raises(MailboxFull):
        box.put(Envelope(2))
    box.put(Envelope(3, kind="info"), force=True)
    assert [envelope.message for envelope in box.take(9) or []] == [1, 3]


def test_it_wakes_its_owner_once_for_each_time_it_fell_asleep() -> None:
    wakes: list[int] = []
    box = mailbox(wake=lambda: wakes.append(1))
    box.put(Envelope(1))
    assert wakes == []
    assert box.take(9) is not None
    assert box.take(9) is None
    for number in range(3):
        box.put(Envelope(number))
    assert wakes == [1]


def test_an_order_wakes_a_sleeping_owner_even_while_messages_wait() -> None:
    wakes: list[int] = []
    box = mailbox(wake=lambda: wakes.append(1))
    box.put(Envelope(1))
    assert box.fall_asleep() is False
    assert box.fall_asleep(suspended=True) is True
    box.put_order("resume")
    assert wakes == [1]


def test_what_is_put_back_comes_first_again_or_is_failed_when_it_closed_meanwhile() -> None:
    box = mailbox()
    for number in range(4):
        box.put(Envelope(number))
    taken = box.take(3)
    assert taken is not None
    box.put_back(taken[1:])
    assert [envelope.message for envelope in box.take(9) or []] == [1, 2, 3]
    reply: Reply[Any] = Reply()
    box.close(KILLED)
    box.put_back([Envelope("call", reply, "call")])
    with pytest.raises(ActorExited):
        reply.get()


class Queue(list[Any]):
    """Calls something in the moment before or after it grows, where another thread might be."""

    def __init__(self, before: Any = None, after: Any = None) -> None:
        self._before, self._after = before, after

    def append(self, thing: Any) -> None:
        if self._before is not None:
            self._before()
        super().append(thing)
        if self._after is not None:
            self._after()


def test_a_message_that_comes_in_while_it_closes_is_refused() -> None:
    box = mailbox()
    box._messages = Queue(before=lambda: box.close(KILLED))
    reply: Reply[Any] = Reply()
    box.put(Envelope(1, reply, "call"))
    assert (box.depth, reply.is_settled) == (0, True)
    with pytest.raises(ActorExited):
        reply.get()


def test_whoever_waits_for_no_answer_is_told_at_once_that_it_closes() -> None:
    box = mailbox()
    box._messages = Queue(before=lambda: box.close(KILLED))
    with pytest.raises(ActorExited):
        box.put(Envelope(1))
    assert box.depth == 0


def test_a_message_that_the_closer_found_is_left_to_it() -> None:
    box, found = mailbox(), list[Any]()
    box._messages = Queue(after=lambda: found.extend(box.close(KILLED)[0]))
    reply: Reply[Any] = Reply()
    box.put(Envelope(1, reply, "call"))
    assert [envelope.reply_to for envelope in found] == [reply]
    assert not reply.is_settled


def test_an_owner_that_falls_asleep_while_a_message_comes_in_sees_it_or_is_woken() -> None:
    for moment in ("before", "after"):
        seen: list[bool] = []
        box = mailbox(wake=lambda seen=seen: seen.append(True))
        box._messages = Queue(**{moment: lambda box=box, seen=seen: seen.append(not box.fall_asleep())})
        box.put(Envelope(1))
        assert any(seen)


def test_no_message_is_forgotten_when_it_is_closed_in_the_middle_of_a_storm() -> None:
    for _ in range(30):
        box = mailbox(capacity=10**6)
        replies: list[Reply[Any]] = [Reply() for _ in range(400)]
        ready = threading.Barrier(5)
        threads = [threading.Thread(target=_put_all, args=(box, ready, replies[n::4])) for n in range(4)]
        for thread in threads:
            thread.start()
        ready.wait()
        waiting, _ = box.close(KILLED)
        for thread in threads:
            thread.join()
        for envelope in waiting:
            envelope.fail("/a", KILLED, begun=False)
        assert all(reply.is_settled for reply in replies)


def _put_all(box: Mailbox, ready: threading.Barrier, replies: list[Reply[Any]]) -> None:
    ready.wait()
    for reply in replies:
        box.put(Envelope(1, reply, "call"))
