"""Keys of issuers, and tokens that they sign, or that somebody forges."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

NOW: Final = 1_793_880_000
ISSUER: Final = "https://login.example"
AUDIENCE: Final = "orders"


def text(data: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number(value: int) -> str:
    """A number of a JSON Web Key."""
    return text(value.to_bytes((value.bit_length() + 7) // 8, "big"))


@cache
def private_key(name: str, bits: int = 2048, exponent: int = 65537) -> rsa.RSAPrivateKey:
    """A key of a name, the same as long as the process lives."""
    del name
    return rsa.generate_private_key(exponent, bits)


def jwk(key: rsa.RSAPrivateKey, key_id: str, **more: object) -> dict[str, object]:
    """What an issuer publishes of a key."""
    public = key.public_key().public_numbers()
    own = {
        "kty": "RSA",
        "kid": key_id,
        "use": "sig",
        "alg": "RS256",
        "n": number(public.n),
        "e": number(public.e),
    }
    return {name: value for name, value in (own | more).items() if value is not None}


def unsigned(header: Mapping[str, Any] | bytes, claims: Mapping[str, Any] | bytes) -> str:
    """What a signature is made for."""
    parts = (part if isinstance(part, bytes) else json.dumps(part).encode() for part in (header, claims))
    return ".".join(map(text, parts))


def signed(message: str, key: rsa.RSAPrivateKey) -> str:
    """A token."""
    return f"{message}.{text(key.sign(message.encode(), PKCS1v15(), SHA256()))}"


def token(
    header: Mapping[str, Any] | None = None, key: rsa.RSAPrivateKey | None = None, **claims: Any
) -> str:
    """A token of the issuer. A field that is None is left out."""
    head = {"alg": "RS256", "typ": "JWT", "kid": "one"} | dict(header or {})
    body = {"iss": ISSUER, "sub": "a1b2c3", "exp": NOW + 600, "aud": AUDIENCE} | claims
    kept = ({name: value for name, value in part.items() if value is not None} for part in (head, body))
    return signed(unsigned(*kept), key or private_key("one"))
