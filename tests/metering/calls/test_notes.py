"""What is noted of log events, as metrics."""

from __future__ import annotations

from metering.calls.notes import Doubt, Reason, metrics_of


def test_metrics() -> None:
    """Those with an alarm always; a reason where it occurred."""
    assert {"Suspect": 0, "UnreadableValues": 0} == metrics_of({})
    assert {"Suspect": 3, "UnreadableValues": 4, "MalformedNoJson": 5} == metrics_of(
        {Doubt.BROKEN_TEXT: 1, Doubt.REPEATED_FIELD: 2, Doubt.UNREADABLE_VALUE: 4, Reason.NO_JSON: 5}
    )


def test_there_are_few() -> None:
    """Every name of a metric is billed by the month."""
    assert len(metrics_of(dict.fromkeys(Reason, 1))) <= 16
