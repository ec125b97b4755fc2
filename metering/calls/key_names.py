"""What files and objects of a key are called.

A caller's token may hold any text as its key. A name is short, safe where it is used, and belongs to one text
alone: whatever has to be left out of it is replaced by a hash of the whole text.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from metering.key_id import shortened

MOST_BYTES_OF_NAME: Final = 200
"""File systems take names of 255 bytes, and an ending may follow."""


def file_name(key: str) -> str:
    """A key as one name, on S3 and on a disk alike."""
    name = quote(key, safe=" @+=,")
    if name.startswith("."):
        name = f"%2E{name[1:]}"
    return name if len(name) <= MOST_BYTES_OF_NAME else shortened(key, name)
