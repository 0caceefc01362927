"""Settings of the pager: half a setting pages nobody, so it is refused with its name; and no start loads a mail."""

import subprocess
import sys
from typing import Any

import pytest

from viral_engine.config import ConfigError, load

WHOLE = {"host": "mail.example.org", "sender": "pager@example.org", "recipients": ["on-call@example.org"]}


def settings(**changes: Any) -> Any:
    return load(overrides={"pager": {**WHOLE, **changes}}).pager


def test_a_mail_server_a_sender_and_a_recipient_are_enough() -> None:
    assert (settings().port, settings().security, load().pager.host) == (587, "starttls", "")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"sender": ""}, "pager.sender: is needed"),
        ({"recipients": []}, "pager.recipients: is needed"),
        ({"host": ""}, "pager.host: is needed"),
        ({"recipients": ["on-call"]}, "pager.recipients: 'on-call' is no mail address"),
        ({"sender": "a@example.org\r\nBcc: b@example.org"}, "pager.sender: "),
        ({"username": "pager"}, "pager.username: goes together"),
        ({"password_file": "p"}, "pager.username: goes together"),
        ({"username": "pager", "password_file": "p", "password_variable": "P"}, "pager.password_file: "),
        ({"username": "pager", "password_file": "p", "security": "none"}, "pager.security: a password needs"),
        ({"security": "ssl"}, "pager.security: "),
        ({"remind_s": 1}, "pager.remind_s: "),
        ({"api_url": "safety.example.org"}, "pager.api_url: "),
        ({"api_url": "https://a\r\nb"}, "pager.api_url: "),
    ],
)
def test_half_a_setting_is_refused_with_its_name(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigError) as refused:
        settings(**changes)
    assert named in str(refused.value)


def test_the_tree_is_there_before_anything_of_mail_is_loaded() -> None:
    letter = "viral_engine.actors.growth.pager.letter"
    script = f"import sys, supervisor; sys.exit(', '.join({{'smtplib', '{letter}'}} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr.strip() == ""
