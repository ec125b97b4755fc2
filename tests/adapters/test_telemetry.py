"""Which numbers become metrics, and which stay in the log."""

from __future__ import annotations

import json

import pytest

from adapters.settings.functions import sends_all_metrics
from adapters.telemetry import telemetry
from local_cloud.log_metrics import metrics_in
from metering.cost.units import ESSENTIAL_METRICS_BYTES, METRICS_BYTES
from metering.errors import Misconfigured

NAMES = (
    "Records LogEvents ControlMessages Metered Unattributed Malformed Undecodable Duplicates "
    "IncrementsRefused BatchesCutShort ThresholdsTold ThresholdsDeferred OldestCallAgeMs NewestCallAgeMs"
)
BATCH = dict(zip(NAMES.split(), (118, 5000, 1, 4980, 20, 0, 0, 0, 0, 0, 0, 0, 5123, 412), strict=True))


def line(capsys: pytest.CaptureFixture[str], numbers: dict[str, int], *, sends_all: bool) -> str:
    """What is written to the log."""
    telemetry("stream_processor", "UsageMeter/usage-meter", sends_all=sends_all).count(numbers)
    written = capsys.readouterr().out
    assert 1 == len(written.splitlines())
    return written


def sent(text: str) -> dict[str, float]:
    return {datum.name: datum.value for datum in metrics_in(text)}


class TestAll:
    def test_zeros(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Every number is a metric, those of 0 too."""
        assert BATCH == sent(line(capsys, BATCH, sends_all=True))


class TestEssential:
    def test_what_alarms_watch(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Metrics are those that essential alarms watch; the rest is in the same line."""
        written = line(capsys, BATCH, sends_all=False)
        assert {"ControlMessages": 1} == sent(written)
        assert 4980 == json.loads(written)["Metered"]

    def test_fault(self, capsys: pytest.CaptureFixture[str]) -> None:
        """A fault is a metric when there is one."""
        written = line(capsys, BATCH | {"Malformed": 3}, sends_all=False)
        assert {"ControlMessages": 1, "Malformed": 3} == sent(written)

    def test_no_metric(self, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> None:
        """Without any metric the numbers are in the log all the same."""
        numbers = BATCH | {"ControlMessages": 0}
        telemetry("stream_processor", "UsageMeter", sends_all=False).count(numbers)
        (record,) = caplog.records
        assert [118, 4980] == [vars(record)[name] for name in ("Records", "Metered")]
        assert [] == metrics_in(capsys.readouterr().out)

    def test_ends_an_alarm(self, capsys: pytest.CaptureFixture[str]) -> None:
        """The daily comparison sends its zero: its alarm keeps its state without data."""
        numbers = {"Drift": 0, "Refused": 0, "LakeDuplicates": 2}
        assert {"Drift": 0, "Refused": 0} == sent(line(capsys, numbers, sends_all=False))


class TestCost:
    @pytest.mark.parametrize(
        ("sends_all", "estimated"), [(True, METRICS_BYTES), (False, ESSENTIAL_METRICS_BYTES)]
    )
    def test_bytes(self, capsys: pytest.CaptureFixture[str], sends_all: bool, estimated: int) -> None:
        """The estimate reckons with lines of at least this length."""
        assert 0.5 * estimated < len(line(capsys, BATCH, sends_all=sends_all)) < estimated


class TestSetting:
    def test_values(self) -> None:
        """The variable says all or essential; nothing else is taken for either."""
        assert [True, True, False] == [
            sends_all_metrics(variables) for variables in ({}, {"METRICS": "all"}, {"METRICS": "essential"})
        ]
        with pytest.raises(Misconfigured, match="'some' is neither 'all' nor 'essential'"):
            sends_all_metrics({"METRICS": "some"})
