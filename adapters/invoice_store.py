"""Issued invoices in the lake's bucket, outside the prefix that Athena reads.

    invoices/2026-10/acme/invoice.json          the document: it is written once, and never changed
    invoices/2026-10/acme/invoice.csv, .html    what follows from it

A document is put on the condition that there is none, which S3 checks: of two jobs at once one decides.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final
from urllib.parse import quote

from botocore.exceptions import BotoCoreError, ClientError

from adapters.errors import translate
from metering.errors import Transient
from metering.prices.documents import DOCUMENT_NAME
from metering.prices.month import Month, month

INVOICES: Final = "invoices/"
READERS: Final = 8
"""Documents that are read at the same time: fewer than the ten connections that a client keeps."""
_REFUSED: Final = "PreconditionFailed"
_CONFLICT: Final = "ConditionalRequestConflict"
_CONTENT_TYPES: Final = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "html": "text/html; charset=utf-8",
}


class S3Invoices:
    """The port `Shelf` on one bucket. Errors of S3 become Transient or Misconfigured."""

    def __init__(self, s3: Any, bucket: str) -> None:
        """`s3` is a boto3 client."""
        self._s3 = s3
        self._bucket = bucket

    def months(self) -> list[Month]:
        """The months that have invoices, in order."""
        try:
            pages = self._s3.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=INVOICES, Delimiter="/"
            )
            folders = [entry["Prefix"] for page in pages for entry in page.get("CommonPrefixes", [])]
        except (ClientError, BotoCoreError) as error:
            raise translate(error, f"ListObjectsV2 of {self._bucket}/{INVOICES}") from error
        return [month(folder.split("/")[1]) for folder in sorted(folders)]

    def documents(self, of_month: Month) -> Iterator[tuple[str, bytes]]:
        """The documents of a month, each with the place where it is kept."""
        keys = [key for key in self._keys(f"{INVOICES}{of_month}/") if key.endswith(f"/{DOCUMENT_NAME}")]
        with ThreadPoolExecutor(READERS) as pool:
            for key, content in zip(keys, pool.map(self._read, keys), strict=True):
                yield f"s3://{self._bucket}/{key}", content

    def decide(self, of_month: Month, account: str, document: bytes) -> tuple[bytes, bool]:
        """Keep the document of an account's month unless there is one; the one that is kept now, and whether
        it was put there by this call.

        A put whose answer was lost is repeated by the SDK and refused because of itself: what is kept is the
        same then, and counts as another's.
        """
        key = self._key(of_month, account, DOCUMENT_NAME)
        is_new = self._put(key, document, IfNoneMatch="*")
        return (document, True) if is_new else (self._read(key), False)

    def add(self, of_month: Month, account: str, name: str, content: bytes) -> None:
        """Keep what follows from a document, beside it. Repeating it changes nothing."""
        self._put(self._key(of_month, account, name), content, IfNoneMatch="*")

    def _key(self, of_month: Month, account: str, name: str) -> str:
        return f"{INVOICES}{of_month}/{folder_name(account)}/{name}"

    def _keys(self, prefix: str) -> Iterator[str]:
        try:
            pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
            for page in pages:
                for entry in page.get("Contents", []):
                    yield entry["Key"]
        except (ClientError, BotoCoreError) as error:
            raise translate(error, f"ListObjectsV2 of {self._bucket}/{prefix}") from error

    def _read(self, key: str) -> bytes:
        try:
            content: bytes = self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        except (ClientError, BotoCoreError) as error:
            raise translate(error, f"GetObject of {self._bucket}/{key}") from error
        return content

    def _put(self, key: str, content: bytes, **condition: str) -> bool:
        """Whether the object was put; False where there is one."""
        content_type = _CONTENT_TYPES[key.rpartition(".")[2]]
        try:
            self._s3.put_object(
                Bucket=self._bucket, Key=key, Body=content, ContentType=content_type, **condition
            )
        except (ClientError, BotoCoreError) as error:
            code = error.response["Error"]["Code"] if isinstance(error, ClientError) else ""
            if code == _REFUSED:
                return False
            if code == _CONFLICT:
                raise Transient(f"{self._bucket}/{key} is being written by somebody else") from error
            raise translate(error, f"PutObject of {self._bucket}/{key}") from error
        return True


def folder_name(account: str) -> str:
    """An account's name as one folder, on S3 and on a disk alike; different names stay different."""
    name = quote(account, safe=" @+=,")
    return f"%2E{name[1:]}" if name.startswith(".") else name
