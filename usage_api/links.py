"""Links that show the usage of one key for a short time: JSON Web Tokens (RFC 7519), signed by HS256.

A link proves a key only if every one of these holds: it is short, and written as RFC 7515 says; its header
names HS256, this kind of token and the key that signs now, and nothing else; it is for this audience, has not
ended, and does not last longer than an hour; its signature is ours; and it names what can be the id of a key.
"""

from __future__ import annotations

import hmac
import re
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, TypeVar

import msgspec

from metering.key_id import key_of_subject
from usage_api.ports import LinkKeySource, SigningKey
from usage_api.problems import Unauthorized

HEADER: Final = "x-usage-link"
FOLDER: Final = "/link/"
"""What the addresses begin with that take a link in place of an API key."""

LONGEST_MINUTES: Final = 60
AUDIENCE: Final = "usage-meter/page"
TYPE: Final = "usage-link+jwt"
"""No token for something else is one of these (RFC 8725, section 3.11)."""
ALGORITHM: Final = "HS256"
LONGEST_TOKEN: Final = 4096

_SKEW_SECONDS: Final = 60
_COMPACT: Final = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+", re.ASCII)
_REFUSED: Final = "This link is not valid, or has ended: open the page again where you found the link."

_Part = TypeVar("_Part")


class _Header(msgspec.Struct, forbid_unknown_fields=True):
    alg: str
    kid: str
    typ: str


class _Claims(msgspec.Struct, forbid_unknown_fields=True):
    aud: str
    sub: str
    iat: int
    exp: int


def token_of(key: str, signing: SigningKey, now: datetime, minutes: int) -> str:
    """A token for the usage of a key, from now on for some minutes.

    Raises:
        ValueError: not from 1 to LONGEST_MINUTES minutes.
    """
    if not 1 <= minutes <= LONGEST_MINUTES:
        raise ValueError(f"a link lasts from 1 to {LONGEST_MINUTES} minutes, not {minutes}")
    from jwt import PyJWS  # noqa: PLC0415 - slow to load, and needed for links only

    begins = int(now.timestamp())
    claims = _Claims(AUDIENCE, key, begins, begins + 60 * minutes)
    header = {"kid": signing.id, "typ": TYPE}
    return PyJWS().encode(msgspec.json.encode(claims), signing.secret, ALGORITHM, header)


def is_link(event: Mapping[str, object]) -> bool:
    """Whether a request is to a resource that takes a link, and nothing else."""
    return str(event.get("resource")).startswith(FOLDER)


def link_in(event: Mapping[str, object]) -> str | None:
    """The link that a caller sent; None: none, or several."""
    headers = event.get("multiValueHeaders")
    many = headers if isinstance(headers, Mapping) else {}
    given = [one for name, values in many.items() if str(name).lower() == HEADER for one in values or ()]
    return given[0] if len(given) == 1 and isinstance(given[0], str) else None


def named_key(token: str) -> str | None:
    """The key that a token names, whether or not it is ours."""
    parts = token.split(".")
    claims = _decoded(parts[1], _Claims) if len(parts) == 3 and len(token) <= LONGEST_TOKEN else None
    return None if claims is None else claims.sub


class LinkReader:
    """Finds the key that a link proves."""

    def __init__(self, keys: LinkKeySource, now: Callable[[], datetime]) -> None:
        self._keys = keys
        self._now = now

    def key_of(self, event: Mapping[str, object]) -> str:
        """The key whose usage the caller may see.

        Raises:
            Unauthorized: there is no valid link; nothing says what is wrong with it.
            Transient, Misconfigured: the key that signs cannot be read.
        """
        token = link_in(event)
        key = None if token is None else self._proven(token)
        if key is None:
            raise Unauthorized(_REFUSED)
        return key

    def _proven(self, token: str) -> str | None:
        if len(token) > LONGEST_TOKEN or not _COMPACT.fullmatch(token):
            return None
        header_text, claims_text, _ = token.split(".")
        header, claims = _decoded(header_text, _Header), _decoded(claims_text, _Claims)
        if header is None or claims is None or not self._is_taken(header, claims):
            return None
        signing = self._keys.current()
        is_ours = signing is not None and _is_signed(token, header, signing)
        return claims.sub if is_ours and _can_be_a_key(claims.sub) else None

    def _is_taken(self, header: _Header, claims: _Claims) -> bool:
        now = self._now().timestamp()
        lasts = claims.exp - claims.iat
        is_of_now = claims.iat <= now + _SKEW_SECONDS and now < claims.exp and lasts <= 60 * LONGEST_MINUTES
        return is_of_now and header.alg == ALGORITHM and header.typ == TYPE and claims.aud == AUDIENCE


def _is_signed(token: str, header: _Header, signing: SigningKey) -> bool:
    """The signature is compared in constant time, by PyJWT as well."""
    from jwt import PyJWS  # noqa: PLC0415 - slow to load, and needed for links only
    from jwt.exceptions import PyJWTError  # noqa: PLC0415 - as above

    if not hmac.compare_digest(header.kid.encode(), signing.id.encode()):
        return False
    try:
        PyJWS(algorithms=[ALGORITHM]).decode_complete(token, signing.secret, [ALGORITHM])
    except PyJWTError:
        return False
    return True


def _can_be_a_key(text: str) -> bool:
    try:
        return key_of_subject(text) == text
    except ValueError:
        return False


def _decoded(text: str, kind: type[_Part]) -> _Part | None:
    """A part of a token; None: it is not of that form."""
    try:
        return msgspec.json.decode(urlsafe_b64decode(text + "=" * (-len(text) % 4)), type=kind)
    except (ValueError, RecursionError):
        return None
