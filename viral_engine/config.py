"""The settings: one frozen object, read once, from a file, the environment and flags."""

from __future__ import annotations

import os
import re
import tomllib
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

import msgspec
from msgspec import Meta, Struct

from viral_engine.folders import root_folder

ENVIRONMENT_PREFIX = "VIRAL_ENGINE_"

LOOP_LAG_RED_S = 5.0
"""A loop that has not turned for so long makes `/readyz` red."""


NOT_SETTINGS = frozenset({"VIRAL_ENGINE_DATA_DIR", "VIRAL_ENGINE_KEY_FILE", "VIRAL_ENGINE_CHROMIUM"})
"""Variables with the prefix that name no setting."""

Port = Annotated[int, Meta(ge=0, le=65_535)]
Count = Annotated[int, Meta(ge=1)]
Bytes = Annotated[int, Meta(ge=0)]
Seconds = Annotated[float, Meta(gt=0, le=3600)]
Interval = Annotated[float, Meta(ge=0, le=3600)]
Reminder = Annotated[float, Meta(ge=60, le=86_400)]

_ADDRESS = re.compile(r"[\w!#$%&'*+/=?^`{|}~.-]+@[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?", re.ASCII)
"""A mail address without quotes, comments or names: what can stand in a header and after RCPT TO as it is."""

_WEB_URL = re.compile(r"https?://[A-Za-z0-9\[][!-~]*", re.ASCII)


class ConfigError(Exception):
    """A setting that can't be used; the message names it, where it came from, and why."""


class Server(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the daemon listens."""

    host: str
    port: Port
    backlog: Count
    trusted_proxies: list[str]
    stop_grace_s: Interval


class Database(Struct, frozen=True, forbid_unknown_fields=True):
    """PostgreSQL; an empty `url` means the embedded server."""

    url: str
    pool_size: Count
    connect_timeout_s: Count
    statement_timeout_ms: Count
    partitions_ahead_days: Count


class Journal(Struct, frozen=True, forbid_unknown_fields=True):
    """The single writer."""

    batch_rows_max: Count
    commit_deadline_ms: Count
    stall_deadline_ms: Count
    spool_bytes_max: Count
    spool_batch_rows: Count


class TrustSafety(Struct, frozen=True, forbid_unknown_fields=True):
    """Bounds of what trust_safety holds in memory."""

    users_cached_max: Count
    window_keys_max: Count
    signups_max: Count
    entries_max: Count
    pending_max: Count
    warm_rows_max: Count


class Web(Struct, frozen=True, forbid_unknown_fields=True):
    """Bounds of the HTTP side."""

    body_bytes_max: Count
    bulk_bytes_max: Count
    bulk_items_max: Count
    call_timeout_s: Seconds
    keep_alive_s: Count
    connections_max: Count
    support_contact: str


class Disk(Struct, frozen=True, forbid_unknown_fields=True):
    """When the disk counts as full."""

    free_bytes_min: Bytes
    check_interval_s: Interval


class Logging(Struct, frozen=True, forbid_unknown_fields=True):
    """What is logged and how much of it is kept."""

    level: Literal["debug", "info", "warning", "error"]
    file_bytes_max: Count


class Jobs(Struct, frozen=True, forbid_unknown_fields=True):
    """Periods of the ticks."""

    limits_cleanup_s: Count
    idempotency_hours: Count
    heartbeat_s: Count
    pages_s: Count


class Pager(Struct, frozen=True, forbid_unknown_fields=True):
    """How somebody is told at once of a case of child safety; an empty `host` means that nobody is."""

    host: str
    port: Port
    security: Literal["starttls", "tls", "none"]
    ca_file: str
    username: str
    password_file: str
    password_variable: str
    sender: str
    recipients: list[str]
    timeout_s: Seconds
    api_url: str
    remind_s: Reminder


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that can be set."""

    server: Server
    database: Database
    journal: Journal
    trust_safety: TrustSafety
    web: Web
    disk: Disk
    logging: Logging
    jobs: Jobs
    pager: Pager


def load(file: Path | None = None, overrides: dict[str, dict[str, Any]] | None = None) -> Settings:
    """Reads the settings.

    Args:
        file: a TOML file whose values replace the packaged ones.
        overrides: sections and keys that replace everything else (the flags of `serve`).

    Raises:
        ConfigError: an unknown section or key, a wrong type, a file that can't be read or parsed.
    """
    values = _read(root_folder() / "config" / "default.toml")
    for source, layer in (
        (str(file), _read(file) if file is not None else {}),
        ("the environment", _from_environment()),
        ("the command line", overrides or {}),
    ):
        _merge(values, layer, source)
    try:
        settings = msgspec.convert(values, Settings)
    except msgspec.ValidationError as error:
        problem, _, where = str(error).partition(" - at `$.")
        raise ConfigError(f"setting {where.rstrip('`') or '?'}: {problem[:1].lower()}{problem[1:]}") from error
    for network in settings.server.trusted_proxies:
        try:
            ip_network(network)
        except ValueError as error:
            raise ConfigError(f"setting server.trusted_proxies: {error}") from error
    _check_pager(settings.pager)
    return settings


def _check_pager(pager: Pager) -> None:
    """Refuses settings with which nobody would be paged though somebody meant to be."""
    needed = {"sender": pager.sender, "recipients": pager.recipients}
    if pager.host and (missing := [name for name, given in needed.items() if not given]):
        raise ConfigError(f"setting pager.{missing[0]}: is needed beside pager.host")
    if not pager.host and pager.recipients:
        raise ConfigError("setting pager.host: is needed beside pager.recipients")
    for name, address in (("sender", pager.sender), *(("recipients", one) for one in pager.recipients)):
        if address and not _ADDRESS.fullmatch(address):
            raise ConfigError(f"setting pager.{name}: {address!r} is no mail address")
    if bool(pager.username) != bool(pager.password_file or pager.password_variable):
        raise ConfigError("setting pager.username: goes together with pager.password_file or pager.password_variable")
    if pager.password_file and pager.password_variable:
        raise ConfigError("setting pager.password_file: or pager.password_variable, not both")
    if pager.api_url and _WEB_URL.fullmatch(pager.api_url) is None:
        raise ConfigError(f"setting pager.api_url: {pager.api_url!r} does not begin with https:// and a host")
    if pager.username and pager.security == "none":
        raise ConfigError("setting pager.security: a password needs starttls or tls")


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{file} can't be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} is not valid TOML: {error}") from error


def _merge(values: dict[str, Any], layer: dict[str, Any], source: str) -> None:
    for section, settings in layer.items():
        if section not in values:
            raise ConfigError(f"{source}: there is no section [{section}]")
        if not isinstance(settings, dict):
            raise ConfigError(f"{source}: [{section}] must be a table")
        for key, value in settings.items():
            if key not in values[section]:
                raise ConfigError(f"{source}: there is no setting {section}.{key}")
            values[section][key] = value


def _from_environment() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    sections = get_type_hints(Settings)
    for name, text in os.environ.items():
        if not name.startswith(ENVIRONMENT_PREFIX) or name in NOT_SETTINGS:
            continue
        section, _, key = name.removeprefix(ENVIRONMENT_PREFIX).lower().partition("__")
        if section not in sections or key not in (fields := get_type_hints(sections[section])):
            raise ConfigError(f"{name} names no setting: VIRAL_ENGINE_<SECTION>__<KEY>, as in config/default.toml")
        found.setdefault(section, {})[key] = _convert(name, text, fields[key])
    return found


def _convert(name: str, text: str, wanted: Any) -> Any:
    """Turns a variable's text into the setting's type; its range is checked with all the others."""
    if wanted == list[str]:
        if text.lstrip().startswith("["):
            raise ConfigError(f"{name}: {text!r} is no list by commas, such as a,b without brackets and quotes")
        return [part.strip() for part in text.split(",") if part.strip()]
    if wanted not in (int, float):
        return text
    try:
        return wanted(text)
    except ValueError as error:
        raise ConfigError(f"{name}: {text!r} is not a {'whole number' if wanted is int else 'number'}") from error
