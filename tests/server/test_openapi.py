"""The OpenAPI document is true: of the paths there are, of what they take, and of what they answer."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.routing import Route

import cloudmap_discovery
from cloudmap_discovery.errors import InvalidValueError
from cloudmap_discovery.limits import (
    check_endpoint,
    check_service,
    check_stage,
    check_tenant,
    check_version,
)
from cloudmap_discovery.server import schemas
from cloudmap_discovery.server.openapi import described
from cloudmap_discovery.server.resources import Resource
from tests.runtime.tools import ROOT
from tests.server.bed import asking, make_parts, serving, variables_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.standin.stand_in import StandIn

NEW: Final[dict[str, Any]] = schemas.SCHEMAS["NewRecord"]["properties"]
TEXTS: Final = st.one_of(
    st.text(max_size=20),
    st.text("aB0-_.>+ \t\n~é", max_size=70),
    st.from_regex(r"[0-9]{1,2}\.[0-9]{1,2}\.[0-9]{1,2}([-+][0-9a-z.\-]{0,6})?", fullmatch=True),
    st.from_regex(r"[a-z0-9_\-]{1,65}(\.[a-z0-9_\-]{1,3})?", fullmatch=True),
)


def is_taken(check: Callable[[str], object], text: str) -> bool:
    try:
        check(text)
    except InvalidValueError:
        return False
    return True


@pytest.mark.parametrize(
    ("schema", "check"),
    [
        (schemas.SERVICE_NAME, check_service),
        (schemas.TENANT, check_tenant),
        (NEW["ServiceURL"], check_endpoint),
        (NEW["StageName"], check_stage),
        (NEW["Version"], check_version),
        (NEW["ExternalID"], check_tenant),
    ],
    ids=["service", "tenant", "ServiceURL", "StageName", "Version", "ExternalID"],
)
@given(text=TEXTS.filter(bool))
def test_a_pattern_takes_what_the_library_takes(
    schema: dict[str, Any], check: Callable[[str], object], text: str
) -> None:
    # Python's $ also matches before a line feed at the end, which that of JSON Schema does not.
    fits = re.search(schema["pattern"].replace("$", r"\Z"), text) is not None
    fits = fits and len(text) <= schema.get("maxLength", len(text))

    assert fits == is_taken(check, text)


def test_every_path_of_the_catalog_is_described_with_its_methods(aws: StandIn) -> None:
    app = make_parts(variables_for(aws, surfaces="catalog")).app
    served = {
        route.path.replace(":path", ""): set(route.app._handlers) - {"HEAD"}
        for route in app.routes
        if isinstance(route, Route) and isinstance(route.app, Resource)
    }
    document = described()["paths"]

    assert served == {
        path: {method.upper() for method in item if method != "parameters"} for path, item in document.items()
    }
    assert len(served) == len(app.routes)


async def test_the_document_has_the_version_and_names_no_host(aws: StandIn) -> None:
    async with asking(make_parts(variables_for(aws, surfaces="catalog"))) as client:
        response = await client.get("/openapi.json")
        again = await client.get("/openapi.json", headers={"if-none-match": response.headers["etag"]})

    assert response.json()["openapi"] == "3.1.0"
    assert response.json()["info"]["version"] == cloudmap_discovery.__version__
    assert response.json()["servers"] == [{"url": "/"}]
    assert again.status_code == 304


@pytest.mark.parametrize(("allow_writes", "examples"), [("0", 2), ("1", 5)], ids=["reading", "writing"])
def test_schemathesis_finds_nothing_that_is_not_as_the_document_says(
    aws: StandIn, tmp_path: Path, allow_writes: str, examples: int
) -> None:
    aws.seed_instance("services", "users", "blue", {"endpoint": "https://blue.test", "version": "1.2.0"})
    parts = make_parts(variables_for(aws, surfaces="catalog", sources="cloudmap", allow_writes=allow_writes))

    with serving(parts) as url:
        done = subprocess.run(
            [
                Path(sys.executable).with_name("schemathesis"),
                "run",
                f"{url}/openapi.json",
                "--seed=1",
                f"--max-examples={examples}",
                "--no-color",
                "--generation-database=none",
                "--continue-on-failure",
            ],
            cwd=tmp_path,
            env={
                "PATH": os.environ["PATH"],
                "NO_PROXY": "127.0.0.1",
                "PYTHONPATH": str(ROOT),
                "SCHEMATHESIS_HOOKS": "tests.server.schemathesis_hooks",
            },
            capture_output=True,
            text=True,
            check=False,
        )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "Tested: 7" in done.stdout
    assert "Stateful" in done.stdout
