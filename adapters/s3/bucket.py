"""One bucket of S3: its objects are read, listed and written on conditions here, and S3's errors translated.

Conditions are checked by S3: there is no object of that name yet, or it is still the one that was read.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Final, cast

import boto3
from botocore.config import Config

from adapters.errors import AWS_ERRORS, code_of, translate, translated
from metering.errors import Misconfigured, Transient
from metering.proof.stored_object import Stored, StoredObject

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import PutObjectRequestTypeDef

NO_SUCH_KEY: Final = "NoSuchKey"
_REFUSED: Final = frozenset({"PreconditionFailed", NO_SUCH_KEY})
"""What S3 says of a condition that does not hold: the second one of a version to replace that is gone."""
_CONFLICT: Final = "ConditionalRequestConflict"
"""Another conditional write of the same object was under way."""
_CONTENT_TYPES: Final = {
    "json": "application/json",
    "jsonl": "application/x-ndjson",
    "csv": "text/csv; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "gz": "application/gzip",
}


def quick_s3() -> S3Client:
    """A client for an answer that a caller waits for: it gives up early."""
    config = Config(connect_timeout=1, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 2})
    return boto3.session.Session().client("s3", config=config)


class Bucket:
    """Reads and writes the objects of a bucket. All methods raise Transient and Misconfigured."""

    def __init__(self, s3: S3Client, name: str) -> None:
        self._s3 = s3
        self.name = name

    def address(self, key: str) -> str:
        """Where others find an object."""
        return f"s3://{self.name}/{key}"

    def get(self, key: str) -> Stored | None:
        """An object with its tag; None if there is none."""
        try:
            found = self._s3.get_object(Bucket=self.name, Key=key)
            return Stored(found["Body"].read(), found["ETag"])
        except AWS_ERRORS as error:
            if code_of(error) == NO_SUCH_KEY:
                return None
            raise translate(error, f"GetObject of {self.name}/{key}") from error

    def content(self, key: str) -> bytes:
        """The content of an object that must be there.

        Raises:
            Misconfigured: it is not.
        """
        found = self.get(key)
        if found is None:
            raise Misconfigured([f"GetObject of {self.name}/{key}: there is no such object ({NO_SUCH_KEY})"])
        return found.content

    @contextmanager
    def opened(self, key: str) -> Iterator[IO[bytes] | None]:
        """An object to be read bit by bit; None if there is none."""
        with translated(f"GetObject of {self.name}/{key}"):
            body = self._body(key)
            try:
                yield body
            finally:
                if body is not None:
                    body.close()

    def put(self, key: str, content: bytes) -> None:
        """Write an object, in place of any that has its name."""
        with translated(f"PutObject of {self.name}/{key}"):
            self._s3.put_object(**self._request(key, content))

    def put_if_absent(self, key: str, content: bytes) -> bool:
        """Write an object, if there is none; whether it was written.

        A write whose answer was lost is repeated by the SDK and refused because of itself: then this says
        that it was not written.
        """
        return self._put_if({**self._request(key, content), "IfNoneMatch": "*"})

    def put_if_unchanged(self, key: str, content: bytes, tag: str) -> bool:
        """Write an object anew, if it still has the version of that tag; whether it was written. Of a write
        whose answer was lost, as for :meth:`put_if_absent`.
        """
        return self._put_if({**self._request(key, content), "IfMatch": tag})

    def delete(self, key: str) -> None:
        """Remove an object; one that is gone is no error."""
        with translated(f"DeleteObject of {self.name}/{key}"):
            self._s3.delete_object(Bucket=self.name, Key=key)

    def objects(self, prefix: str) -> Iterator[StoredObject]:
        """The objects under a prefix, in the order of their names, which is that of S3."""
        with translated(f"ListObjectsV2 of {self.name}/{prefix}"):
            pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix)
            for page in pages:
                for entry in page.get("Contents", []):
                    yield StoredObject(entry["Key"], entry["ETag"].strip('"'), entry["Size"])

    def folders(self, prefix: str) -> Iterator[str]:
        """The names of the folders right under a prefix, in order, without the prefix and the last slash."""
        with translated(f"ListObjectsV2 of {self.name}/{prefix}"):
            pages = self._s3.get_paginator("list_objects_v2").paginate(
                Bucket=self.name, Prefix=prefix, Delimiter="/"
            )
            for page in pages:
                for entry in page.get("CommonPrefixes", []):
                    yield entry["Prefix"].removeprefix(prefix).removesuffix("/")

    def count(self, prefix: str) -> int:
        """The objects under a prefix, by one request: 1,000 means 1,000 or more."""
        with translated(f"ListObjectsV2 of {self.name}/{prefix}"):
            return self._s3.list_objects_v2(Bucket=self.name, Prefix=prefix)["KeyCount"]

    def _request(self, key: str, content: bytes) -> PutObjectRequestTypeDef:
        """A write of an object, with the type of its content where its name shows one."""
        request: PutObjectRequestTypeDef = {"Bucket": self.name, "Key": key, "Body": content}
        content_type = _CONTENT_TYPES.get(key.rpartition("/")[2].rpartition(".")[2])
        return {**request, "ContentType": content_type} if content_type else request

    def _body(self, key: str) -> IO[bytes] | None:
        try:
            return cast("IO[bytes]", self._s3.get_object(Bucket=self.name, Key=key)["Body"])
        except AWS_ERRORS as error:
            if code_of(error) == NO_SUCH_KEY:
                return None
            raise

    def _put_if(self, request: PutObjectRequestTypeDef) -> bool:
        place = f"{self.name}/{request['Key']}"
        try:
            self._s3.put_object(**request)
        except AWS_ERRORS as error:
            if code_of(error) in _REFUSED:
                return False
            if code_of(error) == _CONFLICT:
                raise Transient(f"{place} is being written by somebody else") from error
            raise translate(error, f"PutObject of {place}") from error
        return True
