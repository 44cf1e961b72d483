"""Every page is valid HTML, whatever stands in the registry or in the address."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.server.bed import asking, make_parts, variables_for
from tests.server.page_bed import OVERRIDES, PATHS, seed
from tests.server.page_hostility import paths, variables
from tests.server.page_judging import markup_errors

if TYPE_CHECKING:
    from pathlib import Path

    from tests.standin.stand_in import StandIn


async def test_every_page_is_valid(aws: StandIn, tmp_path: Path) -> None:
    seed(aws)
    pages = {}
    async with asking(make_parts(variables_for(aws, surfaces="page", overrides=OVERRIDES))) as client:
        for name, path in PATHS.items():
            pages[name] = (await client.get(path)).text
    aws.reset()
    async with asking(make_parts(variables_for(aws, surfaces="page"))) as client:
        pages["empty"] = (await client.get("/")).text
    async with asking(make_parts(variables_for(aws, surfaces="page", namespace="nowhere"))) as client:
        pages["nowhere"] = (await client.get("/ui/users")).text
    aws.faults.access_denied()
    async with asking(make_parts(variables_for(aws, surfaces="page"))) as client:
        pages["outage"] = (await client.get("/")).text
        pages["service_outage"] = (await client.get("/ui/users?stage=Production")).text

    assert markup_errors(pages, tmp_path) == []
    assert len({text.partition("<main")[2] for text in pages.values()}) == len(PATHS) + 4


async def test_hostile_texts_make_valid_pages_and_nothing_in_them_hides_or_turns_what_is_read(
    tmp_path: Path,
) -> None:
    pages = {}
    async with asking(make_parts(variables(tmp_path))) as client:
        for number, path in enumerate(paths()):
            answer = await client.get(path)
            assert answer.headers["content-type"] == "text/html; charset=utf-8", path
            assert answer.status_code in {200, 400, 404}, path
            pages[f"page{number}"] = answer.text

    assert markup_errors(pages, tmp_path) == []
    for text in pages.values():
        assert not {"\u202e", "\u2066", "\u200b", "\x00", "\x1b"} & set(text)


@pytest.mark.parametrize("path", ["/ui/a/b", "/ui/..%2f..%2fetc", "/ui/%00", "/ui//"])
async def test_an_address_that_names_no_service_is_a_page_all_the_same(tmp_path: Path, path: str) -> None:
    async with asking(make_parts(variables(tmp_path))) as client:
        answer = await client.get(path)

    assert answer.status_code == 404
    assert answer.headers["content-type"] == "text/html; charset=utf-8"


def test_the_judge_finds_what_is_wrong(tmp_path: Path) -> None:
    found = markup_errors({"wrong": "<!DOCTYPE html>\n<html lang=en><body><p><div id=a id=a></p>"}, tmp_path)

    assert any(line.startswith("wrong.html:2 no-dup-attr") for line in found)
