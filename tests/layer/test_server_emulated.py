"""The server's package as Lambda runs it: AWS's runtime emulator and runtime client, and a stand-in for AWS."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from tests.runtime.emulator import RuntimeEmulator
from tests.runtime.tools import emulated_interpreters, runtime_tools
from tests.server.lambda_events import function_url, http_api, rest_api
from tests.standin.stand_in import StandIn

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from layer.interpreters import Interpreter
    from tests.layer.conftest import Layers
    from tests.runtime.emulator import Invocation

HANDLER = "cloudmap_discovery.server.handler.handler"
INTERPRETERS = emulated_interpreters()
NEWEST = INTERPRETERS[-1:]
SHOP = "https://shop.example.com"


@pytest.fixture
def account() -> Iterator[StandIn]:
    with StandIn() as stand_in:
        for service, public in (("shop", "true"), ("secret", "false")):
            attributes = {"endpoint": f"https://{service}.example.com", "stage": "Production"}
            stand_in.seed_instance("services", service, f"{service}-1", {**attributes, "public": public})
        yield stand_in


@pytest.fixture
def package(layers: Layers, tmp_path: Path) -> Path:
    with zipfile.ZipFile(layers.server()) as archive:
        archive.extractall(tmp_path)
    return tmp_path


def server(interpreter: Interpreter, package: Path, account: StandIn, **settings: str) -> RuntimeEmulator:
    given = {f"DISCOVERY_{name.upper()}": text for name, text in settings.items()}
    return RuntimeEmulator(
        runtime_tools(interpreter),
        handler=HANDLER,
        task_root=package,
        environment={**account.environment(), "DISCOVERY_SOURCES": "cloudmap", **given},
        region=account.region,
    )


def answer(invocation: Invocation) -> tuple[int, Any]:
    """Return status and body of what a function answered a front."""
    assert invocation.error_type is None, invocation.log
    return invocation.payload["statusCode"], json.loads(invocation.payload["body"])


@pytest.mark.parametrize("interpreter", INTERPRETERS, ids=lambda found: found.version)
def test_every_front_gets_the_manifest_and_nothing_else(
    interpreter: Interpreter, package: Path, account: StandIn
) -> None:
    expected = {"API": {"REST": {"shop": {"endpoint": SHOP, "region": account.region}}}}

    with server(interpreter, package, account) as function:
        invocations = [
            function.invoke(front("/manifest/Production")) for front in (function_url, http_api, rest_api)
        ]
        calls = account.calls()
        headers = invocations[0].payload["headers"]
        event = function_url("/manifest/Production", headers={"if-none-match": headers["etag"]})
        unchanged = function.invoke(event)
        signed = function_url("/v1/services", signed=True)
        others = [function.invoke(event) for event in (signed, function_url("/"), function_url("/shop/x"))]
        scheduled = function.invoke({"source": "aws.events", "detail-type": "Scheduled Event"})
        log = function.whole_log

    assert [answer(one) for one in invocations] == [(200, expected)] * 3
    assert headers["access-control-allow-origin"] == "*"
    assert unchanged.payload["statusCode"] == 304
    assert [answer(one)[0] for one in others] == [404, 404, 404]
    assert scheduled.error_type == "InvalidValueError"
    # One process, one loop, one reading of the registry.
    assert account.calls() == calls
    assert [one.report.init_duration_ms is not None for one in invocations] == [True, False, False]
    assert "Warning" not in log


@pytest.mark.parametrize("interpreter", NEWEST, ids=lambda found: found.version)
def test_all_surfaces_work_in_the_package(interpreter: Interpreter, package: Path, account: StandIn) -> None:
    surfaces = {"surfaces": "catalog,page,router,manifest"}

    with server(interpreter, package, account, **surfaces) as function:
        listed = function.invoke(function_url("/v1/services", query="stage=Production", signed=True))
        page = function.invoke(function_url("/", signed=True))
        hidden = function.invoke(function_url("/secret/x", signed=True))
        body = json.dumps({"ServiceName": "mail", "StageName": "Production", "ServiceURL": "https://m.org"})
        written = function.invoke(
            function_url(
                "/catalog/service",
                method="POST",
                headers={"content-type": "application/json"},
                body=body,
                signed=True,
            )
        )

    assert answer(listed)[0] == 200
    assert "shop" in json.dumps(answer(listed)[1])
    assert (page.payload["statusCode"], page.payload["isBase64Encoded"]) == (200, False), page.log
    assert "secret" in page.payload["body"]
    assert answer(hidden)[0] == 404
    assert answer(written)[0] == 403


@pytest.mark.parametrize("interpreter", NEWEST, ids=lambda found: found.version)
def test_a_wrong_setting_is_an_answer_and_a_line_in_the_log(
    interpreter: Interpreter, package: Path, account: StandIn
) -> None:
    with server(interpreter, package, account, surfaces="everything") as function:
        first, second = (function.invoke(function_url("/manifest/Production")) for _ in range(2))

    assert [answer(one)[0] for one in (first, second)] == [500, 500]
    assert "everything" not in json.dumps(second.payload)
    assert "DISCOVERY_SURFACES is 'everything'" in second.log
