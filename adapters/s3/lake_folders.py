"""What the folders of the lake say without a query."""

from __future__ import annotations

import re
from typing import Final

from adapters.s3.bucket import Bucket
from metering.bucket_layout import LAKE
from metering.period import Period

_YEAR: Final = re.compile(r"year=([0-9]{4})", re.ASCII)
_MONTH: Final = re.compile(r"month=([0-9]{2})", re.ASCII)


def first_month(bucket: Bucket) -> Period | None:
    """The first month that has Parquet files; None for an empty lake.

    Raises:
        Transient, Misconfigured: the bucket cannot be listed.
    """
    years = ((folder, _YEAR.fullmatch(folder)) for folder in bucket.folders(LAKE))
    for folder, year in years:
        months = (_MONTH.fullmatch(name) for name in bucket.folders(f"{LAKE}{folder}/") if year)
        for month in months:
            if year and month:
                return Period(f"{year[1]}-{month[1]}")
    return None
