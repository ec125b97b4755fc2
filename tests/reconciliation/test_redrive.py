"""What landed under the error prefix comes into the lake once, however often a redrive runs or dies."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firehose_transform.transform import transform
from metering.billing_rule import BillingRule
from metering.calls.delivery import LogEvent
from metering.calls.lake_row import LakeRow, encode_rows, lake_rows
from metering.calls.record import StreamRecord, read_record
from metering.period import Period
from reconciliation import redrive as module
from reconciliation.lake.firehose_errors import pieces
from reconciliation.redrive import Redriven, redrive
from tests.factories import (
    NOON_MS,
    SHARD,
    control_message,
    delivery,
    firehose_event,
    kpl_aggregate,
    line,
    lines,
    log_event,
    sequence_number,
)
from tests.reconciliation.lake.test_firehose_errors import tallied

RULE = BillingRule()
NAME = "errors/processing-failed/year=2026/month=10/day=31/lake-1-2026-10-31-12-00-00-0a1b"
NAME_OF_ROWS = NAME.replace("processing-failed", "format-conversion-failed")
OCTOBER_31 = Period("2026-10-31")
DAY_MS = 86_400_000


class CrashError(Exception):
    """The process dies."""


class Store:
    """Error objects and lake in memory. It dies before or after its write of a number, if one is given."""

    def __init__(self, objects: dict[str, bytes]) -> None:
        self.errors = dict(objects)
        self.archived: dict[str, bytes] = {}
        self.lake: dict[tuple[Period, str], list[LakeRow]] = {}
        self.writes = 0
        self.dies_before = 0
        self.dies_after = 0

    def names(self) -> Iterator[str]:
        """Those of all error objects."""
        yield from sorted(self.errors)

    def read(self, name: str) -> bytes | None:
        """The content of one."""
        return self.errors.get(name)

    def archive(self, name: str, digest: str, content: bytes) -> None:
        """Keep a content."""
        with self._write():
            self.archived[f"{name}-{digest}"] = content

    def leave(self, name: str, content: bytes) -> None:
        """Replace or remove."""
        with self._write():
            self.errors[name] = content
            if not content:
                del self.errors[name]

    def write(self, day: Period, name: str, rows: Sequence[LakeRow]) -> int:
        """Put an object into the lake."""
        with self._write():
            self.lake[day, name] = list(rows)
        return len(encode_rows(rows))

    def _write(self) -> _Death:
        self.writes += 1
        return _Death(before=self.writes == self.dies_before, after=self.writes == self.dies_after)

    @property
    def event_ids(self) -> list[str]:
        """Those of all rows in the lake."""
        return sorted(row.eventid for rows in self.lake.values() for row in rows)

    def redrive(self, **options: Any) -> Redriven:
        """One run."""
        return redrive(self, self, RULE, **options)


class _Death:
    def __init__(self, *, before: bool, after: bool) -> None:
        self._before, self._after = before, after

    def __enter__(self) -> None:
        if self._before:
            raise CrashError

    def __exit__(self, *_: object) -> None:
        if self._after:
            raise CrashError


def processing_failed(data: bytes, arrived_at_ms: int = NOON_MS) -> dict[str, Any]:
    """The document for a record that the transform did not process."""
    return {
        "attemptsMade": 4,
        "arrivalTimestamp": arrived_at_ms,
        "errorCode": "Lambda.FunctionError",
        "errorMessage": "The Lambda function was successfully invoked but it returned an error result.",
        "attemptEndingTimestamp": arrived_at_ms + 60_000,
        "rawData": base64.b64encode(data).decode(),
        "lambdaArn": "arn:aws:lambda:us-east-1:123456789012:function:firehose_transform:$LATEST",
    }


def conversion_failed(data: bytes) -> dict[str, Any]:
    """The document for a record whose rows did not fit the table, as the transform made them."""
    answer, _ = transform(firehose_event([data]), RULE)
    return {
        "attemptsMade": 1,
        "arrivalTimestamp": NOON_MS,
        "lastErrorCode": "DataFormatConversion.MalformedData",
        "lastErrorMessage": "One or more records do not match the table schema.",
        "attemptEndingTimestamp": NOON_MS + 60_000,
        "rawData": answer["records"][0]["data"],
        "sequenceNumber": sequence_number(),
        "subSequenceNumber": 0,
        "dataCatalogTable": {"databaseName": "usage_meter", "tableName": "api_gateway_logs"},
    }


def content(*documents: dict[str, Any], between: str = "\n") -> bytes:
    """An error object."""
    return "".join(json.dumps(document) + between for document in documents).encode()


def ids(number: int, first: int = 0) -> list[str]:
    """The event ids of so many lines of the factory."""
    return [f"{place:015x}=" for place in range(first, first + number)]


class TestRecords:
    def test_record(self) -> None:
        """A record that the transform did not process becomes the rows that it would have become."""
        sent = delivery([*lines(2), "no line", line(apiKeyId="-", extendedRequestId="x=")])
        store = Store({NAME: content(processing_failed(sent))})
        result = store.redrive()
        (rows,) = store.lake.values()
        answer, _ = transform(firehose_event([sent]), RULE)
        assert base64.b64decode(answer["records"][0]["data"]) == encode_rows(rows)
        assert (1, 1, 1, 4, 1) == (
            result.objects,
            result.emptied,
            result.records,
            result.rows,
            result.lake_objects,
        )
        assert (0, len(encode_rows(rows))) == (result.unreadable, result.bytes)

    def test_rows(self) -> None:
        """Rows that could not be converted become rows of the lake as they are."""
        sent = delivery([*lines(2), "no line"])
        store = Store({NAME: content(conversion_failed(sent))})
        assert (1, 3, 0) == ((result := store.redrive()).records, result.rows, result.unreadable)
        (rows,) = store.lake.values()
        answer, _ = transform(firehose_event([sent]), RULE)
        assert base64.b64decode(answer["records"][0]["data"]) == encode_rows(rows)

    def test_one_row(self) -> None:
        """A single row is taken for a row and not for a bare access-log line, though it has a status too."""
        store = Store({NAME: content(conversion_failed(delivery(lines(1))))})
        store.redrive()
        ((row,),) = store.lake.values()
        assert (ids(1), "metered") == ([row.eventid], row.outcome)

    def test_bare_line(self) -> None:
        """A bare access-log line is one, whatever fields it has; it was logged when it arrived."""
        sent = line(eventid="x", eventhash=1, eventtime="2026-10-31 12:00:00.000", requestTimeEpoch="-")
        store = Store({NAME: content(processing_failed(sent.encode(), NOON_MS + 5))})
        store.redrive()
        ((row,),) = store.lake.values()
        assert ("8af5e02dd7f1509=", "2026-10-31 12:00:00.005") == (row.eventid, row.eventtime)

    def test_nameless(self) -> None:
        """An event without an id is named after its record's content, so that two documents of one record
        give it one name, and two records two.
        """
        first = processing_failed(line(extendedRequestId="-").encode())
        other = processing_failed(line(extendedRequestId="-").encode(), NOON_MS + 1)
        store = Store({NAME: content(first, other), NAME + "c": content(first)})
        store.redrive()
        assert 3 == len(store.event_ids)
        assert 2 == len(set(store.event_ids))

    def test_aggregate(self) -> None:
        """All user records of an aggregate are read, and have names of their own."""
        nameless = [line(extendedRequestId="-").encode()] * 2
        store = Store({NAME: content(processing_failed(kpl_aggregate([*nameless, delivery(lines(1))])))})
        assert (1, 3) == ((result := store.redrive()).records, result.rows)
        assert 3 == len(set(store.event_ids))

    @pytest.mark.parametrize("nothing", [b"", b"\n \n"])
    def test_empty(self, nothing: bytes) -> None:
        """An object without documents is done with."""
        store = Store({NAME: nothing})
        assert (1, 1, 0) == ((result := store.redrive()).objects, result.emptied, result.lake_objects)
        assert {} == store.errors

    @pytest.mark.parametrize("between", ["", "\n", " \r\n\t"])
    def test_concatenated(self, between: str) -> None:
        """Documents follow one another with or without space between them."""
        documents = [processing_failed(delivery(lines(1))), conversion_failed(delivery(lines(1)))]
        store = Store({NAME: content(*documents, between=between)})
        assert (2, 2) == ((result := store.redrive()).records, result.rows)

    @pytest.mark.parametrize("data", [control_message(), delivery([])])
    def test_nothing_in_it(self, data: bytes) -> None:
        """A control message that failed with its batch is done with."""
        store = Store({NAME: content(processing_failed(data))})
        result = store.redrive()
        assert (1, 1, 0, 0) == (result.without_events, result.emptied, result.records, result.unreadable)
        assert ({}, {}) == (store.errors, store.lake)


class TestPlace:
    def test_days(self) -> None:
        """Every row goes to the day of its own time."""
        tomorrow = line(requestTimeEpoch=str(NOON_MS + DAY_MS - 1))
        store = Store({NAME: content(processing_failed(delivery([line(), tomorrow, "no line"])))})
        store.redrive()
        assert {OCTOBER_31: 2, Period("2026-11-01"): 1} == {
            day: len(rows) for (day, _), rows in store.lake.items()
        }

    def test_large(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Many rows of a day are written in several objects."""
        monkeypatch.setattr(module, "ROWS_OF_OBJECT", 4)
        documents = [processing_failed(delivery(lines(9)[first : first + 3])) for first in (0, 3, 6)]
        store = Store({NAME: content(*documents)})
        result = store.redrive()
        assert [6, 3] == [len(rows) for _, rows in sorted(store.lake.items())]
        assert (2, ids(9)) == (result.lake_objects, store.event_ids)

    def test_objects(self) -> None:
        """Objects do not overwrite one another's rows, not even with the same content."""
        same = content(processing_failed(delivery(lines(1))))
        store = Store({NAME: same, NAME + "2": same})
        assert (2, 2) == ((result := store.redrive()).objects, result.lake_objects)
        assert ids(1) * 2 == store.event_ids

    def test_archive(self) -> None:
        """A redriven object is kept as it was."""
        store = Store({NAME: content(processing_failed(delivery(lines(1))))})
        before = dict(store.errors)
        store.redrive()
        assert ({}, list(before.values())) == (store.errors, list(store.archived.values()))


class TestUnreadable:
    def test_stays(self) -> None:
        """What still cannot be read stays as it is, is counted and explained, and costs no write."""
        objects = {NAME: content(processing_failed(b"no gzip"), processing_failed(delivery(lines(2))[:-9]))}
        store = Store(objects)
        result = store.redrive()
        assert (objects, {}, 0) == (store.errors, store.archived, store.writes)
        assert (1, 0, 0, 2) == (result.objects, result.emptied, result.records, result.unreadable)
        first, second = result.explained
        assert (NAME, 1) == (first.object, first.number)
        assert "neither a delivery (gzip) nor an access-log line" in first.reason
        assert (2, "the gzip data is cut off") == (second.number, second.reason)

    def test_mixed(self) -> None:
        """Of an object of both kinds the readable documents are brought; the others stay, word for word."""
        bad = processing_failed(b"no gzip")
        store = Store(
            {NAME: content(processing_failed(delivery(lines(1))), bad, conversion_failed(delivery(lines(1))))}
        )
        result = store.redrive()
        assert (2, 1, 0) == (result.records, result.unreadable, result.emptied)
        assert {NAME: content(bad)} == store.errors
        assert (
            Redriven(dry_run=False, objects=1, unreadable=1, explained=store.redrive().explained)
            == store.redrive()
        )
        assert 2 == len(store.event_ids)

    def test_readable_later(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """What a later version can read goes to an object of its own, beside what was brought before."""
        late = processing_failed(delivery(lines(2)))
        store = Store({NAME: content(processing_failed(delivery(lines(1))), late)})
        with monkeypatch.context() as patch:
            real = module.read_piece
            patch.setattr(
                module, "read_piece", lambda one, rule: None if one.document == late else real(one, rule)
            )
            store.redrive()
        assert (ids(1), {NAME: content(late)}) == (store.event_ids, store.errors)
        store.redrive()
        assert (sorted(ids(1) + ids(2)), {}) == (store.event_ids, store.errors)
        assert 2 == len(store.archived)

    def test_part_of_an_aggregate(self) -> None:
        """Of an aggregate the readable user records are brought; a document stays for each of the others."""
        aggregate = kpl_aggregate([delivery(lines(1)), b"bad", b"worse", b"lost"], unreadable_from=3)
        document = processing_failed(aggregate)
        store = Store({NAME: content(document)})
        before = read_record(StreamRecord(SHARD, 1, aggregate, NOON_MS), RULE)
        assert (1, 1, 1) == ((result := store.redrive()).records, result.rows, result.unreadable)
        staying = [json.loads(one) for one in store.errors[NAME].splitlines()]
        assert [b"", b"bad", b"worse"] == [base64.b64decode(one.pop("rawData")) for one in staying]
        assert all(one == {name: document[name] for name in document if name != "rawData"} for one in staying)
        assert before.undecodable == tallied(store.errors.items(), Period("2026-10")).at_most
        assert 3 == store.redrive().unreadable

    @pytest.mark.parametrize(
        "document",
        [{}, [], 17, {"rawData": "bm8gZ3ppcA=="}, {"rawData": "*", "arrivalTimestamp": 1}, {"rawData": None}],
    )
    def test_no_document(self, document: Any) -> None:
        """Something else under the error prefix stays, and does not stand in the way of the others."""
        store = Store({NAME: content(document), NAME + "2": content(processing_failed(delivery(lines(1))))})
        result = store.redrive()
        assert (1, 1, [NAME]) == (result.records, result.unreadable, list(store.errors))

    @pytest.mark.parametrize(
        "rubbish", [b"rubbish\n", b'{"rawData": "\n', b"\xff\xfe\n", b"[" * 99_999 + b"\n"]
    )
    def test_rubbish(self, rubbish: bytes) -> None:
        """Text that is no JSON stays, byte for byte, and the documents after it are found."""
        document = content(processing_failed(delivery(lines(1))))
        store = Store({NAME: document + rubbish + document})
        result = store.redrive()
        assert (2, 1, {NAME: rubbish}) == (result.records, result.unreadable, store.errors)

    def test_explained(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """All are counted, the first ones explained."""
        monkeypatch.setattr(module, "MOST_EXPLAINED", 2)
        store = Store({NAME: content(*[processing_failed(b"no gzip")] * 3)})
        assert (3, 2) == ((result := store.redrive()).unreadable, len(result.explained))


class TestRepetition:
    OBJECTS = {  # noqa: RUF012 - nothing changes it
        NAME: content(
            processing_failed(delivery(lines(3))),
            processing_failed(b"no gzip"),
            processing_failed(
                delivery([log_event(line(requestTimeEpoch=str(NOON_MS + DAY_MS)), timestamp=NOON_MS)])
            ),
        ),
        NAME_OF_ROWS: content(conversion_failed(delivery(lines(2)))),
        NAME + "2": content(processing_failed(b"no gzip")),
    }

    def test_again(self) -> None:
        """A second run finds nothing to do."""
        store = Store(self.OBJECTS)
        store.redrive()
        lake, writes = dict(store.lake), store.writes
        result = store.redrive()
        assert (lake, writes) == (store.lake, store.writes)
        assert (2, 0, 2) == (result.objects, result.records, result.unreadable)

    @pytest.mark.parametrize("moment", ["dies_before", "dies_after"])
    def test_crash(self, moment: str) -> None:
        """Wherever it dies, runs after it bring the lake to where one run would have brought it."""
        whole = Store(self.OBJECTS)
        whole.redrive()
        for number in count(1):
            store = Store(self.OBJECTS)
            setattr(store, moment, number)
            try:
                store.redrive()
            except CrashError:
                store.redrive()
            else:
                break
            assert (whole.lake, whole.errors, whole.archived) == (store.lake, store.errors, store.archived)
        assert whole.writes + 1 == number

    def test_gone(self) -> None:
        """An object that another run has removed meanwhile is no fault."""
        store = Store(self.OBJECTS)
        names = list(store.names())
        store.redrive()
        store.names = lambda: iter(names)  # type: ignore[method-assign]  # as listed before
        assert 2 == store.redrive().objects

    def test_dry_run(self) -> None:
        """A dry run says what a run would do, and does nothing."""
        store = Store(self.OBJECTS)
        reported = store.redrive(dry_run=True)
        assert (0, self.OBJECTS) == (store.writes, store.errors)
        done = store.redrive()
        assert reported.dry_run
        reported.dry_run, reported.bytes = False, done.bytes
        assert done == reported

    def test_progress(self) -> None:
        """The name of each object is reported before its turn."""
        reported: list[str] = []
        Store(self.OBJECTS).redrive(on_object=reported.append)
        assert sorted(self.OBJECTS) == reported


class TestAgreement:
    def test_nothing_waits(self) -> None:
        """After a redrive a reconciliation finds no record that waits, and the undecodable ones as before."""
        store = Store(TestRepetition.OBJECTS)
        before = tallied(store.errors.items(), Period("2026-10"))
        store.redrive()
        after = tallied(store.errors.items(), Period("2026-10"))
        assert before.waiting > 0
        assert (0, before.at_least, before.at_most) == (after.waiting, after.at_least, after.at_most)


class TestPieces:
    @given(st.lists(st.text('{}[]":,1\n a\ud800', max_size=12)))
    def test_nothing_lost(self, texts: list[str]) -> None:
        """Every byte of an object is in a piece, but for space between documents."""
        body = "".join(texts).encode("utf-8", "replace")
        found = "".join(piece.text for piece in pieces(body)).encode("utf-8", "surrogateescape")
        assert body.translate(None, b" \n") == found.translate(None, b" \n")


def test_row_of_the_transform() -> None:
    """A row that was read from its JSON is the row that was written."""
    rows = lake_rows([LogEvent("1", NOON_MS, line()), LogEvent("2", NOON_MS, "no line")], RULE)
    assert rows == module._transformed(encode_rows(rows))  # noqa: SLF001 - both ends of one format
