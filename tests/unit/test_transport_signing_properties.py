"""The signer agrees with AWS's own for Python, whatever the request."""

from __future__ import annotations

import string
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as SdkCredentials
from hypothesis import given
from hypothesis import strategies as st

from cloudmap_discovery.transport import signing
from cloudmap_discovery.transport.signing import Credentials, sign

# With a header `Date`, botocore drops `X-Amz-Date` and signs the former, rewritten; we always send the latter. What is
# not signed has grown over botocore's versions.
INCOMPARABLE: Final = {"date"} | (signing._UNSIGNED ^ set(auth.SIGNED_HEADERS_BLACKLIST))

ODD: Final = " !\"$%&'()*+,-./:;<=>@[\\]^_`{|}~aZ09äሴ😀"
TEXT: Final = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
PRINTABLE: Final = st.text(string.ascii_letters + string.digits + "+/=", min_size=1, max_size=40)

HOSTS: Final = st.sampled_from(
    ["example.amazonaws.com", "UPPER.Example.com", "localhost", "127.0.0.1", "[::1]", "[FD00:ec2::23]"]
)
PORTS: Final = st.sampled_from(["", ":80", ":443", ":8080"])
SEGMENTS: Final = st.sampled_from(["", ".", "..", "%2F", "%20", "a b"]) | st.text(
    ODD.replace("/", ""), max_size=6
)
PATHS: Final = st.lists(SEGMENTS, max_size=6).map(lambda segments: "".join(f"/{one}" for one in segments))
QUERY_PARTS: Final = st.sampled_from(["", "a", "A", "%E1%88%B4", "a-b", "a="]) | st.text(
    ODD.replace(" ", "").replace("ä", ""), max_size=5
)
QUERIES: Final = st.lists(st.tuples(QUERY_PARTS, QUERY_PARTS).map("=".join) | QUERY_PARTS, max_size=6).map(
    "&".join
)
KNOWN_HEADERS: Final = (
    "Authorization Content-Type content-type Expect Host Transfer-Encoding User-Agent "
    "X-Amz-Date x-amz-date X-Amz-Security-Token X-Amz-Target X-Amzn-Trace-Id"
)
HEADER_NAMES: Final = st.sampled_from(KNOWN_HEADERS.split()) | st.text(
    string.ascii_letters + string.digits + "-_.!~", min_size=1, max_size=8
)
HEADER_VALUES: Final = st.text(" \t\x0b\x0c\u00a0\u3000" + ODD, max_size=12) | TEXT
HEADERS: Final = st.dictionaries(
    HEADER_NAMES.filter(lambda name: name.lower() not in INCOMPARABLE), HEADER_VALUES, max_size=6
)
HASHES: Final = st.fixed_dictionaries({}, optional={"X-Amz-Content-SHA256": PRINTABLE})


@st.composite
def urls(draw: st.DrawFn, *, paths: st.SearchStrategy[str] = PATHS) -> str:
    query = draw(QUERIES)
    scheme = draw(st.sampled_from(["http", "https"]))
    return f"{scheme}://{draw(HOSTS)}{draw(PORTS)}{draw(paths)}{query and f'?{query}'}"


@st.composite
def requests(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "method": draw(st.sampled_from(["GET", "POST", "put", "DELETE", "HEAD"])),
        "url": draw(urls()),
        "headers": draw(HEADERS) | draw(HASHES),
        "body": draw(st.binary(max_size=50)),
    }


@st.composite
def signers(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "service": draw(st.sampled_from(["servicediscovery", "ssm", "s3"]) | PRINTABLE),
        "region": draw(st.sampled_from(["us-east-1", "cn-north-1", "us-gov-west-1"]) | PRINTABLE),
        "credentials": Credentials(draw(PRINTABLE), draw(TEXT), draw(st.none() | st.just("") | PRINTABLE)),
        "at_seconds": draw(st.integers(0, 4_000_000_000)) + draw(st.sampled_from([0.0, 0.25, 0.999])),
    }


def by_sdk(
    kind: type[auth.SigV4Auth], request: dict[str, Any], signer: dict[str, Any]
) -> dict[str, list[str]]:
    """Sign as botocore does, at a time that botocore would take from the machine's clock."""
    given = signer["credentials"]
    credentials = SdkCredentials(given.access_key_id, given.secret_access_key, given.session_token)
    sdk: Any = kind(credentials, signer["service"], signer["region"])
    asked: Any = AWSRequest(
        request["method"], request["url"], headers=request["headers"], data=request["body"]
    )
    moment = datetime.fromtimestamp(int(signer["at_seconds"]), UTC)
    asked.context["timestamp"] = moment.strftime(auth.SIGV4_TIMESTAMP)
    sdk._modify_request_before_signing(asked)
    to_sign = sdk.string_to_sign(asked, sdk.canonical_request(asked))
    sdk._inject_signature_to_request(asked, sdk.signature(to_sign, asked))
    return folded(asked.headers.items())


def folded(items: Any) -> dict[str, list[str]]:
    names: dict[str, list[str]] = {}
    for name, text in items:
        names.setdefault(name.lower(), []).append(text)
    return names


def without_host(headers: dict[str, list[str]]) -> dict[str, list[str]]:
    return {name: texts for name, texts in headers.items() if name != "host"}


@given(requests(), signers())
def test_every_request_is_signed_as_the_sdk_signs_it(request: dict[str, Any], signer: dict[str, Any]) -> None:
    ours = folded(sign(**request, **signer).items())
    theirs = by_sdk(auth.SigV4Auth, request, signer)

    # The SDK signs the host, and leaves it to the client to send it.
    assert without_host(ours) == without_host(theirs)
    assert len(ours["host"]) >= 1


@given(requests(), urls(paths=PATHS.map(lambda path: path or "/")), signers())
def test_requests_to_s3_are_signed_as_the_sdk_signs_them(
    request: dict[str, Any], url: str, signer: dict[str, Any]
) -> None:
    kept = {name: text for name, text in request["headers"].items() if name.lower() != "x-amz-content-sha256"}
    request = {**request, "url": url, "headers": kept}
    hashed = {**kept, "x-amz-content-sha256": sha256(request["body"]).hexdigest()}

    ours = folded(sign(**{**request, "headers": hashed}, **signer, encodes_path=False).items())

    assert without_host(ours) == without_host(by_sdk(auth.S3SigV4Auth, request, signer))
