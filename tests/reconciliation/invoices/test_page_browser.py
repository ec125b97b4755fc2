"""An invoice on paper: printed by a browser, and fit for those who do not see it."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver import Chrome

from metering.prices.documents import InvoiceDocument
from metering.prices.invoice import attested, invoice_document
from metering.prices.statement import make_statement
from reconciliation.invoices.page import page
from tests.dashboard import chromium
from tests.dashboard.test_accessibility import axe
from tests.metering.prices.builders import NOVEMBER, acme_tariff, flat, used
from tests.reconciliation.invoices.test_page import on_paper, source
from tests.reconciliation.report.test_page_browser import FAULTS

__all__ = ["axe"]  # a fixture


@pytest.fixture(scope="module")
def browser() -> Iterator[Chrome]:
    """A browser."""
    chromium.require()
    with chromium.running(width=1000, height=1200) as running:
        yield running


def two_lines() -> InvoiceDocument:
    """An invoice of two lines with all that finance needs, and the real query in its appendix."""
    version = acme_tariff(flat("0.01"), flat("0.5", "errors")).version("pro", NOVEMBER)
    statement = make_statement("acme", NOVEMBER, version, [used("k1", 1300, 77, errors=21)], "usage-1")
    sql = "\n".join(f"SELECT {number}" for number in range(120))
    return on_paper(attested(invoice_document(statement), [source(sql=sql)]))


def printed(browser: Chrome) -> int:
    """How many pages the browser prints."""
    pdf = base64.b64decode(browser.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})["data"])
    assert pdf.startswith(b"%PDF-")
    return len(re.findall(rb"/Type\s*/Page\b", pdf))


def test_two_lines_are_one_page(browser: Chrome, tmp_path: Path) -> None:
    """Parties, lines, taxes and what is due are on one page; the appendix is printed when it is open, and
    begins on a page of its own.
    """
    (tmp_path / "invoice.html").write_bytes(page(two_lines()))
    browser.get((tmp_path / "invoice.html").as_uri())
    assert 1 == printed(browser)
    browser.execute_script("document.querySelector('details').open = true")
    assert printed(browser) > 1


@pytest.mark.parametrize("width", [1000, 360])
def test_no_fault(browser: Chrome, axe: str, width: int, tmp_path: Path) -> None:
    """For those who do not see it, with the appendix open; on a phone nothing is cut off."""
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False},
    )
    (tmp_path / "invoice.html").write_bytes(page(two_lines()))
    browser.get((tmp_path / "invoice.html").as_uri())
    browser.execute_script("document.querySelector('details').open = true")
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    browser.execute_cdp_cmd("Page.setBypassCSP", {"enabled": True})
    browser.execute_script(axe)
    assert [] == browser.execute_async_script(FAULTS)
