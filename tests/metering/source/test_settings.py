"""Subscription filters and stages as they have to be."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from metering.source.settings import Stage, Subscription, broken_stages, broken_subscription

STREAM = "arn:aws:kinesis:us-east-1:1:stream/calls"
OURS = Subscription("meter", "", STREAM)
OTHER = Subscription("audit", "", "arn:aws:lambda:us-east-1:1:function:audit")
STAGE = Stage("a1", "prod", is_rest=True, name="orders", log_group="log")


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        ([OURS], None),
        ([OTHER, OURS], None),
        ([OURS, OURS._replace(name="b", pattern="ERROR")], None),
        (None, "there is no log group log"),
        ([], "no subscription filter leads from log into the stream:"),
        ([OTHER], "into the stream (its filters lead to arn:aws:lambda:us-east-1:1:function:audit)"),
        ([OURS._replace(pattern="ERROR")], "the subscription filter meter of log has the pattern 'ERROR'"),
    ],
)
def test_subscriptions(found: list[Subscription] | None, sentence: str | None) -> None:
    """One filter without a pattern has to lead into the stream, whatever others do."""
    broken = broken_subscription("log", found, STREAM)
    assert broken is None if sentence is None else broken is not None and sentence in broken


@pytest.mark.parametrize(
    ("found", "sentences"),
    [
        ({("a1", "prod"): "log"}, []),
        ({("a1", "prod"): "second"}, []),
        ({}, []),
        ({("a1", "prod"): None}, ["stage prod of API a1 (orders) has no access log"]),
        ({("a1", "prod"): "elsewhere"}, ["stage prod of API a1 (orders) logs to elsewhere"]),
    ],
)
def test_stages(found: Mapping[tuple[str, str], str | None], sentences: list[str]) -> None:
    """A stage that logged here has to go on, into any of the groups; one that is gone has no calls."""
    broken = list(broken_stages([STAGE], found, ["log", "second"]))
    assert len(sentences) == len(broken)
    assert all(one.startswith(start) for one, start in zip(broken, sentences, strict=True))
