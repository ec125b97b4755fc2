"""What a customer sees of their own key."""

from __future__ import annotations

import pytest

from tests.dashboard.conftest import BUSY, IDLE
from tests.dashboard.page import Page
from tests.dashboard.world import World
from tests.factories import line


def signed_in(page: Page, key: str = BUSY) -> Page:
    """The page of a customer who has put in a key."""
    page.open("#/me")
    page.sign_in(key)
    page.one("[data-field=requests]")
    return page


def texts(rows: list[list[str]]) -> list[list[str]]:
    """The texts of cells, with spaces in place of those that do not break."""
    return [[cell.replace("\u00a0", " ") for cell in row] for row in rows]


class TestNumbers:
    def test_totals(self, world: World, page: Page) -> None:
        """Calls, errors and bytes are those of the API."""
        signed_in(page)
        totals = world.ask("me/usage", BUSY)["totals"]
        assert f"{totals['requests']:,}" == page.field("requests")
        assert page.field("billable").startswith(f"{totals['billable']:,} billable · answered in 50 ms")
        assert f"{totals['errors']:,} calls answered with status 400 or above" == page.field("errors")
        assert f"{100 * totals['errors'] / totals['requests']:.3g} %" == page.field("errorShare")
        assert f"{totals['response_bytes'] / 1000:.3g} kB" == page.field("responseBytes")

    def test_days(self, world: World, page: Page) -> None:
        """The table behind the chart has every day so far, those without calls too."""
        signed_in(page)
        parts = {part["period"]: part["requests"] for part in world.ask("me/usage", BUSY)["parts"]}
        expected = [[f"{day} November 2026", str(parts.get(f"2026-11-{day:02d}", 0))] for day in range(1, 25)]
        assert expected == page.cells("dayRows")

    def test_hours(self, world: World, page: Page) -> None:
        """And the other one the hours of today."""
        signed_in(page)
        parts = {p["period"][-2:]: p["requests"] for p in world.ask("me/usage/2026-11-24", BUSY)["parts"]}
        rows = page.cells("hourRows")
        assert 24 == len(rows)
        assert parts == {name[:2]: int(calls) for name, calls in rows if calls != "0"}

    def test_charts(self, page: Page) -> None:
        """Both are drawn, and reported in words."""
        signed_in(page)
        widths = page.run("return [...document.querySelectorAll('.chart canvas')].map(c => c.clientWidth)")
        assert 2 == len(widths)
        assert all(width > 300 for width in widths)
        assert page.field("daySummary").startswith("Calls in 24 days, most of them on ")
        assert page.field("hourSummary").startswith("24 November 2026: 5 in all.")

    def test_quota(self, world: World, page: Page) -> None:
        """Each limit is a meter with the API's numbers, also in words, and says when it begins anew: those of
        the key, then those that its account has for all of its keys.
        """
        signed_in(page)
        quota = world.ask("me/quota", BUSY)
        limits = [*quota["limits"], *quota["account"]["limits"]]
        assert (3, 1) == (len(quota["limits"]), len(quota["account"]["limits"]))
        assert "all keys of acme" in page.text(".limit:nth-child(4)")
        meters = page.run(
            "return [...document.querySelectorAll('[role=meter]')].map(m => [m.ariaValueNow, m.ariaValueMax,"
            "m.ariaValueText])"
        )
        assert [[str(one["used"]), str(one["amount"])] for one in limits] == [meter[:2] for meter in meters]
        assert f"{limits[0]['used']} of 200 used ({limits[0]['used'] / 2:.3g} %)" == meters[0][2]
        assert "resets in 6 days 4 h: 1 December 2026, 00:00 UTC" in page.text(".limit:nth-child(1)")
        assert "resets in 4 h 59 min: 25 November 2026, 00:00 UTC" in page.text(".limit:nth-child(2)")

    def test_projection(self, world: World, page: Page) -> None:
        """By the mean of the last seven complete days, 5 calls, for the 6 days and 5 hours that are left."""
        signed_in(page)
        so_far = world.ask("me/usage", BUSY)["totals"]["requests"]
        assert str(round(so_far + 5 * (6 + 5 / 24 + 1 / 1440))) == page.field("projected")
        assert "5.0 calls a day" in page.field("pace")

    def test_completeness(self, page: Page) -> None:
        """Until when the numbers are complete, and when they were read, by the server's clock."""
        signed_in(page)
        assert "Up to date as of 19:00:03 UTC." == page.text("#completeness")
        assert page.text("#updated").startswith("Updated 19:00:")


class TestPeriods:
    def test_month_before(self, world: World, page: Page) -> None:
        """October has two days with calls, no projection, and is in the address."""
        signed_in(page)
        page.one("[aria-label='Month before']").click()
        october = world.ask("me/usage/2026-10", BUSY)["totals"]
        page.await_field("callsTitle", "Calls in October 2026")
        assert str(october["requests"]) == page.field("requests")
        assert "the month is over" == page.field("pace")
        assert page.run("return location.hash") == "#/me?month=2026-10"
        assert "Fri 30 Oct" in page.text("[data-field=day]")

    def test_day(self, page: Page) -> None:
        """Picking a day shows its hours; the browser goes back to the day before it."""
        signed_in(page)
        page.one("[aria-label='Day before']").click()
        page.wait(lambda: page.field("hourCaption").startswith("Calls by hour on 23 November"), "the 23rd")
        assert "#/me?day=2026-11-23" == page.run("return location.hash")
        page.chrome.back()
        page.wait(lambda: page.field("hourCaption").startswith("Calls by hour on 24 November"), "the 24th")

    def test_linked_period(self, page: Page) -> None:
        """An address with a month and a day opens there."""
        page.open("#/me?month=2026-10&day=2026-10-31")
        page.sign_in(BUSY)
        page.await_field("callsTitle", "Calls in October 2026")
        assert page.field("hourCaption").startswith("Calls by hour on 31 October 2026")

    def test_no_future(self, page: Page) -> None:
        """After the current month and day there is nothing to step to."""
        signed_in(page)
        disabled = page.run(
            "return [...document.querySelectorAll('[aria-disabled=true]')].map(b => b.ariaLabel)"
        )
        assert ["Month after", "Day after"] == disabled


class TestForgotten:
    """The key is forgotten after an hour in which nobody uses the page, although it refreshes itself."""

    AGE = "sessionStorage.setItem('usage-meter.key-used', Date.now() - arguments[0])"
    LOOK = "document.dispatchEvent(new Event('visibilitychange'))"
    STORED = "return Object.keys(sessionStorage).filter(name => name.includes('key'))"

    def test_forgotten(self, page: Page) -> None:
        """Nothing of it is left: neither on the page nor in the browser."""
        signed_in(page)
        page.run(self.AGE, 3_600_000)
        page.run(self.LOOK)
        page.wait(lambda: page.find("#api-key"), "the field for a key")
        assert "Your key was removed" in page.field("problem")
        assert [] == page.run(self.STORED)

    def test_used(self, page: Page) -> None:
        """A touch or a key keeps it for another hour."""
        signed_in(page)
        page.run(self.AGE, 3_590_000)
        page.one("main h1").click()
        age = page.run("return Date.now() - Number(sessionStorage.getItem('usage-meter.key-used'))")
        assert age < 60_000
        page.run(self.LOOK)
        assert page.find("#api-key") is None


@pytest.mark.exhaustive
class TestLive:
    def test_new_call(self, world: World, page: Page) -> None:
        """A call that is made now is on the page in seconds, without a reload; focus, scroll and open tables
        stay as they are.
        """
        key = "f0f0f0f0f0"
        world.log([call_now(world, key, 1)])
        page.open(f"#/key/{key}", height=600)
        page.await_field("requests", "1")
        page.run("window.isStillHere = true; document.querySelector('details').open = true; scrollTo(0, 400)")
        page.run("document.querySelector('[data-field=day]').focus({preventScroll: true})")
        scrolled = page.run("return scrollY")
        world.log([call_now(world, key, number) for number in (2, 3)])
        page.await_field("requests", "3")
        assert page.run("return window.isStillHere")
        assert "Day" == page.focused()
        assert scrolled == page.run("return scrollY") > 0
        assert page.run("return document.querySelector('details').open")

    def test_pause(self, page: Page) -> None:
        """While updates are paused nothing is asked for."""
        signed_in(page)
        page.one("#pause").click()
        assert "true" == page.one("#pause").get_attribute("aria-pressed")
        page.requests()
        page.chrome.execute_async_script("setTimeout(arguments[0], 5500)")
        assert [] == page.requests()


class TestKey:
    def test_refused(self, page: Page) -> None:
        """A key that is not accepted is not kept, and the page says so where one puts in another."""
        page.answer({"me/usage": {"status": 403, "body": {"message": "Forbidden"}}})
        page.open("#/me")
        page.sign_in("wrong")
        page.one("#key-problem")
        assert page.text("#key-problem").startswith("The key was not accepted.")
        assert page.run("return sessionStorage.length") == 0
        assert page.run("return document.activeElement.id") == "api-key"

    def test_no_key(self, page: Page) -> None:
        """What cannot be a key is not even sent."""
        page.open("#/me")
        page.requests()
        page.sign_in("schlüssel")
        assert page.one("#key-problem").text.startswith("This is not an API key")
        assert [] == page.requests()

    def test_sign_out(self, page: Page) -> None:
        """Nothing of the key or its usage stays."""
        signed_in(page)
        assert BUSY == page.run("return sessionStorage.getItem('usage-meter.key')")
        page.one("[data-field=signOut]").click()
        page.one("#api-key")
        assert [0, 0] == page.run("return [sessionStorage.length, localStorage.length]")
        assert "" == page.one("#api-key").get_attribute("value")

    def test_next_customer(self, page: Page) -> None:
        """Another key in the same tab sees its own usage."""
        signed_in(page)
        page.one("[data-field=signOut]").click()
        page.sign_in(IDLE)
        page.await_field("requests", "0")

    def test_never_in_address(self, page: Page) -> None:
        """The key is in no address, which browsers and servers write down."""
        signed_in(page)
        assert [] == [url for url in page.requests() if BUSY in url]

    def test_no_calls(self, page: Page) -> None:
        """A key without calls and plan gets sentences, no broken numbers."""
        signed_in(page, IDLE)
        assert page.field("nothing").startswith("No calls are counted yet this month.")
        assert ["0", "–", "–", "0 bytes"] == [
            page.field(name) for name in ("requests", "projected", "errorShare", "responseBytes")
        ]
        assert page.field("noLimits").startswith("No limit holds. Counters reset 1 December 2026")
        assert "NaN" not in page.text("main")


def call_now(world: World, key: str, number: int) -> str:
    """The line of a call at the cloud's time."""
    now = int(world.cloud.clock.now().timestamp() * 1000)
    return line(extendedRequestId=f"{key}{number:05x}=", apiKeyId=key, requestTimeEpoch=str(now))


class TestBreakdown:
    def test_by_endpoint_and_status(self, world: World, page: Page) -> None:
        """As the API has it, with the time up to which it was counted: 5 calls on each of 23 days."""
        signed_in(page)
        answer = world.ask("me/breakdown", BUSY)
        assert 23 * 5 == sum(one["requests"] for one in answer["endpoints"])
        assert [
            ["GET /orders/{id}", "69", "0", "0.00 %"],
            ["POST /orders", "46", "23", "50.0 %"],
        ] == texts(page.cells("endpoints"))
        assert [
            ["200, success", "69", "60.0 %"],
            ["201, success", "23", "20.0 %"],
            ["500, error of the API", "23", "20.0 %"],
        ] == texts(page.cells("statuses"))
        assert "Up to 24 November 2026, 06:00 UTC" == page.field("breakdownUntil")

    def test_not_counted(self, page: Page) -> None:
        """A month that was not counted by endpoint says so."""
        page.open(f"#/key/{BUSY}?month=2026-10")
        page.one("[data-field=breakdownNote]")
        assert page.field("breakdownNote").startswith("Not counted by endpoint yet")


class TestInvoices:
    def test_list_and_document(self, world: World, page: Page) -> None:
        """As the API has it; the document is saved as it was issued."""
        signed_in(page)
        [invoice] = world.ask("me/invoices", BUSY)["invoices"]
        amount = f"{invoice['amount_due']} EUR"
        assert ["October 2026", "Invoice", "–", "–", amount] == page.cells("invoices")[0][:5]
        page.run(
            "window.saved = []; URL.createObjectURL = (blob) => {"
            "blob.text().then((text) => saved.push(text)); return '#/me'; };"
        )
        page.one("[data-field=invoices] [data-field=page]").click()
        [saved] = page.wait(lambda: page.run("return saved"), "a document")
        assert saved.startswith("<!DOCTYPE html>")
        assert "October 2026" in saved

    def test_none(self, page: Page) -> None:
        """Whoever has none reads that."""
        signed_in(page, IDLE)
        page.wait(lambda: page.field("invoicesNote") == "No invoice was issued yet.", "the note")


class TestComparison:
    def test_same_days(self, world: World, page: Page) -> None:
        """The complete days of this month beside the same days of the one before."""
        signed_in(page)
        now = world.ask("me/usage?from=2026-11-01&to=2026-11-23", BUSY)["totals"]
        assert ["Calls", str(now["requests"]), "0", "–"] == page.cells("comparisonRows")[0]
        assert "1–23 Nov" == page.field("comparisonNow")
        assert "1–23 Oct" == page.field("comparisonBefore")


class TestTimeZone:
    CHOOSE = (
        "const z = document.getElementById('zone'); z.value = 'local'; z.dispatchEvent(new Event('change'))"
    )

    def test_own_zone(self, page: Page) -> None:
        """Times are in UTC until one chooses one's own zone: then times, not days, are moved. It is kept."""
        until = "Up to 24 November 2026, 11:30 GMT+5:30"
        page.zone("Asia/Kolkata")
        signed_in(page)
        assert "Up to date as of 19:00:03 UTC." == page.text("#completeness")
        page.run(self.CHOOSE)
        page.await_field("breakdownUntil", until)
        page.wait(lambda: "00:30:03 GMT+5:30" in page.text("#completeness"), "the time there")
        assert ["14:30–15:30", "1"] == page.cells("hourRows")[9]
        assert "Calls by hour on 24 November 2026 of UTC, times in GMT+5:30" == page.field("hourCaption")
        assert "24 November 2026" == page.cells("dayRows")[-1][0]
        page.chrome.refresh()
        page.await_field("breakdownUntil", until)


class TestPast:
    def test_limits(self, page: Page) -> None:
        """Limits of a past month are those of today, and grey."""
        page.open(f"#/key/{BUSY}?month=2026-10")
        page.one(".limits.past")
        assert "Plan pro: limits of today, not of October 2026" == page.field("plan")


class TestDownload:
    def test_csv(self, page: Page) -> None:
        """Each table can be saved as the API's own CSV, asked for with the customer's key."""
        signed_in(page)
        page.run(
            "window.saved = []; URL.createObjectURL = (blob) => {"
            "blob.text().then((text) => saved.push(text)); return '#/me'; };"
        )
        buttons = ("saveDays", "saveHours", "saveCost", "saveBreakdown")
        for name in buttons:
            page.one(f"[data-field={name}]").click()
        saved = page.wait(
            lambda: found if len(found := page.run("return saved")) == len(buttons) else None, "four files"
        )
        heads = {text.lstrip("\ufeff").split("\r\n")[0].split("\n")[0] for text in saved}
        assert {
            "key,period,requests",
            "key,month,method,route,status,requests",
            "key,account,month,line,quantity,to_date,projected,currency,unknown_sizes",
        } < heads
        assert all(BUSY in text for text in saved)

    def test_refused(self, page: Page) -> None:
        """What cannot be saved is said."""
        signed_in(page)
        page.run('window.fetch = async () => new Response(\'{"detail": "Too many"}\', {status: 429})')
        page.one("[data-field=saveDays]").click()
        page.one("[data-field=problem]")
        assert "calls-by-day-2026-11.csv cannot be downloaded: Too many" == page.field("problem")


class TestCost:
    def test_cost_so_far(self, world: World, page: Page) -> None:
        """By line, as the API has it, marked as not proven; a month that is over has an invoice instead."""
        signed_in(page)
        cost = world.ask("me/cost", BUSY)
        assert not cost["proven"]
        page.one("[data-field=cost]:not([hidden])")
        assert f"Cost so far: {cost['to_date']} EUR" == page.field("costTitle")
        [line] = cost["lines"]
        expected = [f"{line['quantity']:,}", cost["to_date"], cost["projected"]]
        assert [["requests", *expected], ["Together", "", *expected[1:]]] == page.cells("costRows")
        assert page.field("costNote").startswith("Not final: ")
        page.open("#/me?month=2026-10")
        assert page.wait(
            lambda: page.run("return document.querySelector('[data-field=cost]')?.hidden"), "no cost"
        )
