"""The page on log formats: its lines are read as it says, for each type of API."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from metering.billing_rule import BillingRule
from metering.calls.access_log import read_event
from metering.calls.delivery import LogEvent
from metering.calls.line_sample import SampledLine, groups_of
from metering.calls.notes import Doubt, Reason
from metering.outcome import UNATTRIBUTED_KEY

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "log-formats.md").read_text()


def lines_of(heading: str) -> list[str]:
    """The lines that a section shows."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(r"^\{.*\}$", section, re.MULTILINE)


@pytest.mark.parametrize(
    ("heading", "time_ms", "key", "exported_ms", "billable"),
    [
        ("REST APIs", 1_686_411_388_000, "d0e96b5f16", 1_686_411_388_123, True),
        ("HTTP APIs", 1_690_373_613_000, "customer-17", 1_690_373_613_000, True),
        ("WebSocket APIs", 1_690_374_046_000, "d0e96b5f16", 1_690_374_046_123, False),
    ],
)
def test_recorded_and_exported_lines(
    heading: str, time_ms: int, key: str, exported_ms: int, billable: object
) -> None:
    """AWS's default format counts under no key; the exported one has key, own id and time."""
    default, exported = (
        read_event(LogEvent("1", time_ms + 500, text), BillingRule()).call for text in lines_of(heading)
    )
    assert (UNATTRIBUTED_KEY, time_ms, "1", False) == (
        *(default.key, default.time_ms, default.event_id, default.billable),
    )
    assert (key, exported_ms, billable) == (exported.key, exported.time_ms, exported.billable)
    assert exported.event_id in lines_of(heading)[1]


@pytest.mark.parametrize("heading", ["REST APIs", "HTTP APIs", "WebSocket APIs"])
def test_what_the_command_says_of_them(heading: str) -> None:
    """The same as the page."""
    groups = groups_of(map(SampledLine, lines_of(heading)), BillingRule(), 0)
    assert ["no_key_field", "counted"] == [group.kind.name for group in groups]


def test_every_kind_is_on_the_page() -> None:
    """With what to do."""
    assert [] == [name for name in (*Reason, *Doubt) if f"`{name}`" not in PAGE]
