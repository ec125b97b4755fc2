"""Bearer tokens that name a key: JSON Web Tokens (RFC 7519), signed by RS256.

A token proves a key only if every one of these holds, whatever else it says: it is written as RFC 7515 says,
without characters that a decoder would skip; its header asks for RS256 and for nothing that must be
understood (`crit`); it is a token for access (`typ`); it is from our issuer, for us, and of now; its
signature is the issuer's; and the claim that names the key is one that the meter can count under.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeGuard

import msgspec
from jwt import PyJWK, PyJWS
from jwt.exceptions import PyJWTError

from metering.key_id import key_of_caller

CLOCK_SKEW_SECONDS: Final = 60
LONGEST_TOKEN: Final = 8192
ALGORITHM: Final = "RS256"
TYPES: Final = frozenset({"jwt", "at+jwt", "application/jwt", "application/at+jwt"})
"""What `typ` may say, in lower case; it may be absent too. Others are tokens for something else, such as
`logout+jwt` (RFC 8725, section 3.11).
"""

KeySet = Callable[[str], PyJWK | None]
"""The issuer's public key with an id; None: it has none. A key set that cannot be read raises Transient."""

_COMPACT: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)
_ABSENT: Final = msgspec.UNSET


class _Header(msgspec.Struct):
    alg: str
    kid: str
    typ: str = "JWT"
    crit: Any = _ABSENT
    b64: Any = _ABSENT

    @property
    def is_taken(self) -> bool:
        """Whether it asks for what is done here, and for nothing more."""
        asks_more = self.crit is not _ABSENT or self.b64 is not _ABSENT
        return self.alg == ALGORITHM and not asks_more and self.typ.lower() in TYPES


@dataclass(frozen=True, slots=True)
class TokenRules:
    """Which tokens are believed, and the claim that is the key's id."""

    issuer: str
    """Exactly as the tokens name it."""
    audience: str
    """Whom a token must be for: what an issuer makes for other services proves nothing here."""
    claim: str = "sub"


class Bearer:
    """Checks tokens of one issuer."""

    def __init__(self, rules: TokenRules, keys: KeySet) -> None:
        self._rules = rules
        self._keys = keys
        self._signatures = PyJWS(algorithms=[ALGORITHM])

    def key_of(self, token: str, now: float) -> str | None:
        """The key id that a token proves, at a time in epoch seconds; None: it proves nothing.

        Raises:
            Transient: the issuer's keys cannot be read, so that nobody can say.
        """
        if len(token) > LONGEST_TOKEN or not _COMPACT.fullmatch(token):
            return None
        header_text, claims_text, _ = token.split(".")
        try:
            header = msgspec.json.decode(_decoded(header_text), type=_Header)
            claims = msgspec.json.decode(_decoded(claims_text), type=dict[str, Any])
        except (ValueError, RecursionError):
            return None
        name = claims.get(self._rules.claim)
        if not header.is_taken or not self._is_valid(claims, now):
            return None
        counted = key_of_caller(name)
        if counted is None:
            return None
        key = self._keys(header.kid)
        return counted if key is not None and self._is_signed(token, key) else None

    def _is_signed(self, token: str, key: PyJWK) -> bool:
        try:
            self._signatures.decode_complete(token, key, [ALGORITHM])
        except PyJWTError:
            return False
        return True

    def _is_valid(self, claims: Mapping[str, object], now: float) -> bool:
        expires, begins = claims.get("exp"), claims.get("nbf", 0)
        if not _is_number(expires) or not _is_number(begins):
            return False
        in_time = begins - CLOCK_SKEW_SECONDS <= now < expires + CLOCK_SKEW_SECONDS
        return in_time and claims.get("iss") == self._rules.issuer and self._is_for_us(claims)

    def _is_for_us(self, claims: Mapping[str, object]) -> bool:
        """`client_id` is where Amazon Cognito's access tokens name their audience."""
        named = claims.get("aud", claims.get("client_id"))
        return self._rules.audience in (named if isinstance(named, list) else [named])


def _decoded(text: str) -> bytes:
    """What base64url without padding stands for, in its one spelling. Raises ValueError for any other."""
    decoded = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if urlsafe_b64encode(decoded).rstrip(b"=") != text.encode():
        raise ValueError("a second spelling of the same bytes")
    return decoded


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
