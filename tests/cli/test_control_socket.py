"""The operators' socket itself: who gets in, what is too much, where it lies."""

import json
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from operated_tree import Operated, operate

from viral_engine.control import client, daemon_file
from viral_engine.control.client import NoAnswer, NotRunning
from viral_engine.control.listener import PATH_BYTES_MAX, listen
from viral_engine.control.protocol import CONNECTIONS_MAX, REQUEST_BYTES_MAX, Answer, Request


@pytest.fixture
def operated(tmp_path: Path) -> Iterator[Operated]:
    """A tree of its own for each test."""
    with operate(tmp_path) as tree:
        yield tree


def exchange(path: str, line: bytes) -> Answer:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(30)
        connection.connect(path)
        connection.sendall(line)
        connection.shutdown(socket.SHUT_WR)
        return msgspec.json.decode(connection.makefile("rb").readline(), type=Answer)


def code_of(answer: Answer) -> str:
    assert answer.error is not None
    return answer.error.code


@pytest.mark.parametrize("line", [b"nonsense\n", b"{}\n", b'{"verb": "dance"}\n', b'{"verb": "ping"', b"\xff\n"])
def test_what_is_no_request_is_answered_as_such(operated: Operated, line: bytes) -> None:
    assert code_of(exchange(operated.listener.path, line)) == "wrong_request"


def test_a_client_of_another_version_is_told_so(operated: Operated) -> None:
    answer = exchange(operated.listener.path, b'{"version": 99, "verb": "something new", "field": 1}\n')

    assert code_of(answer) == "wrong_version"


def test_a_request_beyond_the_limit_is_refused(operated: Operated) -> None:
    line = json.dumps({"verb": "inspect", "path": "x" * REQUEST_BYTES_MAX}).encode() + b"\n"

    assert code_of(exchange(operated.listener.path, line)) == "wrong_request"


def test_one_operator_too_many_is_told_so_and_the_others_go_on(operated: Operated) -> None:
    connections = []
    try:
        for _ in range(CONNECTIONS_MAX):
            connection = socket.socket(socket.AF_UNIX)
            connections.append(connection)
            connection.settimeout(30)
            connection.connect(operated.listener.path)
        with socket.socket(socket.AF_UNIX) as one_more:
            one_more.settimeout(30)
            one_more.connect(operated.listener.path)
            assert code_of(msgspec.json.decode(one_more.makefile("rb").readline(), type=Answer)) == "busy"
        connections[0].sendall(b'{"verb": "ping"}\n')
        assert json.loads(connections[0].makefile("rb").readline())["data"] == {"version": "1.2.3"}
    finally:
        for connection in connections:
            connection.close()


def test_the_socket_is_nobody_elses(operated: Operated) -> None:
    assert stat.S_IMODE(Path(operated.listener.path).stat().st_mode) == 0o600


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_another_user_is_refused_even_when_the_modes_let_them_in(operated: Operated) -> None:
    for folder in [operated.data_dir, *operated.data_dir.parents[:3]]:
        folder.chmod(folder.stat().st_mode | 0o711)
    Path(operated.listener.path).chmod(0o666)
    program = (
        "import os, socket, sys; s = socket.socket(socket.AF_UNIX); os.setuid(65534); s.connect(sys.argv[1]);"
        # It hears so unasked: what it said would meet a closed door.
        "print(s.makefile().readline())"
    )

    ran = subprocess.run(
        [sys.executable, "-c", program, operated.listener.path], capture_output=True, check=True, timeout=30
    )

    assert code_of(msgspec.json.decode(ran.stdout, type=Answer)) == "not_allowed"


def test_a_path_too_long_for_a_socket_is_replaced_by_a_private_folder(tmp_path: Path) -> None:
    data_dir = tmp_path / ("long" * 40)
    data_dir.mkdir()

    listener = listen(data_dir)

    folder = Path(listener.path).parent
    assert len(os.fsencode(listener.path)) <= PATH_BYTES_MAX
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    listener.close()
    assert not folder.exists()


def test_the_socket_of_a_dead_daemon_is_replaced_and_says_that_nobody_is_there(tmp_path: Path) -> None:
    dead = listen(tmp_path)
    dead.socket.close()
    with pytest.raises(NotRunning):
        client.ask(dead.path, Request(verb="ping"), 5)

    listener = listen(tmp_path)

    assert stat.S_ISSOCK(Path(listener.path).stat().st_mode)
    listener.close()


def test_a_file_in_the_sockets_place_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "control.sock").write_text("mine")

    with pytest.raises(FileExistsError):
        listen(tmp_path)

    assert (tmp_path / "control.sock").read_text() == "mine"


def test_a_daemon_that_does_not_answer_is_not_waited_for_longer_than_said(tmp_path: Path) -> None:
    listener = listen(tmp_path)

    with pytest.raises(NoAnswer):
        client.ask(listener.path, Request(verb="ping"), 0.05)

    listener.close()


def test_half_a_daemon_file_is_no_daemon(tmp_path: Path) -> None:
    assert daemon_file.read(tmp_path) is None
    (tmp_path / "daemon.json").write_text('{"pid": 1, "url"')
    assert daemon_file.read(tmp_path) is None
