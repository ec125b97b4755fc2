"""The notes of recoveries in the lake's bucket.

recovery/<id>.json      a recovery that is under way, or was interrupted
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

import msgspec

from adapters.s3.bucket import Bucket
from metering.bucket_layout import RECOVERIES
from metering.errors import Misconfigured
from metering.proof.recovery import Recovery

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_decode: Final = msgspec.json.Decoder(Recovery).decode


class S3Recoveries:
    """The port `RecoveryNotes` on one bucket. Errors of S3 become Transient or Misconfigured."""

    def __init__(self, s3: S3Client, bucket: str) -> None:
        self._bucket = Bucket(s3, bucket)

    def keep(self, recovery: Recovery) -> None:
        """Write a note, in place of any of its id."""
        self._bucket.put(_name(recovery.id), msgspec.json.encode(recovery, order="deterministic"))

    def all(self) -> Iterator[Recovery]:
        """Those that are not known to be finished.

        Raises:
            Misconfigured: an object is no note.
        """
        for one in self._bucket.objects(RECOVERIES):
            found = self._bucket.get(one.name)
            if found is not None:
                yield self._decoded(one.name, found.content)

    def forget(self, recovery_id: str) -> None:
        """Remove a note; one that is gone is no error."""
        self._bucket.delete(_name(recovery_id))

    def _decoded(self, name: str, content: bytes) -> Recovery:
        try:
            return _decode(content)
        except msgspec.DecodeError as error:
            place = self._bucket.address(name)
            raise Misconfigured(
                [f"{place} is not the note of a recovery ({error}): restore its previous version"]
            ) from error


def _name(recovery_id: str) -> str:
    return f"{RECOVERIES}{recovery_id}.json"
