"""The prefixes of the lake's bucket: each kind of object lies under its own.

They are those of the template, which also gives them to Glue, Athena, Firehose and the roles.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from metering.calls.key_names import file_name
from metering.period import Period

LAKE: Final = "lake/"
"""Parquet files of calls, a folder a day."""
ERRORS: Final = "errors/"
"""What Firehose could not deliver: the template's ErrorOutputPrefix begins with it."""
REDRIVEN: Final = "errors-redriven/"
"""What was redriven, under its old name and the digest of its content."""
REPORTS: Final = "reconciliation/"
"""Runs of the reconciliation and their reports, a folder a month."""
ERROR_MEMORY: Final = f"{REPORTS}error-objects.json.gz"
"""What earlier runs have read under the error prefix."""
CLOSINGS: Final = "closing/"
"""The state of each month, and its usage as billed."""
INVOICES: Final = "invoices/"
"""Issued invoices, a folder a month and account, and beside each month's folder a copy of its documents."""
RECOVERIES: Final = "recovery/"
"""Recoveries that were begun and are not known to be finished."""
CHAIN: Final = "billing-chain/"
"""The links of the chain of what was billed, and their lists of objects."""
NUMBERS: Final = "numbers/"
"""Which numbers of invoices were given, a folder a series."""
TARIFFS: Final = "tariffs/"
"""Published tariffs, by their number."""
BREAKDOWN: Final = "breakdown/"
"""Calls by endpoint and status, a folder a month."""
ARCHIVES: Final = "archive/"
"""The counters of the days of archived months, a folder a month."""
TRAFFIC: Final = "traffic/"
"""Calls of all keys by hour, an object a month."""


def lake_folder(day: datetime) -> str:
    """The folder with the Parquet files of a day."""
    return f"{lake_month(day)}day={day:%d}/"


def lake_month(day: datetime) -> str:
    """The folder with the folders of a day's month."""
    return f"{LAKE}year={day:%Y}/month={day:%m}/"


def state_name(month: Period) -> str:
    """The object with a month's state."""
    return f"{CLOSINGS}{month}.json"


def breakdown_index(month: Period) -> str:
    """The object that names the pages of a month's calls by endpoint."""
    return f"{BREAKDOWN}{month}/index.json"


def breakdown_page(month: Period, run_id: str, number: int) -> str:
    """A page of a run's calls by endpoint."""
    return f"{BREAKDOWN}{month}/{file_name(run_id)}/{number:05d}.json"


def traffic_name(month: Period) -> str:
    """The object with a month's calls by hour."""
    return f"{TRAFFIC}{month}.json"


def invoice_name(month: Period, place: str, file: str) -> str:
    """A file of an invoice, by the place in its month: the account's name nearly always."""
    return f"{INVOICES}{month}/{file_name(place)}/{file}"


def copy_name(month: Period) -> str:
    """The object with a copy of all documents of a month."""
    return f"{INVOICES}{month}.jsonl.gz"
