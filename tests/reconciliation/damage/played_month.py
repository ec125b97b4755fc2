"""A month as it was played, with keys and days for each attack: lines in the log group, counters, objects."""

from __future__ import annotations

import copy
import io
import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from itertools import groupby
from typing import Any, Final

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from adapters.dynamodb.layout import counter_pk, counter_sk
from metering.billing_rule import BillingRule
from metering.calls.access_log import read_call
from metering.calls.delivery import LogEvent
from metering.calls.lake_row import lake_rows
from metering.period import Period
from reconciliation.model.report import Report
from reconciliation.reconcile import Reconciler
from tests.factories import line
from tests.reconciliation.month_end import AFTER, OCTOBER, Deployment, at
from tests.reconciliation.real_month import log

DAY: Final = "2026-10-30"
LAST_DAY: Final = "2026-10-31"
NOVEMBER: Final = "2026-11"
CALLS_OF_A_DAY: Final = 6
Row = dict[str, Any]
Item = dict[str, Any]


def day_of_object(number: int) -> str:
    """The day that the attack on the object of a number has for itself: every day up to the 28th."""
    return f"{date(2026, 10, 2) + timedelta(days=number)}"


def object_name(day: str, name: str = "part.parquet") -> str:
    """An object of a day's folder."""
    year, month, day_of_month = day.split("-")
    return f"lake/year={year}/month={month}/day={day_of_month}/{name}"


def played_events(days_of_keys: Mapping[str, Sequence[str]]) -> list[LogEvent]:
    """Calls of each key on each of its days, in three hours; no two of a key are alike. A second key
    (`KEY.b`) and the last day of the month have two.
    """
    places = [
        (key, day, place)
        for key, days in days_of_keys.items()
        for day in days
        for place in range(2 if key.endswith(".b") or day == LAST_DAY else CALLS_OF_A_DAY)
    ]
    events = []
    for number, (key, day, place) in enumerate(places):
        time = at(f"{day}T{9 + place % 3:02d}:{10 + place:02d}:07") + number
        text = line(
            extendedRequestId=f"{key}-{day[5:]}-{place}",
            apiKeyId=key,
            requestTimeEpoch=str(time),
            status=str({4: 503, 5: 404}.get(place, 200)),
            responseLength=str(1_000 + 97 * number + 501 * place * place),
            requestLength=str(200 + 13 * place),
            responseLatency=str(20 + 7 * place + number),
        )
        events.append(LogEvent(f"{number:056d}", time + 300, text))
    return sorted(events, key=lambda event: event.timestamp)


class PlayedMonth:
    """The deployment as it was played, and the ways to damage and restore it."""

    def __init__(self, deployment: Deployment, days_of_keys: Mapping[str, Sequence[str]]) -> None:
        self.deployment = deployment
        self.bucket = deployment.settings.lake_bucket
        self.table = deployment.settings.counters_table
        events = played_events(days_of_keys)
        for number, (_, of_day) in enumerate(
            groupby(events, key=lambda event: event.timestamp // 86_400_000)
        ):
            log(deployment, list(of_day), f"stage-{number}")
        deployment.count(read_call(event, BillingRule()) for event in events)
        by_day: dict[str, list[Row]] = defaultdict(list)
        for row in lake_rows(events, BillingRule()):
            by_day[row.eventtime[:10]].append(msgspec.to_builtins(row))
        for day, rows in by_day.items():
            deployment.analyst.store(day, *rows)
        self._objects = {name: self.read(name) for name in self._names()}
        self.tables = {name: pq.read_table(io.BytesIO(body)) for name, body in self._objects.items()}
        self._items = self._scan()

    def _names(self) -> list[str]:
        pages = self.deployment.s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix="lake/"
        )
        return [entry["Key"] for page in pages for entry in page.get("Contents", [])]

    def read(self, name: str) -> bytes:
        """An object as it is now."""
        body: bytes = self.deployment.s3.get_object(Bucket=self.bucket, Key=name)["Body"].read()
        return body

    def _scan(self) -> dict[tuple[str, str], Item]:
        pages = self.deployment.dynamodb.get_paginator("scan").paginate(TableName=self.table)
        return {(item["pk"]["S"], item["sk"]["S"]): item for page in pages for item in page["Items"]}

    def put(self, name: str, body: bytes) -> None:
        """Put an object."""
        self.deployment.s3.put_object(Bucket=self.bucket, Key=name, Body=body)

    def remove(self, name: str) -> None:
        """Remove an object."""
        self.deployment.s3.delete_object(Bucket=self.bucket, Key=name)

    def write(self, item: Item) -> None:
        """Put an item into the counters table."""
        self.deployment.dynamodb.put_item(TableName=self.table, Item=item)

    def delete(self, place: tuple[str, str]) -> None:
        """Delete an item of the counters table."""
        pk, sk = place
        self.deployment.dynamodb.delete_item(TableName=self.table, Key={"pk": {"S": pk}, "sk": {"S": sk}})

    def damaged(self) -> Damage:
        """The month, to be damaged."""
        return Damage(self, self._objects, self._items)

    def restore(self) -> None:
        """Put everything right again."""
        for name in set(self._names()) - self._objects.keys():
            self.remove(name)
        for name, body in self._objects.items():
            self.put(name, body)
        now = self._scan()
        for place in now.keys() - self._items.keys():
            self.delete(place)
        for place, item in self._items.items():
            if now.get(place) != item:
                self.write(item)

    def reconcile(self, month: str = OCTOBER, *, with_log: bool = True) -> Report:
        """Compare a month."""
        sources = self.deployment.sources
        reconciler = Reconciler(sources if with_log else sources._replace(log=None), lambda: AFTER)
        return reconciler.reconcile(Period(month), run_id=uuid.uuid4().hex)


class Damage:
    """Lake and counters as attacks change them, written at the end."""

    def __init__(
        self, month: PlayedMonth, objects: Mapping[str, bytes], items: Mapping[tuple[str, str], Item]
    ) -> None:
        self._month = month
        self._were = objects, items
        self._rows: dict[str, list[Row]] = {}
        self.objects = dict(objects)
        self.items = {place: copy.deepcopy(item) for place, item in items.items()}

    def rows(self, day: str = DAY) -> list[Row]:
        """All rows of a day, to be changed."""
        name = object_name(day)
        return self._rows.setdefault(name, self._month.tables[name].to_pylist())

    def of(self, key: str, day: str = DAY) -> list[Row]:
        """The rows that a key had on a day, to be changed."""
        return [row for row in self.rows(day) if row["eventid"] and row["eventid"].startswith(f"{key}-")]

    def table_of(self, day: str) -> pa.Table:
        """The rows of a day as they were, as a table."""
        return self._month.tables[object_name(day)]

    def store(self, name: str, table: pa.Table, **options: Any) -> None:
        """Put a table into an object."""
        target = io.BytesIO()
        pq.write_table(table, target, **({"use_deprecated_int96_timestamps": True} | options))
        self.objects[name] = target.getvalue()

    def counter(self, key: str, period: str, slice_number: int = 0) -> Item:
        """A counter's item, to be changed; a new one where there is none."""
        pk, sk = counter_pk(key), counter_sk(Period(period), slice_number)
        return self.items.setdefault((pk, sk), {"pk": {"S": pk}, "sk": {"S": sk}})

    def add(self, key: str, period: str, slice_number: int = 0, **changes: int) -> None:
        """Add to a counter."""
        item = self.counter(key, period, slice_number)
        for name, change in changes.items():
            item[name] = {"N": str(int(item.get(name, {"N": "0"})["N"]) + change)}

    def write(self) -> None:
        """Write what was changed."""
        for name, rows in self._rows.items():
            self.store(name, pa.Table.from_pylist(rows, schema=self._month.tables[name].schema))
        objects, items = self._were
        for name in objects.keys() - self.objects.keys():
            self._month.remove(name)
        for name, body in self.objects.items():
            if objects.get(name) != body:
                self._month.put(name, body)
        for place in items.keys() - self.items.keys():
            self._month.delete(place)
        for place, item in self.items.items():
            if items.get(place) != item:
                self._month.write(item)


def one_call(row: Row, times: int = 1) -> tuple[dict[str, int], dict[str, int]]:
    """What the call of a row adds to its day's counter, and to its month's."""
    totals = {
        "requests": times,
        "billable": times * row["billable"],
        "errors": times * (row["status"] >= 400),
        "response_bytes": times * row["responsesize"],
        "request_bytes": times * row["requestsize"],
        "latency_ms": times * row["responselatency"],
        "fingerprint": times * row["eventhash"],
    }
    time = row["eventtime"]
    return totals | {f"h{time:%H}": times}, totals | {f"d{time:%d}": times}
