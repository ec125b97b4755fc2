"""The page that shows the OpenAPI document to readers."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from tests.usage_api.events import event
from tests.usage_api.sources import Memory
from usage_api import static_files
from usage_api.app import LookUpApi
from usage_api.reference import NAME, prose, reference


class Shown(HTMLParser):
    """What is in a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.names: list[str] = []
        self.addresses: list[str] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Every element has its end, but those that have no content."""
        if tag not in {"meta", "link", "br"}:
            self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(str(value))
            elif name in {"href", "src"}:
                self.addresses.append(str(value))

    def handle_endtag(self, tag: str) -> None:
        """It closes what was opened last."""
        assert tag == self.open.pop()

    def handle_data(self, data: str) -> None:
        """Text."""
        self.text += f" {data}"


@pytest.fixture(scope="module")
def api() -> LookUpApi:
    """The API with the shipped page."""
    return LookUpApi(Memory().look_ups(), static_files.load(), print)


@pytest.fixture(scope="module")
def document(api: LookUpApi) -> Any:
    """Its OpenAPI document."""
    return json.loads(api.openapi)


@pytest.fixture(scope="module")
def shown(document: Any) -> Shown:
    """The page of it."""
    return Shown(reference(document))


class TestContent:
    def test_everything(self, document: Any, shown: Shown) -> None:
        """Every request, parameter, status, schema, field and description of the document is on the page."""
        expected = {document["info"]["title"]}
        for path, methods in document["paths"].items():
            for method, one in methods.items():
                expected |= {f"{method.upper()} {path}", one["summary"], *one["responses"]}
                expected |= {parameter["name"] for parameter in one.get("parameters", ())}
                expected |= {parameter["description"] for parameter in one.get("parameters", ())}
                expected |= {response["description"] for response in one["responses"].values()}
        for name, schema in document["components"]["schemas"].items():
            expected |= {name, schema.get("description", ""), *schema.get("enum", ())}
            for field, of in schema.get("properties", {}).items():
                expected |= {field, of.get("description", "")}
        assert len(expected) > 200
        text = plain(shown.text)
        assert [] == sorted(one for one in expected if plain(one) not in text)

    def test_credentials(self, document: Any) -> None:
        """Each group of requests says how they are authorized."""
        page = reference(document)
        customer, operator = (
            page.index(f"<h2>Requests of {name}s</h2>") for name in ("customer", "operator")
        )
        assert "x-api-key" in page[customer : page.index("<section", customer)]
        assert "Signature Version 4" in page[operator : page.index("<section", operator)]

    def test_shared_responses(self, document: Any) -> None:
        """What all requests of a group return alike is shown once, and never with a request."""
        page = reference(document)
        assert 1 == page.count("No API key was shown")
        assert 3 == page.count("The account has no such invoice.")

    def test_links(self, shown: Shown) -> None:
        """Each link inside the page leads to an element, ids are there once, and no element is left open."""
        inside = {one.removeprefix("#") for one in shown.addresses if one.startswith("#")}
        assert len(inside) > 40
        assert set() == inside - set(shown.ids)
        assert len(shown.ids) == len(set(shown.ids))
        assert [] == shown.open

    def test_nothing_from_elsewhere(self, shown: Shown) -> None:
        """Everything else that it names is the look-up API's own."""
        others = {one for one in shown.addresses if not one.startswith("#")}
        assert {"../", "../openapi.json", "data:,", "style.css", "reference.css", "theme.js"} == others

    def test_markup(self, document: Any) -> None:
        """Texts of the document are never markup."""
        harmful = "<script>alert(1)</script> `<b>`"
        assert "&lt;script&gt;alert(1)&lt;/script&gt; <code>&lt;b&gt;</code>" == prose(harmful)
        changed = json.loads(json.dumps(document))
        changed["info"]["title"] = harmful
        changed["paths"]["/health"]["get"]["summary"] = harmful
        assert "<script>" not in reference(changed)
        assert "<b>" not in reference(changed)


class TestServed:
    def test_reply(self, api: LookUpApi) -> None:
        """Anybody gets it, with the policy of the page; a browser that has it gets no content."""
        answer = api.answer(event("/assets/{name}", name=NAME), None)
        headers = answer["multiValueHeaders"]
        assert (200, ["text/html; charset=utf-8"]) == (answer["statusCode"], headers["Content-Type"])
        assert "default-src 'none'" in headers["Content-Security-Policy"][0]
        again = {"If-None-Match": headers["ETag"][0]}
        assert 304 == api.answer(event("/assets/{name}", name=NAME, headers=again), None)["statusCode"]

    def test_in_frames(self, api: LookUpApi) -> None:
        """Where the page may be in a frame, so may this one: its link is followed inside the frame. Where the
        origins are changed, a browser that keeps it gets it anew, with the new policy.
        """
        origins = ["https://portal.example", "https://shop.example"]
        others = [
            LookUpApi(Memory().look_ups(), static_files.load(), print, some)
            for some in (origins, origins[:1])
        ]
        policies, known = [], '"none"'
        for one in (api, *others, api):
            kept = {"If-None-Match": known}
            answer = one.answer(event("/assets/{name}", name=NAME, headers=kept), None)
            assert 200 == answer["statusCode"]
            known = answer["multiValueHeaders"]["ETag"][0]
            policies.append(answer["multiValueHeaders"]["Content-Security-Policy"][0])
        assert ["'none'", " ".join(origins), origins[0], "'none'"] == [
            one.partition("frame-ancestors ")[2] for one in policies
        ]


def plain(text: str) -> str:
    """Without the marks of code and stress, and without spaces: markup has some of its own."""
    return re.sub(r"[\s`*]+", "", text)
