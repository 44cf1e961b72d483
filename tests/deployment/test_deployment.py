"""What `make deploy` installs keeps the registry right while teams deploy, change and remove their stacks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import pytest

from tests.deployment.registry import Record, Registry
from tests.deployment.stacks import Stacks, until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.deployment.installation import Installation, Tree
    from tests.deployment.ministack import Ministack

TEMPLATES: Final = Path(__file__).parent / "templates"
USERS: Final = (TEMPLATES / "users.yaml").read_text()
PAYMENTS: Final = (TEMPLATES / "payments.yaml").read_text()
ORDERS: Final = (TEMPLATES / "orders.yaml").read_text()
CALLER: Final = (TEMPLATES / "caller.yaml").read_text()
ONE, TWO = "https://one.example.com", "https://two.example.com"


@pytest.fixture
def service() -> str:
    """Return the name of a service that no other test uses."""
    return f"service-{uuid4().hex[:8]}"


def test_a_function_with_the_layer_discovers_what_two_stacks_registered(
    stacks: Stacks, registry: Registry, invoke: Callable[..., Any]
) -> None:
    stacks.create("caller", CALLER)
    caller = stacks.outputs("caller")["function"]

    def found() -> dict[str, str | None]:
        answer = invoke(caller, {"services": ["users", "payments"]})
        assert answer["sdk"] is False
        return dict(answer["found"])

    before = found()
    stacks.create("users", USERS, Endpoint=ONE)
    stacks.create("payments", PAYMENTS)
    payments = stacks.outputs("payments")["function"]
    until(lambda: found() == {"users": ONE, "payments": payments}, what="both to be discovered")
    stacks.delete("payments")
    stacks.delete("users")
    until(lambda: found() == {"users": None, "payments": None}, what="neither to be discovered")

    assert before == {"users": None, "payments": None}
    assert registry.records("users", "payments") == []


def test_a_stack_can_use_what_was_registered(
    stacks: Stacks, registry: Registry, installed: Installation, service: str
) -> None:
    stacks.create(f"users-of-{service}", USERS, Endpoint=ONE, Service=service)

    outputs = stacks.outputs(f"users-of-{service}")
    assert outputs["arn"].endswith(f":service/{registry.services()[service]}")
    assert outputs["id"].startswith("Production-")
    assert outputs["ref"] == f"{installed.namespace}/{service}/{outputs['id']}"
    assert (outputs["service"], outputs["stage"], outputs["endpoint"]) == (service, "Production", ONE)
    assert outputs["namespace"] == installed.namespace
    assert stacks.resource(f"users-of-{service}", "Users") == outputs["ref"]


def test_a_record_follows_its_stack(stacks: Stacks, registry: Registry, service: str) -> None:
    def record(endpoint: str, version: str) -> Record:
        owner = f"cfn:123456789012:eu-central-1:{service}"
        return Record(service, endpoint, "Production", version, "50", owner)

    stacks.create(service, USERS, Endpoint=ONE, Service=service)
    created = registry.records(service)
    stacks.update(service, USERS, Endpoint=TWO, Service=service)
    moved = registry.records(service)
    stacks.update(service, USERS, Endpoint=TWO, Service=service, Version="2.0.0")
    replaced = registry.records(service)
    stacks.delete(service)

    assert created == [record(ONE, "1.0.0")]
    assert moved == [record(TWO, "1.0.0")]
    assert replaced == [record(TWO, "2.0.0")]
    assert registry.records(service) == []


def test_a_resource_that_is_renamed_keeps_its_record(
    stacks: Stacks, registry: Registry, service: str
) -> None:
    stacks.create(service, USERS, Endpoint=ONE, Service=service)
    before = registry.records(service)
    stacks.update(service, USERS.replace("Users", "Members"), Endpoint=ONE, Service=service)
    after = registry.records(service)
    stacks.delete(service)

    assert (len(before), after) == (1, before)
    assert registry.records(service) == []


def test_a_second_stack_takes_a_record_over_only_where_it_says_so(
    stacks: Stacks, registry: Registry, service: str
) -> None:
    blue, green = f"{service}-blue", f"{service}-green"
    stacks.create(blue, USERS, Endpoint=ONE, Service=service)
    stacks.create(green, USERS, "ROLLBACK_COMPLETE", Endpoint=TWO, Service=service)
    refused = registry.records(service)
    stacks.delete(green)
    stacks.create(green, USERS, Endpoint=TWO, Service=service, Adopt="true")
    stacks.delete(blue)
    adopted = registry.records(service)
    stacks.delete(green)

    assert [(one.endpoint, one.owner.rpartition(":")[2]) for one in refused] == [(ONE, blue)]
    assert [(one.endpoint, one.owner.rpartition(":")[2]) for one in adopted] == [(TWO, green)]
    assert registry.records(service) == []


def test_a_service_of_the_stack_itself_can_be_deleted_behind_the_record(
    ministack: Ministack, stacks: Stacks, registry: Registry, installed: Installation, service: str
) -> None:
    cloud_map = ministack.client("servicediscovery")
    filters = [{"Name": "NAME", "Values": [installed.namespace]}]
    (namespace,) = cloud_map.list_namespaces(Filters=filters)["Namespaces"]

    stacks.create(service, ORDERS, Endpoint=ONE, Service=service, Namespace=namespace["Id"])
    during = registry.records(service)
    stacks.delete(service)

    assert [one.endpoint for one in during] == [ONE]
    assert service not in registry.services()


@pytest.mark.parametrize("version", ["1.0.0", "2.0.0"], ids=["in place", "replaced"])
def test_a_failing_update_leaves_the_record_as_it_was(
    stacks: Stacks, registry: Registry, service: str, version: str
) -> None:
    stacks.create(service, USERS, Endpoint=ONE, Service=service)
    before = registry.records(service)

    stacks.update(
        service,
        USERS,
        "UPDATE_ROLLBACK_COMPLETE",
        Endpoint=TWO,
        Service=service,
        Version=version,
        Broken="yes",
    )

    assert registry.records(service) == before
    assert [one.endpoint for one in before] == [ONE]


def test_wrong_properties_are_told_in_the_events_of_the_stack(
    stacks: Stacks, registry: Registry, service: str
) -> None:
    stacks.create(service, USERS, "ROLLBACK_COMPLETE", Endpoint="", Service=service, Version="one")

    (told,) = [one for one in stacks.events(service) if one.startswith("Users CREATE_FAILED")]
    assert "Version is 'one'" in told
    assert "Endpoint is ''" in told
    assert service not in registry.services()


def test_a_function_is_registered_while_it_is_tagged(
    ministack: Ministack, registry: Registry, stacks: Stacks, service: str
) -> None:
    functions = ministack.client("lambda")
    stacks.create(service, PAYMENTS, Service=f"{service}-of-a-stack")
    function = stacks.outputs(service)["function"]
    until(lambda: registry.records(f"{service}-of-a-stack"), what="the record of the stack")
    functions.untag_resource(Resource=function, TagKeys=["discovery:service"])
    until(lambda: not registry.records(f"{service}-of-a-stack"), what="the record to go with the tag")
    functions.tag_resource(Resource=function, Tags={"discovery:service": service})

    (record,) = until(lambda: registry.records(service), what="the record of the new tag")
    assert record == Record(service, function, "Production", "1.2.3", "100", f"tag:{function}")
    functions.delete_function(FunctionName=function)
    until(lambda: not registry.records(service), what="the record to go with the function")


def test_mirrors_follow_the_registry(stacks: Stacks, registry: Registry, service: str) -> None:
    path = f"/services/Production/{service}"
    stacks.create(service, USERS, Endpoint=ONE, Service=service)
    stacks.create(f"{service}-function", PAYMENTS, Service=service)
    function = stacks.outputs(f"{service}-function")["function"]
    until(lambda: len(registry.records(service)) == 2, what="both records")

    until(
        lambda: registry.mirrored().get(path) == sorted([ONE, function]), what="Parameter Store to have both"
    )
    until(lambda: registry.snapshot() == registry.records(), what="the snapshot to be the registry")
    stacks.delete(f"{service}-function")
    stacks.delete(service)
    until(lambda: path not in registry.mirrored(), what="the parameter to be gone")
    until(lambda: registry.snapshot() == registry.records(), what="the snapshot to be the registry again")
    assert registry.records(service) == []


def test_a_schedule_finds_nothing_left_to_do(
    stacks: Stacks, registry: Registry, installed: Installation, invoke: Callable[..., Any], service: str
) -> None:
    stacks.create(service, USERS, Endpoint=ONE, Service=service)
    stacks.create(f"{service}-function", PAYMENTS, Service=service)
    until(lambda: len(registry.records(service)) == 2, what="both records")

    plan = invoke(installed.registrar, {"reconcile": {"dry_run": True}})
    summary = invoke(installed.registrar, {"detail-type": "Scheduled Event", "source": "aws.events"})

    assert (plan["register"], plan["update"], plan["remove"]) == ([], [], [])
    assert summary["counts"]["RecordsUnchanged"] >= 1
    assert summary["mirrors"] == {"ssm": "equal", "s3": "equal"}


def test_a_service_without_records_is_removed_by_the_schedule(
    stacks: Stacks, registry: Registry, installed: Installation, invoke: Callable[..., Any], service: str
) -> None:
    stacks.create(service, USERS, Endpoint=ONE, Service=service)
    stacks.delete(service)
    before = registry.services()

    invoke(installed.registrar, {"detail-type": "Scheduled Event", "source": "aws.events"})

    assert service in before
    assert service not in registry.services()


def test_an_endpoint_is_verified_where_that_is_asked_for(
    ministack: Ministack, stacks: Stacks, registry: Registry, service: str
) -> None:
    api = ministack.client("apigatewayv2").create_api(Name=service, ProtocolType="HTTP")["ApiEndpoint"]
    nobody = "https://a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com"

    stacks.create(service, USERS, Endpoint=api, Service=service, Verify="true")
    stacks.update(service, USERS, "UPDATE_ROLLBACK_COMPLETE", Endpoint=nobody, Service=service, Verify="true")

    (told,) = [one for one in stacks.events(service) if one.startswith("Users UPDATE_FAILED")]
    assert "there is no API 'a1b2c3d4e5'" in told
    assert [one.endpoint for one in registry.records(service)] == [api]


def test_undeploying_leaves_nothing_but_what_it_names(
    ministack: Ministack, stacks: Stacks, tree: Tree, service: str
) -> None:
    name, namespace = f"registry-of-{service}", f"namespace-of-{service}"
    installed = tree.deploy(
        name, Namespace=namespace, ParameterPrefix=f"/{service}", AllowedServices=service, GraceSeconds="0"
    )
    registry = Registry(ministack, namespace, installed.bucket)
    users = USERS.replace("cloudmap-discovery-", f"{name}-")
    stacks.create(service, users, Endpoint=ONE, Service=service)
    during = registry.records()
    stacks.delete(service)
    said = tree.undeploy(name).partition("Left")[2]

    assert [one.endpoint for one in during] == [ONE]
    assert {one for one in everything(ministack) if service in one} == {namespace, installed.layer}
    assert f"the namespace {namespace}" in said
    assert f"the layer {name}" in said


def everything(ministack: Ministack) -> list[str]:
    """Return the names of all there is of the kinds that the template makes."""
    listings = (
        ("servicediscovery", "list_namespaces", "Namespaces[].Name"),
        ("servicediscovery", "list_services", "Services[].Name"),
        ("s3", "list_buckets", "Buckets[].Name"),
        ("lambda", "list_functions", "Functions[].FunctionName"),
        ("lambda", "list_layers", "Layers[].LatestMatchingVersion.LayerVersionArn"),
        ("lambda", "list_event_source_mappings", "EventSourceMappings[].EventSourceArn"),
        ("iam", "list_roles", "Roles[].RoleName"),
        ("logs", "describe_log_groups", "logGroups[].logGroupName"),
        ("sqs", "list_queues", "QueueUrls"),
        ("events", "list_rules", "Rules[].Name"),
        ("cloudwatch", "describe_alarms", "MetricAlarms[].AlarmName"),
        ("ssm", "describe_parameters", "Parameters[].Name"),
    )
    clients = {service: ministack.client(service) for service, _, _ in listings}
    return [
        name
        for service, listing, names in listings
        for name in clients[service].get_paginator(listing).paginate().search(names) or ()
        if name is not None
    ]
