"""Names that follow from a key: what it is counted under, and what files and objects of it are called.

A caller's token may hold any text as its key. Every name here is short, safe where it is used, and belongs to
one text alone: whatever has to be left out of it is replaced by a hash of the whole text.
"""

from __future__ import annotations

import re
from hashlib import blake2b
from typing import Final
from urllib.parse import quote

from metering.key_id import is_key_id

MOST_BYTES_OF_NAME: Final = 200
"""File systems take names of 255 bytes, and an ending may follow."""

_DIGEST_BYTES: Final = 16
_KEPT_CHARACTERS: Final = 120
_UNFIT: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffd]|\A[!.]")


def counted_key(text: str) -> str:
    """The key that the calls of a text are counted under: the text itself nearly always."""
    return text if is_key_id(text) else _shortened(text, _UNFIT.sub("_", text))


def file_name(key: str) -> str:
    """A key as one name, on S3 and on a disk alike."""
    name = quote(key, safe=" @+=,")
    if name.startswith("."):
        name = f"%2E{name[1:]}"
    return name if len(name) <= MOST_BYTES_OF_NAME else _shortened(key, name)


def _shortened(text: str, fit: str) -> str:
    """The beginning of what is fit of a text, and the text's hash: for the eye, and for uniqueness."""
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_DIGEST_BYTES).hexdigest()
    return f"{fit[:_KEPT_CHARACTERS]}~{digest}"
