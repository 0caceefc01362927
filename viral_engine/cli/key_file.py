"""Files that hold an API key: their last word is the key."""

from __future__ import annotations

from pathlib import Path

from viral_engine.cli.errors import CliError, ExitCode

OPERATORS = "api-key"
"""The one that the daemon's first start writes in its folder."""


def read_key(file: Path) -> str:
    """Returns the key in a file.

    Raises:
        CliError: the file can't be read, or holds no key.
    """
    try:
        words = file.read_text(encoding="utf-8").split()
    except OSError as error:
        hint = "name a file with --key-file"
        if isinstance(error, PermissionError):
            hint = "name a file of yours with --key-file, or run it as the daemon's user or as root"
        raise _no_key(f"{file} can't be read: {error.strerror}", hint) from error
    except UnicodeDecodeError:
        words = []
    if not words:
        raise _no_key(f"{file} holds no key", "name another file with --key-file")
    return words[-1]


def _no_key(message: str, hint: str) -> CliError:
    return CliError(ExitCode.NOT_ALLOWED, "no_key", message, hint)
