"""What every transport does for the registrar: Cloud Map's tags, resources by tag, functions, and APIs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from cloudmap_discovery.errors import RemoteError
from tests.contract.transport_bed import PLENTY_SECONDS, case, credentials, transport
from tests.standin.fixtures import sdk

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cloudmap_discovery.transport.port import Transport
    from tests.standin.stand_in import StandIn

__all__ = ["case", "credentials", "sdk", "transport"]  # fixtures, found by name

TAGS = {"discovery:service": "users", "discovery:stage": "Production"}


async def call(over: Transport, service: str, operation: str, **params: Any) -> Mapping[str, Any]:
    return await over.call(service, operation, params, timeout_seconds=PLENTY_SECONDS)


async def cloud_map(over: Transport, operation: str, **params: Any) -> Mapping[str, Any]:
    return await call(over, "servicediscovery", operation, **params)


async def functions(over: Transport, operation: str, **params: Any) -> Mapping[str, Any]:
    return await call(over, "lambda", operation, **params)


async def tagged(over: Transport, **params: Any) -> Mapping[str, Any]:
    return await call(over, "resourcegroupstaggingapi", "GetResources", **params)


def arns(answer: Mapping[str, Any]) -> list[str]:
    return [one["ResourceARN"] for one in answer["ResourceTagMappingList"]]


async def refusal(over: Transport, service: str, operation: str, **params: Any) -> RemoteError:
    with pytest.raises(RemoteError) as caught:
        await call(over, service, operation, **params)
    return caught.value


# Cloud Map


async def test_a_service_is_created_with_tags_that_are_listed_changed_and_taken_off(
    transport: Transport,
) -> None:
    namespace_id = (await cloud_map(transport, "ListNamespaces"))["Namespaces"][0]["Id"]
    owner, team = {"Key": "made-by", "Value": "registrar"}, {"Key": "team", "Value": "one"}
    created = await cloud_map(transport, "CreateService", Name="mail", NamespaceId=namespace_id, Tags=[owner])
    arn = created["Service"]["Arn"]

    at_first = await cloud_map(transport, "ListTagsForResource", ResourceARN=arn)
    told = await cloud_map(transport, "TagResource", ResourceARN=arn, Tags=[team])
    then = await cloud_map(transport, "ListTagsForResource", ResourceARN=arn)
    untold = await cloud_map(transport, "UntagResource", ResourceARN=arn, TagKeys=["made-by"])
    at_last = await cloud_map(transport, "ListTagsForResource", ResourceARN=arn)

    assert (told, untold) == ({}, {})
    assert at_first["Tags"] == [owner]
    assert sorted(then["Tags"], key=lambda tag: tag["Key"]) == [owner, team]
    assert at_last["Tags"] == [team]


async def test_a_service_is_deleted_once_it_is_empty(transport: Transport) -> None:
    (service,) = (await cloud_map(transport, "ListServices"))["Services"]
    error = await refusal(transport, "servicediscovery", "DeleteService", Id=service["Id"])
    await cloud_map(transport, "DeregisterInstance", ServiceId=service["Id"], InstanceId="Production-1")

    answer = await cloud_map(transport, "DeleteService", Id=service["Id"])

    assert (error.code, error.status) == ("ResourceInUse", 400)
    assert answer == {}
    gone = await refusal(transport, "servicediscovery", "GetService", Id=service["Id"])
    assert gone.code == "ServiceNotFound"
    untagged = await refusal(transport, "servicediscovery", "ListTagsForResource", ResourceARN=service["Arn"])
    assert untagged.code == "ResourceNotFoundException"


# Resources by tag


async def test_functions_are_found_by_a_tag_they_have_and_by_its_value(
    transport: Transport, aws: StandIn
) -> None:
    users = aws.seed_function("users", TAGS)
    mail = aws.seed_function("mail", {"discovery:service": "mail"})
    aws.seed_function("other", {"team": "one"})
    functions_only = {"ResourceTypeFilters": ["lambda:function"], "ResourcesPerPage": 100}

    by_key = await tagged(transport, TagFilters=[{"Key": "discovery:service"}], **functions_only)
    by_value = await tagged(
        transport,
        TagFilters=[{"Key": "discovery:service"}, {"Key": "discovery:stage", "Values": ["Production", "x"]}],
        **functions_only,
    )

    assert arns(by_key) == [mail, users]
    assert by_key["PaginationToken"] == ""
    assert arns(by_value) == [users]
    tags = by_value["ResourceTagMappingList"][0]["Tags"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == TAGS


async def test_nothing_that_is_tagged_so_is_an_empty_list(transport: Transport) -> None:
    answer = await tagged(transport, TagFilters=[{"Key": "discovery:service"}])

    assert answer["ResourceTagMappingList"] == []


async def test_resources_come_in_pages_until_the_token_is_empty(transport: Transport, aws: StandIn) -> None:
    expected = [aws.seed_function(f"function-{number}", TAGS) for number in range(5)]
    aws.seed_function("other", {"team": "one"})
    question = {"TagFilters": [{"Key": "discovery:service", "Values": ["users"]}], "ResourcesPerPage": 2}
    pages: list[list[str]] = []
    token = ""

    while not pages or token:
        more = {"PaginationToken": token} if token else {}
        answer = await tagged(transport, **question, **more)
        pages.append(arns(answer))
        token = answer["PaginationToken"]

    assert [len(page) for page in pages] == [2, 2, 1]
    assert [arn for page in pages for arn in page] == expected


async def test_a_function_that_was_deleted_is_not_found_any_more(transport: Transport, aws: StandIn) -> None:
    arn = aws.seed_function("users", TAGS)
    aws.unseed_function("users")

    found = await tagged(transport, TagFilters=[{"Key": "discovery:service"}])

    assert arns(found) == []
    error = await refusal(transport, "lambda", "GetFunction", FunctionName=arn)
    assert (error.code, error.status) == ("ResourceNotFoundException", 404)


async def test_a_question_that_the_tagging_api_does_not_take_is_its_refusal(transport: Transport) -> None:
    error = await refusal(
        transport, "resourcegroupstaggingapi", "GetResources", PaginationToken="of-yesterday"
    )

    assert (error.code, error.status) == ("PaginationTokenExpiredException", 400)
    assert (error.retryable, error.unhealthy) == (False, False)


# Functions


async def test_a_function_is_read_with_its_tags_by_name_or_arn(transport: Transport, aws: StandIn) -> None:
    arn = aws.seed_function("users", TAGS)

    by_arn = await functions(transport, "GetFunction", FunctionName=arn)
    by_name = await functions(transport, "GetFunction", FunctionName="users")
    tags = await functions(transport, "ListTags", Resource=arn)

    assert by_arn["Configuration"]["FunctionArn"] == by_name["Configuration"]["FunctionArn"] == arn
    assert by_arn["Configuration"]["FunctionName"] == "users"
    assert by_arn["Tags"] == tags["Tags"] == TAGS
    assert set(tags) == {"Tags"}


async def test_a_function_without_tags_has_an_empty_map_of_them(transport: Transport, aws: StandIn) -> None:
    arn = aws.seed_function("users")

    assert await functions(transport, "ListTags", Resource=arn) == {"Tags": {}}


async def test_an_alias_is_read_in_each_way_of_naming_it(transport: Transport, aws: StandIn) -> None:
    arn = aws.seed_function("users", TAGS, aliases=["live"])

    in_the_arn = await functions(transport, "GetFunction", FunctionName=f"{arn}:live")
    beside_it = await functions(transport, "GetFunction", FunctionName=arn, Qualifier="live")
    latest = await functions(transport, "GetFunction", FunctionName="users", Qualifier="$LATEST")

    assert in_the_arn["Configuration"]["FunctionArn"] == f"{arn}:live"
    assert beside_it["Configuration"] == in_the_arn["Configuration"]
    assert latest["Configuration"]["FunctionArn"] == f"{arn}:$LATEST"


async def test_a_function_url_is_read_with_who_may_call_it(transport: Transport, aws: StandIn) -> None:
    arn = aws.seed_function("users", url_auth_type="AWS_IAM", aliases=["live"])

    answer = await functions(transport, "GetFunctionUrlConfig", FunctionName=arn)

    assert answer["FunctionUrl"].startswith("https://")
    assert answer["FunctionUrl"].endswith(".lambda-url.us-east-1.on.aws/")
    assert (answer["AuthType"], answer["FunctionArn"]) == ("AWS_IAM", arn)
    error = await refusal(transport, "lambda", "GetFunctionUrlConfig", FunctionName=arn, Qualifier="live")
    assert error.code == "ResourceNotFoundException"


@pytest.mark.parametrize(
    ("operation", "params"),
    [
        ("GetFunction", {"FunctionName": "nobody"}),
        ("GetFunction", {"FunctionName": "{arn}:nothing"}),
        ("GetFunction", {"FunctionName": "{arn}", "Qualifier": "nothing"}),
        ("GetFunction", {"FunctionName": "{arn}-2"}),
        ("ListTags", {"Resource": "{arn}-2"}),
        ("GetFunctionUrlConfig", {"FunctionName": "{arn}"}),
        ("GetFunctionUrlConfig", {"FunctionName": "nobody"}),
    ],
    ids=str,
)
async def test_what_is_not_there_is_an_answer_of_lambda_and_final(
    transport: Transport, aws: StandIn, operation: str, params: dict[str, str]
) -> None:
    arn = aws.seed_function("users")

    error = await refusal(
        transport, "lambda", operation, **{name: text.format(arn=arn) for name, text in params.items()}
    )

    assert (error.code, error.status) == ("ResourceNotFoundException", 404)
    assert (error.retryable, error.unhealthy) == (False, False)
    assert (error.service, error.operation) == ("lambda", operation)
    assert aws.calls() == {f"lambda:{operation}": 1}


# APIs


async def test_an_api_of_either_version_is_read(transport: Transport, sdk: Callable[..., Any]) -> None:
    rest_id = sdk("apigateway").create_rest_api(name="orders")["id"]
    http_id = sdk("apigatewayv2").create_api(Name="users", ProtocolType="HTTP")["ApiId"]

    rest = await call(transport, "apigateway", "GetRestApi", restApiId=rest_id)
    http = await call(transport, "apigatewayv2", "GetApi", ApiId=http_id)

    assert (rest["id"], rest["name"]) == (rest_id, "orders")
    assert (http["ApiId"], http["Name"], http["ProtocolType"]) == (http_id, "users", "HTTP")
    assert http["ApiEndpoint"] == f"https://{http_id}.execute-api.us-east-1.amazonaws.com"


@pytest.mark.parametrize(
    ("service", "operation", "params"),
    [
        ("apigateway", "GetRestApi", {"restApiId": "nothing"}),
        ("apigatewayv2", "GetApi", {"ApiId": "nothing"}),
    ],
    ids=str,
)
async def test_an_api_that_is_not_there_is_an_answer_and_final(
    transport: Transport, service: str, operation: str, params: dict[str, str]
) -> None:
    error = await refusal(transport, service, operation, **params)

    assert (error.code, error.status) == ("NotFoundException", 404)
    assert (error.retryable, error.unhealthy) == (False, False)
