"""The head of the chain of what was billed, as an object beside those that it names."""

from __future__ import annotations

import json

from adapters.s3.bucket import Bucket
from metering.proof.billing_chain import NO_HEAD, Head

HEAD = "head"


class BucketHeads:
    """The port `HeadStore` on an object of the bucket."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def read(self) -> Head:
        """The last head."""
        found = self._bucket.get(HEAD)
        return NO_HEAD if found is None else Head(*json.loads(found.content))

    def keep(self, head: Head) -> None:
        """Unless a later one is kept."""
        content = json.dumps(head).encode()
        while True:
            found = self._bucket.get(HEAD)
            if found is not None and Head(*json.loads(found.content)) >= head:
                return
            if found is None:
                if self._bucket.put_if_absent(HEAD, content):
                    return
            elif self._bucket.put_if_unchanged(HEAD, content, found.tag):
                return
