"""The state of each month, and its usage as billed, in the lake's bucket.

    closing/2026-10.json                        the state
    closing/2026-10/usage-<SHA-256>.jsonl       usage by key; the state names the one that was billed
    closing/2026-10/objects-<SHA-256>.jsonl     the lake's objects that held its rows then, likewise

States are written under conditions that S3 checks: none is there yet, or it is still the one that was read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from adapters.s3.bucket import Bucket
from metering.bucket_layout import CLOSINGS, state_name
from metering.errors import Misconfigured
from metering.period import Period
from metering.proof.month_state import Closing, Version

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_decode: Final = msgspec.json.Decoder(Closing).decode


class S3Closings:
    """The port `ClosingStore` on one bucket."""

    def __init__(self, s3: S3Client, bucket: str) -> None:
        self._bucket = Bucket(s3, bucket)

    def read(self, month: Period) -> Version | None:
        """The state of a month; None: it is open.

        Raises:
            Transient, Misconfigured: it cannot be read, or is none.
        """
        name = state_name(month)
        found = self._bucket.get(name)
        if found is None:
            return None
        try:
            return Version(_decode(found.content), found.tag, found.content)
        except msgspec.DecodeError as error:
            place = f"{self._bucket.name}/{name}"
            raise Misconfigured(
                [f"{place} is not the state of a month ({error}): restore its previous version"]
            ) from error

    def begin(self, closing: Closing) -> bool:
        """Write the first state of a month; whether there was none."""
        name, content = state_name(closing.month), msgspec.json.encode(closing)
        return self._bucket.put_if_absent(name, content) or self._is_kept(closing)

    def replace(self, closing: Closing, tag: str) -> bool:
        """Write the next state of a month; whether it still had the version of that tag."""
        name, content = state_name(closing.month), msgspec.json.encode(closing)
        return self._bucket.put_if_unchanged(name, content, tag) or self._is_kept(closing)

    def keep(self, month: Period, what: str, digest: str, content: bytes) -> str:
        """Keep a part of what is sealed under its digest; the name of the object."""
        name = f"{CLOSINGS}{month}/{what}-{digest}.jsonl"
        self._bucket.put(name, content)
        return name

    def content(self, name: str) -> bytes:
        """The content of such an object.

        Raises:
            Transient, Misconfigured: it cannot be read.
        """
        return self._bucket.content(name)

    def _is_kept(self, closing: Closing) -> bool:
        """Whether a state whose write was refused is kept all the same: a write whose answer was lost is
        repeated by the SDK and refused because of itself.
        """
        found = self.read(closing.month)
        return found is not None and found.closing == closing
