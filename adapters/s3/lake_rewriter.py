"""Malformed rows in objects of the lake: read, and left out. For jobs on an operator's machine.

An object is written anew under its name, on the condition that it is still the one that was read. The bucket
keeps its version before.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from adapters.s3.bucket import Bucket
from metering.outcome import MALFORMED_KEY
from metering.proof.malformed_line import MalformedLine, MalformedLines
from metering.proof.stored_object import Stored

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_KEY: Final = "apikeyid"
_ID: Final = "eventid"
_READ: Final = (_ID, "eventtime", _KEY, "reason", "raw")


class LakeRewriter:
    """Reads and rewrites objects by their address. Errors of S3 become Transient or Misconfigured."""

    def __init__(self, s3: S3Client) -> None:
        self._s3 = s3

    def malformed(self, address: str) -> MalformedLines | None:
        """The malformed lines of an object (`s3://...`); None if it is gone."""
        found = self._get(address)
        return None if found is None else MalformedLines(found.tag, list(_lines(found.content)))

    def leave_out(self, address: str, tag: str, event_ids: AbstractSet[str]) -> bool:
        """Write an object anew without the malformed rows of these events, if it still has the content of
        that tag; whether it was written. One whose rows are all left out has none then.
        """
        bucket, key = self._place(address)
        found = bucket.get(key)
        if found is None or found.tag != tag:
            return False
        return bucket.put_if_unchanged(key, _without(found.content, event_ids), tag)

    def _get(self, address: str) -> Stored | None:
        bucket, key = self._place(address)
        return bucket.get(key)

    def _place(self, address: str) -> tuple[Bucket, str]:
        bucket, _, key = address.removeprefix("s3://").partition("/")
        return Bucket(self._s3, bucket), key


def _lines(content: bytes) -> Iterator[MalformedLine]:
    """The malformed lines, a row group at a time. Objects of long ago lack some columns."""
    source = pq.ParquetFile(io.BytesIO(content))
    columns = [name for name in _READ if name in source.schema_arrow.names]
    for number in range(source.num_row_groups):
        rows = source.read_row_group(number, columns)
        for row in rows.filter(pc.equal(rows[_KEY], MALFORMED_KEY)).to_pylist():
            yield _line(row)


def _line(row: dict[str, Any]) -> MalformedLine:
    time: datetime = row["eventtime"]
    logged_at_ms = round(time.replace(tzinfo=UTC).timestamp() * 1000)
    return MalformedLine(row[_ID], logged_at_ms, row.get("reason") or "", row.get("raw"))


def _without(content: bytes, event_ids: AbstractSet[str]) -> bytes:
    """An object without the malformed rows of these events; all other rows are as they were."""
    source = pq.ParquetFile(io.BytesIO(content))
    target, ids = io.BytesIO(), pa.array(sorted(event_ids), pa.string())
    with pq.ParquetWriter(
        target, source.schema_arrow, compression="SNAPPY", use_deprecated_int96_timestamps=True
    ) as writer:
        for number in range(source.num_row_groups):
            rows = source.read_row_group(number)
            malformed = pc.fill_null(pc.equal(rows[_KEY], MALFORMED_KEY), fill_value=False)
            leaving = pc.and_(malformed, pc.is_in(rows[_ID], value_set=ids))
            writer.write_table(rows.filter(pc.invert(leaving)))
    return target.getvalue()
