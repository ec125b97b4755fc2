"""Bearer tokens: only what the issuer signed, for us, and now."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest

from adapters.token_keys import IssuerKeys
from metering.errors import Transient
from quota_authorizer.bearer import Bearer, PublicKey, TokenRules, is_signed
from tests.quota_authorizer.events import http
from tests.quota_authorizer.stores import Clock, Desk

NOW = 1_793_880_000
ISSUER = "https://login.example"

# An RSA key of 2,048 bits that was made for these tests.
PRIME_1 = int(
    "f3c6a1d2b54ca7ab1d63d38ba4a4bc8a1e2f0bb4cf8e6de3c9a7f1b5d2e8437c"
    "9b1f6e0a7d3c58421fe9b6a05d7c3e918b24f06ad59c7e13b8f20d64a97c51e3"
    "6f08b2d94ce71a35f80b6cd2947e13a5c86fb20e4d97381ac5f62be0d1943c7a"
    "8e5bf01d62a9c734e81fb5d06c29a743f18e50bc7d6a924e3bf0158dc7629ae1",
    16,
)


def _next_prime(number: int) -> int:
    """The first prime from a number on (Miller-Rabin; for a test's key that is certain enough)."""
    number |= 1
    while not _is_prime(number):
        number += 2
    return number


def _is_prime(number: int) -> bool:
    if any(number % small == 0 for small in (3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37)):
        return False
    odd, twos = number - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for base in (2, 3, 5, 7, 11, 13, 17, 19):
        power = pow(base, odd, number)
        if power in (1, number - 1):
            continue
        for _ in range(twos - 1):
            power = pow(power, 2, number)
            if power == number - 1:
                break
        else:
            return False
    return True


P = _next_prime(PRIME_1)
Q = _next_prime(P + 2**600)
KEY = PublicKey(P * Q, 65537)
PRIVATE = pow(65537, -1, (P - 1) * (Q - 1))
PREFIX = bytes.fromhex("3031300d060960864801650304020105000420")


def text(data: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def sign(message: bytes) -> bytes:
    """A signature of the issuer."""
    size = (KEY.modulus.bit_length() + 7) // 8
    digest = PREFIX + hashlib.sha256(message).digest()
    padded = b"\x00\x01" + b"\xff" * (size - len(digest) - 3) + b"\x00" + digest
    return pow(int.from_bytes(padded, "big"), PRIVATE, KEY.modulus).to_bytes(size, "big")


def token(header: dict[str, Any] | None = None, **claims: Any) -> str:
    """A token of the issuer. A claim that is None is left out."""
    head = {"alg": "RS256", "kid": "one"} | (header or {})
    body = {"iss": ISSUER, "sub": "a1b2c3", "exp": NOW + 600, "aud": "orders"} | claims
    content = {name: value for name, value in body.items() if value is not None}
    signed = f"{text(json.dumps(head).encode())}.{text(json.dumps(content).encode())}"
    return f"{signed}.{text(sign(signed.encode()))}"


def key_of(value: str, rules: TokenRules = TokenRules(ISSUER, "orders"), now: float = NOW) -> str | None:  # noqa: B008 - frozen
    """The key that a token proves."""
    return Bearer(rules, {"one": KEY}.get).key_of(value, now)


class TestRight:
    def test_claim(self) -> None:
        """The claim of a signed token names the key."""
        assert "a1b2c3" == key_of(token())
        assert "acme" == key_of(token(tenant="acme"), TokenRules(ISSUER, "orders", "tenant"))

    @pytest.mark.parametrize("claims", [{"aud": ["users", "orders"]}, {"aud": None, "client_id": "orders"}])
    def test_audience(self, claims: dict[str, Any]) -> None:
        """A token may be for several; Cognito's access tokens name their audience otherwise."""
        assert "a1b2c3" == key_of(token(**claims))

    def test_no_audience(self) -> None:
        """Where none is set, a token may be for anybody."""
        assert "a1b2c3" == key_of(token(aud="others"), TokenRules(ISSUER, None))

    def test_skew(self) -> None:
        """Clocks may differ by a minute."""
        assert "a1b2c3" == key_of(token(exp=NOW - 59)) == key_of(token(nbf=NOW + 59))


class TestWrong:
    @pytest.mark.parametrize(
        "claims",
        [
            {"exp": NOW - 60},
            {"exp": None},
            {"exp": "soon"},
            {"nbf": NOW + 61},
            {"iss": "https://evil.example"},
            {"iss": None},
            {"aud": "users"},
            {"aud": None},
            {"sub": None},
            {"sub": ""},
            {"sub": 7},
        ],
    )
    def test_claims(self, claims: dict[str, Any]) -> None:
        """A token that has expired, is not yet valid, is another's, or names no key proves nothing."""
        assert key_of(token(**claims)) is None

    @pytest.mark.parametrize("header", [{"alg": "none"}, {"alg": "HS256"}, {"alg": "PS256"}, {"kid": "two"}])
    def test_header(self, header: dict[str, Any]) -> None:
        """No token chooses how it is checked, or by a key that the issuer does not have."""
        assert key_of(token(header)) is None

    @pytest.mark.parametrize("part", [0, 1, 2])
    def test_altered(self, part: int) -> None:
        """A single other bit in any part makes it worthless."""
        parts = token().split(".")
        data = bytearray(base64.urlsafe_b64decode(parts[part] + "=="))
        data[len(data) // 2] ^= 1
        parts[part] = text(bytes(data))
        assert key_of(".".join(parts)) is None

    @pytest.mark.parametrize(
        "value", ["", "a", "a.b", "a.b.c", "...", "é.é.é", "a" * 9000, f"{text(b'[]')}.{text(b'{}')}.x"]
    )
    def test_rubbish(self, value: str) -> None:
        """What is no token proves nothing, and raises nothing."""
        assert key_of(value) is None

    def test_unsigned(self) -> None:
        """Without a signature, or with one of another length."""
        head, body, signature = token().split(".")
        assert key_of(f"{head}.{body}.") is None
        assert key_of(f"{head}.{body}.{signature}AA") is None

    def test_small_key(self) -> None:
        """A key that can be broken is refused."""
        assert not is_signed(b"", b"\x00" * 64, PublicKey(2**511 + 1, 3))

    def test_signature_above_modulus(self) -> None:
        """A number that the key could not have made."""
        assert not is_signed(b"", b"\xff" * 256, KEY)


class TestIssuerKeys:
    JWKS = json.dumps(
        {
            "keys": [
                {"kty": "RSA", "kid": "one", "n": text(KEY.modulus.to_bytes(256, "big")), "e": "AQAB"},
                {"kty": "EC", "kid": "curve", "x": "...", "y": "..."},
            ]
        }
    ).encode()

    def test_key(self) -> None:
        """The RSA keys that the issuer publishes, by their ids."""
        keys = IssuerKeys(ISSUER, lambda _: self.JWKS)
        assert (tuple(KEY), None) == (keys.key("one"), keys.key("curve"))

    def test_how_often(self) -> None:
        """It is asked once an hour; for keys that are not known once a minute."""
        asked: list[str] = []
        clock = Clock(0)

        def fetch(address: str) -> bytes:
            asked.append(address)
            return self.JWKS

        keys = IssuerKeys(ISSUER, fetch, clock)
        for _ in range(10):
            keys.key("one")
            keys.key("made-up")
        assert ["https://login.example/.well-known/jwks.json"] == asked
        clock.now = 60
        keys.key("one")
        keys.key("made-up")
        keys.key("made-up")
        assert 2 == len(asked)
        clock.now = 60 + 3600
        keys.key("one")
        assert 3 == len(asked)

    @pytest.mark.parametrize("answer", [b"", b"[]", b"<html>", b'{"keys": [{"kty": "RSA", "n": "\xff"}]}'])
    def test_no_keys(self, answer: bytes) -> None:
        """An answer that holds no keys is an outage of the issuer."""
        with pytest.raises(Transient, match=r"jwks\.json cannot be read"):
            IssuerKeys(ISSUER, lambda _: answer).key("one")

    def test_out_of_reach(self) -> None:
        """So is none."""

        def fetch(_: str) -> bytes:
            raise TimeoutError("timed out")

        with pytest.raises(Transient, match="timed out"):
            IssuerKeys(ISSUER, fetch).key("one")


class TestHttpApi:
    def test_claim(self) -> None:
        """An HTTP API has no API keys: the claim of its caller's token names the key."""
        desk = Desk()
        bearer = Bearer(TokenRules(ISSUER, "orders"), {"one": KEY}.get)
        proofs = desk.authorizer._proofs  # noqa: SLF001 - what the handler sets by the template
        desk.authorizer._proofs = type(proofs)(proofs.digest_of, bearer.key_of)  # noqa: SLF001 - as above
        good = desk.answer(http(headers={"authorization": f"Bearer {token(exp=2 * NOW)}"}))
        assert (True, "a1b2c3") == (good["isAuthorized"], good["context"]["authorizerKeyId"])
        bad = desk.answer(http(headers={"authorization": f"Bearer {token(exp=1)}"}))
        assert {"isAuthorized": False, "context": {}} == bad
