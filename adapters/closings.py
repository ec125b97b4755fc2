"""The state of each month, and its usage as billed, in the lake's bucket.

    closing/2026-10.json                        the state
    closing/2026-10/usage-<SHA-256>.jsonl       usage by key; the state names the one that was billed

States are written under conditions that S3 checks: none is there yet, or it is still the one that was read.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from adapters.errors import translate
from metering.closing import Closing, Version
from metering.errors import Misconfigured, Transient
from metering.period import Period

CLOSING: Final = "closing/"
_REFUSED: Final = "PreconditionFailed"
_CONFLICT: Final = "ConditionalRequestConflict"
"""Another conditional write of the same object was under way."""
_GONE: Final = "NoSuchKey"

_decode: Final = msgspec.json.Decoder(Closing).decode


class S3Closings:
    """The port `ClosingStore` on one bucket."""

    def __init__(self, s3: Any, bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def read(self, month: Period) -> Version | None:
        """The state of a month; None: it is open.

        Raises:
            Transient, Misconfigured: it cannot be read, or is none.
        """
        name = state_name(month)
        try:
            answer = self._s3.get_object(Bucket=self._bucket, Key=name)
            content: bytes = answer["Body"].read()
        except self._s3.exceptions.NoSuchKey:
            return None
        except (ClientError, BotoCoreError) as error:
            raise translate(error, f"GetObject of {self._bucket}/{name}") from error
        try:
            return Version(_decode(content), answer["ETag"])
        except msgspec.DecodeError as error:
            raise Misconfigured(
                [f"{self._bucket}/{name} is no state of a month ({error}): bring back its version before"]
            ) from error

    def begin(self, closing: Closing) -> bool:
        """Write the first state of a month; whether there was none."""
        return self._put_state(closing, IfNoneMatch="*")

    def replace(self, closing: Closing, tag: str) -> bool:
        """Write the next state of a month; whether it still had the version of that tag."""
        return self._put_state(closing, IfMatch=tag)

    def keep_usage(self, month: Period, digest: str, content: bytes) -> str:
        """Keep usage under its digest; the name of the object."""
        name = f"{CLOSING}{month}/usage-{digest}.jsonl"
        try:
            self._s3.put_object(
                Bucket=self._bucket, Key=name, Body=content, ContentType="application/x-ndjson"
            )
        except (ClientError, BotoCoreError) as error:
            raise translate(error, f"PutObject of {self._bucket}/{name}") from error
        return name

    def usage(self, name: str) -> bytes:
        """The content of an object with usage.

        Raises:
            Transient, Misconfigured: it cannot be read.
        """
        try:
            content: bytes = self._s3.get_object(Bucket=self._bucket, Key=name)["Body"].read()
        except (ClientError, BotoCoreError) as error:
            raise translate(error, f"GetObject of {self._bucket}/{name}") from error
        return content

    def _put_state(self, closing: Closing, **condition: str) -> bool:
        """Whether the state is the one that was to be written. A write whose answer was lost is repeated by
        the SDK and refused because of itself: then the state is read, and is that one.
        """
        name, content = state_name(closing.month), msgspec.json.encode(closing)
        try:
            self._s3.put_object(
                Bucket=self._bucket, Key=name, Body=content, ContentType="application/json", **condition
            )
        except (ClientError, BotoCoreError) as error:
            code = error.response["Error"]["Code"] if isinstance(error, ClientError) else ""
            if code in (_REFUSED, _GONE):
                found = self.read(closing.month)
                return found is not None and found.closing == closing
            if code == _CONFLICT:
                raise Transient(f"{self._bucket}/{name} is being written by somebody else") from error
            raise translate(error, f"PutObject of {self._bucket}/{name}") from error
        return True


def state_name(month: Period) -> str:
    """The name of the object with a month's state."""
    return f"{CLOSING}{month}.json"
