"""The keys that the first start makes: the instance's own, the operator's, and one that may only ask."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

from viral_engine.messages.keys import KeyRecord, Scope
from viral_engine.web.keytext import key_id_of, mac_of, new_key

INSTANCE_KEY_FILE = "instance-key"
INSTANCE_KEY_BYTES = 32
OPERATOR_FILE = "api-key"
CHECK_ONLY_FILE = "api-key-check"


@dataclass(frozen=True, slots=True)
class FirstKeys:
    """What the data folder holds.

    Attributes:
        instance_key: under which API keys are hashed; whoever has the database alone can make none.
        records: of the keys whose text lies in the folder.
    """

    instance_key: bytes
    records: tuple[KeyRecord, ...]


class InstanceKeyLost(Exception):
    """The instance key is gone or damaged although API keys were made under it: every one of them would be refused."""

    def __init__(self, file: Path) -> None:
        super().__init__(
            f"{file} is missing or damaged, and without it no API key is valid: restore it from a backup, or remove "
            f"{file.with_name(OPERATOR_FILE)} to start over with new keys"
        )


def first_keys(data_dir: Path) -> FirstKeys:
    """Reads the keys of the data folder and makes those that are missing; every file is 0600.

    The last word of `api-key` and `api-key-check` is the key.

    Raises:
        InstanceKeyLost: see there.
    """
    instance_key = _instance_key(data_dir / INSTANCE_KEY_FILE)
    operator = _key(data_dir / OPERATOR_FILE, "operator key, every scope:")
    check_only = _key(data_dir / CHECK_ONLY_FILE, "key that may only check actions:")
    return FirstKeys(
        instance_key,
        (
            _record(operator, "operator (made at the first start)", list(get_args(Scope)), instance_key),
            _record(check_only, "check only (made at the first start)", ["check"], instance_key),
        ),
    )


def _record(text: str, name: str, scopes: list[str], instance_key: bytes) -> KeyRecord:
    key_id = key_id_of(text)
    assert key_id is not None
    return KeyRecord(
        key_id=key_id,
        name=name,
        scopes=scopes,
        networks=[],
        secret_mac=mac_of(instance_key, text),
        created_at=datetime.now(UTC),
        expires_at=None,
        revoked_at=None,
    )


def _key(file: Path, words: str) -> str:
    if file.exists():
        found = (file.read_bytes().decode(errors="replace").split() or [""])[-1]
        if key_id_of(found) is not None:
            return found
    _, text = new_key()
    _write(file, f"{words} {text}\n".encode())
    return text


def _instance_key(file: Path) -> bytes:
    if file.exists():
        try:
            found = bytes.fromhex(file.read_bytes().decode())
        except ValueError:
            found = b""
        if len(found) == INSTANCE_KEY_BYTES:
            return found
    if file.with_name(OPERATOR_FILE).exists():
        raise InstanceKeyLost(file)
    made = secrets.token_bytes(INSTANCE_KEY_BYTES)
    _write(file, made.hex().encode() + b"\n")
    return made


def _write(file: Path, content: bytes) -> None:
    """Writes whole or not at all, readable by the owner only from the first moment."""
    beside = file.with_name(f"{file.name}.new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    beside.replace(file)
