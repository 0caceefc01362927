"""The options that every verb has, and the session that a verb is given."""

from __future__ import annotations

import functools
import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import click

from viral_engine.cli.daemon import Daemon
from viral_engine.cli.errors import wrong_use
from viral_engine.cli.printer import Printer
from viral_engine.cli.style import ColorChoice
from viral_engine.folders import data_folder, is_text

TIMEOUT_S = 10.0

_UNITS_S = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_SPAN = re.compile(r"(\d{1,9})([smhdw])")


@dataclass(frozen=True, slots=True)
class Session:
    """One run of a verb."""

    data_dir: Path
    daemon: Daemon
    printer: Printer

    def confirm(self, question: str, *, yes: bool) -> None:
        """Returns when the operator agrees; without a terminal only `--yes` does.

        Raises:
            CliError: nobody can be asked, or the answer is no.
        """
        if yes:
            return
        if self.printer.json or not sys.stdin.isatty():
            raise wrong_use("this must be confirmed, and there is no terminal to ask on", "say it again with --yes")
        if not click.confirm(question, err=True):
            raise wrong_use("nothing was done")


def common(verb: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options of every verb; the verb's first argument is the `Session`."""

    @click.option("--data-dir", metavar="D", help="The daemon's folder [env: VIRAL_ENGINE_DATA_DIR].")
    @click.option("--socket", metavar="PATH", help="The operators' socket, instead of the one daemon.json names.")
    @click.option(
        "--key-file",
        metavar="FILE",
        type=click.Path(dir_okay=False, path_type=Path),
        envvar="VIRAL_ENGINE_KEY_FILE",
        help="File whose last word is your API key, for verbs that need one: api-key in the daemon's folder unless"
        " given [env: VIRAL_ENGINE_KEY_FILE].",
    )
    @click.option(
        "--timeout",
        type=click.FloatRange(0.1, 600),
        default=TIMEOUT_S,
        show_default=True,
        metavar="S",
        help="Seconds to wait for an answer.",
    )
    @click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", show_default=True)
    @click.option("--json", "as_json", is_flag=True, help="One JSON document.")
    @functools.wraps(verb)
    def wrapper(
        *arguments: Any,
        data_dir: str | None,
        socket: str | None,
        key_file: Path | None,
        timeout: float,
        color: str,
        as_json: bool,
        **rest: Any,
    ) -> Any:
        folder = data_folder(data_dir)
        if not is_text(str(folder)):
            raise wrong_use(f"the data folder's name {os.fsencode(folder)!r} is not valid UTF-8", "see --data-dir")
        if not is_text(str(key_file or "")):
            raise wrong_use(f"the key file's name {os.fsencode(str(key_file))!r} is not valid UTF-8", "see --key-file")
        printer = Printer(json=as_json, color=cast("ColorChoice", color))
        return verb(Session(folder, Daemon(folder, timeout, socket, key_file), printer), *arguments, **rest)

    return wrapper


class Span(click.ParamType[float]):
    """A length of time such as 90s, 30m, 1h, 2d; seconds for the verb."""

    name = "span"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """See `click.ParamType`."""
        if isinstance(value, int | float):
            return float(value)
        match = _SPAN.fullmatch(str(value).strip())
        if match is None:
            self.fail(f"{value!r} is no span of time such as 90s, 30m, 1h or 2d", param, ctx)
        return float(match[1]) * _UNITS_S[match[2]]


SPAN = Span()


def without_none(**values: Any) -> dict[str, Any]:
    """Returns what was given: an absent field is absent in the request too."""
    return {name: value for name, value in values.items() if value is not None}
