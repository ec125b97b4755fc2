"""An issuer's keys: found as OpenID Connect says, kept over outages for a bounded time, and never guessed."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator

import pytest

from adapters.https_fetcher import MAX_BYTES, HttpsFetcher
from adapters.jwks import FAILURE_SECONDS, FRESH_SECONDS, KEPT_SECONDS, IssuerKeys
from metering.errors import Transient
from quota_authorizer.jwt import Bearer, TokenRules
from tests.adapters.issuers import (
    AUTH0,
    COGNITO,
    SHAPES,
    Authority,
    HttpsServer,
    Reply,
    Shape,
    authority,
    https_server,
)
from tests.quota_authorizer.stores import Clock
from tests.quota_authorizer.tokens import NOW, jwk, private_key


@pytest.fixture(scope="module")
def trust(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Who vouches for the loopback."""
    return authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def server(trust: Authority) -> Iterator[HttpsServer]:
    """A server of HTTPS."""
    with https_server(trust.server) as running:
        yield running


@pytest.fixture
def elsewhere(trust: Authority) -> Iterator[HttpsServer]:
    """A server of another name."""
    with https_server(trust.server, "127.0.0.1") as running:
        yield running


class Reader:
    """The keys of an issuer on the loopback, and what tokens prove by them. Its clock is moved by hand."""

    def __init__(self, issuer: str, trust: ssl.SSLContext, shape: Shape) -> None:
        self.clock = Clock(0)
        self.issuer = issuer
        self.shape = shape
        self.keys = IssuerKeys(issuer, HttpsFetcher(trust, seconds=5), self.clock)
        self._bearer = Bearer(TokenRules(issuer, "orders", shape.claim), self.keys.key)

    def key_of(self, key: str = "one", **claims: object) -> str | None:
        """The key that a token proves which the issuer signs by one of its keys."""
        return self._bearer.key_of(self.shape.token(self.issuer, key, **claims), NOW)


@pytest.fixture
def auth0(server: HttpsServer, trust: Authority) -> Reader:
    """An issuer of one shape, for what is alike for all."""
    return Reader(AUTH0.publish(server), trust.client, AUTH0)


class TestShapes:
    @pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
    def test_believed(
        self, server: HttpsServer, elsewhere: HttpsServer, trust: Authority, shape: Shape
    ) -> None:
        """The tokens of each provider prove their key, and those of anybody else prove nothing."""
        reader = Reader(
            shape.publish(server, elsewhere if shape.keys_elsewhere else None), trust.client, shape
        )
        assert shape.key_id == reader.key_of()
        assert reader.key_of("a stranger") is None
        assert reader.key_of(iss=f"{reader.issuer}x") is None
        assert reader.key_of(aud="another service") is None
        assert shape.configuration_path == server.requests[0]

    @pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
    def test_slash(self, server: HttpsServer, trust: Authority, shape: Shape) -> None:
        """With a slash too many or too few at its end it is another issuer, and the reason says so."""
        issuer = shape.publish(server)
        other = issuer.removesuffix("/") if issuer.endswith("/") else f"{issuer}/"
        with pytest.raises(Transient, match=f"it calls itself '{issuer}'"):
            Reader(other, trust.client, shape).key_of()

    def test_encryption(self, server: HttpsServer, trust: Authority) -> None:
        """A key that is for encryption, of another kind or for another algorithm verifies nothing."""
        for name in ("of encryption", "curve", "of id tokens"):
            issuer = COGNITO.publish(server)
            server.serve(
                COGNITO.keys_path,
                {"keys": [jwk(private_key(name), name, use="enc"), jwk(private_key("one"), "one")]},
            )
            reader = Reader(issuer, trust.client, COGNITO)
            assert reader.key_of(name) is None
            assert reader.key_of() is not None


class TestOutage:
    def test_kept(self, server: HttpsServer, auth0: Reader) -> None:
        """Keys outlive an outage of their issuer by a day, and no longer."""
        assert auth0.key_of() is not None
        server.is_down = True
        auth0.clock.now = KEPT_SECONDS
        assert auth0.key_of() is not None
        assert 1 == auth0.keys.failures
        auth0.clock.now = KEPT_SECONDS + 1
        with pytest.raises(Transient, match="cannot be read"):
            auth0.key_of()
        server.is_down = False
        auth0.clock.now += FAILURE_SECONDS
        assert auth0.key_of() is not None

    def test_no_attempt_for_each_call(self, server: HttpsServer, auth0: Reader) -> None:
        """A failure is remembered: neither calls nor forged tokens become requests to the issuer."""
        auth0.key_of()
        server.is_down = True
        auth0.clock.now = FRESH_SECONDS
        server.requests.clear()
        for number in range(100):
            assert auth0.key_of() is not None
            with pytest.raises(Transient):
                auth0.key_of(f"made-up-{number % 3}")
        assert 1 == len(server.requests)

    def test_cold(self, server: HttpsServer, auth0: Reader) -> None:
        """An authorizer that never reached the issuer believes nobody, and asks again after seconds."""
        server.is_down = True
        for _ in range(100):
            with pytest.raises(Transient, match="cannot be read"):
                auth0.key_of()
        assert (1, 1) == (auth0.keys.attempts, auth0.keys.failures)
        auth0.clock.now += FAILURE_SECONDS
        server.is_down = False
        assert auth0.key_of() is not None

    @pytest.mark.parametrize("status", [400, 404, 429, 500, 503])
    @pytest.mark.parametrize("path", [AUTH0.configuration_path, AUTH0.keys_path])
    def test_status(self, server: HttpsServer, auth0: Reader, status: int, path: str) -> None:
        """An error is no key set, wherever it comes."""
        server.replies[path] = server.replies[path]._replace(status=status)
        with pytest.raises(Transient, match=f"status {status}"):
            auth0.key_of()

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"[]",
            b"<html>",
            b"{}",
            b'{"keys": []}',
            b'{"keys": [{"kty": "RSA", "n": "\xff"}]}',
            b"[" * 100_000,
        ],
    )
    def test_no_keys(self, server: HttpsServer, auth0: Reader, content: bytes) -> None:
        """An answer that holds no keys is an outage: what was known stays."""
        auth0.key_of()
        server.replies[AUTH0.keys_path] = Reply(content)
        auth0.clock.now = FRESH_SECONDS
        assert auth0.key_of() is not None
        assert 1 == auth0.keys.failures


class TestRotation:
    def test_new_key(self, server: HttpsServer, auth0: Reader) -> None:
        """A key that comes is found at its first token, and once a minute at most."""
        auth0.key_of()
        with_new = [*AUTH0.own_keys(), jwk(private_key("new"), "new")]
        server.serve(AUTH0.keys_path, {"keys": with_new})
        server.requests.clear()
        assert auth0.key_of("new") is None
        assert [] == server.requests
        auth0.clock.now = 60
        assert auth0.key_of("new") is not None
        assert auth0.key_of("made-up") is None
        assert 2 == len(server.requests)

    def test_old_key(self, server: HttpsServer, auth0: Reader) -> None:
        """A key that goes is believed for an hour at most."""
        auth0.key_of()
        server.serve(AUTH0.keys_path, {"keys": [jwk(private_key("new"), "new")]})
        auth0.clock.now = FRESH_SECONDS - 1
        assert auth0.key_of() is not None
        auth0.clock.now = FRESH_SECONDS
        assert auth0.key_of() is None
        assert auth0.key_of("new") is not None

    def test_how_often(self, server: HttpsServer, auth0: Reader) -> None:
        """Two requests an hour, however many calls there are."""
        for minute in range(120):
            auth0.clock.now = minute * 60
            auth0.key_of()
        assert 4 == len(server.requests)


class TestStrength:
    @pytest.mark.parametrize(
        "changes",
        [
            {"e": "AQ"},
            {"e": "Ag"},
            {"e": ""},
            {"e": "AA"},
            {"e": "AQAA"},
            {"e": 65537},
            {"n": ""},
            {"n": "AQAB"},
            {"n": "A Q"},
            {"kty": "oct", "k": "AQAB"},
            {"use": "enc"},
            {"alg": "RS512"},
            {"alg": "none"},
            {"kid": ""},
            {"kid": None},
        ],
    )
    def test_weak(self, server: HttpsServer, auth0: Reader, changes: dict[str, object]) -> None:
        """A key whose exponent or size makes its signatures worthless is none; the others stay."""
        weak = jwk(private_key("one"), "one", **changes)
        server.serve(AUTH0.keys_path, {"keys": [weak, jwk(private_key("two"), "two")]})
        assert auth0.key_of() is None
        assert auth0.key_of("two") is not None

    @pytest.mark.parametrize(("bits", "is_taken"), [(1024, False), (2048, True), (3072, True)])
    def test_size(self, server: HttpsServer, auth0: Reader, bits: int, *, is_taken: bool) -> None:
        """2,048 bits are the least that RS256 allows (RFC 7518, section 3.3)."""
        key = private_key("one") if bits == 2048 else private_key("sized", bits)
        server.serve(AUTH0.keys_path, {"keys": [jwk(key, "sized"), jwk(private_key("two"), "two")]})
        assert is_taken == (auth0.keys.key("sized") is not None)

    def test_exponent_of_three(self, server: HttpsServer, auth0: Reader) -> None:
        """Some issuers have keys with the exponent 3: with padding that is compared whole it is safe."""
        server.serve(AUTH0.keys_path, {"keys": [jwk(private_key("three", exponent=3), "three")]})
        assert auth0.keys.key("three") is not None

    def test_private_parts(self, server: HttpsServer, auth0: Reader) -> None:
        """Of an issuer that publishes too much only the public part is read."""
        server.serve(AUTH0.keys_path, {"keys": [jwk(private_key("one"), "one", d="AQAB", p="Aw", q="BQ")]})
        assert auth0.key_of() is not None

    def test_large_set(self, server: HttpsServer, auth0: Reader) -> None:
        """A set of close to 1 MB is read whole, its last key too; one beyond is an outage."""
        many = [jwk(private_key("two"), f"other-{number}", x5c=["M" * 9_000]) for number in range(100)]
        server.serve(AUTH0.keys_path, {"keys": [*many, jwk(private_key("one"), "one")]})
        assert 900_000 < len(server.replies[AUTH0.keys_path].content) <= MAX_BYTES
        assert auth0.key_of() is not None
        server.serve(AUTH0.keys_path, {"keys": [*many, *many, jwk(private_key("one"), "one")]})
        auth0.clock.now = FRESH_SECONDS
        assert auth0.key_of() is not None
        assert "more than 1,048,576 bytes" in auth0.keys.last_error


class TestWhere:
    def test_plain_http(self, server: HttpsServer, auth0: Reader) -> None:
        """A configuration that sends its reader to plain HTTP is not followed."""
        document = json.loads(server.replies[AUTH0.configuration_path].content)
        plain = document["jwks_uri"].replace("https://", "http://")
        server.serve(AUTH0.configuration_path, document | {"jwks_uri": plain})
        with pytest.raises(Transient, match="is not an HTTPS address"):
            auth0.key_of()
        assert AUTH0.keys_path not in server.requests

    def test_redirect_to_plain_http(self, server: HttpsServer, auth0: Reader) -> None:
        """Nor is a redirect to it."""
        with https_server(None) as plain:
            plain.replies[AUTH0.keys_path] = server.replies[AUTH0.keys_path]
            where = {"Location": f"{plain.address}{AUTH0.keys_path}"}
            server.replies[AUTH0.keys_path] = Reply(status=302, headers=where)
            with pytest.raises(Transient, match="is not an HTTPS address"):
                auth0.key_of()
            assert [] == plain.requests
