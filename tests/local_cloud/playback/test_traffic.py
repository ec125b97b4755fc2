"""The traffic that the demo generates."""

import json
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from local_cloud.playback.traffic import START, TrafficSettings, generate

FIELDS = [
    *("path", "userAgent", "requestId", "extendedRequestId", "apiId", "stage", "apiKeyId"),
    *("requestTimeEpoch", "httpMethod", "resourcePath", "status", "responseLength", "responseLatency"),
    *("integrationLatency", "sourceIp"),
]


@pytest.fixture(scope="module")
def lines() -> list[str]:
    """The default traffic."""
    return list(generate())


@pytest.fixture(scope="module")
def calls(lines: list[str]) -> list[dict[str, str]]:
    """Its lines that are whole."""
    return [
        call for line in lines if line.startswith("{") and line.endswith("}") for call in [json.loads(line)]
    ]


def test_it_is_20000_lines_of_200_keys_the_same_every_time(
    lines: list[str], calls: list[dict[str, str]]
) -> None:
    """The seed alone decides."""
    assert 20_000 == len(lines)
    assert 200 == len({call["apiKeyId"] for call in calls} - {"-"})
    assert lines == list(generate())
    assert lines != list(generate(TrafficSettings(seed=2)))


def test_lines_have_the_shape_of_an_access_log(calls: list[dict[str, str]]) -> None:
    """All fields, all text, and an id of its own for each call."""
    for call in calls:
        assert FIELDS == list(call)
        assert {str} == set(map(type, call.values()))
    assert len(calls) == len({call["extendedRequestId"] for call in calls})


def test_it_runs_over_a_months_end(calls: list[dict[str, str]]) -> None:
    """Half of it lies in October, half in November."""
    months = Counter(
        datetime.fromtimestamp(int(call["requestTimeEpoch"]) / 1000, UTC).strftime("%Y-%m") for call in calls
    )

    assert {"2026-10", "2026-11"} == set(months)
    assert min(months.values()) > 9_000


def test_a_few_keys_make_most_of_the_calls(calls: list[dict[str, str]]) -> None:
    """The tail is heavy: a tenth of the keys has more than half of the calls."""
    counts = [count for key, count in Counter(call["apiKeyId"] for call in calls).most_common() if key != "-"]

    assert sum(counts[:20]) > len(calls) / 2
    assert counts[-1] > 0


def test_it_holds_what_real_traffic_holds(lines: list[str], calls: list[dict[str, str]]) -> None:
    """Calls without key, throttled and failed calls, lines that cannot be read."""
    statuses = Counter(call["status"] for call in calls)

    assert 200 < sum(call["apiKeyId"] == "-" for call in calls) < 800
    assert statuses["429"] > 100
    assert sum(count for status, count in statuses.items() if status.startswith("5")) > 50
    assert sum(not line.startswith("{") for line in lines) > 5
    assert statuses["-"] > 0
    assert statuses["999"] > 0


def test_lines_are_out_of_order_by_seconds_only(calls: list[dict[str, str]]) -> None:
    """A line is written when its call ends."""
    latest, latenesses = 0, []
    for call in calls:
        moment = int(call["requestTimeEpoch"])
        latest = max(latest, moment)
        latenesses.append(latest - moment)

    assert 0 < max(latenesses) < 120_000
    assert sum(lateness > 0 for lateness in latenesses) > 1000


def test_settings_scale_it() -> None:
    """For benchmarks: fewer calls, one key, another time."""
    settings = TrafficSettings(calls=300, keys=1, start=START + timedelta(days=400), span=timedelta(hours=1))

    made = [json.loads(line) for line in generate(settings) if line.startswith("{") and line.endswith("}")]

    assert {1, 2} >= {len({call["apiKeyId"] for call in made})}
    assert all("1827" < call["requestTimeEpoch"][:4] for call in made)
