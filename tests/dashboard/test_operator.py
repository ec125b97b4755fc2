"""What an operator sees: the meter's health, the heaviest keys, any key."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from selenium.webdriver import Chrome, Keys
from selenium.webdriver.support.select import Select

from local_cloud.api_gateway.http_front import Access
from local_cloud.api_gateway.lookup_server import LookUpServer
from metering.quotas.plan import Assignment
from tests.dashboard.conftest import BUSY, IDLE, MARKUP
from tests.dashboard.page import Page
from tests.dashboard.world import World, in_path


class TestHealth:
    def test_numbers(self, world: World, page: Page) -> None:
        """Status, reserved counts, shards and problems are those of the API."""
        page.open()
        health = world.ask("health")
        assert "Overview" == page.text("main h1")
        assert ("ok", "Counting") == (health["status"], page.field("status"))
        for outcome, totals in health["reserved"].items():
            assert str(totals["requests"]) == page.field(outcome)
        assert [shard["shard"] for shard in health["shards"]] == [row[0] for row in page.cells("shards")]
        assert health["problems"] == page.run(
            "return [...document.querySelectorAll('[data-field=problems] li')].map(item => item.textContent)"
        )

    @pytest.mark.parametrize(
        ("status", "badge"), [("behind", "Behind"), ("stopped", "Stopped"), ("unknown", "Not known yet")]
    )
    def test_trouble(self, page: Page, status: str, badge: str) -> None:
        """Each state of the meter has a word, and what to do about it is there as the API says it."""
        body = {"status": status, "problems": ["Look <b>here</b>."], "complete_through": None}
        page.answer({"health": {"status": 200, "body": body}})
        page.open()
        assert badge == page.one(".badge").text
        assert "Look <b>here</b>." == page.one(".problems li").text
        assert page.text("#completeness").startswith("How complete the figures are is not known yet")


class TestHops:
    def test_each(self, world: World, page: Page) -> None:
        """Each hop of a call's way, in order, with the state and sentence of the API."""
        page.open()
        hops = world.ask("health")["hops"]
        assert 5 == len(hops)
        shown = page.run(
            "return [...document.querySelectorAll('.hop')].map(hop => ['name', 'sentence'].map("
            "field => hop.querySelector(`[data-field=${field}]`).textContent))"
        )
        assert [[f"{hop['begin']} → {hop['end']}", hop["sentence"]] for hop in hops] == shown
        states = page.run("return [...document.querySelectorAll('.hop-state')].map(one => one.dataset.state)")
        assert [hop["state"] for hop in hops] == states


class TestAllCalls:
    def test_totals(self, world: World, page: Page) -> None:
        """Calls, share of errors, growth, and up to when that is complete: as the API adds them up, which is
        what the counters of all keys hold.
        """
        page.open()
        traffic = world.ask("traffic?period=2026-11")
        keys = [world.ask(f"keys/{in_path(key)}/usage/2026-11")["totals"] for key in (BUSY, MARKUP, "-")]
        assert [sum(one[name] for one in keys) for name in ("requests", "errors")] == [
            traffic["calls"],
            traffic["errors"],
        ]
        page.await_field("allCalls", f"{traffic['calls']:,}")
        assert ("1", "Against October 2026") == (page.field("withoutKey"), page.field("growthTitle"))
        assert "–" == page.field("growth")  # of nothing there is no percentage
        note = f"{traffic['comparison']['calls']} calls up to 24 November 2026, 18:00 UTC; 0 in the same days"
        assert f"{note} and hours of October 2026." == page.field("growthNote")
        assert "once an hour" in page.field("trafficUntil")

    def test_days_and_hours(self, page: Page) -> None:
        """Both charts are tables, too, with the errors of each; a day is picked, and is in the address."""
        page.open("#/overview?day=2026-11-23")
        page.run("document.querySelectorAll('details').forEach(one => { one.open = true; })")
        days = {row[0]: row[1:] for row in page.cells("dayRows")}
        assert ["5", "1", "20.0 %"] == days["23 November 2026"]
        assert 24 == len(days)
        hours = {row[0]: row[1:] for row in page.cells("hourRows")}
        assert (["1", "1", "100 %"], ["0", "0", "–"]) == (hours["12:00–13:00"], hours["14:00–15:00"])
        page.one("[aria-label='Day before']").click()
        page.wait(lambda: page.field("hourSummary").startswith("22 November 2026"), "the day before")
        assert "day=2026-11-22" in page.run("return location.hash")

    def test_routes(self, page: Page) -> None:
        """The most called first, and up to when they are counted."""
        page.open()
        assert ["GET /orders/{id}", "POST /orders"] == [row[0] for row in page.cells("routeRows")][:2]
        assert "24 November 2026, 06:00 UTC" in page.field("routeCaption")

    def test_unreadable(self, page: Page) -> None:
        """Lines that could not be read are there by reason, with what to do."""
        page.open()
        ((reason, lines, advice),) = page.cells("unreadableRows")
        assert ("Not JSON, and not in another form that is known.", "1") == (reason, lines)
        assert "usage-meter connect" in advice

    def test_not_added_up(self, page: Page) -> None:
        """A month that nobody added up says so, and shows no zeros as facts."""
        page.open("#/overview?month=2026-08")
        page.await_field("allCalls", "–")
        assert page.field("trafficUntil").startswith("Not added up yet")
        assert page.field("noRoutes").startswith("Not counted by route yet")


class TestTopKeys:
    def test_numbers(self, world: World, page: Page) -> None:
        """The keys, in the order and with the totals of the API."""
        page.open()
        top = world.ask("top?period=2026-11&metric=requests&limit=20")
        assert BUSY == top["keys"][0]["key"]
        shown = [(row[0], row[1], row[2], row[3]) for row in page.cells("topRows")]
        totals = [(entry["key"], entry["totals"]) for entry in top["keys"]]
        assert shown == [
            (key, *(f"{one[metric]:,}" for metric in ("requests", "billable", "errors")))
            for key, one in totals
        ]

    def test_sorting(self, world: World, page: Page) -> None:
        """A column's heading sorts by it, and says so."""
        page.open()
        page.one("th:nth-child(4) .sort").click()
        page.wait(lambda: "by errors" in page.field("topCaption").lower(), "the order by errors")
        orders = page.run(
            "return [...document.querySelectorAll('[data-field=topHead] th')].map(head => head.ariaSort)"
        )
        assert [None, "none", "none", "descending", None, "none", "none", None] == orders
        top = world.ask("top?period=2026-11&metric=errors&limit=20")
        assert [entry["key"] for entry in top["keys"]] == [row[0] for row in page.cells("topRows")]

    def test_month_and_number(self, page: Page) -> None:
        """The month and the number of keys can be picked, and are in the address."""
        page.open()
        Select(page.one("[data-field=limit]")).select_by_visible_text("50")
        page.one("[aria-label='Month before']").click()
        page.wait(lambda: "in October 2026" in page.field("topCaption"), "October")
        hash_ = page.run("return location.hash")
        assert "#/overview?month=2026-10&metric=requests&limit=50" == hash_

    def test_open_key(self, page: Page) -> None:
        """A key in the table leads to its usage in the same month."""
        page.open("#/overview?month=2026-10")
        page.one("[data-field=topRows] a").click()
        page.await_field("callsTitle", "Calls in October 2026")
        assert BUSY == page.text("main h1")


class TestKeys:
    def test_list(self, world: World, page: Page) -> None:
        """All keys with a plan, in the API's order."""
        page.open("#/keys")
        keys = world.ask("keys?limit=50")["keys"]
        expected = [[one["key"], one["plan"], one["account"] or "–", "–", one["status"]] for one in keys]
        assert expected == page.cells("rows")

    def test_pages(self, world: World, page: Page) -> None:
        """More keys are on a next page, and a page before leads back."""
        for number in range(60):
            world.plans.assign(Assignment(f"many-{number:02d}", "pro"))
        page.open("#/keys")
        first = page.cells("rows")
        assert (50, "Page 1") == (len(first), page.field("page"))
        assert "true" == page.one("[data-field=before]").get_attribute("aria-disabled")
        page.one("[data-field=after]").click()
        page.await_field("page", "Page 2")
        assert "many-59" == max(row[0] for row in page.cells("rows"))
        page.one("[data-field=before]").click()
        page.await_field("page", "Page 1")
        assert first == page.cells("rows")

    def test_two_thousand(self, page: Page) -> None:
        """However many keys there are, a page renders 50 rows, by two requests; and
        `tests/adapters/dynamodb/test_plans.py` shows that the table gets no more requests for them.
        """
        keys = [{"key": f"k{n}", "plan": "pro", "account": "", "status": "active"} for n in range(50)]
        page.answer({"keys": {"status": 200, "body": {"keys": keys, "next": "more"}}})
        page.requests()
        page.open("#/keys")
        asked = [url.removeprefix(page.url) for url in page.requests() if "/assets/" not in url]
        assert 50 == len(page.cells("rows"))
        assert ["health", "health", "keys?limit=50"] == sorted(url for url in asked if url[:1] in {"h", "k"})

    def test_search(self, page: Page) -> None:
        """Keys are found by the beginning of an id and by their account, and the search is in the address; a
        key that no plan knows is opened by its id.
        """
        page.open("#/keys")
        page.one("#find").send_keys("ACM" + Keys.ENTER)
        page.wait(lambda: page.find("[data-field=noKeys]:not([hidden])"), "that nothing is found")
        page.one("#find").clear()
        page.one("#find").send_keys("acme")
        page.one(".finder button").click()
        page.wait(lambda: "acme" in page.field("caption"), "what was found")
        assert ("#/keys?find=acme", [BUSY]) == (
            page.run("return location.hash"),
            [row[0] for row in page.cells("rows")],
        )
        page.open(f"#/keys?find={IDLE}")
        page.one("[data-field=open]").click()
        page.wait(lambda: page.text("main h1") == IDLE, "the key without a plan")

    def test_open_by_id(self, world: World, page: Page) -> None:
        """Any key is opened by its id from the overview, and looks as to its customer."""
        page.open("#/overview")
        page.one("#key-id").send_keys(BUSY)
        page.one(".finder button").click()
        page.one("[data-field=callsTitle]")
        assert str(world.ask(f"keys/{BUSY}/usage")["totals"]["requests"]) == page.field("requests")


class TestDenied:
    @pytest.fixture
    def customers_page(self, world: World, chrome: Chrome) -> Iterator[Page]:
        """The page as API Gateway serves it to a browser, which signs nothing."""
        with LookUpServer(world.cloud, access=Access(signature="AWS4-HMAC-SHA256 of an operator")) as server:
            page = Page(chrome, server.url)
            yield page
            page.close()
            assert all("403" in complaint for complaint in page.complaints())

    def test_way_out(self, customers_page: Page) -> None:
        """It has no operator's views, and says how an operator gets them."""
        page = customers_page
        page.open()
        assert "See your usage" == page.text("main h1")
        assert "usage-meter dashboard" in page.field("operator")
        assert ["My usage"] == [
            link.text for link in page.one("nav").find_elements("css selector", "a") if link.text
        ]

    def test_customer_all_the_same(self, customers_page: Page) -> None:
        """A customer's own usage is there."""
        customers_page.open()
        customers_page.sign_in(BUSY)
        customers_page.one("[data-field=requests]")

    def test_linked_view(self, customers_page: Page) -> None:
        """A link to an operator's view ends in an explanation."""
        customers_page.open(f"#/key/{BUSY}")
        customers_page.wait(lambda: customers_page.text("main h1") == "Not for this browser", "the refusal")
        assert BUSY not in customers_page.text("main")
