"""The HTTP side: routes, parameters, forms of answers, problems, and who may use what."""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from local_cloud.template.document import load_template
from metering.counters.counter import Counter
from metering.errors import Misconfigured, Transient
from metering.period import Period
from metering.quotas.plan import Assignment
from metering.usage import Usage
from tests.usage_api.events import event, of_customer, of_operator
from tests.usage_api.sources import Memory
from usage_api import app, reference
from usage_api import static_files as page_files
from usage_api.app import LookUpApi
from usage_api.requests import path_of
from usage_api.responses import SECURITY_HEADERS
from usage_api.static_files import PageFile, PageFiles

NOVEMBER = Period("2026-11")
ROUTES = {
    one["Properties"]["Path"]
    for one in load_template()["Resources"]["UsageApiFunction"]["Properties"]["Events"].values()
}
OPERATOR_ROUTES = [
    "/keys",
    "/keys/{id}/usage",
    "/keys/{id}/usage/{period}",
    "/keys/{id}/quota",
    "/keys/{id}/cost",
    "/keys/{id}/breakdown",
    "/traffic",
    "/keys/{id}/invoices",
    "/top",
    "/health",
]
PAGE = PageFiles(
    PageFile("<p>", "text/html; charset=utf-8", '"page"'),
    {
        "app.js": PageFile("1", "text/javascript; charset=utf-8", '"js"'),
        "dot.png": PageFile(b"\x89", "image/png", '"png"'),
    },
)


class Api:
    """The API on sources in memory, and what it has reported of failures."""

    def __init__(self, *, frame_ancestors: tuple[str, ...] = (), **sources: Any) -> None:
        self.memory = Memory(**sources)
        self.failures: list[Exception] = []
        self.look_ups = self.memory.look_ups()
        self._api = LookUpApi(self.look_ups, PAGE, self.failures.append, frame_ancestors)

    def __call__(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Ask; the headers of the answer are as single values."""
        answer = self._api.answer(asked, None)
        return {
            **answer,
            "headers": {name: ", ".join(all_) for name, all_ in answer["multiValueHeaders"].items()},
        }

    def json(self, asked: dict[str, Any]) -> Any:
        """The JSON of an answer that must be one."""
        answer = self(asked)
        assert 200 == answer["statusCode"], answer["body"]
        return json.loads(answer["body"])

    def problem(self, asked: dict[str, Any]) -> tuple[int, str]:
        """The status and detail of what must be a problem."""
        answer = self(asked)
        content = json.loads(answer["body"])
        assert "application/problem+json" == answer["headers"]["Content-Type"]
        assert "no-store" == answer["headers"]["Cache-Control"]
        assert {"type", "title", "status", "detail"} == content.keys()
        assert answer["statusCode"] == content["status"]
        return content["status"], content["detail"]


@pytest.fixture
def api() -> Api:
    """An API with two keys."""
    counters = {
        (key, NOVEMBER): Counter(key, NOVEMBER, Usage(requests)) for key, requests in (("k1", 5), ("k2", 9))
    }
    return Api(counters=counters, assignments={"k1": Assignment("k1", "pro")}, candidates=["k1", "k2"])


class TestRoutes:
    def test_customer(self, api: Api) -> None:
        """A customer's own usage and quota."""
        assert 5 == api.json(of_customer("k1", "/me/usage"))["totals"]["requests"]
        assert 5 == api.json(of_customer("k1", "/me/usage/{period}", period="2026-11"))["totals"]["requests"]
        assert "k1" == api.json(of_customer("k1", "/me/quota"))["key"]

    def test_range(self, api: Api) -> None:
        """Days between two ends."""
        answer = api.json(
            of_customer("k1", "/me/usage", query={"from": ["2026-11-01"], "to": ["2026-11-30"]})
        )
        assert (None, "2026-11-01", "2026-11-30") == (answer["period"], answer["from"], answer["to"])
        assert "days 2026-11-01 2026-11-30" == api.memory.reads[-1]

    def test_operator(self, api: Api) -> None:
        """Any key, the heaviest, all that have a plan, and health."""
        assert 9 == api.json(of_operator("/keys/{id}/usage", id="k2"))["totals"]["requests"]
        assert "k2" == api.json(of_operator("/keys/{id}/usage/{period}", id="k2", period="2026-11-05"))["key"]
        assert "k2" == api.json(of_operator("/keys/{id}/quota", id="k2"))["key"]
        assert ["k1"] == [
            one["key"] for one in api.json(of_operator("/keys", query={"limit": ["1"]}))["keys"]
        ]
        assert ["k2", "k1"] == [one["key"] for one in api.json(of_operator("/top"))["keys"]]
        assert "stopped" != api.json(of_operator("/health"))["status"]

    @pytest.mark.parametrize(
        ("segment", "key"),
        [
            ("a%2Fb", "a/b"),
            ("%3Cimg%20src=x%3E", "<img src=x>"),
            ("..%2F..", "../.."),
            ("%2e%2E%2e", "..."),
            ("%25", "%"),
            ("ä", "ä"),
        ],
    )
    def test_any_key(self, api: Api, segment: str, key: str) -> None:
        """An operator may ask for a key of any name: it is one segment, decoded once."""
        assert key == api.json(of_operator("/keys/{id}/usage", id=segment))["key"]

    def test_custom_domain(self, api: Api) -> None:
        """A base path of a custom domain changes nothing: the resource decides."""
        asked = of_customer("k1", "/me/quota") | {"path": "/billing/me/quota"}
        assert "k1" == api.json(asked)["key"]

    def test_path_of(self) -> None:
        """A parameter never makes another resource of one."""
        assert "/me/usage/..%2F..%2Fkeys" == path_of(event("/me/usage/{period}", period="../../keys"))
        assert "/keys/a%2Fb/usage" == path_of(event("/keys/{id}/usage", id="a%2Fb"))

    def test_nowhere(self, api: Api) -> None:
        """What there is not, for events that no API Gateway sends too."""
        for resource in ("/nowhere", "/me", "/keys/{id}", "/me/usage/x/y", "me/usage"):
            assert 404 == api.problem(of_operator(resource, id="k1"))[0]
        assert 404 == api.problem({**event("/me/usage"), "httpMethod": "POST"})[0]
        assert (
            200 == api({"httpMethod": "GET", "requestContext": {"path": "/", "stage": "prod"}})["statusCode"]
        )


class TestParameters:
    @pytest.mark.parametrize(
        ("query", "why"),
        [
            ({"key": ["k2"]}, "There is no query parameter 'key' here; it takes from, to."),
            ({"From": ["2026-11-01"]}, "There is no query parameter 'From'"),
            ({"from": ["2026-11-01"]}, "two ends"),
            (
                {"from": ["2026-11-01", "2026-11-02"], "to": ["2026-11-03"]},
                "from is given 2 times: give it once.",
            ),
            (
                {"from": ["2026-11-31"], "to": ["2026-12-01"]},
                "from: '2026-11-31' cannot be taken; write a day",
            ),
            ({"from": ["2026-08-01"], "to": ["2026-11-30"]}, "at most 92"),
        ],
    )
    def test_refused(self, api: Api, query: dict[str, list[str]], why: str) -> None:
        """What is unknown, repeated, incomplete or impossible is refused, with what to do instead."""
        status, detail = api.problem(of_customer("k1", "/me/usage", query=query))
        assert 400 == status
        assert why in detail

    def test_repeated(self, api: Api) -> None:
        """A number that is given twice is refused too, though both are possible."""
        status, _ = api.problem(of_operator("/keys", query={"limit": ["1", "2"]}))
        assert 400 == status

    def test_nothing_taken(self, api: Api) -> None:
        """Where no parameter is possible."""
        assert (400, "There is no query parameter 'x' here; it takes none.") == api.problem(
            of_customer("k1", "/me/quota", query={"x": [""]})
        )

    def test_hour(self, api: Api) -> None:
        """An hour is a part of its day."""
        assert (400, "'2026-11-05T07' is an hour: request its day, which shows the hours.") == api.problem(
            of_customer("k1", "/me/usage/{period}", period="2026-11-05T07")
        )

    @pytest.mark.parametrize(
        "query",
        [
            {"limit": ["0"]},
            {"limit": ["101"]},
            {"limit": ["x"]},
            {"metric": ["x"]},
            {"period": ["2026-11-05"]},
        ],
    )
    def test_top(self, api: Api, query: dict[str, list[str]]) -> None:
        """The heaviest of a month, at most a hundred, by a metric that there is."""
        assert 400 == api.problem(of_operator("/top", query=query))[0]

    def test_damaged(self, api: Api) -> None:
        """A segment that is no UTF-8 names no key."""
        assert 400 == api.problem(of_operator("/keys/{id}/usage", id="%ff%fe"))[0]


class _NotedLock:
    """A lock that says when somebody has to wait for it."""

    def __init__(self, on_waiting: Callable[[], None]) -> None:
        self._lock = threading.Lock()
        self._on_waiting = on_waiting

    def __enter__(self) -> None:
        if not self._lock.acquire(blocking=False):
            self._on_waiting()
            self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


class TestAtOnce:
    def test_two_requests(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A request that comes while another one is answered changes nothing about that: neither who it is
        from nor what it asks for.
        """
        apis = [Api(), Api()]
        reading, go_on, is_decided = threading.Event(), threading.Event(), threading.Event()
        monkeypatch.setattr(app, "_ONE_AT_A_TIME", _NotedLock(is_decided.set))
        usage = apis[0].look_ups.usage

        def slow_usage(*asked: Any) -> Any:
            reading.set()
            assert go_on.wait(30)
            return usage(*asked)

        monkeypatch.setattr(apis[0].look_ups, "usage", slow_usage)
        answers: dict[str, dict[str, Any]] = {}

        def ask(name: str, api: Api, asked: dict[str, Any]) -> threading.Thread:
            def answered() -> None:
                answers[name] = api(asked)
                is_decided.set()

            thread = threading.Thread(target=answered)
            thread.start()
            return thread

        first = ask("first", apis[0], of_customer("k1", "/me/usage"))
        assert reading.wait(30)
        second = ask("second", apis[1], of_operator("/health") | {"headers": {"Accept": "text/csv"}})
        assert is_decided.wait(30)  # the second request waits for the first, or has been answered beside it
        go_on.set()
        first.join()
        second.join()
        assert "application/json" == answers["first"]["headers"]["Content-Type"]
        assert {200} == {answer["statusCode"] for answer in answers.values()}


class TestWho:
    @pytest.mark.parametrize("resource", OPERATOR_ROUTES)
    @pytest.mark.parametrize(
        "identity",
        [
            {},
            {"apiKeyId": "k1"},
            {"userArn": ""},
            {"userArn": "ann"},
            {"userArn": ["arn:aws:iam"]},
            {"caller": "AIDA"},
        ],
    )
    def test_operators_only(self, api: Api, resource: str, identity: dict[str, Any]) -> None:
        """Even where a mistake in the template let a request through, nothing is read for it."""
        asked = event(resource, identity=identity, id="k2", period="2026-11")
        assert 403 == api.problem(asked)[0]
        assert [] == api.memory.reads

    @pytest.mark.parametrize(
        "identity",
        [
            {},
            {"apiKeyId": ""},
            {"apiKeyId": None},
            {"apiKeyId": "!malformed"},
            {"apiKeyId": "-"},
            {"userArn": "arn:aws:iam::1:user/ann"},
        ],
    )
    def test_customers_only(self, api: Api, identity: dict[str, Any]) -> None:
        """Without a key there is no usage, and reserved keys are nobody's."""
        for resource in ("/me/usage", "/me/usage/{period}", "/me/quota", "/me/cost"):
            assert 401 == api.problem(event(resource, identity=identity, period="2026-11"))[0]
        assert [] == api.memory.reads

    def test_no_context(self, api: Api) -> None:
        """An event without identity is nobody's."""
        asked = of_customer("k1", "/me/usage")
        asked["requestContext"]["identity"] = None
        assert 401 == api.problem(asked)[0]

    def test_open(self, api: Api) -> None:
        """The page and the document are for everybody."""
        for resource in ("/", "/openapi.json"):
            assert 200 == api(event(resource))["statusCode"]


class TestForms:
    @pytest.mark.parametrize(
        "accept", ["text/csv", "text/csv, application/json;q=0.5", "Text/CSV;charset=utf-8", "text/*"]
    )
    def test_csv(self, api: Api, accept: str) -> None:
        """Who wants CSV gets it, as a file."""
        answer = api(of_customer("k1", "/me/usage", headers={"accept": accept}))
        assert "text/csv; charset=utf-8" == answer["headers"]["Content-Type"]
        assert answer["body"].startswith("\ufeffkey,period,requests\r\n")
        assert "attachment" in answer["headers"]["Content-Disposition"]

    @pytest.mark.parametrize(
        "accept",
        [
            "*/*",
            "application/json",
            "text/csv;q=0",
            "text/csv;q=x",
            "text/html",
            "text/csv;q=0.5, application/json",
            "",
        ],
    )
    def test_json(self, api: Api, accept: str) -> None:
        """Everybody else gets JSON."""
        answer = api(of_customer("k1", "/me/usage", headers={"Accept": accept}))
        assert "application/json" == answer["headers"]["Content-Type"]

    @pytest.mark.parametrize("accept", ["text/csv", "application/json"])
    def test_pages(self, accept: str) -> None:
        """A table over several pages leads from each to the next, and the last one to none."""
        keys = [f"k{number:03d}" for number in range(150)]
        api = Api(assignments={key: Assignment(key, "pro") for key in keys})
        query: dict[str, list[str]] | None = {"limit": ["60"]}
        pages = []
        while query is not None:
            answer = api(of_operator("/keys", query=query, headers={"accept": accept}))
            pages.append(answer["body"])
            link = re.fullmatch(r'<\?(.+)>; rel="next"', answer["headers"].get("Link", ""))
            query = parse_qs(link[1]) if link else None
        assert [60, 60, 30] == [len(re.findall(r"\bk\d{3}\b", page)) for page in pages]
        assert keys == re.findall(r"\bk\d{3}\b", "".join(pages))

    def test_health_is_json(self, api: Api) -> None:
        """What is not a table stays JSON."""
        answer = api(of_operator("/health", headers={"Accept": "text/csv"}))
        assert "application/json" == answer["headers"]["Content-Type"]

    def test_not_modified(self, api: Api) -> None:
        """Who has the answer already gets no content; another caller's tag is another."""
        first = api(of_customer("k1", "/me/usage"))
        etag = first["headers"]["ETag"]
        again = api(of_customer("k1", "/me/usage", headers={"If-None-Match": etag}))
        assert (304, None, etag) == (again["statusCode"], again["body"], again["headers"]["ETag"])
        other = api(of_customer("k2", "/me/usage", headers={"If-None-Match": etag}))
        assert 200 == other["statusCode"]

    def test_vary(self, api: Api) -> None:
        """No cache gives one caller's answer to another."""
        headers = api(of_customer("k1", "/me/usage"))["headers"]
        assert {"Accept", "Authorization", "x-api-key", "x-usage-link"} == set(headers["Vary"].split(", "))

    def test_nothing_is_kept(self, api: Api) -> None:
        """No browser or proxy keeps an answer of any route that the template has, be it an answer, a 304 or a
        problem: only the page's files and the document are the same for everybody.
        """
        for resource in sorted(ROUTES - {"/", "/assets/{name}", "/openapi.json"}):
            if resource.endswith("/{invoice}"):  # tests/usage_api/test_invoices.py
                continue
            if resource.startswith("/link/"):  # as for the key itself: tests/usage_api/test_links.py
                continue
            names = {"id": "k1", "period": "2026-10"}
            values: dict[str, Any] = {name: names[name] for name in names if f"{{{name}}}" in resource}
            asked = partial(of_customer, "k1") if resource.startswith("/me/") else of_operator
            first = api(asked(resource, **values))
            etag = {"If-None-Match": first["headers"]["ETag"]}
            answers = [first, api(asked(resource, headers=etag, **values)), api(event(resource, **values))]
            assert [200, 304] == [one["statusCode"] for one in answers[:2]], resource
            assert answers[2]["statusCode"] in {401, 403}, resource
            assert ["no-store"] * 3 == [one["headers"]["Cache-Control"] for one in answers], resource

    def test_security_headers(self, api: Api) -> None:
        """Every reply has them: answers, problems, the page and its files."""
        for asked in (
            of_customer("k1", "/me/usage"),
            event("/me/usage"),
            event("/"),
            event("/assets/{name}", name="app.js"),
        ):
            headers = api(asked)["headers"]
            assert SECURITY_HEADERS == {name: headers[name] for name in SECURITY_HEADERS}
        assert "same-origin" == SECURITY_HEADERS["Cross-Origin-Opener-Policy"]
        assert "no-referrer" == SECURITY_HEADERS["Referrer-Policy"]
        assert "nosniff" == SECURITY_HEADERS["X-Content-Type-Options"]
        assert "max-age=31536000" == SECURITY_HEADERS["Strict-Transport-Security"]
        assert "frame-ancestors 'none'" in SECURITY_HEADERS["Content-Security-Policy"]
        assert "default-src 'none'" in SECURITY_HEADERS["Content-Security-Policy"]
        assert "unsafe" not in SECURITY_HEADERS["Content-Security-Policy"]


class TestFrames:
    ORIGINS = ("https://portal.example", "https://shop.example:8443")

    def test_nobody(self, api: Api) -> None:
        """Without a setting no reply may be in a frame, the page neither."""
        headers = api(event("/"))["headers"]
        assert "DENY" == headers["X-Frame-Options"]
        assert headers["Content-Security-Policy"].endswith("frame-ancestors 'none'")

    def test_page_only(self) -> None:
        """The page, its 304 and its redirect allow the stated origins; every other reply allows none. All
        else of the policy stays.
        """
        api = Api(frame_ancestors=self.ORIGINS)
        page = api(event("/"))
        redirected = event("/")
        redirected["requestContext"]["path"] = "/prod"
        unchanged = event("/", headers={"if-none-match": page["headers"]["ETag"]})
        framed = [page, api(redirected), api(unchanged)]
        assert [200, 307, 304] == [one["statusCode"] for one in framed]
        stated = SECURITY_HEADERS["Content-Security-Policy"].removesuffix("'none'") + " ".join(self.ORIGINS)
        assert [stated] * 3 == [one["headers"]["Content-Security-Policy"] for one in framed]
        assert not any("X-Frame-Options" in one["headers"] for one in framed)
        others = [
            event("/assets/{name}", name="app.js"),
            event("/assets/{name}", name="nothing.js"),
            event("/openapi.json"),
            event("/me/usage"),
            of_customer("k1", "/me/usage"),
            of_operator("/health"),
        ]
        for other in others:
            headers = api(other)["headers"]
            assert SECURITY_HEADERS == {name: headers[name] for name in SECURITY_HEADERS}

    def test_changed(self, api: Api) -> None:
        """Where the origins are changed, a browser that keeps the page gets it anew, with the new policy."""
        known = [api(event("/"))["headers"]["ETag"]]
        for origins in (self.ORIGINS, self.ORIGINS[:1]):
            framed = Api(frame_ancestors=origins)
            answer = framed(event("/", headers={"if-none-match": ", ".join(known)}))
            assert 200 == answer["statusCode"]
            known.append(answer["headers"]["ETag"])
        assert 200 == api(event("/", headers={"if-none-match": ", ".join(known[1:])}))["statusCode"]


class TestPage:
    def test_page(self, api: Api) -> None:
        """The page, which is looked for anew each time."""
        answer = api(event("/"))
        assert ("<p>", "text/html; charset=utf-8", "no-cache") == (
            answer["body"],
            answer["headers"]["Content-Type"],
            answer["headers"]["Cache-Control"],
        )
        assert 304 == api(event("/", headers={"if-none-match": '"page"'}))["statusCode"]

    def test_slash(self, api: Api) -> None:
        """A stage's address without a slash leads to the one with it, below which the page's files lie."""
        asked = event("/")
        asked["requestContext"]["path"] = "/prod"
        answer = api(asked)
        assert (307, "prod/") == (answer["statusCode"], answer["headers"]["Location"])

    def test_binary(self, api: Api) -> None:
        """What is no text goes as base64."""
        answer = api(event("/assets/{name}", name="dot.png"))
        assert (True, b"\x89") == (answer["isBase64Encoded"], base64.b64decode(answer["body"]))

    @pytest.mark.parametrize(
        "name", ["nothing.js", "..%2Fhandler.py", "../handler.py", "app.js%00", "APP.JS", "index.html", ""]
    )
    def test_no_other_file(self, api: Api, name: str) -> None:
        """There are the names that the folder had when the function was made, and no others."""
        assert 404 == api.problem(event("/assets/{name}", name=name))[0]

    def test_shipped(self) -> None:
        """The page that is shipped is whole: every file that it names is there."""
        page = page_files.load()
        assert "text/html; charset=utf-8" == page.index.content_type
        names = set(str(page.index.content).split('"assets/')[1:])
        assert names
        assert set() == {name.partition('"')[0] for name in names} - page.assets.keys() - {reference.NAME}


class TestPageFiles:
    def test_missing(self, tmp_path: Path) -> None:
        """Without a page there is nothing to serve."""
        with pytest.raises(Misconfigured, match="is missing: the package"):
            page_files.load(tmp_path)

    def test_one_name(self, tmp_path: Path) -> None:
        """Two files of one name could not be kept apart."""
        (tmp_path / "vendor").mkdir()
        for path in ("index.html", "chart.js", "vendor/chart.js"):
            (tmp_path / path).write_text("1")
        with pytest.raises(Misconfigured, match="are named chart"):
            page_files.load(tmp_path)

    def test_other_ends(self, tmp_path: Path) -> None:
        """What has no known end is not served."""
        for name in ("index.html", "notes.md", "chart.js", "dot.png"):
            (tmp_path / name).write_bytes(b"1")
        page = page_files.load(tmp_path)
        assert {"chart.js": "1", "dot.png": b"1"} == {name: one.content for name, one in page.assets.items()}


class TestFailures:
    def test_later(self) -> None:
        """While DynamoDB does not answer, the caller is asked to come again."""
        api = Api(failure=Transient("Query of counters: no connection"))
        answer = api(of_customer("k1", "/me/usage"))
        assert (503, "2") == (answer["statusCode"], answer["headers"]["Retry-After"])
        assert "counters:" not in answer["body"]
        assert ["Query of counters: no connection"] == [str(error) for error in api.failures]

    @pytest.mark.parametrize("error", [Misconfigured(["no table counters-1"]), KeyError("secret of k1")])
    def test_failed(self, error: Exception) -> None:
        """The caller sees nothing of what is inside; the log does."""
        api = Api(failure=error)
        status, detail = api.problem(of_customer("k1", "/me/usage"))
        assert (500, [error]) == (status, api.failures)
        assert "counters-1" not in detail
        assert "secret" not in detail
