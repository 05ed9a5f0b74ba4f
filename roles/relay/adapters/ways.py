"""The way out of this machine: the proxy that its environment names, and networks that nobody outside may have called."""

from __future__ import annotations

import errno
import ipaddress
import socket
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from yarl import URL

from coordinator.errors import CannotStart

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def proxy_for(address: str) -> URL | None:
    """The proxy for an address, as HTTPS_PROXY, HTTP_PROXY and NO_PROXY have it; none to this machine itself. Raises `CannotStart`.

    Its name and password, where it wants them, stand in the URL: the HTTP client makes a header of them.

    A client that trusts the environment would also look for names and passwords in a file (`.netrc`), before each
    request: at the instant that takes time, and what it finds there is not for chat platforms.
    """
    parts = urlsplit(address)
    host = parts.hostname or ""
    named = None if host in LOOPBACK or proxy_bypass(host) else getproxies().get(parts.scheme)
    if not named:
        return None
    try:
        return URL(named if "://" in named else f"http://{named}")
    except ValueError:
        name = f"{parts.scheme.upper()}_PROXY"
        raise CannotStart(f"the environment's {name} is no address of a proxy; write it as http://HOST:PORT") from None


def public_socket(address: tuple[Any, ...]) -> socket.socket:
    """A socket to an address of the public internet. Raises OSError for any other: a sheet's address, or where it
    leads on to, shall not have this machine call what only this network can reach.

    It is asked once the name is resolved, for each address that is tried.
    """
    family, kind, protocol, _, where = address
    if not is_public(where):
        raise OSError(errno.EACCES, "an address of a private network")
    return socket.socket(family=family, type=kind, proto=protocol)


def is_public(where: Sequence[Any]) -> bool:
    found = ipaddress.ip_address(str(where[0]).partition("%")[0])
    within = getattr(found, "ipv4_mapped", None) or found
    return within.is_global and not within.is_multicast
