"""Reports of reconciliations in the lake's bucket, outside the prefix that Athena reads.

Objects are put on conditions that S3 checks: none is there yet, or it is still the one that was read.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
"""

from __future__ import annotations

from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from adapters.errors import translate
from metering.errors import Transient
from metering.stored import Stored

_REFUSED: Final = frozenset({"PreconditionFailed", "NoSuchKey"})
_CONFLICT: Final = "ConditionalRequestConflict"
_CONTENT_TYPES: Final = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "html": "text/html; charset=utf-8",
}


class S3Reports:
    """The port `ReportStore` on one bucket. Errors of S3 become Transient or Misconfigured."""

    def __init__(self, s3: Any, bucket: str) -> None:
        """`s3` is a boto3 client."""
        self._s3 = s3
        self._bucket = bucket

    def read(self, name: str) -> Stored | None:
        """An object; None if there is none."""
        try:
            answer = self._s3.get_object(Bucket=self._bucket, Key=name)
            return Stored(answer["Body"].read(), answer["ETag"])
        except self._s3.exceptions.NoSuchKey:
            return None
        except (ClientError, BotoCoreError) as error:
            raise translate(error, f"GetObject of {self._bucket}/{name}") from error

    def add(self, name: str, content: bytes) -> bool:
        """Write an object, if there is none; whether it was written. A write whose answer was lost is
        repeated by the SDK and refused because of itself: then this says that it was not written.
        """
        return self._put(name, content, IfNoneMatch="*")

    def replace(self, name: str, content: bytes, tag: str) -> bool:
        """Write an object anew, if it still has the version of that tag; whether it was written."""
        return self._put(name, content, IfMatch=tag)

    def place(self, name: str) -> str:
        """Where others find an object."""
        return f"s3://{self._bucket}/{name}"

    def _put(self, name: str, content: bytes, **condition: str) -> bool:
        content_type = _CONTENT_TYPES[name.rpartition(".")[2]]
        try:
            self._s3.put_object(
                Bucket=self._bucket, Key=name, Body=content, ContentType=content_type, **condition
            )
        except (ClientError, BotoCoreError) as error:
            code = error.response["Error"]["Code"] if isinstance(error, ClientError) else ""
            if code in _REFUSED:
                return False
            if code == _CONFLICT:
                raise Transient(f"{self._bucket}/{name} is being written by somebody else") from error
            raise translate(error, f"PutObject of {self._bucket}/{name}") from error
        return True
