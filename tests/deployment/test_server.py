"""What `make deploy` serves over HTTP where that is asked for: to everybody the manifest, the rest to whom IAM lets in."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import pytest

from tests.deployment.functions import create
from tests.deployment.registry import Registry
from tests.deployment.stacks import until
from tests.deployment.test_deployment import everything
from tests.deployment.url_client import ask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.deployment.installation import Installation, Tree
    from tests.deployment.ministack import Credentials, Ministack
    from tests.deployment.stacks import Stacks
    from tests.deployment.url_client import Reply

SHOP: Final = (Path(__file__).parent / "templates" / "shop.yaml").read_text()
ONE, TWO = "https://one.example.com", "https://two.example.com"
MANIFEST: Final = "/manifest/Production"
ECHO: Final = """
import json

def handler(event, context):
    said = {"path": event["rawPath"], "method": event["requestContext"]["http"]["method"], "body": event.get("body")}
    return {"statusCode": 203, "headers": {"content-type": "application/json"}, "body": json.dumps(said)}
"""


@pytest.fixture(scope="module")
def front(tree: Tree, ministack: Ministack) -> Iterator[Installation]:
    """Yield an installation that serves all there is, and keeps nothing for long."""
    name = f"front-{uuid4().hex[:8]}"
    installation = tree.deploy(
        name,
        Namespace=name,
        ParameterPrefix=f"/{name}",
        TtlSeconds="1",
        StaleSeconds="0",
        ServePublicManifest="true",
        ServerSurfaces="catalog,router,manifest,page",
        AllowCatalogWrites="true",
        RouterTargets="arn:aws:lambda:eu-central-1:123456789012:function:function-*",
    )
    _let_the_router_reach(ministack, f"{name}-server")
    yield installation
    tree.undeploy(name)


def _let_the_router_reach(ministack: Ministack, function: str) -> None:
    """Allow loopback, where ministack is: the router of a function connects to nothing there unless told so."""
    functions = ministack.client("lambda")
    variables = functions.get_function_configuration(FunctionName=function)["Environment"]["Variables"]
    variables["DISCOVERY_ALLOWED_NETWORKS"] = "127.0.0.0/8"
    functions.update_function_configuration(FunctionName=function, Environment={"Variables": variables})


@pytest.fixture
def server(
    ministack: Ministack, front: Installation, session: Callable[..., Credentials]
) -> Callable[..., Reply]:
    """Return `server(path, …)`, which asks the server as somebody whom IAM lets in."""
    actions = ["lambda:InvokeFunctionUrl", "lambda:InvokeFunction"]
    function = f"arn:aws:lambda:eu-central-1:123456789012:function:{front.stack}-server"
    credentials = session({"Action": actions, "Resource": function})
    assert front.server is not None
    url = front.server
    return lambda path, **request: ask(ministack, url, path, credentials=credentials, **request)


def endpoints(ministack: Ministack, front: Installation) -> dict[str, str] | None:
    """Return the endpoints in the manifest that everybody gets, by service; None while nothing is known."""
    assert front.manifest is not None
    answer = ask(ministack, front.manifest, MANIFEST)
    if answer.status == 503:
        return None
    assert answer.status == 200, answer
    return {name: entry["endpoint"] for name, entry in answer.json()["API"]["REST"].items()}


def test_everybody_reads_where_the_public_services_are_now(
    ministack: Ministack, front: Installation, stacks: Stacks
) -> None:
    def manifest() -> dict[str, str] | None:
        return endpoints(ministack, front)

    name = f"shop-of-{front.stack}"
    stacks.create(name, SHOP, Registrar=front.registrar, Endpoint=ONE)
    until(lambda: manifest() == {"shop": ONE}, what="the manifest of what was registered")
    stacks.update(name, SHOP, Registrar=front.registrar, Endpoint=TWO)
    until(lambda: manifest() == {"shop": TWO}, what="the manifest to follow")
    assert front.manifest is not None
    others = {path: ask(ministack, front.manifest, path).status for path in ("/v1/services", "/", "/shop/x")}
    headers = ask(ministack, front.manifest, MANIFEST).headers
    tagged = ask(ministack, front.manifest, MANIFEST, headers={"if-none-match": headers["etag"]})
    stacks.delete(name)
    until(lambda: manifest() == {}, what="the manifest to be empty")

    assert set(others.values()) == {404}
    assert (headers["access-control-allow-origin"], tagged.status) == ("*", 304)


def test_the_catalog_is_for_those_whom_iam_lets_in_and_writes_as_they_ask(
    ministack: Ministack,
    front: Installation,
    server: Callable[..., Reply],
    session: Callable[..., Credentials],
) -> None:
    assert front.server is not None
    registry = Registry(ministack, front.namespace, front.bucket)
    wanted = {"ServiceName": "mail", "StageName": "Staging", "ServiceURL": ONE, "Version": "1.2.0"}
    path = "/catalog/service?ServiceName=mail&StageName=Staging"
    someone = session({"Action": "ssm:GetParameters", "Resource": "*"})

    unsigned = ask(ministack, front.server, path)
    not_allowed = ask(ministack, front.server, path, credentials=someone)
    written = server("/catalog/service", method="POST", body=wanted)
    found = server(path)
    listed = server("/v1/services?stage=Staging")
    there = [(one.service, one.endpoint, one.stage) for one in registry.records("mail")]
    mirrored = [one.service for one in registry.snapshot()]
    record = server(f"/catalog/service/{written.json()['ServiceID']}")
    page = server("/")
    removed = server(f"/catalog/service/{written.json()['ServiceID']}", method="DELETE")

    assert (unsigned.status, not_allowed.status) == (403, 403)
    assert (written.status, found.status, record.status) == (201, 200, 200), written
    assert [one["ServiceURL"] for one in found.json()] == [ONE]
    assert "mail" in listed.body.decode()
    assert there == [("mail", ONE, "Staging")]
    assert "mail" in mirrored
    assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "mail" in page.body.decode()
    assert removed.status == 204
    assert registry.records("mail") == []


def test_the_router_passes_signed_requests_on_to_public_functions(
    ministack: Ministack, front: Installation, server: Callable[..., Reply], stacks: Stacks
) -> None:
    function = create(ministack, ECHO)
    name = f"router-of-{front.stack}"
    stacks.create(name, SHOP.replace("shop", "echo"), Registrar=front.registrar, Endpoint=function)

    def answered() -> Reply | None:
        found = server("/Production:echo/a/b", method="POST", body={"x": 1})
        return None if found.status == 404 else found

    answer = until(answered, what="the function to be known")
    hidden = server("/Production:warehouse/x")
    stacks.delete(name)

    assert answer.status == 203, answer
    assert answer.json() == {"path": "/a/b", "method": "POST", "body": '{"x": 1}'}
    assert "lookup;dur=" in answer.headers["server-timing"]
    assert hidden.status == 404


def test_what_is_switched_off_again_is_gone_and_so_is_all_of_it_in_the_end(
    ministack: Ministack, tree: Tree
) -> None:
    name = f"off-{uuid4().hex[:8]}"
    mine = {"Namespace": name, "ParameterPrefix": f"/{name}"}

    def own() -> set[str]:
        return {
            one.removeprefix(name)
            for one in everything(ministack)
            if one.startswith((name, f"/aws/lambda/{name}"))
        }

    def parameters() -> dict[str, str]:
        found: Any = ministack.client("ssm").get_parameters(Names=[f"/{name}/manifest", f"/{name}/server"])
        return {one["Name"].rpartition("/")[2]: one["Value"] for one in found["Parameters"]}

    on = tree.deploy(name, ServePublicManifest="true", ServerSurfaces="catalog", **mine)
    during, written = own(), parameters()
    off = tree.deploy(name, ServePublicManifest="false", ServerSurfaces="")
    after, written_after = own(), parameters()
    tree.undeploy(name)

    assert written == {"manifest": on.manifest, "server": on.server}
    assert {"-manifest", "-server"} <= during
    assert (off.manifest, off.server) == (None, None)
    assert written_after == {"manifest": "none", "server": "none"}
    assert {one for one in after if "manifest" in one.lower() or "server" in one.lower()} == set()
    assert own() == {""}  # the namespace
