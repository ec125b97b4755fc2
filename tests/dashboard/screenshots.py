"""Takes the pictures in docs/, by `make screenshots`: the customer's page and the owner's with the demo's
generated traffic of two months in a local cloud, an invoice, and the report of a month that differs.

python -m tests.dashboard.screenshots [FOLDER]
"""

from __future__ import annotations

import base64
import json
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from adapters.settings.process import set_apart
from local_cloud.playback.traffic import TrafficSettings, generate
from metering.period import Period
from metering.quotas.plan import Kind, Limit, Plan, Span
from metering.usage import Metric
from reconciliation.invoices.page import page as invoice_page
from reconciliation.report.page import report_page
from tests.dashboard import chromium
from tests.dashboard.page import Page
from tests.dashboard.world import World
from tests.reconciliation.invoices.test_page import invoice, on_paper
from tests.reconciliation.report.samples import differing

NOW: Final = datetime(2026, 11, 24, 19, 0, 3, tzinfo=UTC)
BEGIN: Final = datetime(2026, 10, 1, tzinfo=UTC)
DOCS: Final = Path(__file__).resolve().parents[2] / "docs"
LONGEST: Final = 1_400
"""Pixels: a picture of more is heavy, and nobody reads to its end."""
WIDEST: Final = 900
"""Pixels of a picture: a wider page is scaled down, which keeps files below 150 kB."""
ACCOUNTS: Final = ("acme", "birch", "cobalt", "dune", "ember")

_HOURS: Final = (2, 1, 1, 1, 2, 3, 5, 8, 11, 14, 16, 15, 13, 15, 16, 15, 13, 10, 8, 6, 5, 4, 3, 2)
"""How busy each hour is, of 16; Saturdays and Sundays are half as busy."""


def main(folder: Path) -> None:
    """Take all pictures."""
    set_apart()
    lines = list(rhythm(generate(TrafficSettings(calls=16_000, keys=60, start=BEGIN, span=NOW - BEGIN))))
    with World(BEGIN) as world, chromium.running() as chrome:
        world.play(lines)
        world.stand_at(NOW)
        world.publish_breakdown(Period("2026-11"), NOW.replace(hour=6, minute=0, second=0))
        world.add_up()
        keys = heaviest(lines)
        limits = (
            Limit(Metric.BILLABLE, Span.MONTH, 1_300),
            Limit(Metric.REQUESTS, Span.DAY, 50, thresholds=(80, 100)),
            Limit(Metric.RESPONSE_BYTES, Span.MONTH, 10_000_000, kind=Kind.SOFT),
        )
        for key, account in zip(keys, ACCOUNTS, strict=False):
            world.give_plan(key, Plan("pro", limits), account)
        page = Page(chrome, world.server.url)
        page.prefer(color_scheme="light", reduced_motion="reduce")
        take_customer(page, keys[0], folder / "dashboard-light.png", width=1200)
        page.prefer(color_scheme="dark", reduced_motion="reduce")
        take(page, "#/overview?limit=10", folder / "owner-dark.png", width=1200)
        take_customer(page, keys[0], folder / "dashboard-phone.png", width=390)
        take_document(page, invoice_page(on_paper(invoice())), folder / "invoice.png")
        take_document(page, report_page(differing()), folder / "reconciliation-report.png")


def rhythm(lines: Iterable[str]) -> Iterator[str]:
    """Of evenly spread lines those that people would have made, by hour and day of the week."""
    draw = random.Random(11)
    moment = BEGIN
    for line in lines:
        moment = time_of(line) or moment
        busy = _HOURS[moment.hour] / max(_HOURS) * (0.5 if moment.weekday() >= 5 else 1)
        if draw.random() < busy:
            yield line


def time_of(line: str) -> datetime | None:
    """When a call was made; None for what is no call."""
    try:
        return datetime.fromtimestamp(int(json.loads(line)["requestTimeEpoch"]) / 1000, UTC)
    except (ValueError, KeyError, TypeError):
        return None


def heaviest(lines: Iterable[str]) -> list[str]:
    """The keys with the most calls, the heaviest first."""
    seen = Counter(json.loads(line)["apiKeyId"] for line in lines if time_of(line) is not None)
    return [key for key, _ in seen.most_common(len(ACCOUNTS) + 1) if key != "-"]


def take_customer(page: Page, key: str, file: Path, *, width: int) -> None:
    """What a customer sees."""
    page.open("#/me", width=width)
    page.sign_in(key)
    page.one("[data-field=requests]")
    picture(page, file, width)
    page.close()
    page.prefer(color_scheme="light", reduced_motion="reduce")


def take(page: Page, view: str, file: Path, *, width: int) -> None:
    """A view that needs nothing more."""
    page.open(view, width=width)
    picture(page, file, width)


def take_document(page: Page, content: bytes, file: Path) -> None:
    """A page that is a file of its own."""
    with tempfile.TemporaryDirectory() as folder:
        document = Path(folder) / "page.html"
        document.write_bytes(content)
        page.chrome.get(document.as_uri())
        picture(page, file, width=1000)


def picture(page: Page, file: Path, width: int) -> None:
    """The page, without anything that has the focus or lies below the pointer, and no longer than is seen."""
    page.run("document.activeElement.blur()")
    page.chrome.execute_cdp_cmd("Input.dispatchMouseEvent", {"type": "mouseMoved", "x": 0, "y": 0})
    page.resize(width, 400)  # a page is at least as high as its screen
    page.resize(width, min(LONGEST, int(page.run("return document.documentElement.scrollHeight"))))
    page.chrome.execute_async_script("requestAnimationFrame(() => requestAnimationFrame(arguments[0]))")
    height = page.run("return innerHeight")
    clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": min(1.0, WIDEST / width)}
    taken = page.chrome.execute_cdp_cmd("Page.captureScreenshot", {"format": "png", "clip": clip})
    file.write_bytes(base64.b64decode(taken["data"]))
    print(f"{file}: {file.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else DOCS)
