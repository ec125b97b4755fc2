"""What the lake keeps of a caller as a person: the address and the user agent.

The counters never hold either. A hashed value tells that two calls came from the same address, and no more;
but whoever holds the key can try addresses until one fits, so that it is a pseudonym and not anonymous.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from metering.calls.lake_row import LakeRow

_HASHED: Final = re.compile(r"hashed:[0-9a-f]{24}")
_DIGEST_BYTES: Final = 12


class Treatment(Enum):
    """What becomes of personal data."""

    KEEP = "keep"
    HASH = "hash"
    DROP = "drop"


@dataclass(frozen=True, slots=True)
class PersonalData:
    """The treatment that a deployment chose, and the key for hashing."""

    treatment: Treatment = Treatment.KEEP
    key: bytes = b""

    def __post_init__(self) -> None:
        """Raises ValueError: a hash without a key could be undone by trying all addresses."""
        if self.treatment is Treatment.HASH and not 16 <= len(self.key) <= hashlib.blake2b.MAX_KEY_SIZE:
            raise ValueError("to hash personal data there must be a key of 16 to 64 bytes")

    def treat(self, rows: Iterable[LakeRow]) -> None:
        """Change the rows. Those that were treated before stay as they are.

        A line that cannot be read may hold an address anywhere, so that unless all is kept its text is
        dropped, and of the reason the explanation; the line is still in the access log.
        """
        if self.treatment is Treatment.KEEP:
            return
        for row in rows:
            row.sourceip = self._treated(row.sourceip, b"address")
            row.useragent = self._treated(row.useragent, b"agent")
            row.raw = None
            row.reason = row.reason and row.reason.partition(":")[0]

    def _treated(self, value: str | None, kind: bytes) -> str | None:
        if value is None or self.treatment is Treatment.DROP:
            return None
        if _HASHED.fullmatch(value):
            return value
        digest = hashlib.blake2b(
            value.encode("utf-8", "replace"), digest_size=_DIGEST_BYTES, key=self.key, person=kind
        )
        return f"hashed:{digest.hexdigest()}"


KEPT: Final = PersonalData()
