"""The stand-in's Lambda names functions, qualifies them, gives them URLs and tags as AWS does where moto alone does not."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.standin.client import StandInClient, StandInError
from tests.standin.fixtures import refusal, refusal_code
from tests.standin.stand_in import StandIn

pytest_plugins = ["tests.standin.fixtures"]

Sdk = Callable[..., Any]


@pytest.fixture
def lambda_(sdk: Sdk) -> Any:
    return sdk("lambda")


@pytest.fixture
def arn(aws: StandIn) -> str:
    return aws.seed_function("users", {"discovery:service": "users"}, aliases=["live"])


def status(answer: Any) -> int:
    return int(answer["ResponseMetadata"]["HTTPStatusCode"])


# Names


def test_a_function_answers_to_every_form_of_its_name(lambda_: Any, arn: str, aws: StandIn) -> None:
    for name in ("users", arn, f"{aws.account_id}:function:users", "function:users"):
        assert lambda_.get_function(FunctionName=name)["Configuration"]["FunctionArn"] == arn


@pytest.mark.parametrize("qualifier", ["live", "$LATEST", "1"])
def test_the_arn_is_that_of_the_version_or_alias_asked_for(lambda_: Any, arn: str, qualifier: str) -> None:
    lambda_.publish_version(FunctionName="users")

    answers = [
        lambda_.get_function(FunctionName=f"{arn}:{qualifier}"),
        lambda_.get_function(FunctionName=f"users:{qualifier}"),
        lambda_.get_function(FunctionName="users", Qualifier=qualifier),
        lambda_.get_function(FunctionName=f"{arn}:{qualifier}", Qualifier=qualifier),
    ]

    described = [answer["Configuration"] for answer in answers]
    assert {one["FunctionArn"] for one in described} == {f"{arn}:{qualifier}"}
    assert {one["Version"] for one in described} == {"1" if qualifier == "1" else "$LATEST"}


def test_two_qualifiers_that_differ_are_refused(lambda_: Any, arn: str) -> None:
    code = refusal_code(lambda_.get_function, FunctionName=f"{arn}:live", Qualifier="1")

    assert code == "InvalidParameterValueException"


def test_a_name_that_cannot_be_is_refused(sdk: Sdk) -> None:
    client = sdk("lambda", parameter_validation=False)

    for name in ("a b", "a/b", "users:a:b", "arn:aws:lambda:us-east-1"):
        error = refusal(client.get_function, FunctionName=name)

        assert error["Error"]["Code"] in {"ValidationException", "ResourceNotFoundException"}
        assert status(error) in {400, 404}


def test_functions_elsewhere_are_out_of_reach(lambda_: Any, arn: str, aws: StandIn) -> None:
    elsewhere = refusal(lambda_.get_function, FunctionName=arn.replace("us-east-1", "eu-west-1"))
    denied = refusal(lambda_.get_function, FunctionName=arn.replace(aws.account_id, "999999999999"))

    assert (elsewhere["Error"]["Code"], status(elsewhere)) == ("ResourceNotFoundException", 404)
    assert (denied["Error"]["Code"], status(denied)) == ("AccessDeniedException", 403)
    assert "lambda:GetFunction" in denied["Error"]["Message"]


def test_what_is_not_there_is_404(lambda_: Any, arn: str) -> None:
    errors = [
        refusal(lambda_.get_function, FunctionName="nobody"),
        refusal(lambda_.get_function, FunctionName=f"{arn}:nothing"),
        refusal(lambda_.get_alias, FunctionName=arn, Name="nothing"),
        refusal(lambda_.get_function_url_config, FunctionName=arn),
        refusal(lambda_.delete_function_url_config, FunctionName=arn),
        refusal(lambda_.update_function_url_config, FunctionName=arn, AuthType="NONE"),
        refusal(lambda_.create_function_url_config, FunctionName=arn, Qualifier="nothing", AuthType="NONE"),
        refusal(lambda_.list_tags, Resource=f"{arn}-2"),
    ]

    assert {(error["Error"]["Code"], status(error)) for error in errors} == {
        ("ResourceNotFoundException", 404)
    }


# Aliases


def test_an_alias_is_made_changed_and_deleted(lambda_: Any, arn: str) -> None:
    version = lambda_.publish_version(FunctionName="users")["Version"]
    made = lambda_.create_alias(FunctionName=arn, Name="next", FunctionVersion=version)
    changed = lambda_.update_alias(FunctionName=arn, Name="next", FunctionVersion="$LATEST")
    read = lambda_.get_alias(FunctionName=arn, Name="next")
    gone = lambda_.delete_alias(FunctionName=arn, Name="next")

    assert made["AliasArn"] == read["AliasArn"] == f"{arn}:next"
    assert (made["FunctionVersion"], read["FunctionVersion"]) == ("1", "$LATEST")
    assert [status(answer) for answer in (made, changed, read, gone)] == [201, 200, 200, 204]
    assert refusal_code(lambda_.get_alias, FunctionName=arn, Name="next") == "ResourceNotFoundException"


# URLs


def test_a_function_and_its_aliases_have_urls_of_their_own(lambda_: Any, arn: str) -> None:
    of_function = lambda_.create_function_url_config(FunctionName=arn, AuthType="AWS_IAM")
    of_alias = lambda_.create_function_url_config(FunctionName=arn, Qualifier="live", AuthType="NONE")

    read = lambda_.get_function_url_config(FunctionName=arn)
    read_of_alias = lambda_.get_function_url_config(FunctionName=f"{arn}:live")

    assert (status(of_function), status(read)) == (201, 200)
    assert read["FunctionUrl"] == of_function["FunctionUrl"] != of_alias["FunctionUrl"]
    assert read["FunctionUrl"].endswith(".lambda-url.us-east-1.on.aws/")
    assert (read["FunctionArn"], read["AuthType"], read["InvokeMode"]) == (arn, "AWS_IAM", "BUFFERED")
    assert (read_of_alias["FunctionArn"], read_of_alias["AuthType"]) == (f"{arn}:live", "NONE")


def test_a_url_is_made_once_changed_and_deleted(lambda_: Any, arn: str) -> None:
    made = lambda_.create_function_url_config(FunctionName=arn, AuthType="AWS_IAM")
    again = refusal(lambda_.create_function_url_config, FunctionName=arn, AuthType="NONE")
    changed = lambda_.update_function_url_config(FunctionName=arn, AuthType="NONE")

    gone = lambda_.delete_function_url_config(FunctionName=arn)

    assert (again["Error"]["Code"], status(again)) == ("ResourceConflictException", 409)
    assert (changed["FunctionUrl"], changed["AuthType"]) == (made["FunctionUrl"], "NONE")
    assert status(gone) == 204
    assert refusal_code(lambda_.get_function_url_config, FunctionName=arn) == "ResourceNotFoundException"


def test_an_alias_takes_its_url_along(lambda_: Any, arn: str) -> None:
    lambda_.create_function_url_config(FunctionName=arn, Qualifier="live", AuthType="NONE")
    lambda_.delete_alias(FunctionName=arn, Name="live")
    lambda_.create_alias(FunctionName=arn, Name="live", FunctionVersion="$LATEST")

    code = refusal_code(lambda_.get_function_url_config, FunctionName=arn, Qualifier="live")

    assert code == "ResourceNotFoundException"


# Tags


def test_tags_are_put_on_and_taken_off(lambda_: Any, arn: str) -> None:
    told = lambda_.tag_resource(Resource=arn, Tags={"discovery:stage": "Production"})
    both = lambda_.list_tags(Resource=arn)["Tags"]
    untold = lambda_.untag_resource(Resource=arn, TagKeys=["discovery:service"])

    assert both == {"discovery:service": "users", "discovery:stage": "Production"}
    assert lambda_.get_function(FunctionName=arn)["Tags"] == {"discovery:stage": "Production"}
    assert (status(told), status(untold)) == (204, 204)


def test_only_a_whole_function_has_tags(lambda_: Any, arn: str) -> None:
    calls: list[tuple[Any, dict[str, Any]]] = [
        (lambda_.list_tags, {}),
        (lambda_.tag_resource, {"Tags": {"a": "b"}}),
        (lambda_.untag_resource, {"TagKeys": ["a"]}),
    ]

    for method, more in calls:
        assert refusal_code(method, Resource=f"{arn}:live", **more) == "InvalidParameterValueException"
    assert status(refusal(lambda_.list_tags, Resource="users")) == 400


# Seeds


def test_seeding_a_function_again_replaces_it(lambda_: Any, arn: str, aws: StandIn) -> None:
    lambda_.create_function_url_config(FunctionName=arn, AuthType="NONE")

    again = aws.seed_function("users", {"team": "one"})

    assert again == arn
    assert lambda_.list_tags(Resource=arn)["Tags"] == {"team": "one"}
    assert refusal_code(lambda_.get_alias, FunctionName=arn, Name="live") == "ResourceNotFoundException"
    assert refusal_code(lambda_.get_function_url_config, FunctionName=arn) == "ResourceNotFoundException"


def test_seeds_of_functions_are_not_counted_and_do_not_outlive_a_reset(aws: StandIn, arn: str) -> None:
    aws.unseed_function("users")
    aws.seed_function("users", url_auth_type="AWS_IAM")
    assert aws.calls() == {}

    aws.reset()

    assert aws.seed_function("users") == arn


def test_functions_are_seeded_in_the_region_of_the_stand_in(sdk: Sdk) -> None:
    with StandIn(region="eu-central-1") as other:
        arn = other.seed_function("users", {"discovery:service": "users"})

        found = sdk("resourcegroupstaggingapi", other).get_resources()["ResourceTagMappingList"]

    assert arn == f"arn:aws:lambda:eu-central-1:{other.account_id}:function:users"
    assert [one["ResourceARN"] for one in found] == [arn]


def test_seeds_of_functions_are_commands_too(lambda_: Any, aws: StandIn) -> None:
    control = StandInClient(aws.url)
    arn = control.seed_function("users", {"team": "one"}, url_auth_type="NONE", aliases=["live", "next"])

    tags = lambda_.list_tags(Resource=arn)["Tags"]
    url = lambda_.get_function_url_config(FunctionName=arn)
    aliases = lambda_.list_aliases(FunctionName="users")["Aliases"]
    control.unseed_function("users")

    assert tags == {"team": "one"}
    assert url["AuthType"] == "NONE"
    assert [alias["Name"] for alias in aliases] == ["live", "next"]
    assert refusal_code(lambda_.get_function, FunctionName=arn) == "ResourceNotFoundException"


@pytest.mark.parametrize(
    ("seed", "named"),
    [
        (lambda control: control.seed_function("a b"), "a b"),
        (lambda control: control.seed_function("a" * 65), "64"),
        (lambda control: control.seed_function("a", {"range": "^1.2"}), "range"),
        (lambda control: control.seed_function("a", {"": "x"}), "tag"),
        (lambda control: control.seed_function("a", {"x": "y" * 257}), "tag"),
        (lambda control: control.seed_function("a", {f"k{n}": "" for n in range(51)}), "50"),
        (lambda control: control.seed_function("a", url_auth_type="ANYBODY"), "ANYBODY"),
        (lambda control: control.unseed_function("nobody"), "nobody"),
    ],
)
def test_a_function_that_nobody_could_have_made_is_not_seeded(
    aws: StandIn, seed: Callable[[StandInClient], Any], named: str
) -> None:
    with pytest.raises(StandInError, match=named):
        seed(StandInClient(aws.url))
