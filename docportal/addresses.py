"""Where a request comes from, behind as many proxies as the settings say."""

import ipaddress

from django.conf import settings
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str | None:
    """The IP address of who asks, of IPv6 that of the /64 network; None where the
    connection has none, as a socket of files.

    Each proxy adds to `X-Forwarded-For` from whom it got the request. So of a list that the client
    may have begun, only as many from its end are true as there are proxies of one's own.
    """
    count = settings.TRUSTED_PROXIES
    told = request.headers.get("X-Forwarded-For", "").split(",")
    behind = _address(told[-count]) if 0 < count <= len(told) else None
    return behind or _address(request.META.get("REMOTE_ADDR", ""))


def _address(text: str) -> str | None:
    try:
        address = ipaddress.ip_address(text.strip())
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        # A connection has all of its network, and could come from another address each time.
        address = ipaddress.IPv6Network((address.packed, 64), strict=False).network_address
    return str(address)
