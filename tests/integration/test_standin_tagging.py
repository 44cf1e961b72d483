"""The stand-in finds functions by their tags, page by page; its faults and counts know the registrar's services by name."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.standin.fixtures import refusal, refusal_code
from tests.standin.raw import RawClient
from tests.standin.stand_in import StandIn
from tests.standin.throttle import Throttle

pytest_plugins = ["tests.standin.fixtures"]

Sdk = Callable[..., Any]


@pytest.fixture
def tagging(sdk: Sdk) -> Any:
    return sdk("resourcegroupstaggingapi")


def names(answer: Any) -> list[str]:
    return [one["ResourceARN"].rsplit(":", 1)[-1] for one in answer["ResourceTagMappingList"]]


def test_filters_are_by_key_by_any_of_several_values_and_all_of_them_hold(tagging: Any, aws: StandIn) -> None:
    aws.seed_function("a", {"service": "users", "stage": "Production"})
    aws.seed_function("b", {"service": "users", "stage": "Staging"})
    aws.seed_function("c", {"service": "mail"})
    aws.seed_function("d", {"stage": "Production"})

    def found(*filters: dict[str, Any]) -> list[str]:
        return names(tagging.get_resources(TagFilters=filters))

    assert found({"Key": "service"}) == ["a", "b", "c"]
    assert found({"Key": "service", "Values": []}) == ["a", "b", "c"]
    assert found({"Key": "service", "Values": ["users", "mail"]}) == ["a", "b", "c"]
    assert found({"Key": "service", "Values": ["users"]}, {"Key": "stage", "Values": ["Staging"]}) == ["b"]
    assert found({"Key": "Service"}) == []
    assert found() == ["a", "b", "c", "d"]


def test_what_has_no_tags_and_what_is_no_function_is_left_out(tagging: Any, sdk: Sdk, aws: StandIn) -> None:
    aws.seed_function("a", {"team": "one"})
    aws.seed_function("b")
    sdk("sns").create_topic(Name="c", Tags=[{"Key": "team", "Value": "one"}])

    assert names(tagging.get_resources()) == ["a", "c"]
    assert names(tagging.get_resources(ResourceTypeFilters=["lambda:function"])) == ["a"]
    assert names(tagging.get_resources(ResourceTypeFilters=["lambda"])) == ["a"]
    assert names(tagging.get_resources(ResourceTypeFilters=["sns"])) == ["c"]


def test_pages_end_with_an_empty_token_and_are_cut_by_their_size_alone(tagging: Any, aws: StandIn) -> None:
    many = {f"tag-{number}": "x" for number in range(40)}
    for number in range(7):
        aws.seed_function(f"function-{number}", many)

    whole = tagging.get_resources(ResourcesPerPage=100)
    pages = list(tagging.get_paginator("get_resources").paginate(ResourcesPerPage=3))

    assert len(names(whole)) == 7
    assert whole["PaginationToken"] == ""
    assert [len(names(page)) for page in pages] == [3, 3, 1]
    assert [name for page in pages for name in names(page)] == names(whole)
    assert pages[-1]["PaginationToken"] == ""


def test_a_token_can_be_used_again_and_what_comes_and_goes_does_not_upset_it(
    tagging: Any, aws: StandIn
) -> None:
    for name in "abcd":
        aws.seed_function(name, {"team": "one"})
    token = tagging.get_resources(ResourcesPerPage=2)["PaginationToken"]
    aws.unseed_function("b")
    aws.unseed_function("c")

    following = [tagging.get_resources(ResourcesPerPage=2, PaginationToken=token) for _ in range(2)]

    assert [names(page) for page in following] == [["d"], ["d"]]


def test_a_page_has_fifty_where_nobody_says_otherwise(tagging: Any, aws: StandIn) -> None:
    for number in range(51):
        aws.seed_function(f"function-{number}", {"team": "one"})

    assert len(names(tagging.get_resources())) == 50


def test_resources_are_read_by_their_arns(tagging: Any, aws: StandIn) -> None:
    arn = aws.seed_function("a", {"team": "one"})
    aws.seed_function("b", {"team": "one"})

    assert names(tagging.get_resources(ResourceARNList=[arn, f"{arn}-2"])) == ["a"]


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"ResourcesPerPage": 0}, "InvalidParameterException"),
        ({"ResourcesPerPage": 101}, "InvalidParameterException"),
        ({"TagFilters": [{"Values": ["a"]}]}, "InvalidParameterException"),
        ({"TagFilters": [{"Key": "a"}] * 51}, "InvalidParameterException"),
        ({"TagFilters": [{"Key": "a", "Values": ["b"] * 21}]}, "InvalidParameterException"),
        ({"ResourceARNList": ["arn:a"], "ResourcesPerPage": 5}, "InvalidParameterException"),
        ({"TagsPerPage": 99}, "InvalidParameterException"),
        ({"TagsPerPage": 501}, "InvalidParameterException"),
        ({"PaginationToken": "nonsense"}, "PaginationTokenExpiredException"),
    ],
    ids=str,
)
def test_what_the_api_does_not_take_is_refused(tagging: Any, params: dict[str, Any], code: str) -> None:
    assert refusal_code(tagging.get_resources, **params) == code


@pytest.mark.parametrize(
    ("tags", "limits", "sizes"),
    [
        (10, {"TagsPerPage": 100}, [10, 10, 2]),  # the example of AWS's documentation
        (40, {"TagsPerPage": 100}, [2] * 11),
        (10, {"TagsPerPage": 500, "ResourcesPerPage": 15}, [15, 7]),
    ],
)
def test_pages_may_be_cut_by_their_number_of_tags_but_not_within_a_resource(
    tagging: Any, aws: StandIn, tags: int, limits: dict[str, int], sizes: list[int]
) -> None:
    for number in range(22):
        aws.seed_function(f"function-{number:02}", {f"tag-{count}": "x" for count in range(tags)})

    pages = list(tagging.get_paginator("get_resources").paginate(**limits))

    assert [len(names(page)) for page in pages] == sizes
    assert [name for page in pages for name in names(page)] == names(tagging.get_resources())


# Faults and counts


def calls_of(sdk: Sdk) -> dict[str, Callable[[], Any]]:
    return {
        "resourcegroupstaggingapi:GetResources": lambda: sdk("resourcegroupstaggingapi").get_resources(),
        "lambda:GetFunction": lambda: sdk("lambda").get_function(FunctionName="users:live"),
        "lambda:ListTags": lambda: sdk("lambda").list_tags(
            Resource="arn:aws:lambda:us-east-1:1:function:users"
        ),
        "lambda:GetFunctionUrlConfig": lambda: sdk("lambda").get_function_url_config(FunctionName="users"),
        "lambda:GetAlias": lambda: sdk("lambda").get_alias(FunctionName="users", Name="live"),
        "apigateway:GetRestApi": lambda: sdk("apigateway").get_rest_api(restApiId="a1"),
        "apigatewayv2:GetApi": lambda: sdk("apigatewayv2").get_api(ApiId="a1"),
    }


GRANTED_BY = {
    "resourcegroupstaggingapi:GetResources": "tag:GetResources",
    "apigateway:GetRestApi": "apigateway:GET",
    "apigatewayv2:GetApi": "apigateway:GET",
}
THROTTLED = {"resourcegroupstaggingapi:GetResources": ("ThrottledException", 400)}
NAMES = (
    "resourcegroupstaggingapi:GetResources",
    "lambda:GetFunction",
    "lambda:ListTags",
    "lambda:GetFunctionUrlConfig",
    "lambda:GetAlias",
    "apigateway:GetRestApi",
    "apigatewayv2:GetApi",
)


@pytest.mark.parametrize("name", NAMES)
def test_a_fault_meets_the_operation_it_is_for_and_the_call_is_counted(
    sdk: Sdk, aws: StandIn, name: str
) -> None:
    with aws.faults.access_denied(name), pytest.raises(ClientError) as denied:
        calls_of(sdk)[name]()

    assert denied.value.response["Error"]["Code"] == "AccessDeniedException"
    assert f"to perform: {GRANTED_BY.get(name, name)}" in denied.value.response["Error"]["Message"]
    assert aws.calls() == {name: 1}


@pytest.mark.parametrize("name", NAMES)
def test_an_operation_is_throttled_in_the_words_of_its_service(sdk: Sdk, aws: StandIn, name: str) -> None:
    aws.configure(throttles=(Throttle((name,), rate_per_second=0, burst=0),))

    with pytest.raises(ClientError) as throttled:
        calls_of(sdk)[name]()

    answer = throttled.value.response
    expected = THROTTLED.get(name, ("TooManyRequestsException", 429))
    assert (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]) == expected


def test_the_tagging_api_is_asked_without_an_sdk_too(aws: StandIn) -> None:
    with RawClient(aws.url) as raw:
        answer = raw.call("resourcegroupstaggingapi:GetResources")

    assert answer.status == 200
    assert aws.calls() == {"resourcegroupstaggingapi:GetResources": 1}


def test_answers_by_rest_are_said_to_be_json(sdk: Sdk, aws: StandIn) -> None:
    aws.seed_function("users")

    found = sdk("lambda").get_function(FunctionName="users")
    missing = refusal(sdk("apigatewayv2").get_api, ApiId="a1")

    for answer in (found, missing):
        assert answer["ResponseMetadata"]["HTTPHeaders"]["content-type"] == "application/json"
