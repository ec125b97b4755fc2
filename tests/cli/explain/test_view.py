"""What was found of a key as sections of text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from adapters.dynamodb.key_audit import Alert, KeyRepair, Slice
from cli.common.terminal import console
from cli.explain.explanation import Explained, document
from cli.explain.view import draw_explained
from cli.look_up.usage_output import print_parts
from metering.counters.counter import Counter
from metering.period import Period
from metering.quotas.plan import KeyStatus
from metering.usage import Usage
from usage_api.schemas import QuotaAnswer

MONTH, DAY = Period("2026-11"), Period("2026-11-05")
NOW = datetime(2026, 11, 24, 19, 0, 3, tzinfo=UTC)
REPAIR = KeyRepair(DAY, 3, 5, "a lost batch", "r1", "ann", "2026-11-06T10:00:00Z")


def found() -> Explained:
    """A counter in two slices, the first of which was repaired for what the second has too much."""
    slices = [
        Slice(0, Counter("k1", MONTH, Usage(-2, -2), {"05": -2}), {}),
        Slice(1, Counter("k1", MONTH, Usage(7, 7), {"05": 7}), {"shardId-000000000016": 10**55}),
    ]
    alert = Alert(MONTH, "requests", 10, 50, NOW - timedelta(minutes=1))
    quota = QuotaAnswer(
        key="k1",
        as_of=NOW,
        complete_through=None,
        plan=None,
        status=KeyStatus.ACTIVE,
        allowed=True,
        limits=(),
    )
    return Explained("k1", MONTH, quota, slices, [alert], None, timedelta(hours=1), [REPAIR])


def test_a_counter_that_was_repaired(capsys: pytest.CaptureFixture[str]) -> None:
    """Says by whom and why; what waits to be reported says since when; long lines are not cut."""
    print_parts(console(), draw_explained(found()))
    shown = capsys.readouterr().out
    assert (
        "  2026-11-05: from 3 to 5 requests by ann at 2026-11-06T10:00:00Z, report r1: a lost batch\n"
        in shown
    )
    assert "  2026-11: 50 % of 10 requests, found at 2026-11-24 18:59:03 UTC, not sent yet\n" in shown
    assert ["1", "shardId-000000000016", f"1{'0' * 55}"] in [one.split() for one in shown.splitlines()]
    assert ["requests", "5"] in [one.split() for one in shown.splitlines()]


def test_slices_as_json() -> None:
    """A slice alone may be negative."""
    counter = document(found())["counter"]
    assert (5, [-2, 7]) == (
        counter["totals"]["requests"],
        [one["totals"]["requests"] for one in counter["slices"]],
    )
    assert {"shardId-000000000016": f"1{'0' * 55}"} == counter["slices"][1]["watermarks"]
    assert REPAIR._asdict() == document(found())["repairs"][0]
