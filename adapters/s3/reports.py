"""Reports of reconciliations in the lake's bucket, outside the prefix that Athena reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.s3.bucket import Bucket
from metering.proof.stored_object import Stored

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


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
