"""Blocking HTTP through proxies: how they are asked, and what is said of one in trouble."""

from __future__ import annotations

import base64
import socket
import threading
import traceback
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from cloudmap_discovery.transport.direct_http import (
    ConnectFailedError,
    DeadConnectionError,
    NoAnswerError,
)
from tests.unit.direct_authority import Authority
from tests.unit.direct_peers import FINE, Client, Line, Peer, always, once, silent_after

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

GO_AHEAD = b"HTTP/1.1 200 Connection established\r\nVia: a\r\n\r\n"
DENIED = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 6\r\n\r\ndenied"


def tunnel(to_port: int | None = None) -> Callable[[Line], None]:
    """Return a script that connects a client to where it wants to go, or to a port of this machine."""

    def script(line: Line) -> None:
        asked = line.read()
        assert asked is not None
        port = to_port or int(asked.line.split()[1].rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)) as behind:
            line.say(GO_AHEAD)
            forward = threading.Thread(target=pump, args=(line.sock, behind))
            forward.start()
            pump(behind, line.sock)
            forward.join()

    return script


def pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):  # one of the two is gone
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


# Through a proxy


def test_tls_goes_through_a_tunnel_that_is_kept(authority: Authority) -> None:
    with Peer(always(FINE), tls=authority.tls) as peer, Peer(tunnel()) as proxy:
        environment = {**authority.environment, "HTTPS_PROXY": proxy.url}
        with Client(environment=environment) as client:
            client.connections.load()
            bodies = [client.ask(f"{peer.url}/path", body=b"{}").body for _ in range(2)]

    assert bodies == [b"ok", b"ok"]
    assert [asked.line for asked in proxy.asked] == [f"CONNECT 127.0.0.1:{peer.port} HTTP/1.1"]
    assert proxy.asked[0].headers["host"] == f"127.0.0.1:{peer.port}"
    assert "proxy-authorization" not in proxy.asked[0].headers
    assert [asked.line for asked in peer.asked] == ["POST /path HTTP/1.1"] * 2
    assert peer.asked[0].headers["host"] == f"127.0.0.1:{peer.port}"


def test_a_tunnel_leads_to_a_name_and_port_that_the_proxy_looks_up(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "service.example")
    with Peer(always(FINE), tls=authority.tls) as peer, Peer(tunnel(peer.port)) as proxy:
        environment = {**authority.environment, "HTTPS_PROXY": proxy.url}
        with Client(environment=environment) as client:
            client.ask("https://service.example")

    assert proxy.asked[0].line == "CONNECT service.example:443 HTTP/1.1"
    assert peer.asked[0].headers["host"] == "service.example"


def test_plain_http_is_asked_of_the_proxy_itself() -> None:
    with Peer(always(FINE)) as proxy:
        environment = {"http_proxy": f"http://us%40er:pass%3Aword@127.0.0.1:{proxy.port}"}
        with Client(environment=environment) as client:
            for path in ("/path?query", ""):
                client.ask(f"http://service.example:81{path}", headers={"X-A": "a"})

    first, second = proxy.asked
    assert first.line == "POST http://service.example:81/path?query HTTP/1.1"
    assert first.headers["host"] == "service.example:81"
    assert first.headers["x-a"] == "a"
    assert first.headers["proxy-authorization"] == f"Basic {base64.b64encode(b'us@er:pass:word').decode()}"
    assert second.line == "POST http://service.example:81/ HTTP/1.1"
    assert (first.connection, second.connection) == (1, 1)


def test_user_and_password_are_for_the_proxy_alone(authority: Authority) -> None:
    with Peer(always(FINE), tls=authority.tls) as peer, Peer(tunnel()) as proxy:
        url = f"http://user:p%C3%A4ss@127.0.0.1:{proxy.port}/"
        with Client(environment={**authority.environment, "HTTPS_PROXY": url}) as client:
            client.ask(peer.url)

    wanted = f"Basic {base64.b64encode('user:päss'.encode()).decode()}"
    assert proxy.asked[0].headers["proxy-authorization"] == wanted
    assert "proxy-authorization" not in peer.asked[0].headers


# A proxy in trouble


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (DENIED, "it answered HTTP 407 Proxy Authentication Required"),
        (b"HTTP/1.0 403 Forbidden\r\n\r\n", "it answered HTTP 403 Forbidden"),
        (b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", "it answered HTTP 502 Bad Gateway"),
        (b"garbage\r\n\r\n", "garbage"),
        (b"", "Remote end closed connection without response"),
    ],
)
def test_a_tunnel_that_is_refused_is_no_connection(answer: bytes, says: str, authority: Authority) -> None:
    with Peer(once(answer)) as proxy:
        environment = {**authority.environment, "HTTPS_PROXY": f"http://user:secret@127.0.0.1:{proxy.port}"}
        with Client(environment=environment) as client, pytest.raises(ConnectFailedError) as caught:
            client.ask("https://service.example")

    asking = f"asking for a way to service.example:443 through the proxy 127.0.0.1:{proxy.port}: "
    assert caught.value.reason.startswith(asking)
    assert says in caught.value.reason
    assert "secret" not in "".join(traceback.format_exception(caught.value))


def test_a_proxy_that_drips_does_not_stretch_the_deadline(authority: Authority) -> None:
    def script(line: Line) -> None:
        line.read()
        line.drip(GO_AHEAD[:-4])

    with Peer(script) as proxy:
        environment = {**authority.environment, "HTTPS_PROXY": proxy.url}
        with Client(environment=environment) as client:
            under_way = client.begin("https://service.example", client.exchange(0.3))

            with pytest.raises(NoAnswerError, match="still asking for a way to service"):
                under_way.result()


def test_an_abort_ends_a_wait_for_a_proxy(authority: Authority) -> None:
    with Peer(silent_after(b"HTTP/1.1 200")) as proxy:
        environment = {**authority.environment, "HTTPS_PROXY": proxy.url}
        with Client(environment=environment) as client:
            exchange = client.exchange()
            under_way = client.begin("https://service.example", exchange)
            while not proxy.asked:
                assert not proxy.stopped.wait(0.005)

            exchange.abort()

            with pytest.raises(NoAnswerError, match="given up while asking for a way"):
                under_way.result()


def test_a_proxy_that_is_not_there_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    named = pytest.raises(ConnectFailedError, match=f"connecting to 127.0.0.1:{port}: Connection refused")
    with Client(environment={"HTTP_PROXY": f"127.0.0.1:{port}"}) as client, named:
        client.ask("http://service.example")


def test_a_kept_tunnel_that_died_is_told_from_a_new_one(authority: Authority) -> None:
    def dies(line: Line) -> None:
        line.read()
        line.say(FINE)
        line.read()

    with Peer(dies, tls=authority.tls) as peer, Peer(tunnel()) as proxy:
        environment = {**authority.environment, "HTTPS_PROXY": proxy.url}
        with Client(environment=environment) as client:
            client.ask(peer.url)
            with pytest.raises(DeadConnectionError):
                client.ask(peer.url)
