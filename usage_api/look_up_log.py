"""Who looked at whose usage: what the log says of each look-up.

It names no key, only a keyed digest of its id, by which whoever has the digest's key finds the look-ups of a
key again. Nothing that a caller writes is in it but that id; each entry has a few hundred characters.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote

from usage_api.auth import customer_of, operator_of
from usage_api.links import is_link, link_in, named_key

OPEN: Final = frozenset({"/", "/assets/{name}", "/openapi.json"})
"""They hold no usage."""

_OWN: Final = ("customer", "link")
"""Who asks for their own usage, without a link and with one."""
_ANSWERED: Final = frozenset({200, 304, 404})
_DIGEST_LENGTH: Final = 32
_LONGEST: Final = 256
"""Of an operator's ARN, and of a route."""


def entry(event: Mapping[str, Any], status: int, digest_key: bytes) -> dict[str, str | int] | None:
    """What is logged of a look-up and its status: who asked (an operator by ARN), what for, and the digest of
    the key whose usage it was; None where nobody's usage was asked for.
    """
    resource = str(event.get("resource") or "/")[:_LONGEST]
    if resource in OPEN:
        return None
    by_link = is_link(event)
    customer = _key_of_link(event, status) if by_link else customer_of(event)
    operator = operator_of(event)
    is_own = by_link or resource.startswith("/me/")
    caller = customer if is_own else operator
    found: dict[str, str | int] = {"operation": resource, "status": status, "caller": "nobody"}
    if caller is not None:
        found["caller"] = _OWN[by_link] if is_own else caller[:_LONGEST]
    key = customer if is_own else (event.get("pathParameters") or {}).get("id")
    if key is not None:
        found["key_digest"] = digest(str(key) if is_own else unquote(str(key)), digest_key)
    return found


def _key_of_link(event: Mapping[str, Any], status: int) -> str | None:
    """The key that a link proved: nothing is answered with such a status unless it did."""
    token = link_in(event)
    return named_key(token) if token is not None and status in _ANSWERED else None


def digest(key: str, digest_key: bytes) -> str:
    """What stands for a key's id: half of an HMAC with SHA-256, in hexadecimal digits."""
    return hmac.digest(digest_key, key.encode("utf-8", "replace"), "sha256").hex()[:_DIGEST_LENGTH]
