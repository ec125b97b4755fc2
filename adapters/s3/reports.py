"""What the reconciliation publishes in the lake's bucket, outside the prefix that Athena reads: its
reports, calls by endpoint and status, and the calls of all keys by hour.

    breakdown/2026-10/index.json                    which page of the last run holds which keys
    breakdown/2026-10/2026-10-31T06/00000.json      its pages
    traffic/2026-10.json                            the calls of all keys
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec

from adapters.s3.bucket import Bucket
from metering.bucket_layout import breakdown_index, breakdown_page, traffic_name
from metering.counters.breakdown import BreakdownIndex, BreakdownPage, KeyBreakdown
from metering.counters.traffic import MonthTraffic
from metering.errors import Misconfigured, Transient
from metering.period import Period
from metering.proof.stored_object import Stored

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

Document = TypeVar("Document", bound=msgspec.Struct)


class S3Reports:
    """The port `ReportStore` on one bucket. Errors of S3 become Transient or Misconfigured."""

    def __init__(self, s3: S3Client, bucket: str) -> None:
        self._bucket = Bucket(s3, bucket)

    def read(self, name: str) -> Stored | None:
        """An object; None if there is none."""
        return self._bucket.get(name)

    def add(self, name: str, content: bytes) -> bool:
        """Write an object, if there is none: see :meth:`adapters.s3.bucket.Bucket.put_if_absent`."""
        return self._bucket.put_if_absent(name, content)

    def replace(self, name: str, content: bytes, tag: str) -> bool:
        """Write an object anew, if it still has the version of that tag; whether it was written."""
        return self._bucket.put_if_unchanged(name, content, tag)

    def place(self, name: str) -> str:
        """Where others find an object."""
        return self._bucket.address(name)


class S3Breakdowns:
    """The port `BreakdownSource` on one bucket. Errors of S3 become Transient or Misconfigured."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def index(self, month: Period) -> BreakdownIndex | None:
        """What the last run found of all keys; None: there was none. Listed first: S3 says of an object that
        is not there that it may not be read, to whoever may not list it by name.
        https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
        """
        name = breakdown_index(month)
        return _read(self._bucket, name, BreakdownIndex) if self._bucket.count(name) else None

    def of_key(self, index: BreakdownIndex, key: str) -> KeyBreakdown | None:
        """The calls of a key; None: it had none.

        Raises:
            Transient: a new run has just replaced the one that the index names.
        """
        number = index.page_of(key)
        if number is None:
            return None
        name = breakdown_page(index.month, index.run_id, number)
        if not self._bucket.count(name):
            raise Transient(f"{self._bucket.address(name)} was just replaced by a newer one")
        return next((one for one in _read(self._bucket, name, BreakdownPage).keys if one.key == key), None)


class S3Traffic:
    """The port `TrafficSource` on one bucket. Errors of S3 become Transient or Misconfigured."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def traffic(self, month: Period) -> MonthTraffic | None:
        """The calls of all keys in a month; None: they were not added up. Listed first, as above."""
        name = traffic_name(month)
        return _read(self._bucket, name, MonthTraffic) if self._bucket.count(name) else None


def _read(bucket: Bucket, name: str, kind: type[Document]) -> Document:
    content = bucket.content(name)
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.DecodeError as error:
        place = bucket.address(name)
        raise Misconfigured([f"{place} is not what the meter writes ({error}): remove it"]) from error
