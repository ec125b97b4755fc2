"""Reports read back."""

from __future__ import annotations

import pytest

from metering.errors import Misconfigured
from reconciliation.model.report import Report
from reconciliation.model.report_reading import read_report
from tests.reconciliation.report.samples import agreeing, differing, hostile, refused, running


@pytest.mark.parametrize("report", [agreeing(), differing(), hostile(), refused(), running()])
def test_as_it_was(report: Report) -> None:
    """Equal to what was written, hashes and fingerprints beyond 2^53 among it."""
    assert report == read_report(report.to_json(), "here")


@pytest.mark.parametrize("content", [b"", b"[]", b'{"month": "2026-10"}', b'{"fingerprint": "x"}'])
def test_no_report(content: bytes) -> None:
    """Said with the place."""
    with pytest.raises(Misconfigured, match="here is not a report of this version"):
        read_report(content, "here")
