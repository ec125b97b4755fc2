"""What somebody may do to rows, objects and counters of a month that was right."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa

from metering.calls.event_id import event_hash
from tests.reconciliation.damage.played_month import (
    DAY,
    LAST_DAY,
    Damage,
    Row,
    object_name,
    one_call,
)
from tests.reconciliation.month_end import OCTOBER

Act = Callable[[Damage, str], None]

ROWS: dict[str, Act] = {}
"""Attacks on rows by their names, each for a key of its own; where it takes two, the other is `KEY.b`."""
COUNTERS: dict[str, Act] = {}
"""Attacks on counters, likewise."""
OBJECTS: dict[str, Act] = {}
"""Attacks on the object of a day, each for a day of its own."""


def of(table: dict[str, Act], name: str) -> Callable[[Act], Act]:
    """Enter an attack."""

    def entered(act: Act) -> Act:
        table[name] = act
        return act

    return entered


def cells(name: str, **values: Any) -> None:
    """An attack that writes other values into the cells of one row."""

    def act(damage: Damage, key: str) -> None:
        row = damage.of(key)[1]
        row.update({cell: value(row) if callable(value) else value for cell, value in values.items()})

    ROWS[name] = act


def made_up(event_id: str) -> dict[str, Any]:
    """An id with the hash that it has."""
    return {"eventid": event_id, "eventhash": event_hash(event_id)}


def later(**by: int) -> Callable[[Row], datetime]:
    """The row's time, so much later."""
    return lambda row: row["eventtime"] + timedelta(**by)


@of(ROWS, "a row is deleted")
def _(damage: Damage, key: str) -> None:
    damage.rows().remove(damage.of(key)[1])


@of(ROWS, "three rows are deleted")
def _(damage: Damage, key: str) -> None:
    for row in damage.of(key)[:3]:
        damage.rows().remove(row)


@of(ROWS, "a row is there twice")
def _(damage: Damage, key: str) -> None:
    damage.rows().append(dict(damage.of(key)[1]))


@of(ROWS, "a row is given to another key")
def _(damage: Damage, key: str) -> None:
    damage.of(key)[1]["apikeyid"] = f"{key}.b"


@of(ROWS, "two rows exchange their keys")
def _(damage: Damage, key: str) -> None:
    damage.of(key)[1]["apikeyid"], damage.of(f"{key}.b")[1]["apikeyid"] = f"{key}.b", key


@of(ROWS, "two rows exchange all but their times")
def _(damage: Damage, key: str) -> None:
    one, other = damage.of(key)[1], damage.of(f"{key}.b")[1]
    names = ("eventid", "eventhash", "apikeyid")
    for name in names:
        one[name], other[name] = other[name], one[name]
    one["apikeyid"], other["apikeyid"] = key, f"{key}.b"


cells("status and billable", status=503, billable=False)
cells("status: an error that was none", status=404)
cells("status: nothing that is counted", status=204)
cells("billable", billable=False)
cells("time: another day", eventtime=later(days=1))
cells("time: another hour", eventtime=later(hours=2))
cells("time: the same hour", eventtime=later(minutes=5))


@of(ROWS, "time: over the month's end")
def _(damage: Damage, key: str) -> None:
    row = damage.of(key, LAST_DAY)[1]
    row["eventtime"] += timedelta(days=1)


cells("time: a year later", eventtime=later(days=365))
cells("time: NULL", eventtime=None)
cells("size: more", responsesize=lambda row: row["responsesize"] + 1000)
cells("size: negative", responsesize=-5000)
cells("size: more than sums can hold", responsesize=2**63 - 1)
cells("latency", responselatency=lambda row: row["responselatency"] + 1)
cells("id and hash: made up", **made_up("made-up-0001="))
cells("id: another", eventid="made-up-0002=")
cells("id: empty", **made_up(""))
cells("id: odd characters", **made_up('x\n"y",z'))
cells("id: NULL", eventid=None)
cells("hash: another", eventhash=lambda row: row["eventhash"] + 1)
cells("hash: negative", eventhash=-7)
cells("hash: NULL", eventhash=None)
cells("id and hash: NULL", eventid=None, eventhash=None)
cells("key: NULL", apikeyid=None)
cells("key: empty", apikeyid="")
cells("key: a quote", apikeyid="a'b")
cells("key: a line feed", apikeyid='a\n"b",c')
cells("key: reserved", apikeyid="!undecodable")
cells("key: 1,100 characters", apikeyid="k" * 1100)
cells("what is counted: NULL", status=None, billable=None, responsesize=None, responselatency=None)
cells("outcome", outcome="unattributed")
cells("outcome: NULL", outcome=None)


@of(ROWS, "outcome of all rows of a key")
def _(damage: Damage, key: str) -> None:
    for row in damage.of(key):
        row["outcome"] = "unattributed"


@of(ROWS, "sizes that cancel out")
def _(damage: Damage, key: str) -> None:
    one, other, *_ = damage.of(key)
    one["responsesize"] += 1000
    other["responsesize"] -= 1000


@of(ROWS, "two rows of two keys exchange ids and hashes")
def _(damage: Damage, key: str) -> None:
    one, other = damage.of(key)[1], damage.of(f"{key}.b")[1]
    for name in ("eventid", "eventhash"):
        one[name], other[name] = other[name], one[name]


def copied(name: str, **values: Any) -> None:
    """An attack that adds a copy of a row with other values."""

    def act(damage: Damage, key: str) -> None:
        row = damage.of(key)[1]
        damage.rows().append(
            row | {cell: value(row) if callable(value) else value for cell, value in values.items()}
        )

    ROWS[name] = act


copied("a copy that does not count: later, larger", eventtime=later(milliseconds=1), responsesize=10**9)
copied("a copy that does not count: another status", requestid="0", status=599, billable=True)
copied("a copy that counts: another key", apikeyid="000000aaaa")
copied("a copy that counts: no size", responsesize=0)
copied("a copy that differs in nothing counted", useragent="somebody")
copied("a row more: made up", **made_up("forged-extra-1="))


@of(ROWS, "a row more: of an unknown key")
def _(damage: Damage, key: str) -> None:
    damage.rows().append(damage.of(key)[1] | made_up("forged-extra-2=") | {"apikeyid": f"{key}.ghost"})


@of(ROWS, "a row is replaced by one of another key")
def _(damage: Damage, key: str) -> None:
    damage.of(key)[1].update(made_up("forged-extra-3="), apikeyid=f"{key}.b")


@of(ROWS, "row and counters alike: not billable")
def _(damage: Damage, key: str) -> None:
    damage.of(key)[1].update(status=503, billable=False)
    for period in (DAY, OCTOBER):
        damage.add(key, period, billable=-1, errors=1)


@of(ROWS, "row and counters alike: deleted")
def _(damage: Damage, key: str) -> None:
    row = damage.of(key)[1]
    of_day, of_month = one_call(row, -1)
    damage.rows().remove(row)
    damage.add(key, DAY, **of_day)
    damage.add(key, OCTOBER, **of_month)


def edited(name: str, day: dict[str, int] | None = None, month: dict[str, int] | None = None) -> None:
    """An attack that adds to the counter of a day, of the month, or both."""

    def act(damage: Damage, key: str) -> None:
        damage.add(key, DAY, **(day or {}))
        damage.add(key, OCTOBER, **(month or {}))

    COUNTERS[name] = act


def in_both(name: str, **changes: int) -> None:
    """An attack that adds the same to both counters."""
    edited(name, changes, changes)


edited("day: a request more", {"requests": 1})
edited("month: a request more", {}, {"requests": 1})
edited("day: an hour more, another less", {"h09": 1, "h10": -1})
edited("day: an hour more", {"h09": 1})
edited("month: a day more, another less", {}, {"d30": 1, "d31": -1})
edited("day: fingerprint", {"fingerprint": 1})
edited("month: fingerprint", {}, {"fingerprint": 1})
in_both("both: fingerprint", fingerprint=12345)
in_both("both: billable", billable=-1)
in_both("both: bytes", response_bytes=10**6)
in_both("both: latency", latency_ms=7)


def moved_call(damage: Damage, key: str, times: int, of: Row) -> None:
    """A call counted once more, or once less, with all that it is."""
    of_day, of_month = one_call(of, times)
    damage.add(key, DAY, **of_day)
    damage.add(key, OCTOBER, **of_month)


@of(COUNTERS, "a call counted twice")
def _(damage: Damage, key: str) -> None:
    moved_call(damage, key, 1, damage.of(key)[1])


@of(COUNTERS, "a call taken out")
def _(damage: Damage, key: str) -> None:
    moved_call(damage, key, -1, damage.of(key)[1])


@of(COUNTERS, "a call counted under another key")
def _(damage: Damage, key: str) -> None:
    row = damage.of(key)[1]
    moved_call(damage, key, -1, row)
    moved_call(damage, f"{key}.b", 1, row)


@of(COUNTERS, "a call counted under a second key, too")
def _(damage: Damage, key: str) -> None:
    moved_call(damage, f"{key}.b", 1, damage.of(key)[1])


@of(COUNTERS, "day deleted")
def _(damage: Damage, key: str) -> None:
    place = damage.counter(key, DAY)
    del damage.items[place["pk"]["S"], place["sk"]["S"]]


@of(COUNTERS, "month deleted")
def _(damage: Damage, key: str) -> None:
    place = damage.counter(key, OCTOBER)
    del damage.items[place["pk"]["S"], place["sk"]["S"]]


@of(COUNTERS, "all deleted")
def _(damage: Damage, key: str) -> None:
    for place in [place for place in damage.items if place[0] == f"key:{key}"]:
        del damage.items[place]


@of(COUNTERS, "month of an unknown key")
def _(damage: Damage, key: str) -> None:
    damage.add(f"{key}.ghost", OCTOBER, requests=5, billable=5, fingerprint=99, d30=5)


@of(COUNTERS, "month and day of an unknown key")
def _(damage: Damage, key: str) -> None:
    damage.add(f"{key}.ghost", OCTOBER, requests=5, billable=5, fingerprint=99, d30=5)
    damage.add(f"{key}.ghost", DAY, requests=5, billable=5, fingerprint=99, h10=5)


@of(COUNTERS, "a slice that nobody registered")
def _(damage: Damage, key: str) -> None:
    damage.add(key, OCTOBER, 1, requests=3, billable=3, d30=3)


@of(COUNTERS, "a slice of both with a call twice")
def _(damage: Damage, key: str) -> None:
    of_day, of_month = one_call(damage.of(key)[1])
    damage.add(key, DAY, 1, **of_day)
    damage.add(key, OCTOBER, 1, **of_month)


@of(COUNTERS, "watermark set back")
def _(damage: Damage, key: str) -> None:
    damage.counter(key, DAY)["w0"] = {"B": b"\x01\x00"}


@of(COUNTERS, "requests are no whole number")
def _(damage: Damage, key: str) -> None:
    damage.counter(key, DAY)["requests"] = {"N": "1.5"}


@of(COUNTERS, "requests are a text")
def _(damage: Damage, key: str) -> None:
    damage.counter(key, DAY)["requests"] = {"S": "many"}


@of(COUNTERS, "an hour is a text")
def _(damage: Damage, key: str) -> None:
    damage.counter(key, DAY)["h09"] = {"S": "many"}


@of(COUNTERS, "a day that there is not")
def _(damage: Damage, key: str) -> None:
    place = {"pk": {"S": f"key:{key}"}, "sk": {"S": "2026-10-99#0"}}
    damage.items[f"key:{key}", "2026-10-99#0"] = {**place, "requests": {"N": "1"}}


@of(COUNTERS, "a slice that is no number")
def _(damage: Damage, key: str) -> None:
    place = {"pk": {"S": f"key:{key}"}, "sk": {"S": "2026-10-30#x"}}
    damage.items[f"key:{key}", "2026-10-30#x"] = {**place, "requests": {"N": "1"}}


def moved_object(name: str, to: Callable[[str], str], *, copy: bool = False) -> None:
    """An attack that moves or copies the object of a day."""

    def act(damage: Damage, day: str) -> None:
        was = object_name(day)
        damage.objects[to(day)] = damage.objects[was]
        if not copy:
            del damage.objects[was]

    OBJECTS[name] = act


moved_object(
    "moved to the next day", lambda day: object_name(day[:-2] + f"{int(day[-2:]) + 1:02d}", "moved.parquet")
)
moved_object("moved to another day of the month", lambda day: object_name("2026-10-27", f"far-{day}.parquet"))
moved_object("moved to another month", lambda day: object_name("2026-12-05", f"far-{day}.parquet"))
moved_object("moved into a folder of its day", lambda day: object_name(day, "sub/part.parquet"))
moved_object("hidden by its name", lambda day: object_name(day, "_part.parquet"))
moved_object("copied", lambda day: object_name(day, "copy.parquet"), copy=True)
moved_object(
    "copied to the next day",
    lambda day: object_name(day[:-2] + f"{int(day[-2:]) + 1:02d}", "copy.parquet"),
    copy=True,
)


@of(OBJECTS, "deleted")
def _(damage: Damage, day: str) -> None:
    del damage.objects[object_name(day)]


@of(OBJECTS, "without rows")
def _(damage: Damage, day: str) -> None:
    damage.store(object_name(day), damage.table_of(day).slice(0, 0))


@of(OBJECTS, "a further one without rows")
def _(damage: Damage, day: str) -> None:
    damage.store(object_name(day, "empty.parquet"), damage.table_of(day).slice(0, 0))


@of(OBJECTS, "a further one of no bytes")
def _(damage: Damage, day: str) -> None:
    damage.objects[object_name(day, "zero.parquet")] = b""


@of(OBJECTS, "hidden files")
def _(damage: Damage, day: str) -> None:
    for name in ("_SUCCESS", ".tmp", "_x.parquet"):
        damage.objects[object_name(day, name)] = b"x"


@of(OBJECTS, "written anew by another tool")
def _(damage: Damage, day: str) -> None:
    table = damage.table_of(day)
    place = table.schema.get_field_index("eventtime")
    table = table.set_column(place, "eventtime", table["eventtime"].cast(pa.timestamp("ms")))
    damage.store(
        object_name(day),
        table.select(table.column_names[::-1]),
        compression="zstd",
        data_page_version="2.0",
        use_deprecated_int96_timestamps=False,
    )


@of(OBJECTS, "a column more")
def _(damage: Damage, day: str) -> None:
    table = damage.table_of(day)
    damage.store(object_name(day), table.append_column("extra", pa.array(["x"] * len(table))))


@of(OBJECTS, "without the column billable")
def _(damage: Damage, day: str) -> None:
    damage.store(object_name(day), damage.table_of(day).drop_columns(["billable"]))


@of(OBJECTS, "another type of whole numbers")
def _(damage: Damage, day: str) -> None:
    table = damage.table_of(day)
    for name, kind in (("status", pa.int64()), ("responsesize", pa.int32())):
        table = table.set_column(table.schema.get_field_index(name), name, table[name].cast(kind))
    damage.store(object_name(day), table)


@of(OBJECTS, "cut off")
def _(damage: Damage, day: str) -> None:
    damage.objects[object_name(day)] = damage.objects[object_name(day)][:-200]


@of(OBJECTS, "no Parquet file")
def _(damage: Damage, day: str) -> None:
    damage.objects[object_name(day, "notes.txt")] = b"hello, these are notes"


@of(OBJECTS, "status is a text")
def _(damage: Damage, day: str) -> None:
    table = damage.table_of(day)
    damage.store(
        object_name(day),
        table.set_column(table.schema.get_field_index("status"), "status", table["status"].cast(pa.string())),
    )


@of(OBJECTS, "sizes are fractions")
def _(damage: Damage, day: str) -> None:
    table = damage.table_of(day)
    damage.store(
        object_name(day),
        table.set_column(
            table.schema.get_field_index("responsesize"),
            "responsesize",
            table["responsesize"].cast(pa.float64()),
        ),
    )
