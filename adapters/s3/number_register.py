"""Numbers of invoices in the lake's bucket: a batch of a series is written once, under its place in that.

numbers/INV-2026-/000001.json     {"batch": 1, "first": 1, "places": ["acme", "globex"], ...}
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final
from urllib.parse import unquote

import msgspec

from adapters.s3.bucket import Bucket
from metering.bucket_layout import NUMBERS
from metering.calls.key_names import file_name
from metering.errors import Misconfigured
from metering.prices.terms.numbers import NumberBatch

_encode: Final = msgspec.json.Encoder(order="deterministic").encode
_decode: Final = msgspec.json.Decoder(NumberBatch).decode


class S3NumberRegister:
    """The port `NumberRegister` on one bucket. Errors of S3 become Transient or Misconfigured."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def series(self) -> list[str]:
        """The series that have numbers."""
        return [unquote(folder) for folder in self._bucket.folders(NUMBERS)]

    def batches(self, series: str) -> Iterator[NumberBatch]:
        """The batches of a series, the last first."""
        names = [one.name for one in self._bucket.objects(f"{NUMBERS}{file_name(series)}/")]
        return (self._read(name) for name in reversed(names))

    def give(self, batch: NumberBatch) -> NumberBatch:
        """Keep a batch, unless its place in the series is taken; the one that is kept there now.

        A write whose answer was lost is repeated by the SDK and refused because of itself: what is kept is
        the same then.
        """
        name = f"{NUMBERS}{file_name(batch.series)}/{batch.batch:06d}.json"
        return batch if self._bucket.put_if_absent(name, _encode(batch)) else self._read(name)

    def _read(self, name: str) -> NumberBatch:
        try:
            return _decode(self._bucket.content(name))
        except msgspec.DecodeError as error:
            place = self._bucket.address(name)
            raise Misconfigured(
                [f"{place} is not a batch of numbers ({error}): bring back its first version"]
            ) from error
