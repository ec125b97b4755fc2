"""Bearer tokens that name a key: JSON Web Tokens, signed by RS256.

Only RS256 is taken (RFC 7518, section 3.3), so that no token can choose how it is checked. The signature is
compared with the one encoding that there is (RFC 8017, section 8.2.2), never parsed.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import msgspec

CLOCK_SKEW_SECONDS: Final = 60
LONGEST_TOKEN: Final = 8192
SHORTEST_MODULUS_BITS: Final = 2048

_SHA256_PREFIX: Final = bytes.fromhex("3031300d060960864801650304020105000420")
"""The DER encoding that stands before a SHA-256 digest (RFC 8017, section 9.2, note 1)."""


class PublicKey(NamedTuple):
    """An RSA key."""

    modulus: int
    exponent: int


KeySet = Callable[[str], PublicKey | None]
"""The issuer's public key with an id; None: it has none. A key set that cannot be read raises Transient."""


class _Header(msgspec.Struct):
    alg: str
    kid: str


@dataclass(frozen=True, slots=True)
class TokenRules:
    """Which tokens are believed, and the claim that is the key's id."""

    issuer: str
    audience: str | None
    claim: str = "sub"


class Bearer:
    """Checks tokens of one issuer."""

    def __init__(self, rules: TokenRules, keys: KeySet) -> None:
        self._rules = rules
        self._keys = keys

    def key_of(self, token: str, now: float) -> str | None:
        """The key id that a token proves, at a time in epoch seconds; None: it proves nothing.

        Raises:
            Transient: the issuer's keys cannot be read.
        """
        if len(token) > LONGEST_TOKEN or token.count(".") != 2:
            return None
        signed, _, signature_text = token.rpartition(".")
        header_text, _, claims_text = signed.partition(".")
        try:
            header = msgspec.json.decode(_decoded(header_text), type=_Header)
            claims = msgspec.json.decode(_decoded(claims_text), type=dict[str, Any])
            signature = _decoded(signature_text)
        except (ValueError, RecursionError):
            return None
        if header.alg != "RS256" or not self._is_valid(claims, now):
            return None
        key = self._keys(header.kid)
        if key is None or not is_signed(signed.encode(), signature, key):
            return None
        name = claims.get(self._rules.claim)
        return name if isinstance(name, str) and name else None

    def _is_valid(self, claims: Mapping[str, Any], now: float) -> bool:
        expires, begins = claims.get("exp"), claims.get("nbf", 0)
        if not isinstance(expires, int | float) or not isinstance(begins, int | float):
            return False
        in_time = begins - CLOCK_SKEW_SECONDS <= now < expires + CLOCK_SKEW_SECONDS
        return in_time and claims.get("iss") == self._rules.issuer and self._is_for_us(claims)

    def _is_for_us(self, claims: Mapping[str, Any]) -> bool:
        """`client_id` is where Amazon Cognito's access tokens name their audience."""
        if self._rules.audience is None:
            return True
        named = claims.get("aud", claims.get("client_id"))
        return self._rules.audience in (named if isinstance(named, list) else [named])


def is_signed(message: bytes, signature: bytes, key: PublicKey) -> bool:
    """Whether a signature is that of the key for the message: RSASSA-PKCS1-v1_5 with SHA-256."""
    size = (key.modulus.bit_length() + 7) // 8
    if len(signature) != size or key.modulus.bit_length() < SHORTEST_MODULUS_BITS:
        return False
    number = int.from_bytes(signature, "big")
    if number >= key.modulus:
        return False
    digest = _SHA256_PREFIX + hashlib.sha256(message).digest()
    expected = b"\x00\x01" + b"\xff" * (size - len(digest) - 3) + b"\x00" + digest
    return hmac.compare_digest(pow(number, key.exponent, key.modulus).to_bytes(size, "big"), expected)


def _decoded(text: str) -> bytes:
    """What base64url without padding stands for. Raises ValueError for anything else."""
    if not text.isascii() or "=" in text or "+" in text or "/" in text:
        raise binascii.Error("no base64url")
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
