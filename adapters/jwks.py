"""The public keys of an issuer of tokens, found as OpenID Connect says.

`<issuer>/.well-known/openid-configuration` names the issuer itself and, as `jwks_uri`, the address of its
keys. Both are read once an hour, and again for a key that is not known: after a rotation.

An outage of the issuer does not end what is known: its keys are used for a day more. A failure is remembered
for seconds, so that neither calls nor made-up tokens become requests to an issuer that does not answer.
Nothing here ever says that a token is good: without a key there is nothing to verify it with.

https://openid.net/specs/openid-connect-discovery-1_0.html#ProviderConfig
https://datatracker.ietf.org/doc/html/rfc7517
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping
from typing import Final

import msgspec
from jwt import PyJWK
from jwt.exceptions import PyJWTError

from adapters.https_fetcher import HttpsFetcher
from metering.errors import Transient

FRESH_SECONDS: Final = 3600.0
UNKNOWN_SECONDS: Final = 60.0
"""Keys that are not known are looked for at most so often: tokens with made-up ids cost nothing."""
FAILURE_SECONDS: Final = 10.0
"""After a failure the issuer is left alone for so long."""
KEPT_SECONDS: Final = 86_400.0
"""Keys are used for so long after they were read, if the issuer does not answer meanwhile."""

SMALLEST_MODULUS_BITS: Final = 2048
LARGEST_MODULUS_BITS: Final = 8192
"""A larger one only makes each verification slow."""
SMALLEST_EXPONENT: Final = 3

_BASE64URL: Final = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


class _Configuration(msgspec.Struct):
    issuer: str
    jwks_uri: str


class _KeySet(msgspec.Struct):
    keys: list[msgspec.Raw]
    """Each is read on its own, so that one that cannot be read takes no other with it."""


class _Key(msgspec.Struct):
    kty: str
    kid: str
    n: str
    e: str
    use: str = "sig"
    alg: str = "RS256"


class IssuerKeys:
    """The keys of one issuer."""

    def __init__(
        self,
        issuer: str,
        fetch: Callable[[str], bytes] | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """`issuer` is written exactly as its tokens name it; `now` gives seconds from any start."""
        self._issuer = issuer
        self._fetch = fetch or HttpsFetcher()
        self._now = now
        self._keys: Mapping[str, PyJWK] = {}
        self._read_at: float | None = None
        self._retry_at = float("-inf")
        self._lock = threading.Lock()
        self.attempts = 0
        """Attempts to read the keys so far."""
        self.failures = 0
        """Those of them that failed."""
        self.last_error = ""
        """Why the last attempt failed; empty if it did not."""

    def key(self, key_id: str) -> PyJWK | None:
        """The key with an id; None: the issuer has none.

        Raises:
            Transient: nobody can say, because the issuer does not answer, or not as it should.
        """
        if self._is_due(key_id):
            with self._lock:
                if self._is_due(key_id):
                    self._read()
        is_kept = self._read_at is not None and self._now() - self._read_at <= KEPT_SECONDS
        found = self._keys.get(key_id) if is_kept else None
        if found is None and self.last_error:
            raise Transient(self.last_error)
        return found

    def _is_due(self, key_id: str) -> bool:
        now = self._now()
        if now < self._retry_at:
            return False
        wait = FRESH_SECONDS if key_id in self._keys else UNKNOWN_SECONDS
        return self._read_at is None or now - self._read_at >= wait

    def _read(self) -> None:
        self.attempts += 1
        try:
            keys = self._read_keys()
        except (OSError, ValueError, RecursionError) as error:
            self.failures += 1
            self.last_error = f"the keys of the issuer {self._issuer} cannot be read: {error}"
            self._retry_at = self._now() + FAILURE_SECONDS
            return
        self._keys, self._read_at, self.last_error = keys, self._now(), ""

    def _read_keys(self) -> Mapping[str, PyJWK]:
        configuration = msgspec.json.decode(
            self._fetch(configuration_address(self._issuer)), type=_Configuration
        )
        if configuration.issuer != self._issuer:
            raise ValueError(
                f"it calls itself {configuration.issuer!r}: write TokenIssuer so, a last / included"
            )
        found = msgspec.json.decode(self._fetch(configuration.jwks_uri), type=_KeySet)
        keys = {key_id: key for key_id, key in map(_usable, found.keys) if key is not None}
        if not keys:
            raise ValueError(
                f"{configuration.jwks_uri} has no RSA key of {SMALLEST_MODULUS_BITS} bits for RS256"
            )
        return keys


def configuration_address(issuer: str) -> str:
    """Where an issuer describes itself: a slash at its end is not doubled."""
    return f"{issuer.removesuffix('/')}/.well-known/openid-configuration"


def _usable(raw: msgspec.Raw) -> tuple[str, PyJWK | None]:
    """A key that may verify RS256, by its id; None for any other: of another kind or use, weak or damaged."""
    try:
        key = msgspec.json.decode(raw, type=_Key)
    except (ValueError, RecursionError):
        return "", None
    is_ours = key.kty == "RSA" and key.use == "sig" and key.alg == "RS256" and key.kid
    if not is_ours or not _BASE64URL.fullmatch(key.n) or not _BASE64URL.fullmatch(key.e):
        return "", None
    try:
        read = PyJWK({"kty": key.kty, "n": key.n, "e": key.e}, "RS256")
    except (PyJWTError, ValueError):
        return "", None
    return key.kid, read if _is_strong(read) else None


def _is_strong(key: PyJWK) -> bool:
    numbers = key.key.public_numbers()
    modulus: int = numbers.n
    exponent: int = numbers.e
    has_size = SMALLEST_MODULUS_BITS <= modulus.bit_length() <= LARGEST_MODULUS_BITS
    return has_size and exponent >= SMALLEST_EXPONENT and bool(modulus & exponent & 1)
