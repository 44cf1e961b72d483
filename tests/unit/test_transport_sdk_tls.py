"""TLS of the SDK transport: certificates are checked, and read once for all connections of a process."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import ssl
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from cloudmap_discovery.errors import StoreTimeoutError
from cloudmap_discovery.transport.sdk import SdkTransport
from tests.contract.transport_bed import credentials
from tests.contract.transport_cases import CREDENTIALS
from tests.contract.transport_clock import HandClock
from tests.contract.transport_peers import HttpPeer, Told

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

__all__ = ["credentials"]  # a fixture, found by name

pytestmark = pytest.mark.usefixtures("credentials")

NO_PARAMETERS = Told({"Parameters": []})


def write_certificate(folder: Path, name: str) -> Path:
    """Write a self-signed certificate for 127.0.0.1 with its key; return the path of the file with both."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
    )
    certificate = builder.sign(key, hashes.SHA256())
    path = folder / f"{name}.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    return write_certificate(tmp_path, "trusted")


@pytest.fixture
async def secure_peer(certificate: Path) -> AsyncIterator[HttpPeer]:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(certificate)
    async with HttpPeer(tls=tls) as peer:
        yield peer


async def discover(transport: SdkTransport) -> Mapping[str, Any]:
    params = {"NamespaceName": "services", "ServiceName": "users"}
    return await transport.call("servicediscovery", "DiscoverInstances", params, timeout_seconds=20.0)


async def test_a_server_with_a_trusted_certificate_is_called(
    secure_peer: HttpPeer, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    transport = SdkTransport(endpoint_url=secure_peer.url, environment=CREDENTIALS)

    answer = await discover(transport)

    await transport.aclose()
    assert answer == {"Instances": []}


async def test_the_bundle_may_be_named_as_other_clients_name_it(
    secure_peer: HttpPeer, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    environment = {**CREDENTIALS, "REQUESTS_CA_BUNDLE": str(certificate)}
    transport = SdkTransport(endpoint_url=secure_peer.url, environment=environment)

    answer = await discover(transport)

    await transport.aclose()
    assert answer == {"Instances": []}


async def test_a_certificate_that_nobody_vouches_for_is_refused(
    secure_peer: HttpPeer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", str(write_certificate(tmp_path, "another")))
    transport = SdkTransport(endpoint_url=secure_peer.url, environment=CREDENTIALS)

    with pytest.raises(StoreTimeoutError, match=r"(?i)certificate verify failed"):
        await discover(transport)

    await transport.aclose()
    assert secure_peer.asked == []


async def test_certificates_are_read_once_ahead_for_all_services_and_all_later_connections(
    secure_peer: HttpPeer, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_CA_BUNDLE", str(certificate))
    clock = HandClock()
    transport = SdkTransport(endpoint_url=secure_peer.url, environment=CREDENTIALS, clock=clock)
    transport.load(["servicediscovery", "ssm"])
    await asyncio.to_thread(certificate.unlink)

    await discover(transport)
    secure_peer.answer = lambda _: NO_PARAMETERS
    await transport.call("ssm", "GetParameters", {"Names": ["/a"]}, timeout_seconds=20.0)
    clock.move(wall=60.0, monotonic=60.0)
    await transport.call("ssm", "GetParameters", {"Names": ["/a"]}, timeout_seconds=20.0)

    await transport.aclose()
    assert secure_peer.connections == 3
