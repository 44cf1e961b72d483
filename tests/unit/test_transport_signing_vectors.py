"""AWS's published test vectors for Signature Version 4, all of them.

The files are those of https://github.com/awslabs/aws-c-auth (tests/aws-sig-v4-test-suite) as botocore carries them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final
from urllib.parse import quote

import pytest

from cloudmap_discovery.transport.signing import Credentials, sign

VECTORS: Final = Path(__file__).parent / "sigv4_vectors"
AT_SECONDS: Final = 1_440_938_160.0  # 2015-08-30T12:36:00Z
TOKEN_HEADER: Final = "x-amz-security-token:"


def text_of(vector: str, kind: str) -> str:
    folder = VECTORS / vector
    return (folder / f"{folder.name}.{kind}").read_text(encoding="utf-8")


def parsed(request: str) -> tuple[str, str, dict[str, str], bytes]:
    head, _, body = request.partition("\n\n")
    first, *lines = head.replace("\n ", " ").splitlines()
    method, _, target = first.removesuffix(" HTTP/1.1").partition(" ")
    headers: dict[str, str] = {}
    for line in lines:
        name, _, text = line.partition(":")
        # A mapping has a name once, but compares case, which HTTP does not.
        same = 2 * sum(other.lower() == name.lower() for other in headers)
        headers[name[:same].upper() + name[same:].lower()] = text
    path, mark, query = target.partition("?")
    # The signer takes a query as it is sent, and no client sends it unencoded.
    url = f"https://{headers['host']}{path}{mark}{quote(query, safe='&=%')}"
    return method, url, headers, body.encode()


def credentials_of(vector: str) -> Credentials:
    lines = text_of(vector, "creq").splitlines()
    token = next((line.removeprefix(TOKEN_HEADER) for line in lines if line.startswith(TOKEN_HEADER)), None)
    return Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", token)


def names() -> list[str]:
    return sorted(path.parent.relative_to(VECTORS).as_posix() for path in VECTORS.rglob("*.req"))


def test_all_vectors_are_there() -> None:
    assert len(names()) == 34


@pytest.mark.parametrize("vector", names())
def test_a_published_vector_gets_the_published_signature(vector: str) -> None:
    method, url, headers, body = parsed(text_of(vector, "req"))

    sent = sign(
        method,
        url,
        headers,
        body,
        service="service",
        region="us-east-1",
        credentials=credentials_of(vector),
        at_seconds=AT_SECONDS,
    )

    assert sent["authorization"] == text_of(vector, "authz")
