"""Telemetry of functions that run in a process with a terminal."""

import pytest

from local_cloud.telemetry import quiet_telemetry


def test_metrics_are_added_up() -> None:
    """Over all invocations."""
    tools = quiet_telemetry("stream_processor")
    tools.count({"Metered": 3, "Malformed": 0})
    tools.count({"Metered": 4})

    assert {"Metered": 7, "Malformed": 0} == dict(tools.totals)


def test_nothing_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """Neither metrics nor warnings: the terminal belongs to the view."""
    tools = quiet_telemetry("stream_processor")
    tools.count({"Metered": 3})
    tools.logger.warning("batch", extra={"undecodable": 1})

    assert ("", "") == capsys.readouterr()


def test_each_has_totals_of_its_own() -> None:
    """Two functions of one name do not add up."""
    quiet_telemetry("stream_processor").count({"Metered": 3})

    assert {} == dict(quiet_telemetry("stream_processor").totals)
