"""What the page shows while it waits, and when the look-up API does not answer as it should."""

from __future__ import annotations

from typing import Any

import pytest

from tests.dashboard.conftest import BUSY
from tests.dashboard.page import Page

USAGE = f"keys/{BUSY}/usage"
QUOTA = f"keys/{BUSY}/quota"
VIEW = f"#/key/{BUSY}"


def unavailable(**headers: str) -> dict[str, Any]:
    """The API's answer when DynamoDB does not answer."""
    return {
        "status": 503,
        "headers": headers,
        "body": {"title": "Service Unavailable", "status": 503, "detail": "The counters cannot be read now."},
    }


def wait_for_view(page: Page) -> None:
    """Load the view without waiting for a heading, which needs an answer."""
    page.chrome.get("about:blank")
    page.chrome.get(page.url + VIEW)


class TestNoAnswer:
    def test_at_first(self, page: Page) -> None:
        """The reason, and when it tries again; and it says that it is asking until it knows better."""
        page.answer({USAGE: unavailable()})
        wait_for_view(page)
        page.one("#trouble")
        assert "The counters cannot be read now. Trying again in 5 s." == page.text("#trouble-text")
        assert "Asking the meter …" == page.text("main")
        assert page.text("#trouble-text") == page.text("#announcer")

    def test_later(self, page: Page) -> None:
        """Numbers from before stay, and the page says so. When the API answers again, so does that."""
        page.open(VIEW)
        shown = page.field("requests")
        page.run("window.ask = window.fetch; window.fetch = () => Promise.reject(new TypeError('no'))")
        page.look_again()
        page.one("#trouble")
        expected = "The look-up API cannot be reached. What is shown is from before. Trying again in 5 s."
        assert expected == page.text("#trouble-text")
        assert shown == page.field("requests")
        assert "unknown" == page.one("#dot").get_attribute("data-state")
        page.run("window.fetch = window.ask")
        page.one("#try-now").click()
        page.wait(lambda: page.find("#trouble") is None, "no trouble")
        assert "The look-up API responds again." == page.text("#announcer")
        assert "ok" == page.one("#dot").get_attribute("data-state")

    def test_retry_after(self, page: Page) -> None:
        """It waits as long as requested."""
        page.answer({USAGE: unavailable(**{"Retry-After": "90"})})
        wait_for_view(page)
        page.one("#trouble")
        assert page.text("#trouble-text").endswith("Trying again in 90 s.")

    def test_too_many_requests(self, page: Page) -> None:
        """API Gateway's own answer has no detail, but a message."""
        page.answer({USAGE: {"status": 429, "body": {"message": "Too Many Requests"}}})
        wait_for_view(page)
        page.one("#trouble")
        assert page.text("#trouble-text").startswith("Too Many Requests")

    def test_never_answered(self, page: Page) -> None:
        """A server that takes a request and says nothing is waited for, but not for ever."""
        page.open("#/me")
        page.run(
            "window.fetch = (path, {signal}) => new Promise((_, refuse) => "
            "signal.addEventListener('abort', () => refuse(signal.reason)))"
        )
        reported = page.module("api.js", "m.ask('health', {patienceMs: 1}).catch(error => error.message)")
        assert "The look-up API does not respond in time." == reported

    def test_access_unknown(self, page: Page) -> None:
        """Where health cannot be read, operator's views are offered all the same."""
        page.answer({"health": {"fails": True}})
        page.open("#/me")
        assert page.field("operator").startswith("Whether you may see all keys is not known")
        assert page.find("[data-view=keys]")


class TestPause:
    def test_backing_off(self, page: Page) -> None:
        """Failures in a row double the pause, up to a minute; the server may ask for more."""
        cases = [(0, None), (1, None), (2, None), (4, None), (5, None), (50, None), (1, 30)]
        page.open("#/me")
        pauses = page.module("refresher.js", "a[0].map(one => m.pause(...one))", cases)
        assert [1000 * seconds for seconds in (5, 5, 10, 40, 60, 60, 30)] == pauses


@pytest.mark.exhaustive
class TestHidden:
    def test_stops(self, page: Page) -> None:
        """A page that is not seen asks nothing; when it is seen again it looks at once."""
        page.open(VIEW)
        page.hide(is_hidden=True)
        page.requests()
        page.chrome.execute_async_script("setTimeout(arguments[0], 5500)")
        assert [] == page.requests()
        before = page.text("#updated")
        page.hide(is_hidden=False)
        page.wait(lambda: page.text("#updated") != before, "a new look")


class TestDenied:
    def test_suspended(self, page: Page) -> None:
        """A suspended key says so above its numbers."""
        page.answer({QUOTA: {"status": 200, "body": {"status": "suspended", "allowed": False}}})
        page.open(VIEW)
        assert "This key is suspended: its calls are refused." == page.one(".denial").text

    def test_used_up(self, page: Page) -> None:
        """So does one whose hard limit is used up; its bar is full."""
        numbers = {"amount": 10, "used": 12, "remaining": 0, "thresholds": [80, 100], "denies": True}
        names = {"metric": "requests", "span": "hour", "kind": "hard", "mode": "counted"}
        limit = {**names, **numbers, "resets_at": "2026-11-24T20:00:00Z"}
        page.answer({QUOTA: {"status": 200, "body": {"allowed": False, "limits": [limit]}}})
        page.open(VIEW)
        assert "a hard limit is used up" in page.one(".denial").text
        assert "12 of 10 (120 %)" == page.one(".limit-used").text
        assert "Nothing left, calls are denied" in page.one(".limit").text
        meter = page.one("[role=meter]")
        assert ("12", "12") == (meter.get_attribute("aria-valuenow"), meter.get_attribute("aria-valuemax"))


class TestCompleteness:
    @pytest.mark.parametrize(
        ("through", "state", "reported"),
        [
            ("2026-11-24T18:57:03Z", "ok", "as of 18:57:03 UTC."),
            ("2026-11-24T18:56:00Z", "behind", "Counting is 4 min behind."),
            ("2026-11-24T18:00:03Z", "stopped", "Since then, for 60 min, no call is confirmed as counted."),
            ("2026-11-20T18:00:00Z", "stopped", "as of 20 November 2026, 18:00:00 UTC."),
            (
                None,
                "unknown",
                "How complete the figures are is not known yet: the newest calls may be missing.",
            ),
        ],
    )
    def test_states(self, page: Page, through: str | None, state: str, reported: str) -> None:
        """A word and a colour for how far counting is; never more than the API says."""
        changed = {"as_of": "2026-11-24T19:00:03Z", "complete_through": through}
        page.answer({USAGE: {"status": 200, "body": changed}})
        page.open(VIEW)
        assert state == page.one("#dot").get_attribute("data-state")
        assert reported in page.text("#completeness")
