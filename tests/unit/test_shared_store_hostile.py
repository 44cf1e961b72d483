"""Whatever stands among the shared answers is no answer unless it is one: then the store itself is asked."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudmap_discovery.stores.port import Found
from tests.unit.bed import STAGE, users
from tests.unit.records import json_values
from tests.unit.shared_bed import RECORD, Process

DEEP = b"[" * 100_000
WRONG = [
    b"",
    b"{",
    b"\xff",
    b"<html>",
    DEEP,
    b'{"mirrored": false, "instances": ' + DEEP,
    b'{"mirrored": false, "instances": [' + b"9" * 5000 + b"]}",
    None,
    7,
    "text",
    [RECORD],
    {},
    {"instances": [RECORD]},
    {"mirrored": False},
    {"mirrored": False, "instances": None},
    {"mirrored": False, "instances": 7},
    {"mirrored": False, "instances": "text"},
    {"mirrored": False, "instances": RECORD},
    {"mirrored": False, "instances": []},
    {"mirrored": False, "instances": [{}]},
    {"mirrored": False, "instances": [{"endpoint": "\ud800"}]},
    {"mirrored": False, "instances": [{**RECORD, "service": "orders"}]},
    {"mirrored": False, "instances": [{**RECORD, "weight": float("nan")}]},
]


@pytest.mark.parametrize("content", WRONG, ids=range(len(WRONG)))
async def test_what_is_no_answer_is_ignored_and_the_store_is_asked(tmp_path: Path, content: Any) -> None:
    process = Process(tmp_path, users("https://good.test"))
    process.share(content)

    said = await process.found()

    assert said == Found((users("https://good.test"),), process.clock.now())
    assert [record.endpoint for record in (await Process(tmp_path).found()).instances] == [
        "https://good.test"
    ]


@settings(max_examples=50)
@given(
    json_values
    | st.fixed_dictionaries({"mirrored": json_values, "instances": st.lists(json_values | st.just(RECORD))})
)
async def test_nothing_that_is_shared_raises_anything(content: Any) -> None:
    with tempfile.TemporaryDirectory() as parent:
        process = Process(Path(parent), users("https://good.test"))
        process.share(content)

        said = await process.found()

    assert all(
        record.endpoint and (record.service, record.stage) == ("users", STAGE) for record in said.instances
    )
    assert process.was_asked == (said.sent == process.clock.now())
