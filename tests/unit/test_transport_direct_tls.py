"""TLS of blocking HTTP: servers are always checked, by certificates that are read once."""

from __future__ import annotations

import ssl
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from cloudmap_discovery.errors import ConfigurationError
from cloudmap_discovery.transport.direct_http import BrokenAnswerError, ConnectFailedError
from cloudmap_discovery.transport.direct_tls import tls_context
from tests.contract.transport_clock import HandClock
from tests.unit.direct_authority import Authority
from tests.unit.direct_peers import FINE, HEAD, Client, Line, Peer, always

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def other_authority(folder: Path, host: str = "127.0.0.1") -> Authority:
    other = folder / "other"
    other.mkdir()
    return Authority(other, host)


# Who is trusted


@pytest.mark.parametrize("variable", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"])
def test_a_server_that_the_named_authority_vouches_for_is_asked(authority: Authority, variable: str) -> None:
    environment = {variable: str(authority.bundle)}
    with Peer(always(FINE), tls=authority.tls) as peer, Client(environment=environment) as client:
        bodies = [client.ask(peer.url).body for _ in range(3)]

    assert bodies == [b"ok"] * 3
    assert [asked.connection for asked in peer.asked] == [1, 1, 1]


def test_the_bundle_of_aws_comes_before_the_other_and_an_empty_one_is_none(
    authority: Authority, tmp_path: Path
) -> None:
    missing = str(tmp_path / "missing.pem")
    environment = {"AWS_CA_BUNDLE": str(authority.bundle), "REQUESTS_CA_BUNDLE": missing}
    swapped = {"AWS_CA_BUNDLE": "", "REQUESTS_CA_BUNDLE": str(authority.bundle)}

    assert tls_context(environment) is tls_context(swapped)


def test_without_a_bundle_the_systems_authorities_are_trusted(authority: Authority) -> None:
    script = f"""
from tests.unit.direct_peers import FINE, Client, Peer, always
import ssl
tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
tls.load_cert_chain({str(authority.chain)!r})
with Peer(always(FINE), tls=tls) as peer, Client() as client:
    print(client.ask(peer.url).status)
"""
    ended = subprocess.run(
        [sys.executable, "-c", script],
        env={"SSL_CERT_FILE": str(authority.bundle)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (ended.stdout, ended.stderr) == ("200\n", "")


def test_a_context_without_a_bundle_checks_servers_as_well() -> None:
    context = tls_context({})

    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname


def test_a_certificate_that_nobody_vouches_for_is_refused(authority: Authority, tmp_path: Path) -> None:
    other = other_authority(tmp_path)
    with (
        Peer(always(FINE), tls=authority.tls) as peer,
        Client(environment=other.environment) as client,
        pytest.raises(ConnectFailedError) as caught,
    ):
        client.ask(peer.url)

    assert caught.value.reason.startswith(
        f"agreeing on TLS with 127.0.0.1:{peer.port}: certificate verify failed: unable to get local issuer"
    )
    assert caught.value.reason.endswith(
        "name the certificates to trust in AWS_CA_BUNDLE, if that is as it should be"
    )
    assert peer.asked == []


def test_a_certificate_of_another_host_is_refused(tmp_path: Path) -> None:
    authority = other_authority(tmp_path, "other.example")
    with (
        Peer(always(FINE), tls=authority.tls) as peer,
        Client(environment=authority.environment) as client,
        pytest.raises(ConnectFailedError, match="certificate verify failed: IP address mismatch") as caught,
    ):
        client.ask(peer.url)

    assert "AWS_CA_BUNDLE" not in caught.value.reason  # another bundle would not make it another host's
    assert peer.asked == []


def test_names_are_checked_as_addresses_are(tmp_path: Path) -> None:
    authority = other_authority(tmp_path, "localhost")
    with Peer(always(FINE), tls=authority.tls) as peer, Client(environment=authority.environment) as client:
        answer = client.ask(f"https://localhost:{peer.port}")
        with pytest.raises(ConnectFailedError, match="certificate verify failed"):
            client.ask(peer.url)

    assert answer.status == 200


def test_a_server_without_tls_is_told_plainly(authority: Authority) -> None:
    def script(line: Line) -> None:
        line.sock.recv(65536)
        line.say(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with (
        Peer(script) as peer,
        Client(environment=authority.environment) as client,
        pytest.raises(ConnectFailedError, match=r"(?i)agreeing on TLS .*(wrong version|record)"),
    ):
        client.ask(peer.url.replace("http:", "https:"))


def test_a_server_that_hangs_up_instead_of_shaking_hands_is_told(authority: Authority) -> None:
    with (
        Peer(lambda line: line.sock.close()) as peer,
        Client(environment=authority.environment) as client,
        pytest.raises(ConnectFailedError, match="agreeing on TLS"),
    ):
        client.ask(peer.url.replace("http:", "https:"))


# What TLS is for


def test_an_answer_whose_end_somebody_cut_off_is_not_taken_for_whole(authority: Authority) -> None:
    def cut(line: Line) -> None:
        line.read()
        line.say(HEAD + b"\r\n[1, 2")
        line.sock.close()  # without the goodbye of TLS

    with (
        Peer(cut, tls=authority.tls) as peer,
        Client(environment=authority.environment) as client,
        pytest.raises(BrokenAnswerError, match=r"(?i)eof"),
    ):
        client.ask(peer.url)


def test_an_answer_that_its_server_ends_is_whole(authority: Authority) -> None:
    def end(line: Line) -> None:
        line.read()
        line.say(HEAD + b"\r\n[1, 2]")
        assert isinstance(line.sock, ssl.SSLSocket)
        line.sock.unwrap()

    with Peer(end, tls=authority.tls) as peer, Client(environment=authority.environment) as client:
        assert client.ask(peer.url).body == b"[1, 2]"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_both_versions_of_tls_keep_their_connections(authority: Authority, version: ssl.TLSVersion) -> None:
    authority.tls.minimum_version = authority.tls.maximum_version = version
    with Peer(always(FINE), tls=authority.tls) as peer, Client(environment=authority.environment) as client:
        for _ in range(3):
            client.ask(peer.url, body=b"x" * 100_000)

    assert [asked.connection for asked in peer.asked] == [1, 1, 1]


def test_http_1_1_is_what_the_server_is_asked_for(authority: Authority) -> None:
    authority.tls.set_alpn_protocols(["h2", "http/1.1"])
    agreed: list[str | None] = []

    def script(line: Line) -> None:
        assert isinstance(line.sock, ssl.SSLSocket)
        agreed.append(line.sock.selected_alpn_protocol())
        always(FINE)(line)

    with Peer(script, tls=authority.tls) as peer, Client(environment=authority.environment) as client:
        client.ask(peer.url)

    assert agreed == ["http/1.1"]


# Reading certificates


def test_certificates_are_read_once_for_all_connections_of_the_process(authority: Authority) -> None:
    clock = HandClock()
    with Peer(always(FINE), tls=authority.tls) as peer:
        with Client(clock, environment=authority.environment) as client:
            client.connections.load()
            authority.bundle.unlink()
            client.ask(peer.url)
            clock.move(wall=60.0, monotonic=60.0)
            client.ask(peer.url)
        with Client(environment=authority.environment) as another:
            another.connections.load()
            another.ask(peer.url)

    assert [asked.connection for asked in peer.asked] == [1, 2, 3]


def test_plain_http_needs_no_certificates(tmp_path: Path) -> None:
    environment = {"AWS_CA_BUNDLE": str(tmp_path / "missing.pem")}
    with Peer(always(FINE)) as peer, Client(environment=environment) as client:
        assert client.ask(peer.url).status == 200


@pytest.mark.parametrize("variable", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"])
@pytest.mark.parametrize("content", [None, "", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_a_bundle_that_is_none_is_a_wrong_setting(tmp_path: Path, variable: str, content: str | None) -> None:
    bundle = tmp_path / "bundle.pem"
    if content is not None:
        bundle.write_text(content)
    with Client(environment={variable: str(bundle)}) as client:
        with pytest.raises(ConfigurationError, match=rf"{variable} is '.*bundle.pem'.*PEM") as on_load:
            client.connections.load()
        with pytest.raises(ConfigurationError) as on_request:
            client.ask("https://127.0.0.1:1")

    assert str(on_load.value) == str(on_request.value)


def test_what_came_deciphered_after_an_answer_is_not_the_answer_to_the_next_request(
    authority: Authority,
) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 8000\r\n"
    first = head + b"X: " + b"x" * (8192 - 8000 - len(head) - 7) + b"\r\n\r\n" + b"1" * 8000
    unasked = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad"
    assert len(first) == 8192  # what http.client's stream reads at once, so that the rest stays in OpenSSL
    environment = {"AWS_CA_BUNDLE": str(authority.bundle)}

    with (
        Peer(always(first + unasked), tls=authority.tls) as peer,
        Client(environment=environment) as client,
    ):
        bodies = [client.ask(peer.url).body for _ in range(2)]

    assert bodies == [b"1" * 8000] * 2
    assert [asked.connection for asked in peer.asked] == [1, 2]
