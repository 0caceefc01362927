"""Colours and glyphs: whether there are any, and which word gets which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

ColorChoice = Literal["auto", "always", "never"]

OK, INFO, WARN, BAD, ODD, DIM = "32", "34", "33", "31", "35", "2"

_STATES: dict[str, tuple[str, str, str]] = {
    "running": ("●", "*", OK),
    "starting": ("◐", "~", INFO),
    "restarting": ("◐", "~", WARN),
    "suspended": ("‖", "=", ODD),
    "stopped": ("○", "o", DIM),
    "given_up": ("✖", "x", BAD),
    "ended": ("✖", "x", BAD),
}


@dataclass(frozen=True, slots=True)
class Style:
    """How to draw on one output."""

    color: bool
    unicode: bool

    def paint(self, text: str, color: str) -> str:
        """Returns the text in a colour, or as it is."""
        return f"\x1b[{color}m{text}\x1b[0m" if self.color and text else text

    def state(self, state: str) -> str:
        """Glyph and word: the colour only repeats what both say."""
        glyph, ascii_glyph, color = _STATES.get(state, ("?", "?", WARN))
        return self.paint(f"{glyph if self.unicode else ascii_glyph} {state.replace('_', ' ')}", color)

    def verdict(self, *, ok: bool) -> str:
        """A tick or a cross."""
        if self.unicode:
            return self.paint("✔", OK) if ok else self.paint("✖", BAD)
        return self.paint("ok", OK) if ok else self.paint("!!", BAD)

    @property
    def branches(self) -> tuple[str, str, str, str]:
        """For a tree: child, last child, line beside a child's children, nothing."""
        return ("├── ", "└── ", "│   ", "    ") if self.unicode else ("|-- ", "`-- ", "|   ", "    ")


def choose(choice: ColorChoice, environment: Mapping[str, str], encoding: str | None, *, is_terminal: bool) -> Style:
    """Decides once per run.

    NO_COLOR and FORCE_COLOR count when they are not empty (no-color.org, force-color.org); a flag beats both.

    Args:
        choice: of the flag.
        environment: the process's.
        encoding: of standard output.
        is_terminal: whether standard output is one.
    """
    if choice != "auto":
        color = choice == "always"
    elif environment.get("NO_COLOR"):
        color = False
    elif environment.get("FORCE_COLOR"):
        color = True
    else:
        color = is_terminal and environment.get("TERM", "dumb") != "dumb"
    locale = next((value for name in ("LC_ALL", "LC_CTYPE", "LANG") if (value := environment.get(name))), "C")
    return Style(color, _is_utf8(locale.partition(".")[2]) and _is_utf8(encoding or ""))


def _is_utf8(name: str) -> bool:
    return name.lower().replace("-", "").partition("@")[0] == "utf8"
