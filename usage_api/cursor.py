"""Where a list goes on: an opaque text that only the list itself gives out.

It holds the last key that was shown, with a checksum. That is no secret and no permission: it keeps callers
from making such texts by themselves, so that what is in them may change.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import Final

from usage_api.problems import BadRequest

_CHECK_BYTES: Final = 6
_VERSION: Final = b"1"
LONGEST_TOKEN: Final = 2048


def token_after(key: str) -> str:
    """The text by which a list goes on after a key."""
    content = _VERSION + key.encode()
    return base64.urlsafe_b64encode(_check(content) + content).decode().rstrip("=")


def key_before(token: str) -> str:
    """The key after which a list goes on.

    Raises:
        BadRequest: the text is none that a list gave out.
    """
    try:
        whole = base64.b64decode(token + "=" * (-len(token) % 4), b"-_", validate=True)
        content = whole[_CHECK_BYTES:]
        if whole[:_CHECK_BYTES] == _check(content) and content[:1] == _VERSION:
            return content[1:].decode()
    except (binascii.Error, ValueError):
        pass
    raise BadRequest("next is not a value that a list of keys returned: begin again without it.")


def _check(content: bytes) -> bytes:
    return hashlib.sha256(b"usage-meter keys" + content).digest()[:_CHECK_BYTES]
