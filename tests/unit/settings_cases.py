"""Values of every setting that are right, and others that are wrong."""

from __future__ import annotations

import json

from hypothesis import strategies as st

from cloudmap_discovery.model import Attributes

names = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,30}", fullmatch=True)
hosts = st.from_regex(r"[a-z0-9*?][a-z0-9*?.-]{0,20}", fullmatch=True)


def seconds(low: float, high: float) -> st.SearchStrategy[float]:
    return st.floats(low, high, allow_nan=False)


RIGHT: dict[str, st.SearchStrategy[object]] = {
    "namespace": names,
    "stage": st.lists(names, min_size=1, max_size=10, unique=True).map(">".join),
    "sources": st.lists(st.sampled_from(["cloudmap", "ssm", "s3", "file"]), min_size=1, unique=True).map(
        tuple
    ),
    "mirrors": st.sampled_from([(), ("ssm",), ("s3", "ssm")]),
    "transport": st.sampled_from(["auto", "direct", "sdk"]),
    "parameter_prefix": st.lists(names, min_size=1, max_size=13)
    .filter(lambda parts: not parts[0].lower().startswith(("aws", "ssm")))
    .map(lambda parts: "/" + "/".join(parts)),
    "bucket": st.from_regex(r"[a-z][a-z0-9-]{1,40}[a-z0-9]", fullmatch=True),
    "snapshot_key": st.sampled_from(["registry.json", "a/b c/d.json.gz", "ümlaut"]),
    "snapshot_file": st.sampled_from(["snapshot.json", "/opt/registry/snapshot.json.gz"]),
    "max_snapshot_age": seconds(60, 31_536_000),
    "shared_cache": st.booleans(),
    "ttl": seconds(0.1, 86_400),
    "stale_while_revalidate": seconds(0, 86_400),
    "stale_wait": seconds(0, 60),
    "max_stale": seconds(0, 2_592_000),
    "negative_ttl": seconds(0, 3_600),
    "max_entries": st.integers(1, 1_000_000),
    "timeout": seconds(0.05, 300),
    "region": st.sampled_from(["eu-central-1", "us-gov-west-1", "cn-north-1"]),
    "endpoint_url": st.sampled_from(["http://127.0.0.1:5000", "https://aws.test/base"]),
    "owner_account": st.from_regex(r"[0-9]{12}", fullmatch=True),
    "dependencies": st.sampled_from(['{"users": "^1.2"}', "dependencies.json", "config/pyproject.toml"]),
    "version_suffix": st.sampled_from(["-staging", "-rc.1", "-pr-123.x"]),
    "overrides": st.dictionaries(
        st.from_regex(r"[a-z][a-z0-9]{0,10}", fullmatch=True),
        st.from_regex(r"http://[a-z]{1,10}:[0-9]{4}", fullmatch=True),
        min_size=1,
    ).map(Attributes),
    "registrar_services": st.lists(hosts, min_size=1, max_size=4).map(tuple),
    "registrar_stages": st.lists(hosts, min_size=1, max_size=4).map(tuple),
    "registrar_urls": st.booleans(),
    "registrar_grace": seconds(0, 31_536_000),
    "surfaces": st.lists(
        st.sampled_from(["catalog", "router", "manifest", "page"]), min_size=1, unique=True
    ).map(tuple),
    "allow_writes": st.booleans(),
    "cors_origins": st.sampled_from(
        [("*",), ("https://app.test",), ("http://localhost:3000", "https://b.test")]
    ),
    "stage_header": st.sampled_from(["x-stage", "stage"]),
    "sticky": st.sampled_from(["header:x-user", "cookie:session_Id"]),
    "allowed_networks": st.sampled_from([("127.0.0.0/8",), ("::1/128", "10.0.0.0/8")]),
    "router_timeout": seconds(0.1, 900),
    "preload": st.booleans(),
    "allowed_endpoints": st.lists(hosts, min_size=1, max_size=4).map(tuple),
}


def text_of(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(value) or "none"
    if isinstance(value, Attributes):
        return json.dumps(dict(value))
    if isinstance(value, bool):
        return str(int(value))
    return repr(value) if isinstance(value, float) else str(value)


WRONG: dict[str, list[str]] = {
    "registrar_services": ["a,", "a b", ",", "a/b"],
    "registrar_stages": ["Staging,,Test", "a b", "a/b"],
    "registrar_urls": ["maybe", "on", "2"],
    "registrar_grace": ["-1", "31536001", "nan", "a week"],
    "namespace": ["with space", "ä", "x" * 1025],
    "stage": ["a b", "a>", ">a", "a>a", "a>b c", "x" * 41, "ä", "a/b", ">".join("abcdefghijk")],
    "sources": ["cloudmap,", "cloudmap,cloudmap", "dynamodb", "cloudmap;ssm", "none", ",", "CLOUDMAP", "S3"],
    "mirrors": ["cloudmap", "ssm,ssm", "none,ssm", "all"],
    "transport": ["boto3", "SDK", "direct,sdk", "none"],
    "parameter_prefix": ["services", "/", "//", "/aws/services", "/SSM-x", "/a b", "/a//b", "/ä", "/a" * 14],
    "bucket": [
        "ab",
        "UPPER",
        "a_b",
        "a" * 64,
        "a..b",
        "10.0.0.1",
        "-ab",
        "arn:aws:s3:::bucket",
        "a/b",
        "one--x-s3",
    ],
    "snapshot_key": ["/registry.json", "x" * 1025, "ä" * 513, "a\nb"],
    "snapshot_file": ["folder/", "a\0b"],
    "max_snapshot_age": ["0", "59", "31536001", "1 day"],
    "shared_cache": ["2", "auto", "yes"],
    "ttl": ["0", "0.09", "86401", "nan", "inf", "-1", "1s", "60,0", "true", "0x10"],
    "stale_while_revalidate": ["-0.001", "86401", "nan", "x"],
    "stale_wait": ["-1", "61", "inf"],
    "max_stale": ["-1", "2592001", "1 day"],
    "negative_ttl": ["-1", "3601"],
    "max_entries": ["0", "1000001", "1.5", "1e3", "-1", "many"],
    "timeout": ["0", "0.049", "301", "nan"],
    "region": ["eu central", "eu/1", "ä", "eu_central_1"],
    "endpoint_url": [
        "localhost:5000",
        "ftp://x",
        "http://",
        "https://a b",
        "http:///x",
        "http://:80",
        "http://a:x",
    ],
    "owner_account": ["12345678901", "1234567890123", "12345678901a", "1234 5678 9012", "١٢٣٤٥٦٧٨٩٠١٢"],
    "dependencies": ["users", "users=^1.2", "[]", "dependencies.yaml"],
    "version_suffix": ["staging", "-", "1.0", "-a+b", "+b", "-01", "- x"],
    "overrides": ["users=http://localhost", "[]", "7", "{", '{"users": "http://a", "users": "http://b"}'],
    "surfaces": ["catalog,", "pages", "all", "page,page", "none"],
    "allow_writes": ["2", "yes"],
    "cors_origins": [
        "app.test",
        "https://app.test/",
        "https://a.test,*",
        "https://A.test",
        "ftp://a",
        "https://u@a",
        ",",
    ],
    "stage_header": ["x stage", "x:stage", "ä"],
    "sticky": ["x-user", "header:", "cookie:a b", "query:user"],
    "allowed_networks": ["127.0.0.1/8", "loopback", "10.0.0.0/8,", "::1/200"],
    "router_timeout": ["0", "901", "nan"],
    "preload": ["2", "-1", "on", "yes", "1.0", "true false", "\N{FULLWIDTH DIGIT ONE}"],
    "allowed_endpoints": ["a,,b", "https://a.test", "a b", "a/b", ","],
}
