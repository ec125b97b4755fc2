"""What is kept of a key that a caller shows."""

from __future__ import annotations

import hashlib


def digest_of(secret: str) -> str:
    """SHA-256 of a key, in hexadecimal digits.

    API Gateway makes keys of 40 random characters, so that nobody can search for the key of a digest.
    """
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()
