"""What docs/catalog.md shows of requests and answers is what the server answers."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Final

import pytest

from cloudmap_discovery.server.bodies import MAX_BYTES
from cloudmap_discovery.server.catalog import _REGISTRY_SECONDS
from tests.project.markdown import ROOT, blocks
from tests.server.bed import asking, make_parts, variables_for

if TYPE_CHECKING:
    from tests.project.markdown import Block
    from tests.standin.stand_in import StandIn

DOCUMENT: Final = ROOT / "docs" / "catalog.md"
EXCHANGES: Final = [block for block in blocks(DOCUMENT) if block.language == "http"]
USERS: Final = {
    "blue": {"endpoint": "https://users-1.example.com", "version": "1.4.2", "color": "blue"},
    "green": {"endpoint": "https://users-2.example.com", "version": "2.0.1"},
}
WHEN: Final = "2026-11-27T13:16:04Z"
VARYING: Final = {"age_seconds": 0.4, "CreatedAt": WHEN}


def fields(lines: list[str]) -> dict[str, str]:
    return dict(line.split(": ", 1) for line in lines)


def alike(said: str) -> object:
    """Return the answer with what depends on the time as the document has it."""
    return json.loads(
        said, object_hook=lambda found: {name: VARYING.get(name, each) for name, each in found.items()}
    )


@pytest.mark.parametrize("block", EXCHANGES, ids=lambda block: block.id)
async def test_a_request_of_the_document_has_the_answer_that_it_shows(aws: StandIn, block: Block) -> None:
    request, _, answer = block.text.partition("\n\nHTTP/1.1 ")
    head, _, body = request.partition("\n\n")
    (asked, *headers), (status, *shown) = head.splitlines(), answer.partition("\n\n")[0].splitlines()
    method, path = asked.split(" ")
    common = {"stage": "Production", "owner": "manual", "registered-at": WHEN}
    for instance_id, attributes in USERS.items():
        aws.seed_instance("services", "users", instance_id, {**attributes, **common})
    aws.seed_instance(
        "services", "orders", "1", {"endpoint": "https://orders.example.com", "stage": "Production"}
    )

    async with asking(make_parts(variables_for(aws, surfaces="catalog", allow_writes="1"))) as client:
        response = await client.request(method, path, content=body, headers=fields(headers))

    assert f"{response.status_code} {response.reason_phrase}" == status
    for name, text in fields(shown).items():
        assert re.sub("max-age=(5[0-9]|60)", "max-age=59", response.headers[name]) == text
    assert alike(response.text) == json.loads(answer.partition("\n\n")[2])


def test_the_limits_that_it_names_are_those_of_the_server() -> None:
    text = DOCUMENT.read_text()

    assert f"{MAX_BYTES // 1024} KiB" in text
    assert f"after {_REGISTRY_SECONDS:g} s" in text
