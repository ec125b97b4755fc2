"""A customer sees the key that API Gateway names, and no other, whatever the request says."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local_cloud.api_gateway.http_front import Access
from local_cloud.api_gateway.lookup_server import LookUpServer
from local_cloud.stack import LocalCloud
from metering.counters.breakdown import BreakdownIndex, EndpointCalls, KeyBreakdown
from metering.counters.counter import Counter
from metering.period import Period, ends_at
from metering.quotas.plan import Assignment, Limit, Plan, Span
from metering.usage import Metric, Usage
from tests.examples import examples
from tests.usage_api.events import event, of_customer
from tests.usage_api.meter import meter_of
from tests.usage_api.sources import Memory
from usage_api.app import LookUpApi
from usage_api.static_files import PageFile, PageFiles

MINE, THEIRS = "mallory", "victim"
THEIR_REQUESTS, THEIR_ACCOUNT = 987_654_321, "account of the victim"
NOVEMBER = Period("2026-11")
PLAN = Plan("pro", (Limit(Metric.REQUESTS, Span.MONTH, 10**12),))
CUSTOMER_ROUTES = (
    *("/me/usage", "/me/usage/{period}", "/me/quota", "/me/cost", "/me/breakdown"),
    "/me/invoices",
)
OPERATOR_ROUTES = (
    "/keys",
    "/keys/{id}/usage",
    "/keys/{id}/usage/{period}",
    "/keys/{id}/quota",
    "/top",
    "/health",
)

NAMES = [
    "key",
    "keys",
    "id",
    "key_id",
    "keyId",
    "apiKeyId",
    "apikeyid",
    "x-api-key",
    "X-API-KEY",
    "api_key",
    "account",
]
HEADERS = [
    *("X-Api-Key-Id", "x-amzn-apigateway-api-key-id", "X-Forwarded-For", "X-Original-Url", "X-Rewrite-Url"),
    *("X-HTTP-Method-Override", "X-Forwarded-Prefix", "Forwarded", "x-api-key", "X-API-KEY", "Authorization"),
    *("X-Amzn-Request-Context", "x-amz-requestcontext", "Host"),
]
ENCODED = [
    THEIRS,
    quote(THEIRS),
    "".join(f"%{ord(letter):02x}" for letter in THEIRS),
    "".join(f"%25{ord(letter):02x}" for letter in THEIRS),
    f"../{THEIRS}",
    f"..%2f{THEIRS}",
    f"..%252f..%252fkeys%252f{THEIRS}%252fusage",
    f"2026-11/../../../keys/{THEIRS}/usage",
    f"{MINE},{THEIRS}",
    f"{MINE}\x00{THEIRS}",
    f"{MINE}#0&key={THEIRS}",
    f"key:{THEIRS}",
    f'{{"$ne": "{MINE}"}}',
]


def api() -> tuple[LookUpApi, Memory]:
    """Two customers, of whom one has much to hide."""
    counters = {
        (MINE, NOVEMBER): Counter(MINE, NOVEMBER, Usage(1)),
        (THEIRS, NOVEMBER): Counter(THEIRS, NOVEMBER, Usage(THEIR_REQUESTS)),
    }
    assignments = {
        MINE: Assignment(MINE, "pro"),
        THEIRS: Assignment(THEIRS, "pro", THEIR_ACCOUNT),
    }
    total = KeyBreakdown("", (EndpointCalls("GET", "/secret", 200, THEIR_REQUESTS),))
    index = BreakdownIndex(NOVEMBER, "run", ends_at(NOVEMBER), (MINE,), total)
    calls = [KeyBreakdown(MINE, ()), msgspec.structs.replace(total, key=THEIRS)]
    memory = Memory(
        counters,
        {"pro": PLAN},
        assignments,
        candidates=[MINE, THEIRS],
        breakdowns={NOVEMBER: (index, calls)},
    )
    page = PageFiles(PageFile("", "text/html", '""'), {})
    return LookUpApi(memory.look_ups(), page, lambda _error: None), memory


def gives_away(answer: dict[str, Any]) -> bool:
    """Whether an answer holds anything of the other customer; what a request itself said is none."""
    text = json.dumps(answer)
    content = json.loads(answer["body"]) if (answer["body"] or "").startswith("{") else {}
    return str(THEIR_REQUESTS) in text or THEIR_ACCOUNT in text or content.get("key", MINE) != MINE


hostile = st.sampled_from(ENCODED)


class TestEvents:
    """Whatever the parts of an event say that a caller can write, and however."""

    @settings(max_examples=examples(400))
    @given(
        resource=st.sampled_from([*CUSTOMER_ROUTES, *OPERATOR_ROUTES]),
        query=st.dictionaries(
            st.sampled_from([*NAMES, "from", "to", "period"]),
            st.lists(hostile, min_size=1, max_size=3),
            max_size=3,
        ),
        headers=st.dictionaries(st.sampled_from(HEADERS), hostile, max_size=4),
        key=hostile,
        period=st.sampled_from(["2026-11", "2026-11-05", *ENCODED]),
        body=st.sampled_from(
            [
                None,
                f'{{"apiKeyId": "{THEIRS}", "requestContext": {{"identity": {{"apiKeyId": "{THEIRS}"}}}}}}',
            ]
        ),
        path=hostile,
    )
    def test_nothing_of_others(
        self,
        *,
        resource: str,
        query: dict[str, list[str]],
        headers: dict[str, str],
        key: str,
        period: str,
        body: str | None,
        path: str,
    ) -> None:
        """The answer is about the caller's own key or is a refusal, and no other key is read."""
        look_up_api, memory = api()
        asked = of_customer(
            MINE, resource, query=query, headers=headers, id=key, period=period, invoice=period
        )
        asked |= {"body": body, "path": f"/keys/{path}/usage"}
        answer = look_up_api.answer(asked, None)
        assert not gives_away(answer)
        assert answer["statusCode"] in {200, 304, 400, 403}
        if resource in OPERATOR_ROUTES:
            assert (True, []) == (answer["statusCode"] in {400, 403}, memory.reads)
        assert [] == [read for read in memory.reads if THEIRS in read]

    def test_would_be_seen(self) -> None:
        """The test has teeth: what the victim itself gets would be found."""
        look_up_api, _ = api()
        for resource in CUSTOMER_ROUTES:
            asked = of_customer(THEIRS, resource, period="2026-11")
            assert gives_away(look_up_api.answer(asked, None))

    @pytest.mark.parametrize("resource", CUSTOMER_ROUTES)
    def test_key_of_another_kind(self, resource: str) -> None:
        """An identity that is no text is nobody's."""
        look_up_api, memory = api()
        for identity in ([THEIRS], {"S": THEIRS}, 7, True):
            asked = event(resource, identity={"apiKeyId": identity}, period="2026-11")
            assert 401 == look_up_api.answer(asked, None)["statusCode"]
        assert [] == memory.reads


@pytest.fixture(scope="module")
def server() -> Iterator[LookUpServer]:
    """The look-ups of a meter with both customers; nobody here is an operator."""
    with LocalCloud() as cloud:
        meter = meter_of(cloud)
        for key, requests in ((MINE, 1), (THEIRS, THEIR_REQUESTS)):
            meter.count(key, "2026-11-05T07", Usage(requests))
            meter.give_plan(key, PLAN)
        with LookUpServer(cloud, access=Access({MINE, THEIRS}, signature="of an operator")) as running:
            yield running


def raw(server: LookUpServer, target: str, *headers: str) -> tuple[int, str]:
    """Send a request as it is written here, which no client would; the status and the whole answer."""
    lines = [f"GET {target} HTTP/1.1", "Host: 127.0.0.1", "Connection: close", *headers, "", ""]
    with socket.create_connection(("127.0.0.1", urlsplit(server.url).port or 0), 10) as connection:
        connection.sendall("\r\n".join(lines).encode("latin-1"))
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    return int(answer.split(b" ", 2)[1]), answer.decode()


class TestOverHttp:
    """The same by the way that a caller has."""

    @pytest.mark.parametrize(
        "target",
        [
            f"/keys/{THEIRS}/usage",
            f"/keys/{THEIRS}/usage/2026-11",
            f"/keys/{THEIRS}/quota",
            f"/me/../keys/{THEIRS}/usage",
            f"/me/usage/../../keys/{THEIRS}/usage",
            f"/me/usage/..%2f..%2fkeys%2f{THEIRS}%2fusage",
            f"/me/usage/%2e%2e/%2e%2e/keys/{THEIRS}/usage",
            f"//keys/{THEIRS}/usage",
            f"/me//usage?key={THEIRS}",
            f"/me/usage?key={THEIRS}",
            f"/me/usage?x-api-key={THEIRS}",
            f"/me/usage;key={THEIRS}",
            f"/me/usage%3fkey={THEIRS}",
            f"/ME/USAGE?key={THEIRS}",
            f"/me/usage/{THEIRS}",
            f"/me/usage/2026-11%00{THEIRS}",
            f"http://127.0.0.1/keys/{THEIRS}/usage",
            "/keys",
            "/top",
            "/health",
            "/me/%75sage/2026-11/../../../keys",
        ],
    )
    def test_other_places(self, server: LookUpServer, target: str) -> None:
        """No way of writing an address leads to another's usage."""
        status, answer = raw(server, target, f"x-api-key: {MINE}")
        assert status in {400, 403, 404}
        assert str(THEIR_REQUESTS) not in answer

    @pytest.mark.parametrize("name", [*HEADERS, "x_api_key", "X-Api-KeyId"])
    def test_other_headers(self, server: LookUpServer, name: str) -> None:
        """A header that says another key after the caller's own, in any case, changes nothing."""
        status, answer = raw(server, "/me/usage/2026-11", f"x-api-key: {MINE}", f"{name}: {THEIRS}")
        assert (421 if name == "Host" else 200) == status  # a host that is not this machine's is refused
        assert (f'"key":"{MINE}"' in answer) is (status == 200)
        assert str(THEIR_REQUESTS) not in answer

    def test_own(self, server: LookUpServer) -> None:
        """Each sees its own."""
        assert str(THEIR_REQUESTS) in raw(server, "/me/usage/2026-11", f"X-API-Key: {THEIRS}")[1]
        assert 401 == raw(server, "/me/usage/2026-11", "x-api-key: nobody")[0]
        assert 401 == raw(server, "/me/usage/2026-11")[0]
