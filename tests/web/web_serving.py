"""A served HTTP side for tests: the real actor on a real socket, with small actors as its neighbours."""

import http.client
import json
import secrets
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, get_args

import structlog
import uvloop

from viral_engine import config
from viral_engine.actors.web.actor import Web
from viral_engine.domain.ages import AgeBand
from viral_engine.domain.facts import Relation
from viral_engine.messages.checks import CheckAction, Decided
from viral_engine.messages.disclosures import ReadStandings, Standing
from viral_engine.messages.journal import DecisionRow
from viral_engine.messages.keys import KeyRecord, Scope
from viral_engine.messages.reading import ReadKeys
from viral_engine.messages.reviews import ReadVerdicts
from viral_engine.runtime.actor import NO_REPLY
from viral_engine.runtime.loop_actor import LoopActor
from viral_engine.runtime.spec import Supervisor, Worker
from viral_engine.runtime.system import System
from viral_engine.web.context import Readiness, WebContext
from viral_engine.web.keytext import mac_of, new_key

INSTANCE_KEY = b"an instance key of a test"
TIMEOUT_S = 20.0
ALL_SCOPES: list[str] = list(get_args(Scope))


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)

    @property
    def error(self) -> tuple[int, str, str | None]:
        """Status, code and field of an error; its form is checked on the way."""
        found = self.json
        assert found.keys() == {"error", "message", "field"}
        assert found["message"]
        return self.status, found["error"], found["field"]


class Peer(LoopActor):
    """Answers what its function returns; an exception that it returns is the answer too.

    Spec args: a function of the message and its `reply_to`.
    """

    def init(self, answer: Callable[[Any, Any], Any]) -> None:
        self._answer_of = answer

    def handle_call(self, message: Any, reply_to: Any) -> Any:
        result = self._answer_of(message, reply_to)
        if isinstance(result, Exception):
            reply_to.set_exception(result)
            return NO_REPLY
        return result


def answer_of(action: CheckAction, number: int = 1) -> bytes:
    """A check's answer, as trust_safety would encode it."""
    return json.dumps(
        {
            "decision_id": f"01920000-0000-7000-8000-{number:012d}",
            "decision": "allow",
            "recorded": True,
            "reasons": [],
            "score": 0,
            "contributions": [],
            "policy": {"id": "default", "version": 1, "mode": "enforce"},
            "limits": None,
            "consent": {"required": False, "scope": None, "basis": None, "state": "not_required"},
            "shadow": [],
            "missing": [],
            "latency_ms": 0.1,
        }
    ).encode()


@dataclass(slots=True)
class TrustSafety:
    """A script for trust_safety: remembers what it got, decides everything to allow."""

    got: list[Any] = field(default_factory=list)
    answers: dict[type, Any] = field(default_factory=dict)

    def __call__(self, message: Any, reply_to: Any) -> Any:
        self.got.append(message)
        if type(message) in self.answers:
            given = self.answers[type(message)]
            return given(message, reply_to) if callable(given) else given
        assert isinstance(message, CheckAction)
        return Decided("allow", answer_of(message, len(self.got)))


def adult(user_id: str) -> Standing:
    """Somebody whose records nobody logs the reading of."""
    return Standing(user_id=user_id, band=AgeBand.ADULT, relation=Relation.NONE, asker_is_blocked=False)


@dataclass(slots=True)
class Reader:
    """A script for the reader: keys, and answers by type of question."""

    keys: list[KeyRecord] = field(default_factory=list)
    got: list[Any] = field(default_factory=list)
    answers: dict[type, Any] = field(default_factory=dict)
    failure: Exception | None = None

    def __call__(self, message: Any, reply_to: Any) -> Any:
        if self.failure is not None:
            return self.failure
        if isinstance(message, ReadKeys):
            return list(self.keys)
        self.got.append(message)
        if isinstance(message, ReadStandings) and ReadStandings not in self.answers:
            return [adult(user_id) for user_id in message.user_ids]
        if isinstance(message, ReadVerdicts) and ReadVerdicts not in self.answers:
            return {}
        return self.answers[type(message)]

    def add_key(self, scopes: list[str], **fields: Any) -> str:
        """Makes a key; returns its text."""
        key_id, text = new_key()
        values: dict[str, Any] = {"networks": [], "expires_at": None, "revoked_at": None, **fields}
        self.keys.append(
            KeyRecord(
                key_id=key_id,
                name="a test's",
                scopes=scopes,
                secret_mac=mac_of(INSTANCE_KEY, text),
                created_at=datetime.now(UTC),
                **values,
            )
        )
        return text


@dataclass(slots=True)
class ListSpool:
    """A spool that keeps its rows in memory, or refuses them."""

    rows: list[DecisionRow] = field(default_factory=list)
    failure: Exception | None = None

    def append(self, rows: list[DecisionRow]) -> None:
        if self.failure is not None:
            raise self.failure
        self.rows += rows


@dataclass(slots=True)
class Served:
    """What runs, and how to reach it."""

    system: System
    port: int
    key: str
    trust_safety: TrustSafety
    reader: Reader
    spool: ListSpool
    context: WebContext

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = "",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Sends one request over a connection of its own; `key` None sends none."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_S)
        sent = dict(headers or {})
        if key is not None:
            sent["Authorization"] = f"Bearer {key or self.key}"
        payload = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        try:
            connection.request(method, path, payload, sent)
            response = connection.getresponse()
            return Answer(
                response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
            )
        finally:
            connection.close()

    def check(self, body: Any = None, **options: Any) -> Answer:
        """Sends a check."""
        body = {"user_id": 1, "action_type": "general"} if body is None else body
        return self.request("POST", "/v1/actions/check", body, **options)

    def connect(self) -> socket.socket:
        """Opens a connection for bytes of one's own."""
        return socket.create_connection(("127.0.0.1", self.port), TIMEOUT_S)

    def kill_web(self) -> None:
        """Kills the actor; returns when its successor has the name."""
        actor = self.system.registry.whereis("/web")
        assert actor is not None
        back = threading.Event()
        actor.kill("a test")
        assert self.system.registry.when_registered("/web", back.set)
        assert back.wait(TIMEOUT_S)


def _not_journalled(message: Any, reply_to: Any) -> Any:
    raise AssertionError(message)


@contextmanager
def serving(
    *,
    trust_safety: TrustSafety | None = None,
    journal: Worker | None = None,
    reader: Worker | None = None,
    settings: dict[str, dict[str, Any]] | None = None,
    readiness: Readiness | None = None,
    with_trust_safety: bool = True,
    growth: tuple[Worker, ...] = (),
) -> Iterator[Served]:
    """Runs the HTTP side on a free port; `growth` are actors beside trust_safety."""
    script, readers = trust_safety or TrustSafety(), Reader()
    key = readers.add_key(ALL_SCOPES)
    system = System(make_loop=uvloop.new_event_loop)
    spool = ListSpool()
    context = WebContext(
        system=system,
        settings=config.load(overrides=settings),
        version="0.0.0",
        instance_key=INSTANCE_KEY,
        boot_id=secrets.token_hex(8),
        spool=spool,
        readiness=lambda: readiness or Readiness({}),
        metrics_text=lambda: b"viral_engine_of_others 1\n",
        log=structlog.get_logger(),
    )
    if with_trust_safety:
        growth = (Worker(name="trust_safety", actor_class=Peer, args=(script,)), *growth)
    with socket.create_server(("127.0.0.1", 0), backlog=1024) as listener:
        system.start(
            Supervisor(
                name="root",
                restarts_max=100,
                children=(
                    reader or Worker(name="reader", actor_class=Peer, args=(readers,)),
                    journal or Worker(name="journal", actor_class=Peer, args=(_not_journalled,)),
                    Supervisor(name="growth", children=growth),
                    Worker(name="web", actor_class=Web, args=(context, listener), shutdown_s=10.0),
                ),
            )
        )
        try:
            yield Served(system, listener.getsockname()[1], key, script, readers, spool, context)
        finally:
            system.stop()
