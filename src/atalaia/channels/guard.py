"""Keeps a webhook's target from reaching inside: no subscriber makes Atalaia call its own house.

Three gates, one behind the other, with the same rules:

    check_url        what is written: one strict form of URL, so that no two readers of it differ
    read_url         (the same, in the parts that a request is made of)
    GuardedResolver  what a name means: every address it has must be outside
    the dial         the very address that a socket is about to be opened to

A name is resolved once, and the connection goes to an address of that answer; there is no second
look-up that could answer otherwise. Host header and TLS name stay the URL's.

The ranges are those of IANA's special-purpose registries (RFC 6890 and its successors; read in
November 2026), and a few that no registry has: addresses of cloud metadata and of IPv6 that carries
an IPv4 address.
"""

from __future__ import annotations

import errno
import ipaddress
import re
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

PORTS = frozenset({80, 443, 8080, 8443})
LONGEST = 2048

_INSIDE_4 = {
    "0.0.0.0/8": "this host",
    "10.0.0.0/8": "private",
    "100.64.0.0/10": "carrier-grade NAT and metadata",
    "127.0.0.0/8": "loopback",
    "168.63.129.16/32": "metadata",  # Azure's; a public address by all registries
    "169.254.0.0/16": "link-local and metadata",
    "172.16.0.0/12": "private",
    "192.0.0.0/24": "reserved and metadata",
    "192.0.2.0/24": "documentation",
    "192.31.196.0/24": "AS112",
    "192.52.193.0/24": "AMT relays",
    "192.88.99.0/24": "6to4 relays",
    "192.168.0.0/16": "private",
    "192.175.48.0/24": "AS112",
    "198.18.0.0/15": "benchmarks",
    "198.51.100.0/24": "documentation",
    "203.0.113.0/24": "documentation",
    "224.0.0.0/4": "multicast",
    "240.0.0.0/4": "reserved and broadcast",
}
_INSIDE_6 = {
    # Whatever Teredo, ORCHID and 6to4 carry, nobody serves a webhook there.
    "2001::/23": "protocol assignments, with Teredo",
    "2001:db8::/32": "documentation",
    "2002::/16": "6to4",
    "2620:4f:8000::/48": "AS112",
    "3fff::/20": "documentation",
}
_GLOBAL_6 = ipaddress.IPv6Network("2000::/3")
"""All of IPv6 that is given out. What is outside: ::1, ::ffff:0:0/96 and ::/96 (IPv4 within),
64:ff9b::/96 and 64:ff9b:1::/48 (NAT64), fc00::/7 (unique-local, with fd00:ec2::254), fe80::/10,
fec0::/10, ff00::/8, 5f00::/16, and what is not given out yet."""
_ISATAP = (0x00005EFE, 0x02005EFE)
"""The third quarter of an address that ends in an IPv4 address (RFC 5214)."""

_NAMES_INSIDE = ("localhost", "local", "localdomain", "internal", "intranet", "lan", "home.arpa")

_SHAPE = re.compile(r"(https?)://([^/?#]*)([/?].*)?", re.IGNORECASE)
_AUTHORITY = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(?::([0-9]{1,5}))?", re.IGNORECASE)
_PRINTABLE = re.compile(r"[!#$%&'()*+,\-./0-9:;=?@A-Z\[\]_a-z~]+")
_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)", re.IGNORECASE)
_LAST_LABEL = re.compile(r"[a-z]{2,63}|xn--[a-z0-9-]{1,59}", re.IGNORECASE)


class TargetRefused(ValueError):
    """A URL or an address may not be a webhook's target; the message has the next step, not it."""


@dataclass(frozen=True, eq=False)  # one object is one set of rules: found quickly in a cache
class Rules:
    """What an operator lets webhooks reach beyond the outside.

    allow  networks that are open although they are inside, by any port: a test's, an intranet's
    deny   networks that are closed although they are outside: one's own public addresses
    ports  open ports of the outside
    """

    allow: tuple[Network, ...] = ()
    deny: tuple[Network, ...] = ()
    ports: frozenset[int] = PORTS


STRICT = Rules()


def networks(texts: Iterable[str]) -> tuple[Network, ...]:
    """Networks as they stand in a settings file. Raises ValueError with the next step."""
    found = []
    for text in texts:
        try:
            found.append(ipaddress.ip_network(text))
        except ValueError as error:
            raise ValueError(
                f"{text!r} is no network; write address/length, for example 127.0.0.0/8"
            ) from error
    return tuple(found)


class Target(NamedTuple):
    """A URL in the parts by which it is called: where to, and what for.

    origin     scheme, host and port
    authority  as the header Host has it
    path       with the query, as it is written
    """

    origin: URL
    authority: str
    path: str


def check_url(url: str, rules: Rules = STRICT) -> URL:
    """The URL as it may be called, if its writing alone does not forbid it.

    For a name this says nothing yet of its addresses: those are checked when it is resolved.
    Raises `TargetRefused`, a ValueError.
    """
    scheme, authority, _ = _parts(url)
    host, port = _checked_authority(scheme, authority, rules)
    return _as_read_by_the_client(url, host, port)


def read_url(url: str, rules: Rules = STRICT) -> Target:
    """The same, for who goes by its parts as they are found here, and reads it no second time."""
    scheme, authority, path = _parts(url)
    origin, authority = _origin(scheme, authority, rules)
    return Target(origin, authority, path if path.startswith("/") else f"/{path}")


def _parts(url: str) -> tuple[str, str, str]:
    """Scheme, authority, and the rest."""
    if len(url) > LONGEST:
        raise TargetRefused(f"webhook: the URL is longer than {LONGEST} letters; shorten it")
    if not _PRINTABLE.fullmatch(url):
        raise TargetRefused(
            "webhook: the URL has a letter that URLs do not have; write names in their xn-- form "
            "and all else percent-encoded, without a fragment"
        )
    shape = _SHAPE.fullmatch(url)
    if shape is None:
        raise TargetRefused("webhook: give a complete URL that begins with https://, no fragment")
    return shape[1].lower(), shape[2], shape[3] or ""


def check_address(address: str, port: int, rules: Rules = STRICT) -> None:
    """Raise `TargetRefused` unless a connection may go to this address and port."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError as error:
        raise TargetRefused("webhook: the host has no address of a form that is known") from error
    if any(found in network for network in rules.allow):
        return
    reason = inside(found)
    if reason or any(found in network for network in rules.deny):
        raise TargetRefused(
            f"webhook: the target is inside ({reason or 'denied here'}); give a public one, or "
            "have the operator allow its network"
        )
    if port not in rules.ports:
        raise TargetRefused(f"webhook: the port is not one of {_listed(rules.ports)}; use one")


def inside(address: Address) -> str:
    """Why an address is not of the public Internet; empty if it is."""
    ranges = _RANGES_4 if isinstance(address, ipaddress.IPv4Address) else _RANGES_6
    for network, reason in ranges:
        if address in network:
            return reason
    if isinstance(address, ipaddress.IPv6Address):
        if address not in _GLOBAL_6:
            return "not a global IPv6 address"
        if (int(address) >> 32) & 0xFFFFFFFF in _ISATAP:
            return "ISATAP"
    # What a later registry adds comes with a later Python.
    return "" if address.is_global else "special purpose"


class GuardedResolver(AbstractResolver):
    """Names → addresses, all of them outside, by another resolver that does the asking."""

    def __init__(self, rules: Rules = STRICT, resolver: AbstractResolver | None = None) -> None:
        self._rules = rules
        self._resolver = resolver or aiohttp.DefaultResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses; raises `TargetRefused` if one alone is inside, OSError if there is none.

        One is enough: a name that has a foot inside is not left to chance.
        """
        found = await self._resolver.resolve(host, port, family)
        for result in found:
            check_address(result["host"], port, self._rules)
        return found

    async def close(self) -> None:
        """Close the resolver that does the asking."""
        await self._resolver.close()


def guarded_connector(
    rules: Rules = STRICT,
    *,
    resolver: AbstractResolver | None = None,
    dial: Callable[[Any], socket.socket] | None = None,
    **options: Any,
) -> aiohttp.TCPConnector:
    """A connector that opens no socket to the inside. `options` are as for aiohttp's own.

    `dial` makes the socket for an address (as `getaddrinfo` gives it) that passed all gates.
    """
    make = dial or _socket

    def checked(info: Any) -> socket.socket:
        host, port = info[4][:2]
        try:
            check_address(host, port, rules)
        except TargetRefused as error:  # the client knows what to do with an OSError
            raise PermissionError(errno.EACCES, "webhook: the target is inside") from error
        return make(info)

    return aiohttp.TCPConnector(
        resolver=GuardedResolver(rules, resolver), socket_factory=checked, **options
    )


@lru_cache(maxsize=4096)  # thousands of messages may go to few hosts; the answer is the same
def _checked_authority(scheme: str, text: str, rules: Rules) -> tuple[str, int]:
    if "@" in text:
        raise TargetRefused(
            "webhook: leave user and password out of the URL; messages are signed instead"
        )
    authority = _AUTHORITY.fullmatch(text)
    if authority is None:
        raise TargetRefused("webhook: the host is not well written; give a name like example.org")
    port = int(authority[2]) if authority[2] else {"http": 80, "https": 443}[scheme]
    _check_host(authority[1], port, rules)
    return _bare(authority[1]), port


@lru_cache(maxsize=4096)
def _origin(scheme: str, text: str, rules: Rules) -> tuple[URL, str]:
    host, port = _checked_authority(scheme, text, rules)
    url = _as_read_by_the_client(f"{scheme}://{text}", host, port)
    return url.origin(), str(url.host_port_subcomponent)


def _check_host(host: str, port: int, rules: Rules) -> None:
    if host.startswith("["):
        check_address(host[1:-1], port, rules)
        return
    labels = host.split(".")
    if labels[-1] == "":
        raise TargetRefused("webhook: the host ends in a dot; leave it out")
    if labels[-1][0].isdigit():
        if not _is_dotted_quad(host):
            raise TargetRefused("webhook: write an IPv4 address as four decimal numbers")
        check_address(host, port, rules)
        return
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise TargetRefused("webhook: the host is not well written; give a name like example.org")
    if rules.allow:
        return  # then names of the inside are wanted; their addresses and ports decide
    is_inside = f".{host.lower()}".endswith(tuple(f".{name}" for name in _NAMES_INSIDE))
    if is_inside or len(labels) < 2 or not _LAST_LABEL.fullmatch(labels[-1]):
        raise TargetRefused("webhook: the name is one of the inside; give a public one")
    if port not in rules.ports:
        raise TargetRefused(f"webhook: the port is not one of {_listed(rules.ports)}; use one")


def _is_dotted_quad(host: str) -> bool:
    # Without leading zeros: 010 is 8 to some readers and 10 to others.
    try:
        return str(ipaddress.IPv4Address(host)) == host
    except ValueError:
        return False


def _as_read_by_the_client(url: str, host: str, port: int) -> URL:
    # The client reads the URL once more: it must see the same host and port as was checked.
    try:
        read = URL(url)
        is_same = read.raw_host == host and read.port == port
    except ValueError:
        is_same = False
    if not is_same:
        raise TargetRefused("webhook: the URL can be read in two ways; write it plainly")
    return read


def _bare(host: str) -> str:
    return str(ipaddress.IPv6Address(host[1:-1])) if host.startswith("[") else host.lower()


def _listed(ports: frozenset[int]) -> str:
    return ", ".join(map(str, sorted(ports)))


def _socket(info: Any) -> socket.socket:
    family, kind, protocol, _, _ = info
    return socket.socket(family, kind, protocol)


_RANGES_4 = tuple((ipaddress.IPv4Network(text), reason) for text, reason in _INSIDE_4.items())
_RANGES_6 = tuple((ipaddress.IPv6Network(text), reason) for text, reason in _INSIDE_6.items())
