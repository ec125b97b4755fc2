"""The objects of the lake, as S3 lists them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from adapters.errors import translate
from metering.stored import StoredObject


class S3LakeObjects:
    """The port `LakeObjects` on one bucket. Errors of S3 become Transient or Misconfigured."""

    def __init__(self, s3: Any, bucket: str) -> None:
        """`s3` is a boto3 client."""
        self._s3 = s3
        self._bucket = bucket

    def of_day(self, day: datetime) -> Iterator[StoredObject]:
        """The objects in the folder of a day, in the order of their names, which is that of S3."""
        prefix = f"lake/year={day:%Y}/month={day:%m}/day={day:%d}/"
        try:
            pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
            for page in pages:
                for entry in page.get("Contents", []):
                    yield StoredObject(entry["Key"], entry["ETag"].strip('"'), entry["Size"])
        except (ClientError, BotoCoreError) as error:
            raise translate(error, f"ListObjectsV2 of {self._bucket}/{prefix}") from error
