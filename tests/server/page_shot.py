"""Takes the picture of the page that the documents show: python -m tests.server.page_shot [FILE]."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Final

from tests.server.bed import make_parts, serving, variables_for
from tests.server.browser import a_page
from tests.server.page_bed import OVERRIDES, seed
from tests.standin.stand_in import StandIn

_PICTURE: Final = Path(__file__).resolve().parents[2] / "docs" / "page.png"
_SIZE: Final = {"width": 1280, "height": 1320}


async def take(picture: Path) -> None:
    """Write the picture, from a registry that is made up."""
    with StandIn() as aws:
        seed(aws)
        with serving(make_parts(variables_for(aws, surfaces="page", overrides=OVERRIDES))) as url:
            async with a_page(viewport=_SIZE, color_scheme="light") as page:
                await page.goto(url)
                await page.screenshot(path=picture, full_page=True)


if __name__ == "__main__":
    asyncio.run(take(Path(sys.argv[1]) if len(sys.argv) > 1 else _PICTURE))
