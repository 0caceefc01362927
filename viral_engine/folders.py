"""Where things are: the files that stand beside the package, and the data."""

from __future__ import annotations

import os
from pathlib import Path


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


def is_text(text: str) -> bool:
    """Tells whether what came from the shell or a file system can be written as UTF-8; other bytes are not."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
