"""Bearer tokens: only what the issuer signed, for us, and now."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from jwt import PyJWK

from metering.errors import Transient
from metering.key_id import counted_key
from quota_authorizer.authorizer import AuthorizerOptions
from quota_authorizer.jwt import Bearer, TokenRules
from quota_authorizer.response import Unauthorized
from tests.quota_authorizer.events import http, rest
from tests.quota_authorizer.stores import Desk
from tests.quota_authorizer.tokens import (
    AUDIENCE,
    ISSUER,
    NOW,
    jwk,
    private_key,
    signed,
    text,
    token,
    unsigned,
)

RULES = TokenRules(ISSUER, AUDIENCE)
KEYS = {"one": PyJWK(jwk(private_key("one"), "one"))}
CLAIMS = {"iss": ISSUER, "sub": "a1b2c3", "exp": NOW + 600, "aud": AUDIENCE}


def key_of(value: str, rules: TokenRules = RULES, now: float = NOW) -> str | None:
    """The key that a token proves."""
    return Bearer(rules, KEYS.get).key_of(value, now)


class TestRight:
    def test_claim(self) -> None:
        """The claim of a signed token names the key."""
        assert "a1b2c3" == key_of(token())
        assert "acme" == key_of(token(tenant="acme"), TokenRules(ISSUER, AUDIENCE, "tenant"))

    @pytest.mark.parametrize("claims", [{"aud": ["users", "orders"]}, {"aud": None, "client_id": "orders"}])
    def test_audience(self, claims: dict[str, Any]) -> None:
        """A token may be for several; Cognito's access tokens name their audience otherwise."""
        assert "a1b2c3" == key_of(token(**claims))

    @pytest.mark.parametrize("kind", [None, "JWT", "jwt", "at+jwt", "application/at+jwt", "AT+JWT"])
    def test_type(self, kind: str | None) -> None:
        """Tokens for access say so, or nothing."""
        assert "a1b2c3" == key_of(token({"typ": kind}))

    def test_skew(self) -> None:
        """Clocks may differ by a minute."""
        assert "a1b2c3" == key_of(token(exp=NOW - 59)) == key_of(token(nbf=NOW + 59))

    def test_issuer_as_given(self) -> None:
        """A slash at the end of an issuer's name is part of it, as Auth0 has it."""
        rules = TokenRules(f"{ISSUER}/", AUDIENCE)
        assert "a1b2c3" == key_of(token(iss=f"{ISSUER}/"), rules)
        assert key_of(token(iss=ISSUER), rules) is None
        assert key_of(token(iss=f"{ISSUER}/")) is None


class TestWrong:
    @pytest.mark.parametrize(
        "claims",
        [
            {"exp": NOW - 60},
            {"exp": None},
            {"exp": "soon"},
            {"exp": True},
            {"nbf": NOW + 61},
            {"nbf": False},
            {"iss": "https://evil.example"},
            {"iss": [ISSUER]},
            {"iss": None},
            {"aud": "users"},
            {"aud": None},
            {"aud": [], "client_id": "orders"},
            {"aud": {"orders": 1}},
            {"sub": None},
            {"sub": ""},
            {"sub": 7},
        ],
    )
    def test_claims(self, claims: dict[str, Any]) -> None:
        """A token that has expired, is not yet valid, is another's, or names no key proves nothing."""
        assert key_of(token(**claims)) is None

    @pytest.mark.parametrize(
        "claim", ["-", "!malformed", "..", "a\u0085b", "a\ufffdb", "!me", 'a"b', 'a"' * 1023]
    )
    def test_cannot_be_counted(self, claim: str) -> None:
        """A claim under which no call can be counted is no key: it would be neither limited nor billed."""
        assert key_of(token(sub=claim)) is None

    @pytest.mark.parametrize("claim", ["a" * 1023, "repo:o/r:" + "b" * 2100])
    def test_long(self, claim: str) -> None:
        """A long one is the key that its calls are counted under, which has the limits, too."""
        assert counted_key(claim) == key_of(token(sub=claim))

    @pytest.mark.parametrize(
        "header",
        [
            {"alg": "none"},
            {"alg": "HS256"},
            {"alg": "PS256"},
            {"alg": "rs256"},
            {"alg": None},
            {"kid": "two"},
            {"kid": None},
            {"kid": ["one"]},
            {"typ": "logout+jwt"},
            {"typ": "dpop+jwt"},
            {"typ": ""},
            {"typ": 7},
            {"crit": ["b64"], "b64": True},
            {"crit": ["exp"]},
            {"crit": []},
            {"b64": False},
            {"b64": True},
        ],
    )
    def test_header(self, header: dict[str, Any]) -> None:
        """No token chooses how it is checked, by a key that the issuer does not have, or asks for what is not
        done here.
        """
        assert key_of(token(header)) is None

    def test_null_in_header(self) -> None:
        """A field that must not be there must not be null either."""
        head = b'{"alg":"RS256","kid":"one","crit":null}'
        assert key_of(signed(unsigned(head, CLAIMS), private_key("one"))) is None

    @pytest.mark.parametrize("part", [0, 1, 2])
    def test_altered(self, part: int) -> None:
        """A single other bit in any part makes it worthless."""
        parts = token().split(".")
        data = bytearray(base64.urlsafe_b64decode(parts[part] + "=="))
        data[len(data) // 2] ^= 1
        parts[part] = text(bytes(data))
        assert key_of(".".join(parts)) is None

    @pytest.mark.parametrize("junk", ["=", "==", "\n", " ", "!", "+", "/", "é", "\x00"])
    @pytest.mark.parametrize("part", [0, 1, 2])
    def test_junk(self, part: int, junk: str) -> None:
        """Characters that some decoders skip: there is one spelling of a token."""
        good = token()
        for place in (0, 10, len(good.split(".")[part])):
            parts = good.split(".")
            parts[part] = parts[part][:place] + junk + parts[part][place:]
            assert key_of(".".join(parts)) is None

    def test_second_spelling(self) -> None:
        """The last character of base64 has bits that stand for nothing: they are zero."""
        head, body, signature = token().split(".")
        last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".index(signature[-1])
        other = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"[last ^ 1]
        same = base64.urlsafe_b64decode(f"{signature[:-1]}{other}==")
        assert base64.urlsafe_b64decode(f"{signature}==") == same
        assert key_of(f"{head}.{body}.{signature[:-1]}{other}") is None

    @pytest.mark.parametrize(
        "value",
        ["", "a", "a.b", "a.b.c", "...", "é.é.é", "a" * 9000, f"{text(b'[]')}.{text(b'{}')}.x", "a.b.c.d"],
    )
    def test_rubbish(self, value: str) -> None:
        """What is no token proves nothing, and raises nothing."""
        assert key_of(value) is None

    def test_nested(self) -> None:
        """Nor does JSON that is nested deeply."""
        assert key_of(signed(unsigned(b"[" * 3000, CLAIMS), private_key("one"))) is None
        assert (
            key_of(signed(unsigned({"alg": "RS256", "kid": "one"}, b'{"a":' * 1000), private_key("one")))
            is None
        )

    def test_unsigned(self) -> None:
        """Without a signature, or with one of another length, key or message."""
        head, body, signature = token().split(".")
        assert key_of(f"{head}.{body}.") is None
        assert key_of(f"{head}.{body}.{signature}AA") is None
        assert key_of(f"{head}.{body}.{text(bytes(256))}") is None
        assert key_of(f"{head}.{body}.{text(bytes([255]) * 256)}") is None
        assert key_of(token(key=private_key("another"))) is None
        assert key_of(f"{head}.{unsigned({}, CLAIMS | {'sub': 'other'}).split('.')[1]}.{signature}") is None


class TestAtAnApi:
    """What a caller gets who shows a token."""

    def desk(self, **options: Any) -> Desk:
        """An authorizer that believes tokens."""
        desk = Desk(options=AuthorizerOptions(has_issuer=True, **options))
        desk.believe(Bearer(RULES, KEYS.get).key_of)
        return desk

    def test_claim(self) -> None:
        """An HTTP API has no API keys: the claim of its caller's token names the key."""
        good = self.desk().answer(http(headers={"authorization": f"Bearer {token(exp=2 * NOW)}"}))
        assert (True, "a1b2c3") == (good["isAuthorized"], good["context"]["authorizerKeyId"])
        bad = self.desk().answer(http(headers={"authorization": f"Bearer {token(exp=1)}"}))
        assert {"isAuthorized": False, "context": {}} == bad

    def test_unmeterable(self) -> None:
        """A claim that the meter cannot count is not let through, and is no outage of the store."""
        desk = self.desk()
        for claim in ("-", "!malformed", "x\ufffd"):
            answer = desk.answer(http(headers={"authorization": f"Bearer {token(sub=claim, exp=2 * NOW)}"}))
            assert {"isAuthorized": False, "context": {}} == answer
        assert ({"UnknownKeys": 3}, []) == (dict(desk.decide.counts), desk.store.requests)

    @pytest.mark.parametrize("ttl", [0, 300])
    def test_cannot_be_verified(self, ttl: int) -> None:
        """Where the issuer's keys cannot be read nobody is let in, whatever the setting for outages; and an
        answer that API Gateway would keep is not given.
        """

        def fails(_token: str, _now: float) -> str | None:
            raise Transient("the issuer does not answer")

        desk = self.desk(result_ttl_seconds=ttl)
        desk.believe(fails)
        with pytest.raises(Unauthorized):
            desk.answer(rest(headers={"Authorization": "Bearer a.b.c"}))
        event = http(headers={"authorization": "Bearer a.b.c"})
        if ttl:
            with pytest.raises(Unauthorized):
                desk.answer(event)
        else:
            assert {"isAuthorized": False, "context": {}} == desk.answer(event)
        assert {"Unverified": 2} == dict(desk.decide.counts)

    def test_usage_key(self) -> None:
        """A key that stands beside a token does not become the one that API Gateway meters by."""
        desk = Desk(options=AuthorizerOptions(has_issuer=True))
        desk.believe(Bearer(RULES, KEYS.get).key_of)
        answer = desk.answer(
            rest("secret-of-another", headers={"Authorization": f"Bearer {token(exp=2 * NOW)}"})
        )
        assert ("a1b2c3", None) == (answer["principalId"], answer.get("usageIdentifierKey"))
        assert json.dumps(answer).count("secret") == 0
