"""The error prefix of the lake in S3, for those who change what lies there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from adapters.errors import translate

ERRORS: Final = "errors/"
"""The folder that the template's ErrorOutputPrefix begins with."""
REDRIVEN: Final = "errors-redriven/"
"""Where what was redriven is kept, under its old name and the digest of its content."""


class S3ErrorObjects:
    """The objects under the error prefix of one lake. Errors of S3 become Transient or Misconfigured."""

    def __init__(self, s3: Any, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def names(self) -> Iterator[str]:
        """The names of all objects, in their order."""
        try:
            pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=ERRORS)
            for page in pages:
                for entry in page.get("Contents", []):
                    yield entry["Key"]
        except (ClientError, BotoCoreError) as error:
            raise translate(error, f"ListObjectsV2 of {self._bucket}/{ERRORS}") from error

    def read(self, name: str) -> bytes | None:
        """The content of an object; None if it is gone."""
        try:
            content: bytes = self._s3.get_object(Bucket=self._bucket, Key=name)["Body"].read()
        except self._s3.exceptions.NoSuchKey:
            return None
        except (ClientError, BotoCoreError) as error:
            raise translate(error, f"GetObject of {self._bucket}/{name}") from error
        return content

    def archive(self, name: str, digest: str, content: bytes) -> None:
        """Keep a content that was redriven."""
        self._put(f"{REDRIVEN}{name.removeprefix(ERRORS)}-{digest}", content)

    def leave(self, name: str, content: bytes) -> None:
        """Replace the content of an object; without any, remove it."""
        if content:
            self._put(name, content)
            return
        try:
            self._s3.delete_object(Bucket=self._bucket, Key=name)
        except (ClientError, BotoCoreError) as error:
            raise translate(error, f"DeleteObject of {self._bucket}/{name}") from error

    def _put(self, name: str, content: bytes) -> None:
        try:
            self._s3.put_object(Bucket=self._bucket, Key=name, Body=content)
        except (ClientError, BotoCoreError) as error:
            raise translate(error, f"PutObject of {self._bucket}/{name}") from error
