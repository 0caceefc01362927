"""The settings: one frozen object, read once, from a file, the environment and flags."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any, get_type_hints

import msgspec
from msgspec import Struct

ENVIRONMENT_PREFIX = "VIRAL_ENGINE_"

LOOP_LAG_RED_S = 5.0
"""A loop that has not turned for so long makes `/readyz` red."""


class ConfigError(Exception):
    """A setting that can't be used; the message names it, where it came from, and why."""


class Server(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the daemon listens."""

    host: str
    port: int
    backlog: int
    trusted_proxies: list[str]
    stop_grace_s: float


class Database(Struct, frozen=True, forbid_unknown_fields=True):
    """PostgreSQL; an empty `url` means the embedded server."""

    url: str
    pool_size: int
    connect_timeout_s: int
    statement_timeout_ms: int
    partitions_ahead_days: int


class Journal(Struct, frozen=True, forbid_unknown_fields=True):
    """The single writer."""

    batch_rows_max: int
    commit_deadline_ms: int
    stall_deadline_ms: int
    spool_bytes_max: int
    spool_batch_rows: int


class TrustSafety(Struct, frozen=True, forbid_unknown_fields=True):
    """Bounds of what trust_safety holds in memory."""

    users_cached_max: int
    window_keys_max: int
    signups_max: int
    entries_max: int
    pending_max: int
    warm_rows_max: int


class Web(Struct, frozen=True, forbid_unknown_fields=True):
    """Bounds of the HTTP side."""

    body_bytes_max: int
    bulk_bytes_max: int
    bulk_items_max: int
    call_timeout_s: float
    keep_alive_s: int
    connections_max: int


class Disk(Struct, frozen=True, forbid_unknown_fields=True):
    """When the disk counts as full."""

    free_bytes_min: int
    check_interval_s: float


class Logging(Struct, frozen=True, forbid_unknown_fields=True):
    """What is logged and how much of it is kept."""

    level: str
    file_bytes_max: int


class Jobs(Struct, frozen=True, forbid_unknown_fields=True):
    """Periods of the ticks."""

    limits_cleanup_s: int
    idempotency_hours: int
    heartbeat_s: int


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


def root_folder() -> Path:
    """Returns the folder of `supervisor.py`, `config/`, `migrations/`: a checkout's root, or the wheel's `_root`."""
    package = Path(__file__).resolve().parent
    packaged = package / "_root"
    return packaged if packaged.is_dir() else package.parent


def data_folder(given: str | None = None) -> Path:
    """Returns the data folder: the flag, else VIRAL_ENGINE_DATA_DIR, else the user's place for such data."""
    chosen = given or os.environ.get("VIRAL_ENGINE_DATA_DIR")
    if chosen:
        return Path(chosen).expanduser().resolve()
    if os.geteuid() == 0:
        return Path("/var/lib/viral-engine")
    home = os.environ.get("XDG_DATA_HOME")
    return (Path(home) if home else Path.home() / ".local" / "share") / "viral-engine"


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
        return msgspec.convert(values, Settings)
    except msgspec.ValidationError as error:
        raise ConfigError(f"a setting has the wrong type: {error}") from error


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
        section, separator, key = name.removeprefix(ENVIRONMENT_PREFIX).lower().partition("__")
        if not name.startswith(ENVIRONMENT_PREFIX) or not separator:
            continue
        if section not in sections or key not in (fields := get_type_hints(sections[section])):
            raise ConfigError(f"{name}: there is no setting {section}.{key}")
        found.setdefault(section, {})[key] = _convert(name, text, fields[key])
    return found


def _convert(name: str, text: str, wanted: Any) -> Any:
    if wanted is str:
        return text
    try:
        if wanted == list[str]:
            return [part.strip() for part in text.split(",") if part.strip()]
        return wanted(text)
    except ValueError as error:
        raise ConfigError(f"{name}: {text!r} is not a {wanted.__name__}") from error
