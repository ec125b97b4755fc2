"""Objects of S3, as far as the watch looks at them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.s3.bucket import Bucket

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client


class S3Objects:
    """Counts objects in any bucket."""

    def __init__(self, s3: S3Client) -> None:
        self._s3 = s3

    def count(self, bucket: str, prefix: str) -> int:
        """The objects under a prefix, by one request: 1,000 means 1,000 or more.

        Raises:
            Transient, Misconfigured: the bucket cannot be listed.
        """
        return Bucket(self._s3, bucket).count(prefix)
