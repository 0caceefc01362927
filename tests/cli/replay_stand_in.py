"""A peer that speaks the daemon's answer format over real HTTP, and can be told to misbehave as networks do."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from viral_engine.control import daemon_file
from viral_engine.control.daemon_file import DaemonInfo


@dataclass
class StandIn:
    """Answers checks: whoever has `bad` in the name is denied.

    `lose_answers` counts bulk requests that are carried out and whose connection is then closed without an answer,
    `forget` whether their idempotency keys are forgotten too, as when a daemon dies; `busy` counts answers of 503.
    """

    url: str = ""
    lose_answers: int = 0
    forget: bool = False
    busy: int = 0
    broken_lines: int = 0
    reached: str = ""
    calls: list[tuple[str, str, Any]] = field(default_factory=list)
    decided: list[dict[str, Any]] = field(default_factory=list)
    kept: dict[str, list[Any]] = field(default_factory=dict)
    batches: int = 0
    data_dir: Path | None = None

    def write_daemon_file(self) -> None:
        """Says in the data folder, if there is one, that a new daemon is running."""
        if self.data_dir is not None:
            info = DaemonInfo(pid=1, url=self.url, socket="none", started_ms=self.batches, version="0")
            daemon_file.write(self.data_dir, info)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            try:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            except (asyncio.IncompleteReadError, ConnectionError):
                break
            method, path, _ = head[0].split()
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:])}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            answer = self.answer(method, path, headers, json.loads(body) if body else None)
            if answer is None:
                break
            status, document = answer
            text = b"" if document is None else json.dumps(document).encode()
            writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: {len(text)}\r\n\r\n".encode() + text)
        writer.close()

    def answer(self, method: str, path: str, headers: dict[str, str], body: Any) -> tuple[int, Any] | None:
        if headers.get("authorization") != "Bearer ve_key_secret":
            return 401, {"error": "authentication_required", "message": "no key", "field": None}
        if path.startswith("/v1/decisions?user_id="):
            user = path.partition("=")[2].partition("&")[0]
            return 200, {"decisions": [one for one in self.decided if one["user_id"] == user], "next_before": None}
        if path != "/v1/actions/check/bulk":
            self.calls.append((method, path, body))
            return (204, None) if method == "DELETE" else (201, {"consent_id": f"consent-{len(self.calls)}"})
        if self.busy:
            self.busy -= 1
            return 503, {"error": "unavailable", "message": "not now", "field": None}
        self.batches += 1
        once = headers["idempotency-key"]
        if once not in self.kept:
            self.kept[once] = [self.decide(item) for item in body["items"]]
        answers = self.kept[once]
        if any("decision" not in found for found in answers):
            del self.kept[once]
        if self.lose_answers and len(answers) > 1:
            self.lose_answers -= 1
            if self.forget:
                self.kept.clear()
                self.write_daemon_file()
            return None
        return 200, {"answers": answers}

    def decide(self, item: dict[str, Any]) -> dict[str, Any]:
        if self.broken_lines and len(self.decided) >= 3:
            self.broken_lines -= 1
            return {"error": "unavailable", "message": "not now", "field": None}
        if item["occurred_at"] < self.reached:
            message = f"occurred_at goes backwards: imported events have reached {self.reached}"
            return {"error": "invalid", "message": message, "field": "occurred_at"}
        self.reached = item["occurred_at"]
        bad = "bad" in item["user_id"]
        answer = {
            "decision_id": str(len(self.decided)),
            "decision": "deny" if bad else "allow",
            "recorded": True,
            "reasons": ["rate_limited"] if bad else [],
            "latency_ms": 0.25,
        }
        self.decided.append({**item, **answer})
        return answer


@contextmanager
def stand_in() -> Iterator[StandIn]:
    """A running stand-in on a loop in a thread of its own."""
    peer = StandIn()
    started = threading.Event()
    loop = asyncio.new_event_loop()

    async def main() -> None:
        server = await asyncio.start_server(peer.serve, "127.0.0.1", 0)
        peer.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        started.set()
        await stopping
        server.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    stopping = loop.create_future()
    thread = threading.Thread(target=loop.run_until_complete, args=(main(),))
    thread.start()
    try:
        assert started.wait(10)
        yield peer
    finally:
        loop.call_soon_threadsafe(stopping.set_result, None)
        thread.join(10)
        loop.close()
