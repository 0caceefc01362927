"""Fixture: a real headless Chromium, found by VIRAL_ENGINE_CHROMIUM or on the PATH."""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium; without one the test is skipped, but never under CI.

    Per module: while it is open, Playwright holds an event loop in the test's own thread.
    """
    path = os.environ.get("VIRAL_ENGINE_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        assert os.environ.get("CI") != "true", "CI must bring a Chromium"
        pytest.skip("no Chromium: sudo apt-get install -y chromium-headless-shell")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield running
        running.close()
