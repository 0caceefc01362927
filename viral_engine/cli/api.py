"""One HTTP exchange with the daemon's API, by the standard library alone."""

from __future__ import annotations

import http.client
from contextlib import suppress
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import msgspec

from viral_engine.cli.errors import CliError, ExitCode

BODY_BYTES_MAX = 64 * 1024 * 1024


def exchange(
    url: str,
    method: str,
    path: str,
    *,
    body: Any = None,
    query: dict[str, Any] | None = None,
    key: str | None = None,
    timeout_s: float,
) -> tuple[int, Any]:
    """Returns the status and the decoded body, None when it is no JSON.

    Args:
        url: of the daemon.
        method: such as GET.
        path: with its segments quoted.
        body: sent as JSON.
        query: fields that are None are left out.
        key: an API key.
        timeout_s: for connecting, and for each wait for data.

    Raises:
        CliError: nobody listens, or no answer came in time.
    """
    address = urlsplit(url)
    kept = {name: str(value) for name, value in (query or {}).items() if value is not None}
    target = path + (f"?{urlencode(kept)}" if kept else "")
    headers = {"Accept": "application/json"}
    if key is not None:
        headers["Authorization"] = f"Bearer {key}"
    payload = None
    if body is not None:
        payload = msgspec.json.encode(body)
        headers["Content-Type"] = "application/json"
    connection = http.client.HTTPConnection(_reachable(address.hostname), address.port or 80, timeout=timeout_s)
    try:
        connection.request(method, target, payload, headers)
        response = connection.getresponse()
        text = response.read(BODY_BYTES_MAX)
    except ConnectionRefusedError as error:
        raise CliError(
            ExitCode.NOT_RUNNING, "not_running", f"nobody listens at {url}", "see `viral-engine health`"
        ) from error
    except TimeoutError as error:
        raise _no_answer(f"the daemon gave no answer within {timeout_s:g} s") from error
    except (OSError, http.client.HTTPException) as error:
        raise _no_answer(f"the daemon broke the connection: {str(error) or type(error).__name__}") from error
    finally:
        connection.close()
    answer = None
    with suppress(msgspec.MsgspecError, UnicodeDecodeError):
        answer = msgspec.json.decode(text) if text else None
    return response.status, answer


def segment(text: str) -> str:
    """Returns a text as one segment of a URL's path, whatever it holds."""
    return quote(text, safe="") if text not in (".", "..") else text.replace(".", "%2E")


def _reachable(host: str | None) -> str:
    """A daemon that listens everywhere is asked on this machine."""
    if host in (None, "0.0.0.0", ""):  # noqa: S104  (it is read, not bound)
        return "127.0.0.1"
    assert host is not None
    return "::1" if host == "::" else host


def _no_answer(message: str) -> CliError:
    return CliError(ExitCode.NO_ANSWER, "no_answer", message, "see `viral-engine health`")
