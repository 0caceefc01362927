"""Where the files are that people look for beside the package."""

from __future__ import annotations

from pathlib import Path


def root_folder() -> Path:
    """Returns the folder of `supervisor.py`, `config/`, `migrations/`: a checkout's root, or the wheel's `_root`."""
    package = Path(__file__).resolve().parent
    packaged = package / "_root"
    return packaged if packaged.is_dir() else package.parent
