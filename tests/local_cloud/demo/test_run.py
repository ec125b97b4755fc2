"""The demo from the first line to the proof, on a small log."""

import tempfile
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from local_cloud.demo import progress, run
from local_cloud.demo.lake_copy import copy_lake
from local_cloud.demo.progress import DemoProgress
from local_cloud.demo.result import DemoResult
from local_cloud.demo.run import Demo, DemoSettings
from local_cloud.demo.source import generated
from local_cloud.lambda_.event_source_mapping import MappingFailedError
from local_cloud.pipeline import MakeProcessor
from local_cloud.playback.traffic import TrafficSettings
from local_cloud.stack import LocalCloud
from metering.usage import Usage
from tests.local_cloud.demo.broken import broken, changing, forgetful

CALLS, KEYS = 200, 12
LOG = generated(TrafficSettings(calls=CALLS, keys=KEYS))
SETTINGS = DemoSettings(LOG, lines_of_a_request=4)
"""Small requests, so that there are enough deliveries for faults."""
OVER_MIDNIGHT = {"2026-10", "2026-11"}


def play(settings: DemoSettings, look: Callable[[LocalCloud], None] = lambda _cloud: None) -> DemoResult:
    """Run a demo; `look` sees the cloud before it ends."""
    with Demo(settings, DemoProgress(settings.log.total)) as demo:
        demo.play()
        demo.settle()
        result = demo.reconcile()
        look(demo.cloud)
        return result


def outcomes(result: DemoResult) -> dict[str, Any]:
    """What must be the same however often something fails."""
    document = result.to_json()
    return {
        name: document[name]
        for name in (
            *("log_events", "metered", "unattributed", "malformed", "undecodable"),
            *("lake_events", "drift", "keys", "months", "problems"),
        )
    }


@pytest.fixture(scope="module")
def undisturbed() -> tuple[DemoResult, list[tuple[Any, ...]]]:
    """A run without faults, and the Parquet objects of its lake as DuckDB alone reads them."""
    rows: list[tuple[Any, ...]] = []
    return play(SETTINGS, lambda cloud: rows.extend(parquet_rows(cloud))), rows


def parquet_rows(cloud: LocalCloud) -> Iterable[tuple[Any, ...]]:
    """Month, outcome and number of rows and events, from the objects and nothing of the meter's."""
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        copy_lake(cloud, Path(folder))
        return connection.execute(
            "SELECT strftime(eventtime, '%Y-%m'), outcome, count(*), count(DISTINCT eventid) "
            "FROM read_parquet(?) GROUP BY 1, 2 ORDER BY 1, 2",
            [f"{folder}/**/*.parquet"],
        ).fetchall()


def test_without_faults(undisturbed: tuple[DemoResult, Any]) -> None:
    """Every line is counted under its outcome and lies in the lake, over the end of a month."""
    result, _ = undisturbed
    document = result.to_json()

    assert CALLS == document["log_events"] == document["lake_rows"] == document["lake_events"]
    assert CALLS == document["metered"] + document["unattributed"] + document["malformed"]
    assert (0, 0) == (document["undecodable"], document["duplicates_ignored"])
    assert document["metered"] > document["unattributed"] > 0
    assert OVER_MIDNIGHT == document["months"].keys()
    assert document["metered"] == sum(document["months"].values())
    assert (KEYS, [], []) == (document["keys"], document["drift"], document["problems"])
    assert 0 < document["freshness_ms"]["p50"] <= document["freshness_ms"]["p99"]


def test_the_parquet_objects_say_the_same(undisturbed: tuple[DemoResult, list[tuple[Any, ...]]]) -> None:
    """To DuckDB alone, without any code of the meter."""
    result, rows = undisturbed

    assert {
        (report.month, str(outcome), both.counted.requests)
        for report in result.proof.reports
        for outcome, both in report.tally.outcomes.items()
        if both.counted.requests
    } == {(month, outcome, events) for month, outcome, _, events in rows}


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.exhaustive) for seed in (2, 3))])
def test_under_faults(seed: int, undisturbed: tuple[DemoResult, Any]) -> None:
    """The counts are the same, and faults of several kinds were there."""
    result = play(replace(SETTINGS, chaos_seed=seed))

    assert outcomes(undisturbed[0]) == outcomes(result)
    assert result.duplicates_ignored == result.stream.log_events - CALLS > 0
    assert len(result.faults) > 5


@pytest.mark.exhaustive
def test_on_dynamodb_local(dynamodb_local: str, undisturbed: tuple[DemoResult, Any]) -> None:
    """The same on AWS's own engine, under faults."""
    result = play(replace(SETTINGS, chaos_seed=4, dynamodb_endpoint=dynamodb_local))

    assert outcomes(undisturbed[0]) == outcomes(result)


@pytest.mark.exhaustive
@pytest.mark.parametrize(
    "make",
    [
        changing(lambda usage: usage + Usage(requests=1)),
        changing(lambda usage: usage - Usage(response_bytes=1)),
        changing(lambda usage: usage + Usage(fingerprint=1)),
    ],
    ids=["a call too many", "a byte too few", "another call"],
)
def test_a_counter_that_is_wrong_fails_the_demo(make: MakeProcessor) -> None:
    """By a single call or byte, or by the identity of one call alone."""
    result = play(replace(SETTINGS, make_processor=make))

    assert result.problems
    assert result.to_json()["drift"]


@pytest.mark.exhaustive
def test_a_fault_that_is_not_survived_fails_the_demo() -> None:
    """Without the ledger, duplicate deliveries are counted again."""
    result = play(replace(SETTINGS, chaos_seed=1, make_processor=forgetful))

    assert result.counted_in_all > CALLS
    assert result.problems
    assert result.to_json()["drift"]


def test_what_nobody_counted_fails_the_demo() -> None:
    """A delivery that did not reach the stream is in neither counters nor lake, which then agree."""
    with Demo(SETTINGS, DemoProgress(CALLS)) as demo:
        demo.cloud.stream.put = lambda *_args, **_kwargs: None  # type: ignore[method-assign,assignment]
        demo.play()
        del demo.cloud.stream.put
        demo.settle()
        result = demo.reconcile()

    assert [] == result.differences
    assert result.problems


def test_a_function_that_never_works_ends_the_demo(monkeypatch: pytest.MonkeyPatch) -> None:
    """Instead of repeating the batch for a week."""
    monkeypatch.setattr(run, "MOST_IN_FLIGHT_ON_MOTO", 10)
    monkeypatch.setattr(progress, "_HOPELESS_FAILURES", 3)

    settings = replace(SETTINGS, make_processor=broken)
    with pytest.raises(MappingFailedError), Demo(settings, DemoProgress(CALLS)) as demo:
        demo.play()


@pytest.mark.exhaustive
def test_at_the_pace_of_the_log() -> None:
    """A speed holds the log to its own pace: 24 hours at 43,200 times that pace are 2 seconds."""
    log = replace(LOG, lines=lambda: list(LOG.lines()))
    began = datetime.now(UTC)
    with Demo(replace(SETTINGS, log=log, speed=43_200), DemoProgress(CALLS)) as demo:
        demo.play()

    assert datetime.now(UTC) - began > timedelta(seconds=1.8)


def test_the_shipped_processor_is_the_default() -> None:
    """What is shown is what is deployed."""
    assert DemoSettings(LOG).make_processor is None
