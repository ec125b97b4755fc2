"""Objects of S3, as far as the watch looks at them."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from adapters.errors import translate


class S3Objects:
    """Counts objects."""

    def __init__(self, s3: Any) -> None:
        self._s3 = s3

    def count(self, bucket: str, prefix: str) -> int:
        """The objects under a prefix, by one request: 1,000 stands for so many or more.

        Raises:
            Transient, Misconfigured: the bucket cannot be listed.
        """
        try:
            answer = self._s3.list_objects_v2(Bucket=bucket, Prefix=prefix)
        except (ClientError, BotoCoreError) as error:
            raise translate(error, f"ListObjectsV2 of {bucket}/{prefix}") from error
        return int(answer["KeyCount"])
