"""An endpoint is a URL to be called, a function to be invoked, or neither, and what it is signed for is in it."""

from __future__ import annotations

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotoCredentials
from hypothesis import given
from hypothesis import strategies as st

from cloudmap_discovery.calls.errors import NotCallableError
from cloudmap_discovery.calls.targets import (
    FunctionTarget,
    HttpTarget,
    Signing,
    canonical,
    target_of,
    url_of,
)
from cloudmap_discovery.model import Instance
from cloudmap_discovery.transport.signing import Credentials, sign

ARN = "arn:aws:lambda:eu-west-1:123456789012:function:users"
REGION = "eu-central-1"


def target(endpoint: str, region: str | None = REGION, **attributes: str) -> HttpTarget | FunctionTarget:
    return target_of(Instance("users", endpoint, attributes=attributes), region=region)


@pytest.mark.parametrize("arn", [ARN, f"{ARN}:live", f"{ARN}:42", f"{ARN}:$LATEST"])
def test_a_function_is_invoked_in_its_own_region_for_those_who_may_unless_it_is_open(arn: str) -> None:
    assert target(arn) == FunctionTarget(arn, "eu-west-1", is_open=False)
    assert target(arn, auth="none") == FunctionTarget(arn, "eu-west-1", is_open=True)
    assert target(arn, auth="iam") == FunctionTarget(arn, "eu-west-1", is_open=False)


@pytest.mark.parametrize(
    ("endpoint", "origin", "path", "query"),
    [
        ("https://users.test", "https://users.test", "", ""),
        ("https://users.test/", "https://users.test", "/", ""),
        ("https://Users.test:8443/v1/", "https://users.test:8443", "/v1/", ""),
        ("http://10.0.0.7/a%2Fb?key=1#part", "http://10.0.0.7", "/a%2Fb", "key=1"),
        ("http://[fd00::1]:8080/x y", "http://[fd00::1]:8080", "/x%20y", ""),
        ("http://[fd00::1]:80/", "http://[fd00::1]", "/", ""),
        ("https://users.test:443/v1", "https://users.test", "/v1", ""),
        ("https://users.test:80", "https://users.test:80", "", ""),
    ],
)
def test_a_url_has_an_origin_a_path_and_a_query(endpoint: str, origin: str, path: str, query: str) -> None:
    assert target(endpoint) == HttpTarget(origin, path, query, None)


@pytest.mark.parametrize(
    "endpoint",
    [
        "arn:aws:sqs:eu-west-1:123456789012:queue",
        "users.test:80",
        "ftp://users.test",
        "file:///etc/passwd",
        "http://",
        "https://user:password@users.test",
        "https://users.test\\@evil.test",
        "https://users%2f.test",
        "https://users.test:99999",
        "https://users.test:0",
        "https://üsers.test",
        "http://[::1",
        f"{ARN}:a:b",
    ],
)
def test_other_endpoints_are_not_called(endpoint: str) -> None:
    with pytest.raises(NotCallableError, match="calling 'users' at"):
        target(endpoint)


@pytest.mark.parametrize(
    ("endpoint", "service", "region"),
    [
        ("https://abc.lambda-url.us-east-1.on.aws/", "lambda", "us-east-1"),
        ("https://abc.execute-api.eu-west-3.amazonaws.com/prod", "execute-api", "eu-west-3"),
        ("https://abc.execute-api.cn-north-1.amazonaws.com.cn", "execute-api", "cn-north-1"),
        ("https://abc-vpce-1.execute-api.eu-west-3.amazonaws.com/prod", "execute-api", "eu-west-3"),
        ("https://api.example.com", "execute-api", REGION),
        ("https://evil.test/abc.lambda-url.us-east-1.on.aws", "execute-api", REGION),
        ("https://abc.lambda-url.us-east-1.on.aws.evil.test", "execute-api", REGION),
    ],
)
def test_what_a_url_is_signed_for_is_in_its_host(endpoint: str, service: str, region: str) -> None:
    signed = target(endpoint, auth="iam")

    assert isinstance(signed, HttpTarget)
    assert signed.signing == Signing(service, region)


def test_nothing_is_signed_unless_the_record_says_so() -> None:
    unsigned = target("https://abc.lambda-url.us-east-1.on.aws/", auth="none")

    assert isinstance(unsigned, HttpTarget)
    assert unsigned.signing is None


def test_a_domain_of_ones_own_says_its_region_in_an_attribute() -> None:
    signed = target("https://api.example.com", auth="iam", region="us-west-2")

    assert isinstance(signed, HttpTarget)
    assert signed.signing == Signing("execute-api", "us-west-2")
    with pytest.raises(NotCallableError, match="give it the attribute region"):
        target("https://api.example.com", region=None, auth="iam")


@pytest.mark.parametrize(
    ("endpoint", "path", "query", "url"),
    [
        ("https://users.test", "", "", "https://users.test/"),
        ("https://users.test", "", "a=1", "https://users.test/?a=1"),
        ("https://users.test/v1", "", "a=1", "https://users.test/v1?a=1"),
        ("https://users.test/v1", "/7", "a=1", "https://users.test/v1/7?a=1"),
        ("https://users.test/v1/?key=2", "/7", "a=1", "https://users.test/v1/7?key=2&a=1"),
        ("https://users.test/hooks/", "", "a=1", "https://users.test/hooks/?a=1"),
        ("https://users.test/hooks/", "/", "", "https://users.test/hooks/"),
        ("https://users.test/", "", "", "https://users.test/"),
        ("https://users.test", "//evil.test/x", "", "https://users.test//evil.test/x"),
        ("https://users.test", "/@evil.test", "", "https://users.test/@evil.test"),
    ],
)
def test_what_is_asked_for_goes_behind_what_the_endpoint_has(
    endpoint: str, path: str, query: str, url: str
) -> None:
    found = target(endpoint)

    assert isinstance(found, HttpTarget)
    assert url_of(found, path, query) == url


def test_a_plus_is_signed_as_the_space_that_forms_mean() -> None:
    assert canonical("https://users.test/a+b?q=a+b&c=d%2Be&f") == "https://users.test/a+b?q=a%20b&c=d%2Be&f="


@given(
    path=st.text("ab/%~:@!$&'()*+,;= é", max_size=20),
    query=st.text("ab=&%2F+é~:@ /?", max_size=20),
    body=st.binary(max_size=50),
)
def test_botocore_signs_what_we_send_alike(path: str, query: str, body: bytes) -> None:
    from urllib.parse import quote  # noqa: PLC0415 -- as a client encodes it

    raw = "/" + quote(path, safe="/~:@!$&'()*+,;=")
    url = canonical(f"https://abc.execute-api.eu-west-1.amazonaws.com{raw}?{quote(query, safe='=&+~:@/?')}")
    credentials = Credentials("AKIDEXAMPLE", "secret", "token")
    headers = sign(
        "POST",
        url,
        {"content-type": "text/plain"},
        body,
        service="execute-api",
        region="eu-west-1",
        credentials=credentials,
        at_seconds=1_700_000_000,
    )
    signer = SigV4Auth(BotoCredentials("AKIDEXAMPLE", "secret", "token"), "execute-api", "eu-west-1")
    signed = {name: text for name, text in headers.items() if name != "authorization"}
    request = AWSRequest("POST", url, headers=signed, data=body)
    request.context["timestamp"] = headers["x-amz-date"]

    expected = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)

    assert headers["authorization"].endswith(f"Signature={expected}")
