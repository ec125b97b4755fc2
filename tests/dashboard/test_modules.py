"""The page's own arithmetic and wording, module by module."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest

from metering.visible_text import visible
from tests.dashboard.page import Page

ALL_SPELLED_OUT = r"""(visible) => {
  const found = [];
  for (let number = 0; number < 0x110000; number++) {
    const text = String.fromCodePoint(number);
    if (!/[\p{Cn}\p{Co}\p{Cs}]/u.test(text) && visible(text) !== text) found.push([number, visible(text)]);
  }
  return found;
}"""


@pytest.fixture
def modules(page: Page) -> Page:
    """The page, with its modules at hand. It is loaded once: they keep nothing."""
    if not page.chrome.current_url.startswith(page.url):
        page.open("#/me")
    return page


def usage(days: dict[int, int], month: str = "2026-11") -> dict[str, Any]:
    """The answer for a month with these calls on its days."""
    requests = sum(days.values())
    return {
        "period": month,
        "begins_at": "2026-11-01T00:00:00Z",
        "ends_at": "2026-12-01T00:00:00Z",
        "totals": {"requests": requests},
        "parts": [{"period": f"{month}-{day:02d}", "requests": calls} for day, calls in days.items()],
    }


def projection(page: Page, days: dict[int, int], now: str) -> Any:
    """What a month with these calls is projected to at a time."""
    return page.module("projection.js", "m.project(a[0], new Date(a[1]))", usage(days), now)


class TestVisible:
    def test_as_everywhere(self, modules: Page) -> None:
        """Every character is shown as on other pages and on the terminal, but for those that only one of the
        two versions of Unicode has assigned.
        """
        found = dict(modules.module("dom.js", f"({ALL_SPELLED_OUT})(m.visible)"))
        expected = {
            number: visible(chr(number))
            for number in range(0x110000)
            if unicodedata.category(chr(number)) not in ("Cn", "Co", "Cs")
            and visible(chr(number)) != chr(number)
        }
        assert expected == {
            number: shown for number, shown in found.items() if unicodedata.category(chr(number)) != "Cn"
        }

    @pytest.mark.parametrize(
        ("text", "shown"),
        [
            ("acme\u202e", r"acme\u202e"),
            ("\x1b[2J", r"\x1b[2J"),
            ("a\tb\nc\rd", r"a\tb\nc\rd"),
            ("\U000e0001\U0010ffff", r"\U000e0001\U0010ffff"),
            ("two words, 店", "two words, 店"),
        ],
    )
    def test_spelled_out(self, modules: Page, text: str, shown: str) -> None:
        """As Python would write it."""
        assert shown == visible(text) == modules.module("dom.js", "m.visible(a[0])", text)


class TestProjection:
    def test_last_days(self, modules: Page) -> None:
        """The last seven complete days count, whatever was before; today's calls do not raise the pace."""
        days = {3: 10_000, **dict.fromkeys(range(9, 16), 10), 16: 4}
        found = projection(modules, days, "2026-11-16T12:00:00Z")
        assert (10.0, 14.5, True) == (found["perDay"], found["restDays"], found["hasDays"])
        assert 10_074 + 145 == found["total"]

    def test_days_without_calls(self, modules: Page) -> None:
        """Such a day is a day with none."""
        assert 1.0 == projection(modules, {14: 7}, "2026-11-15T00:00:00Z")["perDay"]

    def test_young_month(self, modules: Page) -> None:
        """Before there are seven days, the month so far is the pace."""
        found = projection(modules, {1: 10, 2: 5}, "2026-11-02T12:00:00Z")
        assert (10.0, False, 15 + 285) == (found["perDay"], found["hasDays"], found["total"])

    @pytest.mark.parametrize(
        "now",
        ["2026-10-31T23:59:00Z", "2026-11-01T05:00:00Z", "2026-12-01T00:00:00Z", "2027-01-05T00:00:00Z"],
    )
    def test_nothing_to_tell(self, modules: Page, now: str) -> None:
        """Before a quarter of a day has passed, and when the month is over, there is none."""
        assert projection(modules, {1: 10}, now) is None

    def test_no_calls(self, modules: Page) -> None:
        """Of nothing there is no pace."""
        assert projection(modules, {}, "2026-11-16T12:00:00Z") is None

    @pytest.mark.parametrize(
        ("amount", "span", "expected"),
        [
            (1000, "month", {"total": 200, "reachedInDays": None}),
            (150, "month", {"total": 200, "reachedInDays": 5}),
            (100, "month", {"total": 200, "reachedInDays": None}),
            (150, "day", None),
        ],
    )
    def test_limits(self, modules: Page, amount: int, span: str, expected: dict[str, Any] | None) -> None:
        """A limit of the month is reached when the pace, in its own metric, has used up what is left. Of the
        key's 200 calls, 100 count for the limit.
        """
        limit = {"span": span, "amount": amount, "used": 100, "remaining": amount - 100}
        pace = {"perDay": 20, "restDays": 10}
        script = "m.projectLimit(a[0], a[1], a[2])"
        assert expected == modules.module("projection.js", script, limit, usage({1: 200}), pace)


class TestFormats:
    @pytest.mark.parametrize(
        ("expression", "expected"),
        [
            ("count(1234567)", "1,234,567"),
            ("bytes(0)", "0 bytes"),
            ("bytes(1)", "1 byte"),
            ("bytes(999)", "999 bytes"),
            ("bytes(1000)", "1 kB"),
            ("bytes(999999)", "1 MB"),
            ("bytes(1234567890)", "1.23 GB"),
            ("share(0, 0)", "–"),
            ("share(0, 10)", "0 %"),
            ("share(1, 1000000)", "< 0.01 %"),
            ("share(1, 300)", "0.33 %"),
            ("share(1, 3)", "33.3 %"),
            ("share(2, 10)", "20 %"),
            ("share(2, 10, {inColumn: true})", "20.0 %"),
            ("share(10, 10)", "100 %"),
            ("duration(0)", "0 s"),
            ("duration(119)", "119 s"),
            ("duration(240)", "4 min"),
            ("duration(7500)", "2 h 5 min"),
            ("duration(6 * 86400)", "6 days"),
            ("shortCount(9999)", "9,999"),
            ("shortCount(1200000)", "1.2M"),
            ("limitName({metric: 'billable', span: 'month'})", "Billable calls a month"),
        ],
    )
    def test_texts(self, modules: Page, expression: str, expected: str) -> None:
        """Numbers read the same everywhere."""
        found = modules.module("format.js", f"m.{expression}")
        assert expected == found.replace("\u00a0", " ")


class TestPeriods:
    def test_days(self, modules: Page) -> None:
        """Months have their days, in a leap year too."""
        lengths = modules.module(
            "periods.js", "['2026-11', '2028-02', '2026-12'].map(x => m.daysOf(x).length)"
        )
        assert [30, 29, 31] == lengths

    def test_steps(self, modules: Page) -> None:
        """A step crosses the year."""
        assert "2027-01" == modules.module("periods.js", "m.monthAfter('2026-12', 1)")
        assert "2025-12" == modules.module("periods.js", "m.monthAfter('2026-01', -1)")

    def test_history(self, modules: Page) -> None:
        """Two years back, and a month that is older where it is asked for."""
        months = modules.module("periods.js", "m.monthsBack('2026-11', '2020-01')")
        assert ("2026-11", "2024-11", "2020-01") == (months[0], months[24], months[25])


class TestRoutes:
    @pytest.mark.parametrize(
        "address",
        [
            "#/me",
            "#/me?month=2026-10&day=2026-10-31",
            "#/key/a%2Fb%3Fc%23d?day=2026-11-05",
            "#/overview?metric=errors&limit=50",
        ],
    )
    def test_there_and_back(self, modules: Page, address: str) -> None:
        """What an address names makes the same address."""
        assert address == modules.module("routes.js", "m.routeHash(m.parseRoute(a[0]))", address)

    @pytest.mark.parametrize(
        "address",
        [
            "",
            "#",
            "#/",
            "#/nothing",
            "#content",
            "#/me/../keys?month=2026-13&day=2026-02-31T&metric=cost&limit=7",
        ],
    )
    def test_nonsense(self, modules: Page, address: str) -> None:
        """What makes no sense is left out."""
        found = modules.module("routes.js", "m.parseRoute(a[0])", address)
        assert {None} == {value for name, value in found.items() if name != "view"}
        assert found["view"] in {None, "me"}
