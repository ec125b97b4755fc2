"""Nothing that comes from logs does anything on the page, and the page asks nobody but its server."""

from __future__ import annotations

import hashlib
import re
import urllib.request

from tests.dashboard.conftest import BUSY, MARKED_UP, MARKUP
from tests.dashboard.page import Page
from tests.dashboard.world import World, in_path
from usage_api.static_files import FOLDER

POLICY = {
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "img-src 'self' data:",
}


def strange_elements(page: Page) -> int:
    """The elements that only markup from data could have made."""
    found = page.run("return document.querySelectorAll('img, b, body script, [onerror], iframe').length")
    return int(found)


MARKED_UP_KEY = MARKED_UP.replace('"', "'")
"""A quote is in no key's id."""


class TestMarkup:
    def test_key(self, world: World, page: Page) -> None:
        """A key whose id is markup is shown as that text, and counted as any other. No dialog opens: the
        browser would refuse every command while one is there.
        """
        page.open(f"#/key/{in_path(MARKUP)}")
        page.await_field("requests", "7")
        assert MARKUP == page.text("main h1") == page.one("main h1").text
        assert f"Usage of {MARKUP} · Usage meter" == page.chrome.title
        assert 0 == strange_elements(page)
        assert world.ask(f"keys/{in_path(MARKUP)}/usage")["key"] == MARKUP

    def test_lists(self, page: Page) -> None:
        """So are keys and accounts in tables, and links to them lead there."""
        page.open("#/keys")
        (row,) = [row for row in page.cells("rows") if row[0] == MARKUP]
        assert [MARKUP, "free", MARKED_UP, "–", "active"] == row
        assert 0 == strange_elements(page)
        page.one(f"[data-key='{MARKUP}'] a").click()
        page.await_field("requests", "7")

    def test_heaviest(self, page: Page) -> None:
        """In the table of the heaviest keys as well."""
        page.open()
        assert MARKUP in [row[0] for row in page.cells("topRows")]
        assert 0 == strange_elements(page)

    def test_addresses(self, page: Page) -> None:
        """An address made to do harm is text, too, and one that names nothing opens the first view."""
        page.open(f"#/key/{in_path(MARKED_UP_KEY)}?month=<b>&day=javascript:alert(1)")
        page.await_field("requests", "0")
        assert MARKED_UP_KEY == page.text("main h1")
        assert 0 == strange_elements(page)
        page.open("#/javascript:alert(1)")
        assert "Overview" == page.text("main h1")

    def test_problems(self, page: Page) -> None:
        """What the server says of an error is text."""
        body = {"title": "No", "detail": MARKUP, "status": 400}
        page.answer({f"keys/{BUSY}/usage": {"status": 400, "body": body}})
        page.open(f"#/key/{BUSY}")
        page.wait(lambda: page.text("main h1") == "This cannot be shown", "the problem")
        assert MARKUP == page.field("text")
        assert 0 == strange_elements(page)


class TestPolicy:
    def test_header(self, page: Page) -> None:
        """The server sends a policy that allows its own files and nothing else."""
        with urllib.request.urlopen(page.url) as answer:
            sent = {part.strip() for part in answer.headers["Content-Security-Policy"].split(";")}
        assert sent >= POLICY
        assert not any("unsafe" in part or "*" in part or "http" in part for part in sent)

    def test_enforced(self, page: Page) -> None:
        """The browser holds to it: a script in the page's markup does not run, and is complained of."""
        page.open()
        page.run(
            "const s = document.createElement('script'); s.textContent = 'window.ran = true';"
            "document.body.append(s); s.remove()"
        )
        assert page.run("return window.ran") is None
        assert any("Content Security Policy" in complaint for complaint in page.complaints())

    def test_nothing_inline(self) -> None:
        """No file of the page makes markup of text, or has styles or scripts in its markup."""
        own = [path for path in sorted(FOLDER.iterdir()) if path.suffix in {".js", ".html"}]
        assert len(own) > 5
        forbidden = re.compile(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|DOMParser|"
            r"\sstyle=|\son\w+=|<style|<script>|javascript:"
        )
        assert [] == [(path.name, found) for path in own for found in forbidden.findall(path.read_text())]

    def test_no_other_host(self) -> None:
        """No file of the page names another host: only its origin, where vendored, and SVG's vocabulary."""
        found = {
            address
            for path in sorted(FOLDER.rglob("*"))
            if path.suffix in {".js", ".html", ".css"}
            for address in re.findall(r"https?://[^\s\"')]+", path.read_text())
        }
        assert {"http://www.w3.org/2000/svg", "https://github.com/leeoniya/uPlot"} == found

    def test_vendored(self) -> None:
        """Vendored files are what their README says."""
        folder = FOLDER / "vendor"
        listed = re.findall(r"^([0-9a-f]{64})  (\S+)$", (folder / "README.md").read_text(), re.MULTILINE)
        there = [
            (hashlib.sha256(path.read_bytes()).hexdigest(), path.name)
            for path in sorted(folder.iterdir())
            if path.name != "README.md"
        ]
        assert there == sorted(listed, key=lambda entry: entry[1])


class TestRequests:
    def test_its_server_only(self, page: Page) -> None:
        """Everything that a whole visit asks for is its server's, below the address of the page."""
        for view in ("", "#/keys", f"#/key/{BUSY}", "#/me"):
            page.open(view)
        asked = [url for url in page.requests() if not url.startswith(("data:", "about:"))]
        assert len(asked) > 20
        assert [] == [url for url in asked if not url.startswith(page.url)]

    def test_unchanged(self, page: Page) -> None:
        """What has not changed is not sent again: the second look has status 304, and still shows."""
        page.open(f"#/key/{BUSY}")
        shown = page.field("requests")
        before = page.text("#updated")
        page.chrome.execute_async_script("setTimeout(arguments[0], 1100)")
        page.look_again()
        page.wait(lambda: page.text("#updated") != before, "a second look")
        assert shown == page.field("requests")
        statuses = page.run(
            "return performance.getEntriesByType('resource').filter(e => e.name.includes('/usage'))"
            ".map(e => e.responseStatus)"
        )
        assert 304 in statuses
