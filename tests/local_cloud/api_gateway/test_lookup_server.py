"""The look-up API on one machine: events as API Gateway sends them, answers as HTTP."""

from __future__ import annotations

import base64
import http.client
import json
import threading
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import pytest

from local_cloud.api_gateway.http_front import HttpRequest, Resource, event_of
from local_cloud.api_gateway.lookup_server import LookUpServer
from local_cloud.stack import LocalCloud
from local_cloud.template.document import Stack
from tests.usage_api.meter import HOSTILE_KEY, fill, meter_of, usage


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    """A meter that has counted something."""
    with LocalCloud() as running:
        fill(running)
        yield running


@pytest.fixture(scope="module")
def server(cloud: LocalCloud) -> Iterator[LookUpServer]:
    """Its look-ups."""
    with LookUpServer(cloud) as running:
        yield running


def ask(
    server: LookUpServer, target: str, method: str = "GET", body: bytes | None = None, /, **headers: str
) -> tuple[int, Mapping[str, str], bytes]:
    """The status, headers (their names in lower case) and content of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", urlsplit(server.url).port, timeout=60)
    try:
        connection.request(
            method, target, body, {name.replace("_", "-"): text for name, text in headers.items()}
        )
        answer = connection.getresponse()
        return answer.status, {name.lower(): text for name, text in answer.getheaders()}, answer.read()
    finally:
        connection.close()


def request_of(target: str, *headers: tuple[str, str]) -> HttpRequest:
    """A GET."""
    path, _, query = target.partition("?")
    return HttpRequest("GET", path, query, headers, b"", "127.0.0.1")


class TestServer:
    def test_look_ups(self, server: LookUpServer) -> None:
        """A customer's key is the header; everybody here is an operator."""
        status, headers, content = ask(server, "/me/usage/2026-11", x_api_key="alice")
        assert (200, "application/json") == (status, headers["content-type"])
        assert 11 == json.loads(content)["totals"]["requests"]
        status, _, content = ask(server, "/keys/bob/usage/2026-11-05")
        assert 20 == json.loads(content)["totals"]["requests"]

    def test_page(self, server: LookUpServer) -> None:
        """The page and its files, relative to the address that the server gives."""
        assert server.url.endswith("/")
        status, headers, content = ask(server, "/")
        assert (200, "text/html; charset=utf-8") == (status, headers["content-type"])
        assert content.startswith(b"<!doctype html>")
        assert "default-src 'none'" in headers["content-security-policy"]
        assert 304 == ask(server, "/", if_none_match=headers["etag"])[0]

    def test_any_name(self, server: LookUpServer) -> None:
        """A key of any name is one encoded segment."""
        _, _, content = ask(server, "/keys/%3Cimg%20src=x%20onerror=alert(1)%3E/usage/2026-11")
        assert (HOSTILE_KEY, 33) == (json.loads(content)["key"], json.loads(content)["totals"]["requests"])

    def test_head(self, server: LookUpServer) -> None:
        """The headers of a GET, and nothing else."""
        status, headers, content = ask(server, "/me/usage/2026-11", "HEAD", x_api_key="alice")
        assert (200, b"") == (status, content)
        assert int(headers["content-length"]) > 0

    @pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "QUERY"])
    def test_other_methods(self, server: LookUpServer, method: str) -> None:
        """Nothing can be changed here."""
        status, headers, content = ask(server, "/me/usage", method, b"{}", x_api_key="alice")
        assert (405, "GET, HEAD", 405) == (status, headers["allow"], json.loads(content)["status"])

    @pytest.mark.parametrize(
        "target", ["/nowhere", "/me", "/me/usage/2026-11/more", "/keys/a/b/usage", "/assets/x.js"]
    )
    def test_nowhere(self, server: LookUpServer, target: str) -> None:
        """A problem, in the same form as the function's."""
        status, headers, _ = ask(server, target)
        assert (404, "application/problem+json") == (status, headers["content-type"])

    def test_nobody(self, server: LookUpServer) -> None:
        """A customer shows a key."""
        assert 401 == ask(server, "/me/usage")[0]

    @pytest.mark.parametrize(
        ("headers", "status"),
        [
            ({"content_length": "many"}, 400),
            ({"transfer_encoding": "chunked"}, 400),
            ({"content_length": "99999999"}, 413),
        ],
    )
    def test_refused(self, server: LookUpServer, headers: dict[str, str], status: int) -> None:
        """A body of unknown or great length is a problem, and ends the connection only."""
        found, answer, _ = ask(server, "/me/usage", x_api_key="a", **headers)
        assert (status, "application/problem+json", "close") == (
            found,
            answer["content-type"],
            answer["connection"],
        )
        assert 200 == ask(server, "/")[0]

    def test_kept_connection(self, cloud: LocalCloud) -> None:
        """A connection carries many requests, and does not outlive the server."""
        server = LookUpServer(cloud)
        server.start()
        connection = http.client.HTTPConnection("127.0.0.1", urlsplit(server.url).port, timeout=60)
        for _ in range(2):
            connection.request("GET", "/assets/none")
            answer = connection.getresponse()
            assert (404, b"{") == (answer.status, answer.read()[:1])
        held = connection.sock
        assert held is not None
        server.stop()
        assert b"" == held.recv(1)
        connection.close()

    def test_live(self, cloud: LocalCloud, server: LookUpServer) -> None:
        """What was counted a moment ago is there."""
        meter_of(cloud).count("live", "2026-11-05T07", usage(5))
        content = ask(server, "/me/usage/2026-11", x_api_key="live")[2]
        assert 5 == json.loads(content)["totals"]["requests"]

    def test_many_at_once(self, server: LookUpServer) -> None:
        """Callers wait for one another, as for one execution environment; each gets its own answer."""
        found: dict[str, set[Any]] = {"alice": set(), "bob": set()}

        def call(key: str) -> None:
            for _ in range(10):
                content = ask(server, "/me/usage/2026-11", x_api_key=key)[2]
                found[key].add((json.loads(content)["key"], json.loads(content)["totals"]["requests"]))

        threads = [threading.Thread(target=call, args=(key,)) for key in found for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert {"alice": {("alice", 11)}, "bob": {("bob", 22)}} == found

    def test_stops(self, cloud: LocalCloud) -> None:
        """It may be stopped twice, and before it has begun; then nobody answers."""
        server = LookUpServer(cloud)
        server.start()
        server.start()
        assert 200 == ask(server, "/")[0]
        server.stop()
        server.stop()
        with pytest.raises(ConnectionRefusedError):
            ask(server, "/")
        LookUpServer(cloud).stop()


class TestEvents:
    def test_shape(self) -> None:
        """The fields that a REST API's proxy integration has."""
        request = request_of(
            "/keys/a%2Fb/usage?from=2026-11-01&to=%C3%A4&from=2", ("Accept", "a"), ("accept", "b")
        )
        event = event_of(request, "/keys/{id}/usage", {"id": "a%2Fb"}, {"userArn": "arn:aws:iam::1:user/a"})
        assert {
            *("resource", "path", "httpMethod", "headers", "multiValueHeaders", "queryStringParameters"),
            *("multiValueQueryStringParameters", "pathParameters", "stageVariables", "requestContext"),
            *("body", "isBase64Encoded"),
        } == event.keys()
        assert ({"id": "a%2Fb"}, "/prod/keys/a%2Fb/usage") == (
            event["pathParameters"],
            event["requestContext"]["path"],
        )
        assert {"from": ["2026-11-01", "2"], "to": ["ä"]} == event["multiValueQueryStringParameters"]
        assert {"from": "2", "to": "ä"} == event["queryStringParameters"]
        assert {"Accept": ["a"], "accept": ["b"]} == event["multiValueHeaders"]

    def test_absent(self) -> None:
        """What is not there is null."""
        event = event_of(request_of("/"), "/", {}, {})
        assert [None] * 5 == [
            event[name]
            for name in (
                "headers",
                "queryStringParameters",
                "multiValueQueryStringParameters",
                "pathParameters",
                "body",
            )
        ]


class TestResources:
    def test_of_the_template(self) -> None:
        """Every resource, with what its method asks of a caller: none of a customer's is open, none of an
        operator's is to be had with a key.
        """
        paths = Stack().resource("LookUpApi")["Body"]["paths"]
        found = {path: Resource.from_body(path, methods) for path, methods in paths.items()}
        assert {"GET"} == {method for one in found.values() for method in one.methods}
        keys = {path for path, one in found.items() if one.needs_key}
        operators = {path for path, one in found.items() if one.needs_iam}
        of_customer = {
            "breakdown",
            "cost",
            "invoices",
            "invoices/{invoice}",
            "quota",
            "usage",
            "usage/{period}",
        }
        assert {f"/me/{name}" for name in of_customer} == keys
        of_operator = {"/health", "/keys", "/top", "/traffic"}
        assert {f"/keys/{{id}}/{name}" for name in of_customer} | of_operator == operators
        by_link = {f"/link/{name}" for name in of_customer}
        assert {"/", "/assets/{name}", "/openapi.json"} | by_link == found.keys() - keys - operators

    def test_segments(self) -> None:
        """A parameter is one segment, whatever is in it."""
        pattern = Resource("/keys/{id}/usage", frozenset({"GET"}), needs_key=False, needs_iam=True).pattern
        assert pattern.fullmatch("/keys/a%2Fb/usage")
        assert not pattern.fullmatch("/keys/a/b/usage")
        assert not pattern.fullmatch("/keys//usage")


class TestAnswers:
    def test_base64(self, server: LookUpServer, monkeypatch: pytest.MonkeyPatch) -> None:
        """What the function gives in base64 goes out as it was, and what it gives as text in UTF-8."""
        answers = iter(
            [
                {"statusCode": 200, "body": base64.b64encode(b"\x89PNG").decode(), "isBase64Encoded": True},
                {"statusCode": 200, "body": "ä", "multiValueHeaders": {"A": ["1", "2"]}, "headers": None},
            ]
        )
        monkeypatch.setattr(server._function, "_handler", lambda _event, _context: next(answers))  # noqa: SLF001 - the function is not the subject
        assert b"\x89PNG" == ask(server, "/")[2]
        status, headers, content = ask(server, "/")
        assert (200, "ä".encode()) == (status, content)
        assert headers["a"] in {"1", "2"}

    def test_function_error(self, server: LookUpServer, monkeypatch: pytest.MonkeyPatch) -> None:
        """A function that raises is a bad gateway."""

        def fail(_event: Any, _context: Any) -> Any:
            raise MemoryError

        monkeypatch.setattr(server._function, "_handler", fail)  # noqa: SLF001 - as above
        assert 502 == ask(server, "/")[0]
