"""Whose requests a server of this machine takes: those of programs here, and of pages at most its own.

A browser asks 127.0.0.1 in the name of any page that is open in it. Three headers, which no page can set or
leave out, distinguish such requests from those of programs:

- `Host` holds the name in the address. A page whose own name leads to 127.0.0.1 a moment later (DNS
  rebinding) is of the same origin to the browser; its name is a foreign one here.
- `Origin` comes with all that a page sends but plain GETs: forms, writes, scripts that are modules, and the
  question whether it may write (preflight). No AWS client sends it.
- `Sec-Fetch-Site` comes with every request of a browser, a plain GET, an image or a link as well.
  https://www.w3.org/TR/fetch-metadata/
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import Enum
from http import HTTPStatus
from typing import Final, NamedTuple

_OWN_NAMES: Final = re.compile(r"(127\.0\.0\.1|localhost)(:\d+)?", re.IGNORECASE | re.ASCII)


_OF_ITS_PAGE: Final = frozenset({"same-origin", "none"})
"""Values of `Sec-Fetch-Site`: its own page, and the address bar."""


class Clients(Enum):
    """Who may ask a server."""

    PROGRAMS = "programs"
    """No page at all."""
    OWN_PAGE = "own page"
    """Programs, and the page that the server itself sends."""


class Refusal(NamedTuple):
    """Why a request is not taken."""

    status: HTTPStatus
    detail: str


def refusal(headers: Iterable[tuple[str, str]], clients: Clients, address: str) -> Refusal | None:
    """Why the server at an address does not take a request with these headers; None if it does."""
    found: dict[str, list[str]] = {}
    for name, value in headers:
        found.setdefault(name.lower(), []).append(value.strip())
    hosts = found.get("host", [""])
    if not all(map(is_own, hosts)):
        return Refusal(
            HTTPStatus.MISDIRECTED_REQUEST, f"This is {address}, and nothing else: use that address."
        )
    origins, sites = found.get("origin", []), found.get("sec-fetch-site", [])
    is_its_page = _OF_ITS_PAGE.issuperset(sites) and {f"http://{hosts[0]}"}.issuperset(origins)
    if (origins or sites) and not (clients is Clients.OWN_PAGE and is_its_page):
        return Refusal(HTTPStatus.FORBIDDEN, "This is not for pages of other origins.")
    return None


def is_own(host: str) -> bool:
    """Whether a header `Host` names this machine's loopback."""
    return _OWN_NAMES.fullmatch(host) is not None
