"""The public keys of an issuer of tokens, as it publishes them: `<issuer>/.well-known/jwks.json`.

https://datatracker.ietf.org/doc/html/rfc7517
"""

from __future__ import annotations

import time
import urllib.request
from base64 import urlsafe_b64decode
from collections.abc import Callable
from typing import Final

import msgspec

from metering.errors import Transient

FRESH_SECONDS: Final = 3600.0
AGAIN_SECONDS: Final = 60.0
"""A key that is not known is asked for at most so often: tokens with made-up ids cost nothing."""
MAX_BYTES: Final = 262_144
TIMEOUT_SECONDS: Final = 2.0

RsaNumbers = tuple[int, int]
"""Modulus and exponent."""


class _Jwk(msgspec.Struct):
    kty: str = ""
    kid: str = ""
    n: str = ""
    e: str = ""


class _Jwks(msgspec.Struct):
    keys: list[_Jwk]


class IssuerKeys:
    """The keys of one issuer, kept for an hour."""

    def __init__(
        self,
        issuer: str,
        fetch: Callable[[str], bytes] | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """`now` tells seconds from any start."""
        self._address = f"{issuer}/.well-known/jwks.json"
        self._fetch = fetch or _fetch
        self._now = now
        self._keys: dict[str, RsaNumbers] = {}
        self._asked_at: float | None = None

    def key(self, key_id: str) -> RsaNumbers | None:
        """The key with an id; None: the issuer has none.

        Raises:
            Transient: the issuer does not answer, or not as it should.
        """
        wait = FRESH_SECONDS if key_id in self._keys else AGAIN_SECONDS
        if self._asked_at is None or self._now() - self._asked_at >= wait:
            self._read()
        return self._keys.get(key_id)

    def _read(self) -> None:
        try:
            found = msgspec.json.decode(self._fetch(self._address), type=_Jwks)
            keys = {one.kid: (_number(one.n), _number(one.e)) for one in found.keys if one.kty == "RSA"}
        except (OSError, ValueError) as error:
            raise Transient(f"the keys at {self._address} cannot be read: {error}") from error
        self._keys, self._asked_at = keys, self._now()


def _fetch(address: str) -> bytes:
    with urllib.request.urlopen(address, timeout=TIMEOUT_SECONDS) as answer:  # noqa: S310 - settings hold an https address
        content: bytes = answer.read(MAX_BYTES)
        return content


def _number(text: str) -> int:
    return int.from_bytes(urlsafe_b64decode(text + "=" * (-len(text) % 4)), "big")
