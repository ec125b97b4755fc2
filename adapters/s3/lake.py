"""The objects of the lake, as S3 lists them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING, Final

from adapters.s3.bucket import Bucket
from metering.bucket_layout import lake_folder, lake_month
from metering.proof.stored_object import StoredObject

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_FOLDER_LENGTH: Final = len(lake_folder(datetime(2026, 1, 1, tzinfo=UTC)))


class S3LakeObjects:
    """The port `LakeObjects` on one bucket."""

    def __init__(self, s3: S3Client, bucket: str) -> None:
        self._bucket = Bucket(s3, bucket)

    def of_days(self, days: Sequence[datetime]) -> Iterator[tuple[datetime, StoredObject]]:
        """The objects in the folders of these days, which are in order, each with its day; in the order of
        their names. A month of them is one listing.

        Raises:
            Transient, Misconfigured: the bucket cannot be listed.
        """
        for month, of_month in groupby(days, lake_month):
            folders = {lake_folder(day): day for day in of_month}
            listed = month if len(folders) > 1 else next(iter(folders))
            for one in self._bucket.objects(listed):
                day = folders.get(one.name[:_FOLDER_LENGTH])
                if day is not None:
                    yield day, one
