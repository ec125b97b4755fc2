"""What a store holds under a name."""

from __future__ import annotations

from typing import NamedTuple


class Stored(NamedTuple):
    """A content as it was read."""

    content: bytes
    tag: str
    """Of this content: a write on the condition of it comes after no other's."""


class StoredObject(NamedTuple):
    """An object, as a store lists it."""

    name: str
    etag: str
    """It changes with the content. https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html"""
    size: int
    """Bytes."""
