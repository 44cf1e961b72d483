"""Which addresses the router connects to."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

# An IPv4 address in an IPv6 one, beside those that `ipaddress` knows: NAT64 (RFC 6052), and the deprecated "compatible".
_NAT64: Final = ip_network("64:ff9b::/96")
_COMPATIBLE: Final = ip_network("::/96")
# Link-local by purpose, if not by number: the instance metadata of EC2, its DNS and time over IPv6, and the pod identity
# agent of EKS. (EC2 User Guide, "Instance metadata"; EKS User Guide, "Pod Identity".)
_OF_THE_INSTANCE: Final = ip_network("fd00:ec2::/32")
_MAX_IPV4: Final = 2**32


class Guard:
    """Refuses loopback, link-local and what else is on the machine itself or nowhere, unless a network is allowed.

    Private networks are those of services in a VPC, and are not refused. `runtime_api` is the host and port at which
    the function's own runtime is served, which is never connected to.
    """

    def __init__(self, allowed: Iterable[str] = (), *, runtime_api: str = "") -> None:
        self._allowed = tuple(ip_network(text) for text in allowed)
        host, _, port = runtime_api.rpartition(":")
        self._runtime = (host.strip("[]"), int(port)) if host and port.isdecimal() else None

    def refusal(self, address: str, port: int) -> str | None:
        """Return why nothing connects to this address, or None; what is no address is refused as well."""
        try:
            parsed = ip_address(address.partition("%")[0])
        except ValueError:
            return f"{address} is no IP address"
        if self._runtime is not None and port == self._runtime[1] and _is_own(parsed, self._runtime[0]):
            return f"{address}:{port} is the function's own runtime"
        inner = embedded(parsed)
        reason = _reason(parsed) or (None if inner is None else _reason(inner))
        if reason is None:
            return None
        judged = parsed if inner is None else inner
        if any(
            judged in network or parsed in network
            for network in self._allowed
            if _fits(network, judged, parsed)
        ):
            return None
        return f"{address} is {reason}"


def embedded(address: IPv4Address | IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address that packets to an IPv6 address may go to: mapped, 6to4, Teredo, NAT64."""
    if isinstance(address, IPv4Address):
        return None
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in _NAT64 or (address in _COMPATIBLE and int(address) > 1):
        return IPv4Address(int(address) % _MAX_IPV4)
    return None


def _reason(address: IPv4Address | IPv6Address) -> str | None:
    is_v6 = isinstance(address, IPv6Address)
    nothing = str(address).startswith("0.") and not is_v6
    reasons = (
        (address.is_loopback, "loopback: this machine itself"),
        (
            address.is_link_local or address in _OF_THE_INSTANCE,
            "link-local: metadata and credentials are served there",
        ),
        (address.is_unspecified or nothing, "unspecified: this machine itself"),
        (address.is_multicast, "multicast"),
        (address.is_reserved and embedded(address) is None, "reserved"),
        (isinstance(address, IPv6Address) and address.is_site_local, "site-local, which is deprecated"),
    )
    return next((reason for applies, reason in reasons if applies), None)


def _is_own(address: IPv4Address | IPv6Address, host: str) -> bool:
    both = (address, embedded(address))
    known = [each for each in both if each is not None]
    return any(str(each) == host or each.is_loopback or each.is_unspecified for each in known)


def _fits(network: object, *addresses: object) -> bool:
    return any(getattr(network, "version", 0) == getattr(address, "version", 1) for address in addresses)
