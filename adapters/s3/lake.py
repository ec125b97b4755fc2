"""The objects of the lake, as S3 lists them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from adapters.s3.bucket import Bucket
from metering.bucket_layout import lake_folder
from metering.proof.stored_object import StoredObject

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


class S3LakeObjects:
    """The port `LakeObjects` on one bucket."""

    def __init__(self, s3: S3Client, bucket: str) -> None:
        self._bucket = Bucket(s3, bucket)

    def of_day(self, day: datetime) -> Iterator[StoredObject]:
        """The objects in the folder of a day, in the order of their names.

        Raises:
            Transient, Misconfigured: the bucket cannot be listed.
        """
        return self._bucket.objects(lake_folder(day))
