"""`docs/quotas.md`: its plans can be read, and its event is the one that is published."""

from __future__ import annotations

import json
import re
from pathlib import Path

import yaml

from adapters.event_bus import DETAIL_TYPE, event_detail
from metering.period import Period
from metering.quotas.plan import Kind, Mode, Span
from metering.quotas.plan_file import read_plans
from metering.quotas.ports import ThresholdCrossing
from metering.usage import Metric

PAGE = (Path(__file__).resolve().parents[3] / "docs/quotas.md").read_text(encoding="utf-8")
BLOCKS: list[tuple[str, str]] = re.findall(r"^```(\w*)\n(.+?)^```", PAGE, re.MULTILINE | re.DOTALL)


def block(language: str) -> str:
    """The first block in a language."""
    return next(text for found, text in BLOCKS if found == language)


def test_plans() -> None:
    """The file that it shows is one that can be applied."""
    document = read_plans(yaml.safe_load(block("yaml")))
    assert (["free", "team", "unlimited"], ["a1b2c3d4e5", "f6g7h8i9j0"], ["acme"]) == (
        sorted(document.plans),
        sorted(document.keys),
        sorted(document.accounts),
    )


def test_values() -> None:
    """The table names every value that a field can have."""
    for choices in (Metric, Span, Kind, Mode):
        for choice in choices:
            assert f"`{choice}`" in PAGE


def test_event() -> None:
    """The event has the fields of what is published, in their order, and its detail type."""
    shown = json.loads(block("json"))
    crossing = ThresholdCrossing(
        shown["id"], "a1b2c3d4e5", "acme", "free", 3, "requests", Period("2026-11-05T12"), 100, "hard", 80, 84
    )
    assert shown == event_detail(crossing)
    assert list(shown) == list(event_detail(crossing))
    assert f"detail type `{DETAIL_TYPE}`" in PAGE
