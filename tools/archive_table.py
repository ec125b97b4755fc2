"""The table of docs/scale.md on archives: what a reconciliation reads of the counters, month after month.

`python -m tests.dynamodb_local python -m tools.archive_table` writes it into the page, in a minute. The same
keys call in every month; each month that is final by a tariff's usual `final_after` is moved by the shipped
code. It is AWS's own engine that cuts pages and counts read units. Requests are those of one segment: the
shipped scan has eight.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import boto3

from adapters.dynamodb.archives import DynamoDBArchives
from adapters.dynamodb.counter_reader import CounterReader
from adapters.dynamodb.layout import counter_pk, counter_sk, encode_position, part_attribute
from local_cloud.template.document import Stack
from metering.period import Period, days_of, following, is_day, months_between
from metering.prices.tariff import FINAL_AFTER
from metering.proof.archive import ROWS_OF_A_BATCH, ArchiveMark
from metering.usage import TOTALS
from reconciliation.report.verdict import counted
from tools.scale_table import PAGE

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

_TABLE: Final = re.compile(r"^\| months \| nothing .*\n(?:\|.*\n)+", re.MULTILINE)
_AT_ONCE: Final = 25
"""https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html"""
_FIRST: Final = Period("2024-01")
_POSITION: Final = 49_546_986_683_135_544_286_507_457_936_321_625_675_700_192_471_156_785_154
KEYS: Final = 20
MONTHS: Final = (1, 12, 36)


class ScanCost(NamedTuple):
    """What one reading of a month's counters takes."""

    requests: int
    items: int
    """That DynamoDB looked at."""
    read_units: float


class MonthsCost(NamedTuple):
    """The same at one number of months, with nothing archived and with all that is final."""

    months: int
    before: ScanCost
    after: ScanCost


def costs(dynamodb: DynamoDBClient, table: str, months: int, keys: int = KEYS) -> MonthsCost:
    """What reading the last of so many months takes, in an empty counters table."""
    periods = [_FIRST]
    while len(periods) < months:
        periods.append(following(periods[-1]))
    for month in periods:
        _fill(dynamodb, table, keys, month)
    before = _scan(dynamodb, table, periods[-1])
    for month in periods:
        if months_between(month, periods[-1]) > FINAL_AFTER + 1:
            _archive(DynamoDBArchives(dynamodb, table), month)
    return MonthsCost(months, before, _scan(dynamodb, table, periods[-1]))


def _fill(dynamodb: DynamoDBClient, table: str, keys: int, month: Period) -> None:
    """The counters of a month: of keys with calls in each hour."""
    items = [_item(f"{key:010x}", period) for key in range(keys) for period in (month, *days_of(month))]
    for start in range(0, len(items), _AT_ONCE):
        puts: Any = [{"PutRequest": {"Item": item}} for item in items[start : start + _AT_ONCE]]
        dynamodb.batch_write_item(RequestItems={table: puts})


def _item(key: str, period: Period) -> dict[str, Any]:
    parts = [f"{hour:02d}" for hour in range(24)] if is_day(period) else [one[-2:] for one in days_of(period)]
    return {
        "pk": {"S": counter_pk(key)},
        "sk": {"S": counter_sk(period, 0)},
        **{name: {"N": "123456789"} for name in TOTALS},
        **{part_attribute(period, part): {"N": "1234"} for part in parts},
        "w0": {"B": encode_position(_POSITION)},
    }


def _archive(archives: DynamoDBArchives, month: Period) -> None:
    rows = [row for row in archives.slices(month) if is_day(row.counter.period)]
    batches = range(0, len(rows), ROWS_OF_A_BATCH)
    mark = ArchiveMark(month, f"archive/{month}/index.json", "0" * 64, len(batches), 0)
    archives.begin(mark, "archive_table")
    for start in batches:
        if not archives.move_out(mark, rows[start : start + ROWS_OF_A_BATCH]):
            raise RuntimeError(f"somebody else archives {month}, too")
        mark = mark.after(1)


def _scan(dynamodb: DynamoDBClient, table: str, month: Period) -> ScanCost:
    requests: list[str] = []

    def note(event_name: str, **_: Any) -> None:
        requests.append(event_name)

    dynamodb.meta.events.register("before-send.dynamodb.Scan", note, unique_id="archive-table")
    reader = CounterReader(dynamodb, table, segments=1)
    for _ in reader.of_period(month):
        pass
    dynamodb.meta.events.unregister("before-send.dynamodb.Scan", unique_id="archive-table")
    return ScanCost(len(requests), reader.items_read, reader.read_units)


def row_of(found: MonthsCost) -> str:
    """A row of the table."""
    return f"| {found.months} | {_cell(found.before)} | {_cell(found.after)} |"


def _cell(cost: ScanCost) -> str:
    units = f"{cost.read_units:,.0f} read units"
    return f"{counted(cost.items, 'item')}, {units}, {counted(cost.requests, 'request')}"


def _lines(dynamodb: DynamoDBClient) -> Iterator[str]:
    yield "| months | nothing archived | final months archived |"
    yield "| --: | --- | --- |"
    for months in MONTHS:
        yield row_of(costs(dynamodb, _new_table(dynamodb, f"counters-{months}"), months))


def _new_table(dynamodb: DynamoDBClient, name: str) -> str:
    counters = Stack().resource("CountersTable")
    settings: Any = {key: counters[key] for key in ("AttributeDefinitions", "KeySchema", "BillingMode")}
    dynamodb.create_table(TableName=name, **settings)
    return name


def main() -> None:
    """Replace the table of the page."""
    page = PAGE.read_text(encoding="utf-8")
    session = boto3.session.Session("local", "local", region_name="us-east-1")
    table = "\n".join(_lines(session.client("dynamodb")))
    PAGE.write_text(_TABLE.sub(lambda _: table + "\n", page, count=1), encoding="utf-8")


if __name__ == "__main__":
    main()
