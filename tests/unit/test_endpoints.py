"""What an address is, and whether it is among those that are allowed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudmap_discovery.endpoints import is_allowed, is_arn, is_url

ARN = "arn:aws:lambda:eu-central-1:123456789012:function:users"


@pytest.mark.parametrize(
    "endpoint", ["https://a.test", "http://[::1]:80/x", "tcp://10.0.0.1:99", "a+b-c.d://x"]
)
def test_an_absolute_address_with_a_scheme_is_a_url(endpoint: str) -> None:
    assert is_url(endpoint)


@pytest.mark.parametrize(
    "endpoint", ["", "a.test", "://a", "https://", "1a://x", f"{ARN}://x", "/a://b", ARN]
)
def test_anything_else_is_no_url(endpoint: str) -> None:
    assert not is_url(endpoint)


def test_an_arn_is_told_by_its_six_parts() -> None:
    assert is_arn(ARN)
    assert is_arn("arn:aws:s3:::bucket")
    assert not is_arn("arn:aws:lambda")
    assert not is_arn(f"https://a.test/{ARN}")


def test_no_patterns_allow_everything() -> None:
    assert is_allowed("anything at all", ())


@pytest.mark.parametrize(
    ("endpoint", "pattern"),
    [
        ("https://api.good.test/path", "*.good.test"),
        ("https://API.GOOD.TEST:8443", "api.good.test"),
        ("https://user:password@api.good.test", "api.good.test"),
        ("api.good.test:99", "api.good.test"),
        ("http://[2001:db8::1]:80", "2001:db8::1"),
        ("http://10.0.0.7", "10.0.0.?"),
        (ARN, "123456789012"),
        (ARN, "1234*"),
        ("https://münchen.test", "münchen.test"),
    ],
)
def test_a_pattern_matches_the_host_or_the_account(endpoint: str, pattern: str) -> None:
    assert is_allowed(endpoint, ["nothing.test", pattern])


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://evil.test",
        "https://good.test.evil.test",
        "https://good.test@evil.test",
        "https://evil.test/good.test",
        "https://evil.test?good.test",
        "https://evil.test#.good.test",
        # Clients of the URL standard connect to evil.test here, Python's parser reads good.test.
        r"https://evil.test\@good.test",
        r"https:\\evil.test\.good.test",
        "https://evil.test%2f.good.test",
        "https://evil.test\N{FULLWIDTH SOLIDUS}.good.test",
        "https://evil.test\N{IDEOGRAPHIC FULL STOP}good.test",
        "https://evil.test;.good.test",
        "https://[good.test",
        ARN,
        "",
    ],
)
def test_no_disguise_makes_another_host_match(endpoint: str) -> None:
    assert not is_allowed(endpoint, ["good.test", "*.good.test"])


def test_an_address_without_a_readable_host_is_allowed_only_by_the_star() -> None:
    assert not is_allowed(r"https://a\b", ["a*", "*b"])
    assert is_allowed(r"https://a\b", ["*"])


@settings(deadline=None)
@given(st.text(max_size=80), st.lists(st.text(max_size=10), max_size=3))
def test_no_text_raises(endpoint: str, patterns: list[str]) -> None:
    assert is_allowed(endpoint, [*patterns, "*"])
