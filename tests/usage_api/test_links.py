"""Links: each shows the usage of one key for a short time, and no other token shows anything."""

from __future__ import annotations

import base64
import hmac
import json
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jwt import PyJWS

from metering.counters.counter import Counter
from metering.errors import Transient
from metering.period import Period
from metering.usage import Usage
from tests.usage_api.events import OPERATOR, event, of_customer
from tests.usage_api.sources import NOW, Memory
from usage_api.app import LookUpApi
from usage_api.links import AUDIENCE, LONGEST_TOKEN, TYPE, LinkReader, token_of
from usage_api.look_up_log import digest, entry
from usage_api.ports import SigningKey
from usage_api.static_files import PageFile, PageFiles

MINE, THEIRS = "mallory", "victim"
THEIR_REQUESTS = 987_654_321
NOVEMBER = Period("2026-11")
ROUTES = {
    "usage": {},
    "usage/{period}": {"period": "2026-11"},
    "quota": {},
    "cost": {},
    "breakdown": {},
    "invoices": {},
    "invoices/{invoice}": {"invoice": "2026-10"},
}
PAGE = PageFiles(PageFile(b"", "text/html", '"1"'), {})


class Key(NamedTuple):
    """A key that signs."""

    id: str = "kid-1"
    secret: bytes = b"s" * 32


class Keys:
    """What signs links, and how often somebody looked."""

    def __init__(self, key: SigningKey | None = Key()) -> None:  # noqa: B008 - it never changes
        self.key = key
        self.looks = 0
        self.error: Exception | None = None

    def current(self) -> SigningKey | None:
        """The key."""
        self.looks += 1
        if self.error:
            raise self.error
        return self.key


class Api:
    """The API with two customers, of whom one has much to hide."""

    def __init__(self) -> None:
        counters = {
            (MINE, NOVEMBER): Counter(MINE, NOVEMBER, Usage(1)),
            (THEIRS, NOVEMBER): Counter(THEIRS, NOVEMBER, Usage(THEIR_REQUESTS)),
        }
        self.keys = Keys()
        self.now: datetime = NOW
        reader = LinkReader(self.keys, lambda: self.now)
        look_ups = Memory(counters=counters).look_ups()
        self._api = LookUpApi(look_ups, PAGE, lambda _error: None, (), reader)

    def __call__(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Ask."""
        return self._api.answer(asked, None)

    def status(self, token: str, route: str = "usage", **more: Any) -> int:
        """The status for whoever sends a token."""
        return int(self(by_link(token, route, **more))["statusCode"])

    @property
    def openapi(self) -> dict[str, Any]:
        """The document."""
        found: dict[str, Any] = json.loads(self._api.openapi)
        return found


def by_link(token: str, route: str = "usage", **more: Any) -> dict[str, Any]:
    """What the page asks with a link."""
    return event(f"/link/{route}", headers={"X-Usage-Link": token}, **{**ROUTES.get(route, {}), **more})


def signed(claims: object = None, header: object = None, secret: bytes = Key().secret) -> str:
    """A token with any header and claims, signed as HS256 signs."""
    at = int(NOW.timestamp())
    claims = {"aud": AUDIENCE, "sub": MINE, "iat": at, "exp": at + 900} if claims is None else claims
    header = {"alg": "HS256", "kid": "kid-1", "typ": TYPE} if header is None else header
    text = f"{encoded(json.dumps(header).encode())}.{encoded(json.dumps(claims).encode())}"
    return f"{text}.{encoded(hmac.digest(secret, text.encode(), 'sha256'))}"


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def claims(**changes: object) -> dict[str, object]:
    """Those of a valid token, some changed; None: left out."""
    at = int(NOW.timestamp())
    found = {"aud": AUDIENCE, "sub": MINE, "iat": at, "exp": at + 900, **changes}
    return {name: value for name, value in found.items() if value is not None}


def header(**changes: object) -> dict[str, object]:
    """That of a valid token, with changes; None: left out."""
    found = {"alg": "HS256", "kid": "kid-1", "typ": TYPE, **changes}
    return {name: value for name, value in found.items() if value is not None}


@pytest.fixture(scope="module")
def shared() -> Api:
    """One for the tests that change nothing of it."""
    return Api()


@pytest.fixture
def api() -> Api:
    """One of its own."""
    return Api()


class TestRight:
    @pytest.mark.parametrize("route", ROUTES)
    def test_as_by_key(self, shared: Api, route: str) -> None:
        """A link gives exactly what the key itself gives, on each of its routes."""
        given = shared(by_link(token_of(MINE, Key(), NOW, 15), route))
        own = shared(of_customer(MINE, f"/me/{route}", **ROUTES[route]))
        assert own == given
        assert given["statusCode"] in {200, 404}

    def test_until_it_ends(self, api: Api) -> None:
        """It is valid from its making to the last second before its end."""
        token = token_of(MINE, Key(), NOW, 1)
        statuses = []
        for seconds in (0, 58, 60, 86_400):
            api.now = NOW + timedelta(seconds=seconds)
            statuses.append(api.status(token))
        assert [200, 200, 401, 401] == statuses

    def test_foreign_reader(self) -> None:
        """It is what RFC 7515 calls a JWS, by a library's reading; the key's id is in it, no secret is."""
        token = token_of("k/\u00fc\\", Key(), NOW, 60)
        found = PyJWS(algorithms=["HS256"]).decode_complete(token, Key().secret, ["HS256"])
        at = int(NOW.timestamp())
        assert {"aud": AUDIENCE, "sub": "k/\u00fc\\", "iat": at, "exp": at + 3600} == json.loads(
            found["payload"]
        )
        assert {"alg": "HS256", "kid": "kid-1", "typ": TYPE} == found["header"]

    @pytest.mark.parametrize("key", ["k" * 1022, '"' * 1022, "\u20ac" * 341])
    def test_longest_key(self, shared: Api, key: str) -> None:
        """Whatever can be the id of a key has links that are taken."""
        token = token_of(key, Key(), NOW, 15)
        assert len(token) <= LONGEST_TOKEN
        assert 200 == shared.status(token)

    @pytest.mark.parametrize("minutes", [0, 61])
    def test_minutes(self, minutes: int) -> None:
        """None lasts longer than an hour."""
        with pytest.raises(ValueError, match="from 1 to 60 minutes"):
            token_of(MINE, Key(), NOW, minutes)


AT = int(NOW.timestamp())
WRONG = {
    "empty": "",
    "no token": "x",
    "two parts": signed().rpartition(".")[0],
    "truncated": signed()[:-1],
    "no signature": f"{signed().rpartition('.')[0]}.",
    "four parts": f"{signed()}.x",
    "padded": f"{signed()}=",
    "with a line end": f"{signed()}\n",
    "huge": signed(claims(sub="k" * LONGEST_TOKEN)),
    "deep": signed("x") + "." + encoded(b"[" * 2000),
    "other secret": signed(secret=b"t" * 32),
    "empty secret": signed(secret=b""),
    "alg none": signed(header=header(alg="none")).rpartition(".")[0] + ".",
    "alg none, signed": signed(header=header(alg="none")),
    "alg None": signed(header=header(alg="None")),
    "alg RS256": signed(header=header(alg="RS256")),
    "alg HS384": PyJWS().encode(
        json.dumps(claims()).encode(), Key().secret * 2, "HS384", {"kid": "kid-1", "typ": TYPE}
    ),
    "no alg": signed(header=header(alg=None)),
    "no kid": signed(header=header(kid=None)),
    "other kid": signed(header=header(kid="kid-2")),
    "kid of another item": signed(header=header(kid="plan/free")),
    "kid that is a list": signed(header=header(kid=["kid-1"])),
    "typ JWT": signed(header=header(typ="JWT")),
    "no typ": signed(header=header(typ=None)),
    "crit": signed(header=header(crit=["exp"])),
    "b64": signed(header=header(b64=False)),
    "jwk": signed(header=header(jwk={"kty": "oct", "k": encoded(Key().secret)})),
    "other audience": signed(claims(aud="usage-meter")),
    "several audiences": signed(claims(aud=[AUDIENCE])),
    "no audience": signed(claims(aud=None)),
    "ended": signed(claims(iat=AT - 900, exp=AT)),
    "never ends": signed(claims(exp=None)),
    "ends in a text": signed(claims(exp=str(AT + 900))),
    "ends too late": signed(claims(exp=AT + 3601)),
    "begins tomorrow": signed(claims(iat=AT + 86_400, exp=AT + 86_500)),
    "no beginning": signed(claims(iat=None)),
    "no key": signed(claims(sub=None)),
    "empty key": signed(claims(sub="")),
    "a reserved key": signed(claims(sub="-")),
    "malformed lines": signed(claims(sub="!malformed")),
    "a key with control characters": signed(claims(sub="a\nb")),
    "a key too long": signed(claims(sub="k" * 1023)),
    "a key that is a number": signed(claims(sub=7)),
    "more claims": signed(claims(scope="operator")),
    "claims that are a list": signed([MINE]),
}


class TestWrong:
    @pytest.mark.parametrize("name", WRONG)
    def test_refused(self, shared: Api, name: str) -> None:
        """Whatever is wrong with a token, it gives status 401 and the same text: nothing says what it was."""
        refused = shared(by_link(WRONG[name]))
        assert 401 == refused["statusCode"]
        assert shared(event("/link/usage"))["body"] == refused["body"]
        assert MINE not in refused["body"]

    def test_control(self, shared: Api) -> None:
        """The tokens above are refused for what their names say: as they are without it, they are taken."""
        assert 200 == shared.status(signed())

    def test_rotated(self, api: Api) -> None:
        """With another key, or the same name for another secret, or none, links of before end at once."""
        token = token_of(MINE, Key(), NOW, 60)
        assert 200 == api.status(token)
        for key in (Key("kid-2", b"t" * 32), Key("kid-1", b"t" * 32), None):
            api.keys.key = key
            assert 401 == api.status(token)

    def test_unread(self, api: Api) -> None:
        """While the key cannot be read, nobody gets in; what can be no link of ours is refused unread."""
        api.keys.error = Transient("BatchGetItem")
        assert 503 == api.status(signed())
        looks = api.keys.looks
        assert [401] * 3 == [api.status(WRONG[one]) for one in ("huge", "alg none", "ended")]
        assert looks == api.keys.looks

    def test_twice(self, shared: Api) -> None:
        """Of two links in one request, none counts."""
        asked = by_link(signed())
        asked["multiValueHeaders"]["x-usage-link"] = [token_of(THEIRS, Key(), NOW, 15)]
        assert 401 == shared(asked)["statusCode"]

    def test_only_its_own_routes(self, shared: Api) -> None:
        """A link opens no route of customers or of operators; neither an API key nor a signature opens one of
        links.
        """
        sent = {"X-Usage-Link": signed()}
        assert 401 == shared(event("/me/usage", headers=sent))["statusCode"]
        for route in ("/keys", "/top", "/health", "/traffic"):
            assert 403 == shared(event(route, headers=sent))["statusCode"]
        assert 403 == shared(event("/keys/{id}/usage", headers=sent, id=MINE))["statusCode"]
        assert 401 == shared(of_customer(MINE, "/link/usage"))["statusCode"]
        assert 401 == shared(event("/link/usage", identity=OPERATOR))["statusCode"]
        for route in ("/link/keys", "/link/health", "/link/", "/link/../keys"):
            assert 404 == shared(event(route, headers=sent))["statusCode"]

    def test_without_links(self) -> None:
        """Where nothing reads links, none is valid."""
        api = LookUpApi(Memory().look_ups(), PAGE, lambda _error: None)
        assert 401 == api.answer(by_link(signed()), None)["statusCode"]


PARTS = st.text("AZaz09-_", max_size=40)
VALUES = st.one_of(
    st.none(), st.integers(-(2**70), 2**70), st.floats(), st.booleans(), st.text(max_size=20), st.just(THEIRS)
)
FIELDS = st.dictionaries(
    st.sampled_from(["aud", "sub", "iat", "exp", "nbf", "alg", "kid", "typ", "crit", "key"]),
    VALUES,
    max_size=5,
)
TOKENS = st.one_of(
    st.text(max_size=60),
    st.lists(PARTS, min_size=1, max_size=5).map(".".join),
    st.builds(lambda one, two: signed(claims(**one), header(**two), b"x" * 32), FIELDS, FIELDS),
    st.builds(lambda at, to: signed()[:at] + to + signed()[at + 1 :], st.integers(0, len(signed())), PARTS),
)


@given(TOKENS, st.sampled_from(sorted(ROUTES)))
def test_no_token_gives_anothers_usage(token: str, route: str) -> None:
    """Of all tokens that are not made with our secret, changed ones of our own too, none gives anything of
    another key, and none of an operator's.
    """
    answer = SHARED(by_link(token, route))
    assert THEIRS not in answer["body"]
    assert str(THEIR_REQUESTS) not in answer["body"]
    assert answer["statusCode"] in {200, 401, 404}
    if answer["statusCode"] != 401:
        assert SHARED(by_link(signed(), route)) == answer, "a second spelling of our own signature"


SHARED = Api()


class TestLog:
    KEY = b"51af3dc0-b4f2-11ef-8c6d-0e1b2c3d4e5f"

    def test_by_link(self) -> None:
        """The log says that it was by a link, and has the digest of its key."""
        found = {
            "operation": "/link/usage",
            "status": 200,
            "caller": "link",
            "key_digest": digest(MINE, self.KEY),
        }
        assert found == entry(by_link(signed()), 200, self.KEY)

    @pytest.mark.parametrize("status", [400, 401, 429, 500, 503])
    def test_refused(self, status: int) -> None:
        """Of what was refused, or did not get so far, the log believes no word."""
        found = {"operation": "/link/usage", "status": status, "caller": "nobody"}
        for token in (signed(), WRONG["other secret"], "x" * 10_000):
            assert found == entry(by_link(token), status, self.KEY)


def test_document(shared: Api) -> None:
    """The document has each of these routes with its own credential, and says the same of the answers."""
    paths = shared.openapi["paths"]
    for route in ROUTES:
        mine, linked = paths[f"/me/{route}"]["get"], paths[f"/link/{route}"]["get"]
        assert [{"link": []}] == linked["security"]
        assert mine["responses"]["200"] == linked["responses"]["200"]
        assert mine.get("parameters") == linked.get("parameters")
    names = [one["operationId"] for path in paths.values() for one in path.values()]
    assert len(names) == len(set(names))
    scheme = shared.openapi["components"]["securitySchemes"]["link"]
    assert ("apiKey", "x-usage-link", "header") == (scheme["type"], scheme["name"], scheme["in"])
