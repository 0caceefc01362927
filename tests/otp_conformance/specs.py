"""Specifications of the cases as those of the runtime; what the runtime refuses, as OTP words it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from viral_engine.runtime.errors import InvalidSpec
from viral_engine.runtime.spec import ChildSpec, DynamicSupervisor, Supervisor, SupervisorSpec, Worker

from .script import Script, Stage
from .terms import Term, parse

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .workers import Scripted

Raw = dict[str, Any]

INTENSITY = 1
PERIOD_S = 5
"""OTP's defaults for a supervisor; the runtime's are Elixir's."""

FOR_EVER_S = 1e6
"""OTP waits for an init as long as it takes."""

_SHUTDOWNS = {"brutal_kill": "brutal", "infinity": "infinity"}


class Refused(Exception):
    """A specification that OTP refuses, and the reason it gives."""

    def __init__(self, reason: Term) -> None:
        super().__init__(reason)
        self.reason = reason


class Specs:
    """Makes the specifications of one case.

    Args:
        stage: what its workers share.
        worker: their class, which is their placement.
        workers: the behaviour of dynamic children by name.
    """

    def __init__(self, stage: Stage, worker: type[Scripted], workers: Mapping[str, Raw]) -> None:
        self._stage = stage
        self._worker = worker
        self._workers = workers
        self._supervisors: dict[str, Raw] = {}

    def root(self, raw: Raw) -> SupervisorSpec:
        """Makes the supervisor of a case.

        Raises:
            Refused: OTP would not start it.
        """
        spec = self._supervisor(raw, {})
        assert not isinstance(spec, Worker)
        return spec

    def child(self, raw: Raw, supervisor: str) -> ChildSpec:
        """Makes the child of a `start_child`.

        Raises:
            Refused: the supervisor would not take it.
        """
        raw = _from_term(raw["spec_term"]) if "spec_term" in raw else raw
        return self._child(raw, self._supervisors.get(supervisor, {}))

    def dynamic_script(self, child: str, supervisor: str) -> Script:
        """Returns the script of one more child of a template."""
        template = self._supervisors[supervisor].get("template", {})
        return self._script({**template, **self._workers.get(child, {}), "id": child}, {})

    def of_supervisor(self, child: str) -> Script:
        """Returns how the attempts to start a supervisor go."""
        return self._script({**self._supervisors.get(child, {}), "id": child}, {})

    def is_elixir(self, supervisor: str) -> bool:
        """Tells whether this supervisor is Elixir's DynamicSupervisor."""
        return _is_elixir(self._supervisors.get(supervisor, {}))

    def is_static(self, supervisor: str) -> bool:
        """Tells whether this supervisor has children in an order, by name."""
        return not self.is_elixir(supervisor) and "template" not in self._supervisors.get(supervisor, {})

    def has_worker_template(self, supervisor: str) -> bool:
        """Tells whether the children of this dynamic supervisor are workers."""
        return bool(self._supervisors[supervisor].get("template", {}).get("kind", "worker") == "worker")

    def refusal(self, error: InvalidSpec, raw: Raw) -> Term:
        """Returns the reason with which OTP refuses what the runtime refused."""
        match error.field.rpartition(".")[2]:
            case "restart":
                return ("invalid_restart_type", raw["restart"])
            case "shutdown_s":
                return ("invalid_shutdown", raw["shutdown"])
            case "significant":
                return ("bad_combination", [("restart", "permanent"), ("significant", True)])
            case "auto_shutdown":
                return ("bad_combination", [("auto_shutdown", "never"), ("significant", True)])
            case _:
                return ("invalid_child_spec", str(error))

    def _child(self, raw: Raw, supervisor: Raw) -> ChildSpec:
        if "id" not in raw:
            raise Refused("missing_id")
        if raw.get("no_start"):
            raise Refused("missing_start")
        kind = raw.get("type", raw.get("kind", "worker"))
        if not isinstance(raw.get("significant", False), bool):
            raise Refused(("invalid_significant", raw["significant"]))
        try:
            if kind == "worker":
                return self._make_worker(raw, supervisor)
            if kind in ("sup", "supervisor", "dynsup"):
                return self._supervisor(raw, supervisor)
        except InvalidSpec as error:
            raise Refused(self.refusal(error, raw)) from error
        raise Refused(("invalid_child_type", kind))

    def _make_worker(self, raw: Raw, supervisor: Raw) -> Worker:
        return Worker(
            name=str(raw["id"]),
            actor_class=self._worker,
            args=(self._script(raw, supervisor),),
            init_max_s=FOR_EVER_S,
            **_common(raw),
        )

    def _script(self, raw: Raw, supervisor: Raw) -> Script:
        starts = raw.get("start", ["ok"])
        return Script(
            child=str(raw["id"]),
            starts=starts if isinstance(starts, list) else [starts],
            stop=raw.get("stop", "die"),
            stage=self._stage,
            extra=tuple(supervisor.get("extra_arguments", ())),
            elixir=_is_elixir(supervisor),
        )

    def _supervisor(self, raw: Raw, parent: Raw) -> ChildSpec:
        if raw.get("strategy") == "simple_one_for_one" and "template" not in raw:
            raw = {**raw, "template": raw.get("children", [{}])[0]}
        self._supervisors[str(raw["id"])] = raw
        flags = _flags(raw)
        try:
            if "template" in raw:
                # A template has no script of its own: each child brings one.
                child = self._child({**raw["template"], "id": raw["template"].get("id", "template")}, raw)
                template = _without_args(child)
                return DynamicSupervisor(name=str(raw["id"]), template=template, **flags, **_common(raw))
            if _is_elixir(raw):
                extra = tuple(raw.get("extra_arguments", ()))
                limit = {"children_max": raw["max_children"]} if isinstance(raw.get("max_children"), int) else {}
                return DynamicSupervisor(name=str(raw["id"]), extra_args=extra, **limit, **flags, **_common(raw))
            children = tuple(self._child(child, raw) for child in raw.get("children", ()))
            strategy = raw.get("strategy", "one_for_one")
            return Supervisor(name=str(raw["id"]), children=children, strategy=strategy, **flags, **_common(raw))
        except Refused as refused:
            raise Refused(("start_spec", refused.reason)) from refused
        except InvalidSpec as error:
            raise Refused(self._flag_refusal(error, raw)) from error

    def _flag_refusal(self, error: InvalidSpec, raw: Raw) -> Term:
        match error.field.rpartition(".")[2]:
            case "strategy":
                return ("supervisor_data", ("invalid_strategy", raw["strategy"]))
            case "restarts_max":
                return ("supervisor_data", ("invalid_intensity", raw["intensity"]))
            case "restarts_window_s":
                return ("supervisor_data", ("invalid_period", raw["period"]))
            case "auto_shutdown" if raw.get("auto_shutdown", "never") != "never":
                return ("supervisor_data", ("invalid_auto_shutdown", raw["auto_shutdown"]))
            case "children":
                twice = [child for child, count in Counter(one["id"] for one in raw["children"]).items() if count > 1]
                return ("start_spec", ("duplicate_child_name", twice[0]))
            case _:
                return ("start_spec", self.refusal(error, raw))


def _is_elixir(supervisor: Raw) -> bool:
    return supervisor.get("kind") == "dynsup"


def _flags(raw: Raw) -> Raw:
    intensity, period = raw.get("intensity", INTENSITY), raw.get("period", PERIOD_S)
    if not isinstance(intensity, int):
        raise Refused(("supervisor_data", ("invalid_intensity", intensity)))
    if not isinstance(period, int):
        raise Refused(("supervisor_data", ("invalid_period", period)))
    auto_shutdown = raw.get("auto_shutdown", "never")
    return {"restarts_max": intensity, "restarts_window_s": float(period), "auto_shutdown": auto_shutdown}


def _common(raw: Raw) -> Raw:
    """The fields that workers and supervisors share; those left out take the runtime's defaults, which are OTP's."""
    common: Raw = {"registered": raw.get("name"), "significant": raw.get("significant", False)}
    if "restart" in raw:
        common["restart"] = raw["restart"]
    if "shutdown" in raw:
        shutdown = raw["shutdown"]
        common["shutdown_s"] = shutdown / 1_000 if isinstance(shutdown, int) else _SHUTDOWNS.get(shutdown, shutdown)
    return common


def _without_args(child: ChildSpec) -> Worker | Supervisor:
    assert not isinstance(child, DynamicSupervisor)
    if isinstance(child, Supervisor):
        return child
    return replace(child, args=())


def _from_term(text: str) -> Raw:
    term = parse(text)
    if isinstance(term, tuple) and len(term) == 6:
        term = dict(zip(("id", "start", "restart", "shutdown", "type", "modules"), term, strict=True))
    if not isinstance(term, dict):
        raise Refused(("invalid_child_spec", term))
    known = ("id", "restart", "shutdown", "type", "significant")
    return {key: term[key] for key in known if key in term} | ({} if "start" in term else {"no_start": True})
