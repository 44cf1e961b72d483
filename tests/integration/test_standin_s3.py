"""S3 behind the stand-in's connections: conditional requests, answers without bodies, bodies in both directions."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.standin.fixtures import refusal
from tests.standin.stand_in import StandIn

pytest_plugins = ["tests.standin.fixtures"]

Sdk = Callable[..., Any]


@pytest.fixture
def s3(sdk: Sdk) -> Any:
    client = sdk("s3")
    client.create_bucket(Bucket="registry")
    return client


def status(error: dict[str, Any]) -> int:
    return int(error["ResponseMetadata"]["HTTPStatusCode"])


def test_what_was_put_is_read_back_whatever_its_size(s3: Any) -> None:
    body = bytes(range(256)) * 20_000

    s3.put_object(Bucket="registry", Key="registry.json", Body=body)

    assert s3.get_object(Bucket="registry", Key="registry.json")["Body"].read() == body


def test_an_unchanged_object_is_answered_without_a_body(s3: Any) -> None:
    etag = s3.put_object(Bucket="registry", Key="registry.json", Body=b"1")["ETag"]

    error = refusal(s3.get_object, Bucket="registry", Key="registry.json", IfNoneMatch=etag)

    assert status(error) == 304


def test_a_conditional_write_is_refused_if_the_object_changed(s3: Any) -> None:
    etag = s3.put_object(Bucket="registry", Key="registry.json", Body=b"1")["ETag"]
    s3.put_object(Bucket="registry", Key="registry.json", Body=b"2")

    changed = refusal(s3.put_object, Bucket="registry", Key="registry.json", Body=b"3", IfMatch=etag)
    created = refusal(s3.put_object, Bucket="registry", Key="registry.json", Body=b"3", IfNoneMatch="*")

    assert [status(changed), status(created)] == [412, 412]


def test_answers_without_bodies_leave_the_connection_usable(aws: StandIn, s3: Any) -> None:
    etag = s3.put_object(Bucket="registry", Key="registry.json", Body=b"12345")["ETag"]

    refusal(s3.get_object, Bucket="registry", Key="registry.json", IfNoneMatch=etag)
    length = s3.head_object(Bucket="registry", Key="registry.json")["ContentLength"]
    s3.delete_object(Bucket="registry", Key="registry.json")

    assert length == 5
    assert status(refusal(s3.head_object, Bucket="registry", Key="registry.json")) == 404
    assert aws.open_connections == 1


def test_of_many_who_create_an_object_at_once_one_succeeds(aws: StandIn, s3: Any) -> None:
    def create(number: int) -> int:
        body = str(number).encode()
        try:
            s3.put_object(Bucket="registry", Key="registry.json", Body=body, IfNoneMatch="*")
        except ClientError as error:
            return int(error.response["ResponseMetadata"]["HTTPStatusCode"])
        return 200

    with aws.faults.hold("s3:PutObject") as held, ThreadPoolExecutor(8) as threads:
        answers = [threads.submit(create, number) for number in range(8)]
        held.wait_until_met(8)
        held.clear()

    assert sorted(answer.result() for answer in answers) == [200, *[412] * 7]


def test_refusals_of_every_kind_come_in_the_words_of_s3(aws: StandIn, s3: Any) -> None:
    read = {"Bucket": "registry", "Key": "registry.json"}
    elsewhere = {"x-amz-bucket-region": "eu-west-1"}
    aws.faults.error("AccessDenied", "s3:GetObject", message="Access Denied", status=403, count=1)
    aws.faults.error("SlowDown", "s3:GetObject", status=503, count=1)
    aws.faults.error("NoSuchBucket", "s3:GetObject", status=404, headers=elsewhere, count=1)
    aws.faults.error("ConditionalRequestConflict", "s3:PutObject", status=409, count=1)

    denied, slow, absent = (refusal(s3.get_object, **read) for _ in range(3))
    conflict = refusal(s3.put_object, **read, Body=b"1")

    assert (denied["Error"], status(denied)) == ({"Code": "AccessDenied", "Message": "Access Denied"}, 403)
    assert (slow["Error"]["Code"], status(slow)) == ("SlowDown", 503)
    assert absent["ResponseMetadata"]["HTTPHeaders"]["x-amz-bucket-region"] == "eu-west-1"
    assert (conflict["Error"]["Code"], status(conflict)) == ("ConditionalRequestConflict", 409)
