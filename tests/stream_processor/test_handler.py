"""The function as Lambda calls it, on moto: events in, counters and an answer out."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from adapters.dynamodb.counters import usage_of
from adapters.dynamodb.hot_path.conditional_writes import AttributeValue, ConditionalUpdates, client
from adapters.dynamodb.layout import UNPUBLISHED, account_pk, assignment_pk, counter_pk
from adapters.dynamodb.plans import PlanBook
from adapters.dynamodb.progress import highest_position
from adapters.dynamodb.refusals import LASTS, DynamoDBRefusals, RefusalReader
from adapters.dynamodb.stream_identity import DynamoDBStreamIdentity
from adapters.settings.functions import StreamProcessorSettings
from adapters.telemetry import telemetry
from metering.errors import Misconfigured
from metering.period import Period
from metering.quotas.plan import Assignment, Limit, Plan, Span, holder_of
from metering.quotas.ports import ThresholdCrossing
from metering.quotas.threshold import encode_crossing
from metering.usage import Metric, Usage, total
from stream_processor import handler as module
from stream_processor.handler import Handler, make_handler, make_processor
from stream_processor.processor import BatchReport
from stream_processor.stream_guard import StreamGuard
from tests.factories import delivery, kinesis_event, line, stream_record
from tests.recorded import recorded
from tests.tables import Tables, create_tables

NOW = datetime(2026, 11, 24, 19, tzinfo=UTC)
SEQUENCE = 49_635_052_289_529_725_553_291_405_521_504_870_233_219_489_715_332_317_186


@dataclass(frozen=True, slots=True)
class Context:
    """What Powertools reads of Lambda's context."""

    function_name: str = "stream_processor"
    memory_limit_in_mb: int = 1024
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:123456789012:function:stream_processor"
    aws_request_id: str = "4b2a"
    milliseconds: int = 120_000

    def get_remaining_time_in_millis(self) -> int:
        """An invocation that has just begun."""
        return self.milliseconds


@pytest.fixture
def tables(moto: str) -> Tables:
    """New tables."""
    return create_tables(moto)


@pytest.fixture
def reports() -> list[BatchReport]:
    """What the function reported of its batches."""
    return []


@pytest.fixture
def handle(tables: Tables, reports: list[BatchReport]) -> Handler:
    """The shipped function on these tables."""
    settings = StreamProcessorSettings.from_environment(
        {"COUNTERS_TABLE": tables.counters, "LEDGER_TABLE": tables.ledger}
    )
    processor = make_processor(settings, client(8, **tables.where))
    return make_handler(processor, telemetry("stream_processor", "UsageMeter"), reports.append)


def counters(tables: Tables) -> dict[tuple[str, str], Usage]:
    """All counters, by key and period."""
    found: dict[tuple[str, str], list[Usage]] = {}
    for item in tables.items(tables.counters):
        if item["pk"]["S"].startswith("key:"):
            place = (item["pk"]["S"].removeprefix("key:"), item["sk"]["S"].partition("#")[0])
            found.setdefault(place, []).append(usage_of(item))
    return {place: total(usages) for place, usages in found.items()}


def event(*deliveries: list[dict[str, str]]) -> dict[str, Any]:
    """An event of one record a delivery, whose lines are these."""
    records = [record(SEQUENCE + number, lines) for number, lines in enumerate(deliveries)]
    return {"Records": records}


def record(sequence_number: int, lines: list[dict[str, str]]) -> dict[str, Any]:
    events = [
        {
            "id": line["extendedRequestId"],
            "timestamp": int(line["requestTimeEpoch"]),
            "message": json.dumps(line),
        }
        for line in lines
    ]
    envelope = {"messageType": "DATA_MESSAGE", "logEvents": events}
    return {
        "eventSourceARN": "arn:aws:kinesis:us-east-1:123456789012:stream/calls",
        "eventID": f"shardId-000000000003:{sequence_number}",
        "kinesis": {
            "sequenceNumber": str(sequence_number),
            "data": base64.b64encode(gzip.compress(json.dumps(envelope).encode())).decode(),
            "approximateArrivalTimestamp": 1_793_275_201.25,
        },
    }


def call(name: str, key: str = "a1b2c3", status: str = "200") -> dict[str, str]:
    """A line of 2026-10-29, 12:00 UTC."""
    return {
        "extendedRequestId": name,
        "apiKeyId": key,
        "requestTimeEpoch": "1793275200579",
        "status": status,
        "responseLength": "100",
        "responseLatency": "7",
    }


class TestRecorded:
    def test_cloudwatch(self, handle: Handler, tables: Tables, reports: list[BatchReport]) -> None:
        """Real deliveries of a log that is no access log: every event is counted, as malformed."""
        sent = recorded("kinesisStreamCloudWatchLogsEvent.json")
        assert {"batchItemFailures": []} == handle(sent, Context())
        (report,) = reports
        assert (2, report.log_events, 0) == (report.records, report.malformed, report.metered)
        assert report.log_events > 0
        assert {"!malformed"} == {key for key, _ in counters(tables)}

    def test_no_gzip(self, handle: Handler, tables: Tables, reports: list[BatchReport]) -> None:
        """Two records of plain text: undecodable, one each, and the stream goes on."""
        assert {"batchItemFailures": []} == handle(recorded("kinesisStreamEvent.json"), Context())
        assert 2 == reports[0].undecodable
        assert 2 == counters(tables)["!undecodable", "2018-12"].requests


class TestCounting:
    def test_batch(self, handle: Handler, tables: Tables) -> None:
        """Calls are counted under their key, month and day; a call without a key under `-`."""
        handle(event([call("a"), call("b", status="500")], [call("c", key="-")]), Context())
        found = counters(tables)
        assert {"a1b2c3", "-"} == {key for key, _ in found}
        assert (2, 1, 1, 200, 14) == (
            found["a1b2c3", "2026-10-29"].requests,
            found["a1b2c3", "2026-10"].billable,
            found["a1b2c3", "2026-10"].errors,
            found["a1b2c3", "2026-10"].response_bytes,
            found["a1b2c3", "2026-10"].latency_ms,
        )
        assert (1, 0) == (found["-", "2026-10"].requests, found["-", "2026-10"].billable)

    def test_repeated(self, handle: Handler, tables: Tables, reports: list[BatchReport]) -> None:
        """The same batch again changes nothing, and is not reported as counted."""
        sent = event([call("a"), call("b")])
        handle(sent, Context())
        before = counters(tables)
        handle(sent, Context())
        assert before == counters(tables)
        assert [2, 0] == [report.metered for report in reports]
        assert [0, 2] == [report.refused for report in reports]

    def test_duplicate_delivery(self, handle: Handler, tables: Tables, reports: list[BatchReport]) -> None:
        """A delivery that comes again under another number shares its events: only the new one counts."""
        handle(event([call("a"), call("b")], [call("b"), call("c")]), Context())
        assert 3 == counters(tables)["a1b2c3", "2026-10"].requests
        assert (3, 1) == (reports[0].metered, reports[0].duplicates)

    def test_metrics(self, handle: Handler, capsys: pytest.CaptureFixture[str]) -> None:
        """The fates of the batch are metrics in the log, without a word of the calls."""
        handle(event([call("a"), call("b", key="-")]), Context())
        (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith('{"_aws"')]
        reported = json.loads(line)
        assert ([1.0], [1.0], [0.0]) == (
            reported["Metered"],
            reported["Unattributed"],
            reported["BatchesCutShort"],
        )
        assert "a1b2c3" not in line

    def test_lag(self, tables: Tables, capsys: pytest.CaptureFixture[str]) -> None:
        """How late the counters are is a metric: the age of the last record of the batch."""
        settings = StreamProcessorSettings.from_environment(
            {"COUNTERS_TABLE": tables.counters, "LEDGER_TABLE": tables.ledger}
        )
        handle = make_handler(
            make_processor(settings, client(1, **tables.where)),
            telemetry("stream_processor", "UsageMeter"),
            clock=lambda: datetime.fromtimestamp(1_793_275_209, UTC),
        )
        handle(event([call("a")]), Context())
        (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith('{"_aws"')]
        assert [7750.0] == json.loads(line)["CountersLagMilliseconds"]


class TestAnotherStream:
    """A mapping of another stream on the same tables."""

    def test_is_not_counted(self, tables: Tables) -> None:
        """Its batch fails, to be repeated, and no counter of it is written; the stream's own goes on. Why, is
        kept for the watch, which names it for a quarter of an hour.
        """
        updates = ConditionalUpdates(tables.dynamodb, 1)
        identity = DynamoDBStreamIdentity(tables.ledger, updates)
        refusals = DynamoDBRefusals(tables.counters, updates, lambda: NOW)
        highest = partial(highest_position, tables.dynamodb, tables.counters)
        guard = StreamGuard(identity, lambda _arn: 1, highest, refusals.note)
        settings = StreamProcessorSettings.from_environment(
            {"COUNTERS_TABLE": tables.counters, "LEDGER_TABLE": tables.ledger}
        )
        processor = make_processor(settings, client(1, **tables.where))
        handle = make_handler(processor, telemetry("stream_processor", "UsageMeter"), guard=guard)
        ours = event([call("a")])
        theirs = {
            "Records": [{**one, "eventSourceARN": "arn:other"} for one in event([call("b")])["Records"]]
        }
        handle(ours, Context())
        before = counters(tables)
        with pytest.raises(Misconfigured, match="a batch comes from arn:other, and these tables count arn:"):
            handle(theirs, Context())
        assert before == counters(tables)
        kept = RefusalReader(tables.dynamodb, tables.counters)
        assert str(kept.reason(NOW + LASTS / 2)).startswith("a batch comes from arn:other, and these tables")
        assert kept.reason(NOW + LASTS) is None
        handle(ours, Context())

    def test_made_anew(self, tables: Tables) -> None:
        """A stream that was deleted and made again is counted above what was counted, and refused below."""
        identity = DynamoDBStreamIdentity(tables.ledger, ConditionalUpdates(tables.dynamodb, 1))
        settings = StreamProcessorSettings.from_environment(
            {"COUNTERS_TABLE": tables.counters, "LEDGER_TABLE": tables.ledger}
        )
        processor = make_processor(settings, client(1, **tables.where))

        def handle(event: dict[str, Any], made: int) -> None:
            guard = StreamGuard(
                identity, lambda _arn: made, partial(highest_position, tables.dynamodb, tables.counters)
            )
            make_handler(processor, telemetry("stream_processor", "UsageMeter"), guard=guard)(
                event, Context()
            )

        old, new = event([call("a")]), event([call("b")])
        handle(old, 1)
        before, later = counters(tables), 1_800_000_000_000
        with pytest.raises(Misconfigured, match="was made again at 2027-01-15"):
            handle(new, later)
        assert before == counters(tables)
        kinesis = new["Records"][0]["kinesis"]
        kinesis["sequenceNumber"] = str(int(kinesis["sequenceNumber"]) + 1)
        handle(new, later)
        assert before != counters(tables)


Spoilt = tuple[str, str, AttributeValue]
"""How a partition key begins, an attribute, and what stands in its place."""

WAITING = ThresholdCrossing("1", "old", "", "pro", 1, "requests", Period("2026-10"), 2, "hard", 50, 1)


class Published:
    """The port `ThresholdPublisher`."""

    def publish(self, crossings: Sequence[ThresholdCrossing]) -> list[str | None]:
        return [None] * len(crossings)


class TestUnreadable:
    """Items that were edited by hand, or written by a newer version before a roll-back."""

    @pytest.fixture
    def handle(self, tables: Tables, reports: list[BatchReport]) -> Handler:
        """The shipped function, with plans."""
        settings = StreamProcessorSettings.from_environment(
            {"COUNTERS_TABLE": tables.counters, "LEDGER_TABLE": tables.ledger}
        )
        book = PlanBook(tables.counters, tables.dynamodb)
        book.put_plan(Plan("pro", (Limit(Metric.REQUESTS, Span.DAY, 2, thresholds=(50,)),)), None)
        book.assign(Assignment("bad", "pro", "acme"))
        book.assign(Assignment("good", "pro"))
        book.assign_account(Assignment(holder_of("acme"), "pro", "acme"))
        processor = make_processor(settings, client(8, **tables.where), Published())
        return make_handler(processor, telemetry("stream_processor", "UsageMeter"), reports.append)

    def spoil(self, table: str, tables: Tables, spoilt: Spoilt) -> str:
        """Put a value in place of an attribute of the first item with a partition key: the item's name."""
        pk, name, value = spoilt
        item = next(one for one in tables.items(table) if one["pk"]["S"].startswith(pk))
        tables.dynamodb.put_item(TableName=table, Item={**item, name: value})
        return " ".join(repr(item[part]["S"]) for part in ("pk", "sk") if part in item)

    def count_before(self, tables: Tables) -> None:
        """A first call of the key, counted by a process that knows no plans."""
        settings = StreamProcessorSettings.from_environment(
            {"COUNTERS_TABLE": tables.counters, "LEDGER_TABLE": tables.ledger}
        )
        first = stream_record(delivery([line(apiKeyId="bad", extendedRequestId="first")]))
        make_processor(settings, client(1, **tables.where)).process([first])

    @pytest.mark.parametrize(
        "spoilt",
        [
            (assignment_pk("bad"), "content", {"S": '{"key":"bad","plan":"pro","status":"paused"}'}),
            (account_pk("acme"), "content", {"N": "1"}),
            (counter_pk("bad"), "errors", {"S": "none"}),
            (counter_pk("bad"), "requests", {"N": "1.5"}),
            ("heaviest:", "totals", {"M": {"bad": {"S": "many"}}}),
            (UNPUBLISHED, "content", {"S": "{}"}),
        ],
    )
    def test_counting_goes_on(
        self,
        tables: Tables,
        handle: Handler,
        capsys: pytest.CaptureFixture[str],
        caplog: pytest.LogCaptureFixture,
        spoilt: Spoilt,
    ) -> None:
        """What is not needed to count is named, with a metric, and stops nobody."""
        self.count_before(tables)
        waiting = {"pk": {"S": UNPUBLISHED}, "sk": {"S": "1"}, "content": {"S": encode_crossing(WAITING)}}
        tables.dynamodb.put_item(TableName=tables.counters, Item=waiting)
        item = self.spoil(tables.counters, tables, spoilt)
        calls = [delivery([line(apiKeyId=key, extendedRequestId=key)]) for key in ("bad", "good")]
        assert {"batchItemFailures": []} == handle(kinesis_event(calls, first=1), Context())
        (named,) = vars(caplog.records[-1])["items"]
        assert item in named
        metrics = [line for line in capsys.readouterr().out.splitlines() if line.startswith('{"_aws"')]
        assert [1.0] == json.loads(metrics[-1])["StoredItemsUnreadable"]
        assert "told:good" in {one["pk"]["S"] for one in tables.items(tables.counters)}

    @pytest.mark.parametrize(
        "spoilt",
        [
            ("", "claims", {"L": [{"B": b"\x05junk"}]}),
            ("", "w0", {"B": b"\xff"}),
            (counter_pk("bad"), "w0", {"B": b"\xff"}),
            (counter_pk("bad"), "requests", {"S": "many"}),
        ],
    )
    def test_counting_is_impossible(self, tables: Tables, handle: Handler, spoilt: Spoilt) -> None:
        """Who owns an event, or what a counter holds, cannot be known: the batch fails and names the item,
        and is counted when the item is repaired.
        """
        self.count_before(tables)
        table = tables.counters if spoilt[0] else tables.ledger
        before = tables.items(table)
        item = self.spoil(table, tables, spoilt)
        sent = kinesis_event([delivery([line(apiKeyId="bad", extendedRequestId="b")])], first=1)
        with pytest.raises(Misconfigured) as caught:
            handle(sent, Context())
        assert item in str(caught.value)
        for one in before:
            tables.dynamodb.put_item(TableName=table, Item=one)
        assert {"batchItemFailures": []} == handle(sent, Context())
        assert 2 == counters(tables)["bad", "2026-10"].requests


class TestFailure:
    def test_throttled(self, tables: Tables, reports: list[BatchReport]) -> None:
        """If a table does not answer, Lambda repeats from the first record that is not in; then all is."""
        dynamodb = client(1, **tables.where)
        refuse = True

        def fail(request: Any, **_: Any) -> None:
            if refuse and b"key:slow" in request.body:
                raise EndpointConnectionError(endpoint_url=request.url)

        dynamodb.meta.events.register("before-send.dynamodb.UpdateItem", fail)
        settings = StreamProcessorSettings.from_environment(
            {"COUNTERS_TABLE": tables.counters, "LEDGER_TABLE": tables.ledger, "WRITE_CONCURRENCY": "1"}
        )
        handle = make_handler(
            make_processor(settings, dynamodb), telemetry("stream_processor", "UsageMeter"), reports.append
        )
        sent = event([call("a")], [call("b", key="slow")], [call("c")])
        assert {"batchItemFailures": [{"itemIdentifier": str(SEQUENCE + 1)}]} == handle(sent, Context())
        refuse = False
        assert {"batchItemFailures": []} == handle({"Records": sent["Records"][1:]}, Context())
        found = counters(tables)
        assert (2, 1) == (found["a1b2c3", "2026-10"].requests, found["slow", "2026-10"].requests)

    def test_misconfigured(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Without settings nothing is begun, and every missing one is named."""
        for name in ("COUNTERS_TABLE", "LEDGER_TABLE"):
            monkeypatch.delenv(name, raising=False)
        module._deployed.cache_clear()  # noqa: SLF001 - as in a new process
        with pytest.raises(Misconfigured, match=r"COUNTERS_TABLE is not set; LEDGER_TABLE is not set"):
            module.handler({"Records": []}, Context())

    def test_missing_table(self, tables: Tables) -> None:
        """A table that is not there is no passing fault: the invocation fails, and says which."""
        settings = StreamProcessorSettings.from_environment(
            {"COUNTERS_TABLE": tables.counters, "LEDGER_TABLE": "nowhere"}
        )
        handle = make_handler(
            make_processor(settings, client(8, **tables.where)), telemetry("stream_processor", "UsageMeter")
        )
        with pytest.raises(Misconfigured, match="nowhere"):
            handle(event([call("a")]), Context())


class TestDeployed:
    def test_environment(self, tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
        """The handler of the template finds its tables by its environment alone."""
        variables = {
            "COUNTERS_TABLE": tables.counters,
            "LEDGER_TABLE": tables.ledger,
            "AWS_ENDPOINT_URL": tables.endpoint,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "POWERTOOLS_METRICS_NAMESPACE": "UsageMeter",
            "POWERTOOLS_SERVICE_NAME": "stream_processor",
        }
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(module, "made_at", lambda _client, _arn: 1)
        module._deployed.cache_clear()  # noqa: SLF001 - as in a new process
        assert {"batchItemFailures": []} == module.handler(event([call("a")]), Context())
        assert 1 == counters(tables)["a1b2c3", "2026-10"].requests
        module._deployed.cache_clear()  # noqa: SLF001
