"""The report as a page."""

from __future__ import annotations

import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest

from metering.period import Period
from metering.proof.drift import Difference
from metering.usage import Usage
from reconciliation.model.report import Report
from reconciliation.report.page import POLICY, ROWS_SHOWN, compared_days, differing_days, report_page
from tests.reconciliation.report.samples import (
    HOSTILE,
    OCTOBER,
    agreeing,
    day_of_month,
    differing,
    hostile,
    refused,
    running,
)

SAMPLES = {
    "agrees": agreeing,
    "differs": differing,
    "hostile": hostile,
    "refused": refused,
    "running": running,
}
RECORDED = Path(__file__).resolve().parent / "recorded_pages"
DIGESTS = {
    "agrees": "e1663b651e8ee298de79c76b80164527ebdde0af79783f6780ad5f52079e6ee6",
    "differs": "456908d4eef2b2955460370721a66390ddbe68679e632e164230a8eccb789aa9",
    "hostile": "52bf4fdd4ad70536d88c120b30d78a72963e7d6a63302d2d36a2480900c7f58a",
    "refused": "56a5452997fd966f01cac71e71c04545491b1eb09edbfb2e5092b4ab718aa28f",
    "running": "e18beea67ad0efea3a98de42f9b88ecd0bb415624272a5d1e9848f15208fb23c",
}
VOID = {"meta", "rect", "line", "path", "circle"}


class Page(HTMLParser):
    """What a browser finds: elements, whether they are closed in order, attributes and texts."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.texts: list[str] = []
        self.feed(content.decode())
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        assert tag == self.open.pop()

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style" and data.strip():
            self.texts.append(data.strip())

    @property
    def text(self) -> str:
        return " ".join(self.texts)


def page(report: Report) -> Page:
    return Page(report_page(report))


def with_fixed_queries(report: Report) -> Report:
    """The report with queries that stay as they are when those of the meter change."""
    proofs = [
        msgspec.structs.replace(one, sql=f"SELECT '{one.name}'\nFROM calls -- <all>\n")
        for one in report.proofs
    ]
    return msgspec.structs.replace(report, proofs=proofs)


@pytest.fixture(params=list(SAMPLES))
def report(request: pytest.FixtureRequest) -> Report:
    """Each kind of report."""
    return SAMPLES[request.param]()


class TestEveryPage:
    def test_well_formed(self, report: Report) -> None:
        """Every element is closed where it should be."""
        assert [] == page(report).open

    def test_alone(self, report: Report) -> None:
        """No script, nothing from elsewhere, no style in an attribute; the browser is made to hold to it."""
        found = page(report)
        assert set() == found.tags & {"script", "link", "img", "iframe", "object", "embed", "form", "base"}
        names = {name for name, _ in found.attributes}
        assert set() == names & {"src", "srcset", "style", "action", "data"}
        assert [] == [name for name in names if name.startswith("on")]
        assert {"#day-by-day"} >= {value for name, value in found.attributes if name == "href"}
        assert ("content", POLICY) in found.attributes
        assert not re.search(rb"url\(|@import", report_page(report))

    def test_same_bytes(self, report: Report) -> None:
        """The same report gives the same page."""
        assert report_page(report) == report_page(msgspec.structs.replace(report))

    def test_recorded_bytes(self) -> None:
        """A page that was published is derived again to the last byte: a change shows here, and is meant."""
        pages = {name: report_page(with_fixed_queries(sample())) for name, sample in SAMPLES.items()}
        assert (RECORDED / "refused.html").read_text(encoding="utf-8") == pages["refused"].decode()
        assert DIGESTS == {name: hashlib.sha256(page).hexdigest() for name, page in pages.items()}

    def test_ids(self, report: Report) -> None:
        """No id twice, and what is referred to is there."""
        found = page(report)
        ids = [value for name, value in found.attributes if name == "id"]
        assert len(ids) == len(set(ids))
        named = [value for name, value in found.attributes if name == "aria-labelledby"]
        assert set(ids) >= {one for value in named if value for one in value.split()}


class TestContent:
    def test_hostile(self) -> None:
        """Whatever a key, a path or an id holds is shown as it is, and is no markup."""
        found = page(hostile())
        assert found.texts.count(HOSTILE) > 10
        assert b"<script" not in report_page(hostile())

    def test_verdict_first(self) -> None:
        """One sentence at the top says how it stands."""
        found = page(differing()).texts
        assert [
            "Reconciliation of October 2026: differs",
            "Reconciliation of October 2026",
            "differs",
        ] == found[:3]
        assert found[3].startswith("The counters and the lake of October 2026 do not hold the same")

    def test_calls(self) -> None:
        """Each call with its id, its cause, what to do and where it lies."""
        text = page(differing()).text
        assert "Lost on the way to the lake · 1 Bring the call into the lake from the log group" in text
        assert "shop 2026-10-05 14:03:59.481 LmX0kE2pIAMFb3A=" in text
        assert "s3://usage-meter-lake/lake/year=2026/month=10/day=22/meter-1-09.parquet" in text
        assert "3 calls, rows and counters and 2 repeated rows that change no figure" in text

    def test_counter(self) -> None:
        """What a counter has too much is signed."""
        assert "mobile-app 2026-10-14 the counter" in page(differing()).text
        assert "+10 requests" in page(differing()).texts

    def test_both_fingerprints(self) -> None:
        """Of each day; where they differ, both."""
        report = differing()
        found = page(report).texts
        for day, both in compared_days(report).items():
            assert day in found
            assert {str(both.counted.fingerprint), str(both.in_lake.fingerprint)} <= set(found)

    def test_proof(self) -> None:
        """Each query once, each of its runs with id, parameters and bytes."""
        report = differing()
        found = page(report).texts
        for proof in report.proofs:
            assert {proof.query_id, ", ".join(proof.parameters), f"{proof.scanned_bytes:,}"} <= set(found)
            assert 1 == found.count(proof.sql.strip())

    def test_missing(self) -> None:
        """A refused month says what is missing, and shows no totals that could be taken for some."""
        found = page(refused())
        assert set(refused().missing) <= set(found.texts)
        assert "Totals" not in found.texts

    def test_running(self) -> None:
        """The days that were not compared are said to be so."""
        found = page(running(22)).text
        assert "2026-10-23: not compared" in found
        assert "through 2026-10-22" in found

    def test_chart_in_words(self) -> None:
        """Whoever does not see the chart hears what it shows."""
        found = page(differing())
        assert ("role", "img") in found.attributes
        assert "Both sides differ on 3 days of October 2026: 5, 14 and 22." in found.texts

    def test_reserved_keys(self) -> None:
        """What a key of the meter's own stands for is said."""
        report = agreeing()
        report.differences = [Difference("!undecodable", OCTOBER, Usage(3), Usage(2))]
        assert "!undecodable (undecodable)" in page(report).text

    def test_many(self) -> None:
        """A page that can be opened, however much differs; it says where the rest is."""
        report = differing()
        report.differences = report.differences[:1] * 2_000
        report.differences_found = 120_000
        assert (
            f"The first {ROWS_SHOWN} of 120,000; report.json and differences.csv have 2,000."
            in page(report).text
        )
        report.differences_found = 2_000
        assert (
            f"The first {ROWS_SHOWN} of 2,000; report.json and differences.csv have the rest."
            in page(report).text
        )

    def test_not_looked_into(self) -> None:
        """Differences of which no call was named are not passed over."""
        report = msgspec.structs.replace(differing(), not_looked_into=7)
        assert "7 more differences were not investigated" in page(report).text


class TestDifferingDays:
    def test_sums_that_cancel_out(self) -> None:
        """A day at which two keys differ by the same is marked, though all keys together agree."""
        report = agreeing()
        on_3rd = day_of_month(3)
        report.differences = [
            Difference(key, on_3rd, Usage(a), Usage(b)) for key, a, b in (("a", 1, 2), ("b", 2, 1))
        ]
        assert {on_3rd} == differing_days(report)

    def test_duplicates(self) -> None:
        """Rows that repeat others mark no day, the rest does."""
        assert {Period(f"2026-10-{day}") for day in ("05", "14", "22")} == differing_days(differing())
