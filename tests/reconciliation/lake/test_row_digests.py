"""The digests of the lake's rows, against a reckoning of our own that is written from the page."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from random import Random
from typing import Any

import pytest

from metering.calls.event_id import event_hash
from metering.calls.lake_row import COLUMNS
from metering.outcome import MALFORMED_KEY
from metering.period import Period
from metering.proof.month_state import DayDigest
from reconciliation.lake.queries import query_text
from reconciliation.lake.row_digests import month_rows, objects_of_rows
from tests.reconciliation.month_end import Deployment, running
from tests.reconciliation.repair.repairing import run

OCTOBER = Period("2026-10")
TEXTS = ("", "-", "3:a-", "näh \U0001f986", "a\nb\x1f,", None)
COUNTED = ("eventtime", "apikeyid", "status", "billable", "responsesize", "requestsize", "responselatency")


@pytest.fixture(scope="module")
def deployment() -> Iterator[Deployment]:
    """A deployment for the whole module."""
    yield from running()


def some_row(random: Random, number: int) -> dict[str, Any]:
    """A row with anything in it, on one of a few days."""
    day, name = random.choice((1, 1, 5, 31)), f"{number} \u2713"
    time = f"2026-10-{day:02d} 23:59:59.{random.choice((0, 5, 999)):03d}"
    return {
        "eventid": name,
        "eventhash": event_hash(name),
        "eventtime": time,
        "apikeyid": random.choice(("a", "b", "-", MALFORMED_KEY)),
        "outcome": "metered",
        "billable": random.choice((True, False)),
        "status": random.choice((None, 200, 503)),
        **{name: random.choice((None, 0, 2**40)) for name in ("requestsize", "responsesize")},
        **{name: random.choice((None, True, False)) for name in ("requestsizeknown", "responsesizeknown")},
        "denied": random.choice((None, True)),
        "responselatency": random.choice((None, 0, 7)),
        **{
            name: random.choice(TEXTS)
            for name in ("requestid", "apiid", "stage", "httpmethod", "resourcepath", "path")
        },
        **{name: random.choice(TEXTS) for name in ("sourceip", "useragent", "reason", "raw")},
    }


def as_text(row: dict[str, Any]) -> str:
    """A row as docs/audit.md says it."""
    found = ""
    for name in COLUMNS:
        value = row[name]
        if name == "eventtime":
            time = datetime.strptime(value, "%Y-%m-%d %H:%M:%S.%f").replace(tzinfo=UTC)
            value = round(time.timestamp() * 1000)
        text = None if value is None else str(value).lower() if isinstance(value, bool) else str(value)
        found += "" if text is None else f"{name}:{len(text)}:{text}"
    return found


def digest_of(rows: list[dict[str, Any]]) -> DayDigest:
    """The digest of a day, of its rows without copies."""
    rows = [row for row in rows if row["apikeyid"] != MALFORMED_KEY]
    hashes = sorted(sha256(as_text(row).encode()).hexdigest() for row in rows)
    chunks = sorted({one[:2] for one in hashes})
    digests = [
        sha256("".join(one for one in hashes if one.startswith(chunk)).encode()).hexdigest()
        for chunk in chunks
    ]
    return DayDigest(len(rows), sha256("".join(digests).encode()).hexdigest())


def test_as_the_page_says(deployment: Deployment) -> None:
    """Rows of any content, some in the lake twice, one with a copy that differs in what is not counted: the
    digests are those of each event once, whatever object it lies in.
    """
    random = Random(7)
    rows = [some_row(random, number) for number in range(150)]
    other = {**rows[0], "path": "/altered"}
    deployment.analyst.store("2026-10-01", *rows[:100], name="one")
    deployment.analyst.store("2026-10-31", *rows[60:], other, name="two")
    kept = min((rows[0], other), key=lambda row: sha256(as_text(row).encode()).hexdigest())
    expected = [kept, *rows[1:]]
    days = sorted({row["eventtime"][:10] for row in expected})
    found = month_rows(deployment.sources.queries, OCTOBER, run())
    assert {day: digest_of([r for r in expected if r["eventtime"][:10] == day]) for day in days} == found.days
    counted = [row["eventhash"] for row in rows if row["apikeyid"] != MALFORMED_KEY]
    assert (191, len(counted), sum(counted)) == (found.rows, found.events, found.fingerprint)

    objects = objects_of_rows(deployment.sources.queries, OCTOBER, run())
    assert {"one": 100, "two": 91} == {
        name.rpartition("/")[2].removesuffix(".parquet"): count for name, count in objects.items()
    }
    two = next(name for name in objects if name.endswith("two.parquet"))
    left = month_rows(deployment.sources.queries, OCTOBER, run(), [two, "s3://a/it's gone"])
    assert 100 == left.rows
    assert (
        digest_of([row for row in rows[:100] if row["eventtime"] < "2026-10-02"]) == left.days["2026-10-01"]
    )


def test_all_columns_are_in_it() -> None:
    """The text of a row holds every column of the table, in its order."""
    named = re.findall(r"coalesce\('(\w+):'", query_text("parts/hash_of_row"))
    assert list(COLUMNS) == named
