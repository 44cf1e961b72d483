"""A registry in which somebody has written what would run, hide or break things if it were more than text."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT: Final = "<script>document.title='hacked'</script>"
IMAGE: Final = "\"'><img src=x onerror=document.title='hacked'>"
STYLE: Final = "</style></svg></title><svg onload=document.title='hacked'>"
TURNED: Final = "abc\u202etxt.exe\u2066\u200b"
TEMPLATE: Final = "{{ 7 * 7 }}{% include 'base.html' %}"
BROKEN: Final = "ab\x00c\x1b[31m\r\n<!--"
HALF: Final = "half a pair \ud800"
LONG: Final = "w" * 1024
TEXTS: Final = (SCRIPT, IMAGE, STYLE, TURNED, TEMPLATE, BROKEN, LONG)


def variables(folder: Path) -> dict[str, str]:
    """Return a server's environment whose registry is a file, with the texts wherever one can stand."""
    now = datetime.now(UTC).isoformat()
    texts = {text: text for text in TEXTS}
    instances: list[dict[str, Any]] = [
        {
            "service": service,
            "stage": stage,
            "endpoint": f"javascript:alert(1)//{''.join(filter(_may_be_in_an_address, text))}",
            "version": text,
            "tenant": None if number % 2 else text,
            "variant": text,
            "owner": text,
            "owner_ref": text,
            "registered_at": now,
            "id": f"{number}{text}",
            "attributes": {**texts, "depends-on": "users,nobody@^1"},
        }
        for number, text in enumerate(TEXTS)
        for service, stage in (("users", "Production"), (text, text), ("users", text), (HALF, HALF))
    ]
    document = {"format": 1, "namespace": "services", "generated_at": now, "checked_at": now}
    (folder / "registry.json").write_text(json.dumps({**document, "instances": instances}))
    return {
        "DISCOVERY_SURFACES": "page",
        "DISCOVERY_SOURCES": "file",
        "DISCOVERY_SNAPSHOT_FILE": str(folder / "registry.json"),
        "DISCOVERY_TRANSPORT": "direct",
        "DISCOVERY_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "fake",
        "AWS_SECRET_ACCESS_KEY": "fake",
        "DISCOVERY_OVERRIDES": json.dumps({"search": f"http://localhost/{IMAGE.replace(' ', '/')}"}),
    }


def _may_be_in_an_address(character: str) -> bool:
    return character.isprintable() and not character.isspace()


def paths() -> list[str]:
    """Return the pages of all that, and pages that are asked for with some of the texts."""
    found = ["/", "/ui/users", "/ui/users?stage=Production", "/ui/search?stage=Production", "/ui/nobody"]
    for text in (IMAGE, BROKEN, HALF, LONG):
        part = quote(text, safe="", errors="replace")
        found.append(f"/?q={part}&stage={part}")
        found.append(f"/ui/search?stage={part}&version={part}&tenant={part}")
        found.append(f"/ui/{part.replace('%0D%0A', '')}")
    return found
