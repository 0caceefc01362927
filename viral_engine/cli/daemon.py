"""How a verb reaches the daemon: the folder, the socket, the HTTP API."""

from __future__ import annotations

import http.client
import socket
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from viral_engine.cli.errors import CliError, ExitCode
from viral_engine.control import client, daemon_file
from viral_engine.control.daemon_file import DaemonInfo
from viral_engine.control.protocol import Refusal, Request

KEY_FILE = "api-key"
BODY_BYTES_MAX = 64 * 1024 * 1024

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
    """

    def __init__(self, data_dir: Path, timeout_s: float, socket_path: str | None = None) -> None:
        self.data_dir = data_dir
        self.timeout_s = timeout_s
        self._socket_path = socket_path

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
        path = self._socket_path or self.info().socket
        try:
            return client.ask(path, request, self.timeout_s + extra_s)
        except client.NotRunning as error:
            raise self.not_running() from error
        except client.NoAnswer as error:
            raise CliError(ExitCode.NO_ANSWER, "no_answer", str(error), "try again with a longer --timeout") from error
        except PermissionError as error:
            raise self._forbidden(path) from error
        except Refusal as refusal:
            failure = refusal.failure
            exit_code = _EXIT_CODES.get(failure.code, ExitCode.NOT_WELL)
            raise CliError(exit_code, failure.code, failure.message, failure.hint) from refusal

    def http(self, method: str, path: str, body: Any = None, query: dict[str, Any] | None = None) -> Any:
        """Asks the HTTP API with the operator key and returns the JSON of a 2xx answer.

        Raises:
            CliError: everything else, with the API's own words.
        """
        status, answer = self.exchange(method, path, body, query, key=self._key())
        if status in range(200, 300):
            return answer
        message, field = f"the daemon answered with HTTP status {status}", None
        code = "http_error"
        if isinstance(answer, dict):
            code, message = str(answer.get("error", code)), str(answer.get("message", message))
            field = answer.get("field")
        exit_code = _STATUSES.get(status, ExitCode.WRONG_USE if status < 500 else ExitCode.NO_ANSWER)  # noqa: PLR2004
        raise CliError(exit_code, code, f"{message} ({field})" if field else message, _hint(status))

    def exchange(
        self, method: str, path: str, body: Any = None, query: dict[str, Any] | None = None, key: str | None = None
    ) -> tuple[int, Any]:
        """Does one HTTP exchange; returns the status and the decoded body, None when it is no JSON.

        Raises:
            CliError: nobody listens, or no answer came in time.
        """
        url = urlsplit(self.info().url)
        kept = {name: str(value) for name, value in (query or {}).items() if value is not None}
        target = path + (f"?{urlencode(kept)}" if kept else "")
        headers = {"Accept": "application/json"}
        if key is not None:
            headers["Authorization"] = f"Bearer {key}"
        payload = None
        if body is not None:
            payload = msgspec.json.encode(body)
            headers["Content-Type"] = "application/json"
        connection = http.client.HTTPConnection(_reachable(url.hostname), url.port or 80, timeout=self.timeout_s)
        try:
            connection.request(method, target, payload, headers)
            response = connection.getresponse()
            text = response.read(BODY_BYTES_MAX)
        except ConnectionRefusedError as error:
            raise self.not_running() from error
        except TimeoutError as error:
            raise CliError(
                ExitCode.NO_ANSWER, "no_answer", f"the daemon gave no answer within {self.timeout_s:g} s",
                "see `viral-engine health`",
            ) from error  # fmt: skip
        except (OSError, http.client.HTTPException) as error:
            raise CliError(
                ExitCode.NO_ANSWER, "no_answer", f"the daemon broke the connection: {error or type(error).__name__}",
                "see `viral-engine health`",
            ) from error  # fmt: skip
        finally:
            connection.close()
        answer = None
        with suppress(msgspec.MsgspecError, UnicodeDecodeError):
            answer = msgspec.json.decode(text) if text else None
        return response.status, answer

    def not_running(self) -> CliError:
        """Returns the error for a folder without a daemon."""
        return CliError(
            ExitCode.NOT_RUNNING,
            "not_running",
            f"no daemon is running on {self.data_dir}",
            f"start it with `viral-engine serve --data-dir {self.data_dir}`, or name its folder with --data-dir",
        )

    def _key(self) -> str:
        file = self.data_dir / KEY_FILE
        try:
            words = file.read_text(encoding="utf-8").split()
        except PermissionError as error:
            raise self._forbidden(str(file)) from error
        except (OSError, UnicodeDecodeError):
            words = []
        if not words:
            self.info()
            raise CliError(
                ExitCode.NOT_ALLOWED,
                "no_key",
                f"there is no operator key in {file}",
                "the daemon's first start writes it",
            )
        return words[-1]

    def _forbidden(self, what: str) -> CliError:
        return CliError(
            ExitCode.NOT_ALLOWED, "not_allowed", f"you may not use {what}", "run it as the daemon's user or as root"
        )


def segment(text: str) -> str:
    """Returns a text as one segment of a URL's path, whatever it holds."""
    return quote(text, safe="") if text not in (".", "..") else text.replace(".", "%2E")


def _reachable(host: str | None) -> str:
    """A daemon that listens everywhere is asked on this machine."""
    if host in (None, "0.0.0.0", ""):  # noqa: S104  (it is read, not bound)
        return "127.0.0.1"
    assert host is not None
    return "::1" if host == "::" else host


def _hint(status: int) -> str | None:
    match status:
        case 401 | 403:
            return "see `viral-engine keys list`"
        case 503:
            return "see `viral-engine health`"
        case _:
            return None


def port_is_free(host: str, port: int) -> str | None:
    """Returns None when a server could listen there, else why not."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return error.strerror or str(error)
    return None
