"""What the lake keeps of a caller as a person: the address and the user agent.

The counters never hold either. A hashed value shows that two calls came from the same address, and no more;
but whoever holds the key can try addresses until one fits, so that it is a pseudonym and not anonymous.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from metering.calls.lake_row import LakeRow

_HASHED: Final = re.compile(r"hashed:([0-9a-f]{24})([0-9a-f]{8})")
_DIGEST_BYTES: Final = 12
_CHECK_BYTES: Final = 4


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
        """Change the rows. Those that were treated before stay as they are: a pseudonym ends in a check that
        only the key can make. A caller whose user agent is written like one is hashed as any other.

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
        found = _HASHED.fullmatch(value)
        if found is not None and hmac.compare_digest(found[2], self._hashed(found[1], kind, _CHECK_BYTES)):
            return value
        digest = self._hashed(value, kind, _DIGEST_BYTES)
        return f"hashed:{digest}{self._hashed(digest, kind, _CHECK_BYTES)}"

    def _hashed(self, text: str, kind: bytes, size: int) -> str:
        content = text.encode("utf-8", "replace")
        return hashlib.blake2b(content, digest_size=size, key=self.key, person=kind).hexdigest()


KEPT: Final = PersonalData()
