"""Judges of pages that others wrote: html-validate for the markup, axe-core for who cannot see or point."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tests.runtime.npm import installed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from playwright.async_api import Page

_PINS: Final = Path(__file__).with_name("page_judges")
_RULES: Final = {
    "root": True,
    "extends": ["html-validate:recommended", "html-validate:document"],
    "rules": {
        "void-style": ["error", {"style": "omit"}],
        "no-inline-style": "error",
        "form-dup-name": ["error", {"shared": ["checkbox"]}],  # several stages may be asked for
        "long-title": "off",  # a name has up to 127 characters
        "require-sri": ["error", {"target": "crossorigin"}],
    },
}


def _installed() -> Path:
    return installed("page-judges", _PINS, "--omit=optional", needs=", which takes Node.js 20.19 or newer")


def _node() -> str:
    found = shutil.which("node")
    if found is None:
        raise FileNotFoundError("node is not on PATH: these tests need Node.js 20.19 or newer, with npm")
    return found


def markup_errors(pages: Mapping[str, str], folder: Path) -> list[str]:
    """Return what is wrong with the markup of these pages, by name."""
    (folder / ".htmlvalidate.json").write_text(json.dumps(_RULES))
    for name, text in pages.items():
        (folder / f"{name}.html").write_text(text)
    program = _installed() / "node_modules" / "html-validate" / "bin" / "html-validate.mjs"
    told = folder / "told.json"  # what goes through a pipe is cut off
    done = subprocess.run(
        [_node(), program, "--formatter", f"json={told}", *(f"{name}.html" for name in pages)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.exists(), done.stdout + done.stderr
    return [
        f"{Path(found['filePath']).name}:{message['line']} {message['ruleId']}: {message['message']}"
        for found in json.loads(told.read_text())
        for message in found["messages"]
    ]


async def barriers_in_light_and_dark(page: Page, address: str) -> dict[str, list[str]]:
    """Open the address; return what keeps somebody from using it, in either colour scheme, where there is anything."""
    await page.goto(address)
    await page.emulate_media(color_scheme="light")
    found = {address: await barriers(page)}
    await page.emulate_media(color_scheme="dark")
    found[f"{address} in the dark"] = await barriers(page, "color-contrast")
    return {where: what for where, what in found.items() if what}


async def barriers(page: Page, *rules: str) -> list[str]:
    """Return what keeps somebody from using the page: what breaks these rules of axe, or any of them.

    They are WCAG 2.2's, A and AA, and what axe calls best practice.
    """
    if not await page.evaluate("typeof axe === 'object'"):
        await page.add_script_tag(path=_installed() / "node_modules" / "axe-core" / "axe.min.js")
    found: dict[str, Any] = await page.evaluate(
        "rules => axe.run(document, {resultTypes: ['violations'], preload: false,"
        " ...(rules.length ? {runOnly: rules} : {})})",
        list(rules),
    )
    return [
        f"{violation['id']}: {node['html']}"
        for violation in found["violations"]
        for node in violation["nodes"]
    ]
