"""What a specification's values may be: a mistake is told where it is written, not when a supervisor trips over it."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any, get_args

import pykka

from viral_engine.runtime.backoff import FACTOR_MAX, Backoff
from viral_engine.runtime.decider import Directive
from viral_engine.runtime.errors import InvalidSpec
from viral_engine.runtime.heartbeat import Heartbeat

if TYPE_CHECKING:
    from viral_engine.runtime.spec import ChildSpec, DynamicSupervisor, Supervisor, SupervisorSpec, Worker

SECONDS_MAX = 1e8
"""Three years: longer than anybody waits, shorter than what a lock can wait for."""


def check_child(spec: ChildSpec, choices: dict[str, Any]) -> None:
    """Refuses what is wrong with the fields that every child has.

    Args:
        spec: the specification.
        choices: fields whose values are words, with their Literal.

    Raises:
        InvalidSpec: names the field.
    """
    _segment("name", spec.name)
    name = spec.name
    if spec.registered is not None:
        _segment(f"{name}.registered", spec.registered)
    for field, words in choices.items():
        if getattr(spec, field) not in get_args(words):
            raise InvalidSpec(
                f"{name}.{field}", f"{getattr(spec, field)!r} must be one of {', '.join(get_args(words))}"
            )
    if spec.backoff is not None and not _can_be_carried_out(spec.backoff):
        raise InvalidSpec(
            f"{name}.backoff", f"{spec.backoff!r}: no negative time, factor 1 to {FACTOR_MAX}, jitter 0 to 1"
        )
    if spec.significant and spec.restart == "permanent":
        raise InvalidSpec(f"{name}.significant", "a permanent child never ends unrestarted")
    if spec.shutdown_s not in ("brutal", "infinity") and not _is_seconds(spec.shutdown_s):
        raise InvalidSpec(f"{name}.shutdown_s", f"{spec.shutdown_s!r} is neither seconds nor brutal nor infinity")


def check_worker(spec: Worker) -> None:
    """Refuses what is wrong with the fields of a worker.

    Raises:
        InvalidSpec: names the field.
    """
    name = spec.name
    actor_class: Any = spec.actor_class
    if not (isinstance(actor_class, type) and issubclass(actor_class, pykka.Actor)):
        raise InvalidSpec(f"{name}.actor_class", f"{actor_class!r} is no actor class")
    _is_tuple(f"{name}.args", spec.args)
    _whole(f"{name}.mailbox_capacity", spec.mailbox_capacity, low=1)
    if not (_is_seconds(spec.init_max_s) and spec.init_max_s > 0):
        raise InvalidSpec(f"{name}.init_max_s", f"{spec.init_max_s!r} must be seconds, more than 0")
    beat: Any = spec.heartbeat
    if beat is not None and not (
        isinstance(beat, Heartbeat) and _is_seconds(beat.every_s) and beat.every_s > 0
        and type(beat.missed_max) is int and beat.missed_max >= 1
    ):  # fmt: skip
        raise InvalidSpec(f"{name}.heartbeat", f"{beat!r}: a Heartbeat of some time, and at least one beat")
    for entry in _listed(f"{name}.decider", spec.decider):
        if not (isinstance(entry, tuple) and len(entry) == 2 and _is_exception(entry[0])):  # noqa: PLR2004
            raise InvalidSpec(f"{name}.decider", f"{entry!r} must be a class of exceptions and a directive")
        if entry[1] not in get_args(Directive):
            raise InvalidSpec(f"{name}.decider", f"{entry[1]!r} is no directive")


def check_intensity(spec: SupervisorSpec) -> None:
    """Refuses restarts that can't be counted.

    Raises:
        InvalidSpec: names the field.
    """
    _whole(f"{spec.name}.restarts_max", spec.restarts_max, low=0)
    if not (_is_seconds(spec.restarts_window_s) and spec.restarts_window_s > 0):
        raise InvalidSpec(f"{spec.name}.restarts_window_s", f"{spec.restarts_window_s!r} must be seconds, more than 0")


def check_children(spec: Supervisor) -> None:
    """Refuses children that can't live beside each other.

    Raises:
        InvalidSpec: names the field.
    """
    _is_tuple(f"{spec.name}.children", spec.children)
    for child in spec.children:
        check_spec(child)
        check_significant(spec, child)
    for what, names in (
        ("are called", [child.name for child in spec.children]),
        ("are registered as", [child.registered for child in spec.children if child.registered is not None]),
    ):
        for name, count in Counter(names).items():
            if count > 1:
                raise InvalidSpec(f"{spec.name}.children", f"two children {what} {name}")


def check_dynamic(spec: DynamicSupervisor) -> None:
    """Refuses what is wrong with the fields of a dynamic supervisor.

    Raises:
        InvalidSpec: names the field.
    """
    _whole(f"{spec.name}.children_max", spec.children_max, low=1)
    _is_tuple(f"{spec.name}.extra_args", spec.extra_args)
    if spec.template is not None:
        check_spec(spec.template)
        check_significant(spec, spec.template)
        if spec.template.registered is not None and spec.children_max > 1:
            raise InvalidSpec(f"{spec.name}.template", "a registered name is for one child, and this makes many")


def check_spec(spec: object) -> None:
    """Refuses what is no specification: an operation by hand may bring anything.

    Raises:
        InvalidSpec: it is none.
    """
    if not hasattr(type(spec), "__child_spec__"):
        raise InvalidSpec("spec", f"{spec!r} is no specification of a child")


def check_significant(supervisor: SupervisorSpec, child: ChildSpec) -> None:
    """Refuses a significant child of a supervisor that never shuts down by itself.

    Raises:
        InvalidSpec: the two contradict each other.
    """
    if child.significant and supervisor.auto_shutdown == "never":
        raise InvalidSpec(f"{supervisor.name}.auto_shutdown", "a significant child needs any_ or all_significant")


def _segment(field: str, name: object) -> None:
    if not isinstance(name, str) or not name.strip() or "/" in name or not name.isprintable():
        raise InvalidSpec(field, f"{name!r} must be a path segment: a text that can be printed, without a slash")


def _is_seconds(value: object) -> bool:
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    return math.isfinite(value) and 0 <= value <= SECONDS_MAX


def _whole(field: str, value: object, *, low: int) -> None:
    if type(value) is not int or value < low:
        raise InvalidSpec(field, f"{value!r} must be a whole number, at least {low}")


def _is_tuple(field: str, value: object) -> None:
    if not isinstance(value, tuple):
        raise InvalidSpec(field, f"must be a tuple, not {type(value).__name__}: (one,) is one of a single thing")


def _listed(field: str, value: object) -> Any:
    if not isinstance(value, tuple | list):
        raise InvalidSpec(field, f"must be a tuple, not {type(value).__name__}")
    return value


def _is_exception(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseException)


def _can_be_carried_out(backoff: object) -> bool:
    if not isinstance(backoff, Backoff):
        return False
    times = (backoff.first_s, backoff.longest_s, backoff.healthy_s)
    return all(map(_is_seconds, times)) and 1 <= backoff.factor <= FACTOR_MAX and 0 <= backoff.jitter <= 1
