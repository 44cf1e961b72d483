"""A headless Chromium, the machine's own, which is installed from Debian's packages where it is not there."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playwright.async_api import async_playwright

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser, Page

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_ARGUMENTS = ("--no-sandbox", "--disable-dev-shm-usage")


def chromium() -> str:
    """Return the path of a Chromium."""
    found = _found()
    if found is not None:
        return found
    lock = Path(tempfile.gettempdir()) / "cloudmap-discovery-chromium.lock"
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # of several processes, one installs it
        found = _found()
        if found is None:
            for command in (("update",), ("install", "--no-install-recommends", "chromium")):
                subprocess.run(
                    ["/usr/bin/apt-get", "-qq", *command],
                    env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
                    stdout=subprocess.DEVNULL,
                    check=True,
                )
            found = _found()
    if found is None:
        raise FileNotFoundError("these tests need Chromium: install the package chromium")
    return found


def _found() -> str | None:
    return next((path for path in map(shutil.which, _NAMES) if path), None)


@contextlib.asynccontextmanager
async def a_browser() -> AsyncIterator[Browser]:
    """Yield a browser of its own: with Playwright's awaited interface, since the other one leaves a loop running."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=list(_ARGUMENTS))
        try:
            yield browser
        finally:
            await browser.close()


@contextlib.asynccontextmanager
async def a_page(**context: Any) -> AsyncIterator[Page]:
    """Yield a page; `context` is what Playwright's `new_context` takes, such as `java_script_enabled=False`."""
    async with a_browser() as browser:
        made = await browser.new_context(**context)
        try:
            yield await made.new_page()
        finally:
            await made.close()
