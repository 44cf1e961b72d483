"""Addresses on the machine itself, and those where credentials are served, are not connected to, however written."""

from __future__ import annotations

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudmap_discovery.server.addresses import Guard, embedded

REFUSED = {
    "127.0.0.1": "loopback",
    "127.255.255.254": "loopback",
    "::1": "loopback",
    "::ffff:127.0.0.1": "loopback",
    "::ffff:7f00:1": "loopback",
    "64:ff9b::7f00:1": "loopback",
    "2002:7f00:1::": "loopback",
    "169.254.169.254": "link-local",
    "169.254.170.2": "link-local",
    "169.254.100.1": "link-local",
    "::ffff:169.254.169.254": "link-local",
    "::a9fe:a9fe": "link-local",
    "64:ff9b::a9fe:a9fe": "link-local",
    "fe80::1": "link-local",
    "fe80::1%eth0": "link-local",
    "fd00:ec2::254": "link-local",
    "fd00:ec2::23": "link-local",
    "0.0.0.0": "unspecified",  # noqa: S104 -- nothing is bound
    "0.1.2.3": "unspecified",
    "::": "unspecified",
    "::ffff:0.0.0.0": "unspecified",
    "224.0.0.1": "multicast",
    "ff02::1": "multicast",
    "240.0.0.1": "reserved",
    "255.255.255.255": "reserved",
    "fec0::1": "site-local",
    "localhost": "no IP address",
    "2130706433": "no IP address",
    "0x7f.1": "no IP address",
    "": "no IP address",
}
FINE = [
    "10.0.0.7",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "52.94.5.1",
    "2a05:d018::1",
    "fd12:3456::1",
    "64:ff9b::808:808",
]


@pytest.mark.parametrize("address", REFUSED)
def test_these_are_refused_with_the_reason(address: str) -> None:
    assert REFUSED[address] in str(Guard().refusal(address, 80))


@pytest.mark.parametrize("address", FINE)
def test_private_and_public_ones_are_connected_to(address: str) -> None:
    assert Guard().refusal(address, 443) is None


@pytest.mark.parametrize(
    ("network", "address"),
    [
        ("127.0.0.0/8", "127.0.0.1"),
        ("127.0.0.0/8", "::ffff:127.0.0.1"),
        ("::1/128", "::1"),
        ("169.254.0.0/16", "169.254.1.1"),
    ],
)
def test_a_network_may_be_allowed(network: str, address: str) -> None:
    assert Guard([network]).refusal(address, 80) is None
    assert Guard([network]).refusal("fe80::1", 80) is not None


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "127.0.0.2", "::1", "::ffff:127.0.0.1", "0.0.0.0", "::", "::ffff:0.0.0.0"],  # noqa: S104 -- nothing is bound
)
def test_the_functions_own_runtime_is_refused_whatever_is_allowed(address: str) -> None:
    guard = Guard(["0.0.0.0/0", "::/0"], runtime_api="127.0.0.1:9001")

    assert "own runtime" in str(guard.refusal(address, 9001))
    assert guard.refusal(address, 9002) is None


def test_a_runtime_at_a_link_local_address_is_known_by_it() -> None:
    guard = Guard(["169.254.0.0/16"], runtime_api="169.254.100.1:9001")

    assert "own runtime" in str(guard.refusal("169.254.100.1", 9001))
    assert guard.refusal("169.254.100.2", 9001) is None


@given(st.ip_addresses(v=4))
def test_an_address_in_another_is_judged_as_itself(address: object) -> None:
    guard = Guard()
    plain = guard.refusal(str(address), 80)

    for text in (f"::ffff:{address}", f"64:ff9b::{int(address) >> 16:x}:{int(address) & 0xFFFF:x}"):  # type: ignore[call-overload]  # hypothesis gives addresses
        assert (guard.refusal(text, 80) is None) == (plain is None), text
        assert str(embedded(ip_address(text))) == str(address)


@given(st.ip_addresses())
def test_nothing_that_is_not_global_or_private_is_connected_to(address: object) -> None:
    parsed = ip_address(str(address))

    kinds = (parsed.is_loopback, parsed.is_link_local, parsed.is_unspecified, parsed.is_multicast)

    assert not any(kinds) or Guard().refusal(str(address), 80) is not None
