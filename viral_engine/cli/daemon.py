"""How a verb reaches the daemon: the folder, the socket, the HTTP API."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from viral_engine.cli import key_file
from viral_engine.cli.errors import CliError, ExitCode
from viral_engine.control import client, daemon_file
from viral_engine.control.daemon_file import DaemonInfo
from viral_engine.control.protocol import Refusal, Request

_EXIT_CODES = {
    "wrong_request": ExitCode.WRONG_USE,
    "wrong_version": ExitCode.WRONG_USE,
    "needs_yes": ExitCode.WRONG_USE,
    "not_possible": ExitCode.WRONG_USE,
    "not_allowed": ExitCode.NOT_ALLOWED,
    "no_such_actor": ExitCode.NO_SUCH_THING,
    "no_answer": ExitCode.NO_ANSWER,
    "busy": ExitCode.NO_ANSWER,
    "failed": ExitCode.NOT_WELL,
}
_STATUSES = {
    401: ExitCode.NOT_ALLOWED,
    403: ExitCode.NOT_ALLOWED,
    404: ExitCode.NO_SUCH_THING,
    408: ExitCode.NO_ANSWER,
    429: ExitCode.NO_ANSWER,
}


class Daemon:
    """The daemon of one data folder.

    Args:
        data_dir: its folder.
        timeout_s: for each exchange.
        socket_path: instead of the one in `daemon.json`.
        key_path: file with an API key, instead of the operator's in the folder.
    """

    def __init__(
        self, data_dir: Path, timeout_s: float, socket_path: str | None = None, key_path: Path | None = None
    ) -> None:
        self.data_dir = data_dir
        self.timeout_s = timeout_s
        self._socket_path = socket_path
        self._key_path = key_path

    def info(self) -> DaemonInfo:
        """Returns what the daemon wrote about itself.

        Raises:
            CliError: no daemon runs on this folder, or the folder is somebody else's.
        """
        try:
            info = daemon_file.read(self.data_dir)
        except PermissionError as error:
            raise self._forbidden(str(self.data_dir)) from error
        if info is None:
            raise self.not_running()
        return info

    def ask(self, request: Request, extra_s: float = 0.0) -> Any:
        """Asks over the operators' socket.

        Args:
            request: the question.
            extra_s: on top of the time-out, for what the daemon itself may take.
        """
        with self._told():
            return client.ask(self._socket(), request, self.timeout_s + extra_s)

    def follow(self, request: Request) -> Iterator[Any]:
        """Asks for what comes line by line; yields each as it comes, None for a sign of life."""
        with self._told():
            yield from client.follow(self._socket(), request, self.timeout_s)

    def _socket(self) -> str:
        return self._socket_path or self.info().socket

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turns what the client raises into the one error of all verbs."""
        try:
            yield
        except client.NotRunning as error:
            raise self._nobody_at_socket() from error
        except client.NoAnswer as error:
            raise CliError(ExitCode.NO_ANSWER, "no_answer", str(error), "try again with a longer --timeout") from error
        except PermissionError as error:
            raise self._forbidden(self._socket_path or str(self.data_dir)) from error
        except Refusal as refusal:
            failure = refusal.failure
            exit_code = _EXIT_CODES.get(failure.code, ExitCode.NOT_WELL)
            raise CliError(exit_code, failure.code, failure.message, failure.hint) from refusal

    def http(self, method: str, path: str, body: Any = None, query: dict[str, Any] | None = None) -> Any:
        """Asks the HTTP API with the key and returns the JSON of a 2xx answer.

        Raises:
            CliError: everything else, with the API's own words.
        """
        status, answer = self.exchange(method, path, body, query, key=self.key())
        if status in range(200, 300):
            return answer
        message, field = f"the daemon answered with HTTP status {status}", None
        code = "http_error"
        if isinstance(answer, dict):
            code, message = str(answer.get("error", code)), str(answer.get("message", message))
            field = answer.get("field")
        exit_code = _STATUSES.get(status, ExitCode.WRONG_USE if status < 500 else ExitCode.NO_ANSWER)  # noqa: PLR2004
        raise CliError(
            exit_code, code, f"{message} ({field})" if field and field not in message else message, _hint(status)
        )

    def exchange(
        self, method: str, path: str, body: Any = None, query: dict[str, Any] | None = None, key: str | None = None
    ) -> tuple[int, Any]:
        """Does one HTTP exchange; returns the status and the decoded body, None when it is no JSON.

        Raises:
            CliError: nobody listens, or no answer came in time.
        """
        # The standard library's client takes longer to import than a verb of the socket needs altogether.
        from viral_engine.cli import api  # noqa: PLC0415

        return api.exchange(self.info().url, method, path, body=body, query=query, key=key, timeout_s=self.timeout_s)

    def not_running(self) -> CliError:
        """Returns the error for a folder without a daemon."""
        return CliError(
            ExitCode.NOT_RUNNING,
            "not_running",
            f"no daemon is running on {self.data_dir}",
            f"start it with `viral-engine serve --data-dir {self.data_dir}`, or name its folder with --data-dir",
        )

    def _nobody_at_socket(self) -> CliError:
        if self._socket_path is None:
            return self.not_running()
        return CliError(
            ExitCode.NOT_RUNNING,
            "not_running",
            f"no daemon listens at {self._socket_path}",
            "leave --socket out: the daemon's folder names its socket",
        )

    def key(self, *, is_here: bool = True) -> str:
        """Returns the API key to ask with.

        Args:
            is_here: the daemon that is asked is the one of the folder.

        Raises:
            CliError: its file can't be read or holds none.
        """
        try:
            return key_file.read_key(self._key_path or self.data_dir / key_file.OPERATORS)
        except CliError:
            # A folder without a daemon has no key: that it has no daemon says more.
            if self._key_path is None and is_here:
                self.info()
            raise

    def _forbidden(self, what: str) -> CliError:
        return CliError(
            ExitCode.NOT_ALLOWED, "not_allowed", f"you may not use {what}", "run it as the daemon's user or as root"
        )


def _hint(status: int) -> str | None:
    match status:
        case 401 | 403:
            return "see `viral-engine keys list`"
        case 503:
            return "see `viral-engine health`"
        case _:
            return None
