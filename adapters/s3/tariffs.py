"""Published tariffs in the lake's bucket: each is written once, under the next number.

    tariffs/000001.json     {"format": "usage-meter/tariff/1", "number": 1, "tariff": {...}}

JSON and not YAML, so that whatever reads one needs no reader of YAML. The one of the highest number is in
force.
"""

from __future__ import annotations

import json
from typing import Final, NamedTuple

from adapters.s3.bucket import Bucket
from metering.bucket_layout import TARIFFS
from metering.errors import Transient
from metering.prices.canonical import canonical_json

FORMAT: Final = "usage-meter/tariff/1"
_ATTEMPTS: Final = 5


class PublishedTariff(NamedTuple):
    """A tariff as it was published: what :func:`metering.prices.tariff_file.read_tariff` reads."""

    number: int
    value: object


class S3Tariffs:
    """Errors of S3 become Transient or Misconfigured."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket

    def latest(self) -> PublishedTariff | None:
        """The tariff in force; None if none was published."""
        names = [one.name for one in self._bucket.objects(TARIFFS)]
        if not names:
            return None
        found = json.loads(self._bucket.content(names[-1]))
        return PublishedTariff(found["number"], found["tariff"])

    def publish(self, value: object) -> tuple[PublishedTariff, bool]:
        """Put a tariff in force; the one that is, and whether it is new: the same again changes nothing.

        Raises:
            Transient: others publish at the same time.
        """
        for _ in range(_ATTEMPTS):
            latest = self.latest()
            if latest is not None and canonical_json(latest.value) == canonical_json(value):
                return latest, False
            number = latest.number + 1 if latest else 1
            content = canonical_json({"format": FORMAT, "number": number, "tariff": value})
            if self._bucket.put_if_absent(f"{TARIFFS}{number:06d}.json", content):
                return PublishedTariff(number, value), True
        raise Transient(f"{self._bucket.address(TARIFFS)} is written by somebody else at the same time")
