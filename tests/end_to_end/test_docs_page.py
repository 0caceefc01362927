"""The page that describes the API, in a real browser."""

from __future__ import annotations

from urllib.parse import urlsplit

from playwright.sync_api import Browser
from running_daemon import RunningDaemon


def test_the_docs_page_shows_every_route_and_asks_nobody_else(shared_daemon: RunningDaemon, browser: Browser) -> None:
    page = browser.new_page()
    faults: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{shared_daemon.url}/docs")
    text = page.inner_text("body")
    described = shared_daemon.request("GET", "/openapi.json", key=None).json
    page.close()
    assert [path for path in described["paths"] if path not in text] == []
    assert {urlsplit(url).netloc for url in asked} == {urlsplit(shared_daemon.url).netloc}
    assert faults == []


def test_the_docs_page_fits_a_phone(shared_daemon: RunningDaemon, browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.goto(f"{shared_daemon.url}/docs")
    width = page.evaluate("document.documentElement.scrollWidth")
    page.close()
    assert width <= 390
