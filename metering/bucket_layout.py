"""The prefixes of the lake's bucket: each kind of object lies under its own.

They are those of the template, which also gives them to Glue, Athena, Firehose and the roles.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

LAKE: Final = "lake/"
"""Parquet files of calls, a folder a day."""
ERRORS: Final = "errors/"
"""What Firehose could not deliver: the template's ErrorOutputPrefix begins with it."""
REDRIVEN: Final = "errors-redriven/"
"""What was redriven, under its old name and the digest of its content."""
REPORTS: Final = "reconciliation/"
"""Runs of the reconciliation and their reports, a folder a month."""
CLOSINGS: Final = "closing/"
"""The state of each month, and its usage as billed."""
INVOICES: Final = "invoices/"
"""Issued invoices, a folder a month and account."""
RECOVERIES: Final = "recovery/"
"""Recoveries that were begun and are not known to be finished."""
TARIFFS: Final = "tariffs/"
"""Published tariffs, by their number."""


def lake_folder(day: datetime) -> str:
    """The folder with the Parquet files of a day."""
    return f"{LAKE}year={day:%Y}/month={day:%m}/day={day:%d}/"
