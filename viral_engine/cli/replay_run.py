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
from datetime import UTC, datetime
from queue import SimpleQueue
from typing import Any
from urllib.parse import urlencode

from viral_engine.cli.replay_day import DayFile, chunks, days_beyond, days_until
from viral_engine.cli.replay_peer import DaemonReborn, Peer, Response
from viral_engine.cli.replay_tally import Tally

BULK_PATH = "/v1/actions/check/bulk"
HTTP_OK = 200
HTTP_NOT_FOUND = 404
HTTP_CONFLICT = 409
ITEM_TRIES_MAX = 20
PAGE = 200
PAGES_MAX = 5
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
    _probed: list[dict[str, Any]] = field(default_factory=list)
    _told_at: datetime | None = None

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
                # A PUT or a DELETE sent twice is done once anyway.
                once = f"replay-{digest[:32]}-world-{place + 1}" if call["method"] == "POST" else None
                response = peer.send(call["method"], path, body, once)
            finally:
                peers.put(peer)
            # Told before, in another run: that is what was wanted.
            is_done = response.status == HTTP_CONFLICT or (response.status, call["method"]) == (
                HTTP_NOT_FOUND,
                "DELETE",
            )
            if response.status >= 400 and not is_done:  # noqa: PLR2004 - HTTP's errors begin there
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
        self._told_at = datetime.now(UTC)

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
            tally.shift_days = self._shift_needed(peer, day) if shift_days is None else shift_days
            for start, items in chunks(day, self.batch, tally.shift_days):
                answers = self._probed if start == 1 and self._probed else self._answers(peer, day, start, items)
                for line, answer in enumerate(answers, start=start):
                    if "decision" in answer:
                        tally.answer(answer, labels.get(line))
                    else:
                        tally.fail(line, answer)
                progress(start + len(items) - 1, day.lines)
        finally:
            tally.seconds = time.monotonic() - begun_s
            peer.close()

    def _shift_needed(self, peer: Peer, day: DayFile) -> int:
        """How far the day must move.

        What the world tells counts from the moment it was told (a consent is not given retroactively), so the day has
        to begin after it. Then the first line is sent, alone: it is refused when imported events have gone past it.
        """
        if day.first_at is None:
            return 0
        days = days_until(day.first_at, self._told_at)
        start, items = next(chunks(day, self.batch, days))
        self.tally.shift_days = days
        answers = self._answers(peer, day, start, items, recover=False)
        if not _goes_backwards(answers[0]):
            self._probed = answers
            return days
        beyond = days_beyond(day.first_at, str(answers[0].get("message")))
        if beyond is None:
            raise Unusable(f"the first line's time is refused: {answers[0].get('message')}")
        return beyond

    def _once(self, day: DayFile, start: int, attempt: int = 0) -> str:
        return f"replay-{day.digest[:16]}-{self.run}-{self.tally.shift_days}-{start}-{attempt}"

    def _answers(
        self, peer: Peer, day: DayFile, start: int, items: list[dict[str, Any]], *, recover: bool = True
    ) -> list[dict[str, Any]]:
        """One answer per item: a decision, or the error that is left when trying again does not help.

        A daemon that died over the items had decided the first of them, as they are decided and recorded in order:
        those decisions are looked up, and the new daemon gets the rest. Where it is not known that it died (`--url`
        from elsewhere), the new one gets all items again, refuses those that were decided, and they are looked up
        then; the last one decided is not refused and so stands recorded twice.
        """
        try:
            answers, response = self._bulk(peer, self._once(day, start), items)
        except DaemonReborn:
            self.tally.retries += 1
            found = self._recorded_first(peer, items) if recover else []
            if not items[len(found) :]:
                return found
            return found + self._answers(peer, day, start + len(found), items[len(found) :], recover=recover)
        is_again = response.tries > 1
        for attempt in range(1, ITEM_TRIES_MAX):
            waiting = [place for place, answer in enumerate(answers) if answer.get("error") in _AGAIN]
            if not waiting:
                break
            is_again = True
            peer.pause(attempt)
            late, _ = self._bulk(peer, self._once(day, start, attempt), [items[place] for place in waiting])
            for place, answer in zip(waiting, late, strict=True):
                answers[place] = answer
        if is_again and recover:
            for place, answer in enumerate(answers):
                if _goes_backwards(answer):
                    answers[place] = self._recorded(peer, items[place]) or answer
        return answers

    def _recorded_first(self, peer: Peer, items: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The recorded decisions of the first items, up to one that has none."""
        found: list[dict[str, Any]] = []
        for item in items:
            decision = self._recorded(peer, item)
            if decision is None:
                break
            found.append(decision)
        return found

    def _bulk(self, peer: Peer, once: str, items: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], Response]:
        body = json.dumps({"items": items}, separators=(",", ":")).encode()
        response = peer.send("POST", BULK_PATH, body, once, is_reborn_told=True)
        self.tally.retries += response.tries - 1
        self.tally.request_ms.append(response.seconds * 1000)
        match response.document:
            case {"answers": list(answers)} if response.status == HTTP_OK and len(answers) == len(items):
                return answers, response
            case _:
                raise Unusable(_refusal(response))

    def _recorded(self, peer: Peer, item: dict[str, Any]) -> dict[str, Any] | None:
        """The decision that stands recorded for an item, None when there is none."""
        if "occurred_at" not in item:
            return None
        wanted = datetime.fromisoformat(item["occurred_at"])
        query = {"user_id": item["user_id"], "limit": PAGE}
        for _ in range(PAGES_MAX):
            response = peer.send("GET", f"/v1/decisions?{urlencode(query)}")
            if response.status != HTTP_OK:
                return None
            for decision in response.document["decisions"]:
                is_same = decision["action_type"] == item["action_type"]
                if is_same and datetime.fromisoformat(decision["occurred_at"]) == wanted:
                    self.tally.recovered += 1
                    return dict(decision)
            query["before"] = response.document["next_before"]
            if query["before"] is None:
                return None
        return None


def _goes_backwards(answer: dict[str, Any]) -> bool:
    return "decision" not in answer and answer.get("field") == "occurred_at"


def _refusal(response: Response) -> str:
    match response.document:
        case {"error": str(code), "message": str(message)}:
            return f"the daemon answers {response.status} {code}: {message}"
        case _:
            return f"the daemon answers {response.status} without a reason"
