"""Whatever an issuer answers, nobody is let in without a signature that the issuer's own key verifies.

`make issuer-answers` tries 10,000 answers; the tests try some.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import random
from collections.abc import Iterator
from typing import Any, Final

import pytest
from jwt import PyJWK

from adapters.jwks import IssuerKeys, configuration_address
from quota_authorizer.authorizer import AuthorizerOptions
from quota_authorizer.decision import OnFailure
from quota_authorizer.jwt import Bearer, TokenRules
from tests.quota_authorizer.events import http
from tests.quota_authorizer.stores import Desk
from tests.quota_authorizer.tokens import (
    AUDIENCE,
    ISSUER,
    NOW,
    jwk,
    number,
    private_key,
    signed,
    text,
    token,
    unsigned,
)

ANSWERS: Final = int(os.environ.get("USAGE_METER_ISSUER_ANSWERS", "600"))
CHUNKS: Final = 4
KEYS_AT: Final = f"{ISSUER}/keys"
CONFIGURATION: Final = {"issuer": ISSUER, "jwks_uri": KEYS_AT}
EXPIRES: Final = 2 * NOW
WEAK_BITS: Final = 1024
PREFIX: Final = bytes.fromhex("3031300d060960864801650304020105000420")
"""What stands before a SHA-256 digest in a signature (RFC 8017, section 9.2)."""

VALUES: Final[tuple[Any, ...]] = (
    None,
    True,
    0,
    -1,
    1.5,
    "",
    "AQ",
    "Ag",
    "AQAB",
    [],
    {},
    [[]],
    "RSA",
    "oct",
    "enc",
    "none",
    "HS256",
    "\x00",
)


def key_set() -> list[dict[str, object]]:
    """What the issuer publishes, beside keys that a wrong reader would take: weak ones whose secret is
    known, and ones for something else.
    """
    return [
        jwk(private_key("one"), "one"),
        jwk(private_key("weak", WEAK_BITS), "weak"),
        jwk(private_key("of encryption"), "encryption", use="enc"),
        jwk(private_key("one"), "identity", e="AQ"),
        {"kty": "oct", "kid": "shared", "k": text(b"secret" * 8), "alg": "HS256"},
        {"kty": "RSA", "kid": "tiny", "n": number(15), "e": "Aw", "use": "sig"},
    ]


def mutated(answers: dict[str, Any], draw: random.Random) -> dict[str, bytes]:
    """The issuer's answers with one to four faults."""
    answers = json.loads(json.dumps(answers))
    for _ in range(draw.randint(1, 4)):
        if places := list(_places(answers)):
            _change(*draw.choice(places), draw)
    return {name: _damaged(json.dumps(value).encode(), draw) for name, value in answers.items()}


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    children = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for name, child in list(children):
        yield value, name
        yield from _places(child)


def _change(parent: Any, name: Any, draw: random.Random) -> None:
    match draw.randrange(4):
        case 0:
            parent[name] = draw.choice(VALUES)
        case 1 if isinstance(parent, dict):
            del parent[name]
        case 2:
            _, other = draw.choice(list(_places({"all": parent})))
            parent[name] = parent.get(other, parent[name]) if isinstance(parent, dict) else parent[name]
        case _:
            written = parent[name]
            if isinstance(written, str) and written:
                place = draw.randrange(len(written))
                parent[name] = (
                    written[:place] + draw.choice(["", "A", "=", "é", written]) + written[place + 1 :]
                )


def _damaged(content: bytes, draw: random.Random) -> bytes:
    """Bytes that were cut, doubled or changed; most often as they were."""
    match draw.randrange(8):
        case 0:
            return content[: draw.randrange(len(content))]
        case 1:
            return content + content
        case 2:
            changed = bytearray(content)
            for _ in range(draw.randint(1, 8)):
                changed[draw.randrange(len(changed))] = draw.randrange(256)
            return bytes(changed)
        case 3:
            return draw.choice(
                [b"", b"null", b"[]", b"{}", b"[" * 5000, b'{"keys":' * 500, b"<html>", b"\xff\xfe"]
            )
        case _:
            return content


def padded(message: str, size: int = 256) -> bytes:
    """What a signature is, before the key's secret is used: for an exponent of 1 it is the signature."""
    digest = PREFIX + hashlib.sha256(message.encode()).digest()
    return b"\x00\x01" + b"\xff" * (size - len(digest) - 3) + b"\x00" + digest


def forgeries() -> list[str]:
    """Tokens that nobody signed by the issuer's key."""
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "forged", "exp": EXPIRES}

    def message(key_id: str, **header: object) -> str:
        return unsigned({"alg": "RS256", "kid": key_id, **header}, claims)

    good_head, good_claims, good_signature = token(exp=EXPIRES).split(".")
    return [
        f"{message('one')}.{text(bytes(256))}",
        f"{message('one')}.{text(padded(message('one')))}",
        f"{message('identity')}.{text(padded(message('identity')))}",
        f"{message('one', alg='none')}.",
        f"{message('one', alg='none')}.AA",
        f"{message('one')}.{good_signature}",
        f"{good_head}.{unsigned({}, claims).split('.')[1]}.{good_signature}",
        signed(message("one"), private_key("a stranger")),
        signed(message("weak"), private_key("weak", WEAK_BITS)),
        signed(message("one", jwk=jwk(private_key("a stranger"), "one")), private_key("a stranger")),
        f"{message('tiny')}.AQ",
        f"{message('shared', alg='HS256')}.{text(hashlib.sha256(b'x').digest())}",
        f"{good_head}=.{good_claims}.{good_signature}",
    ]


def by_key_of_encryption() -> str:
    """A token that the issuer's key for something else signed."""
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "forged", "exp": EXPIRES}
    return signed(unsigned({"alg": "RS256", "kid": "encryption"}, claims), private_key("of encryption"))


def let_in(desk: Desk, value: str) -> str | None:
    """Whose key a caller with a token has who is let in; None: it is not let in."""
    answer = desk.answer(http(headers={"authorization": f"Bearer {value}"}))
    return str(answer["context"]["authorizerKeyId"]) if answer["isAuthorized"] else None


@pytest.fixture(scope="module")
def forged() -> list[str]:
    """The forgeries, made once."""
    return forgeries()


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_answers(chunk: int, forged: list[str]) -> None:
    """No mutation of what the issuer publishes lets a forged token in, with failures allowed; while what is
    left of the issuer's key goes on to verify its own tokens.
    """
    right = {"configuration": CONFIGURATION, "keys": {"keys": key_set()}}
    good = token(exp=EXPIRES)
    believed = 0
    for number_of_answer in range(chunk, ANSWERS, CHUNKS):
        draw = random.Random(f"answer {number_of_answer}")
        contents = mutated(right, draw)
        pages = {
            configuration_address(ISSUER): contents.get("configuration", b""),
            KEYS_AT: contents.get("keys", b""),
        }

        def fetch(address: str, pages: dict[str, bytes] = pages) -> bytes:
            if address not in pages:
                raise OSError("there is nothing")
            return pages[address]

        desk = Desk(options=AuthorizerOptions(has_issuer=True), on_failure=OnFailure.ALLOW)
        desk.believe(Bearer(TokenRules(ISSUER, AUDIENCE), IssuerKeys(ISSUER, fetch, desk.clock).key).key_of)
        assert [None] * len(forged) == [let_in(desk, one) for one in forged], number_of_answer
        believed += let_in(desk, good) == "a1b2c3"
    assert believed > ANSWERS / CHUNKS / 20


def test_right_answer(forged: list[str]) -> None:
    """With the right answer the issuer's own token is let in, and no forged one."""
    pages = {
        configuration_address(ISSUER): json.dumps(CONFIGURATION).encode(),
        KEYS_AT: json.dumps({"keys": key_set()}).encode(),
    }
    desk = Desk(options=AuthorizerOptions(has_issuer=True))
    desk.believe(
        Bearer(TokenRules(ISSUER, AUDIENCE), IssuerKeys(ISSUER, pages.__getitem__, desk.clock).key).key_of
    )
    assert "a1b2c3" == let_in(desk, token(exp=EXPIRES))
    assert {None} == {let_in(desk, one) for one in [*forged, by_key_of_encryption()]}


def test_can_fail(forged: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that takes keys of any strength is caught by these forgeries."""
    monkeypatch.setattr("adapters.jwks._is_strong", lambda _: True)
    monkeypatch.setattr("quota_authorizer.jwt.Bearer._is_signed", _is_signed_by_any)
    pages = {
        configuration_address(ISSUER): json.dumps(CONFIGURATION).encode(),
        KEYS_AT: json.dumps({"keys": key_set()}).encode(),
    }
    desk = Desk(options=AuthorizerOptions(has_issuer=True))
    keys = IssuerKeys(ISSUER, pages.__getitem__, desk.clock)
    desk.believe(Bearer(TokenRules(ISSUER, AUDIENCE), keys.key).key_of)
    assert "forged" in {let_in(desk, one) for one in forged}


def _is_signed_by_any(_bearer: Bearer, value: str, key: PyJWK) -> bool:
    """The signature alone: without the library's warning of a weak key."""
    message, _, signature = value.rpartition(".")
    size = (key.key.key_size + 7) // 8
    found = int.from_bytes(base64.urlsafe_b64decode(signature + "=="), "big")
    numbers = key.key.public_numbers()
    opened: int = pow(found, numbers.e, numbers.n)
    return opened.to_bytes(size, "big") == padded(message, size)


def test_flood() -> None:
    """Forged tokens at cold authorizers whose issuer refuses them for their number: none of 300 is let in,
    with an attempt each, and one authorizer makes none for a further 200.
    """
    attempts = 0

    def limited(_address: str) -> bytes:
        nonlocal attempts
        attempts += 1
        raise OSError("429")

    def cold() -> Desk:
        desk = Desk(options=AuthorizerOptions(has_issuer=True), on_failure=OnFailure.ALLOW)
        desk.believe(Bearer(TokenRules(ISSUER, AUDIENCE), IssuerKeys(ISSUER, limited, desk.clock).key).key_of)
        return desk

    value = forgeries()[0]
    assert {None} == {let_in(cold(), value) for _ in range(300)}
    assert 300 == attempts
    one = cold()
    assert {None} == {let_in(one, value) for _ in range(200)}
    assert 301 == attempts
