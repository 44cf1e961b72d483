"""Which proxy a request goes through, and what is said of one that cannot be used."""

from __future__ import annotations

import os
import subprocess
import sys
import traceback
from urllib.request import getproxies_environment

import pytest
from botocore.httpsession import ProxyConfiguration
from botocore.utils import get_environ_proxies
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cloudmap_discovery.errors import ConfigurationError
from cloudmap_discovery.transport.direct_proxies import Proxies, Proxy
from tests.unit.direct_peers import FINE, Client, Peer, always

HOSTS = [
    "servicediscovery.eu-central-1.amazonaws.com",
    "data-servicediscovery.eu-central-1.amazonaws.com:443",
    "amazonaws.com",
    "notamazonaws.com",
    "LOCALHOST:8080",
    "localhost",
    "127.0.0.1:4566",
    "10.1.2.3",
    "[::1]:8080",
    "[fd00:ec2::254]",
]
EXCEPTIONS = [
    "*",
    "*.amazonaws.com",
    ".amazonaws.com",
    "amazonaws.com",
    "AmazonAWS.com",
    "amazonaws.com:443",
    "data-servicediscovery.eu-central-1.amazonaws.com",
    "localhost",
    "127.0.0.1",
    "127.0.0.1:4566",
    "127.0.0.0/8",
    "10.",
    "::1",
    "[::1]",
    "",
    " ",
]
PROXY_URLS = ["", "http://proxy.example:3128", "proxy.example", "//u:p@proxy.example:8080"]
NAMES = [
    "http_proxy",
    "HTTP_PROXY",
    "Http_Proxy",
    "https_proxy",
    "HTTPS_PROXY",
    "all_proxy",
    "REQUEST_METHOD",
]

environments = st.builds(
    lambda urls, exceptions: {**urls, **exceptions},
    st.dictionaries(st.sampled_from(NAMES), st.sampled_from(PROXY_URLS), max_size=4),
    st.dictionaries(
        st.sampled_from(["no_proxy", "NO_PROXY"]),
        st.lists(st.sampled_from(EXCEPTIONS), max_size=4).map(", ".join) | st.sampled_from(EXCEPTIONS),
        max_size=2,
    ),
)


def of_the_sdk(environment: dict[str, str], url: str, monkeypatch: pytest.MonkeyPatch) -> Proxy | None:
    """Return the proxy that botocore would take."""
    with monkeypatch.context() as patched:
        for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
            patched.delenv(name)
        for name, value in environment.items():
            patched.setenv(name, value)
        chosen = ProxyConfiguration(get_environ_proxies(url))
        proxy_url = chosen.proxy_url_for(url)
        if not proxy_url:
            return None
        authorization = chosen.proxy_headers_for(proxy_url).get("Proxy-Authorization", "")
    host, _, port = proxy_url.rpartition("/")[2].rpartition("@")[2].partition(":")
    return Proxy(host, int(port or 80), authorization)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
@given(environments, st.sampled_from(["http", "https"]), st.sampled_from(HOSTS))
@example({"HTTPS_PROXY": "proxy.example", "https_proxy": ""}, "https", "localhost")
@example({"HTTP_PROXY": "proxy.example", "REQUEST_METHOD": "GET"}, "http", "localhost")
@example({"HTTPS_PROXY": "proxy.example", "NO_PROXY": "*", "no_proxy": "localhost"}, "https", "10.1.2.3")
def test_the_proxy_is_the_one_that_the_sdk_would_take(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], scheme: str, netloc: str
) -> None:
    wanted = of_the_sdk(environment, f"{scheme}://{netloc}/path", monkeypatch)

    assert Proxies(environment).find(scheme, netloc) == wanted


@pytest.mark.parametrize("exceptions", EXCEPTIONS)
@pytest.mark.parametrize("netloc", HOSTS)
def test_the_sdk_makes_the_same_exceptions(
    monkeypatch: pytest.MonkeyPatch, netloc: str, exceptions: str
) -> None:
    environment = {"HTTPS_PROXY": "http://proxy.example:3128", "NO_PROXY": f"other.example,{exceptions}"}

    wanted = of_the_sdk(environment, f"https://{netloc}", monkeypatch)

    assert Proxies(environment).find("https", netloc) == wanted


def test_the_variables_are_those_that_the_standard_library_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"HTTPS_PROXY": "upper", "https_proxy": "lower", "HTTP_PROXY": "http"}.items():
        monkeypatch.setenv(name, value)
    read = getproxies_environment()

    proxies = Proxies(os.environ)

    found = {scheme: proxies.find(scheme, "service.example") for scheme in ("http", "https")}
    assert {scheme: proxy.host for scheme, proxy in found.items() if proxy} == {
        scheme: read[scheme] for scheme in ("http", "https")
    }


# Wrong settings


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://proxy.example:3128", "https://proxy.example:3128"),
        ("https://user:secret@proxy.example:3128", "https://***@proxy.example:3128"),
        ("socks5://user:secret@proxy.example", "socks5://***@proxy.example"),
        ("http://user:sec/ret@proxy.example:3128", "http://***@proxy.example:3128"),
        ("http://user:secret@proxy.example:port", "http://***@proxy.example:port"),
        ("user:se://cret@proxy.example", "***@proxy.example"),
        ("http://[::1", "http://[::1"),
        ("http://", "http://"),
    ],
)
def test_a_proxy_that_cannot_be_used_is_a_wrong_setting_and_its_password_is_not_shown(
    url: str, shown: str
) -> None:
    with Client(environment={"https_proxy": url}) as client, pytest.raises(ConfigurationError) as caught:
        client.ask("https://service.example")

    assert str(caught.value).startswith(f"https_proxy is {shown!r}; it must be [http://]")
    said = "".join(traceback.format_exception(caught.value))
    assert not any(
        secret in said.replace(repr(url), "") for secret in ("secret", "sec/ret", "se://cret", "'sec")
    )


def test_a_proxy_that_cannot_be_used_does_no_harm_where_it_is_not_to_be() -> None:
    with Peer(always(FINE)) as peer:
        environment = {"http_proxy": "socks5://proxy.example", "no_proxy": "127.0.0.1"}
        with Client(environment=environment) as client:
            assert client.ask(peer.url).status == 200


def test_what_a_proxy_says_of_itself_has_no_password() -> None:
    proxy = Proxies({"https_proxy": "http://user:secret@proxy.example"}).find("https", "service.example")

    assert repr(proxy) == "Proxy(proxy.example:80)"


# What it costs


@pytest.mark.parametrize(
    ("environment", "is_imported"), [({"NO_PROXYING": "1"}, "False"), ({"HTTPS_PROXY": "p:1"}, "True")]
)
def test_only_who_has_a_proxy_imports_what_finds_it(environment: dict[str, str], is_imported: str) -> None:
    script = f"""
import sys
from cloudmap_discovery.transport.direct_proxies import Proxies
proxies = Proxies({environment!r})
proxies.load()
proxies.find("https", "service.example")
print("urllib.request" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == is_imported
