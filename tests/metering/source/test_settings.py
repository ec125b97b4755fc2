"""Subscription filters and stages as they have to be."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from metering.source.settings import (
    LOOKED_AT_ONCE,
    Stage,
    Subscription,
    broken_stages,
    broken_subscription,
    faults_of,
    stages_of_turn,
)

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


def test_many_stages_take_turns() -> None:
    """Of many stages some are looked at in a turn, and each in some turn; few are looked at in every one."""
    many = [STAGE.__class__(f"a{number}", "prod", True, "orders", "log") for number in range(230)]
    turns = [stages_of_turn(many, turn) for turn in range(7, 10)]
    assert max(map(len, turns)) <= LOOKED_AT_ONCE
    assert sorted(many) == sorted(stage for turn in turns for stage in turn)
    assert [[STAGE], []] == [stages_of_turn([STAGE], 8), stages_of_turn([], 8)]


def test_faults_of_stages() -> None:
    """A sentence about a stage is found by the stage, not by one whose name only begins alike."""
    alike = STAGE.__class__("a1", "prod", True, "orders) (2", "log")
    [fault] = broken_stages([STAGE], {("a1", "prod"): None}, ["log"])
    assert [fault] == faults_of([alike, STAGE], [fault, "another"])
    assert [] == faults_of([alike], [fault]) == faults_of([], [fault])
