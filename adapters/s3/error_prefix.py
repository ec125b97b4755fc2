"""The error prefix of the lake in S3, for those who change what lies there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from adapters.s3.bucket import Bucket
from metering.bucket_layout import ERRORS, REDRIVEN
from metering.proof.stored_object import StoredObject

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


class S3ErrorObjects:
    """The objects under the error prefix of one lake. Errors of S3 become Transient or Misconfigured."""

    def __init__(self, s3: S3Client, bucket: str) -> None:
        self._bucket = Bucket(s3, bucket)

    def objects(self) -> Iterator[StoredObject]:
        """All objects, in the order of their names."""
        return self._bucket.objects(ERRORS)

    def names(self) -> Iterator[str]:
        """The names of all objects, in their order."""
        return (one.name for one in self.objects())

    def read(self, name: str) -> bytes | None:
        """The content of an object; None if it is gone."""
        found = self._bucket.get(name)
        return None if found is None else found.content

    def archive(self, name: str, digest: str, content: bytes) -> None:
        """Keep a content that was redriven."""
        self._bucket.put(f"{REDRIVEN}{name.removeprefix(ERRORS)}-{digest}", content)

    def leave(self, name: str, content: bytes) -> None:
        """Replace the content of an object; without any, remove it."""
        if content:
            self._bucket.put(name, content)
        else:
            self._bucket.delete(name)
