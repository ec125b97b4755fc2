"""The lake's side: which partitions are read, and what a query makes of what lies in them."""

from __future__ import annotations

import calendar
import hashlib
import inspect
import re
import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import sqlglot
from sqlglot import exp

from metering.outcome import MALFORMED_KEY, UNATTRIBUTED_KEY
from metering.period import Period, begins_at, ends_at
from metering.proof.hours import WEIGHTS
from metering.usage import Usage, total
from reconciliation.lake.queries import (
    USAGE_BY_KEY_AND_DAY,
    USAGE_OF_SOUND_ROWS,
    LakeUsage,
    between,
    query_text,
    quoted,
    read_days,
    with_months,
)
from tests.reconciliation.month_end import Deployment, call, running


@pytest.fixture(scope="module")
def deployment() -> Iterator[Deployment]:
    """A lake to fill."""
    yield from running()


@pytest.fixture(autouse=True)
def _empty(deployment: Deployment) -> None:
    deployment.empty()


def days(deployment: Deployment, month: str = "2026-10") -> list[LakeUsage]:
    """What the query says of a month; the quick one says the same, as long as no row is altered."""
    period, run_id = Period(month), uuid.uuid4().hex
    parameters = between(begins_at(period), ends_at(period))
    run = deployment.sources.queries.run
    found, quickly = (
        list(read_days(run(query_text(name), parameters, run_id=run_id).rows()))
        for name in (USAGE_BY_KEY_AND_DAY, USAGE_OF_SOUND_ROWS)
    )
    assert found == quickly
    return found


class TestBetween:
    @pytest.mark.parametrize(
        ("month", "expected"),
        [
            ("2026-10", ("2026", "2026", "9", "10", "11", "20260930", "20261101")),
            ("2026-01", ("2025", "2026", "12", "1", "2", "20251231", "20260201")),
            ("2026-12", ("2026", "2027", "11", "12", "1", "20261130", "20270101")),
            ("2028-02", ("2028", "2028", "1", "2", "3", "20280131", "20280301")),
        ],
    )
    def test_month(self, month: str, expected: tuple[str, ...]) -> None:
        """The partitions reach a day further than the month on either side, over the year's end too."""
        period = Period(month)
        parameters = between(begins_at(period), ends_at(period))
        assert expected == parameters[:7]
        assert (f"'{month}-01 00:00:00.000'", f"'{ends_at(period):%Y-%m-%d} 00:00:00.000'") == parameters[7:]

    def test_hour(self) -> None:
        """A shorter span names fewer months, one of them more than once."""
        start = datetime(2026, 10, 5, 7, tzinfo=UTC)
        parameters = between(start, start + timedelta(hours=1))
        assert ("2026", "2026", "10", "10", "10", "20261004", "20261006") == parameters[:7]
        assert ("'2026-10-05 07:00:00.000'", "'2026-10-05 08:00:00.000'") == parameters[7:]

    @pytest.mark.parametrize("length", [timedelta(0), timedelta(days=-1), timedelta(days=93)])
    def test_other_spans(self, length: timedelta) -> None:
        """Nothing, or more than the query has places for."""
        start = datetime(2026, 10, 1, tzinfo=UTC)
        with pytest.raises(ValueError, match="is not a span of at most a month"):
            between(start, start + length)

    def test_every_month_has_its_days(self) -> None:
        """Whatever its length."""
        for year in range(2024, 2030):
            for month in range(1, 13):
                period = Period(f"{year}-{month:02d}")
                first, last = (
                    date.fromisoformat(text) for text in between(begins_at(period), ends_at(period))[5:7]
                )
                assert calendar.monthrange(year, month)[1] + 2 == (last - first).days + 1


TEXTS = {
    "altered_rows": "67085b8215b567a11401f91e7c011d43b0f7ce59ab6ccb2da9a273394f709d4e",
    "calls_by_endpoint": "efb474f48e7ca6ff3cd6e4e61bdc27ee45cfabb91ce41e0cf0f0aba560a602ee",
    "calls_by_hour_and_status": "ae24108e239959b642fcdd4ef35dddd858e2b6d8b12034c406c5544d282629e2",
    "calls_of_keys": "c3a1484ab050d71fa5716dd2f22b68b66a6a3952b3b709205ef520fbed60993d",
    "differing_copies": "20aff43d2a4295a57b4edf5905569d21592f8a6991f948a36098a3437605ac85",
    "events_by_hour": "62e0d919250be0dbd698e522150ba14ab433db4294cfb92010a97f41d5605d66",
    "events_of_days": "56f9d3868d0060e532df0c7fbcef6c993bfb4f9338685ef26599e059a2e94aab",
    "hours_of_keys": "9f7f502b9991dcf9b08c8683ad0fa0497c4c2c428d6f4eed920eb3454b50e41d",
    "malformed_objects": "f5156d404ff833fe364feb8c4dde9d46d0af27615ad5f7b8063e927c1220bc49",
    "malformed_reasons": "efbb52108b23749264140640af420969f47c2d2d5c8b8cee91856d576434b303",
    "objects_of_rows": "4c0bdd721889b976c974c6d928f5d9ed8fa75c237de91ae6f66014518fbf4b35",
    "repeated_objects": "e9e49005160f5db4c9a796b113d886297d52e3660fe3321f04d19bc8437af4b4",
    "repeated_rows": "3117d1bc3c8a3a43fc5bea573bd261a10059c9d7276937fd3e36bbdf620f8f2b",
    "row_digests": "4cae7735a3919e0c4235e6dc347b65e2829fed6ab1948bfa27a32b50a22b3854",
    "usage_by_key_and_day": "466b14d44f2c8a8819c3da7b9d8850e9464dab3c8306a52dbbcee5989ddcadaf",
    "usage_by_key_and_day_1": "9653feaaaddd020b288302c2a3a5b0c6fbd34a285d8364e4a42fe0eb6c842d2a",
    "usage_of_sound_rows": "35be4af9f0d1886b5ba95c249a1008da8ef943d2c56d92c93896a2c7aaf08868",
    "rows_of_events": "f6d546d7fc2f325967bcf3cd29b0a68d460d36698570658fecdba4498caec3fa",
}
"""Of each query: SHA-256 of its text."""


class TestText:
    @pytest.mark.parametrize("name", TEXTS)
    def test_put_together(self, name: str) -> None:
        """The parts make the very text under which invoices were issued: they name it by its hash."""
        assert TEXTS[name] == hashlib.sha256(query_text(name).encode()).hexdigest()

    def test_every_query(self) -> None:
        """None is left out of these, and no part is left that no query names."""
        folder = Path(inspect.getfile(inspect.unwrap(query_text))).parent
        files = set(folder.rglob("*.sql"))
        assert set(TEXTS) == {path.stem for path in files if path.parent.name != "parts"}
        texts = "".join(path.read_text() for path in files)
        assert set(re.findall(r"\{(\w+)\}", texts)) == {
            path.stem for path in files if path.parent.name == "parts"
        }


class TestQuery:
    @pytest.mark.parametrize("name", [USAGE_BY_KEY_AND_DAY, USAGE_OF_SOUND_ROWS])
    def test_only_parameters_vary(self, name: str) -> None:
        """The text holds no month: it has a question mark for each value."""
        tree = sqlglot.parse_one(query_text(name), read="athena")
        period = Period("2026-10")
        assert len(between(begins_at(period), ends_at(period))) == len(list(tree.find_all(exp.Placeholder)))

    def test_usage(self, deployment: Deployment) -> None:
        """The seven totals of each key and day, reserved keys too, in the order of key and day."""
        calls = [
            call("1", "2026-10-01T00:00:00", is_error=True, billable=False, request_bytes=3),
            call("2", "2026-10-31T23:59:59.999", response_bytes=0, latency_ms=0),
            call("3", "2026-10-31T12:00:00", key="Z"),
            call("4", "2026-10-31T12:00:00", key=UNATTRIBUTED_KEY, is_error=True),
            call("5", "2026-10-31T12:00:00", key=MALFORMED_KEY),
            call("6", "2026-10-31T12:00:00", key="é'\"; DROP"),
        ]
        deployment.land(calls)
        expected = sorted(
            (one.key, f"{datetime.fromtimestamp(one.time_ms / 1000, UTC):%Y-%m-%d}") for one in calls
        )
        found = days(deployment)
        assert expected == [(day.key, day.period) for day in found]
        by_key = {(day.key, day.period): day.usage for day in found}
        for one in calls:
            day = f"{datetime.fromtimestamp(one.time_ms / 1000, UTC):%Y-%m-%d}"
            assert one.usage == by_key[one.key, Period(day)]

    def test_each_event_once(self, deployment: Deployment) -> None:
        """However often it lies there: in one object, in another, in another day's partition."""
        calls = [call(str(number), "2026-10-31T23:59:00") for number in range(5)]
        deployment.land([*calls, *calls[:2]], name="one")
        deployment.land(calls[:3], name="two")
        deployment.land(calls[:1], "2026-11-01", name="three")
        usage, hours = total(one.usage for one in calls), 5 * WEIGHTS[23]
        assert [LakeUsage("a", Period("2026-10-31"), usage, 11, hours)] == days(deployment)

    def test_copies_that_differ(self, deployment: Deployment) -> None:
        """One is chosen, the same each time, and all its values are its own."""
        copies = [
            call("1", "2026-10-05T00:00:00", response_bytes=size, latency_ms=100 - size) for size in (3, 1, 2)
        ]
        deployment.land(copies)
        (day,) = days(deployment)
        assert (1, 99, 3) == (day.usage.response_bytes, day.usage.latency_ms, day.rows)

    def test_partitions(self, deployment: Deployment) -> None:
        """A delivery lies in the day of its first call: what belongs to the month is found in the partitions
        beside it, and what does not is not taken from its own.
        """
        inside = [call("1", "2026-10-01T00:00:00"), call("2", "2026-10-31T23:59:59.999")]
        outside = [call("3", "2026-09-30T23:59:59.999"), call("4", "2026-11-01T00:00:00")]
        deployment.land([outside[0], inside[0]])
        deployment.land([inside[1], outside[1]])
        deployment.land([call("5", "2026-10-31T23:59:59")], "2026-11-01")
        assert ["2026-10-01", "2026-10-31"] == [day.period for day in days(deployment)]
        assert 3 == sum(day.usage.requests for day in days(deployment))
        assert [1, 1] == [
            sum(day.usage.requests for day in days(deployment, month)) for month in ("2026-09", "2026-11")
        ]

    def test_other_partitions_are_not_read(self, deployment: Deployment) -> None:
        """Neither another year's nor another month's: they would cost, and hold nothing of the month."""
        deployment.land([call("1", "2026-10-05T00:00:00")])
        deployment.analyst.s3.put_object(
            Bucket=deployment.analyst.bucket,
            Key="lake/year=2025/month=10/day=05/x.parquet",
            Body=b"no Parquet",
        )
        deployment.analyst.s3.put_object(
            Bucket=deployment.analyst.bucket,
            Key="lake/year=2026/month=11/day=02/x.parquet",
            Body=b"no Parquet",
        )
        assert 1 == len(days(deployment))

    def test_large_sums(self, deployment: Deployment) -> None:
        """Fingerprints go beyond 64 bits."""
        calls = [call(f"event {number}", "2026-10-05T00:00:00") for number in range(50)]
        deployment.land(calls)
        (day,) = days(deployment)
        assert sum(one.event_hash for one in calls) == day.usage.fingerprint > 2**64


def test_months_come_before_their_days() -> None:
    """The month of a key is the sum of its days."""
    first, second = Period("2026-10-01"), Period("2026-10-02")
    listed = [
        LakeUsage("a", first, Usage(1, fingerprint=5), 2),
        LakeUsage("a", second, Usage(2, fingerprint=6), 2),
        LakeUsage("b", second, Usage(3), 3),
    ]
    assert [
        [LakeUsage("a", Period("2026-10"), Usage(3, fingerprint=11), 4), *listed[:2]],
        [LakeUsage("b", Period("2026-10"), Usage(3), 3), listed[2]],
    ] == list(with_months(listed))


def test_quoted() -> None:
    """A literal of SQL, which ends where it should."""
    assert ["'a'", "''", "'a''b'", "''''"] == [quoted(text) for text in ("a", "", "a'b", "'")]
