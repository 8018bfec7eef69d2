"""Requests to addresses that people give. They go out to the public internet and to hosts that the
settings allow, and nowhere else: this process stands inside a network that strangers do not.

What was looked at is what is connected to: the name is resolved once, every address that it has
must be public, and the connection goes to such an address. No redirect is followed, no proxy is
asked, and of an answer the status alone is read.
"""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Mapping
from functools import cache
from urllib.parse import urlsplit

import httpx
from django.conf import settings

from ingestion.errors import UserError

SECONDS = 8.0
# They carry the address of an older net within, which may be a private one.
_CARRIERS = [ipaddress.ip_network(net) for net in ("64:ff9b::/96", "64:ff9b:1::/48")]

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class NotSent(Exception):
    """No answer came; the message says why, in no words of the other side."""


def check(url: str) -> None:
    """Raises `UserError` (`bad-address`) for what will not be asked, as far as its form tells."""
    try:
        parts = urlsplit(url)
        host, _, _ = parts.hostname or "", parts.port, httpx.URL(url)
    except (ValueError, httpx.InvalidURL) as error:
        raise UserError("bad-address", "That is not an address. Give one of https://.") from error
    if not host or any(one.isspace() or not one.isprintable() for one in url):
        raise UserError("bad-address", "That is not an address. Give one of https://.")
    if parts.username is not None or parts.fragment:
        raise UserError("bad-address", "Leave user, password and # out of the address.")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_allowed(host)):
        raise UserError(
            "bad-address", "Give an address of https://. Others need WEBHOOK_ALLOWED_HOSTS."
        )


async def post(
    url: str, body: bytes, headers: Mapping[str, str], *, seconds: float = SECONDS
) -> int:
    """The status of the answer. Raises `NotSent` and `UserError`."""
    check(url)
    try:
        async with asyncio.timeout(seconds):
            return await _post(url, body, headers)
    except TimeoutError as error:
        raise NotSent(f"No answer within {seconds:g} seconds.") from error
    except httpx.HTTPError as error:
        raise NotSent(f"No answer came through ({type(error).__name__}).") from error


async def _post(url: str, body: bytes, headers: Mapping[str, str]) -> int:
    asked = httpx.URL(url)
    named = {**headers, "Host": asked.netloc.decode("ascii")}
    refused: Exception = NotSent("There is no host of that name.")
    async with httpx.AsyncClient(
        verify=_trusted(), trust_env=False, follow_redirects=False, timeout=SECONDS
    ) as client:
        for address in await _addresses_of(asked):
            to, by_name = asked.copy_with(host=str(address)), {"sni_hostname": asked.host}
            try:
                async with client.stream(
                    "POST", to, content=body, headers=named, extensions=by_name
                ) as response:
                    return response.status_code
            except httpx.ConnectError as error:
                refused = error
    raise refused


@cache
def _trusted() -> ssl.SSLContext:
    """The certificates of the system, to which a company adds its own."""
    return ssl.create_default_context()


async def _addresses_of(url: httpx.URL) -> list[Address]:
    """Those that the name has now. Raises `NotSent` unless we may go to all of them."""
    port = url.port or (443 if url.scheme == "https" else 80)
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(url.host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NotSent("There is no host of that name.") from error
    addresses = [ipaddress.ip_address(str(sockaddr[0])) for *_, sockaddr in found]
    if not _is_allowed(url.host) and not all(is_public(address) for address in addresses):
        raise NotSent("The host is in a private network. WEBHOOK_ALLOWED_HOSTS can allow it.")
    return addresses


def is_public(address: Address) -> bool:
    """Whether anybody on the internet may be meant, and nobody else."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address.sixtofour or address.teredo or any(address in net for net in _CARRIERS):
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _is_allowed(host: str) -> bool:
    return host.lower() in map(str.lower, settings.WEBHOOK_ALLOWED_HOSTS)
