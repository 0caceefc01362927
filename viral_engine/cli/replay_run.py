"""Sends a day: the world first, over several connections, then the lines in order, over one.

Order is why the lines go in batches over one connection: imported events may never go back in time, and each decision
rests on those before it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from queue import SimpleQueue
from typing import Any

from viral_engine.cli.replay_day import DayFile, chunks, days_beyond, moved
from viral_engine.cli.replay_peer import Peer, Response
from viral_engine.cli.replay_tally import Tally

BULK_PATH = "/v1/actions/check/bulk"
HTTP_OK = 200
HTTP_CONFLICT = 409
ITEM_TRIES_MAX = 20
PAGE = 200
_AGAIN = frozenset({"unavailable"})

Progress = Callable[[int, int], None]


class Unusable(Exception):
    """The daemon answered, but not so that the replay can go on."""


@dataclass(slots=True)
class Replay:
    """One run.

    Attributes:
        run: tells this run's idempotency keys from those of every other one.
        connect: opens a connection.
        batch: lines to a request.
    """

    run: str
    connect: Callable[[], Peer]
    batch: int
    tally: Tally = field(default_factory=Tally)

    def tell_world(self, calls: list[dict[str, Any]], digest: str, connections: int, progress: Progress) -> None:
        """Makes the calls, those that need another's answer last.

        Raises:
            Unusable: a call was refused.
            DaemonAway: the daemon could not be used.
        """
        answers: list[Any] = [None] * len(calls)
        peers: SimpleQueue[Peer] = SimpleQueue()
        opened = [self.connect() for _ in range(connections)]
        for peer in opened:
            peers.put(peer)

        def make(place: int) -> None:
            call = calls[place]
            path = call["path"]
            if "after_line" in call:
                path = path.format_map(answers[call["after_line"] - 1] or {})
            body = json.dumps(call["body"]).encode() if "body" in call else None
            peer = peers.get()
            try:
                response = peer.send(call["method"], path, body, f"replay-{digest[:32]}-world-{place + 1}")
            finally:
                peers.put(peer)
            # Told before, in another run: that is what was wanted.
            if response.status >= 400 and response.status != HTTP_CONFLICT:  # noqa: PLR2004 - HTTP's errors begin there
                raise Unusable(f"line {place + 1} of the world: {_refusal(response)}")
            answers[place] = response.document

        try:
            for later in (False, True):
                places = [place for place, call in enumerate(calls) if ("after_line" in call) == later]
                with ThreadPoolExecutor(connections) as pool:
                    for _ in pool.map(make, places):
                        self.tally.world += 1
                        progress(self.tally.world, len(calls))
        finally:
            for peer in opened:
                peer.close()

    def send_day(
        self, day: DayFile, labels: dict[int, tuple[str, str]], shift_days: int | None, progress: Progress
    ) -> None:
        """Sends the lines; `shift_days` None lets the engine's clock decide.

        Raises:
            Unusable: the daemon refuses the requests as such.
            DaemonAway: the daemon could not be used.
        """
        tally = self.tally
        tally.lines = day.lines
        peer = self.connect()
        begun_s = time.monotonic()
        try:
            tally.shift_days = self._shift(peer, day) if shift_days is None else shift_days
            for start, items in chunks(day, self.batch, tally.shift_days):
                for line, answer in enumerate(self._answers(peer, day, start, items), start=start):
                    if "decision" in answer:
                        tally.answer(answer, labels.get(line))
                    else:
                        tally.fail(line, answer)
                progress(start + len(items) - 1, day.lines)
        finally:
            tally.seconds = time.monotonic() - begun_s
            peer.close()

    def _shift(self, peer: Peer, day: DayFile) -> int:
        """Asks how far imported events have reached, with a line that is refused if they have passed it.

        The question is an item that no engine can take for an action: it lacks a user, so it never becomes a decision.
        """
        if day.first_at is None:
            return 0
        _, items = next(chunks(day, 1, 0))
        answer = self._send(peer, day, f"probe-{day.lines}", items)[0][0]
        if "decision" in answer or answer.get("field") != "occurred_at":
            return 0
        days = days_beyond(day.first_at, str(answer.get("message")))
        if days is None:
            raise Unusable(f"the first line's time is refused: {answer.get('message')}")
        return days
