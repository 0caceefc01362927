"""Exit codes, and the one error that every verb raises when there is no answer."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What the shell gets."""

    OK = 0
    NOT_WELL = 1
    WRONG_USE = 2
    NOT_RUNNING = 3
    NO_SUCH_THING = 4
    NOT_ALLOWED = 5
    NO_ANSWER = 6
    INTERRUPTED = 130


class CliError(Exception):
    """No answer, in one sentence, with the next thing to do.

    Attributes:
        code: stable word for programs.
        message: one sentence.
        hint: names the next command, where there is one.
    """

    def __init__(self, exit_code: ExitCode, code: str, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.exit_code = exit_code
        self.code = code
        self.message = message
        self.hint = hint


def wrong_use(message: str, hint: str | None = None) -> CliError:
    """Returns the error for arguments that make no sense."""
    return CliError(ExitCode.WRONG_USE, "wrong_use", message, hint)
