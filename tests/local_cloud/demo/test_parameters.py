"""The template's parameters for a machine."""

from datetime import timedelta

import pytest

from local_cloud.demo.parameters import machine_parameters, replay_parameters, slot_seconds
from local_cloud.demo.source import AccessLog
from local_cloud.template.document import Stack


def log(total: int, span: timedelta) -> AccessLog:
    """One of a size and a length."""
    return AccessLog("a log", list, total, span)


@pytest.mark.parametrize(
    ("total", "span", "seconds"),
    [
        (10_000, timedelta(hours=83), 3_600),
        (1_000_000, timedelta(days=1), 172),
        (10_000_000, timedelta(hours=1), 5),
        (1, timedelta(0), 5),
    ],
)
def test_a_slot_holds_about_as_many_events_as_fit(total: int, span: timedelta, seconds: int) -> None:
    """Within the bounds of the template's parameter."""
    assert seconds == slot_seconds(log(total, span))


@pytest.mark.parametrize("external", [True, False])
def test_the_template_takes_them(external: bool) -> None:
    """Each is a parameter of it, and reaches the function."""
    parameters = replay_parameters(log(10_000, timedelta(days=4)), external_dynamodb=external)
    environment = Stack(parameters).environment("StreamProcessorFunction")

    assert ("3600", "4" if external else "1") == (
        environment["LEDGER_SLOT_SECONDS"],
        environment["WRITE_CONCURRENCY"],
    )
    assert machine_parameters(external_dynamodb=external).items() <= parameters.items()
