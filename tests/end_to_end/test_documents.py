"""Every command in the documents, run as it is printed."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from running_daemon import ROOT, RunningDaemon

README = (ROOT / "README.md").read_text()
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
INTEGRATING = (ROOT / "docs" / "integrating.md").read_text()
SETS_UP = ("make serve", "make test", "viral-engine serve", "viral-engine replay")
"""Commands that other tests run: they take the place of the daemon that is asked here, or a minute."""


def blocks(text: str, language: str) -> list[str]:
    """Fenced blocks of one language."""
    return re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)


def verbs(text: str) -> list[str]:
    """Every `viral-engine ...` command of a document, in its blocks and in its sentences."""
    in_blocks = [line.partition(" #")[0].strip() for block in blocks(text, "sh") for line in block.splitlines()]
    inline = re.findall(r"`((?:\.venv/bin/)?viral-engine [^`\n]+)`", text)
    found = [line for line in (*in_blocks, *inline) if line.removeprefix(".venv/bin/").startswith("viral-engine ")]
    return [line.removeprefix(".venv/bin/") for line in found if not line.startswith(SETS_UP)]


def test_the_curl_of_the_readme_gets_the_answer_that_the_readme_prints(shared_daemon: RunningDaemon) -> None:
    [command] = [block for block in blocks(README, "sh") if "curl" in block]
    done = subprocess.run(
        ["bash", "-c", command.replace("http://127.0.0.1:4000", shared_daemon.url)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "VIRAL_ENGINE_DATA_DIR": str(shared_daemon.data_dir)},
    )
    answer = json.loads(done.stdout)
    printed = json.loads(blocks(README, "json")[0])
    for varies in ("decision_id", "latency_ms", "limits"):
        assert answer.pop(varies).__class__ is printed.pop(varies).__class__
    assert answer == printed


def test_the_readme_says_what_its_curl_needs_after_a_start_on_another_port_or_folder() -> None:
    before, _, command = README.partition("```sh\nexport")
    said = before.rpartition("\n\n")[0].rpartition("\n\n")[2]
    assert ("another `PORT`" in said, "another `DATA_DIR`" in said) == (True, True)
    for changed in ("4000", "VIRAL_ENGINE_DATA_DIR"):
        assert (changed in said, changed in command) == (True, True)


def test_the_curl_of_redaction_gets_the_answer_that_the_page_prints(shared_daemon: RunningDaemon) -> None:
    [command] = [block for block in blocks(INTEGRATING, "sh") if "curl" in block]
    done = subprocess.run(
        ["bash", "-c", command.replace("http://127.0.0.1:4000", shared_daemon.url)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "VIRAL_ENGINE_DATA_DIR": str(shared_daemon.data_dir)},
    )
    assert json.loads(done.stdout) == json.loads(blocks(INTEGRATING, "json")[0])


@pytest.mark.parametrize("command", [*verbs(README), *verbs(OPERATIONS)])
def test_every_verb_that_a_document_names_works(shared_daemon: RunningDaemon, command: str) -> None:
    decision_id = shared_daemon.check("documented", "general")["decision_id"]
    words = shlex.split(command.replace("DECISION_ID", decision_id).replace("PATH", "/reader"))
    done = subprocess.run(
        [str(Path(sys.executable).with_name("viral-engine")), *words[1:]],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "VIRAL_ENGINE_DATA_DIR": str(shared_daemon.data_dir)},
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "document", sorted(ROOT.glob("*.md")) + sorted((ROOT / "docs").rglob("*.md")), ids=lambda path: path.name
)
def test_every_link_of_a_document_leads_somewhere(document: Path) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", document.read_text())
    assert [target for target in targets if not (document.parent / target).exists()] == []
