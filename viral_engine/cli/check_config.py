"""`check-config`: are the settings valid, and what are they in the end?"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import msgspec

from viral_engine.cli.errors import ExitCode
from viral_engine.cli.layout import clean, fields
from viral_engine.cli.options import Session, common
from viral_engine.config import ConfigError, load


@click.command()
@click.option("--config", metavar="F", type=click.Path(dir_okay=False, path_type=Path), help="The file to check.")
@common
def check_config(session: Session, config: Path | None) -> int:
    """Check the settings without starting anything.

    Defaults, then the file, then the environment. Exits 1 when they are not valid.
    """
    try:
        settings = msgspec.to_builtins(load(config))
    except ConfigError as error:
        data: dict[str, Any] = {"valid": False, "problem": str(error), "settings": None}
        session.printer.answer(data, [f"{session.printer.style.verdict(ok=False)} {clean(str(error))}"])
        return ExitCode.NOT_WELL
    settings["database"]["url"] = without_password(settings["database"]["url"])
    data = {"valid": True, "problem": None, "settings": settings}
    session.printer.answer(
        data, [*fields(settings), f"{session.printer.style.verdict(ok=True)} the settings are valid"]
    )
    return ExitCode.OK


def without_password(url: str) -> str:
    """Returns a database URL fit to be shown."""
    try:
        password = urlsplit(url).password
    except ValueError:
        return "(unreadable)"
    return url.replace(f":{password}@", ":…@", 1) if password else url
